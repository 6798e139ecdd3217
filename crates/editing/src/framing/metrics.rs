//! How the planned camera treats the faces that were found, measured on the plan alone.

use omniva_contracts::geometry::{Rect, Span};
use omniva_contracts::plan::{Layout, Scene};

use super::Run;
use super::geometry::crop_at;
use super::persons::Person;

/// Movement of the crop's centre below this (fraction of the picture, between two keys) is standing still.
const STILL: f64 = 1e-4;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Held {
    pub inside: u32,
    pub samples: u32,
}

impl Held {
    pub fn share(&self) -> f64 {
        if self.samples == 0 { 1.0 } else { f64::from(self.inside) / f64::from(self.samples) }
    }
}

/// Face samples of the subjects inside a crop. The subject of a single crop is the person that it holds most often,
/// those of a split the two persons that its crops hold most often, each in its own crop; a fitted picture holds all.
pub(crate) fn held(scenes: &[Scene], runs: &[Run]) -> Held {
    let mut total = Held::default();
    for scene in scenes {
        for run in runs.iter().filter(|r| r.out.overlap(&scene.out) > 0.0) {
            for held in in_scene(scene, &run.persons) {
                total.inside += held.inside;
                total.samples += held.samples;
            }
        }
    }
    total
}

fn in_scene(scene: &Scene, persons: &[Person]) -> Vec<Held> {
    let best = |crop: &dyn Fn(f64) -> Option<Rect>, taken: Option<usize>| -> Option<(usize, Held)> {
        let all = persons.iter().enumerate().filter(|(i, _)| Some(*i) != taken);
        all.map(|(i, p)| (i, count(p, &scene.out, crop)))
            .filter(|(_, h)| h.samples > 0)
            .max_by(|a, b| a.1.inside.cmp(&b.1.inside).then(b.0.cmp(&a.0)))
    };
    match &scene.layout {
        Layout::Single { keys } => best(&|t| crop_at(keys, t), None).map(|b| b.1).into_iter().collect(),
        Layout::Split { first, second } => {
            let a = best(&|t| crop_at(first, t), None);
            let b = best(&|t| crop_at(second, t), a.map(|a| a.0));
            a.into_iter().chain(b).map(|x| x.1).collect()
        }
        Layout::Fit { rect } => persons.iter().map(|p| count(p, &scene.out, &|_| Some(*rect))).collect(),
        Layout::Waveform => Vec::new(),
    }
}

fn count(person: &Person, out: &Span, crop: &dyn Fn(f64) -> Option<Rect>) -> Held {
    let mut held = Held::default();
    for look in person.looks.iter().filter(|l| out.contains(l.out)) {
        held.samples += 1;
        let (x, y) = look.rect.center();
        let inside = crop(look.out).is_some_and(|c| x >= c.x && x <= c.x + c.w && y >= c.y && y <= c.y + c.h);
        held.inside += u32::from(inside);
    }
    held
}

/// Changes of horizontal direction, each counted where it happens; a camera that goes on in another scene after a hard
/// cut is the same camera. The second crop of a split is a camera of its own.
pub(crate) fn reversals_by_scene(layouts: &[Layout]) -> Vec<usize> {
    let mut last = [0.0_f64; 2];
    layouts
        .iter()
        .map(|layout| {
            let cameras: Vec<&Vec<omniva_contracts::plan::CropKey>> = match layout {
                Layout::Single { keys } => vec![keys],
                Layout::Split { first, second } => vec![first, second],
                Layout::Fit { .. } | Layout::Waveform => Vec::new(),
            };
            let mut count = 0;
            for (camera, last) in cameras.into_iter().zip(&mut last) {
                for pair in camera.windows(2) {
                    let moved = pair[1].rect.center().0 - pair[0].rect.center().0;
                    if moved.abs() < STILL {
                        continue;
                    }
                    count += usize::from(*last != 0.0 && moved.signum() != *last);
                    *last = moved.signum();
                }
            }
            count
        })
        .collect()
}
