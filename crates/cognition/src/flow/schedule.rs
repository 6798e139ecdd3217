//! When to publish: the next slot that keeps quota, spacing and quiet hours.
//!
//! First version: the earliest allowed time is the best one. Windows that a channel's engagement teaches come with the
//! platforms; they will score slots where this takes the first.

use std::collections::BTreeMap;
use std::time::Duration;

use omniva_contracts::config::ScheduleConfig;
use omniva_contracts::engine::*;
use serde_json::{Value, json};

use crate::council::Booking;

const MINUTE: i64 = 60_000_000;
const SECOND: i64 = 1_000_000;
pub(crate) const DAY: i64 = 86_400 * SECOND;
/// Slots that are looked at, at most; the reasons of the last ones are kept.
const LOOKS: usize = 2_000;
const KEPT: usize = 50;

/// What a slot is looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotRequest<'a> {
    pub schedule_id: ScheduleId,
    pub clip_id: ClipId,
    pub project_id: ProjectId,
    pub target: &'a str,
    pub now: Moment,
    /// Not before, when the operator wishes so.
    pub not_before: Option<Moment>,
    /// Publications of the project in one UTC day.
    pub daily_quota: u32,
    /// What the project published since the start of the UTC day, by whatever way.
    pub published_today: u32,
    /// Bookings of the target, of all projects; the subject's own does not count.
    pub booked: &'a [Booking],
}

/// Why a slot is refused, and the earliest time that may be better.
struct Against {
    code: &'static str,
    next: i64,
}

/// The first slot that fits, with every slot that was looked at. Where none fits within the horizon, the last one that
/// was looked at is recommended and the reasons say so (`"found": false`): Zenith will not confirm a slot over the quota.
pub fn recommend(request: &SlotRequest<'_>, config: &ScheduleConfig) -> ScheduleResult {
    let lead = Duration::from_secs(u64::from(config.lead_minutes) * 60);
    let first = request.now.after(lead).max(request.not_before.unwrap_or(request.now)).0;
    let last = first.saturating_add(i64::from(config.horizon_days) * DAY);
    let others: Vec<&Booking> = request
        .booked
        .iter()
        .filter(|b| b.schedule_id != request.schedule_id && b.target == request.target)
        .filter(|b| !matches!(b.status, ScheduleStatus::Cancelled | ScheduleStatus::Missed))
        .collect();
    let mut days: BTreeMap<i64, u32> = BTreeMap::new();
    for own in others.iter().filter(|b| b.project_id == request.project_id) {
        *days.entry(own.at.0.div_euclid(DAY)).or_default() += 1;
    }
    // What is out was booked as well, as a rule: the larger of the two counts, as Zenith counts them.
    let today = days.entry(request.now.0.div_euclid(DAY)).or_default();
    *today = (*today).max(request.published_today);
    let (mut slot, mut looked, mut found) = (first, Vec::new(), false);
    for _ in 0..LOOKS {
        let against = against(slot, request, &others, &days, config);
        looked.push(json!({
            "slot": Moment(slot), "score": if against.is_none() { 1.0 } else { 0.0 }, "against": against.as_ref().map(|a| a.code),
        }));
        match against {
            None => {
                found = true;
                break;
            }
            Some(against) if against.next <= last => slot = against.next.max(slot + 1),
            Some(_) => break,
        }
    }
    ScheduleResult {
        schedule_id: request.schedule_id,
        recommended_time: Moment(slot),
        reasons: reasons(looked, found, first, request, config),
    }
}

fn reasons(
    mut looked: Vec<Value>,
    found: bool,
    first: i64,
    request: &SlotRequest<'_>,
    config: &ScheduleConfig,
) -> Value {
    let count = looked.len();
    let kept = looked.split_off(count.saturating_sub(KEPT));
    json!({
        "found": found, "earliest": Moment(first), "looked_at": count, "slots": kept,
        "rules": {
            "daily_quota": request.daily_quota, "spacing_minutes": config.spacing_minutes,
            "quiet_hours": config.quiet_hours, "horizon_days": config.horizon_days,
        },
    })
}

fn against(
    slot: i64,
    request: &SlotRequest<'_>,
    others: &[&Booking],
    days: &BTreeMap<i64, u32>,
    config: &ScheduleConfig,
) -> Option<Against> {
    let minute = slot.rem_euclid(DAY) / MINUTE;
    if config.is_quiet(minute as u32) {
        // The end of the quiet hours that the slot lies in: at most a day of minutes away, because some minute is free.
        let wait = (1..1440).find(|m| !config.is_quiet(((minute + m) % 1440) as u32)).unwrap_or(1440);
        return Some(Against { code: "quiet_hours", next: slot - slot.rem_euclid(MINUTE) + wait * MINUTE });
    }
    let day = slot.div_euclid(DAY);
    if days.get(&day).copied().unwrap_or(0) >= request.daily_quota {
        return Some(Against { code: "quota_reached", next: (day + 1) * DAY });
    }
    let spacing = i64::from(config.spacing_minutes) * MINUTE;
    let near = others
        .iter()
        .filter(|b| b.project_id == request.project_id && (b.at.0 - slot).abs() < spacing)
        .map(|b| b.at.0 + spacing)
        .max();
    if let Some(next) = near {
        return Some(Against { code: "too_close", next });
    }
    // No two clips of whatever project at the same instant: a target's slots are unique.
    let taken = others.iter().any(|b| b.at.0 == slot);
    taken.then_some(Against { code: "taken", next: slot + SECOND })
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
