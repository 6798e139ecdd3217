//! Claiming one batch.

use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::engine::*;
use omniva_store::StoreFault;
use serde_json::json;

use super::Msg;
use crate::kit::Kit;
use crate::pool::{self, Place};
use crate::zenith::{self, Advanced, Move, commit};

const ANSWER: Duration = Duration::from_secs(30);
/// A part that is just being started anew gets this moment.
const REBORN: Duration = Duration::from_secs(2);

/// What a claim brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Fewer than there were places: the queue is empty.
    All,
    /// As many as there were places: there may be more.
    Full,
    /// None of them could be claimed, or the store is away: not again at once.
    Trouble,
}

pub(super) fn controls(kit: &Arc<Kit>) {
    let kit = kit.clone();
    tokio::spawn(async move {
        let controls = kit.reader.queues().await.ok();
        kit.wires.dispatcher.deliver(Msg::Controls(controls)).await;
    });
}

pub(super) fn claim(kit: &Arc<Kit>, queue: JobKind, places: Vec<Place>) {
    let kit = kit.clone();
    tokio::spawn(async move {
        let found = batch(&kit, queue, places).await.unwrap_or(Found::Trouble);
        kit.wires.dispatcher.deliver(Msg::Claimed { queue, found }).await;
    });
}

async fn batch(kit: &Arc<Kit>, queue: JobKind, mut places: Vec<Place>) -> Result<Found, StoreFault> {
    let ready = match kit.reader.claimable(queue, kit.now(), places.len() as u64).await {
        Ok(ready) => ready,
        Err(fault) => {
            // The pause after trouble wakes the queue, not its places.
            places.into_iter().for_each(Place::unused);
            return Err(fault);
        }
    };
    let full = ready.len() == places.len();
    places.drain(ready.len().min(places.len())..).for_each(Place::unused);
    if ready.is_empty() {
        return Ok(Found::All);
    }
    let (worker, lease) = (kit.worker_name(queue), kit.config.jobs.lease());
    let moves: Vec<Move> =
        ready.into_iter().map(|job| Move { job, event: JobEvent::Claimed { worker: worker.clone(), lease } }).collect();
    kit.wires.zenith.up(REBORN).await;
    let Ok(answers) = kit.wires.zenith.ask(|reply| zenith::Msg::Advance(moves, reply), ANSWER).await else {
        return Ok(Found::Trouble);
    };
    let claimed = answers.into_iter().filter_map(|answer| match answer {
        Advanced::Written(job) => Some(*job),
        _ => None,
    });
    let jobs: Vec<(Job, Place)> = claimed.zip(places).collect();
    if jobs.is_empty() {
        return Ok(Found::Trouble);
    }
    hand_over(kit, queue, jobs).await;
    Ok(if full { Found::Full } else { Found::All })
}

/// A pool that is just being started anew gets a moment; claims that find no pool are given back.
async fn hand_over(kit: &Arc<Kit>, queue: JobKind, jobs: Vec<(Job, Place)>) {
    let Some(line) = kit.wires.pools.get(&queue) else { return };
    line.up(REBORN).await;
    let moves: Vec<Move> = jobs
        .iter()
        .map(|(job, _)| Move {
            job: job.clone(),
            event: JobEvent::Finished { fence: job.fence, outcome: Outcome::Interrupted { checkpoint: None } },
        })
        .collect();
    if line.tell(pool::Msg::Run(jobs)).is_err() {
        tracing::warn!(queue = queue.as_str(), "its pool is down: claims are given back");
        let _ = kit.wires.zenith.ask(|reply| zenith::Msg::Advance(moves, reply), ANSWER).await;
    }
}

/// A drained queue in which nothing runs any more is PAUSED.
pub(super) fn drained(kit: &Arc<Kit>, control: &QueueControl) {
    let kit = kit.clone();
    let (queue, next) =
        (control.queue, QueueControl { mode: QueueMode::Paused, version: control.version + 1, ..control.clone() });
    tokio::spawn(async move {
        let packet = PacketDraft {
            stardust_id: PacketId(kit.id()),
            kind: "queue.drained".into(),
            entity: crate::kit::queue_entity(queue),
            project_id: None,
            trace_id: TraceId(kit.id()),
            source: "dispatcher".into(),
            meta_parents: Vec::new(),
            at: kit.now(),
            body: json!({ "queue": queue, "reason": next.reason }),
            decision_chain: None,
        };
        let change = Commit { rows: vec![Row::Queue(next)], packets: vec![packet], purges: Vec::new() };
        if let Err(why) = commit(&kit, change).await {
            tracing::debug!(queue = queue.as_str(), %why, "the end of a drain could not be written yet");
        }
        let found = Found::All;
        kit.wires.dispatcher.deliver(Msg::Claimed { queue, found }).await;
    });
}
