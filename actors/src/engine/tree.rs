//! The tree, as it is written down: who is whose child, started from top to bottom and stopped from bottom to top, and
//! what follows when one ends. Every number has its reason beside it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::engine::{JobKind, LogRow};
use omniva_store::Mandate;
use omniva_supervision::{ChildSpec, Group, Happening, Strategy, Watcher, secs};
use omniva_telemetry::meter;
use tokio::sync::{Mutex, mpsc};

use crate::council::infinity::Infinity;
use crate::council::{Adviser, MODULES};
use crate::infra::checkpointer::{Checkpointer, Seal};
use crate::infra::log_writer::LogWriter;
use crate::infra::outbox::Outbox;
use crate::infra::store_writer::{Hand, StoreWriter};
use crate::jobs::cron::Cron;
use crate::jobs::dispatcher::Dispatcher;
use crate::jobs::rescuer::Rescuer;
use crate::kit::Kit;
use crate::part::child;
use crate::pool::Pool;
use crate::work::Work;
use crate::zenith::Zenith;

/// The root supervisor.
pub const ROOT: &str = "zenith";

/// What single parts own and nobody else may have.
pub(super) struct Hands {
    pub mandate: Mandate,
    pub writer: Hand,
    pub seal: Option<Arc<Seal>>,
    pub logs: Option<Arc<Mutex<mpsc::Receiver<LogRow>>>>,
    pub data: PathBuf,
    pub works: BTreeMap<JobKind, Arc<dyn Work>>,
}

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Who leans on whom is by address, not by incarnation: an address outlives restarts, and every part finds its work again
/// by state. So no failure takes a neighbour along (one for one, everywhere), and Eclipse orders wider measures by name.
pub(super) fn tree(kit: &Arc<Kit>, hands: Hands) -> Group {
    let wires = &kit.wires;
    let Hands { mandate, writer, seal, logs, data, works } = hands;
    Group::new(ROOT, Strategy::OneForOne)
        // Three resets of a whole group within five minutes: what is wrong is not in the group. The process ends, and what
        // watches over it starts it anew from the store.
        .child(ChildSpec::group(infra(kit, writer, seal, logs)).limit(3, secs(300)).backoff(millis(200)..secs(5)))
        // The authority has no state that counts, so it may return at once; ten failures in a minute are a fault of ours
        // that no restart heals.
        .child(
            child(Zenith { mandate }, &wires.zenith, kit)
                .limit(10, secs(60))
                .backoff(millis(20)..secs(5))
                .stop_within(secs(3)),
        )
        .child(ChildSpec::group(cognition(kit, data)).limit(3, secs(300)).backoff(millis(200)..secs(5)))
        .child(ChildSpec::group(workers(kit, works)).limit(3, secs(300)).backoff(millis(200)..secs(5)))
        // Last, so that claims begin when there is somebody to run them, and end first.
        .child(ChildSpec::group(jobs(kit)).limit(3, secs(300)).backoff(millis(200)..secs(5)))
}

fn infra(
    kit: &Arc<Kit>,
    writer: Hand,
    seal: Option<Arc<Seal>>,
    logs: Option<Arc<Mutex<mpsc::Receiver<LogRow>>>>,
) -> Group {
    let wires = &kit.wires;
    Group::new("infra", Strategy::OneForOne)
        // A store that is away is no failure of the writer; it waits inside. A panic is, and callers wait for its return:
        // at once, then slower. It drains, so that what was sealed is written.
        .child(
            child(StoreWriter { hand: writer }, &wires.store_writer, kit)
                .limit(10, secs(60))
                .backoff(millis(10)..secs(5))
                .stop_within(secs(5))
                .drains(),
        )
        // Orders wait in the store; seconds do not matter to them.
        .child(child(Outbox, &wires.outbox, kit).limit(5, secs(60)).backoff(millis(100)..secs(10)).stop_within(secs(2)))
        // Log rows are telemetry: never worth the engine's life, so it may fail often before anyone hears of it.
        .child(
            child(LogWriter { rows: logs }, &wires.log_writer, kit)
                .limit(30, secs(60))
                .backoff(secs(1)..secs(30))
                .stop_within(secs(1)),
        )
        .child(
            child(Checkpointer { seal }, &wires.checkpointer, kit)
                .limit(10, secs(60))
                .backoff(millis(200)..secs(30))
                .stop_within(secs(2)),
        )
}

