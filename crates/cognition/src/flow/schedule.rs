//! When a clip goes out on a channel: the rows of one target as a problem of the calendar, and its answer as a result.
//!
//! A channel with posting windows or a mix is planned: all that waits for it is looked at together, and each takes the
//! place that it has in the best calendar. On a channel without them no hour is better than another, so that the earliest
//! moment that breaks no rule is the best there is. What is confirmed is never moved for something new.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use omniva_contracts::config::{EngineConfig, MixTarget, QuietHours};
use omniva_contracts::engine::*;
use omniva_contracts::fault::{Code, Fault};
use serde_json::{Value, json};

use crate::calendar::{
    self, Channel, Entry, Placed, Plan, ProjectRules, Publication, Quiet, Request, Rules, Standing, Unplaced, Why,
    Windows,
};
use crate::council::{ClipDigest, belongs};
use crate::learning::{WindowModel, forecast};
use crate::limits::{self, Definitions, Taken};
use crate::zone::Zone;

pub(crate) const DAY: i64 = 86_400 * 1_000_000;
/// Slots of a plan, counted from local midnight, minutes.
const STEP: u32 = 15;
/// How good an hour outside of the posting windows is.
const OUTSIDE: f64 = 0.25;
/// A confirmed slot this near is left alone by a recalculation: its upload may be on its way.
const NEAR: Duration = Duration::from_secs(300);

/// A place that waits for its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    pub slot: Schedule,
    pub clip: Clip,
    /// Not before, when the operator wishes so.
    pub not_before: Option<Moment>,
    /// The earliest time will do, good or not: its slot was missed.
    pub urgent: bool,
}

/// What is known of one target. Lists are bounded by whoever reads them.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub now: Moment,
    /// As rows call it ([`row_target`]).
    pub target: String,
    /// Whose rules hold for the channel as a whole: zone, hours, spacing.
    pub owner: ProjectId,
    /// Of every project that has rows here, the owner's among them.
    pub projects: BTreeMap<ProjectId, ProjectSettings>,
    /// What has a time, from days back to beyond the horizon; recommendations that wait for their ruling among them.
    pub standing: Vec<Schedule>,
    /// What waits, oldest first.
    pub waiting: Vec<Waiting>,
    /// What all accounts of the service hold and have used.
    pub taken: Vec<Taken>,
    /// Clips of the owner that were published since the start of the UTC day, by whatever way.
    pub published_today: u32,
    /// What was learnt of the channel's week; only where it is in use.
    pub learnt: Option<WindowModel>,
}

impl Facts {
    fn settings(&self, project: ProjectId) -> ProjectSettings {
        self.projects.get(&project).cloned().unwrap_or_default()
    }
    /// Whether a place is the owner's.
    pub fn owns(&self, id: ScheduleId) -> bool {
        let mut rows = self.standing.iter().chain(self.waiting.iter().map(|w| &w.slot));
        rows.any(|row| row.schedule_id == id && row.project_id == self.owner)
    }
    /// Whether one time is as good as another.
    fn takes_the_earliest(&self) -> bool {
        self.learnt.is_none() && self.channel().takes_the_earliest()
    }
    /// The owner's rules for the target.
    pub fn channel(&self) -> ChannelSettings {
        self.settings(self.owner).channel_of(self.owner, &self.target)
    }
}

/// A time for one that waits, or the rules that leave none.
///
/// # Errors
/// `not_found` for one that does not wait; `config_invalid` where rules contradict themselves.
pub fn propose(facts: &Facts, id: ScheduleId, config: &EngineConfig) -> Result<ScheduleResult, Fault> {
    let own = facts.waiting.iter().find(|w| w.slot.schedule_id == id).ok_or_else(|| {
        Fault::new(Code::NotFound, format!("schedule {id} does not wait for a time"), "list the schedule")
    })?;
    let request = request(facts, config, |_| false)?;
    let publication = request.wanted.iter().find(|p| p.schedule_id == id).cloned();
    let publication = publication.ok_or_else(|| Fault::internal("a place that waits is not in its own request"))?;
    if own.urgent || facts.takes_the_earliest() {
        return match first_come(&request, &publication, own.urgent) {
            Some(at) => Ok(found(facts, &request, &publication, at, None)),
            None => unplaced(facts, &request, &publication),
        };
    }
    let plan = calendar::plan(&request)?;
    if let Some(placed) = plan.placed.iter().find(|p| p.entry.id() == id) {
        return Ok(found(facts, &request, &publication, placed.entry.at, Some(&placed.why)));
    }
    match plan.unplaced.into_iter().find(|u| u.schedule_id == id) {
        Some(none) => Ok(not_found(&request, &publication, none)),
        None => Err(Fault::internal("the plan forgot a place")),
    }
}

