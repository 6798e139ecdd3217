//! What the tests of this crate share: plans and jobs for synthetic sources.

use std::path::Path;

use omniva_contracts::geometry::{Rect, Span};
use omniva_contracts::jobs::{MediaRef, RenderJob};
use omniva_contracts::media::{AudioInfo, Container, MediaInfo, VideoInfo};
use omniva_contracts::plan::*;

/// A plan that keeps seconds 0..`length` of the source and shows them in one crop.
pub(crate) fn plan(length: f64, fps: u32) -> EditPlan {
    EditPlan {
        schema_version: "1".into(),
        clip_id: Default::default(),
        candidate: Default::default(),
        source_span: Span::new(0.0, length),
        canvas: Canvas { aspect: Aspect::Portrait, width: 1080, height: 1920, fps, fallback: None },
        keep: vec![Keep { source: Span::new(0.0, length), out: 0.0 }],
        cuts: vec![],
        scenes: vec![Scene {
            out: Span::new(0.0, length),
            layout: Layout::Single { keys: vec![CropKey { out: 0.0, rect: Rect::new(0.34, 0.0, 0.316_406_25, 1.0) }] },
            why: "test".into(),
        }],
        audio: AudioPlan {
            denoise: true,
            deess: true,
            compress_ratio: 2.0,
            target_lufs: -14.0,
            ceiling_dbtp: -1.0,
            cut_fade: 0.008,
        },
        captions: None,
        brand: BrandPlan { background: "#10131A".into(), accent: "#FFD23F".into(), ..Default::default() },
        encode: EncodePlan {
            encoder: EncoderChoice::X264,
            preset: "ultrafast".into(),
            crf: 20,
            audio_kbps: 192,
            max_bytes: 60_000_000,
        },
        notes: vec![],
    }
}

/// A job for an MP4 of the given size and rate.
pub(crate) fn job(source: &Path, out: &Path, plan: EditPlan, video: Option<(u32, u32, f64)>, sound: bool) -> RenderJob {
    RenderJob {
        media: MediaRef { path: source.to_path_buf(), container: Container::Mov },
        info: MediaInfo {
            sha256: String::new(),
            bytes: 0,
            container: Container::Mov,
            duration: plan.source_span.end,
            video: video.map(|(width, height, fps)| VideoInfo { codec: "h264".into(), width, height, fps }),
            audio: sound.then(|| AudioInfo { codec: "aac".into(), sample_rate: 48_000, channels: 2 }),
            repairs: vec![],
            normalised: false,
            inside_bars: None,
        },
        plan,
        ass: None,
        fonts: "/usr/share/fonts/truetype/lato".into(),
        out_dir: out.to_path_buf(),
        gain_db: 0.0,
        ceiling_offset_db: 0.0,
        threads: 2,
        thumbnail_times: vec![],
    }
}
