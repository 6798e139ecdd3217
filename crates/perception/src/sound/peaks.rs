//! Peaks of sound: laughter and applause, and sudden bursts.
//!
//! While streaming, three numbers every 0.1 s are kept: the level, how much it resembles noise (spectral flatness:
//! geometric over arithmetic mean of the power, Johnston 1988), and how regularly it pulses 3–6 times a second (the
//! highest autocorrelation of the level's envelope over 2 s; laughter repeats its "ha" 4–5 times a second, Bachorowski
//! et al. 2001, while syllables are irregular). The decisions are taken at the end, when the surroundings on both sides
//! and the speech are known.

use std::collections::VecDeque;
use std::sync::Arc;

use omniva_contracts::Span;
use omniva_contracts::analysis::{AudioPeak, PeakKind};
use omniva_contracts::geometry::ms;
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use super::levels::{SILENCE, dbfs};

/// Seconds between moments.
const STEP: f64 = 0.1;
/// Frames in a moment, of 20 ms each.
const FRAMES: usize = 5;
/// Frames whose rhythm is looked at (2 s) and the periods that laughter has, in frames (0.16–0.34 s).
const RHYTHM: usize = 100;
const PERIODS: std::ops::RangeInclusive<usize> = 8..=17;
/// Levels further below the loudest of the 2 s count as silence, dB.
const DEPTH: f32 = 30.0;

/// What is kept of 0.1 s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    /// dBFS.
    pub level: f32,
    /// 0 (a tone) .. 1 (white noise).
    pub flatness: f32,
    /// 0..1, of the 2 s that end here.
    pub rhythm: f32,
}

/// Collects moments of a mono stream.
pub struct Peaks {
    hop: usize,
    rate: u32,
    pending: Vec<f32>,
    transform: Arc<dyn RealToComplex<f32>>,
    time: Vec<f32>,
    bins: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    envelope: VecDeque<f32>,
    power: f64,
    flatness: f32,
    frames: usize,
    moments: Vec<Moment>,
}

impl Peaks {
    /// `rate` in samples a second.
    pub fn new(rate: u32) -> Self {
        let hop = (rate as usize / 50).max(8);
        let transform = RealFftPlanner::new().plan_fft_forward(hop.next_power_of_two());
        Self {
            hop,
            rate,
            pending: Vec::with_capacity(hop),
            time: transform.make_input_vec(),
            bins: transform.make_output_vec(),
            scratch: transform.make_scratch_vec(),
            transform,
            envelope: VecDeque::with_capacity(RHYTHM + 1),
            power: 0.0,
            flatness: 0.0,
            frames: 0,
            moments: Vec::new(),
        }
    }

    /// Mono samples, full scale 1.0.
    pub fn push(&mut self, samples: &[f32]) {
        for sample in samples {
            self.pending.push(if sample.is_finite() { *sample } else { 0.0 });
            if self.pending.len() == self.hop {
                self.frame();
                self.pending.clear();
            }
        }
    }

    /// The peaks of everything pushed, in order; `speech` is where words are.
    pub fn finish(self, speech: &[Span]) -> Vec<AudioPeak> {
        super::moments::peaks(&self.moments, speech)
    }

    fn frame(&mut self) {
        let power = self.pending.iter().map(|s| f64::from(*s) * f64::from(*s)).sum::<f64>() / self.hop as f64;
        if self.envelope.len() == RHYTHM {
            self.envelope.pop_front();
        }
        self.envelope.push_back(dbfs(power));
        self.power += power;
        self.flatness += self.flat();
        self.frames += 1;
        if self.frames == FRAMES {
            let rhythm = rhythm(self.envelope.make_contiguous());
            self.moments.push(Moment {
                level: dbfs(self.power / FRAMES as f64),
                flatness: self.flatness / FRAMES as f32,
                rhythm,
            });
            (self.power, self.flatness, self.frames) = (0.0, 0.0, 0);
        }
    }

