//! Which parts of a gap between two words are really quiet: laughter, applause and speech that the recogniser missed
//! stay in the clip.

use omniva_contracts::analysis::{Analysis, PeakKind, Word};
use omniva_contracts::geometry::Span;

/// Below the level of speech by this much, a sound without speech is background.
const BACKGROUND_DB: f32 = 12.0;
/// The same where the voice-activity detector hears speech: a word that the recogniser missed.
const FAINT_SPEECH_DB: f32 = 16.0;
/// The same in a gap too short for that, where what is heard is the end of a word or a breath.
const BREATH_DB: f32 = 6.0;
const SHORT_GAP: f64 = 1.2;
/// Level changes next to a word belong to the word.
const WORD_EDGE: f64 = 0.1;
/// A loud stretch shorter than this is a click or a breath.
const SHORTEST_SOUND: f64 = 0.15;

pub(super) struct Quiet<'a> {
    analysis: &'a Analysis,
    /// Median level inside words, dBFS; `None` without a loudness curve.
    speech_level: Option<f32>,
}

impl<'a> Quiet<'a> {
    pub fn new(analysis: &'a Analysis, words: &[Word]) -> Self {
        let mut levels: Vec<f32> = words
            .iter()
            .flat_map(|w| analysis.heard.loudness.within(&Span::new(w.start, w.end)))
            .copied()
            .filter(|l| l.is_finite())
            .collect();
        levels.sort_by(f32::total_cmp);
        Self { analysis, speech_level: levels.get(levels.len() / 2).copied() }
    }

    /// Quiet parts of `gap`, in order.
    pub fn parts(&self, gap: &Span) -> Vec<Span> {
        let mut sounds = self.loud(gap);
        for peak in &self.analysis.heard.peaks {
            let strong = match peak.kind {
                PeakKind::Laughter => peak.strength >= 0.2,
                PeakKind::Burst => peak.strength >= 0.5,
            };
            // A burst that starts with the next word is that word.
            let inside = Span::new(gap.start + WORD_EDGE, gap.end - WORD_EDGE);
            if strong && let Some(s) = inside.intersect(&Span::new(peak.start, peak.end)) {
                sounds.push(s);
            }
        }
        if self.speech_level.is_none() {
            sounds.extend(self.analysis.heard.speech.iter().filter_map(|s| {
                gap.intersect(s).filter(|s| s.start > gap.start + WORD_EDGE && s.end < gap.end - WORD_EDGE)
            }));
        }
        subtract(gap, sounds)
    }

    fn loud(&self, gap: &Span) -> Vec<Span> {
        let (Some(level), step) = (self.speech_level, self.analysis.heard.loudness.step) else { return Vec::new() };
        if step <= 0.0 {
            return Vec::new();
        }
        let inner = Span::new(gap.start + WORD_EDGE, gap.end - WORD_EDGE);
        let first = (inner.start / step).ceil().max(0.0) as usize;
        let mut runs: Vec<Span> = Vec::new();
        for (i, value) in self.analysis.heard.loudness.values.iter().enumerate().skip(first) {
            let bin = Span::new(i as f64 * step, (i + 1) as f64 * step);
            if bin.end > inner.end {
                break;
            }
            let speech = || self.analysis.heard.speech.iter().any(|s| s.overlap(&bin) > step / 2.0);
            let below = match () {
                () if gap.length() < SHORT_GAP => BREATH_DB,
                () if speech() => FAINT_SPEECH_DB,
                () => BACKGROUND_DB,
            };
            if *value < level - below {
                continue;
            }
            match runs.last_mut() {
                Some(run) if bin.start - run.end < step / 2.0 => run.end = bin.end,
                _ => runs.push(bin),
            }
        }
        // What is loud from the first whole step on is the rest of the word before.
        if let Some(first) = runs.first_mut().filter(|r| r.start - gap.start < WORD_EDGE + step) {
            first.start = gap.start;
        }
        runs.retain(|r| r.length() >= SHORTEST_SOUND);
        runs
    }
}

fn subtract(gap: &Span, mut sounds: Vec<Span>) -> Vec<Span> {
    sounds.sort_by(|a, b| a.start.total_cmp(&b.start));
    let (mut parts, mut from) = (Vec::new(), gap.start);
    for s in sounds {
        if s.start > from {
            parts.push(Span::new(from, s.start));
        }
        from = from.max(s.end);
    }
    if gap.end > from {
        parts.push(Span::new(from, gap.end));
    }
    parts
}
