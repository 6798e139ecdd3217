//! Zenith's control cycle: what the whole engine should do next, from one look at all of it.
//!
//! A cycle orders only what changes something: the same snapshot after its orders were carried out orders nothing. What
//! the cycle itself set is known by the first word of a queue's reason ([`PRESSURE`], [`BREAKER`], [`LOAD`]), so that it
//! never takes back what an operator set.

mod backlog;
mod pressure;

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use serde::{Deserialize, Serialize};

use crate::council::{Load, ProjectLoad, QueueReading, RecentFault};
use crate::eclipse::{Breaker, BreakerState, recover};

pub use pressure::{BREAKER, LOAD, PRESSURE};

/// One look at the engine. Lists are bounded by whoever gathers them.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub now: Moment,
    /// Every queue.
    pub queues: Vec<QueueReading>,
    pub breakers: Vec<Breaker>,
    /// Faults of Eclipse's window, newest first.
    pub recent_faults: Vec<RecentFault>,
    pub load: Load,
    pub projects: Vec<ProjectLoad>,
    /// Jobs that wait (PENDING), oldest first; at most 2,000.
    pub backlog: Vec<Job>,
    /// Coherence of the last rulings, newest first; at most 100.
    pub coherences: Vec<f64>,
    /// Measures of Eclipse that were ordered within the window.
    pub recent_orders: Vec<(Order, Moment)>,
}

/// What a cycle orders and says.
#[derive(Clone, Debug, PartialEq)]
pub struct Cycle {
    pub orders: Vec<Ordered>,
    /// Lattice: waiting jobs and their new priorities.
    pub reprioritise: Vec<(JobId, i32)>,
    /// Jobs whose time has passed.
    pub expired: Vec<JobId>,
    pub report: Reflection,
    /// 0..1
    pub coherence: f64,
}

/// An order with its reason and the way back.
#[derive(Clone, Debug, PartialEq)]
pub struct Ordered {
    pub order: Order,
    pub why: String,
    pub rollback: String,
}

impl Ordered {
    pub(crate) fn new(order: Order, why: impl Into<String>) -> Self {
        Self { rollback: rollback(&order), why: why.into(), order }
    }
}

/// What Zenith notes about itself after a cycle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reflection {
    pub waiting: u64,
    pub running: u64,
    pub quarantined: u64,
    /// How long the oldest job that could run has waited for a worker.
    pub oldest_ready_seconds: f64,
    pub faults: u64,
    pub crashes: u64,
    pub open_breakers: Vec<JobKind>,
    /// Infinity: +1 more workers would help and the machine can bear them, -1 it can't bear those it has, 0 as it is.
    pub scale: i32,
    pub notes: Vec<String>,
}

/// Thinks the whole engine through once.
pub fn cycle(snapshot: &Snapshot, config: &EngineConfig) -> Cycle {
    let mut orders = pressure::breakers(snapshot);
    orders.extend(pressure::back_pressure(snapshot, config));
    let (scale, scaling) = pressure::scaling(snapshot, config);
    orders.extend(scaling);
    let measures = recover(&snapshot.recent_faults, &snapshot.recent_orders, snapshot.now, &config.eclipse);
    orders.extend(measures.into_iter().map(|(order, why)| Ordered::new(order, why)));
    let reprioritise = backlog::reorder(snapshot, config);
    let expired = backlog::expired(snapshot);
    let coherence = coherence(&snapshot.coherences);
    let report = reflect(snapshot, &orders, &reprioritise, &expired, scale);
    Cycle { orders, reprioritise, expired, report, coherence }
}

fn coherence(last: &[f64]) -> f64 {
    let known: Vec<f64> = last.iter().copied().filter(|c| c.is_finite()).collect();
    if known.is_empty() { 1.0 } else { (known.iter().sum::<f64>() / known.len() as f64).clamp(0.0, 1.0) }
}

fn reflect(
    snapshot: &Snapshot,
    orders: &[Ordered],
    moved: &[(JobId, i32)],
    expired: &[JobId],
    scale: i32,
) -> Reflection {
    let queues = &snapshot.queues;
    let oldest = queues.iter().filter_map(|q| q.oldest_ready).min();
    let mut notes: Vec<String> = orders.iter().map(|o| o.why.clone()).collect();
    if !moved.is_empty() {
        notes.push(format!("{} waiting jobs were given another priority", moved.len()));
    }
    if !expired.is_empty() {
        notes.push(format!("the time of {} jobs has passed", expired.len()));
    }
    Reflection {
        waiting: queues.iter().map(|q| q.ready + q.waiting).sum(),
        running: queues.iter().map(|q| q.running).sum(),
        quarantined: queues.iter().map(|q| q.quarantined).sum(),
        oldest_ready_seconds: oldest.map_or(0.0, |at| snapshot.now.since(at).as_secs_f64()),
        faults: snapshot.recent_faults.len() as u64,
        crashes: snapshot.recent_faults.iter().filter(|f| f.crash).count() as u64,
        open_breakers: snapshot.breakers.iter().filter(|b| b.state == BreakerState::Open).map(|b| b.queue).collect(),
        scale,
        notes,
    }
}

/// How an order is taken back.
pub fn rollback(order: &Order) -> String {
    match order {
        Order::StartProject { .. } => "stop the project".into(),
        Order::StopProject { .. } => "start the project".into(),
        Order::CancelJob { job_id } => format!("retry job {job_id}"),
        Order::PauseQueue { queue } | Order::DrainQueue { queue } => format!("resume queue {}", queue.as_str()),
        Order::ResumeQueue { queue } => format!("pause queue {}", queue.as_str()),
        Order::ScaleQueue { queue, .. } => format!("scale queue {} back to its configured limit", queue.as_str()),
        Order::SoftRebuild { .. } | Order::SubsystemReset { .. } | Order::FullReboot => {
            "none needed: interrupted jobs give their attempt back and run again".into()
        }
        Order::QuarantineWorker { queue, .. } => format!("release worker pool {}", queue.as_str()),
        Order::ReleaseWorker { queue } => format!("quarantine worker pool {}", queue.as_str()),
        Order::SlowUpstream { queue, .. } => format!("set the intake of queue {} back to 1", queue.as_str()),
    }
}

#[cfg(test)]
#[path = "../control_tests.rs"]
mod tests;
