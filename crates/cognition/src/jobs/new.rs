//! Jobs as they begin.

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use omniva_contracts::ports::Ids;
use serde_json::{Value, json};

use super::{Record, packet_of};

/// What is asked for; the rest follows from the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct NewJob {
    pub kind: JobKind,
    pub project_id: Option<ProjectId>,
    pub subject: Option<EntityRef>,
    pub unique_key: Option<String>,
    /// 0..=1000; brought into these bounds.
    pub priority: i32,
    pub payload: Value,
    /// Not before.
    pub run_after: Moment,
    pub trace_id: TraceId,
    pub meta_parents: Vec<PacketId>,
}

impl NewJob {
    pub fn now(kind: JobKind, payload: Value, trace_id: TraceId, now: Moment) -> Self {
        Self {
            kind,
            project_id: None,
            subject: None,
            unique_key: None,
            priority: PRIORITY_DEFAULT,
            payload,
            run_after: now,
            trace_id,
            meta_parents: Vec::new(),
        }
    }
}

/// A PENDING job with its `job.created` packet. It expires one TTL after it may first run.
pub fn new_job(new: NewJob, now: Moment, config: &EngineConfig, ids: &mut dyn Ids, source: &str) -> (Job, PacketDraft) {
    let run_after = new.run_after.max(now);
    let mut job = Job {
        id: JobId(ids.next()),
        kind: new.kind,
        project_id: new.project_id,
        subject: new.subject,
        unique_key: new.unique_key,
        state: JobState::Pending,
        step: new.kind.steps().first().copied().unwrap_or("INIT").to_owned(),
        progress: 0.0,
        priority: new.priority.clamp(0, 1000),
        attempt: 0,
        max_attempts: config.queue(new.kind).max_attempts,
        crashes: 0,
        snoozes: 0,
        fence: 0,
        worker: None,
        lease_until: None,
        run_after,
        expires_at: Some(run_after.after(config.jobs.ttl())),
        cancel_requested: false,
        payload: new.payload,
        checkpoint: None,
        result: None,
        fault: None,
        trace_id: new.trace_id,
        meta_parents: new.meta_parents,
        created_at: now,
        started_at: None,
        ended_at: None,
        updated_at: now,
        version: 1,
    };
    let body = json!({
        "kind": job.kind, "subject": job.subject, "unique_key": job.unique_key, "priority": job.priority,
        "run_after": job.run_after, "expires_at": job.expires_at,
    });
    let packet = packet_of(&job, PacketId(ids.next()), Record { kind: "job.created", body }, source, now);
    job.meta_parents = vec![packet.stardust_id];
    (job, packet)
}
