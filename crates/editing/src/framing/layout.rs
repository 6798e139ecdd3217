//! Which layout a run gets: the one face, the one who speaks, both, or everything.

use omniva_contracts::config::LayoutChoice;
use omniva_contracts::geometry::{Rect, Span};

use super::camera::median;
use super::geometry::Frame;
use super::persons::Person;
use super::{Run, Stage, single_cell, speaker};

/// A picture whose shape differs from the canvas by no more than this needs no reframing.
const SAME_SHAPE: f64 = 0.08;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Pick {
    /// Indices of the persons that one crop follows; more than one when they fit together.
    Follow(Vec<usize>),
    Split(usize, usize),
    /// The middle of the picture.
    Middle,
    Fit,
}

pub(crate) struct Part {
    pub out: Span,
    pub pick: Pick,
    pub why: String,
}

pub(crate) fn parts(run: &Run, stage: &Stage, picture: (f64, f64), notes: &mut Vec<String>) -> Vec<Part> {
    let one = |pick: Pick, why: &str| vec![Part { out: run.out, pick, why: why.to_owned() }];
    let count = run.persons.len();
    match stage.layout {
        LayoutChoice::Fit => one(Pick::Fit, "asked for: the whole picture"),
        LayoutChoice::Single if count > 0 => one(Pick::Follow(vec![0]), "asked for: the most prominent face"),
        LayoutChoice::Single => one(Pick::Middle, "asked for; nobody is seen, so the middle is kept"),
        LayoutChoice::Split if count > 1 => {
            let (a, b) = sides(&run.persons, 0, 1);
            one(Pick::Split(a, b), "asked for: two faces")
        }
        LayoutChoice::Split => {
            notes.push("a split screen was asked for, but parts of the clip show fewer than two faces".to_owned());
            auto(run, stage, picture)
        }
        LayoutChoice::Auto => auto(run, stage, picture),
    }
}

fn auto(run: &Run, stage: &Stage, picture: (f64, f64)) -> Vec<Part> {
    let one = |pick: Pick, why: &str| vec![Part { out: run.out, pick, why: why.to_owned() }];
    let shape = run.bounds.w * picture.0 / (run.bounds.h * picture.1);
    let canvas = f64::from(stage.width) / f64::from(stage.height);
    match run.persons.len() {
        0 if (shape / canvas - 1.0).abs() <= SAME_SHAPE => one(Pick::Middle, "the picture has the canvas's shape"),
        0 => one(Pick::Fit, "nobody is seen, so everything is shown"),
        1 => one(Pick::Follow(vec![0]), "one face"),
        n => {
            let everyone: Vec<usize> = (0..n).collect();
            if fit_together(run, stage, picture) {
                return one(Pick::Follow(everyone), "all faces fit into one crop");
            }
            speaker::speaking(&run.persons, &run.out)
                .into_iter()
                .map(|(out, who)| match who {
                    Some(i) => Part { out, pick: Pick::Follow(vec![i]), why: "the one who speaks".to_owned() },
                    None => {
                        let (a, b) = sides(&run.persons, 0, 1);
                        Part { out, pick: Pick::Split(a, b), why: "two faces that no one crop holds".to_owned() }
                    }
                })
                .collect()
        }
    }
}

/// Left before right, or upper before lower where they stand one above the other.
fn sides(persons: &[Person], a: usize, b: usize) -> (usize, usize) {
    let ((ax, ay), (bx, by)) = (persons[a].middle(), persons[b].middle());
    let a_first = if (ax - bx).abs() * 2.0 >= (ay - by).abs() { ax <= bx } else { ay <= by };
    if a_first { (a, b) } else { (b, a) }
}

/// True when one crop holds every face with room beside it, wherever they move.
fn fit_together(run: &Run, stage: &Stage, picture: (f64, f64)) -> bool {
    let frame = Frame::new(single_cell(stage), run.bounds, picture, 0.0);
    let edge = |side: f64| {
        run.persons.iter().flat_map(move |p| {
            let x = move |r: &Rect| r.center().0 + side * 0.8 * r.w;
            p.looks.iter().map(move |l| x(&l.rect))
        })
    };
    let left = edge(-1.0).fold(f64::INFINITY, f64::min);
    let right = edge(1.0).fold(f64::NEG_INFINITY, f64::max);
    right - left <= frame.w
}

/// Where the picture is divided between two persons: never through a face, and along the middle where that is free,
/// since recordings of calls are made of two halves.
pub(crate) fn halves(bounds: &Rect, a: &Person, b: &Person) -> (Rect, Rect) {
    let edge = |p: &Person, f: &dyn Fn(&Rect) -> f64| median(&p.looks.iter().map(|l| f(&l.rect)).collect::<Vec<_>>());
    let ((ax, ay), (bx, by)) = (a.middle(), b.middle());
    if (ax - bx).abs() * 2.0 >= (ay - by).abs() {
        let at = border(edge(a, &|r| r.x + r.w), edge(b, &|r| r.x), bounds.x, bounds.w);
        let left = Rect::new(bounds.x, bounds.y, at - bounds.x, bounds.h);
        (left, Rect::new(at, bounds.y, bounds.x + bounds.w - at, bounds.h))
    } else {
        let at = border(edge(a, &|r| r.y + r.h), edge(b, &|r| r.y), bounds.y, bounds.h);
        let upper = Rect::new(bounds.x, bounds.y, bounds.w, at - bounds.y);
        (upper, Rect::new(bounds.x, at, bounds.w, bounds.y + bounds.h - at))
    }
}

fn border(near: f64, far: f64, from: f64, size: f64) -> f64 {
    let middle = from + size / 2.0;
    let at = if near < middle && middle < far { middle } else { (near + far) / 2.0 };
    at.clamp(from + size * 0.1, from + size * 0.9)
}
