//! Cuts a stretch of speech into pieces of one voice: at pauses, and where the voice on both sides differs.
//!
//! Cutting too often costs little (the same speaker is put together again by [`super::speakers`]); a missed change
//! can't be repaired, so the thresholds lean to the first.

use super::mel::{BANDS, Frames};
use super::voice::{SIZE, STRIDE, VALUES, cosine};

/// A pause parts two pieces from this length on, frames (0.2 s).
const PAUSE: usize = 20;
/// Shorter runs say nothing about a voice, frames (0.3 s).
const SHORTEST: usize = 30;
/// Two sides of a border inside fluent speech differ when their cosine is below this. Measured on real voices: 3
/// windows a side give 0.72 ± 0.10 for one voice and at most 0.35 ± 0.11 for two.
const DIFFERENT: f32 = 0.52;
/// Windows compared on each side of a border, at most and at least.
const SIDE: usize = 4;
const LEAST: usize = 2;

/// A stretch of (probably) one voice.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    pub start: f64,
    pub end: f64,
    /// Sum of the unit vectors of its windows.
    pub sum: Vec<f32>,
    /// How much voice it stands for, in windows of 0.8 s at a stride of 0.4 s; 0 when it is too short to tell.
    pub weight: f32,
}

/// Half-open range of frames without a pause in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub from: usize,
    pub to: usize,
}

/// Runs of voice between the pauses, by the frames' level in dB.
pub fn runs(level: &[f32]) -> Vec<Run> {
    let mut sorted = level.to_vec();
    sorted.sort_by(f32::total_cmp);
    let at = |q: f32| sorted.get(((sorted.len() as f32 - 1.0) * q).max(0.0) as usize).copied().unwrap_or(0.0);
    let loud = at(0.95);
    // A pause is near the floor of the stretch, and far below its voice: a noisy room leaves less distance.
    let threshold = (at(0.05) + 6.0).clamp(loud - 40.0, loud - 22.0);
    let mut runs: Vec<Run> = Vec::new();
    for (i, _) in level.iter().enumerate().filter(|(_, l)| **l >= threshold) {
        match runs.last_mut() {
            Some(run) if i - run.to < PAUSE => run.to = i + 1,
            _ => runs.push(Run { from: i, to: i + 1 }),
        }
    }
    runs
}

/// First frames of the windows that cover `run`: every [`STRIDE`], and one flush with the end.
pub fn windows(run: Run) -> Vec<usize> {
    let length = run.to - run.from;
    if length < SHORTEST {
        return Vec::new();
    }
    if length <= SIZE {
        return vec![run.from];
    }
    let last = run.to - SIZE;
    let mut starts: Vec<usize> = (run.from..=last).step_by(STRIDE).collect();
    if starts.last().is_some_and(|s| last - s >= STRIDE / 2) {
        starts.push(last);
    }
    starts
}

/// The model's input for the window at `start`; a run shorter than a window is repeated until it fills one.
pub fn window(frames: &Frames, run: Run, start: usize) -> Vec<f32> {
    let length = (run.to - start).clamp(1, SIZE);
    let row = |i: usize| &frames.mel[(start + i % length) * BANDS..(start + i % length + 1) * BANDS];
    (0..SIZE).flat_map(|i| row(i).iter().copied()).collect()
}

/// Pieces of `run`: `vectors` belong to `starts` (as [`windows`] gave them), `time` gives the second of a frame.
pub fn cut(run: Run, starts: &[usize], vectors: &[Vec<f32>], level: &[f32], time: impl Fn(usize) -> f64) -> Vec<Piece> {
    let mut borders = vec![run.from];
    borders.extend(changes(starts, vectors).into_iter().map(|frame| valley(level, frame, run)));
    borders.dedup();
    borders.push(run.to);
    borders
        .windows(2)
        .filter(|pair| pair[0] < pair[1])
        .map(|pair| {
            let (from, to) = (pair[0], pair[1]);
            let mut piece = Piece { start: time(from), end: time(to), sum: vec![0.0; VALUES], weight: 0.0 };
            for (start, vector) in starts.iter().zip(vectors) {
                // A window belongs to the piece that holds its middle.
                let middle = (start + SIZE / 2).min(start + (run.to - start) / 2);
                if (from..to).contains(&middle) {
                    piece.sum.iter_mut().zip(vector).for_each(|(s, v)| *s += v);
                    piece.weight += ((run.to - start) as f32 / SIZE as f32).min(1.0);
                }
            }
            piece
        })
        .collect()
}

