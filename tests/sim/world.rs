//! The world: a store, a clock, dice, and a record of all that happened.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use omniva_cognition::jobs::invariants::{self, Held};
use omniva_contracts::config::{Config, EngineConfig, Persona};
use omniva_contracts::engine::*;
use omniva_contracts::ports::{Dice, Seeded};
use omniva_store::{Faults, Mandate, Reader, Refused, StoreFault, Trouble, Writer, open_memory_with};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::chaos::Fault;
use crate::workers::Run;

#[derive(Clone, Debug, Default)]
pub struct Totals {
    pub commits: u64,
    pub refused: u64,
    pub published: u64,
    pub rulings: u64,
    pub struck: BTreeMap<Fault, u64>,
}

impl Totals {
    pub fn add(&mut self, other: &Totals) {
        self.commits += other.commits;
        self.refused += other.refused;
        self.published += other.published;
        self.rulings += other.rulings;
        other.struck.iter().for_each(|(fault, n)| *self.struck.entry(*fault).or_default() += n);
    }
}

/// Why a commit is not written.
#[derive(Debug)]
pub enum Lost {
    Overtaken(String),
    Store,
}

/// A question in the engine's mind: lost when it dies, found again by the sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    pub at: Moment,
    pub question: Question,
    pub subject: EntityRef,
}

pub struct World {
    pub seed: u64,
    pub aloud: bool,
    pub now: Moment,
    /// The clock never went beyond this: it may go back, but the store's rows don't.
    pub dice: Seeded,
    pub ids: Seeded,
    pub config: EngineConfig,
    pub personas: Vec<Persona>,
    pub reader: Arc<dyn Reader>,
    writer: Box<dyn Writer>,
    mandate: Mandate,
    broken_store: Arc<Faults>,
    pub active: BTreeSet<Fault>,
    pub pending: Vec<Pending>,
    pub runs: Vec<Run>,
    /// Every job as it was last written; the store must agree at the end.
    pub jobs: BTreeMap<JobId, Job>,
    pub schedules: BTreeMap<ScheduleId, Schedule>,
    /// Every claim that was granted: job, fence, worker.
    pub claims: Vec<(JobId, u64, String)>,
    /// What the target saw: clip, target, key.
    pub delivered: Vec<(ClipId, String, String)>,
    pub packets: u64,
    pub totals: Totals,
    trace: Sha256,
    pub workers_made: u64,
}

/// The store in memory answers at once.
pub fn wait<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the store in memory never waits"),
    }
}

impl World {
    pub fn new(seed: u64, aloud: bool, faults: &[Fault]) -> Self {
        let broken_store = Arc::new(Faults::default());
        let opened = open_memory_with(Uuid::from_u128(u128::from(seed)), broken_store.clone());
        let mut config = EngineConfig::load(None).expect("the shipped configuration");
        // Days of waiting are not what is tested.
        config.council.repeat_days = 0;
        Self {
            seed,
            aloud,
            now: Moment::from_seconds(1_750_000_000),
            dice: Seeded::new(format!("dice {seed}").as_bytes()),
            ids: Seeded::new(format!("ids {seed}").as_bytes()),
            config,
            personas: Config::load(None).expect("the shipped configuration").personas,
            reader: opened.reader,
            writer: opened.writer,
            mandate: opened.mandate,
            broken_store,
            active: faults.iter().copied().collect(),
            pending: Vec::new(),
            runs: Vec::new(),
            jobs: BTreeMap::new(),
            schedules: BTreeMap::new(),
            claims: Vec::new(),
            delivered: Vec::new(),
            packets: 0,
            totals: Totals::default(),
            trace: Sha256::new(),
            workers_made: 0,
        }
    }

    /// Whether a fault strikes here; a die is rolled in any case, so that runs with fewer faults stay comparable.
    pub fn strikes(&mut self, fault: Fault) -> bool {
        let struck = self.dice.roll() < fault.odds() && self.active.contains(&fault);
        if struck {
            *self.totals.struck.entry(fault).or_default() += 1;
            self.tell(|| format!("!! {fault:?}"));
        }
        struck
    }

    pub fn below(&mut self, n: u64) -> u64 {
        ((self.dice.roll() * n as f64) as u64).min(n.saturating_sub(1))
    }

    pub fn pass(&mut self, seconds: f64) {
        self.now = self.now.after(Duration::from_secs_f64(seconds));
    }

