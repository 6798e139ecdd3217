//! Packing of bars into lanes, and thinning of long lists to what a screen can show.

/// Puts intervals (in the order given: by start) into the fewest lanes without overlap: each goes to the first lane
/// that is free. Returns the lane of each, and how many there are. Cost: intervals × lanes.
pub fn pack(spans: &[(f64, f64)], gap: f64) -> (Vec<usize>, usize) {
    let mut ends: Vec<f64> = Vec::new();
    let lanes = spans
        .iter()
        .map(|&(start, end)| match ends.iter_mut().enumerate().find(|(_, last)| **last + gap <= start) {
            Some((lane, last)) => {
                *last = end;
                lane
            }
            None => {
                ends.push(end);
                ends.len() - 1
            }
        })
        .collect();
    (lanes, ends.len())
}

/// A stretch with one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    pub start: f64,
    pub end: f64,
    pub kind: u32,
}

/// At most about `limit` stretches that look like `runs` on an axis of `duration`: when there are more, time is divided
/// into `limit` columns, each takes the kind that fills most of it, and equal neighbours merge.
pub fn thin(runs: Vec<Run>, duration: f64, limit: usize) -> Vec<Run> {
    if runs.len() <= limit || limit == 0 || duration.is_nan() || duration <= 0.0 {
        return runs;
    }
    let step = duration / limit as f64;
    let column = |t: f64| ((t / step).floor().max(0.0) as usize).min(limit - 1);
    let mut best: Vec<Option<(f64, u32)>> = vec![None; limit];
    for run in &runs {
        let (from, to) = (column(run.start), column(run.end));
        for (i, slot) in best.iter_mut().enumerate().take(to + 1).skip(from) {
            let left = i as f64 * step;
            let shared = run.end.min(left + step) - run.start.max(left);
            if shared > slot.map_or(0.0, |(most, _)| most) {
                *slot = Some((shared, run.kind));
            }
        }
    }
    let mut out: Vec<Run> = Vec::new();
    for (i, slot) in best.iter().enumerate() {
        let Some((_, kind)) = *slot else { continue };
        let (start, end) = (i as f64 * step, (i + 1) as f64 * step);
        match out.last_mut() {
            Some(last) if last.kind == kind && start - last.end < step / 2.0 => last.end = end,
            _ => out.push(Run { start, end, kind }),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bars_take_the_first_free_lane() {
        let (lanes, n) = pack(&[(0.0, 10.0), (2.0, 5.0), (5.5, 8.0), (10.0, 12.0)], 0.0);
        assert_eq!((lanes, n), (vec![0, 1, 1, 0], 2));
        assert_eq!(pack(&[], 0.0).1, 0);
    }

    #[test]
    fn thinning_keeps_the_prevailing_kind() {
        let runs = vec![
            Run { start: 0.0, end: 6.0, kind: 1 },
            Run { start: 6.0, end: 7.0, kind: 2 },
            Run { start: 9.0, end: 10.0, kind: 1 },
        ];
        let thinned = thin(runs, 10.0, 2);
        assert_eq!(thinned, vec![Run { start: 0.0, end: 10.0, kind: 1 }]);
    }

    proptest! {
        #[test]
        fn no_two_bars_of_a_lane_overlap(mut spans in prop::collection::vec((0.0..600.0f64, 0.1..60.0f64), 0..120)) {
            spans.sort_by(|a, b| a.0.total_cmp(&b.0));
            let spans: Vec<(f64, f64)> = spans.into_iter().map(|(s, d)| (s, s + d)).collect();
            let (lanes, n) = pack(&spans, 0.0);
            for (i, a) in spans.iter().enumerate() {
                prop_assert!(lanes[i] < n);
                for (j, b) in spans.iter().enumerate().skip(i + 1) {
                    prop_assert!(lanes[i] != lanes[j] || a.1 <= b.0 || b.1 <= a.0);
                }
            }
        }

        #[test]
        fn thinning_bounds_the_number(n in 0usize..3000, limit in 1usize..200) {
            let runs = (0..n).map(|i| Run { start: i as f64, end: i as f64 + 0.5, kind: (i % 3) as u32 }).collect();
            prop_assert!(thin(runs, n as f64, limit).len() <= limit);
        }
    }
}
