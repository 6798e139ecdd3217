//! Eclipse: what follows a failure. Circuit breakers, and the smallest measure that can heal.

use omniva_contracts::config::EclipseConfig;
use omniva_contracts::engine::{JobKind, Moment, Order};

use crate::council::RecentFault;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Work flows.
    Closed,
    /// No work until `open_until`.
    Open,
    /// A few probes are let through.
    HalfOpen,
}

/// One for each queue.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Breaker {
    pub queue: JobKind,
    pub state: BreakerState,
    /// Ends in the window: (when, went well); oldest first.
    pub ends: Vec<(Moment, bool)>,
    pub open_until: Option<Moment>,
    /// Trips in a row, for the length of the pause.
    pub trips: u32,
    /// Successes since half-open.
    pub probes: u32,
}

impl Breaker {
    pub fn closed(queue: JobKind) -> Self {
        Self { queue, state: BreakerState::Closed, ends: Vec::new(), open_until: None, trips: 0, probes: 0 }
    }
    /// Whether a job of this queue may be claimed.
    pub fn lets_through(&self) -> bool {
        self.state != BreakerState::Open
    }
    /// After one job ended (`ok`), or as time passed (`None`).
    pub fn next(&self, ended: Option<bool>, now: Moment, config: &EclipseConfig) -> Breaker {
        let _ = (ended, now, config);
        self.clone()
    }
}

/// The measures that the faults of the window call for, smallest first.
pub fn recover(faults: &[RecentFault], now: Moment, config: &EclipseConfig) -> Vec<(Order, String)> {
    let _ = (faults, now, config);
    Vec::new()
}
