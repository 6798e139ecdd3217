//! The engine: puts the parts together, starts the tree, stops it in order.

mod noop;
mod office;
mod tree;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::config::{EngineConfig, Persona};
use omniva_contracts::engine::*;
use omniva_contracts::fault::{Code, Fault};
use omniva_contracts::ports::{Clock, Dice, Ids, Seeded};
use omniva_store::{Mandate, Reader, Writer};
use omniva_supervision::{Ending, Root, Tree};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::time::Instant;
use uuid::Uuid;

use crate::infra::checkpointer::Seal;
use crate::infra::{checkpointer, store_writer};
use crate::jobs::{cron, dispatcher, rescuer};
use crate::kit::Kit;
use crate::pool::Halt;
use crate::work::Work;
use crate::zenith::{self, Unwritten, commit};

pub use noop::Noop;
pub use tree::ROOT;

/// Share of the time to stop that running jobs have to end by themselves, and then to end when asked.
const DRAIN: f64 = 0.5;
const GRACE: f64 = 0.25;
/// Tries, a second apart, to write what the engine says of its start.
const START_TRIES: u32 = 60;

/// What an engine is made of.
pub struct Parts {
    pub reader: Arc<dyn Reader>,
    pub writer: Box<dyn Writer>,
    pub mandate: Mandate,
    pub clock: Arc<dyn Clock + Send + Sync>,
    pub dice: Box<dyn Dice + Send>,
    pub ids: Box<dyn Ids + Send>,
    /// One for each kind of job that this engine runs; jobs of other kinds are left waiting.
    pub works: Vec<Arc<dyn Work>>,
    pub config: EngineConfig,
    /// Pantheon's council.
    pub personas: Vec<Persona>,
    /// Without a key the ledger is not signed.
    pub seal: Option<Seal>,
    /// Rows of the tracing layer for the store's log.
    pub logs: Option<mpsc::Receiver<LogRow>>,
    /// Whose disk is watched.
    pub data: PathBuf,
}

/// A running engine. The handle may be shared; dropping it does not stop the engine.
pub struct Engine {
    kit: Arc<Kit>,
    root: Root,
    stopping: watch::Sender<bool>,
}

impl Engine {
    /// Starts the tree; comes back when every part has been started. Jobs of an engine that died, directives that were not
    /// dispatched and questions that were not ruled on are found by state and go on.
    ///
    /// # Errors
    /// `internal` when the tree cannot be built.
    pub async fn start(parts: Parts) -> Result<Engine, Fault> {
        let Parts { reader, writer, mandate, clock, dice, ids, works, config, personas, seal, logs, data } = parts;
        let mut by_kind: BTreeMap<JobKind, Arc<dyn Work>> = works.into_iter().map(|work| (work.kind(), work)).collect();
        by_kind.entry(JobKind::Noop).or_insert_with(|| Arc::new(Noop));
        let kit = Arc::new(Kit::new(reader, clock.clone(), ids, dice, config, personas, by_kind.keys().copied()));
        // Routing sequences only rise, over restarts too: they begin where the clock is.
        kit.pulse.routed(u64::try_from(kit.now().0 / 1000).unwrap_or(0));
        let hands = tree::Hands {
            mandate,
            writer: Arc::new(Mutex::new(writer)),
            seal: seal.map(Arc::new),
            logs: logs.map(|rows| Arc::new(Mutex::new(rows))),
            data,
            works: by_kind,
        };
        let tree = Tree::new(clock, Seeded::new(kit.id().as_bytes()), Arc::new(tree::Watch));
        let _ = kit.tree.set(tree.clone());
        let root = tree
            .grow(tree::tree(&kit, hands))
            .await
            .map_err(|e| Fault::internal("the actor tree could not be built").with_detail(e))?;
        kit.has_grown();
        tokio::spawn(announce(kit.clone()));
        Ok(Engine { kit, root, stopping: watch::Sender::new(false) })
    }

