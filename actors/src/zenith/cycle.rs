//! The control cycle: one look at the whole engine, orders, and a report of it.

use std::sync::Arc;
use std::time::Duration;

use omniva_cognition::control::{self, Cycle, Ordered, Snapshot};
use omniva_contracts::engine::*;
use omniva_store::{JobFilter, Page, StoreFault};
use serde_json::json;
use uuid::Uuid;

use super::{Move, Msg, Unwritten, advance, commit};
use crate::clerk;
use crate::gauges;
use crate::kit::Kit;

/// Waiting jobs that one cycle looks at.
const BACKLOG: Page = Page { limit: 2000, offset: 0 };

pub(super) fn start(kit: &Arc<Kit>, number: u64) {
    let kit = kit.clone();
    tokio::spawn(async move {
        // In a task of its own, so that the next cycle comes even if this one broke off.
        match tokio::spawn(run(kit.clone(), number)).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => tracing::debug!(%why, "a control cycle could not be written"),
            Err(error) => tracing::error!(%error, "a control cycle broke off"),
        }
        kit.wires.zenith.deliver(Msg::Cycled).await;
        let pause = Duration::try_from_secs_f64(kit.config.control.cycle_seconds).unwrap_or(Duration::from_secs(30));
        kit.wires.zenith.later(pause, Msg::Cycle);
    });
}

async fn run(kit: Arc<Kit>, number: u64) -> Result<(), Unwritten> {
    let snapshot = snapshot(&kit).await?;
    let nodes = kit.tree.get().map(omniva_supervision::Tree::view).unwrap_or_default();
    gauges::looked(&snapshot.queues, &nodes, &snapshot.load);
    let cycle = control::cycle(&snapshot, &kit.config);
    let change = report(&kit, &cycle, number, snapshot.now);
    commit(&kit, change).await?;
    rearrange(&kit, &snapshot, &cycle).await;
    Ok(())
}

async fn snapshot(kit: &Arc<Kit>) -> Result<Snapshot, StoreFault> {
    let now = kit.now();
    let beat = kit.pulse.beat(now, &kit.config);
    let waiting = JobFilter { states: vec![JobState::Pending], ..Default::default() };
    let mut backlog = kit.reader.jobs(&waiting, BACKLOG).await?.items;
    backlog.retain(|job| job.kind != JobKind::Noop);
    backlog.sort_by_key(|job| (job.created_at, job.id));
    Ok(Snapshot {
        now,
        queues: clerk::queues(kit, now).await?,
        breakers: beat.breakers,
        recent_faults: beat.faults,
        load: beat.load,
        projects: clerk::projects(kit, now).await?,
        backlog,
        coherences: beat.coherences,
        recent_orders: beat.orders,
    })
}

/// The report's packet and the directives that rest on it, in one commit.
fn report(kit: &Arc<Kit>, cycle: &Cycle, number: u64, now: Moment) -> Commit {
    let trace_id = TraceId(kit.id());
    let packet = PacketDraft {
        stardust_id: PacketId(kit.id()),
        kind: "zenith.reflected".into(),
        entity: EntityRef::new(EntityType::Engine, Uuid::nil()),
        project_id: None,
        trace_id,
        source: "zenith".into(),
        meta_parents: Vec::new(),
        at: now,
        body: json!({
            "boot": kit.boot, "cycle": number, "coherence": cycle.coherence, "report": cycle.report,
            "orders": cycle.orders.iter().map(|o| &o.order).collect::<Vec<_>>(),
            "reprioritised": cycle.reprioritise.len(), "expired": cycle.expired.len(),
        }),
        decision_chain: None,
    };
    let directives = cycle.orders.iter().map(|ordered| Row::Directive(directive(kit, ordered, &packet, now)));
    Commit { rows: directives.collect(), packets: vec![packet], purges: Vec::new() }
}

fn directive(kit: &Arc<Kit>, ordered: &Ordered, packet: &PacketDraft, now: Moment) -> Directive {
    Directive {
        directive_id: DirectiveId(kit.id()),
        order: ordered.order.clone(),
        state: DirectiveState::Pending,
        source: DecisionSource::Automation,
        reason: ordered.why.clone(),
        evidence: vec![packet.stardust_id],
        rollback: ordered.rollback.clone(),
        trace_id: packet.trace_id,
        created_at: now,
        dispatched_at: None,
        version: 1,
    }
}

/// Priorities that Lattice moves, and jobs whose time has passed. A job that moved on meanwhile is left as it is.
async fn rearrange(kit: &Arc<Kit>, snapshot: &Snapshot, cycle: &Cycle) {
    let job = |id: &JobId| snapshot.backlog.iter().find(|job| job.id == *id).cloned();
    let mut moves: Vec<Move> = cycle
        .reprioritise
        .iter()
        .filter_map(|(id, priority)| {
            Some(Move { job: job(id)?, event: JobEvent::Reprioritised { priority: *priority } })
        })
        .collect();
    moves.extend(cycle.expired.iter().filter_map(|id| Some(Move { job: job(id)?, event: JobEvent::Expired })));
    if !moves.is_empty() {
        advance::advance(kit.clone(), moves).await;
    }
}
