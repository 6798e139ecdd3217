//! The match itself.

use omniva_contracts::engine::{Job, JobEvent, JobState, Moment, Outcome};
use omniva_contracts::fault::{Code, Fault};
use serde_json::{Value, json};

use super::finish::{crashed, finished};
use super::{Illegal, Record, RetryPolicy, Step};

/// The name of an event as packets, messages and the table of edges have it.
pub fn event_name(event: &JobEvent) -> &'static str {
    match event {
        JobEvent::Claimed { .. } => "claimed",
        JobEvent::Progressed { .. } => "progressed",
        JobEvent::Finished { outcome, .. } => match outcome {
            Outcome::Done { .. } => "finished:done",
            Outcome::Retry { .. } => "finished:retry",
            Outcome::Snooze { .. } => "finished:snooze",
            Outcome::Cancel { .. } => "finished:cancel",
            Outcome::Discard { .. } => "finished:discard",
            Outcome::Interrupted { .. } => "finished:interrupted",
            Outcome::Skip { .. } => "finished:skip",
        },
        JobEvent::Crashed { .. } => "crashed",
        JobEvent::LeaseExpired => "lease_expired",
        JobEvent::Due => "due",
        JobEvent::Expired => "expired",
        JobEvent::CancelAsked { .. } => "cancel_asked",
        JobEvent::RetryAsked => "retry_asked",
        JobEvent::Reprioritised { .. } => "reprioritised",
        JobEvent::Quarantine { .. } => "quarantine",
    }
}

/// Moves `job` by `event`. `roll` (0..1) jitters a pause.
///
/// Errors: the edge does not exist, the sender's claim is over, the time has not come, or a value is out of bounds; the
/// job stays as it is.
pub fn step(job: &Job, event: &JobEvent, now: Moment, roll: f64, policy: &RetryPolicy) -> Result<Step, Illegal> {
    use JobEvent as E;
    use JobState as S;
    match (job.state, event) {
        (S::Pending, E::Claimed { worker, lease }) => claimed(job, worker, *lease, now),
        (S::Running, E::Progressed { fence, .. }) => held(job, *fence).and_then(|()| progressed(job, event, now)),
        (S::Running, E::Finished { fence, outcome }) => {
            held(job, *fence).map(|()| finished(job, outcome, now, roll, policy))
        }
        (S::Running, E::Crashed { fence, fault }) => {
            held(job, *fence).map(|()| crashed(job, fault.clone(), now, roll, policy))
        }
        (S::Running, E::LeaseExpired) => {
            passed(job.lease_until, "lease_expired", now)?;
            Ok(crashed(job, lost(job), now, roll, policy))
        }
        (S::WaitingRetry, E::Due) => {
            passed(Some(job.run_after), "due", now)?;
            let next = Job { state: S::Pending, ..job.clone() };
            Ok(moved(next, now, "job.due", "its pause is over", json!({})))
        }
        (S::Pending | S::WaitingRetry, E::Expired) => {
            passed(job.expires_at, "expired", now)?;
            let why = "it did not start before its time had passed";
            let body = json!({ "expires_at": job.expires_at, "attempt": job.attempt });
            Ok(ended(job, S::Skipped, now, "job.expired", why, body))
        }
        (S::Pending | S::WaitingRetry | S::Quarantined, E::CancelAsked { why }) => {
            Ok(ended(job, S::Cancelled, now, "job.cancelled", why, json!({ "why": why })))
        }
        (S::Running, E::CancelAsked { why }) => {
            let next = Job { cancel_requested: true, ..job.clone() };
            Ok(moved(next, now, "job.cancel_asked", why, json!({ "why": why })))
        }
        (S::Error | S::Cancelled | S::Skipped | S::Quarantined, E::RetryAsked) => Ok(again(job, now, policy)),
        (S::Pending | S::WaitingRetry, E::Reprioritised { priority }) => reprioritised(job, *priority, now),
        (S::Pending | S::WaitingRetry | S::Running, E::Quarantine { why }) => {
            let next = Job { state: S::Quarantined, ..released(job) };
            Ok(moved(next, now, "job.quarantined", why, json!({ "why": why, "crashes": job.crashes })))
        }
        (state, event) => Err(Illegal::Unlisted { state, event: event_name(event) }),
    }
}

/// Raises the version and stamps the change.
pub(super) fn moved(mut next: Job, now: Moment, kind: &'static str, why: &str, mut body: Value) -> Step {
    next.version += 1;
    next.updated_at = now;
    if let Some(map) = body.as_object_mut() {
        map.insert("state".into(), json!(next.state));
        map.insert("version".into(), json!(next.version));
    }
    Step { next, why: why.to_owned(), record: Some(Record { kind, body }) }
}

