//! How tasks get a commit written: through Zenith, which seals it.

use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::engine::{Commit, EntityType, Row, Table};
use omniva_store::{Receipt, Refused, StoreFault, Trouble};

use super::Msg;
use crate::kit::Kit;

/// Longer than the writer's own patience, so that its answer comes first.
const ANSWER: Duration = Duration::from_secs(20);

const REBORN: Duration = Duration::from_secs(2);

/// Why a commit is not written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum Unwritten {
    /// It does not fit what is written by now: think again.
    #[error("{0}")]
    Overtaken(Refused),
    #[error("{0}")]
    Store(StoreFault),
}

pub(crate) async fn commit(kit: &Arc<Kit>, commit: Commit) -> Result<Receipt, Unwritten> {
    if commit == Commit::default() {
        return Ok(Receipt::default());
    }
    // A generation that is just being started anew is worth the moment; what was sent is never sent again.
    kit.wires.zenith.up(REBORN).await;
    match kit.wires.zenith.ask(|answer| Msg::Commit(Box::new(commit), answer), ANSWER).await {
        Ok(Ok(receipt)) => Ok(receipt),
        Ok(Err(Refused::Store(fault))) => Err(Unwritten::Store(fault)),
        Ok(Err(refused)) => Err(Unwritten::Overtaken(refused)),
        Err(down) => Err(Unwritten::Store(StoreFault::new(Trouble::Unavailable, down.to_string()))),
    }
}

/// As [`commit`], but a new job that exists already (its unique key is taken) is left out: what it was to do is being
/// done.
pub(crate) async fn commit_what_can_be(kit: &Arc<Kit>, mut change: Commit) -> Result<Receipt, Unwritten> {
    // A copy is only for the next attempt.
    while change.rows.iter().any(new_job) {
        match commit(kit, change.clone()).await {
            Err(Unwritten::Overtaken(Refused::Duplicate { table: Table::Jobs, key }))
                if leave_out(&mut change, &key) => {}
            other => return other,
        }
    }
    commit(kit, change).await
}

fn new_job(row: &Row) -> bool {
    matches!(row, Row::Job(job) if job.version == 1)
}

/// Takes a new job and its packets out; false when it is not there.
fn leave_out(change: &mut Commit, key: &str) -> bool {
    let before = change.rows.len();
    change.rows.retain(|row| !matches!(row, Row::Job(job) if job.version == 1 && job.id.to_string() == key));
    change.packets.retain(|p| p.entity.entity_type != EntityType::Job || p.entity.entity_id.to_string() != key);
    change.rows.len() < before
}
