//! The speaker model's view of sound: 40 mel bands every 10 ms.
//!
//! 16 kHz, 25 ms Hamming windows in a 512-point transform, power, slaney bands (Slaney, Auditory Toolbox 1998: linear
//! under 1 kHz, logarithmic above, area 1), log10, no centring. The first window starts at the first sample.

use std::f64::consts::PI;
use std::sync::Arc;

use omniva_contracts::Fault;
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

pub const RATE: usize = 16_000;
pub const BANDS: usize = 40;
/// Samples between two frames (10 ms).
pub const HOP: usize = 160;
/// Samples in a frame (25 ms).
pub const WINDOW: usize = 400;
const POINTS: usize = 512;

pub struct Mel {
    transform: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    /// A band: its first bin and its weights.
    bands: Vec<(usize, Vec<f32>)>,
}

/// Frames of one stretch of sound.
pub struct Frames {
    /// `BANDS` values a frame.
    pub mel: Vec<f32>,
    /// Level of each frame, dB relative to full scale (windowed, so only differences mean something).
    pub level: Vec<f32>,
    /// Share of each frame's power above 4 kHz.
    pub treble: Vec<f32>,
}

impl Frames {
    pub fn len(&self) -> usize {
        self.level.len()
    }
}

impl Mel {
    pub fn new() -> Self {
        let window = (0..WINDOW).map(|i| (0.54 - 0.46 * (2.0 * PI * i as f64 / WINDOW as f64).cos()) as f32).collect();
        Self { transform: RealFftPlanner::new().plan_fft_forward(POINTS), window, bands: bands() }
    }

    /// Frames that lie wholly inside `samples`: none when there are fewer than [`WINDOW`].
    pub fn frames(&self, samples: &[f32]) -> Result<Frames, Fault> {
        let count = if samples.len() < WINDOW { 0 } else { (samples.len() - WINDOW) / HOP + 1 };
        let mut out = Frames {
            mel: Vec::with_capacity(count * BANDS),
            level: Vec::with_capacity(count),
            treble: Vec::with_capacity(count),
        };
        let mut time = vec![0.0_f32; POINTS];
        let mut bins = vec![Complex::new(0.0_f32, 0.0); POINTS / 2 + 1];
        let mut scratch = self.transform.make_scratch_vec();
        for frame in samples.windows(WINDOW).step_by(HOP) {
            time.fill(0.0);
            for ((t, s), w) in time.iter_mut().zip(frame).zip(&self.window) {
                *t = if s.is_finite() { s * w } else { 0.0 };
            }
            self.transform
                .process_with_scratch(&mut time, &mut bins, &mut scratch)
                .map_err(|e| Fault::internal(format!("speaker features: {e}")))?;
            let power: Vec<f32> = bins.iter().map(|b| b.norm_sqr()).collect();
            for (first, weights) in &self.bands {
                let sum: f32 = power.iter().skip(*first).zip(weights).map(|(p, w)| p * w).sum();
                out.mel.push((sum + 1e-10).log10());
            }
            let total: f32 = power.iter().sum();
            let high: f32 = power.iter().skip(POINTS / 4).sum();
            out.level.push(10.0 * (total / POINTS as f32 + 1e-10).log10());
            out.treble.push(high / (total + 1e-10));
        }
        Ok(out)
    }
}

fn bands() -> Vec<(usize, Vec<f32>)> {
    let to_mel = |hz: f64| if hz < 1000.0 { hz * 3.0 / 200.0 } else { 15.0 + 27.0 * (hz / 1000.0).ln() / 6.4_f64.ln() };
    let to_hz = |mel: f64| {
        if mel < 15.0 { mel * 200.0 / 3.0 } else { 1000.0 * (6.4_f64.ln() / 27.0 * (mel - 15.0)).exp() }
    };
    let top = to_mel(RATE as f64 / 2.0);
    let edge = |i: usize| to_hz(top * i as f64 / (BANDS + 1) as f64);
    (0..BANDS)
        .map(|band| {
            let (low, middle, high) = (edge(band), edge(band + 1), edge(band + 2));
            let weight = |bin: usize| {
                let hz = (bin * RATE) as f64 / POINTS as f64;
                let slope = ((hz - low) / (middle - low)).min((high - hz) / (high - middle));
                (slope.max(0.0) * 2.0 / (high - low)) as f32
            };
            let inside: Vec<usize> = (0..=POINTS / 2).filter(|b| weight(*b) > 0.0).collect();
            let first = inside.first().copied().unwrap_or(0);
            (first, inside.into_iter().map(weight).collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_lands_in_the_band_around_it() {
        let tone: Vec<f32> = (0..8_000).map(|i| (2.0 * PI * 1000.0 * i as f64 / 16_000.0).sin() as f32).collect();
        let frames = Mel::new().frames(&tone).expect("transform");
        assert_eq!(frames.len(), (8_000 - 400) / 160 + 1);
        let loudest = frames.mel[..BANDS].iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).expect("bands").0;
        // 1 kHz is mel 15 of 45.2; band b is centred on (b + 1) * 45.2 / 41.
        assert!((12..=13).contains(&loudest), "band {loudest}");
        assert!(frames.treble.iter().all(|t| *t < 0.01));
    }

    #[test]
    fn values_agree_with_a_reference_computation() {
        // Reference: the same features by numpy (float64 FFT) for this ramp of squares, bands 0, 10, 20, 39.
        let sound: Vec<f32> = (0..512).map(|i| ((i * i % 97) as f32 - 48.0) / 48.0).collect();
        let frames = Mel::new().frames(&sound).expect("transform");
        let expected = REFERENCE;
        for (band, value) in expected {
            assert!((frames.mel[band] - value).abs() < 2e-3, "band {band}: {} != {value}", frames.mel[band]);
        }
    }

    const REFERENCE: [(usize, f32); 4] = [(0, -0.1302), (10, 0.6936), (20, -0.7263), (39, 0.1209)];

    #[test]
    fn short_and_broken_sound_gives_no_or_finite_frames() {
        assert_eq!(Mel::new().frames(&[0.1; 399]).expect("transform").len(), 0);
        let frames = Mel::new().frames(&[f32::INFINITY; 800]).expect("transform");
        assert!(frames.mel.iter().all(|v| v.is_finite()));
    }
}
