//! Crops as fractions of the picture: their shape, their size, where they may lie.

use omniva_contracts::geometry::Rect;

use crate::timeline::fraction;

/// Largest enlargement of source pixels that still looks sharp on a telephone.
const MAX_UPSCALE: f64 = 3.5;
/// Where the eyes stand in a face box, from its top (YuNet: forehead to chin).
const EYES: f64 = 0.4;
/// Hair above and chin below the face box, in box heights.
const HAIR: f64 = 0.35;
const CHIN: f64 = 0.12;

/// A part of the canvas that one crop fills.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cell {
    /// Fractions of the canvas.
    pub area: Rect,
    /// Pixels of the canvas.
    pub w: f64,
    pub h: f64,
}

impl Cell {
    pub fn whole(w: u32, h: u32) -> Self {
        Self { area: Rect::FULL, w: f64::from(w), h: f64::from(h) }
    }
    /// The two cells of a split: one above the other, or side by side on a wide canvas.
    pub fn halves(w: u32, h: u32) -> (Self, Self) {
        let (cw, ch) = (f64::from(w), f64::from(h));
        if w > h {
            let half = |x: f64| Self { area: Rect::new(x, 0.0, 0.5, 1.0), w: cw / 2.0, h: ch };
            (half(0.0), half(0.5))
        } else {
            let half = |y: f64| Self { area: Rect::new(0.0, y, 1.0, 0.5), w: cw, h: ch / 2.0 };
            (half(0.0), half(0.5))
        }
    }
    /// Share of a cell's height that a face should take: less in a tall cell, where the body is seen too.
    fn face_share(&self) -> f64 {
        if self.w / self.h < 0.75 { 0.2 } else { 0.32 }
    }
    /// Where the eyes should stand, from the top of the cell.
    fn eye_line(&self) -> f64 {
        if self.w / self.h < 0.75 { 0.36 } else { 0.4 }
    }
}

/// The shape and room of one crop: its size is fixed, its place moves inside `bounds`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    pub cell: Cell,
    pub bounds: Rect,
    /// Fractions of the picture.
    pub w: f64,
    pub h: f64,
}

impl Frame {
    /// A crop for a face of height `face` (fraction of the picture; 0 when nobody is there).
    pub fn new(cell: Cell, bounds: Rect, picture: (f64, f64), face: f64) -> Self {
        // Width over height in fractions of the picture.
        let shape = cell.w / cell.h * picture.1 / picture.0;
        let (mut w, mut h) = (bounds.h * shape, bounds.h);
        if w > bounds.w {
            (w, h) = (bounds.w, bounds.w / shape);
        }
        let wanted = cell.face_share();
        if face > 0.0 && face / h < wanted * 0.8 {
            let least = (cell.h / MAX_UPSCALE / picture.1).min(h);
            let tight = (face / wanted).clamp(least, h);
            (w, h) = (w * tight / h, tight);
        }
        Self { cell, bounds, w, h }
    }

    /// The centre that a crop should have for a face: eyes on their line, hair and chin inside where they fit.
    pub fn center_for(&self, face: &Rect) -> (f64, f64) {
        let eyes = face.y + EYES * face.h;
        let mut y = eyes + (0.5 - self.cell.eye_line()) * self.h;
        let (top, bottom) = (face.y - HAIR * face.h, face.y + (1.0 + CHIN) * face.h);
        if bottom - top < self.h {
            y = y.clamp(bottom - self.h / 2.0, top + self.h / 2.0);
        }
        self.clamp((face.x + face.w / 2.0, y))
    }

    /// Moves a centre so that the crop lies inside its bounds.
    pub fn clamp(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let axis = |v: f64, from: f64, room: f64, size: f64| {
            let (lo, hi) = (from + size / 2.0, from + room - size / 2.0);
            if hi <= lo { from + room / 2.0 } else { v.clamp(lo, hi) }
        };
        (axis(x, self.bounds.x, self.bounds.w, self.w), axis(y, self.bounds.y, self.bounds.h, self.h))
    }

    pub fn middle(&self) -> (f64, f64) {
        self.clamp(self.bounds.center())
    }

    pub fn rect(&self, center: (f64, f64)) -> Rect {
        let (x, y) = self.clamp(center);
        rounded(Rect::new(x - self.w / 2.0, y - self.h / 2.0, self.w, self.h))
    }
}

/// Rounds so that documents stay short, and never outside the picture.
pub(crate) fn rounded(r: Rect) -> Rect {
    let (x, y) = (fraction(r.x.max(0.0)), fraction(r.y.max(0.0)));
    Rect::new(x, y, fraction(r.w.min(1.0 - x)), fraction(r.h.min(1.0 - y)))
}

/// A rectangle shrunk about `anchor` (fractions of the picture) by `scale` ≥ 1; it stays inside the original.
pub(crate) fn zoomed(r: &Rect, anchor: (f64, f64), scale: f64) -> Rect {
    let (ax, ay) = (anchor.0.clamp(r.x, r.x + r.w), anchor.1.clamp(r.y, r.y + r.h));
    rounded(Rect::new(ax - (ax - r.x) / scale, ay - (ay - r.y) / scale, r.w / scale, r.h / scale))
}

/// The crop at `t` between its keys; before the first and after the last key it holds.
pub(crate) fn crop_at(keys: &[omniva_contracts::plan::CropKey], t: f64) -> Option<Rect> {
    let i = keys.partition_point(|k| k.out <= t);
    let before = i.checked_sub(1).and_then(|i| keys.get(i));
    match (before, keys.get(i)) {
        (Some(a), Some(b)) if b.out > a.out => {
            let f = (t - a.out) / (b.out - a.out);
            let mix = |p: f64, q: f64| p + (q - p) * f;
            Some(Rect::new(
                mix(a.rect.x, b.rect.x),
                mix(a.rect.y, b.rect.y),
                mix(a.rect.w, b.rect.w),
                mix(a.rect.h, b.rect.h),
            ))
        }
        (Some(k), _) | (None, Some(k)) => Some(k.rect),
        (None, None) => None,
    }
}
