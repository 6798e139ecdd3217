//! Jobs and queues.

use omniva_contracts::engine::*;
use omniva_contracts::fault::Fault;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// QUEUED for PENDING.
pub fn shown(state: JobState) -> &'static str {
    if state == JobState::Pending { "QUEUED" } else { state.as_str() }
}

#[derive(Serialize, JsonSchema)]
pub struct JobItem {
    pub job_id: JobId,
    pub kind: JobKind,
    pub project_id: Option<ProjectId>,
    pub subject: Option<EntityRef>,
    /// QUEUED, RUNNING, WAITING_RETRY, DONE, ERROR, CANCELLED, SKIPPED, QUARANTINED
    pub status: String,
    pub step: String,
    /// 0..1
    pub progress: f64,
    pub priority: i32,
    pub attempt: u32,
    pub max_attempts: u32,
    pub cancel_requested: bool,
    pub worker: Option<String>,
    pub run_after: Moment,
    pub error: Option<Fault>,
    pub trace_id: TraceId,
    pub created_at: Moment,
    pub started_at: Option<Moment>,
    pub completed_at: Option<Moment>,
    pub updated_at: Moment,
}

impl From<Job> for JobItem {
    fn from(j: Job) -> Self {
        Self {
            job_id: j.id,
            kind: j.kind,
            project_id: j.project_id,
            subject: j.subject,
            status: shown(j.state).to_owned(),
            step: j.step,
            progress: j.progress,
            priority: j.priority,
            attempt: j.attempt,
            max_attempts: j.max_attempts,
            cancel_requested: j.cancel_requested,
            worker: j.worker,
            run_after: j.run_after,
            error: j.fault,
            trace_id: j.trace_id,
            created_at: j.created_at,
            started_at: j.started_at,
            completed_at: j.ended_at,
            updated_at: j.updated_at,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct JobView {
    #[serde(flatten)]
    pub job: JobItem,
    pub unique_key: Option<String>,
    pub crashes: u32,
    pub snoozes: u32,
    pub expires_at: Option<Moment>,
    pub lease_until: Option<Moment>,
    pub payload: Value,
    pub checkpoint: Option<Value>,
    pub result: Option<Value>,
}

impl From<Job> for JobView {
    fn from(mut j: Job) -> Self {
        Self {
            unique_key: j.unique_key.take(),
            crashes: j.crashes,
            snoozes: j.snoozes,
            expires_at: j.expires_at,
            lease_until: j.lease_until,
            payload: std::mem::take(&mut j.payload),
            checkpoint: j.checkpoint.take(),
            result: j.result.take(),
            job: j.into(),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct JobMoved {
    pub job_id: JobId,
    pub status: String,
    pub priority: i32,
    pub attempt: u32,
    pub cancel_requested: bool,
    pub updated_at: Moment,
}

#[derive(Serialize, JsonSchema)]
pub struct NoopsQueued {
    pub queued: u64,
    pub asked: u64,
    #[schemars(extend("const" = "QUEUED"))]
    pub status: String,
}

#[derive(Serialize, JsonSchema)]
pub struct QueueView {
    pub queue: JobKind,
    pub mode: QueueMode,
    /// Jobs at the same time; `null` while the engine's own setting counts.
    pub limit: Option<u32>,
    /// 0..1: rate at which new work is let in.
    pub intake: f64,
    pub reason: String,
    pub ready: u64,
    pub waiting: u64,
    pub running: u64,
    pub quarantined: u64,
    pub oldest_ready: Option<Moment>,
}

#[derive(Serialize, JsonSchema)]
pub struct QueueChanged {
    pub queue: JobKind,
    pub mode: QueueMode,
    pub limit: u32,
    pub intake: f64,
    pub reason: String,
    pub requested_at: Moment,
}
