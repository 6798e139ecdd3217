//! Who is in a run of one shot: face tracks joined to persons, ranked by how much of the picture and the time they fill.

use omniva_contracts::analysis::{FaceTrack, Seen};
use omniva_contracts::geometry::{Rect, Span};

use super::camera::{STEP, median};
use crate::timeline::Piece;

/// A face is part of the scene from this share of the time on.
const PRESENCE: f64 = 0.3;
/// Faces lower than this share of the tallest are bystanders.
const BYSTANDER: f64 = 0.5;
/// Longest gap over which a face is thought to move evenly, seconds.
const BRIDGE: f64 = 1.5;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Look {
    pub out: f64,
    pub rect: Rect,
    pub mouth: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Person {
    /// In order of output time.
    pub looks: Vec<Look>,
    /// Share of the run in which the face is seen.
    pub presence: f64,
    /// Median size of the face, fractions of the picture.
    pub w: f64,
    pub h: f64,
}

impl Person {
    fn new(looks: Vec<Look>, expected: f64) -> Self {
        let widths: Vec<f64> = looks.iter().map(|l| l.rect.w).collect();
        let heights: Vec<f64> = looks.iter().map(|l| l.rect.h).collect();
        Self {
            presence: (looks.len() as f64 / expected.max(1.0)).min(1.0),
            w: median(&widths),
            h: median(&heights),
            looks,
        }
    }

    pub fn middle(&self) -> (f64, f64) {
        let xs: Vec<f64> = self.looks.iter().map(|l| l.rect.center().0).collect();
        let ys: Vec<f64> = self.looks.iter().map(|l| l.rect.center().1).collect();
        (median(&xs), median(&ys))
    }

    /// The face at each [`STEP`] of `out`, interpolated over short gaps; when it is never seen there, its nearest look.
    pub fn sampled(&self, out: &Span) -> Vec<Option<Rect>> {
        let n = (out.length() / STEP).ceil() as usize + 1;
        let at = |t: f64| {
            let i = self.looks.partition_point(|l| l.out <= t);
            let (a, b) = (i.checked_sub(1).and_then(|i| self.looks.get(i)), self.looks.get(i));
            match (a, b) {
                (Some(a), Some(b)) if b.out - a.out <= BRIDGE => Some(between(a, b, t)),
                (Some(a), _) if t - a.out <= STEP => Some(a.rect),
                (_, Some(b)) if b.out - t <= STEP => Some(b.rect),
                _ => None,
            }
        };
        let mut seen: Vec<Option<Rect>> = (0..n).map(|i| at(out.start + i as f64 * STEP)).collect();
        if seen.iter().all(Option::is_none) {
            let near = self.looks.iter().min_by(|a, b| {
                (a.out - out.middle()).abs().total_cmp(&(b.out - out.middle()).abs()).then(a.out.total_cmp(&b.out))
            });
            seen.fill(near.map(|l| l.rect));
        }
        seen
    }

    /// How much the mouth moves within `out`, mean of its samples.
    pub fn mouth(&self, out: &Span) -> Option<f64> {
        let inside: Vec<f64> = self.looks.iter().filter(|l| out.contains(l.out)).map(|l| l.mouth).collect();
        (!inside.is_empty()).then(|| inside.iter().sum::<f64>() / inside.len() as f64)
    }
}

fn between(a: &Look, b: &Look, t: f64) -> Rect {
    let f = if b.out > a.out { (t - a.out) / (b.out - a.out) } else { 0.0 };
    let mix = |p: f64, q: f64| p + (q - p) * f;
    Rect::new(mix(a.rect.x, b.rect.x), mix(a.rect.y, b.rect.y), mix(a.rect.w, b.rect.w), mix(a.rect.h, b.rect.h))
}

/// Persons of a run, the most prominent first. Bystanders are left out.
pub(crate) fn persons(seen: &Seen, pieces: &[Piece], bounds: &Rect) -> Vec<Person> {
    let length: f64 = pieces.iter().map(|p| p.out.length()).sum();
    let expected = if seen.face_step > 0.0 { length / seen.face_step } else { length };
    let mut parts: Vec<Vec<Look>> = seen.faces.iter().map(|t| looks(t, pieces, bounds)).collect();
    parts.retain(|l| !l.is_empty());
    parts.sort_by(|a, b| a[0].out.total_cmp(&b[0].out).then(a[0].rect.x.total_cmp(&b[0].rect.x)));
    let mut joined: Vec<Vec<Look>> = Vec::new();
    for part in parts {
        match joined.iter_mut().find(|j| continues(j, &part)) {
            Some(j) => j.extend(part),
            None => joined.push(part),
        }
    }
    let mut found: Vec<Person> = joined.into_iter().map(|l| Person::new(l, expected)).collect();
    let weight = |p: &Person| p.presence * p.h;
    found.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then(a.middle().0.total_cmp(&b.middle().0)));
    let tallest = found.iter().filter(|p| p.presence >= PRESENCE).map(|p| p.h).fold(0.0, f64::max);
    found.retain(|p| p.presence >= PRESENCE && p.h >= tallest * BYSTANDER);
    found
}

/// What a track shows of the pieces. Its times are those of the source.
fn looks(track: &FaceTrack, pieces: &[Piece], bounds: &Rect) -> Vec<Look> {
    let mut out = Vec::new();
    let span = track.span();
    for piece in pieces.iter().filter(|p| p.source.end >= span.start && p.source.start <= span.end) {
        for s in track.samples.iter().filter(|s| piece.shows(s.time)) {
            let (x, y) = s.rect.center();
            let sane = [s.rect.x, s.rect.y, s.rect.w, s.rect.h].iter().all(|v| v.is_finite()) && s.rect.area() > 0.0;
            // A face in the bars is a logo or a mistake.
            let inside = x >= bounds.x && x <= bounds.x + bounds.w && y >= bounds.y && y <= bounds.y + bounds.h;
            if sane && inside {
                out.push(Look { out: piece.out_at(s.time), rect: s.rect, mouth: s.mouth });
            }
        }
    }
    out
}

/// A track that starts where another ended, at nearly the same place, is the same face found again.
fn continues(earlier: &[Look], later: &[Look]) -> bool {
    let (Some(a), Some(b)) = (earlier.last(), later.first()) else { return false };
    let (dx, dy) = (b.rect.center().0 - a.rect.center().0, b.rect.center().1 - a.rect.center().1);
    let ratio = b.rect.h / a.rect.h;
    b.out > a.out && dx.abs() < a.rect.w && dy.abs() < a.rect.h && (0.5..2.0).contains(&ratio)
}