    /// Flatness of the pending frame between 300 and 7000 Hz.
    fn flat(&mut self) -> f32 {
        self.time.fill(0.0);
        let n = self.hop as f32;
        for (i, (t, s)) in self.time.iter_mut().zip(&self.pending).enumerate() {
            *t = s * (0.5 - 0.5 * (std::f32::consts::TAU * i as f32 / n).cos());
        }
        if self.transform.process_with_scratch(&mut self.time, &mut self.bins, &mut self.scratch).is_err() {
            return 0.0;
        }
        let width = self.rate as f32 / self.time.len() as f32;
        let inside = |hz: f32| ((hz / width) as usize).min(self.bins.len());
        let band = &self.bins[inside(300.0)..inside(7000.0)];
        let mean = band.iter().map(|b| b.norm_sqr()).sum::<f32>() / band.len().max(1) as f32;
        if mean < 1e-9 {
            return 0.0;
        }
        let log = band.iter().map(|b| (b.norm_sqr() + 1e-12).ln()).sum::<f32>() / band.len() as f32;
        (log.exp() / mean).clamp(0.0, 1.0)
    }
}

/// How regularly an envelope (dB, 20 ms a value) pulses at 3–6 Hz, 0..1.
pub(super) fn rhythm(envelope: &[f32]) -> f32 {
    if envelope.len() < RHYTHM {
        return 0.0;
    }
    let loudest = envelope.iter().copied().fold(SILENCE, f32::max);
    if loudest < -60.0 {
        return 0.0;
    }
    let clipped: Vec<f32> = envelope.iter().map(|v| v.max(loudest - DEPTH)).collect();
    // Without its slow changes (mean of 0.5 s), which would correlate at every period.
    let fast: Vec<f32> = (0..clipped.len())
        .map(|i| {
            let around = &clipped[i.saturating_sub(12)..(i + 13).min(clipped.len())];
            clipped[i] - around.iter().sum::<f32>() / around.len() as f32
        })
        .collect();
    let power = fast.iter().map(|v| v * v).sum::<f32>() / fast.len() as f32;
    // Pulses of less than 2 dB are no laughter.
    if power < 4.0 {
        return 0.0;
    }
    let at = |lag: usize| {
        let pairs = fast.len() - lag;
        fast.iter().zip(&fast[lag..]).map(|(a, b)| a * b).sum::<f32>() / pairs as f32 / power
    };
    let best = PERIODS.map(|lag| (lag, at(lag))).fold((0, 0.0), |b, v| if v.1 > b.1 { v } else { b });
    if best.0 == 0 {
        return 0.0;
    }
    // A true period comes again at twice its length.
    best.1.min(at(2 * best.0).max(0.0) + 0.25).clamp(0.0, 1.0)
}

/// Seconds of a moment's index, to a millisecond.
pub(super) fn seconds(index: usize) -> f64 {
    ms(index as f64 * STEP)
}

/// Moments in `seconds`.
pub(super) fn moments_in(seconds: f64) -> usize {
    (seconds / STEP).round() as usize
}

