//! Decides which moments of the sound are peaks.

use omniva_contracts::Span;
use omniva_contracts::analysis::{AudioPeak, PeakKind};

use super::levels::SILENCE;
use super::peaks::{Moment, moments_in, peak, seconds};

/// Rise over the surroundings that makes a burst, dB, and the one that makes it a full one.
const RISE: f32 = 8.0;
const FULL_RISE: f32 = 20.0;
/// Surroundings: this many seconds on each side.
const AROUND: f64 = 15.0;
/// Nothing quieter is a peak, dBFS.
const QUIET: f32 = -45.0;
/// Longest burst; something louder that lasts is a louder part of the source, seconds.
const LONGEST_BURST: f64 = 3.0;
/// Laughter: pulse needed outside speech, and at the edges of speech, where syllables pulse too (laughing words are
/// where a voice-activity detector often begins late or ends late).
const PULSE: f32 = 0.45;
const PULSE_AT_EDGE: f32 = 0.72;
/// How far into speech its edge reaches, seconds. Further inside, a steady pulse is somebody counting.
const EDGE: f64 = 2.0;
/// Speech goes on over a pause of up to this length, seconds.
const BREATH: f64 = 1.0;
/// Applause: flatness of its noise.
const NOISE: f32 = 0.35;
/// Shortest laughter and applause; and longest, beyond which it is music or a machine, seconds.
const SHORTEST: f64 = 0.8;
const LONGEST: f64 = 20.0;

/// Peaks of `moments`, in order of time. Linear in their number.
pub(super) fn peaks(moments: &[Moment], speech: &[Span]) -> Vec<AudioPeak> {
    let spoken = spoken(moments.len(), speech);
    let surroundings = surroundings(moments, &spoken);
    let inner = inner(&spoken);
    let mut found = laughter(moments, &spoken, &inner, &surroundings);
    for burst in bursts(moments, &surroundings) {
        // Laughter that is also loud is laughter.
        if !found.iter().any(|p| p.kind == PeakKind::Laughter && burst.start < p.end && burst.end > p.start) {
            found.push(burst);
        }
    }
    found.sort_by(|a, b| a.start.total_cmp(&b.start).then(a.end.total_cmp(&b.end)));
    found
}

/// What a moment is compared with.
#[derive(Clone, Copy, Debug)]
struct Surrounding {
    /// Level that the louder moments around reach (90 % are quieter), dBFS.
    loud: f32,
    /// Level that is always there (10 % are quieter), dBFS.
    floor: f32,
}

fn spoken(count: usize, speech: &[Span]) -> Vec<bool> {
    let mut spoken = vec![false; count];
    for span in speech {
        let from = moments_in(span.start.max(0.0)).min(count);
        let to = moments_in(span.end.max(0.0)).clamp(from, count);
        spoken[from..to].fill(true);
    }
    spoken
}

/// Levels around each second, from a histogram that slides along: linear, whatever the width.
fn surroundings(moments: &[Moment], spoken: &[bool]) -> Vec<Surrounding> {
    let reach = moments_in(AROUND);
    let second = moments_in(1.0);
    let bin = |level: f32| ((level - SILENCE).clamp(0.0, -SILENCE)) as usize;
    let mut counts = [0_usize; 101];
    let (mut from, mut to, mut total) = (0, 0, 0);
    let mut out = Vec::with_capacity(moments.len() / second + 1);
    for start in (0..moments.len()).step_by(second) {
        let (low, high) = (start.saturating_sub(reach), (start + second + reach).min(moments.len()));
        while to < high {
            counts[bin(moments[to].level)] += 1;
            to += 1;
            total += 1;
        }
        while from < low {
            counts[bin(moments[from].level)] -= 1;
            from += 1;
            total -= 1;
        }
        let quantile = |share: f64| {
            let wanted = (total as f64 * share) as usize;
            let mut seen = 0;
            counts
                .iter()
                .position(|c| {
                    seen += c;
                    seen > wanted
                })
                .map_or(SILENCE, |b| b as f32 + SILENCE)
        };
        // Where most of the time is speech, its louder syllables are no surprise.
        let talking = spoken[low..high].iter().filter(|s| **s).count() * 2 > high - low;
        out.push(Surrounding { loud: quantile(if talking { 0.9 } else { 0.8 }), floor: quantile(0.1) });
    }
    out
}

