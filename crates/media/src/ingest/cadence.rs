//! Is the frame rate constant, and which one is it?

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Rates that a source is normalised to, as fractions.
pub const STANDARD: [(i32, i32); 8] =
    [(24_000, 1001), (24, 1), (25, 1), (30_000, 1001), (30, 1), (50, 1), (60_000, 1001), (60, 1)];
/// Rates above this are halved or reduced to 60.
const HIGHEST: f64 = 60.5;
/// Frames that may be out of order between decoding and presentation.
const REORDER: usize = 32;
/// A longer step (microseconds) is a pause, which says nothing about the rate.
const PAUSE: i64 = 1_000_000;
/// A rate is constant when every frame is this near to its place on the grid, in frames.
const NEAR: f64 = 0.25;
/// A step this much longer or shorter than a frame, in frames, begins a new grid: the seam of two recordings, or a frame
/// that was lost. Timestamps in whole milliseconds stay below ([`ROUNDING`]).
const SEAM: f64 = 0.08;
/// Most that a step is off because timestamps are rounded to milliseconds, seconds.
const ROUNDING: f64 = 0.0012;
/// Frames per seam in a source that still counts as constant. Everything downstream goes by the time of a frame; a copy of
/// a whole recording for a handful of uneven steps would cost hours and picture quality, and gain nothing.
const FRAMES_PER_SEAM: u64 = 250;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    pub num: i32,
    pub den: i32,
}

impl Rate {
    pub fn fps(self) -> f64 {
        f64::from(self.num) / f64::from(self.den.max(1))
    }
}

struct Candidate {
    rate: Rate,
    /// Where the grid begins: a time, and the number of frames before it.
    grid: (i64, u64),
    seams: u64,
    worst: f64,
}

impl Candidate {
    /// Frame number `n` is shown at `pts`, `step` after the frame before.
    fn see(&mut self, pts: i64, n: u64, step: Option<i64>) {
        let frames = |us: i64| us as f64 * self.rate.fps() / 1e6;
        let seam = step.is_some_and(|s| (frames(s) - 1.0).abs() > SEAM.max(ROUNDING * self.rate.fps()));
        if seam || n == 0 {
            self.seams += u64::from(seam);
            self.grid = (pts, n);
        }
        let place = frames(pts - self.grid.0);
        self.worst = self.worst.max((place - (n - self.grid.1) as f64).abs());
    }
}

/// Watches presentation times, in microseconds and in order of decoding, with bounded memory.
pub struct Cadence {
    waiting: BinaryHeap<Reverse<i64>>,
    candidates: Vec<Candidate>,
    last: i64,
    /// Since the last split.
    frames: u64,
    seen: u64,
    /// Steps that are no pauses.
    steps: u64,
    stepped: i64,
    pauses: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The rate to use: the source's own when constant and not too high, else the nearest standard one.
    pub rate: Rate,
    pub constant: bool,
    pub too_high: bool,
    pub pauses: u64,
}

impl Cadence {
    /// `claimed`: rates that the container states.
    pub fn new(claimed: &[(i32, i32)]) -> Self {
        let sane = |&&(num, den): &&(i32, i32)| {
            num > 0 && den > 0 && (1.0..=1000.0).contains(&(f64::from(num) / f64::from(den)))
        };
        let candidates = STANDARD
            .iter()
            .chain(claimed.iter().filter(sane))
            .map(|&(num, den)| Candidate { rate: Rate { num, den }, grid: (0, 0), seams: 0, worst: 0.0 })
            .collect();
        Self { waiting: BinaryHeap::new(), candidates, last: 0, frames: 0, seen: 0, steps: 0, stepped: 0, pauses: 0 }
    }

    /// The clock was repaired here: what follows has a grid of its own, and the step to it says nothing.
    pub fn split(&mut self) {
        while !self.waiting.is_empty() {
            self.pop();
        }
        self.frames = 0;
    }

    pub fn push(&mut self, pts: i64) {
        self.waiting.push(Reverse(pts));
        if self.waiting.len() > REORDER {
            self.pop();
        }
    }

    fn pop(&mut self) {
        let Some(Reverse(pts)) = self.waiting.pop() else { return };
        let step = (self.frames > 0).then_some(pts - self.last);
        for candidate in &mut self.candidates {
            candidate.see(pts, self.frames, step);
        }
        if let Some(step) = step {
            if step > PAUSE {
                self.pauses += 1;
            } else {
                self.steps += 1;
                self.stepped += step.max(0);
            }
        }
        self.frames += 1;
        self.seen += 1;
        self.last = pts;
    }

