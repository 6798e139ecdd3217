//! Posting windows: how good each hour of a channel's week is.

mod fit;

use std::collections::BTreeMap;

use omniva_contracts::config::WindowRules;
use omniva_contracts::engine::{Learnt, LearntFrom, Moment};
use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(in crate::learning) use fit::normal;
pub(in crate::learning) use fit::{Fit, fit, months};

use crate::calendar::Windows;
use crate::learning::outcome::{Measure, Outcomes};
use crate::scores::micro;

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const DAY: f64 = 86_400e6;

/// What is known of a channel's week. Effects are logarithmic, six decimals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowModel {
    pub channel: String,
    /// 0 before anything was learnt.
    pub version: u64,
    /// Whether there is enough data; while off the weights are even, or on their way back to it.
    pub on: bool,
    pub learnt_from: LearntFrom,
    /// When it was fitted; trends count from here.
    pub at: Moment,
    pub measure: Measure,
    /// Age of the posts that are compared.
    pub age_hours: u32,
    /// In use: 0..1 for each hour of the week, of what the best hour brings. It explores: an hour that may well be the best
    /// one gets its turn.
    pub weights: Vec<f64>,
    /// `ln(1 + count)` of a middling post at a middling hour at `at`.
    pub level: f64,
    pub level_spread: f64,
    /// Per month.
    pub trend: f64,
    /// From the worst score to the best.
    pub slope: f64,
    /// Spread of single posts.
    pub noise: f64,
    /// Of each hour of the week, and how unsure each is.
    pub effects: Vec<f64>,
    pub spread: Vec<f64>,
    /// Parts of the effects: Monday first, 00:00 first.
    pub days: Vec<f64>,
    pub hours: Vec<f64>,
}

impl WindowModel {
    /// Knows nothing: every hour is as good.
    pub fn unlearnt(channel: &str) -> Self {
        Self {
            channel: channel.to_owned(),
            version: 0,
            on: false,
            learnt_from: LearntFrom::default(),
            at: Moment::default(),
            measure: Measure::Views,
            age_hours: 0,
            weights: vec![1.0; Windows::HOURS],
            level: 0.0,
            level_spread: 0.0,
            trend: 0.0,
            slope: 0.0,
            noise: 0.0,
            effects: vec![0.0; Windows::HOURS],
            spread: vec![0.0; Windows::HOURS],
            days: vec![0.0; 7],
            hours: vec![0.0; 24],
        }
    }

    /// What the calendar plans with.
    pub fn windows(&self) -> Windows {
        Windows::new(self.weights.clone()).unwrap_or_else(Windows::even)
    }

    /// Without exploring: what each hour is expected to bring of what the best one brings, 0..1.
    pub fn expected(&self) -> Vec<f64> {
        relative(&self.effects)
    }

    /// The hours that are expected to bring most, with their share of what the best one brings: place in the week, name.
    pub fn best_hours(&self, most: usize) -> Vec<(usize, String, f64)> {
        let mut order: Vec<(usize, f64)> = self.expected().into_iter().enumerate().collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        order.into_iter().take(most).map(|(slot, share)| (slot, slot_name(slot), share)).collect()
    }

    pub(in crate::learning) fn take(&mut self, fit: &Fit, at: Moment, outcomes: &Outcomes) {
        let round = |values: &[f64]| values.iter().map(|v| micro(*v)).collect();
        self.at = at;
        self.measure = outcomes.measure;
        self.age_hours = outcomes.age_hours;
        self.level = micro(fit.level);
        self.level_spread = micro(fit.level_spread);
        self.trend = micro(fit.trend);
        self.slope = micro(fit.slope);
        self.noise = micro(fit.noise);
        self.effects = round(&fit.effects);
        self.spread = round(&fit.spread);
        self.days = round(&fit.days);
        self.hours = round(&fit.hours);
    }

