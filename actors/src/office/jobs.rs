//! Jobs: made, tried again, cancelled, moved in their queue. What is legal is the machine's word, not this file's.

use omniva_cognition::jobs::{NewJob, RetryPolicy, new_job, step};
use omniva_contracts::engine::{
    EntityRef, EntityType, Job, JobEvent, JobId, JobKind, JobState, Moment, PRIORITY_DEFAULT, PacketId, ProjectId, Row,
    TraceId,
};
use serde_json::{Value, json};

use super::Refusal;
use super::check::Faults;
use super::desk::{Deed, Desk, OrRefuse};
use super::plan::Done;

/// Jobs of one `EnqueueNoop`.
const MOST_NOOPS: u32 = 10_000;

/// A job to be made.
pub(super) struct Order {
    kind: JobKind,
    project: Option<ProjectId>,
    subject: Option<EntityRef>,
    payload: Value,
    unique: Option<String>,
    priority: i32,
    run_after: Option<Moment>,
    trace: Option<TraceId>,
}

impl Order {
    pub fn new(kind: JobKind, project: Option<ProjectId>, subject: EntityRef, payload: Value) -> Self {
        Self {
            kind,
            project,
            subject: Some(subject),
            payload,
            unique: None,
            priority: PRIORITY_DEFAULT,
            run_after: None,
            trace: None,
        }
    }
    pub fn unique(mut self, key: String) -> Self {
        self.unique = Some(key);
        self
    }
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }
    pub fn at(mut self, run_after: Option<Moment>) -> Self {
        self.run_after = run_after;
        self
    }
    pub fn trace(mut self, trace: TraceId) -> Self {
        self.trace = Some(trace);
        self
    }
}

/// Makes the job, or gives the one that does the same work already (`false`).
pub(super) async fn enqueue(desk: &mut Desk<'_>, order: Order, cause: PacketId) -> Result<(JobId, bool), Refusal> {
    if let Some(key) = &order.unique
        && let Some(job) = desk.reader.job_by_unique_key(key).await.or_refuse()?
        && !job.state.is_final()
    {
        return Ok((job.id, false));
    }
    Ok((make(desk, order, cause), true))
}

/// Makes the job, whoever else holds its key: the caller has taken that one back in the same commit.
pub(super) fn make(desk: &mut Desk<'_>, order: Order, cause: PacketId) -> JobId {
    let new = NewJob {
        project_id: order.project,
        subject: order.subject,
        unique_key: order.unique,
        priority: order.priority,
        run_after: order.run_after.unwrap_or(desk.now),
        meta_parents: vec![cause],
        ..NewJob::now(order.kind, order.payload, order.trace.unwrap_or(desk.asked.trace_id), desk.now)
    };
    let source = desk.source();
    let (job, packet) = new_job(new, desk.now, desk.config, desk.ids, &source);
    let id = job.id;
    desk.push_packet(packet);
    desk.rows.push(Row::Job(Box::new(job)));
    id
}

async fn find(desk: &Desk<'_>, id: JobId) -> Result<Job, Refusal> {
    let found = desk.reader.job(id).await.or_refuse()?;
    found.ok_or_else(|| Refusal::new(404, "JOB_NOT_FOUND", format!("there is no job {id}")))
}

/// As the API names states: QUEUED for PENDING.
fn shown(state: JobState) -> &'static str {
    if state == JobState::Pending { "QUEUED" } else { state.as_str() }
}

/// One step of the machine, with its packet; `code` when the machine refuses it.
async fn moved(desk: &mut Desk<'_>, job: Job, event: JobEvent, code: &'static str) -> Result<(Job, PacketId), Refusal> {
    let policy = RetryPolicy::of(desk.config, job.kind);
    // None of the events that operators cause rolls dice.
    let step = step(&job, &event, desk.now, 0.5, &policy)
        .map_err(|illegal| Refusal::new(409, code, format!("job {}: {illegal}", job.id)))?;
    let source = desk.source();
    let (next, packet) = step.seal(desk.ids, &source, desk.now);
    let cause = desk.request_packet();
    let id = match packet {
        Some(mut packet) => {
            packet.meta_parents.push(cause);
            let id = packet.stardust_id;
            desk.push_packet(packet);
            id
        }
        None => desk.record(Deed::new(
            "job.updated",
            EntityRef::new(EntityType::Job, next.id),
            next.project_id,
            json!({ "version": next.version }),
        )),
    };
    Ok((next, id))
}

