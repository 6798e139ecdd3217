//! Carrying out one order.

use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::engine::*;
use omniva_store::{Page, StoreFault};
use omniva_supervision::{Tree, Unmanageable};
use serde_json::json;

use super::Msg;
use crate::kit::Kit;
use crate::zenith::{self, Advanced, Move, Unwritten, commit};

const AT_ONCE: Page = Page { limit: 100, offset: 0 };
const ANSWER: Duration = Duration::from_secs(20);
/// A supervisor that is away returns within the 5 s that its own policy may take, or its parent gives up.
const SUPERVISOR_TRIES: u32 = 20;
const SUPERVISOR_PAUSE: Duration = Duration::from_millis(500);

pub(super) fn start(kit: &Arc<Kit>) {
    let kit = kit.clone();
    tokio::spawn(async move {
        let left = match tokio::spawn(round(kit.clone())).await {
            Ok(Ok(left)) => left,
            Ok(Err(fault)) => {
                tracing::debug!(error = %fault, "directives wait for the store");
                true
            }
            Err(error) => {
                tracing::error!(%error, "a round of directives broke off");
                true
            }
        };
        kit.wires.outbox.deliver(Msg::Swept { left }).await;
    });
}

/// Dispatches what is pending, oldest first. True when something is left.
async fn round(kit: Arc<Kit>) -> Result<bool, StoreFault> {
    let pending = kit.reader.directives(Some(DirectiveState::Pending), AT_ONCE).await?;
    let mut left = pending.total > pending.items.len() as u64;
    for directive in pending.items {
        left |= !dispatch(&kit, directive).await?;
    }
    Ok(left)
}

async fn dispatch(kit: &Arc<Kit>, directive: Directive) -> Result<bool, StoreFault> {
    let changed = match change(kit, &directive).await? {
        Changed::Rows(rows) => rows,
        Changed::NotYet => return Ok(false),
    };
    let now = kit.now();
    let packet = PacketDraft {
        stardust_id: PacketId(kit.id()),
        kind: "directive.dispatched".into(),
        entity: EntityRef::new(EntityType::Directive, directive.directive_id),
        project_id: None,
        trace_id: directive.trace_id,
        source: "zenith".into(),
        meta_parents: directive.evidence.clone(),
        at: now,
        body: json!({ "order": directive.order, "source": directive.source, "reason": directive.reason,
            "changed": changed.iter().map(|row| row.table().as_str()).collect::<Vec<_>>() }),
        decision_chain: None,
    };
    let order = directive.order.clone();
    // Eclipse may be heard several times before its measure has healed; an operator means what he says each time.
    let by_hand = directive.source == DecisionSource::OperatorOverride;
    let healed = kit.pulse.beat(now, &kit.config).orders.iter().any(|(before, _)| *before == order);
    let done = Directive {
        state: DirectiveState::Dispatched,
        dispatched_at: Some(now),
        version: directive.version + 1,
        ..directive
    };
    let mut rows = changed;
    rows.push(Row::Directive(done));
    match commit(kit, Commit { rows, packets: vec![packet], purges: Vec::new() }).await {
        Ok(_) => {
            // Whoever ordered it: Eclipse does not order the same measure again within its window.
            kit.pulse.ordered(&order, now);
            if by_hand || !healed {
                heal(kit, &order);
            }
            Ok(true)
        }
        // A row moved meanwhile: the next round looks again.
        Err(Unwritten::Overtaken(_)) => Ok(false),
        Err(Unwritten::Store(fault)) => Err(fault),
    }
}

enum Changed {
    /// What the order changes; nothing when it is so already.
    Rows(Vec<Row>),
    NotYet,
}

