//! Zenith's control cycle: what the whole engine should do next, from one look at all of it.

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use serde::{Deserialize, Serialize};

use crate::council::{Load, ProjectLoad, QueueReading, RecentFault};
use crate::eclipse::Breaker;

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
    pub reprioritise: Vec<(JobId, i32)>,
    /// Jobs whose time has passed.
    pub expired: Vec<JobId>,
    pub report: Reflection,
    pub coherence: f64,
}

/// An order with its reason and the way back.
#[derive(Clone, Debug, PartialEq)]
pub struct Ordered {
    pub order: Order,
    pub why: String,
    pub rollback: String,
}

/// What Zenith notes about itself after a cycle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reflection {
    pub waiting: u64,
    pub running: u64,
    pub quarantined: u64,
    pub oldest_ready_seconds: f64,
    pub faults: u64,
    pub crashes: u64,
    pub open_breakers: Vec<JobKind>,
    /// Infinity: +1 more workers would help and the machine can bear them, -1 it can't bear those it has, 0 as it is.
    pub scale: i32,
    pub notes: Vec<String>,
}

pub fn cycle(snapshot: &Snapshot, config: &EngineConfig) -> Cycle {
    let _ = (snapshot, config);
    Cycle {
        orders: Vec::new(),
        reprioritise: Vec::new(),
        expired: Vec::new(),
        report: Reflection::default(),
        coherence: 1.0,
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
