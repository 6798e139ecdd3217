//! Quantities of every frame as curves with a fixed step.

use omniva_contracts::analysis::Curve;

/// Averages what is pushed over bins of `step` seconds from 0. Bins that got nothing repeat the one before.
pub struct Binned {
    step: f64,
    bin: usize,
    sum: f64,
    count: u32,
    values: Vec<f32>,
}

impl Binned {
    pub fn new(step: f64) -> Binned {
        Binned { step, bin: 0, sum: 0.0, count: 0, values: Vec::new() }
    }

    /// Times must not go back.
    pub fn push(&mut self, time: f64, value: f64) {
        let bin = self.bin_of(time);
        if bin > self.bin {
            self.close();
            self.fill(bin);
        }
        self.sum += value;
        self.count += 1;
    }

    /// True when `time` opens a bin that has no value yet.
    pub fn is_new(&self, time: f64) -> bool {
        self.count == 0 || self.bin_of(time) > self.bin
    }

    /// The curve, with a value for every bin that begins before `end`.
    pub fn finish(mut self, end: f64) -> Curve {
        self.close();
        let bins = (end / self.step - 1e-6).ceil().max(0.0) as usize;
        self.fill(bins);
        Curve { step: self.step, values: self.values }
    }

    fn bin_of(&self, time: f64) -> usize {
        // The small shift keeps a frame at 0.3 s, which is 0.2999… in binary, in its own bin.
        (time / self.step + 1e-6).floor().max(0.0) as usize
    }

    fn close(&mut self) {
        if self.count > 0 {
            self.values.push(round(self.sum / f64::from(self.count)));
        }
        (self.sum, self.count) = (0.0, 0);
    }

    fn fill(&mut self, bin: usize) {
        let last = self.values.last().copied().unwrap_or(0.0);
        if self.values.len() < bin {
            self.values.resize(bin, last);
        }
        self.bin = bin;
    }
}

/// Five decimals are far below what any decision looks at, and keep the document small.
fn round(value: f64) -> f32 {
    ((value * 1e5).round() / 1e5) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_means_and_gaps_repeat() {
        let mut curve = Binned::new(0.1);
        for (time, value) in [(0.0, 0.2), (0.04, 0.4), (0.3, 1.0)] {
            curve.push(time, value);
        }
        assert_eq!(curve.finish(0.6).values, [0.3, 0.3, 0.3, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn a_frame_on_the_border_belongs_to_the_bin_that_begins() {
        let mut curve = Binned::new(0.1);
        for i in 0..30 {
            let time = f64::from(i) * 0.1;
            assert!(curve.is_new(time));
            curve.push(time, f64::from(i));
        }
        assert_eq!(curve.finish(3.0).values, (0..30).map(|i| i as f32).collect::<Vec<_>>());
    }
}
