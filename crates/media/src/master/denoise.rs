//! Takes steady noise (hiss, hum, fans) out of speech.
//!
//! The whole clip is there, so its noise need not be tracked: what is heard in its quietest moments is the room. Gains are Wiener's with the decision-directed a priori ratio of Ephraim and Malah (1984), which avoids musical
//! noise, and never fall under a floor: some room is left, because a voice out of nothing sounds cut out. One gain serves
//! both channels, so that nothing moves between them. Nothing is delayed: frames overlap around their own place.

use std::sync::Arc;

use omniva_contracts::{Fault, Monitor};
use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// 43 ms at 48 kHz: fine enough for the lines of hum, short enough for speech.
const SIZE: usize = 2048;
const HOP: usize = SIZE / 4;
const BINS: usize = SIZE / 2 + 1;
/// One frame in so many is taken for a pause: even fluent speech has that many.
const QUIETEST: usize = 50;
/// Frames of a sound of one second: shorter ones are left alone.
const FEWEST: usize = 90;
/// Bins in which quietness is judged: 120 to 8000 Hz.
const VOICE: std::ops::Range<usize> = 5..341;
/// Weight of the past in the a priori ratio.
const PAST: f32 = 0.96;
/// Deepest reduction: of noise far below the voice, and of what may be music or a crowd.
const DEEP: f32 = 0.25;
const SHALLOW: f32 = 0.5;
/// Between "far below" and "may be music", dB under the clip's own level.
const FAR_DB: f64 = 14.0;

/// Spectra of overlapping frames of interleaved stereo.
struct Frames {
    forward: Arc<dyn RealToComplex<f32>>,
    backward: Arc<dyn ComplexToReal<f32>>,
    window: Vec<f32>,
    spectra: [Vec<Complex32>; 2],
    time: Vec<f32>,
}

impl Frames {
    fn new() -> Frames {
        let mut planner = RealFftPlanner::new();
        // The root of a Hann window before and after: four-fold overlap adds up to two.
        let step = std::f64::consts::TAU / SIZE as f64;
        let window = (0..SIZE).map(|i| (0.5 - 0.5 * (step * i as f64).cos()).sqrt() as f32).collect();
        let spectra = [vec![Complex32::default(); BINS], vec![Complex32::default(); BINS]];
        let (forward, backward) = (planner.plan_fft_forward(SIZE), planner.plan_fft_inverse(SIZE));
        Frames { forward, backward, window, spectra, time: vec![0.0; SIZE] }
    }

    /// Spectra of both channels of the frame that starts at sample `start` (which may lie before the sound or reach
    /// beyond it: silence there).
    fn analyse(&mut self, pcm: &[f32], start: isize) -> Result<(), Fault> {
        for channel in 0..2 {
            for (i, (t, w)) in self.time.iter_mut().zip(&self.window).enumerate() {
                let at = usize::try_from(start + i as isize).ok();
                *t = at.and_then(|n| pcm.get(2 * n + channel)).copied().unwrap_or(0.0) * w;
            }
            self.forward.process(&mut self.time, &mut self.spectra[channel]).map_err(broken)?;
        }
        Ok(())
    }

    /// Mean power of both channels in one bin.
    fn power(&self, bin: usize) -> f32 {
        (self.spectra[0][bin].norm_sqr() + self.spectra[1][bin].norm_sqr()) * 0.5
    }

    /// Adds the frame back after its spectra were scaled.
    fn synthesise(&mut self, out: &mut [f32], start: isize) -> Result<(), Fault> {
        for channel in 0..2 {
            let spectrum = &mut self.spectra[channel];
            for end in [0, BINS - 1] {
                spectrum[end].im = 0.0;
            }
            self.backward.process(spectrum, &mut self.time).map_err(broken)?;
            for (i, (t, w)) in self.time.iter().zip(&self.window).enumerate() {
                let at = usize::try_from(start + i as isize).ok();
                if let Some(o) = at.and_then(|n| out.get_mut(2 * n + channel)) {
                    *o += t * w / (2.0 * SIZE as f32);
                }
            }
        }
        Ok(())
    }
}

fn broken(error: realfft::FftError) -> Fault {
    Fault::internal("a spectrum could not be computed").with_detail(error)
}

fn starts(samples: usize) -> impl Iterator<Item = isize> {
    let last = samples as isize;
    (0..).map(|i: isize| i * HOP as isize - (SIZE - HOP) as isize).take_while(move |s| *s < last)
}

/// Steady noise of a clip: mean power a bin, and its level in dBFS.
pub(crate) struct Noise {
    bins: Vec<f32>,
    pub level_db: f64,
}

/// Measures the noise of interleaved stereo: the mean spectrum of its quietest moments. `None` for sound that is too short
/// or digitally silent.
pub(crate) fn measure(pcm: &[f32], monitor: &dyn Monitor) -> Result<Option<Noise>, Fault> {
    let mut frames = Frames::new();
    // Quietness is the mean of the logarithms: in a pause all frequencies are low, not only the loud ones.
    let mut quiet: Vec<(f32, isize)> = Vec::new();
    for start in starts(pcm.len() / 2) {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        // Frames that hang over an end, and digital silence, say nothing about the room.
        if start < 0 || start as usize + SIZE > pcm.len() / 2 {
            continue;
        }
        frames.analyse(pcm, start)?;
        let total: f32 = VOICE.map(|b| frames.power(b)).sum();
        if total > 1e-6 {
            quiet.push((VOICE.map(|b| frames.power(b).max(1e-12).ln()).sum(), start));
        }
    }
    if quiet.len() < FEWEST {
        return Ok(None);
    }
    let count = (quiet.len() / QUIETEST).max(6);
    quiet.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut bins = vec![0.0f32; BINS];
    for (_, start) in quiet.iter().take(count) {
        frames.analyse(pcm, *start)?;
        for (b, sum) in bins.iter_mut().enumerate() {
            *sum += frames.power(b) / count as f32;
        }
    }
    // Parseval, with the window's mean power of one half.
    let power = bins.iter().map(|p| f64::from(*p)).sum::<f64>() * 2.0 / (SIZE as f64 * SIZE as f64 * 0.5);
    Ok(Some(Noise { bins, level_db: 10.0 * power.max(1e-15).log10() }))
}

