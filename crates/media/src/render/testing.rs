//! What the tests of this crate share: plans for synthetic sources.

use omniva_contracts::geometry::{Rect, Span};
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