fn answer(job: &Job) -> Value {
    json!({
        "job_id": job.id, "status": shown(job.state), "priority": job.priority, "attempt": job.attempt,
        "cancel_requested": job.cancel_requested, "updated_at": job.updated_at,
    })
}

pub(super) async fn retry(desk: &mut Desk<'_>, id: JobId) -> Done {
    let job = find(desk, id).await?;
    if let Some(key) = &job.unique_key
        && let Some(other) = desk.reader.job_by_unique_key(key).await.or_refuse()?
        && other.id != id
        && !other.state.is_final()
    {
        let message = format!("job {} does the same work already", other.id);
        return Err(Refusal::new(409, "JOB_NOT_RETRYABLE", message));
    }
    let (next, packet) = moved(desk, job, JobEvent::RetryAsked, "JOB_NOT_RETRYABLE").await?;
    let data = answer(&next);
    desk.rows.push(Row::Job(Box::new(next)));
    Ok((202, data, packet))
}

pub(super) async fn cancel(desk: &mut Desk<'_>, id: JobId, reason: &str) -> Done {
    let mut faults = Faults::default();
    faults.reason(reason);
    faults.verdict()?;
    let job = find(desk, id).await?;
    let running = job.state == JobState::Running;
    if running && job.cancel_requested {
        return Err(Refusal::new(409, "JOB_NOT_CANCELLABLE", format!("job {id} is being cancelled already")));
    }
    let why = if reason.is_empty() { "an operator asked for it" } else { reason };
    let (next, packet) = moved(desk, job, JobEvent::CancelAsked { why: why.to_owned() }, "JOB_NOT_CANCELLABLE").await?;
    let data = answer(&next);
    desk.rows.push(Row::Job(Box::new(next)));
    if running {
        let order = omniva_contracts::engine::Order::CancelJob { job_id: id };
        desk.directive(order, why, "retry the job", packet);
    }
    Ok((202, data, packet))
}

pub(super) async fn prioritise(desk: &mut Desk<'_>, id: JobId, priority: i32) -> Done {
    let mut faults = Faults::default();
    faults.unless((0..=1000).contains(&priority), "priority", "must be 0 to 1000");
    faults.verdict()?;
    let job = find(desk, id).await?;
    let (next, packet) = moved(desk, job, JobEvent::Reprioritised { priority }, "JOB_NOT_WAITING").await?;
    let data = answer(&next);
    desk.rows.push(Row::Job(Box::new(next)));
    Ok((200, data, packet))
}

pub(super) async fn noop(desk: &mut Desk<'_>, count: u32, keys: &[String]) -> Done {
    let mut faults = Faults::default();
    faults.unless((1..=MOST_NOOPS).contains(&count), "count", "must be 1 to 10000");
    faults.unless(keys.len() <= count as usize, "unique_keys", "has more entries than count");
    for key in keys {
        faults.text("unique_keys", key, 120, false);
    }
    faults.verdict()?;
    let engine = EntityRef::new(EntityType::Engine, uuid::Uuid::nil());
    let packet = desk.record(Deed::new("noop.requested", engine.clone(), None, json!({ "count": count })));
    let mut made = 0u32;
    let mut seen = std::collections::BTreeSet::new();
    for n in 0..count as usize {
        let mut order = Order::new(JobKind::Noop, None, engine.clone(), json!({ "n": n }));
        if let Some(key) = keys.get(n) {
            if !seen.insert(key) {
                continue;
            }
            order = order.unique(format!("noop:{key}"));
        }
        made += u32::from(enqueue(desk, order, packet).await?.1);
    }
    Ok((202, json!({ "queued": made, "asked": count, "status": "QUEUED" }), packet))
}

/// Whether a job is being worked on, so that it can't be taken back.
pub(super) async fn runs(desk: &Desk<'_>, id: JobId) -> Result<bool, Refusal> {
    Ok(desk.reader.job(id).await.or_refuse()?.is_some_and(|job| job.state == JobState::Running))
}

/// Cancels a job that has not started; `false` when it is too late for that.
pub(super) async fn take_back(desk: &mut Desk<'_>, id: JobId) -> Result<bool, Refusal> {
    let Some(job) = desk.reader.job(id).await.or_refuse()? else { return Ok(true) };
    match job.state {
        JobState::Running => Ok(false),
        state if state.is_final() => Ok(true),
        _ => {
            let event = JobEvent::CancelAsked { why: "its slot is planned anew".into() };
            let (next, _) = moved(desk, job, event, "CONFLICT").await?;
            desk.rows.push(Row::Job(Box::new(next)));
            Ok(true)
        }
    }
}
