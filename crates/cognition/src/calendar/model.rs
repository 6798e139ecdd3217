//! What is planned, where, and under which rules.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use omniva_contracts::engine::{ClipId, Moment, ProjectId, ScheduleId};
use omniva_contracts::fault::{Code, Fault};
use serde::{Deserialize, Serialize};

use super::Weights;
use crate::limits::{BucketKey, Charge, Ledger};
use crate::zone::Zone;

/// Bounds of one request.
const CHANNELS: usize = 1_000;
const PUBLICATIONS: usize = 20_000;
const SLOTS: u64 = 4_000_000;
pub(super) const QUOTA: std::ops::RangeInclusive<u32> = 1..=10;

/// How good the hours of a week are for posting: 0..1 for each hour from Monday 00:00, in the channel's zone. Horizon
/// learns them from what posts achieved; with nothing learnt every hour is as good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Windows(Vec<f64>);

impl Windows {
    pub const HOURS: usize = 168;

    pub fn even() -> Self {
        Self(vec![1.0; Self::HOURS])
    }
    /// `None` unless there are 168 numbers in 0..=1.
    pub fn new(weights: Vec<f64>) -> Option<Self> {
        (weights.len() == Self::HOURS && weights.iter().all(|w| (0.0..=1.0).contains(w))).then_some(Self(weights))
    }
    pub fn weight(&self, hour_of_week: usize) -> f64 {
        self.0.get(hour_of_week).copied().unwrap_or_default()
    }
}

/// Minutes of the local day in which nothing goes out; `from` > `to` goes over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    pub from: u32,
    pub to: u32,
}

impl Quiet {
    pub fn holds(self, minute: u32) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Target of the schedule rows, e.g. `youtube:main`.
    pub name: String,
    pub zone: Zone,
    pub windows: Windows,
    /// Between any two publications on the channel.
    pub spacing_minutes: u32,
    pub quiet: Vec<Quiet>,
    /// What one publication costs there.
    pub charges: Vec<Charge>,
}

/// What a project wants.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectRules {
    /// Publications on one channel in one of its local days, 1..=10.
    pub daily_quota: u32,
    /// Share of each label, of all the project publishes in a week; they add up to at most 1.
    pub mix: BTreeMap<String, f64>,
}

impl Default for ProjectRules {
    fn default() -> Self {
        Self { daily_quota: 5, mix: BTreeMap::new() }
    }
}

/// One clip that is to go out once, on one of some channels. A clip for three platforms is three publications.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Publication {
    pub schedule_id: ScheduleId,
    pub clip_id: ClipId,
    pub project_id: ProjectId,
    /// Any of these will do.
    pub channels: BTreeSet<String>,
    /// 0..1
    pub value: f64,
    /// 0..1; the most urgent counts twice the least.
    pub priority: f64,
    /// Kinds of content, as the mix names them.
    pub labels: BTreeSet<String>,
    pub topic: Option<String>,
    pub not_before: Option<Moment>,
    /// The last moment that will do.
    pub deadline: Option<Moment>,
}

impl Publication {
    /// 0..=1000
    pub(super) fn worth(&self) -> i64 {
        (1000.0 * self.value * (0.5 + 0.5 * self.priority)).round() as i64
    }
}

/// How firmly something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// May move, if that is worth it.
    Proposed,
    /// Never moved by a plan; by hand it can be.
    Confirmed,
    /// By hand only after it was unlocked.
    Locked,
    /// It happened.
    Out,
}

impl Standing {
    pub fn may_move(self) -> bool {
        self == Self::Proposed
    }
}

/// A place in the calendar.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    pub publication: Publication,
    pub channel: String,
    pub at: Moment,
    pub standing: Standing,
}

impl Entry {
    pub fn id(&self) -> ScheduleId {
        self.publication.schedule_id
    }
    /// By channel and time, then by id.
    pub fn order(&self, other: &Self) -> Ordering {
        (&self.channel, self.at, self.id()).cmp(&(&other.channel, other.at, other.id()))
    }
}

/// Numbers of the whole calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// From now to the earliest publication.
    pub lead_minutes: u32,
    pub horizon_days: u32,
    /// Distance of the slots; counted from local midnight.
    pub step_minutes: u32,
    /// Slots that the search looks at before it is content with what it has.
    pub effort: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { lead_minutes: 0, horizon_days: 14, step_minutes: 15, effort: 4_000_000 }
    }
}

/// All facts of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub now: Moment,
    pub rules: Rules,
    pub weights: Weights,
    pub channels: Vec<Channel>,
    pub projects: BTreeMap<ProjectId, ProjectRules>,
    /// What stands, from far enough back to count: today's for the quotas, the week's for the mix.
    pub calendar: Vec<Entry>,
    pub wanted: Vec<Publication>,
    /// What of the platforms' limits is taken. Entries of the calendar take theirs whether they stand in it or not.
    pub ledger: Ledger,
}

