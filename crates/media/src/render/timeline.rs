//! Which source frame, which scene and which crop every output frame shows. Pure.

use omniva_contracts::geometry::Rect;
use omniva_contracts::plan::{CropKey, EditPlan, Scene};

/// Distance kept from the edges of a kept part, so that rounding of times to milliseconds never crosses a cut.
const INSIDE: f64 = 1e-3;

/// What one output frame shows. The sample is taken in the middle of the frame's time on screen, which keeps the error
/// against the source under half a frame whatever the two rates are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Seconds in the output.
    pub out: f64,
    /// Seconds in the source.
    pub source: f64,
    /// Index of the kept part.
    pub keep: usize,
}

/// Frames of the clip itself, without intro and outro.
pub fn frame_count(plan: &EditPlan) -> u64 {
    (plan.duration() * f64::from(plan.canvas.fps)).round().max(0.0) as u64
}

/// Sample of output frame `index`; `None` for a plan that keeps nothing.
pub fn sample(plan: &EditPlan, index: u64) -> Option<Sample> {
    let out = (index as f64 + 0.5) / f64::from(plan.canvas.fps.max(1));
    let keep = plan.keep.partition_point(|k| k.out <= out).saturating_sub(1);
    let part = plan.keep.get(keep)?;
    let last = (part.source.length() - INSIDE).max(0.0);
    let source = part.source.start + (out - part.out).clamp(0.0, last);
    Some(Sample { out, source, keep })
}

/// Scene of a sample. The middle of the source frame decides and not the middle of the output frame: when a scene
/// starts at a shot of the source, no frame of one shot may appear under the crop of the other.
///
/// `frame` is when the source frame starts and how long it shows, in source seconds.
pub fn scene_at<'a>(plan: &'a EditPlan, at: &Sample, frame: Option<(f64, f64)>) -> Option<&'a Scene> {
    let part = plan.keep.get(at.keep)?;
    let source = frame.map_or(at.source, |(start, length)| start + length / 2.0);
    let last = (part.source.length() - INSIDE).max(0.0);
    let out = part.out + (source - part.source.start).clamp(0.0f64.min(last), last).max(INSIDE.min(last));
    let index = plan.scenes.partition_point(|s| s.out.start <= out).saturating_sub(1);
    plan.scenes.get(index)
}

/// Crop at `out`: between two keys every edge moves linearly; before the first and after the last it rests.
pub fn rect_at(keys: &[CropKey], out: f64) -> Rect {
    let after = keys.partition_point(|k| k.out <= out);
    let (Some(a), Some(b)) = (keys.get(after.saturating_sub(1)), keys.get(after.min(keys.len().saturating_sub(1))))
    else {
        return Rect::FULL;
    };
    if after == 0 || b.out <= a.out {
        return a.rect;
    }
    let f = ((out - a.out) / (b.out - a.out)).clamp(0.0, 1.0);
    let mix = |from: f64, to: f64| from + (to - from) * f;
    let (left, top) = (mix(a.rect.x, b.rect.x), mix(a.rect.y, b.rect.y));
    let (right, bottom) =
        (mix(a.rect.x + a.rect.w, b.rect.x + b.rect.w), mix(a.rect.y + a.rect.h, b.rect.y + b.rect.h));
    inside(Rect::new(left, top, right - left, bottom - top))
}

/// Moves and, if it must, shrinks a rectangle into the picture; what is no number becomes the whole picture.
pub fn inside(r: Rect) -> Rect {
    if ![r.x, r.y, r.w, r.h].iter().all(|v| v.is_finite()) {
        return Rect::FULL;
    }
    let (w, h) = (r.w.clamp(0.01, 1.0), r.h.clamp(0.01, 1.0));
    Rect::new(r.x.clamp(0.0, 1.0 - w), r.y.clamp(0.0, 1.0 - h), w, h)
}

/// Largest part of `rect` (fractions of a `w` × `h` picture) around its middle that has the shape `ratio`.
pub fn cover(rect: Rect, w: f64, h: f64, ratio: f64) -> Rect {
    let shape = (rect.w * w) / (rect.h * h);
    let (x, y) = rect.center();
    let (rw, rh) = if shape > ratio { (rect.w * ratio / shape, rect.h) } else { (rect.w, rect.h * shape / ratio) };
    Rect::new(x - rw / 2.0, y - rh / 2.0, rw, rh)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::plan;
    use omniva_contracts::geometry::Span;
    use omniva_contracts::plan::{Keep, Layout};
    use proptest::prelude::*;

    #[test]
    fn a_crop_rests_outside_its_keys_and_moves_between_them() {
        let keys = [
            CropKey { out: 1.0, rect: Rect::new(0.0, 0.0, 0.5, 1.0) },
            CropKey { out: 3.0, rect: Rect::new(0.4, 0.0, 0.25, 0.5) },
        ];
        assert_eq!(rect_at(&keys, 0.0), keys[0].rect);
        assert_eq!(rect_at(&keys, 9.0), keys[1].rect);
        let middle = rect_at(&keys, 2.0);
        assert!((middle.x - 0.2).abs() < 1e-12 && (middle.w - 0.375).abs() < 1e-12 && (middle.h - 0.75).abs() < 1e-12);
        assert_eq!(rect_at(&[], 2.0), Rect::FULL);
    }

    #[test]
    fn a_frame_of_the_old_shot_keeps_the_old_crop() {
        let mut plan = plan(4.0, 30);
        let first = plan.scenes[0].clone();
        plan.scenes = vec![
            Scene { out: Span::new(0.0, 1.0), ..first.clone() },
            Scene { out: Span::new(1.0, 4.0), layout: Layout::Waveform, ..first },
        ];
        // The source frame that starts at 0.967 shows the old shot although the output's middle is past the border.
        let at = Sample { out: 1.001, source: 1.001, keep: 0 };
        assert!(matches!(scene_at(&plan, &at, Some((0.967, 1.0 / 30.0))).unwrap().layout, Layout::Single { .. }));
        assert_eq!(scene_at(&plan, &at, Some((1.0, 1.0 / 30.0))).unwrap().layout, Layout::Waveform);
    }

    proptest! {
        #[test]
        fn samples_stay_inside_what_is_kept(lengths in prop::collection::vec(0.05f64..3.0, 1..8), gap in 0.01f64..2.0) {
            let mut plan = plan(1.0, 30);
            let (mut source, mut out) = (5.0, 0.0);
            plan.keep = lengths.iter().map(|l| {
                let k = Keep { source: Span::new(source, source + l), out };
                source += l + gap;
                out += l;
                k
            }).collect();
            let mut last = 0.0;
            for i in 0..frame_count(&plan) {
                let s = sample(&plan, i).unwrap();
                let part = plan.keep[s.keep].source;
                prop_assert!(s.source >= part.start && s.source <= part.end);
                prop_assert!(s.source >= last);
                last = s.source;
                prop_assert!(scene_at(&plan, &s, None).is_some());
            }
        }

        #[test]
        fn rectangles_end_up_inside(x in -2.0f64..2.0, y in -2.0f64..2.0, w in 0.0f64..3.0, h in 0.0f64..3.0) {
            let r = inside(Rect::new(x, y, w, h));
            prop_assert!(r.x >= 0.0 && r.y >= 0.0 && r.x + r.w <= 1.0 + 1e-12 && r.y + r.h <= 1.0 + 1e-12);
        }
    }
}
