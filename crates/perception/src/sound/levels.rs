//! The loudness curve: RMS level in dBFS every 0.1 s.

use omniva_contracts::analysis::Curve;

/// Seconds between two values of the curve.
pub const STEP: f64 = 0.1;
/// Level of digital silence, dBFS (a logarithm of nothing has no number).
pub const SILENCE: f32 = -100.0;

/// Collects the level of a mono stream.
pub struct Levels {
    /// Samples a value.
    block: usize,
    filled: usize,
    power: f64,
    values: Vec<f32>,
}

impl Levels {
    /// `rate` in samples a second.
    pub fn new(rate: u32) -> Self {
        let block = (f64::from(rate) * STEP).round().max(1.0) as usize;
        Self { block, filled: 0, power: 0.0, values: Vec::new() }
    }

    /// Mono samples, full scale 1.0.
    pub fn push(&mut self, samples: &[f32]) {
        for sample in samples {
            if sample.is_finite() {
                self.power += f64::from(*sample) * f64::from(*sample);
            }
            self.filled += 1;
            if self.filled == self.block {
                self.close();
            }
        }
    }

    /// The curve of everything pushed; a last part of a step counts as a value of its own.
    pub fn finish(mut self) -> Curve {
        if self.filled > 0 {
            self.close();
        }
        Curve { step: STEP, values: self.values }
    }

    fn close(&mut self) {
        self.values.push(dbfs(self.power / self.filled as f64));
        self.power = 0.0;
        self.filled = 0;
    }
}

/// Mean power (full scale 1.0) to dBFS, to a hundredth, never under [`SILENCE`].
pub(super) fn dbfs(power: f64) -> f32 {
    if power <= 1e-10 {
        return SILENCE;
    }
    ((1000.0 * power.log10()).round() / 100.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_scale_sine_has_three_decibels_less_than_full_scale() {
        let mut levels = Levels::new(16_000);
        let sine: Vec<f32> = (0..16_000).map(|i| (i as f32 * 0.2).sin()).collect();
        // Blocks that do not divide the step: the curve must not depend on them.
        sine.chunks(777).for_each(|c| levels.push(c));
        levels.push(&[0.0; 2_000]);
        let curve = levels.finish();
        assert_eq!(curve.values.len(), 12);
        assert_eq!(curve.step, 0.1);
        assert!(curve.values[..10].iter().all(|v| (v + 3.01).abs() < 0.1), "{:?}", curve.values);
        assert_eq!(curve.values[10..], [SILENCE, SILENCE]);
    }

    #[test]
    fn no_sound_gives_no_values_and_bad_samples_count_as_silence() {
        assert!(Levels::new(16_000).finish().values.is_empty());
        let mut levels = Levels::new(16_000);
        levels.push(&[f32::NAN; 1_600]);
        assert_eq!(levels.finish().values, [SILENCE]);
    }
}
