//! What a worker is to the rest: one function from a claimed job to an outcome. It sees the store only to read, reports
//! progress (which renews its lease), and is told when to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use omniva_contracts::engine::{Job, JobKind, Outcome};
use omniva_contracts::ports::Clock;
use omniva_store::Reader;
use serde_json::Value;

#[async_trait]
pub trait Work: Send + Sync + 'static {
    fn kind(&self) -> JobKind;
    /// Never panics on bad input; a fault is an [`Outcome`]. Long blocking work belongs in a child process or on a
    /// blocking thread, with [`WorkContext::stop`] looked at several times a second.
    async fn run(&self, job: Job, context: WorkContext) -> Outcome;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Go on.
    No,
    /// The job was cancelled: end with `Outcome::Cancel`.
    Cancelled,
    /// The engine is stopping: end with `Outcome::Interrupted`.
    Stopping,
    /// The lease is lost: whatever is answered will be refused; end soon and leave nothing behind.
    Lost,
}

/// Shared flag between a pool and one running job.
#[derive(Clone, Default)]
pub struct StopSign(Arc<AtomicU8>);

impl StopSign {
    pub fn raise(&self, stop: Stop) {
        let value = match stop {
            Stop::No => 0,
            Stop::Cancelled => 1,
            Stop::Stopping => 2,
            Stop::Lost => 3,
        };
        self.0.fetch_max(value, Ordering::Relaxed);
    }
    pub fn seen(&self) -> Stop {
        match self.0.load(Ordering::Relaxed) {
            0 => Stop::No,
            1 => Stop::Cancelled,
            2 => Stop::Stopping,
            _ => Stop::Lost,
        }
    }
}

/// Progress of one job on its way to the pool that leases it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sign {
    /// One of `JobKind::steps`.
    pub step: String,
    /// 0..1 of the whole job.
    pub progress: f64,
    pub checkpoint: Option<Value>,
}

#[derive(Clone)]
pub struct WorkContext {
    pub reader: Arc<dyn Reader>,
    pub clock: Arc<dyn Clock + Send + Sync>,
    /// A worker that lives gives a sign at least this often.
    pub heartbeat: Duration,
    stop: StopSign,
    signs: Arc<dyn Fn(Sign) + Send + Sync>,
}

impl WorkContext {
    pub fn new(
        reader: Arc<dyn Reader>,
        clock: Arc<dyn Clock + Send + Sync>,
        heartbeat: Duration,
        stop: StopSign,
        signs: Arc<dyn Fn(Sign) + Send + Sync>,
    ) -> Self {
        Self { reader, clock, heartbeat, stop, signs }
    }
    pub fn stop(&self) -> Stop {
        self.stop.seen()
    }
    /// Cheap: pools thin out what they pass on.
    pub fn progress(&self, step: &str, progress: f64) {
        (self.signs)(Sign { step: step.to_owned(), progress, checkpoint: None });
    }
    /// From here a restart goes on.
    pub fn checkpoint(&self, step: &str, progress: f64, checkpoint: Value) {
        (self.signs)(Sign { step: step.to_owned(), progress, checkpoint: Some(checkpoint) });
    }
}