/// A peak over the moments `from..to`.
pub(super) fn peak(from: usize, to: usize, kind: PeakKind, strength: f32) -> AudioPeak {
    let strength = (f64::from(strength.clamp(0.0, 1.0)) * 1000.0).round() / 1000.0;
    AudioPeak { start: seconds(from), end: seconds(to), kind, strength }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 16_000;

    /// `seconds` of sound: noise whose amplitude is `shape(second)`, from a fixed generator.
    fn noise(seconds: f64, shape: impl Fn(f64) -> f64) -> Vec<f32> {
        let mut state = 1_u64;
        (0..(seconds * f64::from(RATE)) as usize)
            .map(|i| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let random = (state >> 40) as f64 / f64::from(1 << 23) - 1.0;
                (random * shape(i as f64 / f64::from(RATE))) as f32
            })
            .collect()
    }

    fn found(sound: &[f32], speech: &[Span]) -> Vec<AudioPeak> {
        let mut peaks = Peaks::new(RATE);
        sound.chunks(1_111).for_each(|c| peaks.push(c));
        peaks.finish(speech)
    }

    /// A voice laughing "ha ha ha": a tone of 220 Hz with overtones, in `rate` pulses a second, over faint noise.
    fn laugh(seconds: f64, from: f64, to: f64, rate: f64) -> Vec<f32> {
        let mut sound = noise(seconds, |_| 0.001);
        for (i, sample) in sound.iter_mut().enumerate() {
            let t = i as f64 / f64::from(RATE);
            if t >= from && t < to {
                let pulse = (std::f64::consts::PI * (t - from) * rate).sin().powi(4);
                let tone: f64 = (1..6).map(|k| (std::f64::consts::TAU * 220.0 * f64::from(k) * t).sin()).sum();
                *sample += (0.1 * pulse * tone) as f32;
            }
        }
        sound
    }

    #[test]
    fn laughter_is_found_where_it_is() {
        let peaks = found(&laugh(30.0, 12.0, 15.0, 4.5), &[Span::new(2.0, 11.5)]);
        assert_eq!(peaks.len(), 1, "{peaks:?}");
        assert_eq!(peaks[0].kind, PeakKind::Laughter);
        assert!((peaks[0].start - 12.0).abs() < 1.0 && (peaks[0].end - 15.0).abs() < 1.0, "{peaks:?}");
        assert!(peaks[0].strength > 0.5 && peaks[0].strength <= 1.0);
    }

    #[test]
    fn the_same_pulse_inside_words_is_counting_and_too_slow_a_pulse_is_none() {
        let words = [Span::new(2.0, 28.0)];
        assert!(found(&laugh(30.0, 12.0, 15.0, 4.5), &words).iter().all(|p| p.kind != PeakKind::Laughter));
        assert!(found(&laugh(30.0, 12.0, 18.0, 1.2), &[]).iter().all(|p| p.kind != PeakKind::Laughter));
    }

    #[test]
    fn applause_is_loud_noise_that_comes_and_goes() {
        let peaks =
            found(&noise(40.0, |t| if (20.0..24.0).contains(&t) { 0.15 } else { 0.001 }), &[Span::new(1.0, 19.5)]);
        assert_eq!(peaks.len(), 1, "{peaks:?}");
        assert_eq!(peaks[0].kind, PeakKind::Laughter);
        assert!((peaks[0].start - 20.0).abs() < 0.3 && (peaks[0].end - 24.0).abs() < 0.3, "{peaks:?}");
        // A room that always hums is no audience.
        assert!(found(&noise(40.0, |_| 0.15), &[]).is_empty());
    }

    #[test]
    fn a_bang_is_a_burst_and_a_louder_part_is_none() {
        let bang = |t: f64| if (10.0..10.3).contains(&t) { 0.8 } else { 0.02 };
        let peaks = found(&noise(30.0, bang), &[Span::new(0.0, 30.0)]);
        assert_eq!(peaks.len(), 1, "{peaks:?}");
        assert_eq!((peaks[0].kind, peaks[0].start), (PeakKind::Burst, 10.0));
        assert!(peaks[0].strength > 0.9);
        // Nothing said for a while, then speech at its usual level.
        let speaks = |t: f64| if t < 20.0 { 0.0005 } else { 0.1 * (1.0 + (t * 9.7).sin() * (t * 3.1).cos()) };
        let peaks = found(&noise(60.0, speaks), &[Span::new(20.0, 60.0)]);
        assert!(peaks.is_empty(), "{peaks:?}");
    }

    #[test]
    fn silence_and_nothing_have_no_peaks() {
        assert!(found(&[], &[]).is_empty());
        assert!(found(&vec![0.0; 80_000], &[Span::new(-1.0, f64::INFINITY)]).is_empty());
        assert!(found(&[f32::NAN; 3_200], &[Span::new(f64::NAN, 2.0)]).is_empty());
    }
}
