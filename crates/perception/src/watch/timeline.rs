//! From findings that arrive late to shots: everything waits until the cuts around it are settled.

use omniva_contracts::analysis::{FaceTrack, Shot};
use omniva_contracts::geometry::ms;

use super::bars::{Bars, Look, ShotBars};
use super::cuts::Cut;
use super::soft::Transition;
use super::track::{Sighting, Tracker};

/// Shorter shots are not told apart: of two cuts this close, the clearer one counts.
pub const SHORTEST_SHOT: f64 = 0.4;
/// Gradual transitions give way to every hard cut.
const SOFT_STRENGTH: f64 = 0.1;
/// A gradual transition this close to a hard cut is the same event.
const SAME_EVENT: f64 = 0.2;

/// Candidates for shot borders, until they are old enough to be decided.
#[derive(Default)]
pub struct Borders {
    candidates: Vec<Cut>,
    soft: Vec<Transition>,
    last: f64,
}

impl Borders {
    pub fn add(&mut self, cut: Cut) {
        self.candidates.push(cut);
    }

    pub fn add_soft(&mut self, transition: Transition) {
        self.soft.push(transition);
    }

    /// The next border up to `settled`. Everything that can happen up to `SHORTEST_SHOT` after `settled` must be known.
    pub fn next(&mut self, settled: f64) -> Option<f64> {
        let hard = &self.candidates;
        for soft in std::mem::take(&mut self.soft) {
            let same = |c: &Cut| c.time >= soft.from - SAME_EVENT && c.time <= soft.to + SAME_EVENT;
            if soft.time > settled {
                self.soft.push(soft);
            } else if !hard.iter().any(same) {
                self.candidates.push(Cut { time: soft.time, strength: SOFT_STRENGTH });
                return self.next(settled);
            }
        }
        self.candidates.sort_by(|a, b| a.time.total_cmp(&b.time));
        while let Some(first) = self.candidates.first().copied().filter(|c| c.time <= settled) {
            self.candidates.remove(0);
            let near = |c: &Cut| c.time - first.time < SHORTEST_SHOT;
            if first.time - self.last < SHORTEST_SHOT
                || self.candidates.iter().any(|c| near(c) && c.strength > first.strength)
            {
                continue;
            }
            self.last = first.time;
            return Some(first.time);
        }
        None
    }
}

/// What one sampled picture gave.
pub struct Sample {
    pub look: Look,
    pub faces: Faces,
}

/// Faces of a sampled picture.
pub enum Faces {
    /// The detector has not looked yet.
    Waiting,
    /// Nothing moved since the sample before: its faces are still there.
    AsBefore,
    Found(Vec<Sighting>),
}

/// One frame, waiting for its shot.
pub struct Note {
    pub time: f64,
    pub motion: f64,
    pub sample: Option<Sample>,
}

/// Builds shots one after the other.
pub struct Shots {
    start: f64,
    motion: f64,
    frames: u32,
    bars: ShotBars,
    tracker: Tracker,
    before: Vec<Sighting>,
    pub shots: Vec<Shot>,
    pub faces: Vec<FaceTrack>,
    pub verdicts: Vec<(f64, Bars)>,
}

impl Shots {
    /// `step`: seconds between face samples.
    pub fn new(step: f64) -> Shots {
        Shots {
            start: 0.0,
            motion: 0.0,
            frames: 0,
            bars: ShotBars::default(),
            tracker: Tracker::new(step),
            before: Vec::new(),
            shots: Vec::new(),
            faces: Vec::new(),
            verdicts: Vec::new(),
        }
    }

    /// The next frame of the current shot.
    pub fn add(&mut self, note: Note) {
        // The change from the last frame of the shot before is the cut, not motion.
        if note.time > self.start {
            self.motion += note.motion;
            self.frames += 1;
        }
        let Some(sample) = note.sample else { return };
        self.bars.add(&sample.look);
        if let Faces::Found(faces) = sample.faces {
            self.before = faces;
        }
        self.tracker.sample(note.time, &self.before);
    }

    /// Ends the current shot at `end`, where the next begins.
    pub fn close(&mut self, end: f64) {
        let motion = self.motion / f64::from(self.frames.max(1));
        self.shots.push(Shot { start: ms(self.start), end: ms(end), motion: (motion * 1e5).round() / 1e5 });
        self.verdicts.push((end - self.start, self.bars.finish()));
        for samples in self.tracker.end_shot() {
            self.faces.push(FaceTrack { id: self.faces.len() as u32, samples });
        }
        (self.start, self.motion, self.frames) = (end, 0.0, 0);
        self.bars = ShotBars::default();
    }
}
