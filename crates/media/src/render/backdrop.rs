//! The blurred, darkened copy of a picture that fills the canvas around it.
//!
//! Blur at full size would cost more than everything else together. A copy of a sixteenth of the canvas, softened there
//! and scaled up with the bicubic kernel, looks the same: what is lost is what a blur of that radius removes.

use ffmpeg_next::frame;
use omniva_contracts::geometry::Rect;

use super::paint::Cell;
use super::pool::{plane, plane_mut};
use super::resize::{Axis, PlaneMut, PlaneRef, Scratch, Siting, Stretch, resize};
use super::timeline::{cover, inside};

/// Filters of one plane with what they were made for: crop and size of the plane.
type Shrink = ([f64; 4], (usize, usize), Axis, Axis);

/// The copy is this much smaller than the canvas.
const SHRINK: usize = 16;
/// Rows of the source that are looked at: one in so many (the blur covers several times that).
const EVERY: usize = 4;
/// Share of the source's light and colour that the backdrop keeps.
const LIGHT: f64 = 0.5;
const COLOUR: f64 = 0.8;

#[derive(Default)]
pub(crate) struct Backdrop {
    shrink: Vec<Shrink>,
    grow: Vec<(Cell, Axis, Axis)>,
    small: [Vec<u8>; 3],
    spare: Vec<u8>,
    scratch: Scratch,
}

impl Backdrop {
    /// Fills everything of the canvas outside `inner` with a copy of `rect` that covers the canvas.
    pub fn draw(&mut self, source: &frame::Video, rect: Rect, picture: &mut frame::Video, canvas: Cell, inner: Cell) {
        let strips = around(canvas, inner);
        if strips.is_empty() {
            return;
        }
        let (w, h) = (f64::from(source.width()), f64::from(source.height()));
        let rect = inside(cover(rect, w, h, canvas.ratio()));
        for p in 0..3 {
            self.shrink(plane(source, p), p, rect, canvas);
            for strip in &strips {
                self.grow(picture, p, canvas, *strip);
            }
        }
    }

    /// A small, soft, dark copy of one plane in `small`.
    fn shrink(&mut self, source: PlaneRef, p: usize, rect: Rect, canvas: Cell) {
        let (w, h) = small_size(canvas);
        let rows = PlaneRef { stride: source.stride * EVERY, height: source.height.div_ceil(EVERY), ..source };
        let key = [rect.x, rect.y, rect.w, rect.h];
        let size = (rows.width, rows.height);
        let known = self.shrink.iter().position(|(k, s, _, _)| *k == key && *s == size);
        let index = known.unwrap_or_else(|| {
            if self.shrink.len() > 4 {
                self.shrink.clear();
            }
            let part = |start: f64, length: f64, size: usize| Stretch {
                start: start * size as f64,
                length: length * size as f64,
            };
            let across = Axis::new(part(rect.x, rect.w, size.0), w, w, size.0, Siting::LUMA);
            let down = Axis::new(part(rect.y, rect.h, size.1), h, h, size.1, Siting::LUMA);
            self.shrink.push((key, size, across, down));
            self.shrink.len() - 1
        });
        let small = &mut self.small[p];
        small.resize(w * h, 0);
        if let Some((_, _, across, down)) = self.shrink.get(index) {
            let target = PlaneMut { data: small, stride: w, width: w, height: h };
            resize(rows, target, across, down, &mut self.scratch);
        }
        for _ in 0..2 {
            soften(small, &mut self.spare, w, h);
        }
        let (zero, keep) = if p == 0 { (16.0, LIGHT) } else { (128.0, COLOUR) };
        for v in small.iter_mut() {
            *v = (zero + (f64::from(*v) - zero) * keep).round().clamp(0.0, 255.0) as u8;
        }
    }

