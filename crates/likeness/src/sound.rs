//! Landmarks of the sound: threes of peaks of the spectrum, after the pairs of Wang (2003, "An industrial-strength audio
//! search algorithm").
//!
//! Peaks keep their place under encoding, equalising and a change of level, and a landmark knows only how its three peaks
//! lie to one another, so that trimming does not touch it. Three instead of two make a landmark so rare that a look-up
//! among 100,000 videos reads little more than what really agrees. Silence, hum and steady tones have no peaks in time and
//! leave no landmark.
//!
//! Of all landmarks about one in thirty-two is kept, chosen by its own shape: copies keep the same ones. The shape is 8 bits
//! frequency of the first peak (2 bins of 7.8 Hz), twice 7 bits frequency step (2 bins) and twice 4 bits time (128 ms).

use std::collections::VecDeque;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use crate::print::{LATEST_LANDMARK, Landmark, MAX_LANDMARKS, Print, survives};

/// Samples per second of what is pushed, mono: what speech recognition decodes to anyway.
pub const RATE: u32 = 16_000;
/// Landmarks whose rank (of 65,536) is below this are kept.
pub(crate) const RANKS: u32 = 1 << 11;
/// 128 ms; 7.8 Hz a bin.
const WINDOW: usize = 2048;
/// 32 ms.
const HOP: usize = 512;
/// Bins that are looked at: 297 Hz to 3.5 kHz, which every encoder keeps.
const FIRST: usize = 38;
const BINS: usize = 410;
/// A peak is the loudest within so many frames before and after (256 ms), and bins below and above (110 Hz).
const FRAMES: usize = 8;
const NEAR: usize = 14;
/// Nothing quieter than -70 dB is a peak (natural logarithm of power against full scale).
const FLOOR: f32 = -16.1;
/// A peak is at most 35 dB below the loudest bin of its frame (encoders drop what is quieter), 10 dB above the mean, and 6 dB
/// above the quietest moment of its bin around it.
const BELOW_LOUDEST: f32 = 8.06;
const ABOVE_FRAME: f32 = 2.3;
const ABOVE_TIME: f32 = 1.38;
/// The other peaks lie so many frames (up to 2 s) and bins away.
const SOONEST: u32 = 3;
const LATEST: u32 = 62;
const WIDEST: u32 = 126;
/// Peaks that are paired with one, the next in time.
const FAN: usize = 5;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Peak {
    frame: u32,
    bin: u32,
}

/// One frame that waits until the frames after it are known.
struct Row {
    power: Vec<f32>,
    /// The loudest within [`NEAR`] bins.
    around: Vec<f32>,
    /// What a peak of this frame must reach.
    bar: f32,
}

/// Takes samples in blocks of any size. Memory: half a second of sound, and the print itself.
pub struct Hearing {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    input: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    pending: VecDeque<f32>,
    rows: VecDeque<Row>,
    /// Number of the next frame.
    next: u32,
    samples: u64,
    peaks: VecDeque<Peak>,
    landmarks: Vec<Landmark>,
    thinned: u8,
}

impl Default for Hearing {
    fn default() -> Self {
        Self::new()
    }
}

impl Hearing {
    pub fn new() -> Self {
        let fft = RealFftPlanner::<f32>::new().plan_fft_forward(WINDOW);
        let turn = std::f32::consts::TAU / WINDOW as f32;
        Self {
            window: (0..WINDOW).map(|n| 0.5 - 0.5 * (turn * n as f32).cos()).collect(),
            input: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            fft,
            pending: VecDeque::new(),
            rows: VecDeque::new(),
            next: 0,
            samples: 0,
            peaks: VecDeque::new(),
            landmarks: Vec::new(),
            thinned: 0,
        }
    }

    /// The next samples at [`RATE`], -1..1; what is no number counts as silence.
    pub fn push(&mut self, samples: &[f32]) {
        self.samples += samples.len() as u64;
        // In pieces, so that one huge block needs no second copy of itself.
        for piece in samples.chunks(16 * HOP) {
            self.pending.extend(piece.iter().map(|s| if s.is_finite() { s.clamp(-1.0, 1.0) } else { 0.0 }));
            while self.pending.len() >= WINDOW {
                self.frame();
                self.pending.drain(..HOP);
            }
        }
    }

