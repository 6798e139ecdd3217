//! What stays of the source (reference, Clipfarm Pipeline §2.4.1): pauses are shortened, fillers and false starts go,
//! and no edge ever lies inside a word.
//!
//! Every kept part is a whole number of canvas frames long. Part borders are sought on the frame grid of the source; only
//! where two words leave no grid point between them is the exact middle used.

mod fillers;
mod pauses;
mod quiet;

use omniva_contracts::analysis::{Analysis, Word};
use omniva_contracts::choice::Candidate;
use omniva_contracts::config::EditConfig;
use omniva_contracts::fault::{Code, Fault};
use omniva_contracts::geometry::Span;
use omniva_contracts::plan::{Cut, CutReason, Keep};

use crate::timeline::{shot_starts, tidy};
use quiet::Quiet;

/// Least distance of a cut from a word, seconds: word times are good to a few hundredths.
pub(crate) const WORD_MARGIN: f64 = 0.04;
/// Silence left before the first and after the last word.
const LEAD_IN: f64 = 0.15;
const LEAD_OUT: f64 = 0.35;
/// A cut that saves less than this is not worth a jump.
const SHORTEST_CUT: f64 = 0.1;
/// A rest of a shot shorter than this reads as a flash.
const FLASH: f64 = 0.25;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CutPlan {
    pub span: Span,
    pub keep: Vec<Keep>,
    pub cuts: Vec<Cut>,
}

/// A cut that is wanted, with the room it may move in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proposal {
    pub cut: Span,
    /// The cut may not start before, nor end after.
    pub room: Span,
    /// What must go in any case: the dropped words. Empty for a silence.
    pub core: Option<Span>,
    pub why: CutReason,
    pub text: String,
    /// Higher is kept when two cuts are too close.
    pub value: f64,
}

/// A range of the source with its words and what surrounds it.
struct Stretch {
    words: Vec<Word>,
    /// Where the part may begin and end at all: the neighbouring words, the file.
    room: Span,
    wanted: Span,
}

/// Plans the kept parts for `candidate`.
///
/// # Errors
/// `clip_refused` when the range holds less than a second.
pub(crate) fn plan(analysis: &Analysis, candidate: &Candidate, edit: &EditConfig, fps: u32) -> Result<CutPlan, Fault> {
    let fps = f64::from(fps);
    let borders = shot_starts(analysis);
    let stretch = stretch(analysis, candidate, &borders, 1.0 / fps)?;
    let mut proposals = Vec::new();
    if !stretch.words.is_empty() {
        let quiet = Quiet::new(analysis, &stretch.words);
        let language = analysis.heard.language.as_ref().map_or("en", |l| l.code.as_str());
        let dropped = fillers::dropped(&stretch.words, edit, language);
        proposals = pauses::proposals(&stretch.words, &dropped, edit, &quiet);
        avoid_flashes(&mut proposals, &borders, 1.0 / fps);
        space(&mut proposals, edit.min_cut_spacing);
    }
    let plan = materialise(&stretch, proposals, &borders, fps);
    if plan.keep.iter().map(|k| k.source.length()).sum::<f64>() < 1.0 {
        return Err(Fault::new(
            Code::ClipRefused,
            format!("candidate {} leaves less than a second after cutting", candidate.id),
            "choose a longer range with --min",
        ));
    }
    Ok(plan)
}

/// Words of a candidate in order of time, those with impossible times left out.
pub(crate) fn words_of(analysis: &Analysis, candidate: &Candidate) -> Vec<Word> {
    let sentences = analysis.sentences();
    let first = sentences.get(candidate.first_sentence);
    let last = candidate.end_sentence.checked_sub(1).and_then(|i| sentences.get(i));
    let sane = |w: &&Word| w.start.is_finite() && w.end.is_finite() && w.end >= w.start && w.start >= 0.0;
    let mut words: Vec<Word> = match (first, last) {
        (Some(f), Some(l)) if candidate.first_sentence < candidate.end_sentence => analysis
            .words()
            .get(f.first_word..l.end_word.min(analysis.words().len()))
            .unwrap_or_default()
            .iter()
            .filter(sane)
            .cloned()
            .collect(),
        _ => {
            let inside = |w: &&Word| candidate.span.contains((w.start + w.end) / 2.0);
            analysis.words().iter().filter(sane).filter(inside).cloned().collect()
        }
    };
    words.sort_by(|a, b| a.start.total_cmp(&b.start).then(a.end.total_cmp(&b.end)));
    words
}