    /// The two phases of stopping, within `deadline`: nothing new is taken in and what runs may end; then it is asked to
    /// end, and what does not is cut off with its attempt given back. Then the last checkpoint, and the tree in order.
    pub async fn stop(&self, deadline: Duration) -> Ending {
        if self.stopping.send_replace(true) {
            return self.root.ended().await;
        }
        let end = Instant::now() + deadline;
        let wires = &self.kit.wires;
        wires.cron.wake(cron::Msg::Halt);
        wires.rescuer.wake(rescuer::Msg::Halt);
        let _ = wires.dispatcher.ask(dispatcher::Msg::Halt, deadline.mul_f64(1.0 - DRAIN - GRACE)).await;
        self.drain(deadline, end).await;
        let _ = wires.zenith.ask(zenith::Msg::Halt, left(end).min(Duration::from_secs(3))).await;
        let note = self.note("engine.stopped", json!({ "boot": self.kit.boot }));
        if tokio::time::timeout(left(end).max(Duration::from_millis(200)), commit(&self.kit, note)).await.is_err() {
            tracing::warn!("the store did not take the engine's last word");
        }
        let _ = wires.checkpointer.ask(checkpointer::Msg::Last, left(end).max(Duration::from_millis(200))).await;
        let _ = wires.store_writer.ask(store_writer::Msg::Flush, left(end).max(Duration::from_millis(200))).await;
        self.root.stop().await
    }

    /// Resolves when the tree ended: stopped as asked, or given up; the fault says which part gave up and why.
    pub async fn ended(&self) -> Result<(), Fault> {
        match self.root.ended().await {
            Ending::Stopped => Ok(()),
            Ending::Escalated { child, restarts, failure } => Err(Fault::new(
                Code::SupervisorEscalated,
                format!("{child} failed {restarts} times in a row, and the engine gave up"),
                "look at the log for what failed, then start the engine again: nothing that was written is lost",
            )
            .with_detail(failure.unwrap_or_default())),
            Ending::Killed => Err(Fault::new(
                Code::SupervisorEscalated,
                "the engine's supervisor was killed",
                "start the engine again: nothing that was written is lost",
            )),
        }
    }

    /// Ends the living generation of one part, as a failure of its own would. False when there is none of that name.
    pub fn fail(&self, part: &str, why: &str) -> bool {
        self.kit.wires.fail(part, why)
    }

    /// Names this start of the engine; workers' names begin with it.
    pub fn boot(&self) -> &str {
        &self.kit.boot
    }

    async fn drain(&self, deadline: Duration, end: Instant) {
        let (drain, grace) = (deadline.mul_f64(DRAIN), deadline.mul_f64(GRACE));
        let mut halts = Vec::new();
        for kind in self.kit.benches.keys() {
            let Some(line) = self.kit.wires.pools.get(kind) else { continue };
            let (done, halted) = oneshot::channel();
            if line.tell(crate::pool::Msg::Halt(Halt { drain, grace, done })).is_ok() {
                halts.push(halted);
            }
        }
        let all = futures::future::join_all(halts);
        if tokio::time::timeout(left(end), all).await.is_err() {
            tracing::warn!("not every job could hand in its end; the next start brings them back");
        }
    }

    fn note(&self, kind: &str, body: Value) -> Commit {
        note(&self.kit, kind, body)
    }
}

fn left(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now())
}

fn note(kit: &Arc<Kit>, kind: &str, body: Value) -> Commit {
    let packet = PacketDraft {
        stardust_id: PacketId(kit.id()),
        kind: kind.to_owned(),
        entity: EntityRef::new(EntityType::Engine, Uuid::nil()),
        project_id: None,
        trace_id: TraceId(kit.id()),
        source: "zenith".into(),
        meta_parents: Vec::new(),
        at: kit.now(),
        body,
        decision_chain: None,
    };
    Commit { packets: vec![packet], ..Commit::default() }
}

/// The start in the ledger, and a control row for each queue that has none.
async fn announce(kit: Arc<Kit>) {
    for _ in 0..START_TRIES {
        match start_commit(&kit).await {
            Ok(change) => match commit(&kit, change).await {
                Ok(_) => return,
                Err(Unwritten::Overtaken(why)) => tracing::debug!(%why, "the start is written again"),
                Err(Unwritten::Store(_)) => tokio::time::sleep(Duration::from_secs(1)).await,
            },
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
    tracing::warn!("the start of the engine could not be written into the ledger");
}

async fn start_commit(kit: &Arc<Kit>) -> Result<Commit, omniva_store::StoreFault> {
    let body = json!({ "boot": kit.boot, "version": env!("CARGO_PKG_VERSION"), "config_sha256": kit.config.sha256() });
    let mut change = note(kit, "engine.started", body);
    let known = kit.reader.queues().await?;
    let missing = JobKind::ALL.into_iter().filter(|kind| !known.iter().any(|control| control.queue == *kind));
    change.rows.extend(missing.map(|kind| Row::Queue(QueueControl { version: 1, ..kit.default_queue(kind) })));
    Ok(change)
}
