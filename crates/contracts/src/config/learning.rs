//! `[engine.learning]`: what is learnt from what posts achieved, and how boldly.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::within;
use crate::fault::{Code, Fault};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LearningConfig {
    /// Whether figures are read back and learnt from, and what was learnt is used.
    pub on: bool,
    /// Posts whose figures are still read back.
    pub post_days: u32,
    /// How long figures are kept.
    pub sample_days: u32,
    /// A channel without new figures is learnt anew after this: what is old counts less.
    pub relearn_hours: u32,
    pub age: AgeRule,
    pub windows: WindowRules,
    pub drift: DriftRules,
    pub personas: PersonaRules,
}

impl LearningConfig {
    pub(super) fn validate(&self, f: &mut Vec<String>) {
        within(f, "engine.learning.post_days", self.post_days, 1, 365);
        within(f, "engine.learning.sample_days", self.sample_days, self.post_days, 3_650);
        within(f, "engine.learning.relearn_hours", self.relearn_hours, 1, 744);
        for rules in [self.age.check(), self.windows.check(), self.drift.check(), self.personas.check()] {
            f.extend(rules.err().map(|fault| format!("engine.learning.{}", fault.message)));
        }
    }
}

/// The age at which posts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgeRule {
    pub hours: u32,
    /// How far from it a lone sample may lie.
    pub tolerance_hours: u32,
}

impl AgeRule {
    /// # Errors
    /// `config_invalid`
    pub fn check(self) -> Result<(), Fault> {
        if (1..=2_160).contains(&self.hours) && self.tolerance_hours < self.hours {
            return Ok(());
        }
        Err(Fault::new(
            Code::ConfigInvalid,
            format!(
                "age.hours = {}, tolerance_hours = {}: must be 1..=2160, and less than that",
                self.hours, self.tolerance_hours
            ),
            "correct these values of the learning's configuration",
        ))
    }
}

impl Default for AgeRule {
    fn default() -> Self {
        Self { hours: 72, tolerance_hours: 24 }
    }
}

/// How posting windows are learnt. Effects are logarithmic: 0.35 is about 40 % more or less.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WindowRules {
    /// Posts with figures, before anything is learnt.
    pub min_posts: u32,
    /// Between the first and the last of them.
    pub min_days: u32,
    /// After this a post counts half.
    pub half_life_days: f64,
    /// What posts from before a change of the audience still count, 0..=1.
    pub changed_weight: f64,
    /// How far days, hours, and hours of single days usually are from the middle: what few posts are shrunk towards.
    pub day_spread: f64,
    pub hour_spread: f64,
    pub slot_spread: f64,
    /// Hours over which what was seen at one hour tells of its neighbours.
    pub width_hours: f64,
    /// How far single posts usually are from what their hour explains, and the number of posts this guess is worth.
    pub noise: f64,
    pub noise_posts: f64,
    /// 0: always what looks best; 1: every hour as often as it may well be the best (Thompson).
    pub explore: f64,
    /// No weight moves by more in one step, 0..1.
    pub max_step: f64,
}

impl Default for WindowRules {
    fn default() -> Self {
        Self {
            min_posts: 30,
            min_days: 14,
            half_life_days: 60.0,
            changed_weight: 0.1,
            day_spread: 0.15,
            hour_spread: 0.35,
            slot_spread: 0.2,
            width_hours: 1.5,
            noise: 0.7,
            noise_posts: 20.0,
            explore: 1.0,
            max_step: 0.25,
        }
    }
}

