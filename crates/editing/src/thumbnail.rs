//! Moments worth a thumbnail: a large, sharp, bright face whose mouth rests; without faces, a sharp and bright picture.

use omniva_contracts::analysis::{Analysis, Curve};
use omniva_contracts::geometry::{Rect, Span};
use omniva_contracts::plan::{EditPlan, Layout};

use crate::framing::geometry::crop_at;
use crate::timeline::{out_of, tidy};

const HOW_MANY: usize = 6;
/// Two candidates closer than this look alike, seconds.
const APART: f64 = 1.5;
/// Not at the very ends, nor next to a cut, where frames may blend.
const CLEAR_OF_CUTS: f64 = 0.12;

/// Output times worth trying for the thumbnail, best first; at least one for every plan.
pub fn thumbnail_times(plan: &EditPlan, analysis: &Analysis) -> Vec<f64> {
    let sharpest = within_clip(&analysis.seen.sharpness, plan).fold(1e-9, f64::max);
    let mut found: Vec<(f64, f64)> = Vec::new();
    for keep in &plan.keep {
        let inner = Span::new(keep.source.start + CLEAR_OF_CUTS, keep.source.end - CLEAR_OF_CUTS);
        for track in &analysis.seen.faces {
            let span = track.span();
            if span.end < inner.start || span.start > inner.end {
                continue;
            }
            for s in track.samples.iter().filter(|s| inner.contains(s.time)) {
                if let Some(out) = out_of(&plan.keep, s.time) {
                    let size = size_on_canvas(plan, out, &s.rect);
                    let frontal = (s.score.clamp(0.0, 1.0) - 0.5).max(0.0) * 2.0;
                    let resting = 1.0 - (s.mouth * 4.0).clamp(0.0, 1.0);
                    let face = size.min(0.4) / 0.4 * 2.0 + frontal + resting * 0.5;
                    found.push((face + picture(analysis, s.time, sharpest), out));
                }
            }
        }
        let mut t = inner.start;
        while t < inner.end {
            if let Some(out) = out_of(&plan.keep, t) {
                found.push((picture(analysis, t, sharpest), out));
            }
            t += 0.5;
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)));
    let mut chosen: Vec<f64> = Vec::new();
    for (_, t) in found {
        if chosen.len() < HOW_MANY && chosen.iter().all(|c| (c - t).abs() >= APART) {
            chosen.push(tidy(t));
        }
    }
    if chosen.is_empty() {
        chosen.push(tidy(plan.duration() / 2.0));
    }
    chosen
}

/// Height of a face on the canvas, as a fraction; 0 outside every crop.
fn size_on_canvas(plan: &EditPlan, out: f64, face: &Rect) -> f64 {
    let Some(scene) = plan.scenes.iter().find(|s| s.out.contains(out)) else { return 0.0 };
    let through = |crop: Option<Rect>, share: f64| {
        let (x, y) = face.center();
        crop.filter(|c| c.h > 0.0 && x >= c.x && x <= c.x + c.w && y >= c.y && y <= c.y + c.h)
            .map_or(0.0, |c| face.h / c.h * share)
    };
    match &scene.layout {
        Layout::Single { keys } => through(crop_at(keys, out), 1.0),
        Layout::Split { first, second } => through(crop_at(first, out), 0.5).max(through(crop_at(second, out), 0.5)),
        Layout::Fit { rect } => through(Some(*rect), 0.33),
        Layout::Waveform => 0.0,
    }
}

/// Sharpness (relative to the sharpest moment) and brightness, 0..2. Blown-out and dark pictures lose.
fn picture(analysis: &Analysis, t: f64, sharpest: f64) -> f64 {
    let at = |c: &Curve| {
        let i = if c.step > 0.0 { (t / c.step).round().max(0.0) as usize } else { 0 };
        c.values.get(i).map(|v| f64::from(*v)).filter(|v| v.is_finite())
    };
    let sharp = at(&analysis.seen.sharpness).map_or(0.5, |s| (s / sharpest).clamp(0.0, 1.0));
    let bright = at(&analysis.seen.brightness).map_or(0.5, |b| 1.0 - ((b - 0.55).abs() / 0.55).min(1.0));
    sharp + bright
}

fn within_clip<'a>(curve: &'a Curve, plan: &'a EditPlan) -> impl Iterator<Item = f64> + 'a {
    plan.keep.iter().flat_map(|k| curve.within(&k.source)).map(|v| f64::from(*v)).filter(|v| v.is_finite())
}