    /// The print of the sound alone; its length is that of the samples.
    pub fn finish(mut self) -> Print {
        // The last frames wait for later ones: silence has no peaks and lets them go.
        for _ in 0..=FRAMES {
            self.push_row(Row { power: vec![FLOOR; BINS], around: vec![FLOOR; BINS], bar: f32::MAX });
        }
        while let Some(first) = self.peaks.pop_front() {
            self.combine(first);
        }
        let seconds = self.samples as f64 / f64::from(RATE);
        Print::thinned_to(self.thinned, seconds, self.landmarks, Vec::new())
    }

    fn frame(&mut self) {
        for (slot, (sample, window)) in self.input.iter_mut().zip(self.pending.iter().zip(&self.window)) {
            *slot = sample * window;
        }
        // Lengths are those of the plan, which is the only thing that it can complain about.
        let done = self.fft.process_with_scratch(&mut self.input, &mut self.spectrum, &mut self.scratch);
        debug_assert!(done.is_ok());
        // A full-scale sine has a quarter of the window as its magnitude.
        let full = (WINDOW as f32 / 4.0).powi(2);
        let bins = self.spectrum.iter().skip(FIRST).take(BINS);
        let power: Vec<f32> = bins.map(|c| (c.norm_sqr() / full).max(1e-9).ln()).collect();
        let mean = power.iter().sum::<f32>() / BINS as f32;
        let loudest = power.iter().copied().fold(FLOOR, f32::max);
        let bar = (mean + ABOVE_FRAME).max(loudest - BELOW_LOUDEST).max(FLOOR);
        let around = loudest_around(&power);
        self.push_row(Row { power, around, bar });
    }

    fn push_row(&mut self, row: Row) {
        self.rows.push_back(row);
        let frame = self.next;
        self.next = self.next.saturating_add(1);
        if self.rows.len() > 2 * FRAMES + 1 {
            self.rows.pop_front();
        }
        // Early on fewer rows lie before the one in the middle.
        if self.next as usize <= FRAMES {
            return;
        }
        let middle = self.rows.len() - 1 - FRAMES;
        self.find(middle, frame - FRAMES as u32);
        while let Some(first) = self.peaks.front().copied().filter(|p| p.frame + LATEST + FRAMES as u32 <= frame) {
            self.peaks.pop_front();
            self.combine(first);
        }
    }

    /// Peaks of the row `middle`, which is the frame `frame`.
    fn find(&mut self, middle: usize, frame: u32) {
        let Some(row) = self.rows.get(middle) else { return };
        for (bin, (&power, &around)) in row.power.iter().zip(&row.around).enumerate() {
            if power < around || power < row.bar {
                continue;
            }
            let mut quietest = power;
            let loudest = self.rows.iter().enumerate().all(|(n, other)| {
                quietest = quietest.min(other.power[bin]);
                // Of equals the first one counts.
                if n < middle { other.around[bin] < power } else { other.around[bin] <= power }
            });
            if loudest && quietest + ABOVE_TIME <= power {
                self.peaks.push_back(Peak { frame, bin: bin as u32 });
            }
        }
    }

    /// Landmarks that start with `first`; the peaks after it are all known.
    fn combine(&mut self, first: Peak) {
        let reach = |p: &&Peak| {
            (SOONEST..=LATEST).contains(&p.frame.saturating_sub(first.frame)) && p.bin.abs_diff(first.bin) <= WIDEST
        };
        let others: Vec<Peak> = self.peaks.iter().filter(reach).take(FAN).copied().collect();
        for (n, second) in others.iter().enumerate() {
            for third in &others[n + 1..] {
                // Three peaks of one tone say nothing of the sound.
                if second.bin.abs_diff(first.bin) < 3 && third.bin.abs_diff(first.bin) < 3 {
                    continue;
                }
                let landmark = Landmark { at: first.frame / 2, shape: shape(first, *second, *third) };
                if landmark.at <= LATEST_LANDMARK && survives(landmark.rank(), self.thinned) {
                    self.landmarks.push(landmark);
                }
            }
        }
        // While it runs no more than twice the cap is held.
        if self.landmarks.len() > 2 * MAX_LANDMARKS {
            self.thinned = (self.thinned + 1).min(15);
            let thinned = self.thinned;
            self.landmarks.retain(|l| survives(l.rank(), thinned));
        }
    }
}

