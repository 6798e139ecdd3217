//! When each token was said, out of what the model listened to while saying it.
//!
//! The heads that follow the sound in time (`alignment_heads`, exported as `cross_qk`) are normalised, smoothed and
//! averaged; dynamic time warping (Sakoe, Chiba 1978) then finds the path through tokens and time that listens best.

use super::TIME_STEPS;

/// Width of the median filter along time, in steps of 20 ms.
const MEDIAN: usize = 7;

/// For each row the step (20 ms) at which its token begins. `rows[i]` holds `heads` × [`TIME_STEPS`] raw scores of the
/// moment when token `i` was said; only the first `steps` are looked at.
pub fn starts(rows: &[&[f32]], heads: usize, steps: usize) -> Vec<usize> {
    let steps = steps.clamp(1, TIME_STEPS);
    let mut mean = vec![0.0f32; rows.len() * steps];
    for head in 0..heads {
        let mut weights: Vec<f32> = Vec::with_capacity(rows.len() * steps);
        for row in rows {
            let at = head * TIME_STEPS;
            let Some(scores) = row.get(at..at + steps) else { return vec![0; rows.len()] };
            softmax_into(scores, &mut weights);
        }
        normalise_columns(&mut weights, steps);
        for (sum, row) in mean.chunks_exact_mut(steps).zip(weights.chunks_exact(steps)) {
            add_median(row, sum);
        }
    }
    warp(&mean, rows.len(), steps)
}

fn softmax_into(scores: &[f32], out: &mut Vec<f32>) {
    let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let from = out.len();
    out.extend(scores.iter().map(|s| (s - top).exp()));
    let total: f32 = out[from..].iter().sum();
    for value in &mut out[from..] {
        *value /= total;
    }
}

/// Brings each column (one step of time over all tokens) to mean 0 and deviation 1.
fn normalise_columns(weights: &mut [f32], steps: usize) {
    let rows = (weights.len() / steps).max(1) as f32;
    let (mut mean, mut square) = (vec![0.0f32; steps], vec![0.0f32; steps]);
    for row in weights.chunks_exact(steps) {
        for (sum, value) in mean.iter_mut().zip(row) {
            *sum += value / rows;
        }
    }
    for row in weights.chunks_exact(steps) {
        for ((sum, value), mean) in square.iter_mut().zip(row).zip(&mean) {
            *sum += (value - mean) * (value - mean) / rows;
        }
    }
    for deviation in &mut square {
        *deviation = 1.0 / (deviation.sqrt() + 1e-9);
    }
    for row in weights.chunks_exact_mut(steps) {
        for ((value, mean), scale) in row.iter_mut().zip(&mean).zip(&square) {
            *value = (*value - mean) * scale;
        }
    }
}

/// Adds the running median of `row` (mirrored at its ends) to `sum`.
fn add_median(row: &[f32], sum: &mut [f32]) {
    let half = MEDIAN / 2;
    let at = |i: isize| {
        let last = row.len() as isize - 1;
        let mirrored = if i < 0 {
            -i
        } else if i > last {
            2 * last - i
        } else {
            i
        };
        row[mirrored.clamp(0, last) as usize]
    };
    let edge = |i: usize| median7(std::array::from_fn(|k| at(i as isize + k as isize - half as isize)));
    let n = row.len();
    for i in (0..half.min(n)).chain(n.saturating_sub(half).max(half)..n) {
        sum[i] += edge(i);
    }
    for (sum, near) in sum.iter_mut().skip(half).zip(row.windows(MEDIAN)) {
        *sum += median7(std::array::from_fn(|k| near[k]));
    }
}

/// Median of seven by exchanging pairs (no branches, so that the compiler can do many at once).
fn median7(mut v: [f32; 7]) -> f32 {
    // Devillard's 13 exchanges (1998), which order only what the middle needs.
    const PAIRS: [(usize, usize); 13] =
        [(0, 5), (0, 3), (1, 6), (2, 4), (0, 1), (3, 5), (2, 6), (2, 3), (3, 6), (4, 5), (1, 4), (1, 3), (3, 4)];
    for (a, b) in PAIRS {
        let (x, y) = (v[a], v[b]);
        v[a] = if x < y { x } else { y };
        v[b] = if x < y { y } else { x };
    }
    v[3]
}