/// Frames at which the voice changes: local minima of the likeness of both sides that fall below [`DIFFERENT`].
fn changes(starts: &[usize], vectors: &[Vec<f32>]) -> Vec<usize> {
    let n = starts.len();
    // A border at the start of window j: windows up to j-2 end before it, windows from j on begin after it.
    let likeness: Vec<Option<f32>> = (0..n)
        .map(|j| {
            let left = &vectors[j.saturating_sub(1 + SIDE).min(n)..j.saturating_sub(1)];
            let right = &vectors[j..(j + SIDE).min(n)];
            (left.len() >= LEAST && right.len() >= LEAST).then(|| cosine(&sum(left), &sum(right)))
        })
        .collect();
    (0..n)
        .filter(|&j| {
            let Some(own) = likeness[j] else { return false };
            let around = &likeness[j.saturating_sub(2)..(j + 3).min(n)];
            // Of equal neighbours the first wins.
            let lowest = around.iter().flatten().all(|l| *l >= own)
                && !likeness[j.saturating_sub(2)..j].iter().flatten().any(|l| *l == own);
            own < DIFFERENT && lowest
        })
        .map(|j| starts[j])
        .collect()
}

/// The quietest 50 ms within 0.3 s of `frame`: people change turns between words.
fn valley(level: &[f32], frame: usize, run: Run) -> usize {
    let from = frame.saturating_sub(30).max(run.from + 3);
    let to = (frame + 30).min(run.to.saturating_sub(3));
    (from..to)
        .min_by(|a, b| {
            let around = |i: usize| level[i.saturating_sub(2)..(i + 3).min(level.len())].iter().sum::<f32>();
            around(*a).total_cmp(&around(*b))
        })
        .unwrap_or(frame)
}

fn sum(vectors: &[Vec<f32>]) -> Vec<f32> {
    let mut total = vec![0.0; vectors.first().map_or(0, Vec::len)];
    for vector in vectors {
        total.iter_mut().zip(vector).for_each(|(t, v)| *t += v);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A voice: an axis, a little blurred.
    fn voice(axis: usize, seed: usize) -> Vec<f32> {
        let mut v = vec![0.0; VALUES];
        v[axis] = 1.0;
        v[100 + seed * 7 % 50] = 0.6;
        v
    }

    #[test]
    fn pauses_part_runs() {
        let mut level = vec![-20.0; 300];
        level[100..130].fill(-70.0);
        level[200..210].fill(-70.0);
        assert_eq!(runs(&level), [Run { from: 0, to: 100 }, Run { from: 130, to: 300 }]);
        assert!(runs(&[]).is_empty());
    }

    #[test]
    fn windows_cover_a_run() {
        assert_eq!(windows(Run { from: 10, to: 30 }), Vec::<usize>::new());
        assert_eq!(windows(Run { from: 10, to: 60 }), [10]);
        assert_eq!(windows(Run { from: 0, to: 200 }), [0, 40, 80, 120]);
        assert_eq!(windows(Run { from: 0, to: 230 }), [0, 40, 80, 120, 150]);
    }

    #[test]
    fn fluent_speech_is_cut_where_the_voice_changes() {
        let run = Run { from: 0, to: 800 };
        let starts = windows(run);
        let vectors: Vec<Vec<f32>> = starts.iter().enumerate().map(|(i, s)| voice(usize::from(*s >= 400), i)).collect();
        let mut level = vec![-20.0; 800];
        level[408..414].fill(-35.0);
        let pieces = cut(run, &starts, &vectors, &level, |f| f as f64 / 100.0);
        assert_eq!(pieces.len(), 2);
        assert!((pieces[0].end - 4.1).abs() < 0.05 && pieces[1].start == pieces[0].end, "{}", pieces[0].end);
        let same: Vec<Vec<f32>> = (0..starts.len()).map(|i| voice(3, i)).collect();
        assert_eq!(cut(run, &starts, &same, &level, |f| f as f64).len(), 1);
    }

    proptest! {
        #[test]
        fn pieces_cover_their_run(
            length in 1..2_000_usize,
            from in 0..500_usize,
            axes in proptest::collection::vec(0..4_usize, 60),
        ) {
            let run = Run { from, to: from + length };
            let starts = windows(run);
            prop_assert!(starts.iter().all(|s| *s >= run.from && *s < run.to));
            let vectors: Vec<Vec<f32>> = starts.iter().zip(&axes).map(|(s, a)| voice(*a, *s)).collect();
            let level = vec![-30.0; run.to];
            let pieces = cut(run, &starts, &vectors, &level, |f| f as f64);
            prop_assert_eq!(pieces[0].start, run.from as f64);
            prop_assert_eq!(pieces[pieces.len() - 1].end, run.to as f64);
            prop_assert!(pieces.windows(2).all(|p| p[0].end == p[1].start));
            let weight: f32 = pieces.iter().map(|p| p.weight).sum();
            prop_assert!(weight <= starts.len() as f32 + 1e-3);
        }
    }
}
