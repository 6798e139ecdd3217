//! Where the subject changes: a lexical-cohesion segmentation over sentence embeddings.
//!
//! Each sentence border gets a score: how deep the likeness of the text before and behind it dips (Hearst, "TextTiling",
//! 1997, with embeddings for word counts), how low it is, how long the pause is and whether the voices change with it.
//! A dynamic program then picks the borders with the best total under a prior on the length of a topic (Utiyama &
//! Isahara 2001 give the form). Linear: a border looks back over a bounded stretch.

use omniva_contracts::analysis::Embedding;

/// What a sentence contributes.
pub struct Part<'a> {
    pub start: f64,
    pub end: f64,
    pub speaker: u32,
    /// Words in it: a "Yes." says little about the subject.
    pub words: usize,
    pub vector: &'a [f32],
}

/// Text compared on each side of a border, seconds.
const SIDE: f64 = 40.0;
/// Shortest topic; and the longest the program looks back over, seconds and sentences.
const SHORTEST: f64 = 15.0;
const LONGEST: f64 = 1200.0;
const MOST: usize = 400;
/// Length that a topic has by preference, seconds, and what departing from it costs.
const USUAL: f64 = 90.0;
const LENGTH_COST: f64 = 0.10;
/// A border has to earn this much.
const BORDER_COST: f64 = 1.15;
/// Likeness of two halves of one subject.
const ALIKE: f64 = 0.45;