    /// The verdict, once everything was pushed.
    pub fn finish(mut self) -> Verdict {
        while !self.waiting.is_empty() {
            self.pop();
        }
        let few = |c: &&Candidate| c.worst <= NEAR && c.seams <= self.seen / FRAMES_PER_SEAM;
        let by_fit = |a: &&Candidate, b: &&Candidate| a.seams.cmp(&b.seams).then(a.worst.total_cmp(&b.worst));
        let steady = self.candidates.iter().filter(few).min_by(by_fit);
        let average = if self.stepped > 0 { self.steps as f64 * 1e6 / self.stepped as f64 } else { 25.0 };
        let (fps, constant) = steady.map_or((average, false), |c| (c.rate.fps(), true));
        let too_high = fps > HIGHEST;
        let rate = match steady {
            Some(candidate) if !too_high => candidate.rate,
            _ => standard(fps),
        };
        Verdict { rate, constant, too_high, pauses: self.pauses }
    }
}

/// The standard rate to give a source of `fps`. High ones are halved when that gives a standard rate, so that every
/// second frame is kept evenly.
pub fn standard(fps: f64) -> Rate {
    let nearest = |fps: f64| {
        let distance = |&(num, den): &(i32, i32)| (f64::from(num) / f64::from(den) / fps).ln().abs();
        let best = STANDARD.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).copied().unwrap_or((25, 1));
        (Rate { num: best.0, den: best.1 }, distance(&best))
    };
    let fps = if fps.is_finite() { fps.clamp(1.0, 1000.0) } else { 25.0 };
    if fps > HIGHEST {
        for divisor in [2.0, 4.0, 8.0] {
            let (rate, distance) = nearest(fps / divisor);
            if distance < 0.0005 {
                return rate;
            }
        }
        return Rate { num: 60, den: 1 };
    }
    nearest(fps).0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(times: impl IntoIterator<Item = f64>, claimed: &[(i32, i32)]) -> Verdict {
        let mut cadence = Cadence::new(claimed);
        for time in times {
            cadence.push((time * 1e6).round() as i64);
        }
        cadence.finish()
    }

    #[test]
    fn standard_rates_are_found_even_behind_rounded_timestamps() {
        for (num, den) in STANDARD {
            let fps = f64::from(num) / f64::from(den);
            let times = (0..20_000).map(|n| ((n as f64 / fps + 0.021) * 1000.0).round() / 1000.0);
            let verdict = watch(times, &[]);
            assert!(verdict.constant, "{fps}");
            assert_eq!(verdict.rate, Rate { num, den });
        }
    }

    #[test]
    fn frames_out_of_order_are_put_in_order() {
        let times = (0..300).map(|n| (n / 3 * 3 + [0, 2, 1][n % 3]) as f64 / 25.0);
        assert_eq!(
            watch(times, &[]),
            Verdict { rate: Rate { num: 25, den: 1 }, constant: true, too_high: false, pauses: 0 }
        );
    }

    #[test]
    fn variable_and_high_rates_are_told() {
        let mut time = 0.0;
        let times: Vec<f64> = (0..600)
            .map(|n| {
                time += if n % 90 < 45 { 1.0 / 30.0 } else { 1.0 / 15.0 };
                time
            })
            .collect();
        let verdict = watch(times, &[(20, 1)]);
        assert!(!verdict.constant);
        assert_eq!(verdict.rate, Rate { num: 24_000, den: 1001 });
        let verdict = watch((0..500).map(|n| n as f64 / 120.0), &[(120, 1)]);
        assert!(verdict.constant && verdict.too_high);
        assert_eq!(verdict.rate, Rate { num: 60, den: 1 });
        assert_eq!(standard(100.0), Rate { num: 50, den: 1 });
        assert_eq!(standard(120_000.0 / 1001.0), Rate { num: 60_000, den: 1001 });
        assert_eq!(standard(144.0), Rate { num: 60, den: 1 });
        assert_eq!(standard(f64::NAN), Rate { num: 25, den: 1 });
    }

    #[test]
    fn a_dropped_frame_makes_the_rate_variable_and_a_pause_is_counted() {
        let verdict = watch((0..200).filter(|n| *n != 100).map(|n| f64::from(n) / 25.0), &[(25, 1)]);
        assert!(!verdict.constant);
        assert_eq!(verdict.rate, Rate { num: 25, den: 1 });
        // One in ten seconds is not worth a copy of everything, and neither are joined recordings.
        let verdict = watch((0..600).filter(|n| *n != 100).map(|n| f64::from(n) / 25.0), &[(25, 1)]);
        assert!(verdict.constant && verdict.rate == Rate { num: 25, den: 1 });
        for seam in [0.004, 0.0103, 0.025] {
            let times = (0..6000).map(|n| f64::from(n) / 30.0 + f64::from(n / 500) * seam);
            let verdict = watch(times, &[]);
            assert_eq!((verdict.constant, verdict.rate), (true, Rate { num: 30, den: 1 }), "{seam}");
        }
        let often = (0..6000).map(|n| f64::from(n) / 30.0 + f64::from(n / 200) * 0.0103);
        assert!(!watch(often, &[]).constant);
        let verdict = watch((0..200).map(|n| f64::from(n) / 25.0 + if n < 100 { 0.0 } else { 5.0 }), &[(25, 1)]);
        assert_eq!((verdict.constant, verdict.pauses, verdict.rate), (false, 1, Rate { num: 25, den: 1 }));
    }
}
