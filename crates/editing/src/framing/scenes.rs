//! From a layout to crops: size, camera path, keys. A run is broken into scenes where a jump cut moves the subject
//! further than the camera would.

use omniva_contracts::geometry::{Rect, Span};
use omniva_contracts::plan::{CropKey, Layout, Scene};

use super::camera::{self, Limits, STEP};
use super::geometry::{Cell, Frame, rounded, zoomed};
use super::layout::{Part, Pick, halves};
use super::persons::Person;
use super::{Run, Stage, single_cell};
use crate::timeline::tidy;

/// How exactly keys follow the path, fraction of the picture: about a pixel of the canvas.
const TOLERANCE: f64 = 0.0006;
/// A jump within the zone is left alone.
const JUMP: f64 = 1.2;
/// Looks this near a jump tell where the subject is, seconds.
const NEAR_JUMP: f64 = 1.0;
/// Shots under this motion are static enough for a slow zoom of at least `ZOOM_FROM` seconds.
const STATIC: f64 = 0.02;
const ZOOM_FROM: f64 = 3.0;

/// One crop of a scene.
pub(super) struct Lens {
    frame: Frame,
    /// The largest crop of the same shape.
    widest: Frame,
    /// Persons that it follows.
    who: Vec<usize>,
    keys: Vec<CropKey>,
}

/// A scene in the making.
pub(super) struct Work {
    run: usize,
    out: Span,
    why: String,
    lenses: Vec<Lens>,
    /// Widest face in the crop, fraction of the crop.
    widest: f64,
    bounds: Rect,
}

pub(super) fn prepare(run: &Run, index: usize, part: Part, stage: &Stage, picture: (f64, f64)) -> Vec<Work> {
    let person = |i: usize| run.persons.get(i);
    let lenses: Vec<(Frame, Vec<usize>)> = match &part.pick {
        Pick::Fit => Vec::new(),
        Pick::Middle => vec![(Frame::new(single_cell(stage), run.bounds, picture, 0.0), Vec::new())],
        Pick::Follow(who) => {
            let face = if let [one] = who.as_slice() { person(*one).map_or(0.0, |p| p.h) } else { 0.0 };
            vec![(Frame::new(single_cell(stage), run.bounds, picture, face), who.clone())]
        }
        Pick::Split(a, b) => {
            let (upper, lower) = Cell::halves(stage.width, stage.height);
            let (Some(pa), Some(pb)) = (person(*a), person(*b)) else { return Vec::new() };
            let (left, right) = halves(&run.bounds, pa, pb);
            vec![
                (half_frame(upper, left, run.bounds, picture, pa), vec![*a]),
                (half_frame(lower, right, run.bounds, picture, pb), vec![*b]),
            ]
        }
    };
    let mut borders = vec![part.out.start];
    borders.extend(jumps(run, &part, &lenses, stage));
    borders.push(part.out.end);
    let widest = lenses
        .iter()
        .filter(|(_, who)| who.len() == 1)
        .filter_map(|(f, who)| who.first().and_then(|i| person(*i)).map(|p| p.w / f.w))
        .fold(0.0, f64::max);
    borders
        .windows(2)
        .filter(|b| b[1] > b[0])
        .map(|b| Work {
            run: index,
            out: Span::new(b[0], b[1]),
            why: part.why.clone(),
            lenses: lenses.iter().map(|(frame, who)| lens(*frame, who, picture)).collect(),
            widest,
            bounds: run.bounds,
        })
        .collect()
}

fn lens(frame: Frame, who: &[usize], picture: (f64, f64)) -> Lens {
    let widest = Frame::new(frame.cell, frame.bounds, picture, 0.0);
    Lens { frame, widest, who: who.to_vec(), keys: Vec::new() }
}

/// A crop on one side of the picture; when that side is too narrow for the face, on the whole of it.
fn half_frame(cell: Cell, side: Rect, bounds: Rect, picture: (f64, f64), person: &Person) -> Frame {
    let frame = Frame::new(cell, side, picture, person.h);
    if frame.h >= person.h * 1.2 && frame.w >= person.w * 1.1 {
        frame
    } else {
        Frame::new(cell, bounds, picture, person.h)
    }
}

/// Output times of jump cuts at which a followed face jumps out of the dead zone.
fn jumps(run: &Run, part: &Part, lenses: &[(Frame, Vec<usize>)], stage: &Stage) -> Vec<f64> {
    let mut found = Vec::new();
    for pair in run.pieces.windows(2) {
        let at = pair[1].out.start;
        if at <= part.out.start || at >= part.out.end {
            continue;
        }
        let leaps = lenses.iter().any(|(frame, who)| {
            who.iter().filter_map(|i| run.persons.get(*i)).any(|p| {
                let near = |span: Span| {
                    let xs: Vec<f64> =
                        p.looks.iter().filter(|l| span.contains(l.out)).map(|l| l.rect.center().0).collect();
                    (!xs.is_empty()).then(|| camera::median(&xs))
                };
                let before = near(Span::new(at - NEAR_JUMP, at));
                let after = near(Span::new(at, at + NEAR_JUMP));
                before.zip(after).is_some_and(|(a, b)| (a - b).abs() > JUMP * stage.edit.dead_zone * frame.w)
            })
        });
        if leaps {
            found.push(at);
        }
    }
    found
}

impl Work {
    pub fn widest_face(&self) -> f64 {
        self.widest
    }