/// Half-open sentence ranges of the topics: in order, without gaps, none empty.
pub fn segment(parts: &[Part<'_>]) -> Vec<(usize, usize)> {
    if parts.is_empty() {
        return Vec::new();
    }
    let likeness = likeness(parts);
    let gains: Vec<f64> = (0..parts.len()).map(|i| gain(parts, &likeness, i)).collect();
    borders(parts, &gains)
}

/// Likeness of the text before and behind each sentence's start, index 0 unused.
fn likeness(parts: &[Part<'_>]) -> Vec<f64> {
    (0..parts.len())
        .map(|i| {
            if i == 0 {
                return 1.0;
            }
            let (left, right) = sides(parts, i);
            Embedding::cosine(&sum(&parts[left]), &sum(&parts[right]))
        })
        .collect()
}

/// The sentences within [`SIDE`] before and behind the start of sentence `i`; at least one, at most [`MOST`] each.
fn sides(parts: &[Part<'_>], i: usize) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
    let (before, behind) = (parts[i - 1].end - SIDE, parts[i].start + SIDE);
    let mut left = i - 1;
    while left > 0 && i - left < MOST && parts[left - 1].start >= before {
        left -= 1;
    }
    let mut right = i + 1;
    while right < parts.len() && right - i < MOST && parts[right].end <= behind {
        right += 1;
    }
    (left..i, i..right)
}

fn sum(parts: &[Part<'_>]) -> Vec<f32> {
    let mut total = vec![0.0_f32; parts.iter().map(|p| p.vector.len()).max().unwrap_or(0)];
    for part in parts {
        let weight = (part.words.min(30) as f32).sqrt();
        total.iter_mut().zip(part.vector).for_each(|(t, v)| *t += v * weight);
    }
    total
}

/// What a border before sentence `i` is worth.
fn gain(parts: &[Part<'_>], likeness: &[f64], i: usize) -> f64 {
    if i == 0 {
        return 0.0;
    }
    let here = likeness[i];
    // The peaks on both sides, as far as they keep rising.
    let left = peak(likeness[1..i].iter().rev(), here);
    let right = peak(likeness[i + 1..].iter(), here);
    let depth = ((left - here) + (right - here)) / 2.0;
    let low = (ALIKE - here).clamp(-0.3, 0.45);
    let pause = (parts[i].start - parts[i - 1].end).clamp(0.0, 4.0);
    2.0 * depth + 1.8 * low + 0.22 * pause + 0.5 * handover(parts, i)
}

fn peak<'a>(values: impl Iterator<Item = &'a f64>, from: f64) -> f64 {
    let mut best = from;
    for value in values.take(MOST) {
        // Small dips on the way up are noise.
        if *value < best - 0.03 {
            break;
        }
        best = best.max(*value);
    }
    best
}

/// How much the voices before and behind the border differ, 0..1: 1 when somebody else takes over for good.
fn handover(parts: &[Part<'_>], i: usize) -> f64 {
    if parts[i - 1].speaker == parts[i].speaker {
        return 0.0;
    }
    let (left, right) = sides(parts, i);
    let share = |parts: &[Part<'_>], speaker: u32| {
        let of = |p: &Part<'_>| (p.end - p.start).max(0.0);
        let total: f64 = parts.iter().map(of).sum();
        let own: f64 = parts.iter().filter(|p| p.speaker == speaker).map(of).sum();
        if total > 0.0 { own / total } else { 0.0 }
    };
    let mut speakers: Vec<u32> = parts[left.clone()].iter().map(|p| p.speaker).collect();
    speakers.sort_unstable();
    speakers.dedup();
    1.0 - speakers.iter().map(|s| share(&parts[left.clone()], *s).min(share(&parts[right.clone()], *s))).sum::<f64>()
}

fn borders(parts: &[Part<'_>], gains: &[f64]) -> Vec<(usize, usize)> {
    let n = parts.len();
    let prior = |length: f64| LENGTH_COST * (length.max(1.0) / USUAL).ln().powi(2);
    // best[j]: the best total for the first j sentences, and where its last topic begins.
    let mut best = vec![(f64::NEG_INFINITY, 0_usize); n + 1];
    best[0] = (0.0, 0);
    for j in 1..=n {
        let end = parts[j - 1].end;
        for i in (j.saturating_sub(MOST)..j).rev() {
            let length = end - parts[i].start;
            let whole = i == 0;
            if best[i].0 == f64::NEG_INFINITY || (length < SHORTEST && !whole) {
                continue;
            }
            if length > LONGEST && best[j].0 > f64::NEG_INFINITY {
                break;
            }
            let border = if whole { 0.0 } else { gains[i] - BORDER_COST };
            // A beginning too short to be a topic is allowed only when it is all there is.
            let short = if whole && length < SHORTEST && j < n { f64::NEG_INFINITY } else { 0.0 };
            let total = best[i].0 + border - prior(length) + short;
            if total > best[j].0 {
                best[j] = (total, i);
            }
        }
    }
    let mut out = Vec::new();
    let mut end = n;
    while end > 0 {
        let start = best[end].1;
        out.push((start, end));
        end = start;
    }
    out.reverse();
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A vector near axis `subject`, with some noise of its own.
    fn vector(subject: usize, seed: usize) -> Vec<f32> {
        (0..16)
            .map(|i| {
                let noise = ((seed * 31 + i * 17) % 23) as f32 / 23.0 - 0.5;
                noise * 0.6 + if i == subject { 1.0 } else { 0.0 }
            })
            .collect()
    }

    fn parts<'a>(vectors: &'a [Vec<f32>], speakers: &[u32], seconds: f64) -> Vec<Part<'a>> {
        vectors
            .iter()
            .enumerate()
            .map(|(i, vector)| {
                let start = i as f64 * seconds;
                let speaker = speakers.get(i).copied().unwrap_or(0);
                Part { start, end: start + seconds - 0.3, speaker, words: 12, vector }
            })
            .collect()
    }

    #[test]
    fn subjects_part_where_they_change() {
        let vectors: Vec<Vec<f32>> = (0..36).map(|i| vector(i / 12, i)).collect();
        assert_eq!(segment(&parts(&vectors, &[], 5.0)), [(0, 12), (12, 24), (24, 36)]);
    }

    #[test]
    fn one_subject_stays_one_although_the_voices_alternate() {
        let vectors: Vec<Vec<f32>> = (0..40).map(|i| vector(3, i)).collect();
        let speakers: Vec<u32> = (0..40).map(|i| i % 2).collect();
        assert_eq!(segment(&parts(&vectors, &speakers, 4.0)), [(0, 40)]);
    }

    #[test]
    fn a_short_text_is_one_topic() {
        let vectors: Vec<Vec<f32>> = (0..3).map(|i| vector(i, i)).collect();
        assert_eq!(segment(&parts(&vectors, &[], 2.0)), [(0, 3)]);
        assert!(segment(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn topics_partition_the_sentences(
            list in proptest::collection::vec((0..6_usize, 0.2..60.0_f64, 0.0..30.0_f64, 0..4_u32, 0..40_usize), 1..120),
        ) {
            let vectors: Vec<Vec<f32>> = list.iter().enumerate().map(|(i, l)| vector(l.0, i)).collect();
            let mut at = 0.0;
            let parts: Vec<Part<'_>> = list.iter().zip(&vectors).map(|(l, vector)| {
                let start = at + l.2 * l.2 / 30.0;
                at = start + l.1;
                Part { start, end: at, speaker: l.3, words: l.4, vector }
            }).collect();
            let topics = segment(&parts);
            let mut next = 0;
            for (from, to) in &topics {
                prop_assert_eq!(*from, next);
                prop_assert!(to > from);
                let length = parts[to - 1].end - parts[*from].start;
                prop_assert!(topics.len() == 1 || length >= SHORTEST);
                next = *to;
            }
            prop_assert_eq!(next, parts.len());
        }
    }
}
