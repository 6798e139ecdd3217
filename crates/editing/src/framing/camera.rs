//! The virtual camera on one axis. The whole track is known, so the path is planned, not chased:
//!
//! 1. a *lazy* path moves only when the subject pushes against the edge of a dead zone. Among all paths that stay within
//!    the zone it has the least total variation, hence the fewest changes of direction;
//! 2. long holds are re-centred on the subject;
//! 3. a symmetric kernel eases every start and stop. Smoothing with a positive kernel cannot add a change of direction
//!    (it is variation diminishing: Schoenberg 1930), so jitter never comes back.

/// Seconds between points of a path: keys are at most ten a second.
pub(crate) const STEP: f64 = 0.1;
/// A hold at least this long is re-centred.
const LONG_HOLD: usize = 12;
/// Radius of the easing kernel, in steps; it grows when a move would be too fast.
const EASE: usize = 6;
const EASE_MAX: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    /// Half width of the dead zone, fraction of the picture.
    pub dead_zone: f64,
    /// Fastest move, fractions of the picture per second.
    pub speed: f64,
}

/// Path over `targets` (one each [`STEP`]; `None` where nothing is seen). Empty when no target is known.
/// The flag tells whether the move had to be slower than the subject.
pub(crate) fn path(targets: &[Option<f64>], limits: Limits) -> (Vec<f64>, bool) {
    let filled = fill(&median3(targets));
    if filled.is_empty() {
        return (Vec::new(), false);
    }
    let lazy = lazy(&filled, limits.dead_zone);
    let mut centred = recentre(&lazy, &filled, limits.dead_zone);
    if reversals(&centred) > reversals(&lazy) {
        centred = lazy;
    }
    let step = limits.speed * STEP;
    let mut radius = EASE;
    let mut smooth = ease(&centred, radius);
    while fastest(&smooth) > step && radius < EASE_MAX {
        radius += 2;
        smooth = ease(&centred, radius);
    }
    let hurried = fastest(&smooth) > step * 1.001;
    if hurried {
        smooth = throttle(&smooth, step);
    }
    (smooth, hurried)
}

/// The path that never moves: the middle of where the subject is, rare excursions left out.
pub(crate) fn still(targets: &[Option<f64>]) -> Vec<f64> {
    let mut seen: Vec<f64> = targets.iter().flatten().copied().collect();
    seen.sort_by(f64::total_cmp);
    let rare = seen.len() / 100;
    let ends = seen.get(rare).zip(seen.len().checked_sub(rare + 1).and_then(|i| seen.get(i)));
    ends.map_or(Vec::new(), |(lo, hi)| vec![(lo + hi) / 2.0; targets.len()])
}

/// Changes of direction along a path; standing still is not a direction.
pub(crate) fn reversals(path: &[f64]) -> usize {
    let (mut count, mut last) = (0, 0.0);
    for pair in path.windows(2) {
        let d = pair[1] - pair[0];
        if d.abs() < 1e-6 {
            continue;
        }
        if last != 0.0 && d.signum() != last {
            count += 1;
        }
        last = d.signum();
    }
    count
}

/// Removes single outliers of the detector.
fn median3(targets: &[Option<f64>]) -> Vec<Option<f64>> {
    (0..targets.len())
        .map(|i| {
            let mut near: Vec<f64> =
                targets[i.saturating_sub(1)..(i + 2).min(targets.len())].iter().flatten().copied().collect();
            near.sort_by(f64::total_cmp);
            targets[i].and(near.get(near.len() / 2).copied())
        })
        .collect()
}

/// Holds the last known target through gaps; the first known one reaches back to the start.
fn fill(targets: &[Option<f64>]) -> Vec<f64> {
    let Some(mut last) = targets.iter().flatten().next().copied() else { return Vec::new() };
    targets
        .iter()
        .map(|t| {
            last = t.unwrap_or(last);
            last
        })
        .collect()
}