    pub fn tell(&mut self, line: impl Fn() -> String) {
        let line = line();
        self.trace.update(self.now.0.to_be_bytes());
        self.trace.update(line.as_bytes());
        if self.aloud {
            println!("{} {line}", self.now);
        }
    }

    pub fn trace_hash(&self) -> String {
        let head = wait(self.reader.head()).expect("readable");
        let mut trace = self.trace.clone();
        trace.update(head.size.to_be_bytes());
        trace.update(head.root);
        omniva_contracts::hex(&trace.finalize())
    }

    pub fn check(&self, held: Held) {
        if let Err(broken) = held {
            panic!("seed {} at {}: {broken}", self.seed, self.now);
        }
    }

    /// The one way in which state changes. Every invariant is looked at before and after.
    pub fn commit(&mut self, what: &str, commit: Commit) -> Result<(), Lost> {
        let renews = |job: &Job| self.jobs.get(&job.id).is_some_and(|before| before.state == job.state);
        self.check(invariants::ledger_before_state(&commit, renews));
        if self.strikes(Fault::StoreFailure) {
            self.broken_store.fail_write(StoreFault::new(Trouble::Unavailable, "a fault that was asked for"));
        }
        let sealed = [self.mandate.seal(commit.clone())];
        match wait(self.writer.write(&sealed)) {
            Err(_) => return Err(Lost::Store),
            Ok(mut answers) => match answers.remove(0) {
                Ok(receipt) => {
                    assert_eq!(
                        receipt.seqs,
                        (self.packets..self.packets + commit.packets.len() as u64).collect::<Vec<_>>()
                    );
                }
                Err(Refused::Store(_)) => return Err(Lost::Store),
                Err(refused) => {
                    self.totals.refused += 1;
                    self.tell(|| format!("refused {what}: {refused}"));
                    return Err(Lost::Overtaken(refused.to_string()));
                }
            },
        }
        self.packets += commit.packets.len() as u64;
        self.totals.commits += 1;
        self.tell(|| {
            let rows: Vec<String> = commit.rows.iter().map(describe).collect();
            format!("{what}: {}", rows.join(", "))
        });
        let (claims, slots) = (self.claims.len(), commit.rows.iter().any(|r| matches!(r, Row::Schedule(_))));
        for row in commit.rows {
            match row {
                Row::Job(job) => {
                    if let Some(worker) =
                        job.worker.clone().filter(|_| self.jobs.get(&job.id).is_none_or(|b| b.fence < job.fence))
                    {
                        self.claims.push((job.id, job.fence, worker));
                    }
                    self.jobs.insert(job.id, *job);
                }
                Row::Schedule(slot) => {
                    self.schedules.insert(slot.schedule_id, slot);
                }
                Row::Clip(clip) if clip.status == ClipStatus::Published => self.totals.published += 1,
                _ => {}
            }
        }
        self.look(self.claims.len() > claims, slots);
        Ok(())
    }

    /// Only what the change can have touched is looked at again.
    fn look(&self, claimed: bool, booked: bool) {
        self.check(invariants::no_lost_job(self.jobs.keys(), &self.jobs));
        self.check(invariants::unique_keys(self.jobs.values()));
        if booked {
            self.check(invariants::no_double_booking(self.schedules.values()));
        }
        if claimed {
            let claims = self.claims.iter().map(|(id, fence, w)| (*id, *fence, w.as_str()));
            self.check(invariants::lease_single_owner(claims));
        }
    }

    /// After every delivery.
    pub fn look_outside(&self) {
        let delivered = self.delivered.iter().map(|(clip, target, key)| (*clip, target.as_str(), key.as_str()));
        self.check(invariants::one_publication_per_clip_and_target(delivered));
    }
}

fn describe(row: &Row) -> String {
    let (table, version) = (row.table().as_str(), row.version());
    match row {
        Row::Job(job) => format!("{} job {} {} v{version}", job.kind.as_str(), job.id, job.state.as_str()),
        Row::Clip(clip) => format!("clip {} {} v{version}", clip.clip_id, clip.status.as_str()),
        Row::UploadJob(upload) => format!("upload {} {} v{version}", upload.upload_job_id, upload.status.as_str()),
        Row::Schedule(slot) => format!("slot {} {} v{version}", slot.schedule_id, slot.status.as_str()),
        other => format!("{table} {} v{version}", other.key()),
    }
}
