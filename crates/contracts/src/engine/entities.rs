//! Rows of the store (reference, Data Models §3, and the tables that the engine adds). Every mutable row carries a
//! `version`: 1 when it is new, one more with every change; a change names the version that it follows.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    AnalysisId, ApiKeyId, ArtifactId, ClipId, CreatorId, EditJobId, JobId, JobKind, LogId, Moment, PacketId, Platform,
    PostId, ProjectId, ProjectSettings, RightsBasis, ScheduleId, SourceSpec, TraceId, UploadJobId, VideoId,
};
use crate::wire::PrivacyStatus;

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }
        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            pub fn as_str(self) -> &'static str { match self { $($name::$variant => $text),+ } }
            pub fn parse(text: &str) -> Option<Self> { match text { $($text => Some($name::$variant),)+ _ => None } }
        }
    };
}

states! { ProjectStatus { Running = "RUNNING", Paused = "PAUSED" } }
states! { CreatorStatus { Active = "ACTIVE", Paused = "PAUSED", Removed = "REMOVED" } }
states! {
    /// Where a clip is in the pipeline.
    ClipStatus {
        /// Looked at and not chosen; the reason is in its metadata.
        Rejected = "REJECTED",
        ReadyForEdit = "READY_FOR_EDIT",
        Editing = "EDITING",
        /// Rendered and checked.
        Ready = "READY",
        Scheduled = "SCHEDULED",
        Uploading = "UPLOADING",
        Published = "PUBLISHED",
        Failed = "FAILED",
    }
}
states! {
    /// Of edit jobs and upload jobs as the API shows them.
    WorkStatus {
        Queued = "QUEUED", Running = "RUNNING", Done = "DONE", Error = "ERROR", Cancelled = "CANCELLED",
        Scheduled = "SCHEDULED", Live = "LIVE",
        /// The platform may or may not have it; resolved by reading, never by sending again.
        Unconfirmed = "UNCONFIRMED",
    }
}
states! { ScheduleStatus { Pending = "PENDING", Confirmed = "CONFIRMED", Done = "DONE", Missed = "MISSED", Cancelled = "CANCELLED" } }
states! { ArtifactKind { Raw = "raw", Analysis = "analysis", Render = "render", Thumbnail = "thumbnail", Subtitles = "subtitles", Record = "record", Print = "print", Delivered = "delivered" } }
states! { LogLevel { Debug = "DEBUG", Info = "INFO", Warn = "WARN", Error = "ERROR" } }
states! { Role { Viewer = "viewer", Operator = "operator", Admin = "admin" } }
states! { QueueMode { Running = "running", Paused = "paused", Draining = "draining", Quarantined = "quarantined" } }
states! {
    /// What happens to a run of a cron entry that came while the engine was down.
    Misfire { Skip = "skip", RunOnce = "run_once" }
}

/// `name` is unique.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Project {
    pub project_id: ProjectId,
    pub name: String,
    pub description: String,
    pub status: ProjectStatus,
    pub settings: ProjectSettings,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

/// Unique on (`platform`, `username`); the username is stored normalised (no `@`, lower case).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Creator {
    pub creator_id: CreatorId,
    pub project_id: ProjectId,
    pub platform: Platform,
    pub username: String,
    pub profile_url: Option<String>,
    pub status: CreatorStatus,
    pub scrape_window_days: u32,
    pub rights: RightsBasis,
    pub source: Option<SourceSpec>,
    pub last_scraped_at: Option<Moment>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

/// Unique on (`creator_id`, `platform_post_id`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Post {
    pub post_id: PostId,
    pub creator_id: CreatorId,
    pub platform_post_id: String,
    pub url: String,
    pub posted_at: Option<Moment>,
    pub downloaded_at: Option<Moment>,
    pub raw_metadata: Value,
    pub version: i64,
}

/// Unique on `checksum` (SHA-256, hex).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Video {
    pub video_id: VideoId,
    pub post_id: PostId,
    pub project_id: ProjectId,
    /// `file://…` or the key in the asset store.
    pub file_path: String,
    pub title: String,
    pub duration_seconds: Option<f64>,
    pub resolution: Option<String>,
    pub bytes: u64,
    pub checksum: String,
    pub trace_id: TraceId,
    pub created_at: Moment,
    pub version: i64,
}

/// One of a video's analyses is active.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnalysisRow {
    pub analysis_id: AnalysisId,
    pub video_id: VideoId,
    pub transcript: String,
    pub keywords: Vec<String>,
    pub virality_score: f64,
    pub relevance_score: f64,
    /// Where the whole analysis lies, which models made it, why nothing was chosen (if so).
    pub raw_ai_output: Value,
    pub active: bool,
    pub created_at: Moment,
    pub version: i64,
}

