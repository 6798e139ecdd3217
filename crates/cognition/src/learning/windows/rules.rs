use omniva_contracts::fault::{Code, Fault};
use serde::{Deserialize, Serialize};

/// How posting windows are learnt. Effects are logarithmic: 0.35 is about 40 % more or less.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
