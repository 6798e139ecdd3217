//! What every part is given: the read side, the ports, the directory of the others, the configuration.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use omniva_contracts::choice::Module;
use omniva_contracts::config::{EngineConfig, Persona};
use omniva_contracts::engine::*;
use omniva_contracts::ports::{Clock, Dice, Ids};
use omniva_store::Reader;
use omniva_supervision::Tree;
use tokio::sync::watch;
use uuid::Uuid;

use crate::part::Line;
use crate::pool::Bench;
use crate::pulse::Pulse;
use crate::{council, infra, jobs, pool, zenith};

/// The ways to every part. Each is there from the start; whether somebody lives at its end is another matter.
pub struct Wires {
    pub zenith: Line<zenith::Msg>,
    pub store_writer: Line<infra::store_writer::Msg>,
    pub outbox: Line<infra::outbox::Msg>,
    pub log_writer: Line<infra::log_writer::Msg>,
    pub checkpointer: Line<infra::checkpointer::Msg>,
    pub dispatcher: Line<jobs::dispatcher::Msg>,
    pub rescuer: Line<jobs::rescuer::Msg>,
    pub cron: Line<jobs::cron::Msg>,
    pub modules: BTreeMap<Module, Line<council::Msg>>,
    pub infinity: Line<council::infinity::Msg>,
    pub pools: BTreeMap<JobKind, Line<pool::Msg>>,
}

pub struct Kit {
    pub reader: Arc<dyn Reader>,
    pub clock: Arc<dyn Clock + Send + Sync>,
    pub config: EngineConfig,
    pub wires: Wires,
    /// Jobs that run, one bench for each pool that there is: they outlive a generation of the pool's actor.
    pub benches: BTreeMap<JobKind, Arc<Bench>>,
    /// Names this start of the engine: a worker's name begins with it, so that jobs of an engine that died are known.
    pub boot: String,
    /// Place of the newest packet of each group that was written; 0 = none since the start.
    pub committed: watch::Sender<u64>,
    pub pulse: Pulse,
    /// Inboxes that cron need not look at.
    pub quiet: crate::jobs::cron::Quiet,
    /// Pantheon's council.
    pub personas: Vec<Persona>,
    /// Times are given out one after the other, so that each ruling sees what the one before has taken.
    pub booking: tokio::sync::Mutex<()>,
    /// The tree, from before its first part starts.
    pub tree: OnceLock<Tree>,
    /// Every part of the tree has been started.
    grown: AtomicBool,
    ids: Mutex<Box<dyn Ids + Send>>,
    dice: Mutex<Box<dyn Dice + Send>>,
}

impl Kit {
    pub(crate) fn new(
        reader: Arc<dyn Reader>,
        clock: Arc<dyn Clock + Send + Sync>,
        mut ids: Box<dyn Ids + Send>,
        dice: Box<dyn Dice + Send>,
        config: EngineConfig,
        personas: Vec<Persona>,
        kinds: impl Iterator<Item = JobKind>,
    ) -> Self {
        let boot = ids.next().simple().to_string();
        Self {
            reader,
            clock,
            wires: Wires::new(),
            benches: kinds.map(|kind| (kind, Arc::new(Bench::default()))).collect(),
            config,
            boot,
            committed: watch::Sender::new(0),
            pulse: Pulse::default(),
            quiet: Default::default(),
            personas,
            booking: tokio::sync::Mutex::new(()),
            tree: OnceLock::new(),
            grown: AtomicBool::new(false),
            ids: Mutex::new(ids),
            dice: Mutex::new(dice),
        }
    }
    /// Measures on the tree may be taken from now on; those that waited are.
    pub(crate) fn has_grown(&self) {
        self.grown.store(true, Ordering::Release);
        self.wires.outbox.wake(infra::outbox::Msg::Sweep);
    }
    pub fn grown(&self) -> bool {
        self.grown.load(Ordering::Acquire)
    }
    pub fn now(&self) -> Moment {
        Moment(self.clock.now_us())
    }
    pub fn id(&self) -> Uuid {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
    pub fn roll(&self) -> f64 {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).roll()
    }
    /// Ids for a plan that draws several; taken before, so that no lock is held while it waits.
    pub fn ids(&self) -> DrawnIds<'_> {
        DrawnIds(self)
    }
    pub fn dice(&self) -> DrawnDice<'_> {
        DrawnDice(self)
    }
    pub fn bench(&self, kind: JobKind) -> Arc<Bench> {
        self.benches.get(&kind).cloned().unwrap_or_default()
    }
    /// How a queue is run that nobody has changed.
    pub fn default_queue(&self, queue: JobKind) -> QueueControl {
        let limit = self.config.queue(queue).limit;
        QueueControl { queue, mode: QueueMode::Running, limit, intake: 1.0, reason: String::new(), version: 0 }
    }
    pub fn worker_name(&self, kind: JobKind) -> String {
        format!("{}/{}", self.boot, kind.as_str())
    }
    /// From now to `at`, on the engine's clock.
    pub fn until(&self, at: Moment) -> Duration {
        at.since(self.now())
    }
}