fn lazy(targets: &[f64], zone: f64) -> Vec<f64> {
    // The first hold: as far as one position serves, the middle one of what is seen there.
    let (mut lo, mut hi) = (f64::NEG_INFINITY, f64::INFINITY);
    let mut served = 0;
    for t in targets {
        let (l, h) = (lo.max(t - zone), hi.min(t + zone));
        if l > h {
            break;
        }
        (lo, hi) = (l, h);
        served += 1;
    }
    let mut p = median(&targets[..served.max(1)]).clamp(lo, hi);
    targets
        .iter()
        .map(|t| {
            p = p.clamp(t - zone, t + zone);
            p
        })
        .collect()
}

/// Maps each long hold onto the median of its targets and the moves between holds along with them.
fn recentre(path: &[f64], targets: &[f64], zone: f64) -> Vec<f64> {
    let holds = holds(path);
    let mut out = path.to_vec();
    let value = |h: &(usize, usize)| median(&targets[h.0..h.1]).clamp(path[h.0] - zone, path[h.0] + zone);
    for h in &holds {
        out[h.0..h.1].fill(value(h));
    }
    let Some((first, last)) = holds.first().zip(holds.last()) else { return out };
    shift(&mut out[..first.0], value(first) - path[first.0]);
    shift(&mut out[last.1..], value(last) - path[last.0]);
    for pair in holds.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let (from, to) = (path[a.0], path[b.0]);
        let (new_from, new_to) = (value(&a), value(&b));
        for i in a.1..b.0 {
            let f = if (to - from).abs() > 1e-9 {
                (path[i] - from) / (to - from)
            } else {
                (i - a.1 + 1) as f64 / (b.0 - a.1 + 1) as f64
            };
            out[i] = new_from + (new_to - new_from) * f;
        }
    }
    // A move that leaves the subject is worse than an off-centre hold.
    let strays = out.iter().zip(targets).any(|(p, t)| (p - t).abs() > 2.0 * zone + 1e-9);
    if strays { path.to_vec() } else { out }
}

fn shift(part: &mut [f64], by: f64) {
    part.iter_mut().for_each(|v| *v += by);
}

/// Half-open ranges where the path stands still for long.
fn holds(path: &[f64]) -> Vec<(usize, usize)> {
    let (mut found, mut from) = (Vec::new(), 0);
    for i in 1..=path.len() {
        if i == path.len() || (path[i] - path[from]).abs() > 1e-9 {
            if i - from >= LONG_HOLD.min(path.len()) {
                found.push((from, i));
            }
            from = i;
        }
    }
    found
}

/// Triangular kernel; the ends are continued, so the path keeps its length.
fn ease(path: &[f64], radius: usize) -> Vec<f64> {
    let r = radius as i64;
    let last = path.len() as i64 - 1;
    let total = ((r + 1) * (r + 1)) as f64;
    (0..path.len() as i64)
        .map(|i| {
            let sum: f64 = (-r..=r).map(|k| (r + 1 - k.abs()) as f64 * path[(i + k).clamp(0, last) as usize]).sum();
            sum / total
        })
        .collect()
}

fn fastest(path: &[f64]) -> f64 {
    path.windows(2).map(|p| (p[1] - p[0]).abs()).fold(0.0, f64::max)
}