    /// Plans the camera with the dead zone scaled by `scale`.
    pub fn solve(&mut self, runs: &[Run], stage: &Stage, scale: f64) {
        let zone = stage.edit.dead_zone * scale;
        self.point(runs, |values, frame, size| {
            let limits = Limits { dead_zone: zone * size, speed: stage.edit.max_pan * frame.w };
            camera::path(values, limits).0
        });
    }

    /// No camera movement at all: the middle of where the subject is.
    pub fn freeze(&mut self, runs: &[Run]) {
        self.point(runs, |values, _, _| camera::still(values));
    }

    /// Points every crop along the paths that `path` finds for each axis (targets, frame, size on that axis).
    fn point(&mut self, runs: &[Run], path: impl Fn(&[Option<f64>], &Frame, f64) -> Vec<f64>) {
        let Some(run) = runs.get(self.run) else { return };
        for lens in &mut self.lenses {
            let targets = targets(lens, run, &self.out);
            let axis = |of: fn((f64, f64)) -> f64, size: f64| {
                let values: Vec<Option<f64>> = targets.iter().map(|t| t.map(of)).collect();
                path(&values, &lens.frame, size)
            };
            let (xs, ys) = (axis(|t| t.0, lens.frame.w), axis(|t| t.1, lens.frame.h));
            lens.keys = keys(&lens.frame, &self.out, &xs, &ys);
        }
    }

    /// Gives up closeness for room: the largest crops. True when that changes something.
    pub fn loosen(&mut self) -> bool {
        let tight = self.lenses.iter().any(|l| l.frame.w < l.widest.w - 1e-9);
        self.lenses.iter_mut().for_each(|l| l.frame = l.widest);
        tight
    }

    pub fn layout(&self) -> Layout {
        match self.lenses.as_slice() {
            [one] => Layout::Single { keys: one.keys.clone() },
            [first, second] => Layout::Split { first: first.keys.clone(), second: second.keys.clone() },
            _ => Layout::Fit { rect: rounded(self.bounds) },
        }
    }

    pub fn scene(&self, runs: &[Run], stage: &Stage) -> Scene {
        let mut layout = self.layout();
        let motion = runs.get(self.run).map_or(1.0, |r| r.motion);
        if let Layout::Single { keys } = &mut layout
            && motion < STATIC
            && self.out.length() >= ZOOM_FROM
        {
            zoom(keys, self.lenses.first().map(|l| l.frame), &self.out, stage);
        }
        Scene { out: self.out, layout, why: self.why.clone() }
    }
}

/// Where the centre of the crop should be at each step of the scene.
fn targets(lens: &Lens, run: &Run, out: &Span) -> Vec<Option<(f64, f64)>> {
    let sampled: Vec<Vec<Option<Rect>>> =
        lens.who.iter().filter_map(|i| run.persons.get(*i)).map(|p| p.sampled(out)).collect();
    let n = sampled.first().map_or(0, Vec::len);
    (0..n)
        .map(|i| {
            let faces: Vec<Rect> = sampled.iter().filter_map(|s| s.get(i).copied().flatten()).collect();
            around(&faces).map(|face| lens.frame.center_for(&face))
        })
        .collect()
}

/// The smallest rectangle around all faces.
fn around(faces: &[Rect]) -> Option<Rect> {
    let first = *faces.first()?;
    Some(faces.iter().skip(1).fold(first, |a, b| {
        let (x, y) = (a.x.min(b.x), a.y.min(b.y));
        Rect::new(x, y, (a.x + a.w).max(b.x + b.w) - x, (a.y + a.h).max(b.y + b.h) - y)
    }))
}

fn keys(frame: &Frame, out: &Span, xs: &[f64], ys: &[f64]) -> Vec<CropKey> {
    let points: Vec<(f64, f64)> = xs.iter().copied().zip(ys.iter().copied()).map(|p| frame.clamp(p)).collect();
    let points = if points.is_empty() { vec![frame.middle()] } else { points };
    let corners = camera::corners(&points, TOLERANCE);
    let mut keys: Vec<CropKey> = corners
        .into_iter()
        .filter_map(|i| {
            let at = tidy((out.start + i as f64 * STEP).min(out.end));
            points.get(i).map(|p| CropKey { out: at, rect: frame.rect(*p) })
        })
        .collect();
    // The last step may fall on the same moment as the end of the scene.
    keys.dedup_by(|b, a| b.out <= a.out);
    let still = keys.iter().all(|k| {
        keys.first().is_some_and(|f| (f.rect.x - k.rect.x).abs() < TOLERANCE && (f.rect.y - k.rect.y).abs() < TOLERANCE)
    });
    if still {
        keys.truncate(1);
    }
    keys
}

/// Lets a still crop grow slowly. It grows about its vertical axis, so that the camera's direction is never touched.
fn zoom(keys: &mut Vec<CropKey>, frame: Option<Frame>, out: &Span, stage: &Stage) {
    let (Some(frame), [only]) = (frame, keys.as_slice()) else { return };
    let scale = (1.0 + stage.edit.zoom_per_second * out.length()).min(stage.edit.zoom_max);
    if scale <= 1.001 {
        return;
    }
    let (x, _) = only.rect.center();
    let eyes = only.rect.y + frame.h * if frame.h > frame.w { 0.36 } else { 0.4 };
    let end = CropKey { out: out.end, rect: zoomed(&only.rect, (x, eyes), scale) };
    keys.push(end);
}