fn stretch(analysis: &Analysis, candidate: &Candidate, borders: &[f64], frame: f64) -> Result<Stretch, Fault> {
    let whole = Span::new(0.0, analysis.duration());
    let asked = candidate
        .span
        .intersect(&whole)
        .filter(|s| s.length().is_finite())
        .ok_or_else(|| Fault::internal(format!("candidate {} lies outside the source", candidate.id)))?;
    let words = words_of(analysis, candidate);
    let (Some(first), Some(last)) = (words.first(), words.last()) else {
        return Ok(Stretch { words, room: whole, wanted: asked });
    };
    let speech = Span::new(first.start, words.iter().map(|w| w.end).fold(last.end, f64::max).min(whole.end));
    let before = analysis.words().iter().filter(|w| w.start < first.start && w.end.is_finite());
    let after = analysis.words().iter().filter(|w| w.start > last.start && w.end > speech.end);
    let prev_end = before.map(|w| w.end).fold(0.0, f64::max).min(speech.start);
    let next_start = after.map(|w| w.start).fold(whole.end, f64::min).max(speech.end);
    let mut room = Span::new(
        if prev_end > 0.0 { prev_end + WORD_MARGIN.min((speech.start - prev_end) / 2.0) } else { 0.0 },
        if next_start < whole.end { next_start - WORD_MARGIN.min((next_start - speech.end) / 2.0) } else { whole.end },
    );
    let mut wanted = Span::new(speech.start - LEAD_IN, speech.end + LEAD_OUT);
    // Laughter that the candidate holds before its first or after its last word belongs to it.
    for peak in &analysis.heard.peaks {
        if peak.start < asked.end && peak.end > speech.end && peak.start < speech.end + 1.0 {
            wanted.end = wanted.end.max(peak.end.min(asked.end));
        }
        if peak.end > asked.start && peak.start < speech.start && peak.end > speech.start - 1.0 {
            wanted.start = wanted.start.min(peak.start.max(asked.start));
        }
    }
    // Not one frame of the neighbouring shot in the silence at the ends; a frame more, because the ends move by less than
    // one onto whole frames.
    for border in borders.iter().copied().filter(|b| *b > 0.0) {
        if border > wanted.start - frame && border <= speech.start {
            room.start = room.start.max(border);
        }
        if border >= speech.end && border < wanted.end + frame {
            room.end = room.end.min(border);
        }
    }
    wanted = Span::new(wanted.start.max(room.start), wanted.end.min(room.end).max(speech.end));
    Ok(Stretch { words, room, wanted })
}

/// Moves cut edges onto a shot border that lies just outside, so that no rest of a shot flashes up. A border too close to a
/// word for that keeps enough of the other shot to be seen, if it is silent.
fn avoid_flashes(proposals: &mut [Proposal], borders: &[f64], frame: f64) {
    for p in proposals {
        let silent = p.core.is_none();
        for border in borders.iter().copied() {
            if border > p.cut.end && border < p.cut.end + FLASH {
                if border <= p.room.end {
                    p.cut.end = border;
                } else if silent {
                    p.cut.end = (border - FLASH).max(p.cut.start);
                }
            }
            if border < p.cut.start && border > p.cut.start - FLASH {
                // The part before ends on a whole frame, which may not lie before the room.
                if border >= p.room.start + frame {
                    p.cut.start = border;
                } else if silent {
                    p.cut.start = (border + FLASH).min(p.cut.end);
                }
            }
        }
    }
}

/// Keeps `spacing` between neighbouring cuts: first by giving back silence, then by dropping the less valuable cut.
fn space(proposals: &mut Vec<Proposal>, spacing: f64) {
    let mut i = 1;
    while i < proposals.len() {
        let missing = spacing - (proposals[i].cut.start - proposals[i - 1].cut.end);
        if missing <= 1e-9 {
            i += 1;
            continue;
        }
        let spare = |p: &Proposal| {
            if p.why == CutReason::Silence { (p.cut.length() - SHORTEST_CUT).max(0.0) } else { 0.0 }
        };
        let (a, b) = (spare(&proposals[i - 1]), spare(&proposals[i]));
        if a + b >= missing {
            let from_a = (missing * a / (a + b)).min(a);
            proposals[i - 1].cut.end -= from_a;
            proposals[i].cut.start += missing - from_a;
            i += 1;
        } else {
            let loser = if proposals[i].value >= proposals[i - 1].value { i - 1 } else { i };
            proposals.remove(loser);
            // The survivor may now be too close to the one before.
            i = i.saturating_sub(1).max(1);
        }
    }
}

