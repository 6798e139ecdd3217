//! What can be measured on a plan before anything is rendered, and what is heard in the finished clip.

use omniva_contracts::analysis::{Analysis, PeakKind};
use omniva_contracts::geometry::Span;
use omniva_contracts::plan::EditPlan;
use omniva_contracts::record::Framing;

use crate::framing::{metrics, runs};
use crate::timeline::out_of;

/// A pause longer than this makes people swipe on.
const LONG_PAUSE: f64 = 0.6;

/// Measures the planned camera and the pauses that are left.
pub fn framing(plan: &EditPlan, analysis: &Analysis) -> Framing {
    let runs = runs(analysis, &plan.keep, plan.canvas.fps);
    let held = metrics::held(&plan.scenes, &runs);
    let layouts: Vec<_> = plan.scenes.iter().map(|s| s.layout.clone()).collect();
    let reversals: usize = metrics::reversals_by_scene(&layouts).iter().sum();
    let duration = plan.duration().max(1e-9);
    let round = |v: f64| (v * 1e4).round() / 1e4;
    Framing {
        face_in_crop: round(held.share()),
        face_samples: held.samples,
        reversals_per_second: round(reversals as f64 / duration),
        long_pause_share: round(long_pauses(plan, analysis) / duration),
    }
}

/// Seconds of the output in pauses of more than [`LONG_PAUSE`]: between words and at both ends. Recognised words often end
/// before the voice does, so a stretch of voice activity that reaches out of a word belongs to it; one that fills the whole
/// gap does not, since detectors bridge pauses. Laughter is no pause. Where no word was recognised voice activity alone
/// decides; a clip in which nobody speaks has no pauses.
fn long_pauses(plan: &EditPlan, analysis: &Analysis) -> f64 {
    let kept = |span: Span| -> Vec<Span> {
        let parts = plan.keep.iter().filter_map(|k| {
            let part = k.source.intersect(&span)?;
            Some(Span::new(k.out + part.start - k.source.start, k.out + part.end - k.source.start))
        });
        parts.collect()
    };
    let voice: Vec<Span> = analysis.heard.speech.iter().flat_map(|s| kept(*s)).collect();
    let mut sounds: Vec<Span> =
        analysis.words().iter().filter(|w| w.end >= w.start).flat_map(|w| kept(Span::new(w.start, w.end))).collect();
    if sounds.is_empty() {
        sounds.clone_from(&voice);
    }
    if sounds.is_empty() {
        return 0.0;
    }
    let laughs = analysis.heard.peaks.iter().filter(|p| p.kind == PeakKind::Laughter);
    sounds.extend(laughs.flat_map(|p| kept(Span::new(p.start, p.end))));
    sounds.sort_by(|a, b| a.start.total_cmp(&b.start));
    let end = plan.duration();
    let (mut total, mut until) = (0.0, 0.0_f64);
    for s in sounds.iter().copied().chain([Span::new(end, end)]) {
        let gap = Span::new(until, s.start);
        if gap.length() > LONG_PAUSE {
            let pause = between_voices(&gap, &voice).length();
            total += if pause > LONG_PAUSE { pause } else { 0.0 };
        }
        until = until.max(s.end);
    }
    total
}

/// `gap` without the voice that reaches into it from either side.
fn between_voices(gap: &Span, voice: &[Span]) -> Span {
    if voice.iter().any(|v| v.start <= gap.start && v.end >= gap.end) {
        return *gap;
    }
    let start = voice.iter().filter(|v| v.start <= gap.start).map(|v| v.end).fold(gap.start, f64::max);
    let end = voice.iter().filter(|v| v.end >= gap.end).map(|v| v.start).fold(gap.end, f64::min);
    Span::new(start, end.max(start))
}

/// The words that are heard in the finished clip, in order.
pub fn transcript(plan: &EditPlan, analysis: &Analysis) -> String {
    let heard = analysis.words().iter().filter(|w| {
        let middle = (w.start + w.end) / 2.0;
        plan.keep.iter().any(|k| k.source.contains(middle)) && out_of(&plan.keep, w.start).is_some()
    });
    let mut text = String::new();
    for word in heard.map(|w| w.text.trim()).filter(|t| !t.is_empty()) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}
