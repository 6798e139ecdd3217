//! Made-up requests, the same for the same numbers: for tests and measurements.

use std::collections::{BTreeMap, BTreeSet};

use omniva_contracts::engine::{ClipId, Moment, ProjectId, ScheduleId};
use uuid::Uuid;

pub use super::dice::Dice;
use super::{Channel, ProjectRules, Publication, Quiet, Request, Rules, Weights, Windows};
use crate::limits::{BucketKey, Charge, Clock, Ledger, Tally};
use crate::zone::Zone;

/// How large, and how tight.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    pub seed: u64,
    pub now: Moment,
    pub clips: usize,
    pub channels: usize,
    pub projects: usize,
    pub days: u32,
    pub step_minutes: u32,
    /// Channels that a publication may choose from.
    pub choices: usize,
    /// Zones of the channels, in turn.
    pub zones: Vec<Zone>,
    /// Share of the publications with a first or last day.
    pub bounded: f64,
}

/// A request of that shape with an empty calendar.
pub fn request(shape: &Shape) -> Request {
    let mut dice = Dice::new(shape.seed);
    let names: Vec<String> = (0..shape.channels).map(|n| format!("channel:{n:03}")).collect();
    let projects: BTreeMap<ProjectId, ProjectRules> =
        (0..shape.projects.max(1)).map(|n| (ProjectId(Uuid::from_u128(n as u128 + 1)), project(&mut dice))).collect();
    let shared = BucketKey::new("inserts", "");
    let mut buckets = vec![(shared.clone(), Tally::new(100, Clock::Daily(Zone::utc())))];
    let mut channels = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let own = BucketKey::new("posts", name);
        buckets.push((own.clone(), Tally::new(3 + dice.below(13) as u64, Clock::Rolling(86_400_000_000))));
        let zone = shape.zones.get(n % shape.zones.len().max(1)).cloned().unwrap_or_else(Zone::utc);
        channels.push(channel(&mut dice, name, zone, &[shared.clone(), own]));
    }
    let ids: Vec<ProjectId> = projects.keys().copied().collect();
    let wanted = (0..shape.clips).map(|n| publication(&mut dice, shape, n, &names, &ids)).collect();
    Request {
        now: shape.now,
        rules: Rules { horizon_days: shape.days, step_minutes: shape.step_minutes, ..Rules::default() },
        weights: Weights::default(),
        channels,
        projects,
        calendar: Vec::new(),
        wanted,
        ledger: Ledger::new(buckets),
    }
}

fn project(dice: &mut Dice) -> ProjectRules {
    let mix = [("educational".to_owned(), 0.4), ("entertainment".to_owned(), 0.6)];
    let mix = if dice.chance(0.7) { mix.into() } else { BTreeMap::new() };
    ProjectRules { daily_quota: 1 + dice.below(6) as u32, mix }
}

fn channel(dice: &mut Dice, name: &str, zone: Zone, buckets: &[BucketKey]) -> Channel {
    // An evening peak somewhere, better at the weekend.
    let peak = 15 + dice.below(8) as i64;
    let weight = |hour: usize| {
        let distance = (hour as i64 % 24 - peak).abs();
        let weekend = if hour >= 120 { 0.15 } else { 0.0 };
        (0.85 - 0.06 * distance as f64).max(0.05) + weekend
    };
    let quiet = if dice.chance(0.8) { vec![Quiet { from: 1380, to: 30 + 60 * dice.below(8) as u32 }] } else { vec![] };
    Channel {
        name: name.to_owned(),
        zone,
        windows: Windows::new((0..Windows::HOURS).map(weight).collect()).unwrap_or_else(Windows::even),
        spacing_minutes: [0, 30, 60, 90, 120, 180][dice.below(6)],
        quiet,
        charges: buckets.iter().map(|bucket| Charge { bucket: bucket.clone(), cost: 1 }).collect(),
    }
}

fn publication(dice: &mut Dice, shape: &Shape, n: usize, names: &[String], projects: &[ProjectId]) -> Publication {
    let kind = ["educational", "entertainment", "news"][dice.below(3)];
    let channels: BTreeSet<String> =
        (0..shape.choices.max(1)).filter_map(|_| names.get(dice.below(names.len())).cloned()).collect();
    let days = |day: usize| Moment(shape.now.0.saturating_add(day as i64 * 86_400_000_000));
    let span = usize::try_from(shape.days).unwrap_or(1);
    let first = dice.chance(shape.bounded).then(|| dice.below(span / 2 + 1));
    let last = dice.chance(shape.bounded).then(|| first.unwrap_or(0) + 1 + dice.below(span));
    Publication {
        schedule_id: ScheduleId(Uuid::from_u128(1_000_000 + n as u128)),
        clip_id: ClipId(Uuid::from_u128(2_000_000 + n as u128)),
        project_id: projects.get(dice.below(projects.len())).copied().unwrap_or(ProjectId(Uuid::nil())),
        channels,
        value: dice.share(),
        priority: dice.share(),
        labels: BTreeSet::from([kind.to_owned()]),
        topic: dice.chance(0.7).then(|| format!("topic {}", dice.below(8))),
        not_before: first.map(days),
        deadline: last.map(days),
    }
}
