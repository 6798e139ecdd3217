//! The worker that does nothing.

use async_trait::async_trait;
use omniva_contracts::engine::{Job, JobKind, Outcome};
use serde_json::Value;

use crate::work::{Work, WorkContext};

/// Measures the queue itself.
pub struct Noop;

#[async_trait]
impl Work for Noop {
    fn kind(&self) -> JobKind {
        JobKind::Noop
    }
    async fn run(&self, _job: Job, _context: WorkContext) -> Outcome {
        Outcome::Done { result: Value::Null }
    }
}
