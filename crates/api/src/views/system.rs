//! The engine itself: health, actors, logs.

use std::collections::BTreeMap;

use omniva_contracts::engine::*;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

#[derive(Serialize, JsonSchema)]
pub struct LogItem {
    pub log_id: LogId,
    pub timestamp: Moment,
    pub source: String,
    pub level: LogLevel,
    pub message: String,
    pub stage: Option<String>,
    pub job_id: Option<JobId>,
    pub trace_id: Option<TraceId>,
    pub metadata: Value,
}

impl From<LogRow> for LogItem {
    fn from(l: LogRow) -> Self {
        Self {
            log_id: l.log_id,
            timestamp: l.created_at,
            source: l.source,
            level: l.level,
            message: l.message,
            stage: l.stage,
            job_id: l.job_id,
            trace_id: l.trace_id,
            metadata: l.metadata,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct WorkerHealth {
    /// HEALTHY, DEGRADED, PAUSED, QUARANTINED, DOWN
    pub status: String,
    pub queue_depth: u64,
    pub running: u64,
    pub why: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct DatabaseHealth {
    pub status: String,
    /// 0: there is one copy.
    pub replication_lag_ms: u64,
    pub description: String,
}

#[derive(Serialize, JsonSchema)]
pub struct CognitiveHealth {
    pub status: String,
    /// Last progress of any of its modules.
    pub last_heartbeat: Option<Moment>,
    /// State of each module.
    pub modules: BTreeMap<String, String>,
}

#[derive(Serialize, JsonSchema)]
pub struct SystemStatus {
    pub workers: BTreeMap<String, WorkerHealth>,
    /// What carries the queues.
    pub queues: BTreeMap<String, String>,
    pub database: DatabaseHealth,
    pub cognitive_layer: CognitiveHealth,
}

#[derive(Serialize, JsonSchema)]
pub struct ActorItem {
    pub name: String,
    pub parent: Option<String>,
    /// `starting`, `running`, `backing_off`, `stopped`, `escalated`
    pub state: String,
    pub generation: u64,
    pub restarts: u64,
    pub mailbox: u64,
    pub last_progress: Option<Moment>,
    pub last_failure: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct Part {
    pub name: String,
    pub ok: bool,
    /// What is wrong.
    pub why: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct Ready {
    pub parts: Vec<Part>,
}

#[derive(Serialize, JsonSchema)]
pub struct Alive {
    #[schemars(extend("const" = "alive"))]
    pub state: String,
}

#[derive(Serialize, JsonSchema)]
pub struct Version {
    pub name: String,
    pub version: String,
    /// Of every document this build writes.
    pub schema_version: String,
}