/// What no calendar may break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// None of the channels it could go to exists.
    NoChannel,
    LeadTime,
    NotBefore,
    Deadline,
    Horizon,
    QuietHours,
    DailyQuota,
    Spacing,
    DoubleBooking,
    /// The same clip is on the channel already.
    Repeat,
    PlatformLimit,
    /// It is locked, or out: only for moves by hand.
    Locked,
}

impl Rule {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoChannel => "no_channel",
            Self::LeadTime => "lead_time",
            Self::NotBefore => "not_before",
            Self::Deadline => "deadline",
            Self::Horizon => "horizon",
            Self::QuietHours => "quiet_hours",
            Self::DailyQuota => "daily_quota",
            Self::Spacing => "spacing",
            Self::DoubleBooking => "double_booking",
            Self::Repeat => "repeat",
            Self::PlatformLimit => "platform_limit",
            Self::Locked => "locked",
        }
    }
}

/// A rule that a time breaks, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    pub rule: Rule,
    /// Entries that take the room, by time.
    pub with: Vec<ScheduleId>,
    /// The bucket that can't pay.
    pub bucket: Option<BucketKey>,
    /// In words, with the numbers.
    pub message: String,
}

impl Request {
    pub(super) fn horizon_end(&self) -> Moment {
        Moment(self.now.0.saturating_add(i64::from(self.rules.horizon_days) * 86_400_000_000))
    }
    pub(super) fn earliest(&self) -> Moment {
        Moment(self.now.0.saturating_add(i64::from(self.rules.lead_minutes) * 60_000_000))
    }

    /// Every bound in one place; the message names key, value and bound.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let mut f = Vec::new();
        let rules = &self.rules;
        for (key, value, low, high) in [
            ("lead_minutes", rules.lead_minutes, 0, 10_080),
            ("horizon_days", rules.horizon_days, 1, 90),
            ("step_minutes", rules.step_minutes, 1, 1440),
        ] {
            if !(low..=high).contains(&value) {
                f.push(format!("rules.{key} = {value}: must be {low}..={high}"));
            }
        }
        self.weights.faults(&mut f);
        if self.channels.len() > CHANNELS || self.wanted.len() + self.calendar.len() > PUBLICATIONS {
            f.push(format!("at most {CHANNELS} channels and {PUBLICATIONS} publications are planned at once"));
        }
        let days = u64::from(rules.horizon_days) + super::grid::BEYOND_DAYS as u64;
        if self.channels.len() as u64 * days * u64::from(1440 / rules.step_minutes.max(1)) > SLOTS {
            f.push(format!("rules.step_minutes = {}: gives more than {SLOTS} slots", rules.step_minutes));
        }
        self.check_channels(&mut f);
        self.check_projects(&mut f);
        self.check_publications(&mut f);
        if f.is_empty() {
            return Ok(());
        }
        f.truncate(20);
        Err(Fault::new(Code::ConfigInvalid, f.join("; "), "correct these values of the schedule's configuration"))
    }

    fn check_channels(&self, f: &mut Vec<String>) {
        let mut names = BTreeSet::new();
        for channel in &self.channels {
            let name = &channel.name;
            if name.is_empty() || name.len() > 200 || !names.insert(name) {
                f.push(format!("channel {name:?}: names are unique, of 1..=200 bytes"));
            }
            if channel.spacing_minutes > 10_080 {
                f.push(format!("{name}.spacing_minutes = {}: must be 0..=10080", channel.spacing_minutes));
            }
            if channel.quiet.iter().any(|q| q.from >= 1440 || q.to >= 1440 || q.from == q.to) {
                f.push(format!("{name}.quiet: must be pairs of two different minutes of the day"));
            }
            for charge in channel.charges.iter().filter(|c| !self.ledger.tallies().contains_key(&c.bucket)) {
                f.push(format!("{name}: the limit {} is not defined", charge.bucket));
            }
        }
    }

    fn check_projects(&self, f: &mut Vec<String>) {
        for (id, project) in &self.projects {
            if !QUOTA.contains(&project.daily_quota) {
                f.push(format!("project {id}.daily_quota = {}: must be 1..=10", project.daily_quota));
            }
            let total: f64 = project.mix.values().sum();
            if project.mix.values().any(|s| !(0.0..=1.0).contains(s)) || total > 1.0 + 1e-9 {
                f.push(format!("project {id}.mix: shares must be 0..=1 and add up to at most 1"));
            }
        }
    }

    fn check_publications(&self, f: &mut Vec<String>) {
        let mut ids = BTreeSet::new();
        for publication in self.wanted.iter().chain(self.calendar.iter().map(|e| &e.publication)) {
            let id = publication.schedule_id;
            if !ids.insert(id) {
                f.push(format!("schedule {id} stands twice in the request"));
            }
            let unit = 0.0..=1.0;
            if !unit.contains(&publication.value) || !unit.contains(&publication.priority) {
                f.push(format!("schedule {id}: value and priority must be 0..=1"));
            }
            if !self.projects.contains_key(&publication.project_id) {
                f.push(format!("schedule {id}: its project {} is not in the request", publication.project_id));
            }
        }
    }
}
