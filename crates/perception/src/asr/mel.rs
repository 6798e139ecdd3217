//! The picture of sound that Whisper looks at: 80 mel bands, one column each 10 ms.
//!
//! Exactly the transform the model was trained with (Radford et al. 2022, §2.2; filters after Slaney 1998): 25 ms Hann
//! windows, reflected edges, power spectrum, log10, clamped to 80 dB below the loudest value, scaled by (x + 4) / 4.

use std::f64::consts::PI;
use std::sync::Arc;

use omniva_contracts::Fault;
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

pub const SAMPLE_RATE: usize = 16_000;
pub const BANDS: usize = 80;
/// Columns of one window.
pub const FRAMES: usize = 3000;
/// Samples of one window: 30 s.
pub const WINDOW: usize = FRAMES * HOP;
const HOP: usize = 160;
const FFT: usize = 400;
const BINS: usize = FFT / 2 + 1;
/// Power below which a band counts as silent.
const FLOOR: f32 = 1e-10;

/// One triangular filter: its first bin and its weights.
struct Band {
    first: usize,
    weights: Vec<f32>,
}

pub struct LogMel {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    bands: Vec<Band>,
    frame: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    power: Vec<f32>,
    scratch: Vec<Complex<f32>>,
}

impl Default for LogMel {
    fn default() -> Self {
        Self::new()
    }
}

impl LogMel {
    pub fn new() -> Self {
        let fft = RealFftPlanner::<f32>::new().plan_fft_forward(FFT);
        let window = (0..FFT).map(|i| (0.5 - 0.5 * (2.0 * PI * i as f64 / FFT as f64).cos()) as f32).collect();
        Self {
            window,
            bands: bands(),
            frame: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            power: vec![0.0; BINS],
            scratch: fft.make_scratch_vec(),
            fft,
        }
    }

    /// Log-mel picture of the first 30 s of `samples` (16 kHz mono, -1..1), missing sound counted as silence:
    /// [`BANDS`] rows of [`FRAMES`] values.
    pub fn compute(&mut self, samples: &[f32]) -> Result<Vec<f32>, Fault> {
        let samples = samples.get(..WINDOW).unwrap_or(samples);
        let mut mel = vec![FLOOR.log10(); BANDS * FRAMES];
        // Later columns see nothing but silence, unless the reflected right edge falls into one of them.
        let busy = (samples.len() + FFT / 2).div_ceil(HOP).min(FRAMES);
        for column in 0..busy {
            self.cut(samples, column);
            self.fft
                .process_with_scratch(&mut self.frame, &mut self.spectrum, &mut self.scratch)
                .map_err(|e| Fault::internal(format!("Fourier transform: {e}")))?;
            for (power, value) in self.power.iter_mut().zip(&self.spectrum) {
                *power = value.norm_sqr();
            }
            for (row, band) in mel.chunks_exact_mut(FRAMES).zip(&self.bands) {
                let energy: f32 = band.weights.iter().zip(&self.power[band.first..]).map(|(w, p)| w * p).sum();
                row[column] = energy.max(FLOOR).log10();
            }
        }
        let loudest = mel.iter().copied().fold(f32::MIN, f32::max);
        for value in &mut mel {
            *value = (value.max(loudest - 8.0) + 4.0) / 4.0;
        }
        Ok(mel)
    }

    /// Fills `frame` with the windowed samples around column `column`; the 30 s window is mirrored at both ends.
    fn cut(&mut self, samples: &[f32], column: usize) {
        let first = (column * HOP) as isize - (FFT / 2) as isize;
        for (i, (out, weight)) in self.frame.iter_mut().zip(&self.window).enumerate() {
            let mut at = (first + i as isize).unsigned_abs();
            if at >= WINDOW {
                at = 2 * (WINDOW - 1) - at;
            }
            *out = samples.get(at).copied().unwrap_or(0.0) * weight;
        }
    }
}

fn hz_to_mel(hz: f64) -> f64 {
    if hz < 1000.0 { hz * 3.0 / 200.0 } else { 15.0 + 27.0 * (hz / 1000.0).ln() / 6.4f64.ln() }
}

fn mel_to_hz(mel: f64) -> f64 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1000.0 * (6.4f64.ln() / 27.0 * (mel - 15.0)).exp() }
}

/// Triangles between neighbouring points of the mel scale, each of area 1.
fn bands() -> Vec<Band> {
    let top = hz_to_mel(SAMPLE_RATE as f64 / 2.0);
    let points: Vec<f64> = (0..BANDS + 2).map(|i| mel_to_hz(top * i as f64 / (BANDS + 1) as f64)).collect();
    points
        .windows(3)
        .map(|p| {
            let weight = |bin: usize| {
                let hz = bin as f64 * SAMPLE_RATE as f64 / FFT as f64;
                let (rise, fall) = ((hz - p[0]) / (p[1] - p[0]), (p[2] - hz) / (p[2] - p[1]));
                (rise.min(fall).max(0.0) * 2.0 / (p[2] - p[0])) as f32
            };
            let first = (0..BINS).find(|&bin| weight(bin) > 0.0).unwrap_or(0);
            let weights = (first..BINS).map(weight).take_while(|&w| w > 0.0).collect();
            Band { first, weights }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_the_one_that_the_model_was_trained_with() {
        // Values of an independent implementation in double precision, for 1.5 s of a tone and a chirp.
        let samples: Vec<f32> = (0..24_000)
            .map(|i| {
                let t = f64::from(i) / 16_000.0;
                let tone = 0.5 * (2.0 * PI * 440.0 * t).sin();
                (tone + 0.25 * (2.0 * PI * (1000.0 + 1500.0 * t) * t).sin()) as f32
            })
            .collect();
        let mel = LogMel::new().compute(&samples).expect("a picture");
        let wanted = [
            ((0, 0), 1.02549),
            ((10, 0), 1.34596),
            ((11, 50), 1.4382),
            ((12, 50), 1.29352),
            ((40, 75), -0.56179),
            ((60, 149), -0.395),
            ((79, 149), -0.20367),
            ((30, 150), 0.40545),
            ((5, 151), 0.35514),
            ((70, 160), -0.56179),
            ((79, 2999), -0.56179),
        ];
        for ((band, frame), value) in wanted {
            let got = mel[band * FRAMES + frame];
            assert!((got - value).abs() < 1e-3, "band {band}, frame {frame}: {got} instead of {value}");
        }
    }

    #[test]
    fn any_length_gives_one_window() {
        let mut mel = LogMel::new();
        for length in [0, 1, 199, 16_000, WINDOW - 1, WINDOW, WINDOW + 999] {
            let picture = mel.compute(&vec![0.1; length]).expect("a picture");
            assert_eq!(picture.len(), BANDS * FRAMES);
            assert!(picture.iter().all(|v| v.is_finite()));
        }
    }
}
