//! What the engine remembers of its last minutes, for Eclipse and for the control cycle. A view, not state: it begins
//! empty with the process and is never written.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use omniva_cognition::council::{Load, ProjectLoad, RecentFault};
use omniva_cognition::eclipse::Breaker;
use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::{Job, JobKind, Moment, Order};
use omniva_contracts::fault::FaultClass;

const FAULTS_MAX: usize = 500;
const COHERENCES_MAX: usize = 100;
const ORDERS_MAX: usize = 100;

#[derive(Default)]
pub struct Pulse(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// Newest first.
    faults: VecDeque<RecentFault>,
    breakers: BTreeMap<JobKind, Breaker>,
    coherences: VecDeque<f64>,
    orders: VecDeque<(Order, Moment)>,
    load: Load,
    routing_sequence: u64,
    loads: Option<(Moment, Vec<ProjectLoad>)>,
}

/// What the pulse held at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Beat {
    pub faults: Vec<RecentFault>,
    pub breakers: Vec<Breaker>,
    pub coherences: Vec<f64>,
    pub orders: Vec<(Order, Moment)>,
    pub load: Load,
    pub routing_sequence: u64,
}

impl Pulse {
    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes note of a job's move, named as its packet is. True when its worker died.
    pub fn note(&self, job: &Job, moved: &str, now: Moment, config: &EngineConfig) -> bool {
        let crash = matches!(moved, "job.crashed" | "job.quarantined");
        let failed = crash || matches!(moved, "job.retried" | "job.failed");
        let well = moved == "job.done";
        // Jobs that do nothing say nothing, and come by the thousand.
        if job.kind == JobKind::Noop || (!failed && !well) {
            return crash;
        }
        self.with(|inner| {
            let fault = job.fault.as_ref().filter(|_| failed);
            // A bad input says nothing about the queue that refused it.
            let counts = fault.is_none_or(|f| !matches!(f.class(), FaultClass::Permanent | FaultClass::Interrupted));
            if counts {
                let breaker = inner.breakers.entry(job.kind).or_insert_with(|| Breaker::closed(job.kind));
                *breaker = breaker.next(Some(well), now, &config.eclipse);
            }
            if let Some(fault) = fault {
                let (code, class) = (fault.code, fault.class());
                inner.faults.push_front(RecentFault { kind: job.kind, job_id: job.id, code, class, crash, at: now });
                inner.faults.truncate(FAULTS_MAX);
            }
        });
        crash
    }

    /// The breaker of a queue, as time has moved it.
    pub fn breaker(&self, kind: JobKind, now: Moment, config: &EngineConfig) -> Breaker {
        self.with(|inner| {
            let breaker = inner.breakers.entry(kind).or_insert_with(|| Breaker::closed(kind));
            *breaker = breaker.next(None, now, &config.eclipse);
            breaker.clone()
        })
    }

    pub fn ruled(&self, coherence: f64) {
        self.with(|inner| {
            inner.coherences.push_front(coherence);
            inner.coherences.truncate(COHERENCES_MAX);
        });
    }

    pub fn ordered(&self, order: &Order, now: Moment) {
        self.with(|inner| {
            inner.orders.push_front((order.clone(), now));
            inner.orders.truncate(ORDERS_MAX);
        });
    }

    pub fn loaded(&self, load: Load) {
        self.with(|inner| inner.load = load);
    }

    /// Routing sequences only rise.
    pub fn routed(&self, sequence: u64) {
        self.with(|inner| inner.routing_sequence = inner.routing_sequence.max(sequence));
    }

    /// What [`Pulse::set_project_loads`] kept, unless it is older than `fresh`.
    pub fn project_loads(&self, now: Moment, fresh: Duration) -> Option<Vec<ProjectLoad>> {
        self.with(|inner| inner.loads.clone()).filter(|(at, _)| now.since(*at) < fresh).map(|(_, loads)| loads)
    }

    pub fn set_project_loads(&self, now: Moment, loads: &[ProjectLoad]) {
        self.with(|inner| inner.loads = Some((now, loads.to_vec())));
    }

    /// All of it, without what is older than Eclipse's window.
    pub fn beat(&self, now: Moment, config: &EngineConfig) -> Beat {
        let window = Duration::try_from_secs_f64(config.eclipse.window_seconds).unwrap_or_default();
        let since = now.before(window);
        self.with(|inner| {
            inner.faults.retain(|fault| fault.at >= since);
            inner.orders.retain(|(_, at)| *at >= since);
            for breaker in inner.breakers.values_mut() {
                *breaker = breaker.next(None, now, &config.eclipse);
            }
            Beat {
                faults: inner.faults.iter().cloned().collect(),
                breakers: inner.breakers.values().cloned().collect(),
                coherences: inner.coherences.iter().copied().collect(),
                orders: inner.orders.iter().cloned().collect(),
                load: inner.load,
                routing_sequence: inner.routing_sequence,
            }
        })
    }
}