/// What a recalculation would do with the open places of the target: those that wait get a time, and confirmed ones that
/// are not locked nor due at once may move where that is worth more than it disturbs.
///
/// # Errors
/// `config_invalid` where rules contradict themselves.
pub fn recalculate(facts: &Facts, config: &EngineConfig) -> Result<(Request, Plan), Fault> {
    // One that a plan could not put where it stands is somebody's own wish.
    let soon = facts.now.after(NEAR.max(Duration::from_secs(u64::from(config.schedule.lead_minutes) * 60)));
    let far = facts.now.after(Duration::from_secs(u64::from(config.schedule.horizon_days) * 86_400));
    let request = request(facts, config, |row| {
        row.status == ScheduleStatus::Confirmed
            && !row.locked
            && row.project_id == facts.owner
            && row.final_scheduled_time.is_some_and(|at| at > soon && at <= far)
    })?;
    let plan = calendar::plan(&request)?;
    Ok((request, plan))
}

/// Why a plan put something where it did, as rows keep it.
pub fn reasons(facts: &Facts, request: &Request, placed: &Placed) -> Value {
    found(facts, request, &placed.entry.publication, placed.entry.at, Some(&placed.why)).reasons
}

/// The calendar's problem. `movable` says which confirmed rows a plan may move.
///
/// # Errors
/// `config_invalid` for a zone that nobody knows or a cost that is not defined.
pub fn request(facts: &Facts, config: &EngineConfig, movable: impl Fn(&Schedule) -> bool) -> Result<Request, Fault> {
    let settings = facts.channel();
    let zone = Zone::named(&settings.time_zone)?;
    let definitions = Definitions::in_force(&config.platforms, facts.now)?;
    let quiet = settings.quiet_hours.as_ref().unwrap_or(&config.schedule.quiet_hours);
    let channel = Channel {
        name: facts.target.clone(),
        zone,
        windows: windows(&settings, facts.learnt.as_ref()),
        spacing_minutes: settings.spacing_minutes.unwrap_or(config.schedule.spacing_minutes),
        quiet: quiet.iter().filter_map(QuietHours::minutes).map(|(from, to)| Quiet { from, to }).collect(),
        charges: limits::publication(&definitions, &facts.target)?,
    };
    let rows = facts.standing.iter().chain(facts.waiting.iter().map(|w| &w.slot));
    let ids: BTreeSet<ProjectId> = rows.map(|row| row.project_id).chain([facts.owner]).collect();
    let rules = |id: ProjectId| {
        let channel = facts.settings(id).channel_of(id, &facts.target);
        let mix = channel.mix.iter().map(|m| (m.label.clone(), m.share)).collect();
        (id, ProjectRules { daily_quota: channel.daily_quota.clamp(1, 10), mix })
    };
    let full = full_today(facts, &settings);
    let wanted = facts.waiting.iter().map(|waiting| {
        let mut publication = of_clip(facts, &waiting.slot, &waiting.clip);
        publication.not_before = waiting.not_before.max(full.filter(|_| waiting.slot.project_id == facts.owner));
        publication
    });
    Ok(Request {
        now: facts.now,
        rules: Rules {
            lead_minutes: config.schedule.lead_minutes,
            horizon_days: config.schedule.horizon_days,
            step_minutes: STEP,
            ..Rules::default()
        },
        weights: calendar::Weights::default(),
        projects: ids.into_iter().map(rules).collect(),
        calendar: facts.standing.iter().filter_map(|row| entry(facts, row, &movable)).collect(),
        wanted: wanted.collect(),
        ledger: limits::ledger(&definitions, [facts.target.as_str()], &facts.taken)?,
        channels: vec![channel],
    })
}

/// Without channels of its own a project's quota counts whatever was published that UTC day, booked or not: then the next
/// day is the first that will do.
fn full_today(facts: &Facts, channel: &ChannelSettings) -> Option<Moment> {
    let today = facts.now.0.div_euclid(DAY);
    let usual = facts.settings(facts.owner).channels.is_empty();
    (usual && facts.published_today >= channel.daily_quota).then(|| Moment((today + 1).saturating_mul(DAY)))
}