/// Queues have names and no ids; packets about them name this one.
pub fn queue_entity(queue: JobKind) -> EntityRef {
    let place = JobKind::ALL.iter().position(|kind| *kind == queue).unwrap_or_default();
    EntityRef::new(EntityType::Queue, Uuid::from_u128(place as u128 + 1))
}

/// The kit's ids as a port.
pub struct DrawnIds<'a>(&'a Kit);

impl Ids for DrawnIds<'_> {
    fn next(&mut self) -> Uuid {
        self.0.id()
    }
}

/// The kit's dice as a port.
pub struct DrawnDice<'a>(&'a Kit);

impl Dice for DrawnDice<'_> {
    fn roll(&mut self) -> f64 {
        self.0.roll()
    }
}

impl Wires {
    fn new() -> Self {
        Self {
            zenith: Line::new("authority"),
            store_writer: Line::new("store-writer"),
            outbox: Line::new("outbox"),
            log_writer: Line::new("log-writer"),
            checkpointer: Line::new("checkpointer"),
            dispatcher: Line::new("dispatcher"),
            rescuer: Line::new("rescuer"),
            cron: Line::new("cron"),
            modules: council::MODULES.into_iter().map(|(module, name)| (module, Line::new(name))).collect(),
            infinity: Line::new("infinity"),
            pools: JobKind::ALL.into_iter().map(|kind| (kind, Line::new(pool::name(kind)))).collect(),
        }
    }

    /// Ends the living generation of a part; false when there is none of that name.
    pub fn fail(&self, name: &str, why: &str) -> bool {
        macro_rules! find {
            ($($line:expr),+ $(,)?) => {$(
                if $line.name() == name {
                    return $line.fail(why).is_ok();
                }
            )+};
        }
        find!(self.zenith, self.store_writer, self.outbox, self.log_writer, self.checkpointer);
        find!(self.dispatcher, self.rescuer, self.cron, self.infinity);
        for line in self.modules.values() {
            find!(line);
        }
        for line in self.pools.values() {
            find!(line);
        }
        false
    }

    /// What a written group means to whom it concerns. Lost news are found again by sweeps.
    pub fn announce(&self, news: News) {
        let news = Arc::new(news);
        self.dispatcher.wake(jobs::dispatcher::Msg::Written(news.clone()));
        if news.next_due.is_some() {
            self.rescuer.wake(jobs::rescuer::Msg::Written(news.clone()));
        }
        if news.directives {
            self.outbox.wake(infra::outbox::Msg::Sweep);
        }
        if news.cron {
            self.cron.wake(jobs::cron::Msg::Look);
        }
        if news.packets > 0 {
            self.checkpointer.wake(infra::checkpointer::Msg::Written(news.packets));
        }
        for (kind, job) in &news.cancels {
            if let Some(pool) = self.pools.get(kind) {
                pool.wake(pool::Msg::Cancel(*job));
            }
        }
    }
}

/// What a group of commits changed, as far as somebody waits for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct News {
    /// Queues that got something to do.
    pub ready: std::collections::BTreeSet<JobKind>,
    /// Next time at which the rescuer may have work because of this group.
    pub next_due: Option<Moment>,
    pub cancels: Vec<(JobKind, JobId)>,
    pub queues: bool,
    pub directives: bool,
    pub cron: bool,
    pub packets: u64,
}

impl News {
    pub fn note(&mut self, commit: &Commit) {
        self.packets += commit.packets.len() as u64;
        for row in &commit.rows {
            match row {
                Row::Job(job) => self.note_job(job),
                Row::Queue(_) => self.queues = true,
                Row::Directive(d) if d.state == DirectiveState::Pending => self.directives = true,
                Row::Cron(_) => self.cron = true,
                _ => {}
            }
        }
    }

    fn note_job(&mut self, job: &Job) {
        let mut due = |at: Option<Moment>| {
            self.next_due = match (self.next_due, at) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        };
        match job.state {
            JobState::Pending => {
                self.ready.insert(job.kind);
                // Already due ones are the dispatcher's alone; the rescuer wakes it for those that are to come.
                due((job.run_after > job.updated_at).then_some(job.run_after));
                due(job.expires_at);
            }
            JobState::WaitingRetry => {
                due(Some(job.run_after));
                due(job.expires_at);
            }
            JobState::Running => {
                due(job.lease_until);
                if job.cancel_requested {
                    self.cancels.push((job.kind, job.id));
                }
            }
            _ => {}
        }
    }
}
