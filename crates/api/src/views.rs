//! `data` of answers.

use std::collections::BTreeMap;

use omniva_contracts::engine::*;
use omniva_contracts::fault::Fault;
use omniva_ledger::hex;
use omniva_store::{Listed, Page, ProjectCounts};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

#[derive(Serialize, JsonSchema)]
pub struct Pagination {
    pub limit: u64,
    pub offset: u64,
    /// On all pages.
    pub total: u64,
}

#[derive(Serialize, JsonSchema)]
pub struct Items<T> {
    pub items: Vec<T>,
    pub pagination: Pagination,
}

impl<T> Items<T> {
    pub fn of<R>(listed: Listed<R>, page: Page, view: impl Fn(R) -> T) -> Self {
        Self {
            items: listed.items.into_iter().map(view).collect(),
            pagination: Pagination { limit: page.limit, offset: page.offset, total: listed.total },
        }
    }
}

/// A list that is short by nature.
#[derive(Serialize, JsonSchema)]
pub struct All<T> {
    pub items: Vec<T>,
}

#[derive(Serialize, JsonSchema)]
pub struct ProjectItem {
    pub project_id: ProjectId,
    pub name: String,
    pub status: ProjectStatus,
    pub videos_scraped: u64,
    pub clips_ready: u64,
    pub created_at: Moment,
}

#[derive(Serialize, JsonSchema)]
pub struct ProjectCreated {
    pub project_id: ProjectId,
    pub status: ProjectStatus,
    pub created_at: Moment,
}

#[derive(Serialize, JsonSchema)]
pub struct ProjectStats {
    pub creators: u64,
    pub videos_scraped: u64,
    pub clips_in_pipeline: u64,
    pub clips_ready: u64,
    pub uploads_pending: u64,
    pub published_today: u64,
}