/// How good each hour is: what was learnt, less where the operator would not post.
fn windows(channel: &ChannelSettings, learnt: Option<&WindowModel>) -> Windows {
    let Some(model) = learnt else { return wished(channel) };
    if channel.windows.is_empty() {
        return model.windows();
    }
    let (learnt, wished) = (model.windows(), wished(channel));
    let both = (0..Windows::HOURS).map(|hour| learnt.weight(hour) * wished.weight(hour));
    Windows::new(both.collect()).unwrap_or(wished)
}

fn wished(channel: &ChannelSettings) -> Windows {
    if channel.windows.is_empty() {
        return Windows::even();
    }
    let hours = (0..Windows::HOURS as u32).map(|hour| {
        let good = channel.windows.iter().any(|w| w.holds(hour % 24));
        if good { 1.0 } else { OUTSIDE }
    });
    Windows::new(hours.collect()).unwrap_or_else(Windows::even)
}

/// Kinds of the mix that a clip belongs to, by its tags, keywords and title.
pub fn labels(clip: &Clip, mix: &[MixTarget]) -> BTreeSet<String> {
    let digest = ClipDigest::of(clip);
    mix.iter().filter(|target| belongs(&digest, target)).map(|target| target.label.clone()).collect()
}

fn of_clip(facts: &Facts, slot: &Schedule, clip: &Clip) -> Publication {
    let channel = facts.settings(slot.project_id).channel_of(slot.project_id, &facts.target);
    let bounded = |x: f64| if x.is_finite() { x.clamp(0.0, 1.0) } else { 0.5 };
    Publication {
        schedule_id: slot.schedule_id,
        clip_id: slot.clip_id,
        project_id: slot.project_id,
        channels: [facts.target.clone()].into(),
        value: bounded(clip.confidence),
        priority: bounded(clip.lattice_priority),
        labels: labels(clip, &channel.mix),
        topic: clip.metadata.get("topic").and_then(Value::as_str).map(str::to_owned),
        not_before: None,
        deadline: None,
    }
}

/// What a plan needs to know of a row's clip later; stands in the row, so that nobody has to read the clip again.
pub fn remembered(publication: &Publication) -> Value {
    json!({
        "value": publication.value, "priority": publication.priority, "labels": publication.labels,
        "topic": publication.topic,
    })
}

fn entry(facts: &Facts, row: &Schedule, movable: &impl Fn(&Schedule) -> bool) -> Option<Entry> {
    let at = row.final_scheduled_time.or(row.recommended_time)?;
    let standing = match row.status {
        ScheduleStatus::Done => Standing::Out,
        ScheduleStatus::Cancelled | ScheduleStatus::Missed => return None,
        _ if row.locked => Standing::Locked,
        _ if movable(row) => Standing::Proposed,
        _ => Standing::Confirmed,
    };
    let clip = row.horizon_adjustments.get("clip").unwrap_or(&Value::Null);
    let number = |key: &str| clip.get(key).and_then(Value::as_f64).filter(|x| (0.0..=1.0).contains(x)).unwrap_or(0.5);
    let labels = clip.get("labels").and_then(Value::as_array).into_iter().flatten();
    let publication = Publication {
        schedule_id: row.schedule_id,
        clip_id: row.clip_id,
        project_id: row.project_id,
        channels: [facts.target.clone()].into(),
        value: number("value"),
        priority: number("priority"),
        labels: labels.filter_map(Value::as_str).map(str::to_owned).collect(),
        topic: clip.get("topic").and_then(Value::as_str).map(str::to_owned),
        not_before: None,
        deadline: None,
    };
    Some(Entry { publication, channel: facts.target.clone(), at, standing })
}

/// The earliest time, behind those that have waited for longer. One that is urgent waits for nobody.
fn first_come(request: &Request, own: &Publication, urgent: bool) -> Option<Moment> {
    let mut rest = Request { wanted: Vec::new(), ..request.clone() };
    let ahead = request.wanted.iter().take_while(|p| p.schedule_id != own.schedule_id);
    for other in ahead.filter(|_| !urgent) {
        if let Some((channel, at)) = calendar::earliest(&rest, other) {
            rest.calendar.push(Entry { publication: other.clone(), channel, at, standing: Standing::Confirmed });
        }
    }
    calendar::earliest(&rest, own).map(|(_, at)| at)
}