    /// Moves the weights towards `wanted`, all by the same share, so that none moves by more than `max_step` and their order
    /// stays what it would be without the bound.
    pub(in crate::learning) fn go_towards(&mut self, wanted: &[f64], max_step: f64) -> Vec<Learnt> {
        let far = self.weights.iter().zip(wanted).map(|(w, t)| (t - w).abs()).fold(0.0, f64::max);
        let share = if far > max_step { max_step / far } else { 1.0 };
        let mut moved = Vec::new();
        for (slot, (weight, target)) in self.weights.iter_mut().zip(wanted).enumerate() {
            let before = *weight;
            *weight = micro(before + share * (target - before)).clamp(0.0, 1.0);
            if *weight != before {
                let bound = if share < 1.0 { "max_step" } else { "" };
                let wanted = micro(*target);
                moved.push(Learnt { what: slot_name(slot), before, after: *weight, wanted, bound: bound.into() });
            }
        }
        moved.sort_by(|a, b| (b.after - b.before).abs().total_cmp(&(a.after - a.before).abs()));
        moved
    }
}

/// What hour to bring of what the best one brings.
pub(in crate::learning) fn relative(effects: &[f64]) -> Vec<f64> {
    let best = effects.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    effects.iter().map(|e| micro((e - best).exp().clamp(0.0, 1.0))).collect()
}

/// Weights to plan with: the effects with their share of the draw.
pub(in crate::learning) fn wanted(fit: &Fit, explore: f64) -> Vec<f64> {
    let mixed: Vec<f64> = fit.effects.iter().zip(&fit.drawn).map(|(e, d)| e + explore * (d - e)).collect();
    relative(&mixed)
}

/// What of the data is missing, in words; empty when there is enough.
pub(in crate::learning) fn missing(rules: &WindowRules, outcomes: &Outcomes) -> Vec<String> {
    let mut missing = Vec::new();
    let (have, need) = (outcomes.outcomes.len() as u64, u64::from(rules.min_posts));
    if have < need {
        missing.push(format!(
            "{have} posts have {} at the age of {} hours, {need} are needed: {} more",
            outcomes.measure.words(),
            outcomes.age_hours,
            need - have
        ));
    }
    let days = match (outcomes.outcomes.first(), outcomes.outcomes.last()) {
        (Some(first), Some(last)) => last.published_at.0.saturating_sub(first.published_at.0) as f64 / DAY,
        _ => 0.0,
    };
    if days < f64::from(rules.min_days) {
        missing.push(format!("they span {days:.1} days, {} are needed", rules.min_days));
    }
    missing
}

/// How much each post counts.
pub(in crate::learning) fn decay(
    rules: &WindowRules,
    outcomes: &Outcomes,
    changed_at: Option<Moment>,
    now: Moment,
) -> Vec<f64> {
    let of = |at: Moment| {
        let days = (now.0.saturating_sub(at.0) as f64 / DAY).max(0.0);
        let old = if changed_at.is_some_and(|change| at < change) { rules.changed_weight } else { 1.0 };
        // Never nothing: a slot that was seen has a weight to divide by.
        (old * 0.5f64.powf(days / rules.half_life_days)).max(1e-6)
    };
    outcomes.outcomes.iter().map(|o| of(o.published_at)).collect()
}

/// `Tuesday 18:00`
pub(in crate::learning) fn slot_name(slot: usize) -> String {
    format!("{} {:02}:00", DAYS.get(slot / 24 % 7).copied().unwrap_or_default(), slot % 24)
}

/// The three best hours, by what is expected of them.
pub(in crate::learning) fn best(model: &WindowModel) -> String {
    let mut order: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (slot, effect) in model.effects.iter().enumerate() {
        order.entry((-effect * 1e6) as i64).or_default().push(slot);
    }
    let names: Vec<String> = order.values().flatten().take(3).map(|slot| slot_name(*slot)).collect();
    names.join(", ")
}
