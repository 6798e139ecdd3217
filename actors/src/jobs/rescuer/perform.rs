//! One sweep over what is due.

use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::engine::*;
use omniva_store::{JobFilter, Page, StoreFault};

use super::Msg;
use super::msg::Swept;
use crate::kit::Kit;
use crate::zenith::{self, Advanced, Move};

/// Jobs of one sort that one sweep takes.
const AT_ONCE: u64 = 256;
const ANSWER: Duration = Duration::from_secs(30);

pub(super) fn sweep(kit: &Arc<Kit>) {
    let kit = kit.clone();
    tokio::spawn(async move {
        let swept = match tokio::spawn(due(kit.clone())).await {
            Ok(Ok(swept)) => swept,
            Ok(Err(_)) => Swept { next: None, again: true },
            Err(error) => {
                tracing::error!(%error, "a sweep of the rescuer broke off");
                Swept { next: None, again: true }
            }
        };
        kit.wires.rescuer.deliver(Msg::Swept(swept)).await;
    });
}

async fn due(kit: Arc<Kit>) -> Result<Swept, StoreFault> {
    let now = kit.now();
    let lapsed = kit.reader.lapsed(now, AT_ONCE).await?;
    let expired = kit.reader.expired(now, AT_ONCE).await?;
    let waiting = kit.reader.due(now, AT_ONCE).await?;
    let most = lapsed.len().max(expired.len()).max(waiting.len());
    for job in &lapsed {
        omniva_telemetry::meter::lease_expired(job.kind);
        tracing::warn!(job_id = %job.id, queue = job.kind.as_str(), worker = job.worker.as_deref(), "its lease has run out: it is brought back");
    }
    let mut moves: Vec<Move> = lapsed.into_iter().map(|job| Move { job, event: JobEvent::LeaseExpired }).collect();
    let gone: std::collections::BTreeSet<JobId> = expired.iter().map(|job| job.id).collect();
    moves.extend(expired.into_iter().map(|job| Move { job, event: JobEvent::Expired }));
    let waiting = waiting.into_iter().filter(|job| !gone.contains(&job.id));
    moves.extend(waiting.map(|job| Move { job, event: JobEvent::Due }));
    let mut away = false;
    if !moves.is_empty() {
        let asked = kit.wires.zenith.ask(|reply| zenith::Msg::Advance(moves, reply), ANSWER).await;
        away = asked.map_or(true, |answers| answers.contains(&Advanced::Unavailable));
    }
    // What became claimable by mere time is the dispatcher's.
    kit.wires.dispatcher.wake(crate::jobs::dispatcher::Msg::Look);
    let next = kit.reader.next_due(kit.now()).await?;
    Ok(Swept { next, again: away || most as u64 == AT_ONCE })
}

/// Jobs that run by the rows and whose worker belongs to an earlier start of the engine: only one engine works on a
/// store, so that worker is dead. The attempt is given back: an engine that was killed says nothing about the job. (What
/// a job itself breaks, it breaks in a child process or as a panic, and both are told from this.)
pub(super) fn adopt(kit: &Arc<Kit>) {
    let kit = kit.clone();
    tokio::spawn(async move {
        while let Err(fault) = orphans(&kit).await {
            tracing::debug!(error = %fault, "orphaned jobs wait for the store");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        kit.wires.rescuer.deliver(Msg::Adopted).await;
    });
}

async fn orphans(kit: &Arc<Kit>) -> Result<(), StoreFault> {
    let filter = JobFilter { states: vec![JobState::Running], ..Default::default() };
    let mut found = Vec::new();
    loop {
        let page = kit.reader.jobs(&filter, Page { limit: AT_ONCE, offset: found.len() as u64 }).await?;
        let got = page.items.len();
        found.extend(page.items);
        if (got as u64) < AT_ONCE {
            break;
        }
    }
    found.retain(|job| job.worker.as_deref().is_none_or(|worker| !worker.starts_with(&kit.boot)));
    if found.is_empty() {
        return Ok(());
    }
    tracing::info!(jobs = found.len(), "jobs of an engine that is no more are brought back");
    for chunk in found.chunks(AT_ONCE as usize) {
        let moves: Vec<Move> = chunk
            .iter()
            .map(|job| {
                let outcome = Outcome::Interrupted { checkpoint: job.checkpoint.clone() };
                Move { job: job.clone(), event: JobEvent::Finished { fence: job.fence, outcome } }
            })
            .collect();
        let asked = kit.wires.zenith.ask(|reply| zenith::Msg::Advance(moves, reply), ANSWER).await;
        if asked.map_or(true, |answers| answers.contains(&Advanced::Unavailable)) {
            return Err(StoreFault::new(omniva_store::Trouble::Unavailable, "orphans could not be brought back yet"));
        }
    }
    Ok(())
}
