//! Jobs: the rows that are the truth for each piece of work (reference, Workers §2; ARCHITECTURE §6).

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EntityRef, JobId, Moment, PacketId, ProjectId, TraceId};
use crate::fault::Fault;

/// What a job does. Each kind has a queue (and a worker pool) of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Looks for new items at a creator's source.
    Discover,
    Scrape,
    Analyze,
    Edit,
    Upload,
    Schedule,
    /// Reads back what posts achieved, and learns from it.
    Measure,
    /// Retention, orphan sweep, backup, audits.
    Maintain,
    /// Does nothing: measures the queue itself (`omniva bench jobs`).
    Noop,
}

impl JobKind {
    pub const ALL: [JobKind; 9] = [
        JobKind::Discover,
        JobKind::Scrape,
        JobKind::Analyze,
        JobKind::Edit,
        JobKind::Upload,
        JobKind::Schedule,
        JobKind::Measure,
        JobKind::Maintain,
        JobKind::Noop,
    ];
    pub fn as_str(self) -> &'static str {
        match self {
            JobKind::Discover => "discover",
            JobKind::Scrape => "scrape",
            JobKind::Analyze => "analyze",
            JobKind::Edit => "edit",
            JobKind::Upload => "upload",
            JobKind::Schedule => "schedule",
            JobKind::Measure => "measure",
            JobKind::Maintain => "maintain",
            JobKind::Noop => "noop",
        }
    }
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == text)
    }
    /// The steps that a job of this kind goes through while it runs (reference, Workers §3), in order.
    pub fn steps(self) -> &'static [&'static str] {
        match self {
            JobKind::Discover => &["INIT", "LIST", "SAVE"],
            JobKind::Scrape => &["INIT", "FETCH", "PARSE", "SAVE"],
            JobKind::Analyze => &["INIT", "TRANSCRIBE", "NLP_ANALYSIS", "CLIP_DETECTION", "SAVE"],
            JobKind::Edit => &["INIT", "CUT", "REFINE", "RENDER", "STORE"],
            JobKind::Upload => &["INIT", "AUTH", "UPLOAD", "VERIFY"],
            JobKind::Schedule => &["INIT", "CALCULATE", "COMMIT"],
            JobKind::Measure => &["INIT", "PULL", "LEARN"],
            JobKind::Maintain | JobKind::Noop => &["INIT"],
        }
    }
}

/// `PENDING → RUNNING → DONE | ERROR | CANCELLED | SKIPPED`, with `WAITING_RETRY` and `QUARANTINED` between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum JobState {
    Pending,
    Running,
    /// Failed or snoozed; becomes PENDING at `run_after`.
    WaitingRetry,
    Done,
    Error,
    Cancelled,
    /// Not done because there was nothing to do or its time had passed (TTL).
    Skipped,
    /// Taken out after repeated crashes; an operator may retry it.
    Quarantined,
}

impl JobState {
    pub const ALL: [JobState; 8] = [
        JobState::Pending,
        JobState::Running,
        JobState::WaitingRetry,
        JobState::Done,
        JobState::Error,
        JobState::Cancelled,
        JobState::Skipped,
        JobState::Quarantined,
    ];
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Pending => "PENDING",
            JobState::Running => "RUNNING",
            JobState::WaitingRetry => "WAITING_RETRY",
            JobState::Done => "DONE",
            JobState::Error => "ERROR",
            JobState::Cancelled => "CANCELLED",
            JobState::Skipped => "SKIPPED",
            JobState::Quarantined => "QUARANTINED",
        }
    }
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
    /// True when nothing more happens by itself.
    pub fn is_final(self) -> bool {
        matches!(self, JobState::Done | JobState::Error | JobState::Cancelled | JobState::Skipped)
    }
}

/// Priorities: 0..=1000, higher first. Lattice moves them while a job waits.
pub const PRIORITY_DEFAULT: i32 = 500;
pub const PRIORITY_HIGH: i32 = 800;
pub const PRIORITY_LOW: i32 = 200;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    pub id: JobId,
    pub kind: JobKind,
    pub project_id: Option<ProjectId>,
    /// What it works on.
    pub subject: Option<EntityRef>,
    /// No two jobs with the same key exist while neither is final; a database constraint holds that.
    pub unique_key: Option<String>,
    pub state: JobState,
    /// Where the stage's own machine is: one of [`JobKind::steps`].
    pub step: String,
    /// 0..1 within the whole job.
    pub progress: f64,
    pub priority: i32,
    /// Times it was started, given-back attempts excepted.
    pub attempt: u32,
    pub max_attempts: u32,
    /// Times its worker died under it; see [`JobState::Quarantined`].
    pub crashes: u32,
    pub snoozes: u32,
    /// Raised with every claim: a worker that holds an older one can never complete.
    pub fence: u64,
    pub worker: Option<String>,
    pub lease_until: Option<Moment>,
    pub run_after: Moment,
    /// Skipped when it has not started by then.
    pub expires_at: Option<Moment>,
    pub cancel_requested: bool,
    pub payload: Value,
    /// What a restart resumes from.
    pub checkpoint: Option<Value>,
    pub result: Option<Value>,
    /// Why it is where it is, when that is a failure.
    pub fault: Option<Fault>,
    pub trace_id: TraceId,
    pub meta_parents: Vec<PacketId>,
    pub created_at: Moment,
    pub started_at: Option<Moment>,
    pub ended_at: Option<Moment>,
    pub updated_at: Moment,
    pub version: i64,
}

/// What a worker says when it is through (ARCHITECTURE §6). An outcome, not an error: the machine decides what follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    Done {
        result: Value,
    },
    /// The attempt failed; whether and when it is tried again follows from the fault's class.
    Retry {
        fault: Fault,
    },
    /// Not now; does not count as an attempt.
    Snooze {
        until: Moment,
        why: String,
    },
    Cancel {
        why: String,
    },
    /// Failed for good, whatever the class.
    Discard {
        fault: Fault,
    },
    /// The engine is stopping; the attempt is given back.
    Interrupted {
        checkpoint: Option<Value>,
    },
    /// There is nothing to do.
    Skip {
        why: String,
    },
}

/// Everything that can happen to a job.
#[derive(Clone, Debug, PartialEq)]
pub enum JobEvent {
    Claimed {
        worker: String,
        lease: Duration,
    },
    /// Sign of life from the holder of `fence`.
    Progressed {
        fence: u64,
        step: String,
        progress: f64,
        checkpoint: Option<Value>,
        lease: Duration,
    },
    Finished {
        fence: u64,
        outcome: Outcome,
    },
    /// The process or actor that ran it is known to be dead.
    Crashed {
        fence: u64,
        fault: Fault,
    },
    LeaseExpired,
    /// `run_after` has come.
    Due,
    /// `expires_at` has passed before it started.
    Expired,
    CancelAsked {
        why: String,
    },
    /// An operator wants it again, from a final state or quarantine.
    RetryAsked,
    Reprioritised {
        priority: i32,
    },
    Quarantine {
        why: String,
    },
}