async fn change(kit: &Arc<Kit>, directive: &Directive) -> Result<Changed, StoreFault> {
    let reason = &directive.reason;
    let rows = match &directive.order {
        Order::PauseQueue { queue } => mode(kit, *queue, QueueMode::Paused, reason).await?,
        Order::ResumeQueue { queue } | Order::ReleaseWorker { queue } => {
            mode(kit, *queue, QueueMode::Running, reason).await?
        }
        Order::DrainQueue { queue } => mode(kit, *queue, QueueMode::Draining, reason).await?,
        Order::QuarantineWorker { queue, why } => mode(kit, *queue, QueueMode::Quarantined, why).await?,
        Order::ScaleQueue { queue, limit } => queue_row(kit, *queue, |control| control.limit = *limit).await?,
        Order::SlowUpstream { queue, factor } => queue_row(kit, *queue, |control| control.intake = *factor).await?,
        Order::StartProject { project_id } => project(kit, *project_id, ProjectStatus::Running).await?,
        Order::StopProject { project_id } => project(kit, *project_id, ProjectStatus::Paused).await?,
        Order::CancelJob { job_id } => return cancel(kit, *job_id, reason).await,
        // The outbox is one of the first that start: what is ordered may not be there yet.
        Order::SoftRebuild { .. } | Order::SubsystemReset { .. } | Order::FullReboot if !kit.grown() => {
            return Ok(Changed::NotYet);
        }
        Order::SoftRebuild { .. } | Order::SubsystemReset { .. } | Order::FullReboot => None,
    };
    Ok(Changed::Rows(rows.into_iter().collect()))
}

/// A drain that is through is PAUSED: the same order again must not start it anew.
async fn mode(kit: &Arc<Kit>, queue: JobKind, mode: QueueMode, reason: &str) -> Result<Option<Row>, StoreFault> {
    let reason = reason.to_owned();
    queue_row(kit, queue, |control| {
        let drained = mode == QueueMode::Draining && control.mode == QueueMode::Paused;
        if control.mode != mode && !drained {
            (control.mode, control.reason) = (mode, reason);
        }
    })
    .await
}

async fn queue_row(
    kit: &Arc<Kit>,
    queue: JobKind,
    alter: impl FnOnce(&mut QueueControl),
) -> Result<Option<Row>, StoreFault> {
    let found = kit.reader.queues().await?.into_iter().find(|control| control.queue == queue);
    let before = found.unwrap_or_else(|| kit.default_queue(queue));
    let mut control = before.clone();
    alter(&mut control);
    if control == before {
        return Ok(None);
    }
    control.version += 1;
    Ok(Some(Row::Queue(control)))
}

async fn project(kit: &Arc<Kit>, id: ProjectId, status: ProjectStatus) -> Result<Option<Row>, StoreFault> {
    let found = kit.reader.project(id).await?.filter(|project| project.status != status);
    Ok(found.map(|project| {
        Row::Project(Project { status, updated_at: kit.now(), version: project.version + 1, ..project })
    }))
}

async fn cancel(kit: &Arc<Kit>, id: JobId, why: &str) -> Result<Changed, StoreFault> {
    let Some(job) = kit.reader.job(id).await?.filter(|job| !job.state.is_final() && !job.cancel_requested) else {
        return Ok(Changed::Rows(Vec::new()));
    };
    let event = JobEvent::CancelAsked { why: why.to_owned() };
    let asked = kit.wires.zenith.ask(|reply| zenith::Msg::Advance(vec![Move { job, event }], reply), ANSWER).await;
    match asked.ok().and_then(|answers| answers.into_iter().next()) {
        Some(Advanced::Written(_) | Advanced::Refused(_) | Advanced::Gone) => Ok(Changed::Rows(Vec::new())),
        Some(Advanced::Unavailable) | None => Ok(Changed::NotYet),
    }
}

/// Measures on the tree itself, after the directive is marked: a reboot ends the outbox too, and must not be found again
/// by the next one. If the process dies in between, it begins anew, which is more than was ordered.
fn heal(kit: &Arc<Kit>, order: &Order) {
    let (Some(tree), order) = (kit.tree.get().cloned(), order.clone()) else { return };
    tokio::spawn(async move {
        match measure(&tree, &order).await {
            Ok(()) => tracing::info!(?order, "a measure of Eclipse was carried out"),
            Err(why) => tracing::error!(?order, %why, "a measure of Eclipse could not be carried out"),
        }
    });
}

async fn measure(tree: &Tree, order: &Order) -> Result<(), Unmanageable> {
    let mut tries = SUPERVISOR_TRIES;
    loop {
        let done = match order {
            Order::SoftRebuild { actor } => tree.rebuild(actor).await,
            Order::SubsystemReset { group } => tree.reset(group).await,
            Order::FullReboot => tree.reset(crate::engine::ROOT).await,
            _ => return Ok(()),
        };
        tries -= 1;
        match done {
            // Its supervisor is between two generations.
            Err(Unmanageable::Unavailable(_)) if tries > 0 => tokio::time::sleep(SUPERVISOR_PAUSE).await,
            done => return done,
        }
    }
}
