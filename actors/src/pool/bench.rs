//! Jobs that run, and how many may. A bench outlives generations of its pool's actor, so a pool that fails takes no job
//! with it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use omniva_contracts::engine::{Job, JobId, Moment, Outcome};
use omniva_contracts::fault::Fault;
use tokio::task::AbortHandle;

use crate::work::{Sign, StopSign};

#[derive(Default)]
pub struct Bench {
    taken: AtomicU32,
    /// Word of a place that came back is on its way: one is enough for many.
    told: AtomicBool,
    pub(super) running: Mutex<BTreeMap<JobId, Runner>>,
}

/// One job that runs.
pub(super) struct Runner {
    /// As Zenith last wrote it.
    pub job: Job,
    pub stop: StopSign,
    pub task: Option<AbortHandle>,
    /// Last sign that has not been passed on.
    pub sign: Option<Sign>,
    /// The sign that is with Zenith, where it holds a checkpoint: it comes back when the store did not take it.
    pub passing: Option<Sign>,
    pub signed_at: Moment,
    /// A sign of it is with Zenith.
    pub renewing: bool,
    /// Its worker is through; to be proposed, or with Zenith.
    pub ended: Option<End>,
    pub settling: bool,
    _place: Place,
}

#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Outcome(Outcome),
    /// The worker panicked.
    Crashed(Fault),
}

pub struct Ended {
    pub job: JobId,
    pub fence: u64,
    pub end: End,
}

/// The right to run one job; given back when it is dropped, wherever that happens.
pub struct Place {
    bench: Arc<Bench>,
    freed: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Place {
    /// Gives it back without a word: there was nothing to run, so nobody waits for it.
    pub fn unused(mut self) {
        self.freed = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.bench.taken.fetch_sub(1, Ordering::AcqRel);
        if let Some(freed) = &self.freed
            && !self.bench.told.swap(true, Ordering::AcqRel)
        {
            freed();
        }
    }
}

impl Bench {
    /// Places in use: running jobs and claims on their way.
    pub fn taken(&self) -> u32 {
        self.taken.load(Ordering::Acquire)
    }

    /// The word has been heard: the next place that comes back is worth another.
    pub fn heard(&self) {
        self.told.store(false, Ordering::Release);
    }

    /// At most `wanted` places, as many as `limit` leaves. `freed` is called whenever one of them comes back.
    pub fn reserve(self: &Arc<Self>, wanted: u32, limit: u32, freed: &Arc<dyn Fn() + Send + Sync>) -> Vec<Place> {
        let mut got = 0;
        let _ = self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| {
            got = wanted.min(limit.saturating_sub(taken));
            (got > 0).then_some(taken + got)
        });
        (0..got).map(|_| Place { bench: self.clone(), freed: Some(freed.clone()) }).collect()
    }

    pub(super) fn with<T>(&self, f: impl FnOnce(&mut BTreeMap<JobId, Runner>) -> T) -> T {
        f(&mut self.running.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn is_empty(&self) -> bool {
        self.with(|running| running.is_empty())
    }
}

impl Runner {
    /// A checkpoint that nobody has seen yet: it goes before the end of the job.
    pub(super) fn owes(&self) -> bool {
        self.sign.as_ref().is_some_and(|sign| sign.checkpoint.is_some())
    }

    /// The store did not take the last sign: its checkpoint is passed on with the next.
    pub(super) fn not_taken(&mut self) {
        let Some(before) = self.passing.take() else { return };
        match &mut self.sign {
            Some(sign) if sign.checkpoint.is_none() => sign.checkpoint = before.checkpoint,
            Some(_) => {}
            None => self.sign = Some(before),
        }
    }

    pub(super) fn new(job: Job, place: Place, now: Moment) -> Self {
        Self {
            job,
            stop: StopSign::default(),
            task: None,
            sign: None,
            passing: None,
            signed_at: now,
            renewing: false,
            ended: None,
            settling: false,
            _place: place,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_never_exceed_the_limit_and_come_back() {
        let bench = Arc::new(Bench::default());
        let freed = Arc::new(AtomicU32::new(0));
        let count = freed.clone();
        let note: Arc<dyn Fn() + Send + Sync> = Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let first = bench.reserve(3, 4, &note);
        bench.reserve(5, 4, &note).into_iter().for_each(Place::unused);
        assert_eq!(
            (first.len(), bench.taken(), freed.load(Ordering::Relaxed)),
            (3, 3, 0),
            "the fourth came back quietly"
        );
        assert!(bench.reserve(1, 2, &note).is_empty(), "a lower limit takes nothing away and gives nothing");
        drop(first);
        assert_eq!((bench.taken(), freed.load(Ordering::Relaxed)), (0, 1), "one word for three");
        bench.heard();
        drop(bench.reserve(1, 1, &note));
        assert_eq!(freed.load(Ordering::Relaxed), 2);
    }
}
