//! From creators to posts: how fast clips go up, how soon a calendar is planned, how soon a copy is recognised, and whether
//! one slow feed keeps the others waiting.

mod calendar;
mod feeds;
mod likeness;
mod sink;
mod upload;

use crate::{Outcome, Place};

pub fn bench(place: &Place) -> Outcome<()> {
    upload::bench(place)?;
    calendar::bench()?;
    likeness::bench(place)?;
    feeds::bench(place)
}

/// The middle one; of an even number the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = |n: usize| values.get(n).copied().unwrap_or(f64::NAN);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { middle(half) } else { (middle(half.saturating_sub(1)) + middle(half)) / 2.0 }
}