fn around(surroundings: &[Surrounding], index: usize) -> Surrounding {
    let quiet = Surrounding { loud: SILENCE, floor: SILENCE };
    surroundings.get(index / moments_in(1.0)).copied().unwrap_or(quiet)
}

fn bursts(moments: &[Moment], surroundings: &[Surrounding]) -> Vec<AudioPeak> {
    let rise = |i: usize| moments[i].level - around(surroundings, i).loud.max(QUIET);
    groups(moments.len(), 3, |i| rise(i) >= RISE)
        .into_iter()
        .filter_map(|(from, to)| {
            let sudden = from.saturating_sub(5)..from;
            let before = moments[sudden].iter().map(|m| m.level).fold(f32::INFINITY, f32::min);
            let top = (from..to).map(|i| moments[i].level).fold(SILENCE, f32::max);
            let strength = (from..to).map(rise).fold(0.0, f32::max);
            (to - from <= moments_in(LONGEST_BURST) && (from == 0 || top - before >= RISE))
                .then(|| peak(from, to, PeakKind::Burst, 0.2 + 0.8 * (strength - RISE) / (FULL_RISE - RISE)))
        })
        .collect()
}

/// Moments inside fluent speech (with its breaths), not at its edges.
fn inner(spoken: &[bool]) -> Vec<bool> {
    let edge = moments_in(EDGE);
    let mut inner = vec![false; spoken.len()];
    for (from, to) in groups(spoken.len(), moments_in(BREATH), |i| spoken[i]) {
        if to - from > 2 * edge {
            inner[from + edge..to - edge].fill(true);
        }
    }
    inner
}

fn laughter(moments: &[Moment], spoken: &[bool], inner: &[bool], surroundings: &[Surrounding]) -> Vec<AudioPeak> {
    // The rhythm of a moment looks back 2 s: what it says is about the middle of them.
    let back = moments_in(1.0);
    let pulse = |i: usize| {
        let at = |j: usize| moments.get(j).map_or(0.0, |m| m.rhythm);
        at(i + back).max(at(i + back / 2)).max(at(i + 3 * back / 2))
    };
    let audible = |i: usize| {
        let level = around_level(moments, i);
        level >= QUIET && level >= around(surroundings, i).floor + 10.0
    };
    let score = |i: usize| {
        if inner[i] || !audible(i) {
            return -1.0;
        }
        let steady = if spoken[i] { PULSE_AT_EDGE } else { PULSE };
        let laughs = (pulse(i) - steady) / (1.0 - steady);
        let claps = if spoken[i] { -1.0 } else { (moments[i].flatness - NOISE) / (0.8 - NOISE) };
        laughs.max(claps)
    };
    groups(moments.len(), 5, |i| score(i) >= 0.0)
        .into_iter()
        .filter(|(from, to)| (moments_in(SHORTEST)..=moments_in(LONGEST)).contains(&(to - from)))
        .map(|(from, to)| {
            let good: Vec<f32> = (from..to).map(score).filter(|s| *s >= 0.0).collect();
            let mean = good.iter().sum::<f32>() / good.len().max(1) as f32;
            let length = (seconds(to - from) / 3.0).min(1.0) as f32;
            peak(from, to, PeakKind::Laughter, 0.3 + 0.5 * mean.min(1.0) + 0.2 * length)
        })
        .collect()
}

/// The loudest within 0.2 s: the gaps between two "ha" belong to the laughter.
fn around_level(moments: &[Moment], i: usize) -> f32 {
    moments[i.saturating_sub(2)..(i + 3).min(moments.len())].iter().map(|m| m.level).fold(SILENCE, f32::max)
}

/// Half-open ranges where `holds`, bridging up to `gap` moments where it does not.
fn groups(count: usize, gap: usize, holds: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    for i in (0..count).filter(|i| holds(*i)) {
        match out.last_mut() {
            Some(last) if i - last.1 <= gap => last.1 = i + 1,
            _ => out.push((i, i + 1)),
        }
    }
    out
}
