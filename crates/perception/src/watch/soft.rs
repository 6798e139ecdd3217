//! Gradual transitions: fades through a flat picture, and dissolves.
//!
//! A dissolve is recognised by what it is: for a while the picture is a weighted sum of the one before and the one after,
//! which moving things or a moving camera never are (linear-mixture model, as in Hampapur et al. 1995).

use std::collections::VecDeque;

use super::luma::Structure;

/// Seconds between the pictures that are kept.
const STEP: f64 = 0.1;
const KEPT: usize = 26;
/// Half lengths of the dissolves looked for, in steps.
const HALVES: [usize; 4] = [2, 3, 6, 10];
/// Both ends of a dissolve have little in common, and its middle is nearly all explained by them.
const APART: f64 = 0.5;
const UNEXPLAINED: f64 = 0.15;
const SHARE: std::ops::RangeInclusive<f64> = 0.25..=0.75;
const SUM: std::ops::RangeInclusive<f64> = 0.9..=1.1;
/// A sum of two strangers has less contrast than either; things that move keep theirs.
const CONTRAST: f64 = 0.8;
/// Looks that must agree.
const AGREE: u32 = 2;
/// A dissolve is over when nothing looked like one for this long, at the latest after `LONGEST`.
const QUIET: f64 = 0.35;
const LONGEST: f64 = 1.5;
/// A flat stretch this long ends a shot whatever comes next.
const BLACKOUT: f64 = 2.0;
/// How far before and after a flat stretch the pictures are compared, steps.
const AROUND: usize = 5;
const RETURNS: f64 = 0.5;

/// A transition without a hard edge; `time` is its middle. No hard cut is expected within `from..to`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transition {
    pub time: f64,
    pub from: f64,
    pub to: f64,
}

struct Candidate {
    first: f64,
    last: f64,
    best: Transition,
    unexplained: f64,
    looks: u32,
}

impl Candidate {
    fn verdict(self) -> Option<Transition> {
        (self.looks >= AGREE).then_some(self.best)
    }
}

struct Flat {
    start: f64,
    end: f64,
    before: Option<Structure>,
    reported: bool,
}

/// Finds gradual transitions with at most three seconds of delay.
#[derive(Default)]
pub struct SoftCuts {
    kept: VecDeque<(f64, Structure)>,
    dissolve: Option<Candidate>,
    flat: Option<Flat>,
    ended: Option<Flat>,
}

impl SoftCuts {
    /// True when the frame at `time` is wanted: one every 0.1 s.
    pub fn wants(&self, time: f64) -> bool {
        self.kept.back().is_none_or(|(last, _)| time >= last + STEP - 1e-6)
    }

    /// Takes a frame that was wanted; returns transitions that are complete.
    pub fn push(&mut self, time: f64, structure: &Structure) -> Vec<Transition> {
        self.kept.push_back((time, structure.clone()));
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        let mut found: Vec<Transition> = self.fade(time, structure).into_iter().collect();
        self.look_for_dissolve(time);
        found.extend(self.dissolve_over(time));
        found
    }

    /// What was still open when the source ended.
    pub fn finish(mut self) -> Option<Transition> {
        self.dissolve.take().and_then(Candidate::verdict)
    }

    fn fade(&mut self, time: f64, structure: &Structure) -> Option<Transition> {
        if structure.is_flat() {
            // A source that begins flat has no shot before.
            let before = self.kept.len().checked_sub(1 + AROUND).and_then(|i| self.kept.get(i)).map(|(_, s)| s.clone());
            let flat = self.flat.get_or_insert(Flat { start: time, end: time, before, reported: false });
            flat.end = time;
            if !flat.reported && flat.before.is_some() && flat.end - flat.start >= BLACKOUT {
                flat.reported = true;
                let middle = flat.start + BLACKOUT / 2.0;
                return Some(Transition { time: middle, from: flat.start - STEP, to: flat.end });
            }
            return None;
        }
        if let Some(flat) = self.flat.take().filter(|f| !f.reported && f.before.is_some()) {
            self.ended = Some(flat);
        }
        let flat = self.ended.take_if(|f| time - f.end >= AROUND as f64 * STEP - 1e-6)?;
        let returns = flat.before.as_ref().is_some_and(|before| before.change(structure) < RETURNS);
        let middle = (flat.start + flat.end) / 2.0;
        (!returns).then_some(Transition { time: middle, from: flat.start - STEP, to: flat.end + STEP })
    }

    fn look_for_dissolve(&mut self, time: f64) {
        for half in HALVES {
            let at = |back: usize| self.kept.len().checked_sub(1 + back).and_then(|i| self.kept.get(i));
            let (Some((from, a)), Some((middle, m)), Some((to, b))) = (at(2 * half), at(half), at(0)) else { continue };
            // The ends of a fade are flat: nothing to mix.
            if a.is_flat() || b.is_flat() || a.change(b) < APART {
                continue;
            }
            let Some(mixture) = m.mixture(a, b) else { continue };
            let fits = SHARE.contains(&mixture.from)
                && SHARE.contains(&mixture.to)
                && SUM.contains(&(mixture.from + mixture.to))
                && mixture.residual < UNEXPLAINED
                && mixture.contrast < CONTRAST;
            if !fits {
                continue;
            }
            // The clearest middle is the one where both pictures weigh the same.
            let unexplained = mixture.residual + (mixture.from - mixture.to).abs() * 0.2;
            let best = Transition { time: *middle, from: *from, to: *to };
            match &mut self.dissolve {
                Some(known) => {
                    known.last = time;
                    known.looks += 1;
                    if unexplained < known.unexplained {
                        (known.best, known.unexplained) = (best, unexplained);
                    }
                }
                None => self.dissolve = Some(Candidate { first: time, last: time, best, unexplained, looks: 1 }),
            }
        }
    }

    fn dissolve_over(&mut self, time: f64) -> Option<Transition> {
        let over = |d: &mut Candidate| time - d.last >= QUIET || time - d.first >= LONGEST;
        self.dissolve.take_if(over).and_then(Candidate::verdict)
    }
}