fn shape(first: Peak, second: Peak, third: Peak) -> u32 {
    // Steps of -126..=126 bins become 0..=126 of two bins.
    let step = |p: Peak| (p.bin + WIDEST - first.bin) / 2;
    let time = |p: Peak| (p.frame - first.frame) / 4;
    (first.bin / 2) << 22 | step(second) << 15 | step(third) << 8 | time(second) << 4 | time(third)
}

fn loudest_around(power: &[f32]) -> Vec<f32> {
    let last = power.len();
    (0..last)
        .map(|bin| power[bin.saturating_sub(NEAR)..(bin + NEAR + 1).min(last)].iter().copied().fold(f32::MIN, f32::max))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Syllables: chords that change several times a second, each with its own frequencies and length.
    pub(crate) fn speech(seed: u32, seconds: usize) -> Vec<f32> {
        let mut state = seed.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        let mut dice = move || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as f32 / u32::MAX as f32
        };
        let total = seconds * RATE as usize;
        let mut out = Vec::with_capacity(total);
        while out.len() < total {
            let length = (RATE as f32 * (0.08 + 0.25 * dice())) as usize;
            let tones: Vec<(f32, f32)> = (0..4).map(|_| (320.0 + 2900.0 * dice(), 0.02 + 0.1 * dice())).collect();
            for n in 0..length {
                let (t, fade) = (n as f32 / RATE as f32, (n as f32 / length as f32 * std::f32::consts::PI).sin());
                let sum: f32 = tones.iter().map(|(f, a)| a * (std::f32::consts::TAU * f * t).sin()).sum();
                out.push(sum * fade);
            }
        }
        out.truncate(total);
        out
    }

    fn print(samples: &[f32], block: usize) -> Print {
        let mut hearing = Hearing::new();
        samples.chunks(block).for_each(|b| hearing.push(b));
        hearing.finish()
    }

    fn common(a: &Print, b: &Print, shift: i64) -> usize {
        let near = |l: &&Landmark| {
            (-1..=1).any(|d| {
                let at = i64::from(l.at) - shift + d;
                u32::try_from(at).is_ok_and(|at| b.landmarks().binary_search(&Landmark { at, ..**l }).is_ok())
            })
        };
        a.landmarks().iter().filter(near).count()
    }

    #[test]
    fn blocks_of_any_size_give_the_same_print() {
        let sound = speech(1, 20);
        let whole = print(&sound, sound.len());
        assert!(whole.landmarks().len() > 20, "{}", whole.landmarks().len());
        assert_eq!(print(&sound, 777), whole);
        assert_eq!(whole.seconds(), 20.0);
    }

    #[test]
    fn level_noise_and_trimming_leave_most_landmarks() {
        let sound = speech(2, 60);
        let whole = print(&sound, 4096);
        let quiet: Vec<f32> = sound.iter().map(|s| s * 0.25).collect();
        assert!(common(&print(&quiet, 4096), &whole, 0) * 10 > whole.landmarks().len() * 9);
        let noisy: Vec<f32> =
            sound.iter().enumerate().map(|(n, s)| s + 0.002 * ((n * 7919 % 1000) as f32 / 500.0 - 1.0)).collect();
        assert!(common(&print(&noisy, 4096), &whole, 0) * 2 > whole.landmarks().len());
        // 10.003 s are missing at the start: no frame lies where it lay.
        let cut = print(&sound[160_048..], 4096);
        let share = common(&whole, &cut, 156) as f64 / cut.landmarks().len() as f64;
        assert!(share > 0.3, "{share}");
    }

    #[test]
    fn other_sound_has_nothing_in_common() {
        let (a, b) = (print(&speech(3, 60), 4096), print(&speech(4, 60), 4096));
        assert_eq!(common(&a, &b, 0), 0);
    }

    #[test]
    fn silence_hum_and_tones_leave_nothing() {
        let tone = |f: f32| move |n: usize| 0.5 * (std::f32::consts::TAU * f * n as f32 / RATE as f32).sin();
        let two = |n: usize| tone(440.0)(n) + tone(880.0)(n);
        assert_eq!(print(&vec![0.0; 480_000], 4096).landmarks().len(), 0);
        assert_eq!(print(&vec![f32::NAN; 48_000], 4096).landmarks().len(), 0);
        assert!(print(&(0..480_000).map(tone(1000.0)).collect::<Vec<_>>(), 4096).landmarks().len() < 3);
        assert!(print(&(0..480_000).map(two).collect::<Vec<_>>(), 4096).landmarks().len() < 3);
        assert_eq!(print(&[], 1).seconds(), 0.0);
    }
}