/// Takes `noise` out of interleaved stereo of the level `level_db`, dBFS.
pub(crate) fn remove(pcm: &mut [f32], noise: &Noise, level_db: f64, monitor: &dyn Monitor) -> Result<(), Fault> {
    let floor = if level_db - noise.level_db > FAR_DB { DEEP } else { SHALLOW };
    let mut frames = Frames::new();
    let mut before = vec![1.0f32; BINS];
    let mut out = vec![0.0f32; pcm.len()];
    for start in starts(pcm.len() / 2) {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        frames.analyse(pcm, start)?;
        for (b, past) in before.iter_mut().enumerate() {
            let ratio = frames.power(b) / noise.bins[b].max(1e-12);
            let prior = PAST * *past + (1.0 - PAST) * (ratio - 1.0).max(0.0);
            let gain = (prior / (1.0 + prior)).max(floor);
            *past = gain * gain * ratio;
            frames.spectra[0][b] *= gain;
            frames.spectra[1][b] *= gain;
        }
        frames.synthesise(&mut out, start)?;
    }
    pcm.copy_from_slice(&out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use omniva_contracts::Silent;

    const RATE: usize = 48_000;

    /// A voice-like sound: harmonics that come and go, with pauses. In both channels.
    fn voice() -> Vec<f32> {
        (0..8 * RATE)
            .flat_map(|n| {
                let t = n as f64 / RATE as f64;
                let beat = (t * 2.3).fract();
                let loud = if beat < 0.6 { (beat / 0.6 * std::f64::consts::PI).sin() } else { 0.0 };
                let pitch = 130.0 + 25.0 * (t * 1.7).sin();
                let sum: f64 =
                    (1..20).map(|h| (std::f64::consts::TAU * pitch * f64::from(h) * t).sin() / f64::from(h)).sum();
                let v = (0.12 * loud * sum) as f32;
                [v, v]
            })
            .collect()
    }

    /// White or, with `colour` near one, brownish noise.
    fn hiss(length: usize, colour: f32, level: f32) -> Vec<f32> {
        let mut state = 1u64;
        let mut last = 0.0;
        let noise: Vec<f32> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let white = (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0;
                last = colour * last + (1.0 - colour) * white;
                last
            })
            .collect();
        let power = noise.iter().map(|v| v * v).sum::<f32>() / length as f32;
        noise.iter().map(|v| v * level / power.sqrt()).collect()
    }

    fn rms_db(pcm: &[f32]) -> f64 {
        10.0 * (pcm.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / pcm.len() as f64).log10()
    }

    /// Signal to distortion of `x` against `clean`, scale-invariant, dB.
    fn sdr(clean: &[f32], x: &[f32]) -> f64 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(p, q)| f64::from(*p) * f64::from(*q)).sum::<f64>();
        let target = dot(clean, x).powi(2) / dot(clean, clean);
        10.0 * (target / (dot(x, x) - target)).log10()
    }

    #[test]
    fn noise_goes_and_the_voice_stays_in_place() {
        let clean = voice();
        let pure = hiss(16 * RATE, 0.0, 0.01);
        let level = measure(&pure, &Silent).unwrap().unwrap().level_db;
        assert!((level + 40.0).abs() < 1.0, "{level} dBFS measured in pure noise of −40");
        for (colour, gained) in [(0.0, 8.0), (0.7, 6.0), (0.97, 3.5)] {
            let noise = hiss(clean.len(), colour, 0.01);
            let mut pcm: Vec<f32> = clean.iter().zip(&noise).map(|(a, b)| a + b).collect();
            let before = sdr(&clean, &pcm);
            let measured = measure(&pcm, &Silent).unwrap().unwrap();
            assert!((measured.level_db + 40.0).abs() < 2.5, "{} dBFS measured for −40", measured.level_db);
            let level = rms_db(&pcm);
            remove(&mut pcm, &measured, level, &Silent).unwrap();
            let after = sdr(&clean, &pcm);
            assert!(after > before + gained, "{colour}: {before:.1} dB became {after:.1} dB");
        }
    }

    #[test]
    fn without_noise_almost_nothing_changes() {
        let clean: Vec<f32> = voice().iter().zip(hiss(16 * RATE, 0.0, 1e-5)).map(|(a, b)| a + b).collect();
        let mut pcm = clean.clone();
        let noise = measure(&pcm, &Silent).unwrap().unwrap();
        assert!(noise.level_db < -65.0, "{}", noise.level_db);
        remove(&mut pcm, &noise, rms_db(&clean), &Silent).unwrap();
        assert!(sdr(&clean, &pcm) > 35.0, "{}", sdr(&clean, &pcm));
    }

    #[test]
    fn silence_and_snippets_have_no_noise() {
        assert!(measure(&vec![0.0; 4 * RATE], &Silent).unwrap().is_none());
        assert!(measure(&hiss(2000, 0.0, 0.1), &Silent).unwrap().is_none());
    }
}
