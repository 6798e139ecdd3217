//! What publications on accounts take from the platforms' buckets: the ledger follows from the rows of the schedule, and from
//! what the uploads' jobs have really spent.

use std::collections::BTreeMap;

use omniva_contracts::engine::{Moment, Schedule, ScheduleStatus, Spending, UploadJobId};
use omniva_contracts::fault::Fault;
use uuid::Uuid;

use super::{Charge, Definitions, Ledger};

/// Actions of one publication: an insert with its thumbnail, its captions and three looks at the processing; a post; a
/// container and its post. Everything else costs nothing.
const ACTIONS: [(&str, &[(&str, u32)]); 3] = [
    ("youtube", &[("youtube_insert", 1), ("youtube_thumbnail", 1), ("youtube_captions", 1), ("youtube_list", 3)]),
    ("tiktok", &[("tiktok_post", 1)]),
    ("instagram", &[("instagram_container", 1), ("instagram_post", 1)]),
];

/// A publication that holds its place or is out, or calls that were made.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    pub id: Uuid,
    /// As rows call it.
    pub target: String,
    pub at: Moment,
    pub done: bool,
    /// What is or will be called, and how often.
    pub actions: Vec<(String, u32)>,
}

impl Taken {
    /// A whole publication.
    pub fn publication(id: Uuid, target: &str, at: Moment, done: bool) -> Self {
        let actions = service(target).map(actions_of).unwrap_or_default();
        let actions = actions.iter().map(|(action, times)| ((*action).to_owned(), *times)).collect();
        Self { id, target: target.to_owned(), at, done, actions }
    }

    /// `None` for a row that takes nothing: without a time, cancelled, missed.
    pub fn of(row: &Schedule) -> Option<Self> {
        let done = match row.status {
            ScheduleStatus::Done => true,
            ScheduleStatus::Confirmed | ScheduleStatus::Pending => false,
            ScheduleStatus::Cancelled | ScheduleStatus::Missed => return None,
        };
        let at = row.final_scheduled_time.or(row.recommended_time)?;
        Some(Self::publication(row.schedule_id.0, &row.target, at, done))
    }
}

/// What one job has spent, as its row says.
#[derive(Clone, Debug, PartialEq)]
pub struct Spent {
    pub job: Uuid,
    pub spending: Spending,
    /// An attempt of it failed: what it has spent may have to be spent again.
    pub failed: bool,
}

/// What rows hold and jobs have spent. A call counts when it was made, whatever became of it. A publication that is out
/// counts by its calls where they are known, else by its row; one that is under way still holds what it has not spent, and
/// all of it once an attempt has failed. What is overdue will be paid from now on.
pub fn taken(rows: &[Schedule], spent: &[Spent], now: Moment) -> Vec<Taken> {
    let mut known: BTreeMap<UploadJobId, (BTreeMap<&str, u32>, bool)> = BTreeMap::new();
    let mut all = Vec::new();
    for Spent { job, spending, failed } in spent {
        let (calls, again) = known.entry(spending.upload_job_id).or_default();
        *again |= failed;
        for (n, call) in spending.calls.iter().enumerate() {
            let sum = calls.entry(call.action.as_str()).or_default();
            *sum = sum.saturating_add(call.times);
            all.push(Taken {
                // Distinct from every row: the job's own id is never one of them.
                id: Uuid::from_u128(job.as_u128().wrapping_add(n as u128)),
                target: spending.target.clone(),
                at: call.at,
                done: true,
                actions: vec![(call.action.clone(), call.times)],
            });
        }
    }
    for row in rows {
        let Some(mut one) = Taken::of(row) else { continue };
        let calls = row.upload_job_id.and_then(|id| known.get(&id));
        match calls {
            Some((calls, _)) if one.done && !calls.is_empty() => continue,
            Some((calls, false)) if !one.done => {
                for (action, times) in &mut one.actions {
                    *times = times.saturating_sub(calls.get(action.as_str()).copied().unwrap_or(0));
                }
            }
            _ => {}
        }
        if !one.done {
            one.at = one.at.max(now);
        }
        all.push(one);
    }
    all
}