impl WindowRules {
    /// # Errors
    /// `config_invalid` naming every key at fault.
    pub fn check(&self) -> Result<(), Fault> {
        let real = [
            ("half_life_days", self.half_life_days, 1.0, 3_650.0),
            ("changed_weight", self.changed_weight, 0.001, 1.0),
            ("day_spread", self.day_spread, 0.01, 3.0),
            ("hour_spread", self.hour_spread, 0.01, 3.0),
            ("slot_spread", self.slot_spread, 0.01, 3.0),
            ("width_hours", self.width_hours, 0.25, 6.0),
            ("noise", self.noise, 0.05, 5.0),
            ("noise_posts", self.noise_posts, 1.0, 1_000.0),
            ("explore", self.explore, 0.0, 1.0),
            ("max_step", self.max_step, 0.01, 1.0),
        ];
        let mut faults: Vec<String> = real
            .iter()
            .filter(|(_, value, low, high)| !(*low..=*high).contains(value))
            .map(|(key, value, low, high)| format!("windows.{key} = {value}: must be {low}..={high}"))
            .collect();
        if !(10..=2_000).contains(&self.min_posts) || !(1..=365).contains(&self.min_days) {
            faults.push("windows: min_posts must be 10..=2000, min_days 1..=365".into());
        }
        if faults.is_empty() {
            return Ok(());
        }
        Err(Fault::new(Code::ConfigInvalid, faults.join("; "), "correct these values of the learning's configuration"))
    }
}

/// When the audience counts as another one. In spreads of the forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DriftRules {
    /// What a post may be off by without any suspicion: half of the change that is worth noticing.
    pub slack: f64,
    /// The sum at which the alarm is given. With a slack of 0.5 a steady channel sees less than one false alarm in a
    /// thousand posts at 7, and a change by one spread is noticed after about 16.
    pub limit: f64,
}

impl Default for DriftRules {
    fn default() -> Self {
        Self { slack: 0.5, limit: 7.0 }
    }
}

impl DriftRules {
    /// # Errors
    /// `config_invalid`
    pub fn check(&self) -> Result<(), Fault> {
        if (0.1..=2.0).contains(&self.slack) && (2.0..=50.0).contains(&self.limit) {
            return Ok(());
        }
        Err(Fault::new(
            Code::ConfigInvalid,
            format!("drift.slack = {}, limit = {}: must be 0.1..=2 and 2..=50", self.slack, self.limit),
            "correct these values of the learning's configuration",
        ))
    }
}

/// How Pantheon learns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PersonaRules {
    /// Posts with votes and figures, before anything is learnt.
    pub min_posts: u32,
    pub half_life_days: f64,
    /// Posts that the belief "no persona knows better" is worth.
    pub doubt_posts: f64,
    /// How strongly a correlation moves a weight.
    pub gain: f64,
    /// No weight goes further from the configured one than by this factor, above 1.
    pub range: f64,
    /// No weight moves by more than this share in one step, 0..1.
    pub max_step: f64,
}

impl Default for PersonaRules {
    fn default() -> Self {
        Self { min_posts: 60, half_life_days: 120.0, doubt_posts: 40.0, gain: 3.0, range: 4.0, max_step: 0.15 }
    }
}

impl PersonaRules {
    /// # Errors
    /// `config_invalid` naming every key at fault.
    pub fn check(&self) -> Result<(), Fault> {
        let real = [
            ("half_life_days", self.half_life_days, 1.0, 3_650.0),
            ("doubt_posts", self.doubt_posts, 1.0, 10_000.0),
            ("gain", self.gain, 0.1, 10.0),
            ("range", self.range, 1.01, 100.0),
            ("max_step", self.max_step, 0.01, 1.0),
            ("min_posts", f64::from(self.min_posts), 20.0, 10_000.0),
        ];
        let faults: Vec<String> = real
            .iter()
            .filter(|(_, value, low, high)| !(*low..=*high).contains(value))
            .map(|(key, value, low, high)| format!("personas.{key} = {value}: must be {low}..={high}"))
            .collect();
        if faults.is_empty() {
            return Ok(());
        }
        let next = "correct these values of the learning's configuration";
        Err(Fault::new(Code::ConfigInvalid, faults.join("; "), next))
    }
}
