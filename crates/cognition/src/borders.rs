//! Where a clip may begin and end, and what it must never run across.
//!
//! A *wall* between two sentences is the border of a topic, of a scene, or of two monologues. Quick dialogue inside one
//! topic has none: its turns belong together. A *cut* is the exact moment in the silence beside a sentence.

use omniva_contracts::Span;
use omniva_contracts::analysis::{Analysis, PeakKind, Sentence, Word};

use crate::text::is_question;
use crate::tracks::{Peaks, between, shot_borders};

/// A turn (of several sentences) from this length on is a monologue: the next voice starts something else.
const MONOLOGUE: f64 = 15.0;
/// A pause from this length on, with a cut of the picture in it, parts two scenes.
const SCENE_PAUSE: f64 = 1.2;
/// With a new voice, this much is enough.
const SCENE_PAUSE_NEW_VOICE: f64 = 0.8;
/// A monologue that ends in such a pause before another voice is over, even without a picture to tell so.
const VOICE_PAUSE: f64 = 1.5;
/// Nobody holds a thought over so long a silence.
const LONG_SILENCE: f64 = 6.0;
/// Sound kept before the first word and after the last, seconds.
const LEAD: f64 = 0.20;
const TAIL: f64 = 0.35;
/// A cut of the picture this close to the speech is where the clip begins or ends.
const SHOT_REACH: f64 = 0.8;
/// Longest stretch of laughter that a clip keeps after its last word.
const LAUGHTER: f64 = 2.5;

/// The silence beside a sentence, and the moment chosen in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cut {
    pub at: f64,
    /// Silence on this side, seconds.
    pub room: f64,
}

/// Everything about borders, index-aligned with the sentences of the analysis.
#[derive(Clone, Debug, Default)]
pub(crate) struct Borders {
    /// `wall[k]`: nothing may run from sentence `k` into `k + 1`. The last sentence has a wall behind it.
    pub wall: Vec<bool>,
    /// `None` where the words leave no moment to cut.
    pub start: Vec<Option<Cut>>,
    pub end: Vec<Option<Cut>>,
    /// The sentence itself runs across a scene: no clip may hold it.
    pub broken: Vec<bool>,
    /// First sentence of a voice's turn / last one.
    pub turn_start: Vec<bool>,
    pub turn_end: Vec<bool>,
    pub shots: Vec<f64>,
}

pub(crate) fn find(analysis: &Analysis, peaks: &Peaks) -> Borders {
    let sentences = analysis.sentences();
    let shots = shot_borders(&analysis.seen);
    let turns = turn_lengths(sentences);
    let mut b = Borders::default();
    for (k, s) in sentences.iter().enumerate() {
        let next = sentences.get(k + 1);
        b.turn_start.push(k == 0 || sentences[k - 1].speaker != s.speaker);
        b.turn_end.push(next.is_none_or(|n| n.speaker != s.speaker));
        b.wall.push(next.is_none_or(|n| is_wall((s, turns[k]), (n, turns[k + 1]), &shots, peaks)));
        b.broken.push(is_broken(analysis, s, &shots));
        b.start.push(start_cut(analysis, s, &shots));
        b.end.push(end_cut(analysis, s, &shots, peaks));
    }
    b.shots = shots;
    b
}

/// For each sentence, how long its voice speaks on end.
fn turn_lengths(sentences: &[Sentence]) -> Vec<f64> {
    let mut lengths = vec![0.0; sentences.len()];
    let mut from = 0;
    for k in 0..sentences.len() {
        if k + 1 == sentences.len() || sentences[k + 1].speaker != sentences[k].speaker {
            let length = sentences[k].end - sentences[from].start;
            lengths[from..=k].fill(length);
            from = k + 1;
        }
    }
    lengths
}

fn is_wall((a, turn_a): (&Sentence, f64), (b, turn_b): (&Sentence, f64), shots: &[f64], peaks: &Peaks) -> bool {
    let pause = b.start - a.end;
    let new_voice = a.speaker != b.speaker;
    let new_picture = !between(shots, a.end - 0.15, b.start + 0.15).is_empty();
    // A question belongs to its answer, however long the two speak.
    let answered = is_question(&a.text) && pause < VOICE_PAUSE;
    let monologues = u32::from(turn_a >= MONOLOGUE) + u32::from(turn_b >= MONOLOGUE);
    a.topic != b.topic
        || (new_voice && monologues == 2 && !answered)
        || (new_voice && monologues >= 1 && pause >= VOICE_PAUSE)
        || (new_picture && pause >= if new_voice { SCENE_PAUSE_NEW_VOICE } else { SCENE_PAUSE })
        || (pause >= LONG_SILENCE && peaks.strength(&Span::new(a.end, b.start), PeakKind::Laughter) == 0.0)
}

