//! How an attempt ends.

use std::time::Duration;

use omniva_contracts::engine::{Job, JobState, Moment, Outcome};
use omniva_contracts::fault::{Code, Fault, FaultClass};
use serde_json::{Value, json};

use super::step::{ended, moved, released};
use super::{RetryPolicy, Step};

pub(super) fn finished(job: &Job, outcome: &Outcome, now: Moment, roll: f64, policy: &RetryPolicy) -> Step {
    match outcome {
        Outcome::Done { result } => done(job, result, now),
        Outcome::Skip { why } => ended(job, JobState::Skipped, now, "job.skipped", why, json!({ "why": why })),
        Outcome::Cancel { why } => ended(job, JobState::Cancelled, now, "job.cancelled", why, json!({ "why": why })),
        Outcome::Discard { fault } => failed(job, fault.clone(), now, "it failed for good"),
        // From here on the job would run again: not when it was cancelled meanwhile.
        _ if job.cancel_requested => {
            let why = "it was cancelled while it ran";
            ended(job, JobState::Cancelled, now, "job.cancelled", why, json!({ "why": why }))
        }
        Outcome::Interrupted { checkpoint } => given_back(job, checkpoint.clone(), now, policy),
        Outcome::Retry { fault } if fault.class() == FaultClass::Interrupted => given_back(job, None, now, policy),
        Outcome::Retry { fault } => retried(job, fault.clone(), now, roll, policy),
        Outcome::Snooze { until, why } => snoozed(job, *until, why, now, policy),
    }
}

/// Its worker died under it: the attempt counts, and so does the crash.
pub(super) fn crashed(job: &Job, fault: Fault, now: Moment, roll: f64, policy: &RetryPolicy) -> Step {
    let job = &Job { crashes: job.crashes.saturating_add(1), ..job.clone() };
    if job.cancel_requested {
        let why = "its worker died after it was cancelled";
        return ended(job, JobState::Cancelled, now, "job.cancelled", why, failure(job, &fault));
    }
    if job.crashes >= policy.max_crashes {
        let why = format!("its worker died {} times under it", job.crashes);
        let body = failure(job, &fault);
        let next = Job { state: JobState::Quarantined, fault: Some(fault), ..released(job) };
        return moved(next, now, "job.quarantined", &why, body);
    }
    // A dead worker says nothing about the work: whatever killed it is treated as passing.
    wait(job, fault, FaultClass::Transient, now, roll, policy, "job.crashed")
}

fn done(job: &Job, result: &Value, now: Moment) -> Step {
    let last = job.kind.steps().last().copied().unwrap_or("INIT");
    let finished = Job {
        step: last.to_owned(),
        progress: 1.0,
        result: Some(result.clone()),
        fault: None,
        checkpoint: None,
        ..job.clone()
    };
    let body = json!({ "attempt": job.attempt, "seconds": job.started_at.map(|at| now.since(at).as_secs_f64()) });
    ended(&finished, JobState::Done, now, "job.done", "it is done", body)
}

fn failed(job: &Job, fault: Fault, now: Moment, why: &str) -> Step {
    let body = failure(job, &fault);
    let why = format!("{why}: {fault}");
    ended(&Job { fault: Some(fault), ..job.clone() }, JobState::Error, now, "job.failed", &why, body)
}

fn retried(job: &Job, fault: Fault, now: Moment, roll: f64, policy: &RetryPolicy) -> Step {
    let class = fault.class();
    match class {
        FaultClass::Permanent | FaultClass::Bug => failed(job, fault, now, "trying again can't help"),
        _ => wait(job, fault, class, now, roll, policy, "job.retried"),
    }
}

/// Another attempt after a pause, while there is one left.
fn wait(
    job: &Job,
    fault: Fault,
    class: FaultClass,
    now: Moment,
    roll: f64,
    policy: &RetryPolicy,
    kind: &'static str,
) -> Step {
    // Who named a pause means it.
    let asked = fault.not_before_us.map_or(Duration::ZERO, |us| Moment(us).since(now));
    let pause = policy.pause(class, job.attempt, roll).map(|pause| pause.max(asked));
    let (Some(pause), true) = (pause, job.attempt < job.max_attempts) else {
        return failed(job, fault, now, &format!("attempt {} was the last", job.attempt));
    };
    let run_after = now.after(pause);
    let mut body = failure(job, &fault);
    if let Some(map) = body.as_object_mut() {
        map.insert("run_after".into(), json!(run_after));
    }
    let why = format!("{fault}; tried again in {:.1} s", pause.as_secs_f64());
    let next = Job { state: JobState::WaitingRetry, fault: Some(fault), run_after, ..released(job) };
    moved(Job { expires_at: later(job, run_after, policy), ..next }, now, kind, &why, body)
}

fn given_back(job: &Job, checkpoint: Option<Value>, now: Moment, policy: &RetryPolicy) -> Step {
    let next = Job {
        state: JobState::Pending,
        attempt: job.attempt.saturating_sub(1),
        checkpoint: checkpoint.or_else(|| job.checkpoint.clone()),
        run_after: now,
        expires_at: later(job, now, policy),
        ..released(job)
    };
    let body = json!({ "attempt": next.attempt, "checkpoint": next.checkpoint.is_some() });
    moved(next, now, "job.interrupted", "the engine is stopping: the attempt is given back", body)
}

fn snoozed(job: &Job, until: Moment, why: &str, now: Moment, policy: &RetryPolicy) -> Step {
    let snoozes = job.snoozes.saturating_add(1);
    if snoozes > policy.max_snoozes {
        let fault = Fault::new(
            Code::WaitedTooLong,
            format!("it said \"not now\" {} times, the last time because {why}", job.snoozes),
            "look at what it waits for, then retry the job",
        );
        return failed(job, fault, now, "it waited too often");
    }
    let run_after = until.clamp(now, now.after(policy.max_snooze));
    let next = Job {
        state: JobState::WaitingRetry,
        attempt: job.attempt.saturating_sub(1),
        snoozes,
        run_after,
        ..released(job)
    };
    let body = json!({ "why": why, "run_after": run_after, "snoozes": snoozes });
    moved(Job { expires_at: later(job, run_after, policy), ..next }, now, "job.snoozed", why, body)
}

/// A pause that the engine itself decides on does not use up the time that a job has to start.
fn later(job: &Job, run_after: Moment, policy: &RetryPolicy) -> Option<Moment> {
    job.expires_at.map(|at| at.max(run_after.after(policy.ttl)))
}

fn failure(job: &Job, fault: &Fault) -> Value {
    json!({
        "code": fault.code, "class": fault.class(), "message": fault.message,
        "attempt": job.attempt, "crashes": job.crashes, "fence": job.fence,
    })
}
