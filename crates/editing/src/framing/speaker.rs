//! Which of several faces speaks: the mouth that moves clearly more than the others for long. Head movement also moves
//! a mouth, so the bar is high, and whoever is unsure shows both.

use omniva_contracts::geometry::Span;

use super::persons::Person;
use crate::timeline::tidy;

/// Seconds that are looked at together.
const WINDOW: f64 = 1.5;
const HOP: f64 = 0.5;
/// The speaker's mouth moves at least this many times as much as the next one.
const CLEAR: f64 = 2.0;
/// Mouth movement below this is no speech.
const FLOOR: f64 = 0.02;
/// Shortest stretch with one face when two are there.
const LONG: f64 = 4.0;
/// Shortest stretch of any layout.
pub(crate) const MIN_HOLD: f64 = 2.0;

/// Stretches of `out`, each with the index of the person who speaks, or `None`. At least [`MIN_HOLD`] long, unless
/// `out` itself is shorter.
pub(crate) fn speaking(persons: &[Person], out: &Span) -> Vec<(Span, Option<usize>)> {
    let n = ((out.length() / HOP).floor() as usize).max(1);
    let step = out.length() / n as f64;
    let mut runs: Vec<(Span, Option<usize>)> = Vec::new();
    for i in 0..n {
        let border = |i: usize| if i == n { out.end } else { tidy(out.start + i as f64 * step) };
        let bin = Span::new(border(i), border(i + 1));
        let middle = bin.middle();
        let who = dominant(persons, &Span::new(middle - WINDOW / 2.0, middle + WINDOW / 2.0));
        match runs.last_mut() {
            Some((span, last)) if *last == who => span.end = bin.end,
            _ => runs.push((bin, who)),
        }
    }
    for run in &mut runs {
        if run.0.length() < LONG {
            run.1 = None;
        }
    }
    join(&mut runs);
    // What is left between two long stretches and too short to stand alone goes to the earlier one.
    let mut i = 0;
    while runs.len() > 1 && i < runs.len() {
        if runs[i].0.length() >= MIN_HOLD {
            i += 1;
            continue;
        }
        if i > 0 {
            runs[i - 1].0.end = runs[i].0.end;
        } else {
            runs[1].0.start = runs[0].0.start;
        }
        runs.remove(i);
        join(&mut runs);
        i = 0;
    }
    runs
}

fn join(runs: &mut Vec<(Span, Option<usize>)>) {
    runs.dedup_by(|b, a| {
        let same = a.1 == b.1;
        if same {
            a.0.end = b.0.end;
        }
        same
    });
}

fn dominant(persons: &[Person], window: &Span) -> Option<usize> {
    let mut moving: Vec<(f64, usize)> =
        persons.iter().enumerate().filter_map(|(i, p)| p.mouth(window).map(|m| (m, i))).collect();
    moving.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let (first, second) = (moving.first()?, moving.get(1));
    // A face that is not seen may be the one who speaks.
    let all_seen = moving.len() == persons.len();
    (all_seen && first.0 >= FLOOR && second.is_none_or(|s| first.0 >= s.0 * CLEAR)).then_some(first.1)
}
