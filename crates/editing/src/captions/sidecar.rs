//! Subtitle files beside the clip. They follow the habits of subtitles rather than those of burned-in captions: longer
//! cues of at most two lines of 42 characters, that end with a sentence where they can.

use std::fmt::Write;

use omniva_contracts::plan::{CaptionWord, EditPlan};

use super::text::{ends_sentence, for_srt, for_vtt, plain};

const LINE: usize = 42;
const LONGEST: f64 = 6.0;
/// A pause this long ends a cue.
const PAUSE: f64 = 0.8;

struct Cue {
    start: f64,
    end: f64,
    lines: Vec<String>,
}

/// SubRip, UTF-8.
pub fn srt(plan: &EditPlan) -> String {
    let mut out = String::new();
    for (i, cue) in cues(plan).iter().enumerate() {
        let lines: Vec<String> = cue.lines.iter().map(|l| for_srt(l)).collect();
        let (a, b) = (clock(cue.start, ','), clock(cue.end, ','));
        let _ = write!(out, "{}\n{a} --> {b}\n{}\n\n", i + 1, lines.join("\n"));
    }
    out
}

/// WebVTT, UTF-8.
pub fn vtt(plan: &EditPlan) -> String {
    let mut out = "WEBVTT\n\n".to_owned();
    for cue in cues(plan) {
        let lines: Vec<String> = cue.lines.iter().map(|l| for_vtt(l)).collect();
        let _ = write!(out, "{} --> {}\n{}\n\n", clock(cue.start, '.'), clock(cue.end, '.'), lines.join("\n"));
    }
    out
}

fn cues(plan: &EditPlan) -> Vec<Cue> {
    let Some(captions) = &plan.captions else { return Vec::new() };
    let words: Vec<&CaptionWord> = captions.pages.iter().flat_map(|p| p.lines.iter().flatten()).collect();
    let mut groups: Vec<Vec<&CaptionWord>> = Vec::new();
    for word in words {
        let fits = groups.last().is_some_and(|g| {
            let (first, last) = (g.first(), g.last());
            let chars: usize = g.iter().map(|w| w.text.chars().count() + 1).sum();
            let short = first.is_some_and(|f| word.out.end - f.out.start <= LONGEST);
            let close = last.is_some_and(|l| word.out.start - l.out.end < PAUSE);
            let open = last.is_some_and(|l| !ends_sentence(&l.text) || chars < LINE / 2);
            short && close && open && chars + word.text.chars().count() <= 2 * LINE - 6
        });
        match groups.last_mut() {
            Some(group) if fits => group.push(word),
            _ => groups.push(vec![word]),
        }
    }
    let starts: Vec<f64> = groups.iter().filter_map(|g| g.first()).map(|w| w.out.start).collect();
    groups
        .iter()
        .enumerate()
        .filter_map(|(i, g)| {
            let (first, last) = (g.first()?, g.last()?);
            let next = starts.get(i + 1).copied().unwrap_or_else(|| plan.duration());
            let end = (last.out.end + 0.4).max(first.out.start + 0.7).min(next.max(first.out.start + 0.02));
            Some(Cue { start: first.out.start, end, lines: two_lines(g) })
        })
        .collect()
}

fn two_lines(words: &[&CaptionWord]) -> Vec<String> {
    let texts: Vec<String> = words.iter().map(|w| plain(&w.text)).filter(|t| !t.is_empty()).collect();
    let whole = texts.join(" ");
    if whole.chars().count() <= LINE || texts.len() < 2 {
        return vec![whole];
    }
    let split = (1..texts.len()).min_by_key(|at| {
        let (a, b) = (texts[..*at].join(" ").chars().count(), texts[*at..].join(" ").chars().count());
        (a.abs_diff(b), *at)
    });
    let at = split.unwrap_or(1);
    vec![texts[..at].join(" "), texts[at..].join(" ")]
}

fn clock(t: f64, point: char) -> String {
    let ms = (t * 1000.0).round().max(0.0) as i64;
    format!("{:02}:{:02}:{:02}{point}{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}