/// Why nothing is free, though nothing else moves for it.
fn unplaced(facts: &Facts, request: &Request, own: &Publication) -> Result<ScheduleResult, Fault> {
    let plan = calendar::plan(&Request { wanted: vec![own.clone()], ..request.clone() })?;
    match plan.unplaced.into_iter().next() {
        Some(none) => Ok(not_found(request, own, none)),
        // On the grid of a plan something is free that lies behind those ahead of it.
        None => match plan.placed.first() {
            Some(placed) => Ok(found(facts, request, own, placed.entry.at, Some(&placed.why))),
            None => Err(Fault::internal("the plan forgot a place")),
        },
    }
}

fn found(facts: &Facts, request: &Request, own: &Publication, at: Moment, why: Option<&Why>) -> ScheduleResult {
    let (learnt, known) = facts.learnt.as_ref().and_then(|model| learnt(model, request, own, at)).unzip();
    ScheduleResult {
        schedule_id: own.schedule_id,
        recommended_time: Some(at),
        reasons: json!({
            "found": true, "by": if why.is_some() { "plan" } else { "earliest" }, "local": local(request, at),
            "words": format!("{}{}", words(why), known.unwrap_or_default()), "why": why, "learnt": learnt, "rules": rules(request), "clip": remembered(own),
        }),
        fault: None,
        look_again: None,
    }
}

/// What was learnt of the hour, and what the clip may achieve in it: for the row, and in words.
fn learnt(model: &WindowModel, request: &Request, own: &Publication, at: Moment) -> Option<(Value, String)> {
    let hour = request.channels.first()?.zone.local(at).hour_of_week();
    let weight = model.weights.get(hour)?;
    let posts = model.learnt_from.posts;
    let forecast = forecast(model, at, hour, own.value);
    let expects = forecast.as_ref().map(|f| {
        let what = f.measure.words();
        format!(", about {:.0} {what} ({:.0} to {:.0}) after {} h", f.expected, f.low, f.high, f.age_hours)
    });
    let words = format!(
        "; its hour counts {weight:.2} of the best (learnt from {posts} posts, version {}){}",
        model.version,
        expects.unwrap_or_default()
    );
    let value = json!({
        "version": model.version, "posts": posts, "hour_of_week": hour, "weight": weight, "forecast": forecast,
    });
    Some((value, words))
}

fn not_found(request: &Request, own: &Publication, none: Unplaced) -> ScheduleResult {
    let again = request.channels.first().map(|channel| {
        let zone = &channel.zone;
        zone.day_start(zone.local(request.now).day + 1)
    });
    ScheduleResult {
        schedule_id: own.schedule_id,
        recommended_time: None,
        reasons: json!({
            "found": false, "conflicts": none.conflicts, "relaxation": none.relaxation, "words": none.fault.message,
            "proposal": none.fault.next_step, "rules": rules(request), "clip": remembered(own),
        }),
        fault: Some(none.fault),
        look_again: again.filter(|at| *at > request.now),
    }
}

fn local(request: &Request, at: Moment) -> String {
    let zone = request.channels.first().map(|c| format!("{} {}", c.zone.text(at), c.zone.name()));
    zone.unwrap_or_default()
}

fn rules(request: &Request) -> Value {
    let channel = request.channels.first();
    let quotas: BTreeMap<String, u32> =
        request.projects.iter().map(|(id, rules)| (id.to_string(), rules.daily_quota)).collect();
    json!({
        "time_zone": channel.map(|c| c.zone.name()), "spacing_minutes": channel.map(|c| c.spacing_minutes),
        "quiet": channel.map(|c| &c.quiet), "daily_quota": quotas, "horizon_days": request.rules.horizon_days,
    })
}

fn words(why: Option<&Why>) -> String {
    let Some(why) = why else { return "it is the earliest time that breaks no rule".to_owned() };
    let parts: Vec<String> =
        why.parts.iter().filter(|p| p.points != 0).map(|p| format!("{} {:+}", p.name, p.points)).collect();
    let bound: Vec<String> = why.bound.iter().map(|(rule, n)| format!("{} ({n})", rule.as_str())).collect();
    let better = if bound.is_empty() {
        String::new()
    } else {
        format!("; better slots were not to be had: {}", bound.join(", "))
    };
    format!("it is worth {} points to the calendar: {}{better}", why.score, parts.join(", "))
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
