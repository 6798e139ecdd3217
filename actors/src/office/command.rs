//! Commands, who gives them, and what comes back.

use async_trait::async_trait;
use omniva_contracts::engine::*;
use omniva_contracts::wire::PrivacyStatus;
use serde_json::Value;

pub use crate::slots::LimitView;

#[derive(Clone, Debug, PartialEq)]
pub enum QueueCommand {
    Pause,
    Resume,
    Drain,
    /// Jobs at the same time.
    Scale(u32),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    CreateProject {
        name: String,
        description: String,
        settings: ProjectSettings,
    },
    UpdateProject {
        project: ProjectId,
        description: Option<String>,
        settings: Option<ProjectSettings>,
    },
    StartProject {
        project: ProjectId,
        reason: String,
    },
    StopProject {
        project: ProjectId,
        reason: String,
    },
    AddCreator {
        project: ProjectId,
        platform: Platform,
        handle: String,
        profile_url: Option<String>,
        scrape_window_days: Option<u32>,
        rights: RightsBasis,
        source: Option<SourceSpec>,
    },
    UpdateCreator {
        creator: CreatorId,
        status: Option<CreatorStatus>,
        scrape_window_days: Option<u32>,
        rights: Option<RightsBasis>,
        source: Option<SourceSpec>,
    },
    RemoveCreator {
        creator: CreatorId,
    },
    /// `creators` empty: all active ones.
    Scrape {
        project: ProjectId,
        creators: Vec<CreatorId>,
        since: Option<Moment>,
        until: Option<Moment>,
        force: bool,
    },
    EditClip {
        clip: ClipId,
        operations: Vec<String>,
        priority: Option<i32>,
        gpu_required: bool,
    },
    UploadClip {
        clip: ClipId,
        title: Option<String>,
        description: Option<String>,
        keywords: Option<Vec<String>>,
        scheduled_time: Option<Moment>,
        privacy_status: Option<PrivacyStatus>,
        /// One of the project's channels, or any other place; the first channel when left out.
        target: Option<String>,
    },
    Reschedule {
        project: ProjectId,
        reason: String,
        target_day: Option<String>,
    },
    /// All open places of a project that are not locked.
    Recalculate {
        project: ProjectId,
        reason: String,
        /// Only says what would change.
        dry_run: bool,
    },
    MoveSchedule {
        schedule: ScheduleId,
        at: Moment,
        reason: String,
    },
    /// Locks, or unlocks.
    LockSchedule {
        schedule: ScheduleId,
        locked: bool,
        reason: String,
    },
    /// Reads the figures of posts now, and learns from them.
    PullEngagement,
    /// Figures of posts on one channel, from a file (CSV).
    ImportEngagement {
        channel: String,
        /// For a folder: whose.
        project: Option<ProjectId>,
        csv: String,
    },
    RetryJob {
        job: JobId,
    },
    CancelJob {
        job: JobId,
        reason: String,
    },
    PrioritiseJob {
        job: JobId,
        priority: i32,
    },
    ControlQueue {
        queue: JobKind,
        command: QueueCommand,
        reason: String,
    },
    Impose(Override),
    /// Eclipse's measures by hand, and other orders.
    Order {
        order: Order,
        reason: String,
    },
    CreateKey {
        name: String,
        role: Role,
        expires_at: Option<Moment>,
        hash: String,
    },
    RevokeKey {
        key: ApiKeyId,
    },
    /// Jobs that do nothing, for measuring. A key whose job is not final yet makes no second one.
    EnqueueNoop {
        count: u32,
        unique_keys: Vec<String>,
    },
    /// Requests that changed nothing (reads, refusals), written down in one go.
    RecordRequests {
        notes: Vec<RequestNote>,
    },
}

/// One request that changed nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestNote {
    pub request_id: RequestId,
    pub actor: String,
    pub role: Option<Role>,
    pub method: String,
    /// The route's template, or the path cut short where there is no such route.
    pub path: String,
    pub status: u16,
    /// The code of a refusal.
    pub code: Option<String>,
    pub at: Moment,
    /// Refused changes get a row of the audit as well.
    pub audit: bool,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// `loopback`, `cli`, or the id of an API key.
    pub name: String,
    pub role: Role,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub command: Command,
    pub caller: Caller,
    pub request_id: RequestId,
    pub trace_id: TraceId,
    pub method: String,
    pub path: String,
    /// (key as stored, SHA-256 of the body): the answer is kept with the change.
    pub idempotency: Option<(String, String)>,
}

/// A command that was carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Granted {
    /// HTTP status: 200, 201 or 202.
    pub status: u16,
    /// The `data` of the answer.
    pub data: Value,
    /// The packet that records it.
    pub packet: Option<PacketId>,
    /// The saved answer of an earlier request with the same Idempotency-Key: nothing was done now.
    pub replayed: bool,
}

/// A command that was not: the codes of the Endpoints Reference (`PROJECT_EXISTS`, `CLIP_NOT_FOUND` …).
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
    /// Fields at fault, with what is wrong.
    pub fields: Vec<(String, String)>,
    /// Seconds, for 429 and 503.
    pub retry_after: Option<u64>,
}

impl Command {
    /// Whether it gives out times: those are given out one after the other.
    pub fn books(&self) -> bool {
        matches!(self, Self::Recalculate { .. } | Self::MoveSchedule { .. } | Self::UploadClip { .. })
    }
}

impl Refusal {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), fields: Vec::new(), retry_after: None }
    }
    pub fn field(mut self, name: impl Into<String>, wrong: impl Into<String>) -> Self {
        self.fields.push((name.into(), wrong.into()));
        self
    }
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

/// One actor of the living tree (`GET /v1/system/actors`).
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ActorView {
    pub name: String,
    pub parent: Option<String>,
    /// `starting`, `running`, `backing_off`, `stopped`, `escalated`
    pub state: String,
    pub generation: u64,
    pub restarts: u64,
    pub mailbox: u64,
    pub last_progress: Option<Moment>,
    /// The last failure, if any.
    pub last_failure: Option<String>,
}

/// The engine as the API and the command line see it.
#[async_trait]
pub trait Office: Send + Sync {
    async fn ask(&self, asked: Asked) -> Result<Granted, Refusal>;
    async fn actors(&self) -> Result<Vec<ActorView>, Refusal>;
    /// What the platforms' limits leave, account by account.
    async fn limits(&self) -> Result<Vec<LimitView>, Refusal>;
    /// What was learnt from what posts achieved, channel by channel.
    async fn learning(&self) -> Result<LearningOverview, Refusal>;
    /// Places of packets as they are committed (the last one of each group); a slow listener misses some and reads on
    /// from its own place.
    fn committed(&self) -> tokio::sync::watch::Receiver<u64>;
    /// False while the engine is starting, stopping, or its store does not answer; with the parts that are not well.
    async fn readiness(&self) -> Vec<(String, Option<String>)>;
}
