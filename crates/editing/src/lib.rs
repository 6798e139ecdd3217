//! From a chosen range to an [`EditPlan`]: what stays, what is shown of it, what is written on it. The renderer
//! (`omniva-media`) performs the plan.
//!
//! Invariants: every function here is pure. There is no I/O, no clock and no randomness, and nothing depends on the order
//! of a hash table: equal arguments give equal plans, byte for byte. Functions take analyses as they come and never panic
//! on their content.

mod brand;
mod captions;
mod commands;
mod cuts;
#[cfg(test)]
mod fixtures;
mod framing;
mod operations;
mod quality;
mod repair;
mod thumbnail;
mod timeline;

use omniva_contracts::SCHEMA_VERSION;
use omniva_contracts::analysis::Analysis;
use omniva_contracts::choice::Candidate;
use omniva_contracts::config::{BrandKit, CaptionConfig, Config, LayoutChoice};
use omniva_contracts::fault::{Code, Fault};
use omniva_contracts::plan::{Aspect, AudioPlan, Canvas, EditPlan, EncodePlan};
use uuid::Uuid;

pub use captions::{Fonts, ass, srt, vtt};
pub use commands::commands;
pub use operations::{edit_job, operations};
pub use quality::{framing, transcript};
pub use repair::{RepairKnobs, repair};
pub use thumbnail::thumbnail_times;

use framing::{Framed, Stage};

/// Fade on each side of a cut, seconds: long enough against clicks, too short to hear.
const CUT_FADE: f64 = 0.012;
/// From this frame rate of the source on, the clip has 60 frames per second.
const FAST_SOURCE: f64 = 45.0;

/// Plans the clip for `candidate` (reference, Clipfarm Pipeline §2.4). `fonts` holds the font of the caption style that
/// `config` names; without captions it may be empty.
///
/// # Errors
/// `clip_refused` when less than a second would be left, `font_missing`, `config_invalid` when the caption style does not
/// exist, `internal` when the candidate lies outside the source.
pub fn plan(
    analysis: &Analysis,
    candidate: &Candidate,
    config: &Config,
    clip_id: Uuid,
    fonts: &Fonts,
) -> Result<EditPlan, Fault> {
    let fps = if analysis.media.video.as_ref().is_some_and(|v| v.fps >= FAST_SOURCE) { 60 } else { 30 };
    let cut = cuts::plan(analysis, candidate, &config.edit, fps)?;
    let (aspect, fallback, framed) = reframe(analysis, &cut.keep, config, fps);
    let (width, height) = aspect.size();
    let mut notes = framed.notes;
    notes.extend(fallback.clone());
    if fallback.is_none() {
        notes.extend(framed.trouble.map(|t| format!("framing: {t}")));
    }
    let brand = brand::plan(&config.brand, &config.captions, (width, height));
    let captions = match caption_style(config)? {
        None => None,
        Some(style) => {
            let words = cuts::words_of(analysis, candidate);
            let script = captions::Script {
                analysis,
                words: &words,
                keep: &cut.keep,
                scenes: &framed.scenes,
                logo: brand.logo.as_ref(),
                config: &config.captions,
                width,
                height,
            };
            let (captions, more) = captions::plan(&script, style, fonts)?;
            notes.extend(more);
            Some(captions)
        }
    };
    Ok(EditPlan {
        schema_version: SCHEMA_VERSION.to_owned(),
        clip_id,
        candidate: candidate.id.clone(),
        source_span: cut.span,
        canvas: Canvas { aspect, width, height, fps, fallback },
        keep: cut.keep,
        cuts: cut.cuts,
        scenes: framed.scenes,
        audio: audio(config),
        captions,
        brand,
        encode: encode(config),
        notes,
    })
}

/// The same clip with another brand kit: cuts, camera, captions and sound stay as they were planned.
pub fn rebranded(plan: &EditPlan, kit: &BrandKit, captions: &CaptionConfig) -> EditPlan {
    EditPlan { brand: brand::plan(kit, captions, (plan.canvas.width, plan.canvas.height)), ..plan.clone() }
}

/// Frames the clip in the aspect that was asked for; where that cannot hold the subject, in a square one.
fn reframe(
    analysis: &Analysis,
    keep: &[omniva_contracts::plan::Keep],
    config: &Config,
    fps: u32,
) -> (Aspect, Option<String>, Framed) {
    let asked = config.clip.aspect;
    let attempt = |aspect: Aspect| {
        let (width, height) = aspect.size();
        let layout = config.clip.layout;
        framing::frame(&Stage { analysis, keep, edit: &config.edit, layout, width, height, fps })
    };
    let first = attempt(asked);
    let narrow = matches!(asked, Aspect::Portrait | Aspect::Feed) && config.clip.layout != LayoutChoice::Fit;
    let Some(trouble) = first.trouble.clone().filter(|_| narrow) else { return (asked, None, first) };
    let square = attempt(Aspect::Square);
    if square.trouble.is_none() || square.held > first.held + 0.01 {
        let why = format!("{} instead of {}: {trouble}", Aspect::Square.as_str(), asked.as_str());
        (Aspect::Square, Some(why), square)
    } else {
        (asked, None, first)
    }
}

/// The style that the configuration names, in the colours and the font of the brand; `None` for `none`.
fn caption_style(config: &Config) -> Result<Option<omniva_contracts::plan::CaptionStyle>, Fault> {
    let name = config.clip.captions.as_str();
    if name == "none" {
        return Ok(None);
    }
    let style = config.captions.style(name).ok_or_else(|| {
        let known: Vec<&str> = config.captions.styles.iter().map(|s| s.name.as_str()).collect();
        Fault::new(
            Code::ConfigInvalid,
            format!("there is no caption style {name:?}"),
            format!("use one of {}, or none", known.join(", ")),
        )
    })?;
    Ok(Some(brand::dressed(style, &config.brand)))
}

fn audio(config: &Config) -> AudioPlan {
    let edit = &config.edit;
    AudioPlan {
        denoise: edit.denoise,
        deess: edit.deess,
        compress_ratio: edit.compress_ratio,
        target_lufs: edit.target_lufs,
        ceiling_dbtp: edit.ceiling_dbtp,
        cut_fade: CUT_FADE,
    }
}

fn encode(config: &Config) -> EncodePlan {
    let encode = &config.encode;
    EncodePlan {
        encoder: encode.encoder,
        preset: encode.preset.clone(),
        crf: encode.crf,
        audio_kbps: encode.audio_kbps,
        max_bytes: u64::from(encode.max_megabytes) * 1_000_000,
    }
}