#[derive(Serialize, JsonSchema)]
pub struct ProjectView {
    pub project_id: ProjectId,
    pub name: String,
    pub description: String,
    pub status: ProjectStatus,
    pub settings: ProjectSettings,
    pub stats: ProjectStats,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl ProjectView {
    pub fn of(p: Project, c: ProjectCounts) -> Self {
        Self {
            project_id: p.project_id,
            name: p.name,
            description: p.description,
            status: p.status,
            settings: p.settings,
            stats: ProjectStats {
                creators: c.creators,
                videos_scraped: c.videos_scraped,
                clips_in_pipeline: c.clips_in_pipeline,
                clips_ready: c.clips_ready,
                uploads_pending: c.uploads_pending,
                published_today: c.published_today,
            },
            created_at: p.created_at,
            updated_at: p.updated_at,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct ProjectUpdated {
    pub project_id: ProjectId,
    pub name: String,
    pub description: String,
    pub status: ProjectStatus,
    pub settings: ProjectSettings,
    pub updated_at: Moment,
}

#[derive(Serialize, JsonSchema)]
pub struct Requested {
    pub message: String,
    pub requested_at: Moment,
}

#[derive(Serialize, JsonSchema)]
pub struct CreatorAdded {
    pub creator_id: CreatorId,
    pub platform: Platform,
    pub status: CreatorStatus,
}

#[derive(Serialize, JsonSchema)]
pub struct CreatorItem {
    pub creator_id: CreatorId,
    pub project_id: ProjectId,
    pub platform: Platform,
    /// With `@`.
    pub handle: String,
    pub profile_url: Option<String>,
    pub status: CreatorStatus,
    pub scrape_window_days: u32,
    pub rights: RightsBasis,
    pub source: Option<SourceSpec>,
    pub last_scraped_at: Option<Moment>,
    pub created_at: Moment,
}

impl From<Creator> for CreatorItem {
    fn from(c: Creator) -> Self {
        Self {
            creator_id: c.creator_id,
            project_id: c.project_id,
            platform: c.platform,
            handle: format!("@{}", c.username),
            profile_url: c.profile_url,
            status: c.status,
            scrape_window_days: c.scrape_window_days,
            rights: c.rights,
            source: c.source,
            last_scraped_at: c.last_scraped_at,
            created_at: c.created_at,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct CreatorUpdated {
    pub creator_id: CreatorId,
    pub project_id: ProjectId,
    pub platform: Platform,
    pub handle: String,
    pub status: CreatorStatus,
    pub rights: RightsBasis,
    pub scrape_window_days: u32,
    pub source: Option<SourceSpec>,
    pub updated_at: Moment,
}

#[derive(Serialize, JsonSchema)]
pub struct ScrapeQueued {
    /// The first of `job_ids`.
    pub job_id: JobId,
    /// One a creator.
    pub job_ids: Vec<JobId>,
    pub queued_creators: u64,
    /// Creators that were being looked at already.
    pub already_queued: u64,
    #[schemars(extend("const" = "QUEUED"))]
    pub status: String,
}

#[derive(Serialize, JsonSchema)]
pub struct ScrapeJobView {
    pub job_id: JobId,
    pub creator_id: Option<CreatorId>,
    pub status: String,
    /// Items that were new.
    pub items_found: u64,
    pub videos_downloaded: u64,
    pub started_at: Option<Moment>,
    pub completed_at: Option<Moment>,
    pub error: Option<Fault>,
}

#[derive(Serialize, JsonSchema)]
pub struct ScrapeStatus {
    pub jobs: Vec<ScrapeJobView>,
}

#[derive(Serialize, JsonSchema)]
pub struct CandidateView {
    pub clip_id: ClipId,
    pub start_time: f64,
    pub end_time: f64,
    pub confidence: f64,
    pub status: ClipStatus,
}

#[derive(Serialize, JsonSchema)]
pub struct AnalysisItem {
    pub analysis_id: AnalysisId,
    pub video_id: VideoId,
    pub virality_score: f64,
    pub relevance_score: f64,
    pub keywords: Vec<String>,
    /// Best first, at most 50.
    pub clip_candidates: Vec<CandidateView>,
    /// Why nothing was chosen, if so.
    pub why_none: Option<String>,
    pub created_at: Moment,
}

#[derive(Serialize, JsonSchema)]
pub struct VideoView {
    pub video_id: VideoId,
    pub project_id: ProjectId,
    pub post_id: PostId,
    pub title: String,
    pub duration_seconds: Option<f64>,
    pub resolution: Option<String>,
    pub bytes: u64,
    pub checksum: String,
    pub trace_id: TraceId,
    pub created_at: Moment,
}

impl From<Video> for VideoView {
    fn from(v: Video) -> Self {
        Self {
            video_id: v.video_id,
            project_id: v.project_id,
            post_id: v.post_id,
            title: v.title,
            duration_seconds: v.duration_seconds,
            resolution: v.resolution,
            bytes: v.bytes,
            checksum: v.checksum,
            trace_id: v.trace_id,
            created_at: v.created_at,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct ClipItem {
    pub clip_id: ClipId,
    pub video_id: VideoId,
    pub status: ClipStatus,
    pub start_time: f64,
    pub end_time: f64,
    pub confidence: f64,
    pub title: Option<String>,
    pub semantic_tags: Vec<String>,
    pub pantheon_votes: BTreeMap<String, f64>,
    pub created_at: Moment,
}

fn text_of(metadata: &Value, key: &str) -> Option<String> {
    metadata.get(key).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned)
}

impl From<Clip> for ClipItem {
    fn from(c: Clip) -> Self {
        Self {
            clip_id: c.clip_id,
            video_id: c.video_id,
            status: c.status,
            start_time: c.start_time,
            end_time: c.end_time,
            confidence: c.confidence,
            title: text_of(&c.metadata, "title"),
            semantic_tags: c.semantic_tags,
            pantheon_votes: c.pantheon_votes,
            created_at: c.created_at,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct ClipMetadata {
    pub start_time: f64,
    pub end_time: f64,
    pub confidence: f64,
    pub semantic_tags: Vec<String>,
    pub pantheon_votes: BTreeMap<String, f64>,
    pub lattice_priority: f64,
    pub title: Option<String>,
    /// Why it was chosen, or why not.
    pub reason: Option<String>,
    pub rejected_by: Option<String>,
    pub rejected_code: Option<String>,
    pub topic: Option<String>,
    pub keywords: Vec<String>,
    /// What is said in it.
    pub text: Option<String>,
}

impl ClipMetadata {
    pub fn of(c: &Clip) -> Self {
        let m = &c.metadata;
        let keywords = m.get("keywords").and_then(Value::as_array).into_iter().flatten();
        Self {
            start_time: c.start_time,
            end_time: c.end_time,
            confidence: c.confidence,
            semantic_tags: c.semantic_tags.clone(),
            pantheon_votes: c.pantheon_votes.clone(),
            lattice_priority: c.lattice_priority,
            title: text_of(m, "title"),
            reason: text_of(m, "reason"),
            rejected_by: text_of(m, "rejected_by"),
            rejected_code: text_of(m, "rejected_code"),
            topic: text_of(m, "topic"),
            keywords: keywords.filter_map(Value::as_str).map(str::to_owned).collect(),
            text: text_of(m, "text"),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct EditJobView {
    pub edit_job_id: EditJobId,
    pub job_id: JobId,
    pub status: WorkStatus,
    pub operations: Value,
    pub created_at: Moment,
}

impl From<EditJobRow> for EditJobView {
    fn from(e: EditJobRow) -> Self {
        Self {
            edit_job_id: e.edit_job_id,
            job_id: e.job_id,
            status: e.status,
            operations: e.operations,
            created_at: e.created_at,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct UploadItem {
    pub upload_job_id: UploadJobId,
    pub clip_id: ClipId,
    pub status: WorkStatus,
    /// `folder`, or a platform's name.
    pub target: String,
    pub title: String,
    pub yt_video_id: Option<String>,
    pub scheduled_time: Option<Moment>,
    /// What the target answered; for `folder`, where the files lie.
    pub response: Value,
    pub created_at: Moment,
}

impl From<UploadJobRow> for UploadItem {
    fn from(u: UploadJobRow) -> Self {
        Self {
            upload_job_id: u.upload_job_id,
            clip_id: u.clip_id,
            status: u.status,
            target: u.target,
            title: u.title,
            yt_video_id: u.yt_video_id,
            scheduled_time: u.scheduled_time,
            response: u.response,
            created_at: u.created_at,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct ClipView {
    pub clip_id: ClipId,
    pub project_id: ProjectId,
    pub video_id: VideoId,
    pub status: ClipStatus,
    pub trace_id: TraceId,
    pub metadata: ClipMetadata,
    /// The newest.
    pub edit_job: Option<EditJobView>,
    /// The newest.
    pub upload_job: Option<UploadItem>,
    pub created_at: Moment,
    pub updated_at: Moment,
}

#[derive(Serialize, JsonSchema)]
pub struct EditQueued {
    pub edit_job_id: EditJobId,
    pub status: WorkStatus,
    pub clip_id: ClipId,
}

#[derive(Serialize, JsonSchema)]
pub struct UploadQueued {
    pub upload_job_id: UploadJobId,
    /// SCHEDULED when it has its time already.
    pub status: WorkStatus,
    pub clip_id: ClipId,
}

#[derive(Serialize, JsonSchema)]
pub struct Rescheduled {
    pub jobs_considered: u64,
    pub updated: u64,
    #[schemars(extend("const" = "QUEUED"))]
    pub status: String,
}

#[derive(Serialize, JsonSchema)]
pub struct ScheduleItem {
    pub schedule_id: ScheduleId,
    pub clip_id: ClipId,
    pub upload_job_id: Option<UploadJobId>,
    pub target: String,
    pub recommended_time: Option<Moment>,
    pub final_time: Option<Moment>,
    pub status: ScheduleStatus,
}

impl From<Schedule> for ScheduleItem {
    fn from(s: Schedule) -> Self {
        Self {
            schedule_id: s.schedule_id,
            clip_id: s.clip_id,
            upload_job_id: s.upload_job_id,
            target: s.target,
            recommended_time: s.recommended_time,
            final_time: s.final_scheduled_time,
            status: s.status,
        }
    }
}

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

/// QUEUED for PENDING.
pub fn shown(state: JobState) -> &'static str {
    if state == JobState::Pending { "QUEUED" } else { state.as_str() }
}

#[derive(Serialize, JsonSchema)]
pub struct JobItem {
    pub job_id: JobId,
    pub kind: JobKind,
    pub project_id: Option<ProjectId>,
    pub subject: Option<EntityRef>,
    /// QUEUED, RUNNING, WAITING_RETRY, DONE, ERROR, CANCELLED, SKIPPED, QUARANTINED
    pub status: String,
    pub step: String,
    /// 0..1
    pub progress: f64,
    pub priority: i32,
    pub attempt: u32,
    pub max_attempts: u32,
    pub cancel_requested: bool,
    pub worker: Option<String>,
    pub run_after: Moment,
    pub error: Option<Fault>,
    pub trace_id: TraceId,
    pub created_at: Moment,
    pub started_at: Option<Moment>,
    pub completed_at: Option<Moment>,
    pub updated_at: Moment,
}

impl From<Job> for JobItem {
    fn from(j: Job) -> Self {
        Self {
            job_id: j.id,
            kind: j.kind,
            project_id: j.project_id,
            subject: j.subject,
            status: shown(j.state).to_owned(),
            step: j.step,
            progress: j.progress,
            priority: j.priority,
            attempt: j.attempt,
            max_attempts: j.max_attempts,
            cancel_requested: j.cancel_requested,
            worker: j.worker,
            run_after: j.run_after,
            error: j.fault,
            trace_id: j.trace_id,
            created_at: j.created_at,
            started_at: j.started_at,
            completed_at: j.ended_at,
            updated_at: j.updated_at,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct JobView {
    #[serde(flatten)]
    pub job: JobItem,
    pub unique_key: Option<String>,
    pub crashes: u32,
    pub snoozes: u32,
    pub expires_at: Option<Moment>,
    pub lease_until: Option<Moment>,
    pub payload: Value,
    pub checkpoint: Option<Value>,
    pub result: Option<Value>,
}

impl From<Job> for JobView {
    fn from(mut j: Job) -> Self {
        Self {
            unique_key: j.unique_key.take(),
            crashes: j.crashes,
            snoozes: j.snoozes,
            expires_at: j.expires_at,
            lease_until: j.lease_until,
            payload: std::mem::take(&mut j.payload),
            checkpoint: j.checkpoint.take(),
            result: j.result.take(),
            job: j.into(),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct JobMoved {
    pub job_id: JobId,
    pub status: String,
    pub priority: i32,
    pub attempt: u32,
    pub cancel_requested: bool,
    pub updated_at: Moment,
}

#[derive(Serialize, JsonSchema)]
pub struct NoopsQueued {
    pub queued: u64,
    pub asked: u64,
    #[schemars(extend("const" = "QUEUED"))]
    pub status: String,
}

#[derive(Serialize, JsonSchema)]
pub struct QueueView {
    pub queue: JobKind,
    pub mode: QueueMode,
    /// Jobs at the same time; `null` while the engine's own setting counts.
    pub limit: Option<u32>,
    /// 0..1: rate at which new work is let in.
    pub intake: f64,
    pub reason: String,
    pub ready: u64,
    pub waiting: u64,
    pub running: u64,
    pub quarantined: u64,
    pub oldest_ready: Option<Moment>,
}

#[derive(Serialize, JsonSchema)]
pub struct QueueChanged {
    pub queue: JobKind,
    pub mode: QueueMode,
    pub limit: u32,
    pub intake: f64,
    pub reason: String,
    pub requested_at: Moment,
}

#[derive(Serialize, JsonSchema)]
pub struct DirectiveGiven {
    pub directive_id: DirectiveId,
    pub state: DirectiveState,
    pub order: Order,
    pub reason: String,
    pub requested_at: Moment,
}

#[derive(Serialize, JsonSchema)]
pub struct DirectiveView {
    pub directive_id: DirectiveId,
    pub order: Order,
    pub state: DirectiveState,
    pub source: DecisionSource,
    pub reason: String,
    pub evidence: Vec<PacketId>,
    pub rollback: String,
    pub trace_id: TraceId,
    pub created_at: Moment,
    pub dispatched_at: Option<Moment>,
}

impl From<Directive> for DirectiveView {
    fn from(d: Directive) -> Self {
        Self {
            directive_id: d.directive_id,
            order: d.order,
            state: d.state,
            source: d.source,
            reason: d.reason,
            evidence: d.evidence,
            rollback: d.rollback,
            trace_id: d.trace_id,
            created_at: d.created_at,
            dispatched_at: d.dispatched_at,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct OverrideView {
    pub packet_id: PacketId,
    pub question: Question,
    pub subject: EntityRef,
    pub approve: bool,
    pub reason: String,
    pub operator: String,
    pub imposed_at: Moment,
}

/// A packet at its place.
#[derive(Serialize, JsonSchema)]
pub struct PacketView {
    pub seq: u64,
    /// RFC 6962 leaf hash over the canonical JSON (RFC 8785) of the packet without `seq` and `hash`, hex.
    pub hash: String,
    #[serde(flatten)]
    pub packet: PacketDraft,
}

impl From<Packet> for PacketView {
    fn from(p: Packet) -> Self {
        Self { seq: p.seq, hash: hex::write(&p.hash), packet: p.draft }
    }
}

/// Packets in the order of the ledger.
#[derive(Serialize, JsonSchema)]
pub struct PacketList {
    pub items: Vec<PacketView>,
    /// `from_seq` of the next page; `null` at the end.
    pub next_seq: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
pub struct HeadView {
    /// Names the ledger.
    pub origin: uuid::Uuid,
    /// Packets in it.
    pub size: u64,
    /// Merkle root (RFC 6962), hex.
    pub root: String,
}

#[derive(Serialize, JsonSchema)]
pub struct PacketEdge {
    /// Cause.
    pub from: PacketId,
    /// What followed from it.
    pub to: PacketId,
}

/// Causes and effects among packets.
#[derive(Serialize, JsonSchema)]
pub struct PacketGraph {
    pub root: PacketId,
    /// In the order of the ledger.
    pub nodes: Vec<PacketView>,
    pub edges: Vec<PacketEdge>,
    /// Parents that are not in the ledger.
    pub missing: Vec<PacketId>,
    /// The graph goes on beyond the limit.
    pub truncated: bool,
}

#[derive(Serialize, JsonSchema)]
pub struct KeyView {
    pub api_key_id: ApiKeyId,
    pub name: String,
    pub role: Role,
    pub created_at: Moment,
    pub expires_at: Option<Moment>,
    pub revoked_at: Option<Moment>,
}

impl From<ApiKey> for KeyView {
    fn from(k: ApiKey) -> Self {
        Self {
            api_key_id: k.api_key_id,
            name: k.name,
            role: k.role,
            created_at: k.created_at,
            expires_at: k.expires_at,
            revoked_at: k.revoked_at,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct KeyCreated {
    pub api_key_id: ApiKeyId,
    pub name: String,
    pub role: Role,
    pub created_at: Moment,
    pub expires_at: Option<Moment>,
    /// Shown this once; `null` when the answer is repeated for an Idempotency-Key.
    pub key: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct KeyRevoked {
    pub api_key_id: ApiKeyId,
    pub name: String,
    pub role: Role,
    pub revoked_at: Moment,
}

#[derive(Serialize, JsonSchema)]
pub struct AuditItem {
    pub request_id: RequestId,
    /// `loopback`, or the id of a key.
    pub actor: String,
    pub role: Role,
    pub method: String,
    pub path: String,
    pub status: u16,
    pub packet_id: Option<PacketId>,
    pub at: Moment,
}

impl From<AuditRow> for AuditItem {
    fn from(a: AuditRow) -> Self {
        Self {
            request_id: a.request_id,
            actor: a.actor,
            role: a.role,
            method: a.method,
            path: a.path,
            status: a.status,
            packet_id: a.packet_id,
            at: a.at,
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
