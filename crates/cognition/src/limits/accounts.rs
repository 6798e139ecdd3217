//! What publications on accounts take from the platforms' buckets: the ledger follows from the rows of the schedule.

use omniva_contracts::engine::{Moment, Schedule, ScheduleStatus};
use omniva_contracts::fault::Fault;
use uuid::Uuid;

use super::{Charge, Definitions, Ledger};

/// Actions of one publication: an insert with its thumbnail and three looks at the processing; a post; a container and
/// its post. Everything else costs nothing.
const ACTIONS: [(&str, &[(&str, u32)]); 3] = [
    ("youtube", &[("youtube_insert", 1), ("youtube_thumbnail", 1), ("youtube_list", 3)]),
    ("tiktok", &[("tiktok_post", 1)]),
    ("instagram", &[("instagram_container", 1), ("instagram_post", 1)]),
];

/// A publication that holds its place, or is out.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    pub id: Uuid,
    /// As rows call it.
    pub target: String,
    pub at: Moment,
    pub done: bool,
}

impl Taken {
    /// `None` for a row that takes nothing: without a time, cancelled, missed.
    pub fn of(row: &Schedule) -> Option<Self> {
        let done = match row.status {
            ScheduleStatus::Done => true,
            ScheduleStatus::Confirmed | ScheduleStatus::Pending => false,
            ScheduleStatus::Cancelled | ScheduleStatus::Missed => return None,
        };
        let at = row.final_scheduled_time.or(row.recommended_time)?;
        Some(Self { id: row.schedule_id.0, target: row.target.clone(), at, done })
    }
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
    let mut all = Vec::new();
    for (action, times) in ACTIONS.iter().filter(|(name, _)| *name == service).flat_map(|(_, actions)| *actions) {
        let charges = definitions.charges(action, target)?;
        all.extend(charges.into_iter().map(|c| Charge { cost: c.cost.saturating_mul(*times), ..c }));
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
        let charges = publication(definitions, &one.target)?;
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
        let taken =
            |n: u128, target: &str, done| Taken { id: Uuid::from_u128(n), target: target.into(), at: now, done };
        let all = [taken(1, "youtube/a", true), taken(2, "youtube/b", false), taken(3, "folder/x", false)];
        let ledger = ledger(&definitions, ["youtube/c"], &all).expect("fits");
        let inserts = ledger.level(&BucketKey::new("youtube_inserts", ""), now).expect("there");
        assert_eq!((inserts.used, inserts.reserved, inserts.left), (1, 1, 98));
        let units = ledger.level(&BucketKey::new("youtube_units", ""), now).expect("there");
        assert_eq!(units.used, 53, "a thumbnail and three looks");
        let own = ledger.level(&BucketKey::new("youtube_channel_uploads", "youtube/c"), now).expect("there");
        assert_eq!(own.left, 15);
        assert!(publication(&definitions, "webhook/cms").expect("free").is_empty());
        assert_eq!((service("folder/x"), service("tiktok/me"), service("tiktok/")), (None, Some("tiktok"), None));
    }
}
