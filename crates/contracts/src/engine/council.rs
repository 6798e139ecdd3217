//! Deliberation: what the modules say, what Zenith rules, and what it orders (ARCHITECTURE §4).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DirectiveId, EntityRef, JobId, JobKind, Moment, PacketId, ProjectId, TraceId};
pub use crate::choice::Module;

/// What is being decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// A new item was found: take it?
    Ingest,
    /// A candidate was chosen within its video: make a clip of it?
    Select,
    /// A clip is due for rendering.
    Edit,
    /// A clip is rendered and checked: publish it?
    Upload,
    /// When?
    Schedule,
    /// Something failed: what now?
    Recover,
}

impl Question {
    pub fn as_str(self) -> &'static str {
        match self {
            Question::Ingest => "ingest",
            Question::Select => "select",
            Question::Edit => "edit",
            Question::Upload => "upload",
            Question::Schedule => "schedule",
            Question::Recover => "recover",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stance {
    /// For it; the score says how much.
    Support,
    /// Nothing to say.
    Neutral,
    /// Against it, not forbidding.
    Oppose,
    /// Not now.
    Hold,
    /// Must not happen.
    Block,
    /// Must not happen, and the subject is taken out until a person looks.
    Quarantine,
}

/// One module's word in one deliberation. Advisory only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Advisory {
    pub module: Module,
    pub question: Question,
    pub subject: EntityRef,
    pub stance: Stance,
    /// 0..1: how good or how urgent, in the module's own terms.
    pub score: f64,
    /// 0..1
    pub confidence: f64,
    /// Packets that it rests on.
    pub evidence: Vec<PacketId>,
    /// One sentence for people.
    pub rationale: String,
    /// Machine-readable: conflicting ids, votes, delay, `goal_window`, `routing_sequence` …
    pub detail: Value,
}

/// Who had the last word (precedence, highest first; the order is data in `config/engine.toml`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precedence {
    OperatorOverride,
    ParadoxBlock,
    EclipseQuarantine,
    QuotaAndRights,
    Council,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    Approve {
        /// 0..=1000
        priority: i32,
    },
    Reject {
        /// Stable: `duplicate`, `quota_reached`, `rights_unknown`, `outvoted`, `operator` …
        code: String,
    },
    Defer {
        until: Moment,
    },
    Quarantine {
        code: String,
    },
}

/// What Zenith decided, with everything it rested on: the same inputs give the same ruling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ruling {
    pub question: Question,
    pub subject: EntityRef,
    pub decision: Decision,
    pub by: Precedence,
    pub why: String,
    /// 0..1: agreement of the advisories that were given.
    pub coherence: f64,
    pub advisories: Vec<Advisory>,
    /// Modules that were asked and gave no answer in time.
    pub missing: Vec<Module>,
    pub rollback: String,
}

/// What an operator imposes. Goes through Zenith like everything and wins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Override {
    pub question: Question,
    pub subject: EntityRef,
    pub approve: bool,
    pub reason: String,
    pub operator: String,
}

/// An order to the operational layer that is not simply a job row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    StartProject {
        project_id: ProjectId,
    },
    StopProject {
        project_id: ProjectId,
    },
    CancelJob {
        job_id: JobId,
    },
    PauseQueue {
        queue: JobKind,
    },
    ResumeQueue {
        queue: JobKind,
    },
    /// No new claims; ends paused when what runs is through.
    DrainQueue {
        queue: JobKind,
    },
    ScaleQueue {
        queue: JobKind,
        limit: u32,
    },
    /// Eclipse, smallest first: one actor, one group of actors, the whole tree.
    SoftRebuild {
        actor: String,
    },
    SubsystemReset {
        group: String,
    },
    FullReboot,
    /// The worker pool stops claiming until released.
    QuarantineWorker {
        queue: JobKind,
        why: String,
    },
    ReleaseWorker {
        queue: JobKind,
    },
    SlowUpstream {
        queue: JobKind,
        factor: f64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DirectiveState {
    Pending,
    Dispatched,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionSource {
    Zenith,
    OperatorOverride,
    Automation,
}

/// An [`Order`] with its evidence; written with the state change that it follows from, dispatched after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Directive {
    pub directive_id: DirectiveId,
    #[serde(flatten)]
    pub order: Order,
    pub state: DirectiveState,
    pub source: DecisionSource,
    pub reason: String,
    pub evidence: Vec<PacketId>,
    pub rollback: String,
    pub trace_id: TraceId,
    pub created_at: Moment,
    pub dispatched_at: Option<Moment>,
    pub version: i64,
}
