//! Every legal edge of the machine, found by trying every event in every state: the documentation can't differ from the
//! code.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use omniva_contracts::fault::{Code, Fault};
use omniva_contracts::ports::Seeded;
use serde_json::Value;

use super::{NewJob, RetryPolicy, event_name, new_job, step};

/// (state, event) and the states that it may lead to.
pub type Edges = BTreeMap<(JobState, &'static str), BTreeSet<JobState>>;

/// A job in `state` as it may be met, with its claim 1 held.
pub fn specimen(state: JobState, now: Moment, config: &EngineConfig) -> Job {
    let trace = TraceId(uuid::Uuid::nil());
    let new = NewJob::now(JobKind::Edit, Value::Null, trace, now);
    let (mut job, _) = new_job(new, now, config, &mut Seeded::new(b"specimen"), "table");
    job.state = state;
    if state != JobState::Pending {
        job.attempt = 1;
        job.fence = 1;
    }
    if state == JobState::Running {
        job.worker = Some("editor-1".into());
        job.lease_until = Some(now.after(config.jobs.lease()));
        job.started_at = Some(now);
    }
    if state.is_final() {
        job.ended_at = Some(now);
    }
    job
}

/// One of each event, the outcomes apart, as they fit claim 1.
pub fn events() -> Vec<JobEvent> {
    let fault = |code| Fault::new(code, "it failed", "look");
    let finished = |outcome| JobEvent::Finished { fence: 1, outcome };
    vec![
        JobEvent::Claimed { worker: "editor-1".into(), lease: Duration::from_secs(30) },
        JobEvent::Progressed {
            fence: 1,
            step: "CUT".into(),
            progress: 0.5,
            checkpoint: None,
            lease: Duration::from_secs(30),
        },
        finished(Outcome::Done { result: Value::Null }),
        finished(Outcome::Retry { fault: fault(Code::EncoderFailed) }),
        finished(Outcome::Retry { fault: fault(Code::NoSpace) }),
        finished(Outcome::Retry { fault: fault(Code::InputCorrupt) }),
        finished(Outcome::Retry { fault: fault(Code::Internal) }),
        finished(Outcome::Retry { fault: fault(Code::Cancelled) }),
        finished(Outcome::Snooze { until: Moment(i64::MAX), why: "not yet".into() }),
        finished(Outcome::Cancel { why: "asked".into() }),
        finished(Outcome::Discard { fault: fault(Code::InputCorrupt) }),
        finished(Outcome::Interrupted { checkpoint: None }),
        finished(Outcome::Skip { why: "nothing to do".into() }),
        JobEvent::Crashed { fence: 1, fault: fault(Code::WorkerLost) },
        JobEvent::LeaseExpired,
        JobEvent::Due,
        JobEvent::Expired,
        JobEvent::CancelAsked { why: "asked".into() },
        JobEvent::RetryAsked,
        JobEvent::Reprioritised { priority: 700 },
        JobEvent::Quarantine { why: "asked".into() },
    ]
}

/// Tries everything: fresh and spent jobs, cancelled or not, before and after their times.
pub fn edges(config: &EngineConfig) -> Edges {
    let now = Moment::from_seconds(1_700_000_000);
    let policy = RetryPolicy::of(config, JobKind::Edit);
    let later = now.after(policy.ttl).after(Duration::from_secs(3600));
    let mut edges = Edges::new();
    for state in JobState::ALL {
        let fresh = specimen(state, now, config);
        let spent = Job {
            attempt: fresh.max_attempts,
            crashes: policy.max_crashes - 1,
            snoozes: policy.max_snoozes,
            ..fresh.clone()
        };
        let tired = Job { attempt: fresh.max_attempts, ..fresh.clone() };
        let cancelled = Job { cancel_requested: state == JobState::Running, ..fresh.clone() };
        for (job, at) in [fresh, tired, spent, cancelled].iter().flat_map(|job| [(job, now), (job, later)]) {
            for event in events() {
                if let Ok(step) = step(job, &event, at, 0.5, &policy) {
                    edges.entry((state, event_name(&event))).or_default().insert(step.next.state);
                }
            }
        }
    }
    edges
}

/// The table as Markdown: one row for each state and event.
pub fn markdown(edges: &Edges) -> String {
    let mut text = String::from(
        "# The machine of a job\n\nGenerated from `omniva_cognition::jobs::step` by trying every event in every state; a test compares this file with it.\nEverything that is not listed is refused.\n\n| state | event | next |\n|---|---|---|\n",
    );
    for ((state, event), next) in edges {
        let next: Vec<&str> = next.iter().map(|s| s.as_str()).collect();
        text.push_str(&format!("| {} | {event} | {} |\n", state.as_str(), next.join(", ")));
    }
    text
}
