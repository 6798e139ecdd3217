//! Whether the audience is still the one that was learnt: cumulative sums (E. S. Page, 1954) of how far posts are from their
//! forecasts, one for more and one for less. A single odd post is nothing; many that are off to the same side are.

use omniva_contracts::config::DriftRules;
use omniva_contracts::engine::Moment;
use serde::{Deserialize, Serialize};

use crate::scores::micro;

/// No single post says more than this, in spreads of the forecast: a viral hit is no new audience.
const LOUDEST: f64 = 3.0;

/// One side. A run is what has added to the sum since it was last nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    pub sum: f64,
    pub since: Option<Moment>,
    pub posts: u32,
    /// How far the posts of the run are from their forecasts together, logarithmic.
    pub off: f64,
}

impl Side {
    fn add(&mut self, pull: f64, at: Moment, off: f64) {
        let sum = micro(self.sum + pull);
        if sum <= 0.0 {
            *self = Self::default();
            return;
        }
        self.sum = sum;
        self.since.get_or_insert(at);
        self.posts = self.posts.saturating_add(1);
        self.off = micro(self.off + off);
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftState {
    pub more: Side,
    pub less: Side,
    /// Posts that were watched since the last alarm.
    pub watched: u64,
}

/// The audience has changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    /// The post that gave it went out then.
    pub at: Moment,
    /// The first post of the run: about when it changed.
    pub since: Moment,
    pub posts: u32,
    /// What the posts of the run achieved for each 1 that was forecast.
    pub factor: f64,
    pub sum: f64,
    pub limit: f64,
}

impl Alarm {
    pub fn words(&self) -> String {
        let percent = (self.factor - 1.0).abs() * 100.0;
        let side = if self.factor < 1.0 { "less" } else { "more" };
        format!(
            "the last {} posts, since {}, achieved {percent:.0} % {side} than forecast; their distances add up to {:.1}, the alarm \
             is at {:.1}: the audience is not the one that was learnt",
            self.posts, self.since, self.sum, self.limit
        )
    }
}

impl DriftState {
    /// Adds a post that went out at `at` and is `off` (logarithmic) from its forecast, whose spread is `spread`. After an
    /// alarm the sums begin anew.
    pub fn add(&mut self, rules: &DriftRules, at: Moment, off: f64, spread: f64) -> Option<Alarm> {
        let far = (off / spread.max(1e-6)).clamp(-LOUDEST, LOUDEST);
        if !far.is_finite() {
            return None;
        }
        let off = far * spread;
        self.watched = self.watched.saturating_add(1);
        self.more.add(far - rules.slack, at, off);
        self.less.add(-far - rules.slack, at, off);
        let side = [&self.more, &self.less].into_iter().find(|side| side.sum > rules.limit)?;
        let alarm = Alarm {
            at,
            since: side.since.unwrap_or(at),
            posts: side.posts,
            factor: micro((side.off / f64::from(side.posts.max(1))).exp()),
            sum: side.sum,
            limit: rules.limit,
        };
        *self = Self::default();
        Some(alarm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::dice::Dice;
    use crate::learning::windows::normal;

    /// Posts until the alarm, when posts are off by `shift` spreads.
    fn run(seed: u64, shift: f64, most: u32) -> Option<(u32, Alarm)> {
        let (mut dice, mut state) = (Dice::new(seed), DriftState::default());
        (1..=most).find_map(|n| {
            let off = (normal(&mut dice) + shift) * 0.6;
            let alarm = state.add(&DriftRules::default(), Moment::from_seconds(i64::from(n) * 43_200), off, 0.6);
            alarm.map(|alarm| (n, alarm))
        })
    }

    #[test]
    fn a_change_is_noticed_soon_and_a_steady_channel_left_alone() {
        for (shift, within) in [(1.0, 80), (-1.0, 80), (1.5, 35), (-2.0, 20)] {
            for seed in 0..100 {
                let (_, alarm) = run(seed, shift, within).unwrap_or_else(|| panic!("{shift} missed, seed {seed}"));
                assert_eq!(alarm.factor > 1.0, shift > 0.0);
                assert!(alarm.since <= alarm.at && alarm.words().contains(if shift > 0.0 { "more" } else { "less" }));
            }
        }
        let false_alarms = (0..200).filter(|seed| run(1_000 + seed, 0.0, 500).is_some()).count();
        assert!(false_alarms <= 40, "{false_alarms} of 200 channels with 500 posts each");
    }

    /// Engagement has a long tail: one post in ten is from a distribution three times as wide.
    #[test]
    fn a_long_tail_is_no_change_either() {
        let alarm = |seed: u64| {
            let (mut dice, mut state) = (Dice::new(seed), DriftState::default());
            (0..500).any(|n| {
                let wide = if dice.chance(0.1) { 3.0 } else { 1.0 };
                // The spread of the mixture.
                state.add(&DriftRules::default(), Moment(n), normal(&mut dice) * wide, 1.8f64.sqrt()).is_some()
            })
        };
        let false_alarms = (0..200).filter(|seed| alarm(5_000 + seed)).count();
        assert!(false_alarms <= 40, "{false_alarms} of 200 channels with 500 posts each");
    }

    #[test]
    fn one_viral_post_is_no_new_audience() {
        let mut state = DriftState::default();
        for n in 0..20 {
            let off = if n == 10 { 9.0 } else { 0.0 };
            assert_eq!(state.add(&DriftRules::default(), Moment(n), off, 0.6), None);
        }
        assert_eq!(state.more, Side::default(), "it is forgotten");
        assert_eq!(state.add(&DriftRules::default(), Moment(1), f64::NAN, 0.6), None);
    }

    #[test]
    fn rules_have_bounds() {
        assert!(DriftRules::default().check().is_ok());
        assert!(DriftRules { slack: 0.0, limit: 7.0 }.check().is_err());
        assert!(DriftRules { slack: 0.5, limit: f64::NAN }.check().is_err());
    }
}