/// Turns wanted cuts into kept parts of whole frames.
fn materialise(stretch: &Stretch, proposals: Vec<Proposal>, borders: &[f64], fps: f64) -> CutPlan {
    let first_word = stretch.words.first().map_or(f64::INFINITY, |w| w.start);
    let last_word = stretch.words.iter().map(|w| w.end).fold(f64::NEG_INFINITY, f64::max);
    let mut start = first_edge(stretch, first_word, fps);
    let mut span_start = start;
    // The current part may begin this early.
    let mut earliest = stretch.room.start;
    let (mut keep, mut cuts, mut frames) = (Vec::new(), Vec::new(), 0i64);
    let part = |start: f64, n: i64, frames: i64| Keep {
        source: Span::new(tidy(start), tidy(start + n as f64 / fps)),
        out: tidy(frames as f64 / fps),
    };
    for p in proposals {
        let n = frames_until(start, &p, fps);
        let end = start + n as f64 / fps;
        let mut next = ((p.cut.end * fps + 1e-6).floor() / fps).min(p.room.end);
        // Borders lie on the frames of the source, whose grid is another: a part after one begins exactly there.
        if let Some(border) = borders.iter().rev().find(|b| **b > next && **b <= p.cut.end + 1e-6) {
            next = *border;
        }
        if p.core.is_some_and(|c| next < c.end) {
            next = p.cut.end;
        }
        // Rounding to frames may eat a short cut, or run into a word that should go.
        if n < 1 || next - end < 2.0 / fps || p.core.is_some_and(|c| end > c.start) {
            continue;
        }
        keep.push(part(start, n, frames));
        cuts.push(Cut { source: Span::new(tidy(end), tidy(next)), why: p.why, text: p.text });
        frames += n;
        earliest = p.core.map_or(end + 2.0 / fps, |c| c.end.max(end + 2.0 / fps));
        start = next;
    }
    let mut n = ((stretch.wanted.end - start) * fps + 1e-6).floor() as i64;
    if start + (n as f64) / fps < last_word - 1e-6 {
        n += 1;
        // One frame too far would run into the next word or shot: move the start of the part back by less than a frame.
        let over = start + n as f64 / fps - stretch.room.end;
        if over > 0.0 && start - over >= earliest && !borders.iter().any(|b| *b > start - over && *b <= start + 1e-6) {
            start -= over;
            match cuts.last_mut() {
                Some(Cut { source, .. }) => source.end = tidy(start),
                None => span_start = start,
            }
        }
    }
    let n = n.max(1);
    keep.push(part(start, n, frames));
    CutPlan { span: Span::new(tidy(span_start), tidy(start + n as f64 / fps)), keep, cuts }
}

fn first_edge(stretch: &Stretch, first_word: f64, fps: f64) -> f64 {
    let below = ((stretch.wanted.start * fps + 1e-6).floor() / fps).max(0.0);
    if below >= stretch.room.start - 1e-9 {
        return below;
    }
    let above = (stretch.room.start * fps - 1e-6).ceil() / fps;
    if above <= first_word.min(stretch.wanted.end) { above } else { stretch.room.start.min(first_word) }
}

/// Frames from `start` that end nearest to the wanted cut, neither before its room nor inside a word that goes. The middle
/// of the last one lies before the cut: what is shown then is still the shot that ends there.
fn frames_until(start: f64, p: &Proposal, fps: f64) -> i64 {
    let wanted = (p.cut.start - start) * fps;
    let n = if p.core.is_some() { (wanted + 1e-6).floor() } else { (wanted - 0.02).round() } as i64;
    let least = ((p.room.start - start) * fps - 1e-6).ceil() as i64;
    n.max(least)
}

#[cfg(test)]
mod tests;