/// The service whose limits hold for a target; `None` where nothing limits it.
pub fn service(target: &str) -> Option<&str> {
    let (service, account) = target.split_once('/')?;
    (ACTIONS.iter().any(|(name, _)| *name == service) && !account.is_empty()).then_some(service)
}

/// Names of the services that have limits.
pub fn services() -> impl Iterator<Item = &'static str> {
    ACTIONS.iter().map(|(name, _)| *name)
}

/// What one publication costs on a target.
///
/// # Errors
/// `config_invalid` for an action without a cost in force.
pub fn publication(definitions: &Definitions, target: &str) -> Result<Vec<Charge>, Fault> {
    let Some(service) = service(target) else { return Ok(Vec::new()) };
    charges(definitions, target, actions_of(service).iter().copied())
}

fn actions_of(service: &str) -> &'static [(&'static str, u32)] {
    ACTIONS.iter().find(|(name, _)| *name == service).map_or(&[], |(_, actions)| *actions)
}

fn charges<'a>(
    definitions: &Definitions,
    target: &str,
    actions: impl IntoIterator<Item = (&'a str, u32)>,
) -> Result<Vec<Charge>, Fault> {
    let mut all = Vec::new();
    for (action, times) in actions {
        let charges = definitions.charges(action, target)?;
        all.extend(charges.into_iter().map(|c| Charge { cost: c.cost.saturating_mul(times), ..c }));
    }
    Ok(all)
}

/// The ledger of the accounts, with what is taken. Reservations beyond a capacity are kept as facts: they were made
/// under other rules, and what they hold can't be given away a second time.
///
/// # Errors
/// As [`publication`].
pub fn ledger<'a>(
    definitions: &Definitions,
    accounts: impl IntoIterator<Item = &'a str>,
    taken: &'a [Taken],
) -> Result<Ledger, Fault> {
    let mut names: Vec<&str> = accounts.into_iter().chain(taken.iter().map(|t| t.target.as_str())).collect();
    names.retain(|name| service(name).is_some());
    names.sort_unstable();
    names.dedup();
    let mut ledger = Ledger::new(definitions.buckets(names));
    for one in taken {
        if service(&one.target).is_none() {
            continue;
        }
        let actions = one.actions.iter().map(|(action, times)| (action.as_str(), *times));
        let mut charges = charges(definitions, &one.target, actions)?;
        charges.retain(|charge| charge.cost > 0);
        if charges.is_empty() {
            continue;
        }
        let written = match one.done {
            true => ledger.record(one.id, one.at, &charges),
            false => ledger.reserve(one.id, one.at, &charges).or_else(|_| ledger.record(one.id, one.at, &charges)),
        };
        written.map_err(|refusal| refusal.fault())?;
    }
    Ok(ledger)
}

#[cfg(test)]
mod tests {
    use omniva_contracts::config::PlatformsConfig;

    use super::*;
    use crate::limits::BucketKey;

    #[test]
    fn what_is_booked_and_what_is_out_take_from_the_same_buckets() {
        let now = Moment::parse("2026-11-20T12:00:00Z").expect("a time");
        let definitions = Definitions::in_force(&PlatformsConfig::load(None).expect("loads"), now).expect("known");
        let taken = |n: u128, target: &str, done| Taken::publication(Uuid::from_u128(n), target, now, done);
        let all = [taken(1, "youtube/a", true), taken(2, "youtube/b", false), taken(3, "folder/x", false)];
        let ledger = ledger(&definitions, ["youtube/c"], &all).expect("fits");
        let inserts = ledger.level(&BucketKey::new("youtube_inserts", ""), now).expect("there");
        assert_eq!((inserts.used, inserts.reserved, inserts.left), (1, 1, 98));
        let units = ledger.level(&BucketKey::new("youtube_units", ""), now).expect("there");
        assert_eq!(units.used, 453, "a thumbnail, captions and three looks");
        let own = ledger.level(&BucketKey::new("youtube_channel_uploads", "youtube/c"), now).expect("there");
        assert_eq!(own.left, 15);
        assert!(publication(&definitions, "webhook/cms").expect("free").is_empty());
        assert_eq!((service("folder/x"), service("tiktok/me"), service("tiktok/")), (None, Some("tiktok"), None));
    }
}