/// The cheapest monotonic path through `rows` × `steps` (cost = −score); for each row the first step on it.
fn warp(score: &[f32], rows: usize, steps: usize) -> Vec<usize> {
    const BOTH: u8 = 0;
    const ROW: u8 = 1;
    const TIME: u8 = 2;
    let width = steps + 1;
    let mut trace = vec![TIME; (rows + 1) * width];
    let mut above = vec![f32::INFINITY; width];
    above[0] = 0.0;
    let mut current = vec![f32::INFINITY; width];
    for row in 0..rows {
        current[0] = f32::INFINITY;
        let line = &mut trace[(row + 1) * width..(row + 2) * width];
        line[0] = ROW;
        for step in 1..width {
            let (both, down, along) = (above[step - 1], above[step], current[step - 1]);
            let (cost, from) = if both < down && both < along {
                (both, BOTH)
            } else if down < both && down < along {
                (down, ROW)
            } else {
                (along, TIME)
            };
            current[step] = cost - score[row * steps + step - 1];
            line[step] = from;
        }
        std::mem::swap(&mut above, &mut current);
    }
    let mut starts = vec![0; rows];
    let (mut row, mut step) = (rows, steps);
    while row > 0 && step > 0 {
        starts[row - 1] = step - 1;
        match trace[row * width + step] {
            BOTH => (row, step) = (row - 1, step - 1),
            ROW => row -= 1,
            _ => step -= 1,
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Raw scores of tokens that each listen to 12 steps from `begins[i]` on.
    fn rows(begins: &[usize], heads: usize) -> Vec<Vec<f32>> {
        begins
            .iter()
            .map(|&b| {
                (0..heads * TIME_STEPS)
                    .map(|i| if (b..b + 12).contains(&(i % TIME_STEPS)) { 8.0 } else { 0.0 })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn tokens_begin_where_they_are_listened_to() {
        let begins = [0, 12, 24, 60, 72, 200];
        let rows = rows(&begins, 3);
        let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
        let found = starts(&rows, 3, 240);
        for (found, wanted) in found.iter().zip(begins).filter(|(_, b)| ![60, 200].contains(b)) {
            assert!(found.abs_diff(wanted) <= 2, "{found} instead of {wanted}");
        }
        // After a pause the path may move on anywhere in the pause: words are set right by voice activity later.
        assert!((36..=62).contains(&found[3]) && (84..=202).contains(&found[5]), "{found:?}");
    }

    #[test]
    fn scores_that_are_too_short_do_no_harm() {
        assert_eq!(starts(&[&[0.0; 10], &[]], 2, 100), [0, 0]);
        assert!(starts(&[], 8, 1500).is_empty());
    }

    proptest! {
        #[test]
        fn the_median_is_the_middle(values in any::<[i16; 7]>()) {
            let mut sorted = values;
            sorted.sort_unstable();
            prop_assert_eq!(median7(values.map(f32::from)), f32::from(sorted[3]));
        }

        #[test]
        fn starts_never_go_back(seed in any::<u64>(), n in 1usize..20, steps in 1usize..300) {
            let mut x = seed;
            let row: Vec<Vec<f32>> = (0..n).map(|_| (0..2 * TIME_STEPS).map(|_| {
                x = x.wrapping_mul(6364136223846793005).wrapping_add(1);
                (x >> 40) as f32 / 1e6
            }).collect()).collect();
            let rows: Vec<&[f32]> = row.iter().map(Vec::as_slice).collect();
            let found = starts(&rows, 2, steps);
            prop_assert!(found.windows(2).all(|p| p[0] <= p[1]));
            prop_assert!(found.iter().all(|&s| s < steps));
        }
    }
}