/// A candidate that was looked at; one that was not chosen is REJECTED and keeps its reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clip {
    pub clip_id: ClipId,
    pub video_id: VideoId,
    pub project_id: ProjectId,
    pub start_time: f64,
    pub end_time: f64,
    pub confidence: f64,
    pub semantic_tags: Vec<String>,
    pub pantheon_votes: BTreeMap<String, f64>,
    pub lattice_priority: f64,
    pub status: ClipStatus,
    /// Title, reasons, scores, candidate id, topic, embedding of the text …
    pub metadata: Value,
    pub trace_id: TraceId,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditJobRow {
    pub edit_job_id: EditJobId,
    pub clip_id: ClipId,
    pub job_id: JobId,
    pub operations: Value,
    pub ffmpeg_commands: Vec<String>,
    pub gpu_required: bool,
    pub estimated_duration_seconds: Option<u32>,
    pub status: WorkStatus,
    pub created_at: Moment,
    pub version: i64,
}

/// Unique on (`clip_id`, `target`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UploadJobRow {
    pub upload_job_id: UploadJobId,
    pub clip_id: ClipId,
    pub project_id: ProjectId,
    pub job_id: Option<JobId>,
    /// `folder/PROJECT`, or a service and an account ([`super::row_target`]).
    pub target: String,
    pub title: String,
    pub description: String,
    pub keywords: Vec<String>,
    pub scheduled_time: Option<Moment>,
    pub privacy_status: PrivacyStatus,
    pub yt_video_id: Option<String>,
    /// What the target answered; for `folder`, where the files lie.
    pub response: Value,
    pub status: WorkStatus,
    pub created_at: Moment,
    pub version: i64,
}

/// `final_scheduled_time` is empty until Zenith commits. Unique on (`target`, `final_scheduled_time`): no double booking.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    pub schedule_id: ScheduleId,
    pub clip_id: ClipId,
    pub project_id: ProjectId,
    pub upload_job_id: Option<UploadJobId>,
    pub target: String,
    pub recommended_time: Option<Moment>,
    pub final_scheduled_time: Option<Moment>,
    /// Why it stands where it stands, as the scheduler said it, with what later plans need to know of the clip.
    pub horizon_adjustments: Value,
    pub status: ScheduleStatus,
    /// No plan and no hand moves it until it is unlocked.
    #[serde(default)]
    pub locked: bool,
    pub created_at: Moment,
    pub version: i64,
}

/// A file of the engine's own. Unique on `path`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    pub artifact_id: ArtifactId,
    pub kind: ArtifactKind,
    /// Key in the asset store; never made from a title.
    pub path: String,
    pub sha256: String,
    pub bytes: u64,
    pub project_id: Option<ProjectId>,
    pub video_id: Option<VideoId>,
    pub clip_id: Option<ClipId>,
    /// Raw material of a clip that was promoted is kept.
    pub promoted: bool,
    pub keep_until: Option<Moment>,
    pub removed_at: Option<Moment>,
    pub created_at: Moment,
    pub version: i64,
}

/// How a queue is run; changes at run time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QueueControl {
    pub queue: JobKind,
    pub mode: QueueMode,
    /// Jobs at the same time.
    pub limit: u32,
    /// 0..1: Zenith's back-pressure; new work upstream is let in at this rate.
    pub intake: f64,
    pub reason: String,
    pub version: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CronEntry {
    pub name: String,
    pub every_seconds: u64,
    pub misfire: Misfire,
    pub next_at: Moment,
    pub last_at: Option<Moment>,
    pub version: i64,
}

/// Only the hash of a key is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    pub api_key_id: ApiKeyId,
    pub name: String,
    pub role: Role,
    /// SHA-256 of the key, hex.
    pub hash: String,
    pub created_at: Moment,
    pub expires_at: Option<Moment>,
    pub revoked_at: Option<Moment>,
    pub last_used_at: Option<Moment>,
    pub version: i64,
}

/// The saved answer to a creating request; the same key and body get it again, another body is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdempotentAnswer {
    /// `<api key id or loopback>:<method> <path>:<Idempotency-Key>`, hashed.
    pub key: String,
    /// SHA-256 of the request's body, hex.
    pub body_hash: String,
    pub status: u16,
    pub answer: Value,
    pub created_at: Moment,
    pub expires_at: Moment,
}

/// Who asked for what, and what was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRow {
    pub request_id: super::RequestId,
    /// `loopback`, or the key's id.
    pub actor: String,
    pub role: Role,
    pub method: String,
    pub path: String,
    pub status: u16,
    pub packet_id: Option<PacketId>,
    pub at: Moment,
}

/// Named values of the engine itself: settings that operators change, marks of maintenance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    pub name: String,
    pub value: Value,
    pub updated_at: Moment,
    pub version: i64,
}

/// Telemetry, not state: written by the log writer, outside Zenith's authority.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogRow {
    pub log_id: LogId,
    /// `scraper_worker`, `zenith` …
    pub source: String,
    pub level: LogLevel,
    pub message: String,
    pub project_id: Option<ProjectId>,
    pub job_id: Option<JobId>,
    pub trace_id: Option<TraceId>,
    pub stage: Option<String>,
    pub metadata: Value,
    pub created_at: Moment,
}
