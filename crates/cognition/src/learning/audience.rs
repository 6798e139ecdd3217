//! Made-up audiences whose truth is known, and channels that post to them.

use std::collections::BTreeMap;

use omniva_contracts::engine::{Moment, ScheduleId};
use uuid::Uuid;

use super::windows::normal;
use super::*;
use crate::calendar::Windows;
use crate::calendar::dice::Dice;

/// Monday 2026-01-05 00:00 UTC
pub const START: i64 = 1_767_571_200;
/// Hours in which a channel posts.
const LOUD: std::ops::Range<usize> = 6..24;
pub const POSTS_A_DAY: usize = 2;
/// Between two posts of a day.
const APART: usize = 4;
/// Figures come this late.
const LATE_DAYS: i64 = 3;

#[derive(Clone, Debug)]
pub struct Audience {
    pub level: f64,
    pub slope: f64,
    pub noise: f64,
    pub days: Vec<f64>,
    pub hours: Vec<f64>,
}

impl Audience {
    /// Two humps over the day, better and worse days.
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let (first, second) = (7 + dice.below(6), 16 + dice.below(6));
        let (high, low) = (0.7 + 0.4 * dice.share(), 0.2 + 0.4 * dice.share());
        let (high, low) = if dice.chance(0.5) { (high, low) } else { (low, high) };
        let hump = |at: usize, hour: usize| (-((at as f64 - hour as f64) / 2.0).powi(2) / 2.0).exp();
        Self {
            level: 5.0 + 3.0 * dice.share(),
            slope: 0.8,
            noise: 0.5 + 0.3 * dice.share(),
            days: (0..7).map(|_| 0.15 * normal(&mut dice)).collect(),
            hours: (0..24).map(|hour| high * hump(first, hour) + low * hump(second, hour)).collect(),
        }
    }
    pub fn effect(&self, slot: usize) -> f64 {
        self.days[slot / 24] + self.hours[slot % 24]
    }
    /// The same people, now on another continent, and fewer.
    pub fn moved(&self, hours: usize, level: f64) -> Self {
        let turned = (0..24).map(|h| self.hours[(h + hours) % 24]).collect();
        Self { hours: turned, level: self.level + level, ..self.clone() }
    }
    /// Mean effect of the best fixed times of the week.
    pub fn best(&self) -> f64 {
        let day = |day: usize| {
            let hours = pick(&(0..24).map(|h| self.effect(day * 24 + h)).collect::<Vec<_>>(), &mut Dice::new(1));
            hours.iter().map(|h| self.effect(day * 24 + h)).sum::<f64>()
        };
        (0..7).map(day).sum::<f64>() / (7 * POSTS_A_DAY) as f64
    }
}

/// The best hours of a day that lie apart; equal ones by dice.
fn pick(worth: &[f64], dice: &mut Dice) -> Vec<usize> {
    let mut order: Vec<(usize, u64)> = LOUD.map(|hour| (hour, dice.roll())).collect();
    order.sort_by(|a, b| worth[b.0].total_cmp(&worth[a.0]).then(a.1.cmp(&b.1)));
    let mut taken: Vec<usize> = Vec::new();
    for (hour, _) in order {
        if taken.len() < POSTS_A_DAY && taken.iter().all(|t| t.abs_diff(hour) >= APART) {
            taken.push(hour);
        }
    }
    taken
}

/// What one channel went through.
#[derive(Clone, Debug, Default)]
pub struct Life {
    /// Of each post: how much less (logarithmic) its time brings than the best fixed times do.
    pub regret: Vec<f64>,
    /// Posts that had gone out when an alarm was given.
    pub alarms: Vec<usize>,
    pub steps: Vec<ChannelStep>,
    pub outcomes: Vec<Outcome>,
}

pub struct Plan {
    pub days: usize,
    /// Days between two learning steps; `None`: never learns.
    pub every: Option<usize>,
    /// Day of the change, and what comes then.
    pub change: Option<(usize, Audience)>,
    pub keep_steps: bool,
}

pub fn at(day: usize, hour: usize, minute: u64) -> Moment {
    Moment::from_seconds(START + day as i64 * 86_400 + hour as i64 * 3_600 + minute as i64 * 60)
}

pub fn gathered(outcomes: &[Outcome], now: Moment) -> Outcomes {
    let known = |o: &&Outcome| now.0 - o.published_at.0 >= LATE_DAYS * 86_400_000_000;
    let outcomes: Vec<Outcome> = outcomes.iter().filter(known).cloned().collect();
    let samples = outcomes.len() as u64;
    let left_out = BTreeMap::new();
    Outcomes {
        channel: "youtube/main".into(),
        measure: Measure::EngagedViews,
        age_hours: 72,
        outcomes,
        left_out,
        samples,
    }
}

pub fn live(seed: u64, audience: &Audience, plan: &Plan) -> Life {
    let mut dice = Dice::new(seed ^ 0x5eed);
    let (mut life, mut model) = (Life::default(), None::<ChannelModel>);
    let mut audience = audience.clone();
    for day in 0..plan.days {
        if let Some((_, next)) = plan.change.as_ref().filter(|(at, _)| *at == day) {
            audience = next.clone();
        }
        let now = at(day, 0, 0);
        if plan.every.is_some_and(|every| day % every == 0) {
            let known = gathered(&life.outcomes, now);
            let (windows, drift) = (WindowRules::default(), DriftRules::default());
            let step = learn(model.as_ref(), &known, &windows, &drift, now, dice.roll()).unwrap();
            if step.alarm.is_some() {
                life.alarms.push(life.outcomes.len());
            }
            model = Some(step.model.clone());
            if plan.keep_steps {
                life.steps.push(step);
            }
        }
        let weights = model.as_ref().map_or_else(Windows::even, |m| m.windows.windows());
        let worth: Vec<f64> = (0..24).map(|h| weights.weight(day % 7 * 24 + h)).collect();
        let best = audience.best();
        for hour in pick(&worth, &mut dice) {
            let slot = day % 7 * 24 + hour;
            life.regret.push(best - audience.effect(slot));
            life.outcomes.push(outcome(&audience, day, hour, &mut dice));
        }
    }
    life
}

fn outcome(audience: &Audience, day: usize, hour: usize, dice: &mut Dice) -> Outcome {
    let (slot, score) = (day % 7 * 24 + hour, dice.share());
    let log = audience.level + audience.effect(slot) + audience.slope * (score - 0.5) + audience.noise * normal(dice);
    Outcome {
        schedule_id: ScheduleId(Uuid::from_u128((day * 24 + hour) as u128 + 1)),
        published_at: at(day, hour, dice.below(60) as u64),
        slot,
        score,
        votes: BTreeMap::new(),
        log,
    }
}
