//! True-peak limiter with look-ahead, working on a whole clip in memory.
//!
//! The gain that every sample needs is held for the look-ahead, recovers slowly and is averaged over the look-ahead: the
//! average of values that are all low enough is low enough, so the ceiling holds by construction. Peaks between samples are
//! found by four-fold interpolation (ITU-R BS.1770-4, annex 2).

use super::RATE;

/// Samples the gain starts to fall before a peak: 5 ms.
const LOOK_AHEAD: usize = RATE as usize / 200;
/// Time in which the gain recovers by 63 %, seconds.
const RELEASE: f64 = 0.08;
const TAPS: usize = 12;

/// Interpolation filters for a quarter, a half and three quarters of a sample.
fn filters() -> [[f32; TAPS]; 3] {
    let mut all = [[0.0f32; TAPS]; 3];
    for (phase, filter) in all.iter_mut().enumerate() {
        let shift = (phase + 1) as f64 / 4.0;
        let mut sum = 0.0;
        let mut taps = [0.0f64; TAPS];
        for (i, tap) in taps.iter_mut().enumerate() {
            let x = i as f64 - (TAPS / 2 - 1) as f64 - shift;
            let sinc = if x.abs() < 1e-9 { 1.0 } else { (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x) };
            let window = 0.5 + 0.5 * (std::f64::consts::PI * x / (TAPS as f64 / 2.0 + 0.5)).cos();
            *tap = sinc * window;
            sum += *tap;
        }
        for (to, tap) in filter.iter_mut().zip(taps) {
            *to = (tap / sum) as f32;
        }
    }
    all
}

/// Gain that brings each stereo sample (and what lies between it and the next) under the ceiling; 1 where it is already.
fn needed(pcm: &[f32], ceiling: f32) -> Vec<f32> {
    let frames = pcm.len() / 2;
    let filters = filters();
    let mut gains = vec![1.0f32; frames];
    // Between samples a signal can rise above them, but hardly by 6 dB: quieter neighbourhoods need no interpolation.
    let close = ceiling * 0.5;
    for n in 0..frames {
        let mut peak = pcm[2 * n].abs().max(pcm[2 * n + 1].abs());
        let following = pcm.get(2 * n + 2..2 * n + 4).map_or(0.0, |p| p[0].abs().max(p[1].abs()));
        if peak.max(following) > close {
            for channel in 0..2 {
                for filter in &filters {
                    peak = peak.max(between(pcm, frames, n, channel, filter).abs());
                }
            }
        }
        if peak > ceiling {
            gains[n] = ceiling / peak;
        }
    }
    gains
}

fn between(pcm: &[f32], frames: usize, n: usize, channel: usize, filter: &[f32; TAPS]) -> f32 {
    let before = TAPS / 2 - 1;
    if n >= before && n + TAPS - before <= frames {
        let window = &pcm[2 * (n - before)..2 * (n + TAPS - before)];
        return filter.iter().zip(window.chunks_exact(2)).map(|(c, s)| c * s[channel]).sum();
    }
    let at = |k: usize| (n + k).checked_sub(before).and_then(|i| pcm.get(2 * i + channel)).copied().unwrap_or(0.0);
    filter.iter().enumerate().map(|(k, c)| c * at(k)).sum()
}

/// Keeps interleaved stereo under `ceiling` (linear, of full scale). Returns the largest reduction in dB.
pub(crate) fn limit(pcm: &mut [f32], ceiling: f32) -> f64 {
    let needed = needed(pcm, ceiling);
    let lowest = needed.iter().copied().fold(1.0f32, f32::min);
    if lowest >= 1.0 {
        return 0.0;
    }
    let held = hold(&needed, LOOK_AHEAD);
    let back = (1.0 - (-1.0 / (RELEASE * f64::from(RATE))).exp()) as f32;
    let mut gain = 1.0f32;
    let recovered: Vec<f32> = held
        .iter()
        .map(|h| {
            gain = (gain + (1.0 - gain) * back).min(*h);
            gain
        })
        .collect();
    let window = LOOK_AHEAD + 1;
    // As if the first gain had always been there: a peak at the very start has no room for a fall before it.
    let first = f64::from(recovered.first().copied().unwrap_or(1.0));
    let mut sum = first * window as f64;
    for (n, pair) in pcm.chunks_exact_mut(2).enumerate() {
        sum += f64::from(recovered[n]) - if n >= window { f64::from(recovered[n - window]) } else { first };
        let gain = (sum / window as f64) as f32;
        pair[0] *= gain;
        pair[1] *= gain;
    }
    -20.0 * f64::from(lowest).log10()
}

/// Smallest of each value and the `ahead` values after it.
fn hold(values: &[f32], ahead: usize) -> Vec<f32> {
    let mut out = vec![1.0f32; values.len()];
    // Indices of candidates, values rising from front to back.
    let mut queue: std::collections::VecDeque<usize> = std::collections::VecDeque::new();
    let mut next = 0;
    for (n, held) in out.iter_mut().enumerate() {
        while next < values.len() && next <= n + ahead {
            while queue.back().is_some_and(|b| values[*b] >= values[next]) {
                queue.pop_back();
            }
            queue.push_back(next);
            next += 1;
        }
        while queue.front().is_some_and(|f| *f < n) {
            queue.pop_front();
        }
        if let Some(f) = queue.front() {
            *held = values[*f];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ebur128::{EbuR128, Mode};
    use proptest::prelude::*;

    fn true_peak(pcm: &[f32]) -> f64 {
        let mut meter = EbuR128::new(2, RATE, Mode::TRUE_PEAK).unwrap();
        meter.add_frames_f32(pcm).unwrap();
        meter.true_peak(0).unwrap().max(meter.true_peak(1).unwrap())
    }

    #[test]
    fn peaks_between_samples_count() {
        // A quarter of the sample rate, sampled 45 degrees off its peaks: samples at 0.707, true peak 1.0.
        let mut pcm: Vec<f32> = (0..48_000)
            .flat_map(|n| {
                let v = (std::f32::consts::FRAC_PI_2 * n as f32 + std::f32::consts::FRAC_PI_4).sin();
                [v, v]
            })
            .collect();
        assert!(true_peak(&pcm) > 0.97);
        limit(&mut pcm, 0.8);
        let steady = &pcm[4800..91_200];
        assert!(true_peak(steady) < 0.83, "{}", true_peak(steady));
    }

    #[test]
    fn quiet_sound_is_left_alone() {
        let pcm: Vec<f32> = (0..9600).map(|n| (n as f32 * 0.01).sin() * 0.3).collect();
        let mut limited = pcm.clone();
        assert_eq!(limit(&mut limited, 0.5), 0.0);
        assert_eq!(limited, pcm);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn no_sample_passes_the_ceiling(seed in any::<u64>(), ceiling in 0.1f32..0.9) {
            let mut state = seed | 1;
            let mut pcm: Vec<f32> = (0..6000).map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
            }).collect();
            limit(&mut pcm, ceiling);
            prop_assert!(pcm.iter().all(|v| v.abs() <= ceiling * 1.0001));
        }
    }
}