    /// Scales the part of the small copy that lies under `strip` to full size.
    fn grow(&mut self, picture: &mut frame::Video, p: usize, canvas: Cell, strip: Cell) {
        let (w, h) = small_size(canvas);
        let c = strip.in_plane(p);
        let index = self.grow.iter().position(|(cell, across, _)| *cell == c && across.first.len() == c.w);
        let index = index.unwrap_or_else(|| {
            if self.grow.len() > 8 {
                self.grow.clear();
            }
            let whole = canvas.in_plane(p);
            let part = |at: usize, length: usize, all: usize, small: usize| {
                let scale = small as f64 / all as f64;
                Stretch { start: at as f64 * scale, length: length as f64 * scale }
            };
            let across = Axis::new(part(c.x, c.w, whole.w, w), c.w, c.w, w, Siting::LUMA);
            let down = Axis::new(part(c.y, c.h, whole.h, h), c.h, c.h, h, Siting::LUMA);
            self.grow.push((c, across, down));
            self.grow.len() - 1
        });
        let Some((_, across, down)) = self.grow.get(index) else { return };
        let all = plane_mut(picture, p);
        let start = c.y * all.stride + c.x;
        let target = PlaneMut { data: &mut all.data[start..], stride: all.stride, width: c.w, height: c.h };
        resize(
            PlaneRef { data: &self.small[p], stride: w, width: w, height: h },
            target,
            across,
            down,
            &mut self.scratch,
        );
    }
}

fn small_size(canvas: Cell) -> (usize, usize) {
    ((canvas.w / SHRINK).max(4), (canvas.h / SHRINK).max(4))
}

/// The strips of the canvas that `inner` leaves free.
fn around(canvas: Cell, inner: Cell) -> Vec<Cell> {
    let strips = [
        Cell { x: 0, y: 0, w: canvas.w, h: inner.y },
        Cell { x: 0, y: inner.y + inner.h, w: canvas.w, h: canvas.h - inner.y - inner.h },
        Cell { x: 0, y: inner.y, w: inner.x, h: inner.h },
        Cell { x: inner.x + inner.w, y: inner.y, w: canvas.w - inner.x - inner.w, h: inner.h },
    ];
    strips.into_iter().filter(|s| s.w > 0 && s.h > 0).collect()
}

/// Running mean of five, across and down.
fn soften(data: &mut [u8], spare: &mut Vec<u8>, w: usize, h: usize) {
    spare.resize(w * h, 0);
    mean_of_five(data, spare, h, w, (w, 1));
    mean_of_five(spare, data, w, h, (1, w));
}

/// `lines` lines of `count` samples; `step.0` from line to line, `step.1` from sample to sample.
fn mean_of_five(from: &[u8], to: &mut [u8], lines: usize, count: usize, step: (usize, usize)) {
    for line in 0..lines {
        let at = |i: isize| line * step.0 + i.clamp(0, count as isize - 1) as usize * step.1;
        let mut sum: u32 = (-2..=2).map(|i| u32::from(from[at(i)])).sum();
        for i in 0..count as isize {
            to[at(i)] = ((sum + 2) / 5) as u8;
            sum = sum + u32::from(from[at(i + 3)]) - u32::from(from[at(i - 2)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_and_picture_tile_the_canvas() {
        let canvas = Cell { x: 0, y: 0, w: 1080, h: 1920 };
        for inner in [Cell { x: 0, y: 656, w: 1080, h: 608 }, Cell { x: 100, y: 0, w: 880, h: 1920 }, canvas] {
            let area: usize = around(canvas, inner).iter().map(|c| c.w * c.h).sum();
            assert_eq!(area + inner.w * inner.h, canvas.w * canvas.h);
        }
    }

    #[test]
    fn softening_keeps_flat_areas_and_spreads_points() {
        let (w, h) = (12, 10);
        let mut flat = vec![77u8; w * h];
        let mut spare = Vec::new();
        soften(&mut flat, &mut spare, w, h);
        assert!(flat.iter().all(|v| *v == 77));
        let mut point = vec![0u8; w * h];
        point[5 * w + 6] = 250;
        soften(&mut point, &mut spare, w, h);
        assert_eq!(point[5 * w + 6], 10);
        assert_eq!(point.iter().filter(|v| **v > 0).count(), 25);
    }
}