fn cognition(kit: &Arc<Kit>, data: PathBuf) -> Group {
    let wires = &kit.wires;
    let mut group = Group::new("cognition", Strategy::OneForOne);
    for (module, _) in MODULES {
        if let Some(line) = wires.modules.get(&module) {
            // A brief that a module cannot bear fails it once in each deliberation; a missing word has its rule. Twenty in
            // five minutes are more than one bad brief.
            group = group.child(
                child(Adviser { module }, line, kit)
                    .limit(20, secs(300))
                    .backoff(millis(10)..secs(10))
                    .stop_within(secs(2)),
            );
        }
    }
    group.child(
        child(Infinity { data }, &wires.infinity, kit)
            .limit(20, secs(300))
            .backoff(millis(500)..secs(30))
            .stop_within(secs(1)),
    )
}

fn workers(kit: &Arc<Kit>, works: BTreeMap<JobKind, Arc<dyn Work>>) -> Group {
    let mut group = Group::new("workers", Strategy::OneForOne);
    for (kind, work) in works {
        if let Some(line) = kit.wires.pools.get(&kind) {
            // A bad job never comes this far: its panic is its outcome. What fails here is the pool itself; its jobs go on
            // meanwhile.
            group = group.child(
                child(Pool { kind, work }, line, kit)
                    .limit(10, secs(60))
                    .backoff(millis(20)..secs(10))
                    .stop_within(secs(3)),
            );
        }
    }
    group
}

fn jobs(kit: &Arc<Kit>) -> Group {
    let wires = &kit.wires;
    Group::new("jobs", Strategy::OneForOne)
        .child(child(Cron, &wires.cron, kit).limit(5, secs(60)).backoff(millis(200)..secs(10)).stop_within(secs(1)))
        // Brings back within half a lease what was lost; a lease is thirty seconds.
        .child(
            child(Rescuer, &wires.rescuer, kit).limit(10, secs(60)).backoff(millis(50)..secs(5)).stop_within(secs(1)),
        )
        // All work waits for it.
        .child(
            child(Dispatcher, &wires.dispatcher, kit)
                .limit(10, secs(60))
                .backoff(millis(10)..secs(5))
                .stop_within(secs(1)),
        )
}

/// Says what supervisors do.
pub(super) struct Watch;

impl Watcher for Watch {
    fn saw(&self, happening: &Happening) {
        match happening {
            Happening::Ended { name, exit, failure } => {
                tracing::warn!(actor = %name, exit = exit.as_str(), failure = failure.as_deref(), "an actor ended");
            }
            Happening::Restarting { name, after, generation } => {
                meter::actor_restarted(name);
                tracing::info!(actor = %name, after_ms = after.as_millis(), generation, "an actor is started again");
            }
            Happening::Escalated { group, child, restarts, failure } => {
                meter::group_escalated(group);
                tracing::error!(%group, %child, restarts, failure = failure.as_deref(), "a group gave up");
            }
            Happening::Overdue { name, within } => {
                meter::actor_killed(name);
                tracing::warn!(actor = %name, within_ms = within.as_millis(), "an actor did not stop in time and was killed");
            }
            Happening::Stuck { name } => {
                tracing::error!(actor = %name, "an actor can't be ended: its code does not return")
            }
            Happening::Stalled { name, silent } => {
                tracing::error!(actor = %name, silent_ms = silent.as_millis(), "an actor stood still and was killed");
            }
            other => tracing::debug!(?other, "the tree"),
        }
    }
}