/// A sentence that holds a scene border inside (the recogniser ran two scenes together).
fn is_broken(analysis: &Analysis, s: &Sentence, shots: &[f64]) -> bool {
    let words = words_of(analysis, s);
    !(s.start.is_finite() && s.end.is_finite() && s.end > s.start)
        || words.windows(2).any(|w| {
            let pause = w[1].start - w[0].end;
            pause >= LONG_SILENCE || (pause >= SCENE_PAUSE && !between(shots, w[0].end, w[1].start).is_empty())
        })
}

/// The words of a sentence; empty when its range does not fit the analysis.
pub(crate) fn words_of<'a>(analysis: &'a Analysis, s: &Sentence) -> &'a [Word] {
    analysis.words().get(s.first_word..s.end_word).unwrap_or(&[])
}

fn start_cut(analysis: &Analysis, s: &Sentence, shots: &[f64]) -> Option<Cut> {
    let words = analysis.words();
    let first = words.get(s.first_word).map_or(s.start, |w| w.start.min(s.start));
    let before = s.first_word.checked_sub(1).and_then(|k| words.get(k)).map_or(0.0, |w| w.end).max(0.0);
    let room = first - before;
    if !room.is_finite() || room < 0.0 {
        return None;
    }
    // The voice is heard a little before the recogniser's word begins: stay outside of what the detector calls speech.
    let heard = onset(analysis, first, before);
    let at = match between(shots, before, first).last() {
        Some(&shot) if first - shot <= SHOT_REACH => shot,
        Some(&shot) => (heard - LEAD).max(shot),
        None => (heard - LEAD).max(before + (heard - before) * 0.5),
    };
    Some(Cut { at: inside_ms(at, before, first), room })
}

fn end_cut(analysis: &Analysis, s: &Sentence, shots: &[f64], peaks: &Peaks) -> Option<Cut> {
    let words = analysis.words();
    let last = s.end_word.checked_sub(1).and_then(|k| words.get(k)).map_or(s.end, |w| w.end.max(s.end));
    let after = words.get(s.end_word).map_or(analysis.duration(), |w| w.start).min(analysis.duration());
    let room = after - last;
    if !room.is_finite() || room < 0.0 {
        return None;
    }
    let heard = offset(analysis, last, after);
    let mut at = (heard + TAIL).min(heard + (after - heard) * 0.6);
    let reach = Span::new(last - 0.3, last + 0.8);
    if let Some(laugh) = peaks.starting_in(&reach).iter().find(|p| p.kind == PeakKind::Laughter) {
        at = at.max((laugh.end + 0.1).min(last + LAUGHTER)).min(after - (after - last) * 0.1);
    }
    if let Some(&shot) = between(shots, last, after.min(at.max(last + SHOT_REACH))).first() {
        at = shot;
    }
    Some(Cut { at: inside_ms(at, last, after), room })
}

/// Start of the detected speech that runs into the word at `first`, no earlier than `before`.
fn onset(analysis: &Analysis, first: f64, before: f64) -> f64 {
    let speech = &analysis.heard.speech;
    let k = speech.partition_point(|s| s.start <= first);
    let span = k.checked_sub(1).and_then(|k| speech.get(k));
    span.map_or(first, |s| if s.start >= before && first - s.start <= 0.3 && s.end > first { s.start } else { first })
}

/// End of the detected speech that the word ending at `last` runs into, no later than `after`.
fn offset(analysis: &Analysis, last: f64, after: f64) -> f64 {
    let speech = &analysis.heard.speech;
    let k = speech.partition_point(|s| s.end < last);
    speech.get(k).map_or(last, |s| if s.end <= after && s.end - last <= 0.4 && s.start < last { s.end } else { last })
}

/// `at` in whole milliseconds where one lies inside `low..=high`, so that rounding never moves a cut into a word.
fn inside_ms(at: f64, low: f64, high: f64) -> f64 {
    let at = at.clamp(low, high.max(low));
    let rounded = (at * 1000.0).round() / 1000.0;
    [rounded, (at * 1000.0).ceil() / 1000.0, (at * 1000.0).floor() / 1000.0]
        .into_iter()
        .find(|t| *t >= low && *t <= high)
        .unwrap_or(at)
}

#[cfg(test)]
#[path = "borders_tests.rs"]
mod tests;
