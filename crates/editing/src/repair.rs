//! One second try for a clip that failed quality control.

use omniva_contracts::plan::{CaptionPage, EditPlan};
use omniva_contracts::qc::QcReport;

/// What the renderer is told on a second try besides the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RepairKnobs {
    /// Added to the gain that reaches the target loudness, dB.
    pub gain_db: f64,
    /// Added to the ceiling of the limiter, dB (negative lowers it).
    pub ceiling_offset_db: f64,
}

/// Loudness that a second try can make up for.
const MOST_GAIN_DB: f64 = 12.0;
/// Six steps of crf halve the size of an x264 stream, roughly (x264 documentation).
const CRF_PER_HALF: f64 = 6.0;
const WORST_CRF: u32 = 34;
/// Captions shrink to this on a second try.
const SMALLER: f64 = 0.85;

/// The plan and settings for one second try, and what was changed, in words. `None` when a second try would fail alike: a
/// file that does not decode, a black or frozen picture, a subject that no crop holds.
pub fn repair(plan: &EditPlan, report: &QcReport) -> Option<(EditPlan, RepairKnobs, Vec<String>)> {
    let mut plan = plan.clone();
    let (mut knobs, mut what) = (RepairKnobs::default(), Vec::new());
    for check in report.failed() {
        let done = match check.name.as_str() {
            "loudness" => louder(&plan, report, &mut knobs),
            "true_peak" => lower_peak(&plan, report, &mut knobs),
            "size" => smaller(&mut plan, report),
            "captions" => shrink_captions(&mut plan),
            // The muxer's rounding or a dropped frame: rendering again from the first frame sets it right.
            "duration" | "av_offset" | "faststart" => Some(format!("rendered again: {}", check.measured)),
            _ => None,
        };
        what.push(done?);
    }
    what.dedup();
    (!what.is_empty()).then_some((plan, knobs, what))
}

fn louder(plan: &EditPlan, report: &QcReport, knobs: &mut RepairKnobs) -> Option<String> {
    let missing = plan.audio.target_lufs - report.integrated_lufs;
    if !missing.is_finite() || missing.abs() > MOST_GAIN_DB {
        return None;
    }
    knobs.gain_db = (missing * 100.0).round() / 100.0;
    Some(format!("gain {:+.2} dB for {:.1} LUFS", knobs.gain_db, plan.audio.target_lufs))
}

fn lower_peak(plan: &EditPlan, report: &QcReport, knobs: &mut RepairKnobs) -> Option<String> {
    let over = report.true_peak_dbtp - plan.audio.ceiling_dbtp;
    if !over.is_finite() || over > MOST_GAIN_DB {
        return None;
    }
    knobs.ceiling_offset_db = -((over.max(0.0) + 0.3) * 100.0).round() / 100.0;
    Some(format!("limiter lowered by {:.2} dB", -knobs.ceiling_offset_db))
}

fn smaller(plan: &mut EditPlan, report: &QcReport) -> Option<String> {
    let ratio = report.bytes as f64 / (plan.encode.max_bytes.max(1) as f64 * 0.95);
    let steps = (ratio.max(1.0).log2() * CRF_PER_HALF).ceil().max(1.0);
    let crf = plan.encode.crf + steps.min(51.0) as u32;
    if crf > WORST_CRF {
        return None;
    }
    plan.encode.crf = crf;
    Some(format!("crf {crf} for a smaller file"))
}

/// Draws every page smaller about its own middle.
fn shrink_captions(plan: &mut EditPlan) -> Option<String> {
    let captions = plan.captions.as_mut()?;
    captions.style.size *= SMALLER;
    captions.pages.iter_mut().for_each(shrink);
    Some(format!("captions at {:.0} % of their size", SMALLER * 100.0))
}

fn shrink(page: &mut CaptionPage) {
    let (cx, cy) = page.area.center();
    let scale = |r: &mut omniva_contracts::geometry::Rect| {
        r.x = cx + (r.x - cx) * SMALLER;
        r.y = cy + (r.y - cy) * SMALLER;
        r.w *= SMALLER;
        r.h *= SMALLER;
    };
    scale(&mut page.area);
    page.lines.iter_mut().flatten().filter_map(|w| w.area.as_mut()).for_each(scale);
}

#[cfg(test)]
mod tests;