/// As [`moved`], into a state in which nothing more happens by itself.
pub(super) fn ended(job: &Job, state: JobState, now: Moment, kind: &'static str, why: &str, body: Value) -> Step {
    let next = Job { state, ended_at: Some(now), ..released(job) };
    moved(next, now, kind, why, body)
}

/// Without holder and lease; the fence stays, so that the old holder is known as such.
pub(super) fn released(job: &Job) -> Job {
    Job { worker: None, lease_until: None, cancel_requested: false, ..job.clone() }
}

fn held(job: &Job, given: u64) -> Result<(), Illegal> {
    if job.fence == given { Ok(()) } else { Err(Illegal::Stale { held: job.fence, given }) }
}

fn passed(due: Option<Moment>, event: &'static str, now: Moment) -> Result<(), Illegal> {
    if due.is_some_and(|due| due <= now) { Ok(()) } else { Err(Illegal::Early { event, due, now }) }
}

fn lost(job: &Job) -> Fault {
    let worker = job.worker.as_deref().unwrap_or("its worker");
    Fault::new(
        Code::WorkerLost,
        format!("{worker} gave no sign of life before its lease ran out"),
        "nothing: it is tried again by itself; if it happens often, look at the worker's memory and log",
    )
}

fn claimed(job: &Job, worker: &str, lease: std::time::Duration, now: Moment) -> Result<Step, Illegal> {
    passed(Some(job.run_after), "claimed", now)?;
    if job.expires_at.is_some_and(|at| at <= now) {
        return Err(Illegal::Bound {
            field: "expires_at",
            value: job.expires_at.map(|at| at.to_string()).unwrap_or_default(),
            bound: format!("after {now} for a claim"),
        });
    }
    let next = Job {
        state: JobState::Running,
        attempt: job.attempt.saturating_add(1),
        fence: job.fence + 1,
        worker: Some(worker.to_owned()),
        lease_until: Some(now.after(lease)),
        started_at: Some(now),
        ..job.clone()
    };
    let why = format!("{worker} took it for attempt {} of {}", next.attempt, next.max_attempts);
    let body =
        json!({ "worker": worker, "attempt": next.attempt, "fence": next.fence, "lease_until": next.lease_until });
    Ok(moved(next, now, "job.claimed", &why, body))
}

/// Renews the lease. Only a new step or a checkpoint is worth a packet.
fn progressed(job: &Job, event: &JobEvent, now: Moment) -> Result<Step, Illegal> {
    let JobEvent::Progressed { step, progress, checkpoint, lease, .. } = event else {
        return Err(Illegal::Unlisted { state: job.state, event: event_name(event) });
    };
    let steps = job.kind.steps();
    if !steps.contains(&step.as_str()) {
        return Err(Illegal::Bound {
            field: "step",
            value: step.clone(),
            bound: format!("one of {}", steps.join(", ")),
        });
    }
    if !(0.0..=1.0).contains(progress) {
        return Err(Illegal::Bound { field: "progress", value: progress.to_string(), bound: "0..=1".into() });
    }
    let news = *step != job.step || checkpoint.is_some();
    let next = Job {
        step: step.clone(),
        progress: *progress,
        checkpoint: checkpoint.clone().or_else(|| job.checkpoint.clone()),
        lease_until: Some(now.after(*lease)),
        ..job.clone()
    };
    let body = json!({ "step": step, "progress": progress, "fence": job.fence, "checkpoint": checkpoint.is_some() });
    let mut moved = moved(next, now, "job.progressed", &format!("it is at {step}"), body);
    if !news {
        moved.record = None;
    }
    Ok(moved)
}

fn again(job: &Job, now: Moment, policy: &RetryPolicy) -> Step {
    let next = Job {
        state: JobState::Pending,
        progress: 0.0,
        step: job.kind.steps().first().copied().unwrap_or("INIT").to_owned(),
        attempt: 0,
        crashes: 0,
        snoozes: 0,
        run_after: now,
        expires_at: job.expires_at.map(|_| now.after(policy.ttl)),
        result: None,
        fault: None,
        ended_at: None,
        ..released(job)
    };
    let body = json!({ "from": job.state, "attempts_before": job.attempt });
    moved(next, now, "job.retry_asked", "an operator asked for it again", body)
}

fn reprioritised(job: &Job, priority: i32, now: Moment) -> Result<Step, Illegal> {
    if !(0..=1000).contains(&priority) {
        return Err(Illegal::Bound { field: "priority", value: priority.to_string(), bound: "0..=1000".into() });
    }
    let next = Job { priority, ..job.clone() };
    let why = format!("its priority went from {} to {priority}", job.priority);
    Ok(moved(next, now, "job.reprioritised", &why, json!({ "from": job.priority, "to": priority })))
}
