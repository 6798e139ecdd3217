//! What changes from one calendar to another: the dry run of a recalculation.

use std::collections::BTreeMap;

use omniva_contracts::engine::{Moment, ScheduleId};
use serde::Serialize;

use super::{Broken, Entry, Plan, Request};

/// One entry that is not the same in both.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    Added { schedule_id: ScheduleId, channel: String, at: Moment },
    Moved { schedule_id: ScheduleId, from: (String, Moment), to: (String, Moment) },
    Removed { schedule_id: ScheduleId, channel: String, at: Moment },
}

impl Change {
    pub fn id(&self) -> ScheduleId {
        match self {
            Self::Added { schedule_id, .. } | Self::Moved { schedule_id, .. } | Self::Removed { schedule_id, .. } => {
                *schedule_id
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    #[serde(flatten)]
    pub change: Change,
    /// In words, the weightiest first.
    pub reasons: Vec<String>,
}

/// From the calendar of `request` to that of its `plan`, with reasons, by schedule id.
pub fn difference(request: &Request, plan: &Plan) -> Vec<Difference> {
    let changes = changes(&request.calendar, &plan.calendar(request));
    let placed: BTreeMap<ScheduleId, &super::Placed> = plan.placed.iter().map(|p| (p.entry.id(), p)).collect();
    let unplaced: BTreeMap<ScheduleId, &super::Unplaced> = plan.unplaced.iter().map(|u| (u.schedule_id, u)).collect();
    let tell = |change: Change| {
        let id = change.id();
        let reasons = match &change {
            Change::Removed { .. } => unplaced.get(&id).map(|u| vec![u.fault.message.clone()]),
            Change::Moved { from, .. } => placed.get(&id).map(|p| moved(request, p, from)),
            Change::Added { .. } => placed.get(&id).map(|p| added(p)),
        };
        Difference { change, reasons: reasons.unwrap_or_default() }
    };
    changes.into_iter().map(tell).collect()
}

/// Added, moved and removed entries, by schedule id; a changed standing alone is no change.
pub fn changes(old: &[Entry], new: &[Entry]) -> Vec<Change> {
    let index = |entries: &[Entry]| -> BTreeMap<ScheduleId, (String, Moment)> {
        entries.iter().map(|e| (e.id(), (e.channel.clone(), e.at))).collect()
    };
    let (old, new) = (index(old), index(new));
    let mut out = Vec::new();
    for (schedule_id, from) in &old {
        match new.get(schedule_id) {
            Some(to) if to != from => {
                out.push(Change::Moved { schedule_id: *schedule_id, from: from.clone(), to: to.clone() });
            }
            Some(_) => {}
            None => {
                out.push(Change::Removed { schedule_id: *schedule_id, channel: from.0.clone(), at: from.1 });
            }
        }
    }
    for (schedule_id, (channel, at)) in new.iter().filter(|(id, _)| !old.contains_key(id)) {
        out.push(Change::Added { schedule_id: *schedule_id, channel: channel.clone(), at: *at });
    }
    out.sort_by_key(Change::id);
    out
}

/// The rules that its old place breaks now, or what the calendar gains.
fn moved(request: &Request, placed: &super::Placed, from: &(String, Moment)) -> Vec<String> {
    let mut rest = request.clone();
    rest.calendar.retain(|e| !e.standing.may_move());
    let entry = Entry { channel: from.0.clone(), at: from.1, ..placed.entry.clone() };
    let broken: Vec<Broken> = super::violations(&rest, &entry);
    if broken.is_empty() {
        return vec![format!("the calendar as a whole gains; here it is worth {} points", placed.why.score)];
    }
    broken.into_iter().map(|b| format!("{}: {}", b.rule.as_str(), b.message)).collect()
}

fn added(placed: &super::Placed) -> Vec<String> {
    let why = &placed.why;
    let parts: Vec<String> =
        why.parts.iter().filter(|p| p.points != 0).map(|p| format!("{} {:+}", p.name, p.points)).collect();
    let bound: Vec<String> = why.bound.iter().map(|(rule, n)| format!("{} ({n})", rule.as_str())).collect();
    let mut out = vec![format!("worth {} points: {}", why.score, parts.join(", "))];
    if !bound.is_empty() {
        out.push(format!("better slots were not to be had: {}", bound.join(", ")));
    }
    out
}
