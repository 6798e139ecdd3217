//! Slots that passed while nobody could publish: the engine was down, or the machine slept.

use omniva_contracts::engine::{Moment, ScheduleId};
use omniva_contracts::fault::Fault;
use serde::{Deserialize, Serialize};

use super::board::MINUTE;
use super::{Entry, Publication, Request, Standing, Unplaced};

/// Minutes that are looked through for the earliest time, at most: a fortnight.
const MINUTES: i64 = 14 * 1440;

/// What becomes of a slot that was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissedPolicy {
    /// It is given up.
    Skip,
    /// It is planned anew, for the best slot that is left.
    NextFree,
    /// The first minute that breaks no rule, good or not; in the order in which they were due.
    AsSoonAsPossible,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MissedEntry {
    pub schedule_id: ScheduleId,
    /// When it was due.
    pub was: Moment,
    /// Where it goes now; `None` where it was given up or nothing was free.
    pub now: Option<(String, Moment)>,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MissedPlan {
    /// By the time they were due, then by id.
    pub missed: Vec<MissedEntry>,
    /// Those that should have gone out and found no time.
    pub unplaced: Vec<Unplaced>,
    /// What stands afterwards. With [`MissedPolicy::NextFree`] proposed entries may have moved as in any plan.
    #[serde(skip)]
    pub calendar: Vec<Entry>,
}

/// Deals with every entry that is not out and was due more than `grace_minutes` before now.
///
/// A deadline that has passed gives an entry up under any policy. What is placed again is proposed; a lock was for the
/// time that is gone.
///
/// # Errors
/// As [`super::plan`].
pub fn missed(request: &Request, grace_minutes: u32, policy: MissedPolicy) -> Result<MissedPlan, Fault> {
    request.check()?;
    let due = Moment(request.now.0.saturating_sub(i64::from(grace_minutes) * MINUTE));
    let late = |e: &Entry| e.standing != Standing::Out && e.at < due;
    let (mut gone, rest): (Vec<Entry>, Vec<Entry>) = request.calendar.iter().cloned().partition(late);
    gone.sort_by_key(|e| (e.at, e.id()));
    let mut left = Request { calendar: rest, ..request.clone() };
    for entry in &gone {
        left.ledger.release(entry.id().0);
    }
    let over = |e: &Entry| e.publication.deadline.is_some_and(|t| t < request.earliest());
    let (over, again): (Vec<Entry>, Vec<Entry>) =
        gone.into_iter().partition(|e| policy == MissedPolicy::Skip || over(e));
    let mut missed: Vec<MissedEntry> = over.into_iter().map(|e| given_up(&e, policy)).collect();
    let mut unplaced = Vec::new();
    match policy {
        MissedPolicy::Skip => {}
        MissedPolicy::NextFree => {
            left.wanted.extend(again.iter().map(|e| e.publication.clone()));
            let plan = super::plan(&left)?;
            left.calendar = plan.calendar(&left);
            unplaced = plan.unplaced;
            missed.extend(again.into_iter().map(|e| found(e, &left.calendar)));
        }
        MissedPolicy::AsSoonAsPossible => {
            for entry in again {
                match soonest(&left, &entry.publication) {
                    Some((channel, at)) => {
                        left.calendar.push(Entry { channel, at, standing: Standing::Proposed, ..entry.clone() });
                        missed.push(found(entry, &left.calendar));
                    }
                    None => {
                        missed.push(found(entry.clone(), &left.calendar));
                        // Its plan says which rules are in the way: nothing else may move for it.
                        unplaced.extend(why_not(&left, &entry)?);
                    }
                }
            }
        }
    }
    left.calendar.sort_by(Entry::order);
    missed.sort_by_key(|m| (m.was, m.schedule_id));
    Ok(MissedPlan { missed, unplaced, calendar: left.calendar })
}

fn given_up(entry: &Entry, policy: MissedPolicy) -> MissedEntry {
    let reason = match policy {
        MissedPolicy::Skip => "its time passed unused, and missed slots are skipped",
        _ => "its time passed unused, and so did its deadline",
    };
    MissedEntry { schedule_id: entry.id(), was: entry.at, now: None, reason: reason.to_owned() }
}

fn found(entry: Entry, calendar: &[Entry]) -> MissedEntry {
    let now = calendar.iter().find(|e| e.id() == entry.id()).map(|e| (e.channel.clone(), e.at));
    let reason = match now {
        Some(_) => "its time passed unused; it was given another",
        None => "its time passed unused, and no other was free",
    };
    MissedEntry { schedule_id: entry.id(), was: entry.at, now, reason: reason.to_owned() }
}

/// The earliest moment on any of its channels that breaks no rule, nor collides with what is only proposed: the very
/// first that could be, or else a whole minute. Looks a fortnight ahead at most; the request is not checked.
pub fn earliest(request: &Request, publication: &Publication) -> Option<(String, Moment)> {
    let first = publication.not_before.map_or(request.earliest(), |t| request.earliest().max(t));
    let lanes = lanes(request, publication);
    let at_once = super::moves::probe(request, publication, |board, n| {
        lanes.iter().find(|(_, lane)| board.rules(n, *lane, first).is_empty()).map(|(name, _)| (*name).clone())
    });
    at_once.map(|name| (name, first)).or_else(|| soonest(request, publication))
}

/// The first whole minute on any of its channels that breaks no rule, nor collides with what is only proposed.
fn soonest(request: &Request, publication: &Publication) -> Option<(String, Moment)> {
    let first = (request.earliest().0 + MINUTE - 1).div_euclid(MINUTE);
    let first = publication.not_before.map_or(first, |t| first.max((t.0 + MINUTE - 1).div_euclid(MINUTE)));
    let last = request.horizon_end().0.div_euclid(MINUTE).min(first.saturating_add(MINUTES));
    let lanes = lanes(request, publication);
    super::moves::probe(request, publication, |board, n| {
        (first..=last).find_map(|minute| {
            let at = Moment(minute.saturating_mul(MINUTE));
            lanes.iter().find(|(_, lane)| board.rules(n, *lane, at).is_empty()).map(|(name, _)| ((*name).clone(), at))
        })
    })
}

/// Its channels by name and index.
fn lanes<'a>(request: &'a Request, publication: &Publication) -> Vec<(&'a String, usize)> {
    let channels = request.channels.iter().enumerate();
    channels.filter(|(_, c)| publication.channels.contains(&c.name)).map(|(lane, c)| (&c.name, lane)).collect()
}

fn why_not(request: &Request, entry: &Entry) -> Result<Vec<Unplaced>, Fault> {
    let mut alone = Request { wanted: vec![entry.publication.clone()], ..request.clone() };
    alone.calendar.iter_mut().filter(|e| e.standing.may_move()).for_each(|e| e.standing = Standing::Confirmed);
    Ok(super::plan(&alone)?.unplaced)
}
