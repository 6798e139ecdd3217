//! Inboxes in which nothing has happened since they were looked at: no job is made for them, and no packet.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use omniva_contracts::engine::{CreatorId, Moment};
use omniva_platforms::Glance;

/// A change may be followed by another that leaves the same trace: looked at again until this long after it.
const SETTLED: Duration = Duration::from_secs(60);
/// What a glance does not show (a file that another program holds open, an item to be tried again) is found by a look
/// that comes in any case.
const LONGEST: Duration = Duration::from_secs(600);

/// What a look was made for.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    pub creator: CreatorId,
    pub glance: Glance,
    pub at: Moment,
}

/// The last look at each inbox since the engine started.
#[derive(Default)]
pub struct Quiet(Mutex<BTreeMap<CreatorId, Looked>>);

impl Quiet {
    /// True when a look would find what the last one found.
    pub(super) fn still(&self, creator: CreatorId, glance: &Glance, now: Moment) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&creator).is_some_and(|last| {
            last.glance.digest == glance.digest
                && last.at.since(glance.newest) > SETTLED
                && now.since(last.at) < LONGEST
        })
    }

    /// Jobs for these looks are written. Creators that are not among the `living` are forgotten.
    pub(super) fn keep(&self, looks: Vec<Looked>, living: &[CreatorId]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|creator, _| living.contains(creator));
        known.extend(looks.into_iter().map(|look| (look.creator, look)));
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn glance(newest: i64, digest: u8) -> Glance {
        Glance { digest: [digest; 32], newest: Moment::from_seconds(newest) }
    }

    #[test]
    fn an_inbox_is_left_alone_once_its_last_change_was_looked_at() {
        let (quiet, creator) = (Quiet::default(), CreatorId(Uuid::from_u128(1)));
        let at = Moment::from_seconds;
        let look = |seconds, digest| Looked { creator, glance: glance(1_000, digest), at: at(seconds) };
        assert!(!quiet.still(creator, &glance(1_000, 1), at(1_010)), "never looked at");
        quiet.keep(vec![look(1_010, 1)], &[creator]);
        assert!(!quiet.still(creator, &glance(1_000, 1), at(1_040)), "the change was too young");
        quiet.keep(vec![look(1_070, 1)], &[creator]);
        assert!(quiet.still(creator, &glance(1_000, 1), at(1_100)));
        assert!(!quiet.still(creator, &glance(1_000, 2), at(1_100)), "something changed");
        assert!(!quiet.still(creator, &glance(1_000, 1), at(1_670)), "looked at in any case");
        quiet.keep(Vec::new(), &[]);
        assert!(!quiet.still(creator, &glance(1_000, 1), at(1_100)), "forgotten");
    }
}
