//! Oracle: what a post will achieve, and how sure that is.

use omniva_contracts::engine::Moment;
use serde::{Deserialize, Serialize};

use super::outcome::Measure;
use super::windows::{WindowModel, months};
use crate::scores::micro;

/// The interval holds 80 % of posts.
const CHANCE: f64 = 0.8;
const QUANTILE: f64 = 1.281_552;

/// Engagement at the model's age, as a count of its measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forecast {
    /// As many posts do better as do worse.
    pub expected: f64,
    pub low: f64,
    pub high: f64,
    /// Share of posts between `low` and `high`.
    pub chance: f64,
    pub measure: Measure,
    pub age_hours: u32,
    /// Of the model.
    pub version: u64,
    /// The same in logarithms: middle and spread of `ln(1 + count)`.
    pub log: f64,
    pub log_spread: f64,
}

/// For a clip of `score` (0..1) that goes out at `at`, in hour `slot` of the channel's week. `None` while the model is off.
pub fn forecast(model: &WindowModel, at: Moment, slot: usize, score: f64) -> Option<Forecast> {
    if !model.on || !(0.0..=1.0).contains(&score) {
        return None;
    }
    let (effect, unsure) = (model.effects.get(slot)?, model.spread.get(slot)?);
    let log = model.level + model.trend * months(at, model.at) + model.slope * (score - 0.5) + effect;
    let spread = (model.noise.powi(2) + unsure.powi(2) + model.level_spread.powi(2)).sqrt();
    let count = |log: f64| micro(log.min(40.0).exp_m1().max(0.0));
    Some(Forecast {
        expected: count(log),
        low: count(log - QUANTILE * spread),
        high: count(log + QUANTILE * spread),
        chance: CHANCE,
        measure: model.measure,
        age_hours: model.age_hours,
        version: model.version,
        log: micro(log),
        log_spread: micro(spread),
    })
}
