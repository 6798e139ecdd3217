//! The plan in words, and as the `EditJob` of the reference (Module Interfaces §3.4).

use omniva_contracts::geometry::Rect;
use omniva_contracts::plan::{CaptionMotion, CutReason, EditPlan, EncoderChoice, Layout, Scene};
use omniva_contracts::wire::EditJob;

use crate::commands::commands;

/// Wall time of a render, seconds: a base for opening files and measuring loudness, and a factor for each second of
/// output at 1080×1920 and 30 frames per second on two cores with x264 `veryfast`. Pixels and frames scale it.
const BASE_SECONDS: f64 = 2.0;
const SECONDS_PER_SECOND: f64 = 0.45;
const REFERENCE_PIXELS: f64 = 1080.0 * 1920.0 * 30.0;

/// The plan as ordered steps for people.
pub fn operations(plan: &EditPlan) -> Vec<String> {
    let mut steps = vec![format!(
        "take {:.2}–{:.2} s of the source ({:.2} s)",
        plan.source_span.start,
        plan.source_span.end,
        plan.source_span.length()
    )];
    for cut in &plan.cuts {
        let what = match cut.why {
            CutReason::Silence => "silence".to_owned(),
            CutReason::Filler => format!("filler “{}”", cut.text),
            CutReason::Repetition => format!("repetition “{}”", cut.text),
        };
        steps.push(format!("cut {:.2}–{:.2} s ({what})", cut.source.start, cut.source.end));
    }
    steps.extend(plan.scenes.iter().map(|s| scene(s, plan)));
    let a = &plan.audio;
    if a.denoise {
        steps.push("reduce broadband noise".to_owned());
    }
    if a.deess {
        steps.push("soften sibilants".to_owned());
    }
    if a.compress_ratio > 1.0 {
        steps.push(format!("compress {}:1", a.compress_ratio));
    }
    steps.push(format!("master to {} LUFS, true peak at most {} dBTP", a.target_lufs, a.ceiling_dbtp));
    if let Some(c) = &plan.captions {
        let motion = match c.style.motion {
            CaptionMotion::None => "",
            CaptionMotion::Pop => ", spoken words grow",
            CaptionMotion::Reveal => ", words appear as they are spoken",
            CaptionMotion::Rise => ", pages rise",
        };
        steps.push(format!("caption {} pages in style {} ({}){motion}", c.pages.len(), c.style.name, c.style.font));
    }
    if let Some(logo) = &plan.brand.logo {
        steps.push(format!("lay the logo over {}", rect(&logo.area)));
    }
    if plan.brand.intro.is_some() {
        steps.push("put the intro before".to_owned());
    }
    if plan.brand.outro.is_some() {
        steps.push("put the outro after".to_owned());
    }
    let e = &plan.encode;
    let encoder = match e.encoder {
        EncoderChoice::Auto => "H.264 High (NVENC when it opens, x264 otherwise)",
        EncoderChoice::X264 => "H.264 High (x264)",
        EncoderChoice::Nvenc => "H.264 High (NVENC)",
    };
    steps.push(format!(
        "encode {}×{} at {} fps, {encoder} {} crf {}, AAC {} kbit/s, at most {:.0} MB, faststart",
        plan.canvas.width,
        plan.canvas.height,
        plan.canvas.fps,
        e.preset,
        e.crf,
        e.audio_kbps,
        e.max_bytes as f64 / 1e6
    ));
    steps
}

fn scene(scene: &Scene, plan: &EditPlan) -> String {
    let what = match &scene.layout {
        Layout::Single { keys } => match keys.as_slice() {
            [] => "crop".to_owned(),
            [k] => format!("hold the crop {}", rect(&k.rect)),
            [a, .., b] if (a.rect.w - b.rect.w).abs() > 1e-6 => {
                format!("zoom slowly from {} to {}", rect(&a.rect), rect(&b.rect))
            }
            [a, .., b] => format!("follow from {} to {} ({} keys)", rect(&a.rect), rect(&b.rect), keys.len()),
        },
        Layout::Split { .. } if plan.canvas.width > plan.canvas.height => "two crops side by side".to_owned(),
        Layout::Split { .. } => "two crops, one above the other".to_owned(),
        Layout::Fit { rect: r } => format!("fit {} onto its blurred self", rect(r)),
        Layout::Waveform => "draw the waveform".to_owned(),
    };
    format!("show {:.2}–{:.2} s: {what} – {}", scene.out.start, scene.out.end, scene.why)
}

fn rect(r: &Rect) -> String {
    format!("[{:.3} {:.3} {:.3}×{:.3}]", r.x, r.y, r.w, r.h)
}

/// The plan as an edit job. `outputs` are the file names that will be there afterwards. The predicted time follows from
/// length, size and frame rate alone, for two cores: it is an order of magnitude, not a promise.
pub fn edit_job(plan: &EditPlan, source_name: &str, outputs: Vec<String>) -> EditJob {
    let pixels = f64::from(plan.canvas.width) * f64::from(plan.canvas.height) * f64::from(plan.canvas.fps);
    let preset = match plan.encode.preset.as_str() {
        "ultrafast" => 0.6,
        "superfast" => 0.7,
        "veryfast" => 1.0,
        "faster" => 1.4,
        "fast" => 1.8,
        "medium" => 2.2,
        "slow" => 3.5,
        _ => 7.0,
    };
    let seconds = BASE_SECONDS + plan.duration() * SECONDS_PER_SECOND * preset * pixels / REFERENCE_PIXELS;
    EditJob {
        clip_id: plan.clip_id,
        operations: operations(plan),
        ffmpeg_commands: commands(plan, source_name),
        gpu_required: plan.encode.encoder == EncoderChoice::Nvenc,
        estimated_duration: seconds.ceil().clamp(1.0, 1e6) as u32,
        expected_outputs: outputs,
    }
}
