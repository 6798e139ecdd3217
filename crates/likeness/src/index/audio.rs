//! The part of an index that is about sound.

use super::{Entry, Index, SLOT_BITS, Shared, Tally, within_budget};
use crate::print::{LANDMARK_SECONDS, Landmark, Print, survives};
use crate::thresholds::Thresholds;

/// An entry is the key, the slot and the time of a landmark.
pub(super) const KEY_BITS: u32 = 24;
const TIME_BITS: u32 = 20;
const _: () = assert!(KEY_BITS + SLOT_BITS + TIME_BITS == 64);

/// Landmarks of a query that candidates are looked for with, those of the lowest ranks: all of an hour of talk.
const ASKED: usize = 8192;
/// Hits of one print below which it is not looked at.
const LEAST: u16 = 4;
/// Units of 64 ms by which offsets of landmarks of one stretch may differ: half a hop each for both, and rounding.
const JITTER: i64 = 2;
/// Stretches with offsets of their own that are told apart: what was cut out of the middle.
const OFFSETS: usize = 12;
/// Landmarks of one stretch, at least.
const STRETCH: usize = 4;

/// A landmark of the query that another print has too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    /// Time there minus time here, in units of 64 ms.
    offset: i64,
    at: u32,
    key: u32,
}

pub(super) fn postings(print: &Print, slot: u32, out: &mut Vec<u64>) {
    out.extend(print.landmarks().iter().map(|l| l.key() << 40 | u64::from(slot) << TIME_BITS | u64::from(l.at)));
}

pub(super) fn slot(entry: u64) -> u32 {
    ((entry >> TIME_BITS) & ((1 << SLOT_BITS) - 1)) as u32
}

/// A slot with its hits.
type Found = (u32, Vec<Hit>);

/// The prints with most hits, and the landmarks that were asked for: what was left out for its number says nothing.
pub(super) fn candidates(index: &Index, print: &Print) -> (Vec<Found>, Vec<Landmark>) {
    let mut landmarks: Vec<&Landmark> = print.landmarks().iter().collect();
    if landmarks.len() > ASKED {
        // Thinned as prints are, so that a thinned print still holds what is asked.
        landmarks.select_nth_unstable_by_key(ASKED, |l| (l.rank(), l.at));
        landmarks.truncate(ASKED);
    }
    // In the order of the index, which is the order of its memory.
    landmarks.sort_unstable_by_key(|l| (l.key(), l.at));
    let keys: Vec<(u64, &Landmark)> = landmarks.iter().map(|l| (l.key(), *l)).collect();
    let mut lists = index.sound.of_all(&keys);
    let mut unread: Vec<u64> =
        within_budget(&mut lists, index.thresholds.budget).iter().map(|(_, l)| l.key()).collect();
    unread.sort_unstable();
    let asked = landmarks.iter().filter(|l| unread.binary_search(&l.key()).is_err()).map(|l| **l).collect();
    let mut tally = Tally::new(index.entries.len());
    for (entries, _) in &lists {
        entries.iter().for_each(|entry| tally.add(slot(*entry)));
    }
    let bar = tally.bar(LEAST);
    let mut hits: Vec<(u32, Hit)> = Vec::new();
    for (entries, landmark) in lists {
        for &entry in entries.iter().filter(|e| tally.of(slot(**e)) >= bar) {
            let there = (entry & ((1 << TIME_BITS) - 1)) as i64;
            let (at, key) = (landmark.at, (entry >> 40) as u32);
            hits.push((slot(entry), Hit { offset: there - i64::from(at), at, key }));
        }
    }
    hits.sort_unstable();
    let found = hits.chunk_by(|a, b| a.0 == b.0).map(|of| (of[0].0, of.iter().map(|h| h.1).collect())).collect();
    (found, asked)
}

/// What is common, and the offset (seconds) of the longest stretch.
pub(super) fn measure(asked: &[Landmark], other: &Entry, hits: &[Hit], t: &Thresholds) -> (Shared, Option<f64>) {
    let mut left = hits.to_vec();
    let mut spans: Vec<(u32, u32)> = Vec::new();
    let (mut agreeing, mut longest): (Vec<Hit>, (u32, Option<f64>)) = (Vec::new(), (0, None));
    for _ in 0..OFFSETS {
        let Some(range) = densest(&left) else { break };
        let mut same: Vec<Hit> = left.drain(range).collect();
        let offset = same[same.len() / 2].offset as f64 * LANDMARK_SECONDS;
        same.sort_by_key(|h| (h.at, h.key));
        let gap = (t.gap_seconds / LANDMARK_SECONDS) as u32;
        let found = stretches(&same, gap);
        let length: u32 = found.iter().map(|s| s[s.len() - 1].at - s[0].at).sum();
        if length > longest.0 {
            longest = (length, Some(offset));
        }
        spans.extend(found.iter().map(|s| (s[0].at, s[s.len() - 1].at)));
        agreeing.extend(found.into_iter().flatten());
    }
    let spans = union(spans);
    let (Some(first), Some(last)) = (spans.first(), spans.last()) else { return (Shared::default(), None) };
    let inside = |l: &&Landmark| {
        survives(l.rank(), other.thinned) && spans.iter().any(|(from, to)| (*from..=*to).contains(&l.at))
    };
    let possible = asked.iter().filter(inside).count();
    agreeing.sort_by_key(|h| (h.at, h.key));
    agreeing.dedup_by_key(|h| (h.at, h.key));
    let similarity = agreeing.len() as f64 / possible.max(1) as f64;
    agreeing.sort_by_key(|h| h.key);
    agreeing.dedup_by_key(|h| h.key);
    let units: u32 = spans.iter().map(|(from, to)| to - from).sum();
    let shared = Shared {
        seconds: f64::from(units) * LANDMARK_SECONDS,
        similarity: similarity.min(1.0),
        evidence: agreeing.len() as u32,
        from: f64::from(first.0) * LANDMARK_SECONDS,
        to: f64::from(last.1) * LANDMARK_SECONDS,
        enough: false,
    };
    (shared, longest.1)
}

/// The hits (sorted by offset) of the offset on which most agree; `None` when no offset has enough.
fn densest(hits: &[Hit]) -> Option<std::ops::Range<usize>> {
    let (mut start, mut best) = (0, 0..0);
    for end in 0..hits.len() {
        while hits[end].offset - hits[start].offset > JITTER {
            start += 1;
        }
        if end + 1 - start > best.len() {
            best = start..end + 1;
        }
    }
    (best.len() >= STRETCH).then_some(best)
}

/// Runs of hits without a long gap, each with enough different landmarks.
fn stretches(hits: &[Hit], gap: u32) -> Vec<Vec<Hit>> {
    let different = |s: &[Hit]| {
        let mut keys: Vec<u32> = s.iter().map(|h| h.key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.len()
    };
    hits.chunk_by(|a, b| b.at - a.at <= gap).filter(|s| different(s) >= STRETCH).map(<[Hit]>::to_vec).collect()
}

pub(super) fn union(mut spans: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    spans.sort_unstable();
    let mut out: Vec<(u32, u32)> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    out
}