/// Limits the speed: the mean of a pass from each end, so that a move starts early and ends late by the same time.
fn throttle(path: &[f64], step: f64) -> Vec<f64> {
    let pass = |values: &mut dyn Iterator<Item = f64>| {
        let mut p: Option<f64> = None;
        values
            .map(|v| {
                let next = p.map_or(v, |p| v.clamp(p - step, p + step));
                p = Some(next);
                next
            })
            .collect::<Vec<f64>>()
    };
    let forward = pass(&mut path.iter().copied());
    let mut backward = pass(&mut path.iter().rev().copied());
    backward.reverse();
    forward.iter().zip(&backward).map(|(a, b)| (a + b) / 2.0).collect()
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// Indices of the points that describe a polyline to within `tolerance` (Douglas and Peucker 1973), iteratively.
pub(crate) fn corners(points: &[(f64, f64)], tolerance: f64) -> Vec<usize> {
    let n = points.len();
    if n <= 2 {
        return (0..n).collect();
    }
    let mut keep = vec![false; n];
    keep[0] = true;
    keep[n - 1] = true;
    let mut todo = vec![(0, n - 1)];
    while let Some((a, b)) = todo.pop() {
        let distance = |i: usize| {
            let f = (i - a) as f64 / (b - a) as f64;
            let line = |p: f64, q: f64| p + (q - p) * f;
            let dx = points[i].0 - line(points[a].0, points[b].0);
            let dy = points[i].1 - line(points[a].1, points[b].1);
            dx.abs().max(dy.abs())
        };
        let worst = (a + 1..b).map(|i| (distance(i), i)).max_by(|p, q| p.0.total_cmp(&q.0));
        if let Some((d, i)) = worst
            && d > tolerance
        {
            keep[i] = true;
            todo.push((a, i));
            todo.push((i, b));
        }
    }
    (0..n).filter(|i| keep[*i]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { dead_zone: 0.05, speed: 0.12 };

    fn seen(values: impl Iterator<Item = f64>) -> Vec<Option<f64>> {
        values.map(Some).collect()
    }

    #[test]
    fn a_still_face_with_jitter_moves_nothing() {
        let jitter = seen((0..300).map(|i| 0.5 + 0.03 * f64::sin(i as f64 * 1.7)));
        let (path, hurried) = path(&jitter, LIMITS);
        assert!(path.iter().all(|p| (p - path[0]).abs() < 1e-12), "{path:?}");
        assert!((path[0] - 0.5).abs() < 0.02 && !hurried);
    }

    #[test]
    fn a_slow_walk_is_one_smooth_move() {
        let walk = seen((0..200).map(|i| 0.3 + 0.4 * ((i as f64 - 60.0) / 80.0).clamp(0.0, 1.0)));
        let (path, hurried) = path(&walk, LIMITS);
        assert_eq!(reversals(&path), 0);
        assert!(!hurried);
        assert!((path[0] - 0.3).abs() < 0.06 && (path[199] - 0.7).abs() < 0.06, "{} {}", path[0], path[199]);
        assert!(path.windows(3).all(|w| (w[2] - 2.0 * w[1] + w[0]).abs() < 0.004), "a jerk");
    }

    #[test]
    fn a_leap_is_no_faster_than_allowed_and_said_so() {
        let leap = seen((0..100).map(|i| if i < 50 { 0.1 } else { 0.9 }));
        let (path, hurried) = path(&leap, LIMITS);
        assert!(hurried);
        assert!(path.windows(2).all(|p| (p[1] - p[0]).abs() <= 0.012 + 1e-9));
    }

    #[test]
    fn gaps_hold_and_nothing_seen_gives_nothing() {
        let mut gap = seen((0..60).map(|_| 0.4));
        gap[20..40].fill(None);
        let (path, _) = path(&gap, LIMITS);
        assert!(path.iter().all(|p| (p - 0.4).abs() < 1e-9));
        assert!(super::path(&[None, None], LIMITS).0.is_empty());
    }

    #[test]
    fn corners_keep_a_bend_and_drop_a_line() {
        let line: Vec<(f64, f64)> = (0..50).map(|i| (f64::from(i) * 0.01, 0.0)).collect();
        assert_eq!(corners(&line, 1e-4), vec![0, 49]);
        let bend: Vec<(f64, f64)> = (0..50).map(|i| (f64::from((i - 25i32).abs()) * 0.01, 0.0)).collect();
        assert_eq!(corners(&bend, 1e-4), vec![0, 25, 49]);
    }
}
