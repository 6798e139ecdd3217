//! Hard cuts: frames whose structure breaks with the one before, more than anything else does around them.
//!
//! The comparison with the neighbourhood is PySceneDetect's idea of an adaptive detector; the measure is the change of
//! structure ([`Structure::change`]), which ignores exposure steps, and a flash is told from a cut by looking whether the
//! old picture comes back.

use std::collections::VecDeque;

use super::luma::Structure;

/// Neighbourhood on each side, seconds, and its bounds in frames.
const WINDOW: f64 = 0.5;
const WINDOW_FRAMES: (usize, usize) = (4, 32);
/// A picture that comes back within this time was interrupted by a flash, not ended by a cut.
const FLASH: f64 = 0.36;
/// Most of the structure is new: a cut unless the whole neighbourhood is that restless.
const STRONG: f64 = 0.5;
const STRONG_RATIO: f64 = 3.0;
/// A good part is new: the same, but nothing nearby may come close.
const GOOD: f64 = 0.4;
const GOOD_RATIO: f64 = 2.0;
/// A jump inside the same scene: less is new, so it must stand out more.
const WEAK: f64 = 0.15;
const WEAK_RATIO: f64 = 6.0;
const WEAK_MARGIN: f64 = 0.03;
/// After a cut, the new picture keeps at least this share of the change.
const LASTS: f64 = 0.5;

/// A cut: the first frame of the new shot begins at `time`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    pub time: f64,
    pub strength: f64,
}

struct Seen {
    time: f64,
    structure: Structure,
    /// Change against the frame before; 0 for the first.
    change: f64,
}

/// Finds hard cuts with half a second of delay.
pub struct HardCuts {
    half: usize,
    flash: usize,
    frames: VecDeque<Seen>,
    /// Position in `frames` of the next frame to judge.
    next: usize,
}

impl HardCuts {
    /// `fps`: nominal rate of the frames that will be pushed.
    pub fn new(fps: f64) -> HardCuts {
        let fps = if fps.is_finite() && fps > 0.0 { fps } else { 25.0 };
        let frames = |seconds: f64| (fps * seconds).round() as usize;
        let half = frames(WINDOW).clamp(WINDOW_FRAMES.0, WINDOW_FRAMES.1);
        HardCuts { half, flash: frames(FLASH).clamp(1, half), frames: VecDeque::new(), next: 1 }
    }

    /// Takes the next frame; may return a cut at an earlier one.
    pub fn push(&mut self, time: f64, structure: Structure) -> Option<Cut> {
        let change = self.frames.back().map_or(0.0, |last| last.structure.change(&structure));
        self.frames.push_back(Seen { time, structure, change });
        if self.frames.len() <= self.next + self.half {
            return None;
        }
        let cut = self.judge(self.next);
        self.next += 1;
        while self.next > self.half + 1 {
            self.frames.pop_front();
            self.next -= 1;
        }
        cut
    }

    /// Judges the last half second, whose neighbourhood ends with the source.
    pub fn finish(mut self) -> Vec<Cut> {
        let mut cuts = Vec::new();
        while self.next < self.frames.len() {
            cuts.extend(self.judge(self.next));
            self.next += 1;
        }
        cuts
    }

    fn judge(&self, i: usize) -> Option<Cut> {
        let frame = self.frames.get(i)?;
        if frame.change < WEAK {
            return None;
        }
        let mut others: Vec<f64> = self
            .frames
            .iter()
            .enumerate()
            .skip(i.saturating_sub(self.half))
            .take_while(|(j, _)| *j <= i + self.half)
            .filter(|(j, _)| *j != i && *j > 0)
            .map(|(_, seen)| seen.change)
            .collect();
        others.sort_by(|a, b| b.total_cmp(a));
        // The largest but four fifths: two more cuts nearby do not hide this one. The second largest, for jumps: a source
        // that shows every fifth frame anew jumps all the time.
        let usual = others.get(others.len() / 5).copied().unwrap_or(0.0);
        let restless = others.get(1).copied().unwrap_or(0.0);
        let stands_out = frame.change >= STRONG_RATIO * usual;
        let strong =
            stands_out && (frame.change >= STRONG || (frame.change >= GOOD && frame.change >= GOOD_RATIO * restless));
        let weak = frame.change >= WEAK_RATIO * restless + WEAK_MARGIN;
        ((strong || weak) && self.lasts(i, frame.change))
            .then_some(Cut { time: frame.time, strength: frame.change.min(1.0) })
    }

    /// False when the picture before comes back soon after, or the picture after was there shortly before.
    fn lasts(&self, i: usize, change: f64) -> bool {
        let Some(before) = i.checked_sub(1).and_then(|b| self.frames.get(b)) else { return false };
        let Some(after) = self.frames.get(i) else { return false };
        let comes_back = self
            .frames
            .iter()
            .skip(i + 1)
            .take(self.flash)
            .any(|f| before.structure.change(&f.structure) < LASTS * change);
        let was_there = self
            .frames
            .iter()
            .take(i - 1)
            .rev()
            .take(self.flash)
            .any(|f| after.structure.change(&f.structure) < LASTS * change);
        !comes_back && !was_there
    }
}

#[cfg(test)]
#[path = "cuts_tests.rs"]
mod tests;
