//! Intervals in time and rectangles in the picture.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A half-open interval in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Span {
    pub start: f64,
    pub end: f64,
}

impl Span {
    pub fn new(start: f64, end: f64) -> Self {
        Self { start, end }
    }
    pub fn length(&self) -> f64 {
        (self.end - self.start).max(0.0)
    }
    pub fn middle(&self) -> f64 {
        (self.start + self.end) / 2.0
    }
    pub fn contains(&self, t: f64) -> bool {
        t >= self.start && t < self.end
    }
    /// Length of what both share; 0 when they do not touch.
    pub fn overlap(&self, other: &Span) -> f64 {
        (self.end.min(other.end) - self.start.max(other.start)).max(0.0)
    }
    /// Shared part of the two; `None` when they do not touch.
    pub fn intersect(&self, other: &Span) -> Option<Span> {
        let (start, end) = (self.start.max(other.start), self.end.min(other.end));
        (start < end).then_some(Span { start, end })
    }
}

/// A rectangle as fractions of the picture: `x`, `y` are the left upper corner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub w: f64,
    pub h: f64,
}

impl Rect {
    pub const FULL: Rect = Rect { x: 0.0, y: 0.0, w: 1.0, h: 1.0 };
    pub fn new(x: f64, y: f64, w: f64, h: f64) -> Self {
        Self { x, y, w, h }
    }
    pub fn center(&self) -> (f64, f64) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }
    pub fn area(&self) -> f64 {
        self.w.max(0.0) * self.h.max(0.0)
    }
    pub fn intersect(&self, o: &Rect) -> Option<Rect> {
        let (x, y) = (self.x.max(o.x), self.y.max(o.y));
        let (r, b) = ((self.x + self.w).min(o.x + o.w), (self.y + self.h).min(o.y + o.h));
        (r > x && b > y).then_some(Rect { x, y, w: r - x, h: b - y })
    }
    /// Intersection over union, the usual measure of how much two boxes agree.
    pub fn iou(&self, o: &Rect) -> f64 {
        let shared = self.intersect(o).map_or(0.0, |r| r.area());
        let union = self.area() + o.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }
}

/// Rounds to whole milliseconds: what documents carry, so that equal inputs give equal bytes.
pub fn ms(t: f64) -> f64 {
    (t * 1000.0).round() / 1000.0
}
