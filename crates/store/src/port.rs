//! What the engine asks of a store. Reading is for everyone; writing needs a [`Sealed`] commit, and only the holder of the
//! one [`Mandate`] can seal: Zenith. A worker or a module cannot write state, because it cannot make the value that a
//! write takes.

use std::collections::BTreeMap;

use async_trait::async_trait;
use omniva_contracts::engine::*;
use omniva_ledger::{Content, Entry, Examined, examine};
use serde::{Deserialize, Serialize};

/// The authority over state. Made once for each opened store, and neither clonable nor constructible elsewhere.
pub struct Mandate(pub(crate) ());

/// A commit that Zenith stands behind.
pub struct Sealed(pub(crate) Commit);

impl Mandate {
    pub fn seal(&self, commit: Commit) -> Sealed {
        Sealed(commit)
    }
}

impl Sealed {
    pub fn commit(&self) -> &Commit {
        &self.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub limit: u64,
    pub offset: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Listed<T> {
    pub items: Vec<T>,
    /// Rows that match, on all pages.
    pub total: u64,
}

/// The store itself failed: nothing of the batch is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Locked, no connection: trying again may help.
    Unavailable,
    ReadOnly,
    NoSpace,
    /// Written by a newer version.
    Newer,
    Corrupt,
    /// Another engine works on it.
    InUse,
    /// A statement of ours is wrong, or a row that no store can hold (a number that is not finite, a NUL in a text).
    Bug,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the store failed ({trouble:?}): {message}")]
pub struct StoreFault {
    pub trouble: Trouble,
    pub message: String,
}

impl StoreFault {
    pub fn new(trouble: Trouble, message: impl Into<String>) -> Self {
        Self { trouble, message: message.into() }
    }
}

/// Why one commit was not written; the others of its batch were.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    #[error("{} {key} changed meanwhile", table.as_str())]
    Stale { table: Table, key: String },
    /// A unique key is taken; `key` is that of the new row.
    #[error("{} {key} exists already", table.as_str())]
    Duplicate { table: Table, key: String },
    #[error("{} {key} points at a row that is not there", table.as_str())]
    Dangling { table: Table, key: String },
    #[error(transparent)]
    Store(#[from] StoreFault),
}

/// What a written commit became.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Receipt {
    /// Place of each packet in the ledger, in the order of the commit.
    pub seqs: Vec<u64>,
}

/// The write side. One per store; the store-writer actor owns it.
#[async_trait]
pub trait Writer: Send {
    /// Writes every commit that can be written, all in one durable transaction: the answers come in order. Packets get
    /// their places in the ledger here, without gaps, and only for commits that are written.
    ///
    /// The result is that of writing the commits one after the other. What a row was made with never changes: an update
    /// leaves a job's kind, project, subject, trace and `created_at` as they are.
    ///
    /// Errors: the store as a whole failed and nothing was written; the batch may be tried again as it is.
    async fn write(&mut self, batch: &[Sealed]) -> Result<Vec<Result<Receipt, Refused>>, StoreFault>;
    /// Log rows are telemetry: appended without a commit, apart from state.
    async fn write_logs(&mut self, rows: Vec<LogRow>) -> Result<(), StoreFault>;
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProjectCounts {
    pub creators: u64,
    pub videos_scraped: u64,
    pub clips_ready: u64,
    pub clips_in_pipeline: u64,
    pub uploads_pending: u64,
    /// Clips published since the start of the UTC day.
    pub published_today: u64,
}

/// What a project has made so far: what lists of projects show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Made {
    pub videos_scraped: u64,
    pub clips_ready: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobFilter {
    pub project: Option<ProjectId>,
    pub kind: Option<JobKind>,
    /// Any of these; empty = all.
    pub states: Vec<JobState>,
    pub subject: Option<EntityRef>,
    pub trace: Option<TraceId>,
    /// Changed at this moment or later.
    pub since: Option<Moment>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClipFilter {
    pub project: Option<ProjectId>,
    pub video: Option<VideoId>,
    pub statuses: Vec<ClipStatus>,
    pub min_confidence: Option<f64>,
    /// Newest first instead of best first.
    pub newest_first: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnalysisFilter {
    pub clip_status: Option<ClipStatus>,
    pub min_score: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct UploadFilter {
    pub project: Option<ProjectId>,
    pub clip: Option<ClipId>,
    pub statuses: Vec<WorkStatus>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScheduleFilter {
    pub project: Option<ProjectId>,
    pub clip: Option<ClipId>,
    pub target: Option<String>,
    /// All accounts of a service: `youtube` for every `youtube/…`.
    pub service: Option<String>,
    /// Any of these; empty = all.
    pub statuses: Vec<ScheduleStatus>,
    /// Of the final time; rows without one are out of any span.
    pub from: Option<Moment>,
    pub to: Option<Moment>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleFilter {
    /// As rows call it ([`row_target`]).
    pub channel: Option<String>,
    pub schedule: Option<ScheduleId>,
    /// Of the moment of measuring.
    pub from: Option<Moment>,
    pub to: Option<Moment>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArtifactFilter {
    pub project: Option<ProjectId>,
    pub video: Option<VideoId>,
    pub clip: Option<ClipId>,
    pub kind: Option<ArtifactKind>,
    pub expired_before: Option<Moment>,
    pub include_removed: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PacketFilter {
    pub entity: Option<EntityRef>,
    pub trace: Option<TraceId>,
    pub project: Option<ProjectId>,
    /// Exact, or with a `.` at the end everything below it.
    pub kind: Option<String>,
    /// Packets at this place and later.
    pub from_seq: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogFilter {
    pub project: Option<ProjectId>,
    pub job: Option<JobId>,
    pub trace: Option<TraceId>,
    pub source: Option<String>,
    pub stage: Option<String>,
    pub level: Option<LogLevel>,
    pub from: Option<Moment>,
    pub to: Option<Moment>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct QueueDepth {
    pub kind: JobKind,
    /// PENDING and due.
    pub ready: u64,
    pub waiting: u64,
    pub running: u64,
    pub quarantined: u64,
    /// When the oldest ready job became ready.
    pub oldest_ready: Option<Moment>,
}

/// Size and Merkle root (RFC 6962) of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub origin: uuid::Uuid,
    pub size: u64,
    pub root: [u8; 32],
}

pub type Answered<T> = Result<T, StoreFault>;

/// The read side: shared by everyone. Every list has a limit; lists are in the order that their comment names, with the id
/// as last criterion so that pages do not overlap.
#[async_trait]
pub trait Reader: Send + Sync {
    async fn project(&self, id: ProjectId) -> Answered<Option<Project>>;
    async fn project_by_name(&self, name: &str) -> Answered<Option<Project>>;
    /// Oldest first.
    async fn projects(&self, status: Option<ProjectStatus>, page: Page) -> Answered<Listed<Project>>;
    async fn project_counts(&self, id: ProjectId, now: Moment) -> Answered<ProjectCounts>;
    /// For a page of projects at once; projects that made nothing are left out.
    async fn made(&self, projects: &[ProjectId]) -> Answered<BTreeMap<ProjectId, Made>>;
    async fn creator(&self, id: CreatorId) -> Answered<Option<Creator>>;
    async fn creator_by_handle(&self, platform: Platform, username: &str) -> Answered<Option<Creator>>;
    /// Oldest first; removed ones are left out.
    async fn creators(&self, project: ProjectId, page: Page) -> Answered<Listed<Creator>>;
    async fn post(&self, id: PostId) -> Answered<Option<Post>>;
    async fn post_by_platform_id(&self, creator: CreatorId, platform_post_id: &str) -> Answered<Option<Post>>;
    async fn video(&self, id: VideoId) -> Answered<Option<Video>>;
    async fn video_by_checksum(&self, checksum: &str) -> Answered<Option<Video>>;
    /// Newest first.
    async fn videos(&self, project: ProjectId, page: Page) -> Answered<Listed<Video>>;
    async fn analysis(&self, id: AnalysisId) -> Answered<Option<AnalysisRow>>;
    async fn active_analysis(&self, video: VideoId) -> Answered<Option<AnalysisRow>>;
    /// Active ones, newest first.
    async fn analyses(&self, project: ProjectId, filter: &AnalysisFilter, page: Page) -> Answered<Listed<AnalysisRow>>;
    async fn clip(&self, id: ClipId) -> Answered<Option<Clip>>;
    /// Best first (confidence), or newest first.
    async fn clips(&self, filter: &ClipFilter, page: Page) -> Answered<Listed<Clip>>;
    async fn edit_job(&self, id: EditJobId) -> Answered<Option<EditJobRow>>;
    /// Newest first.
    async fn edit_jobs_of(&self, clip: ClipId) -> Answered<Vec<EditJobRow>>;
    async fn upload_job(&self, id: UploadJobId) -> Answered<Option<UploadJobRow>>;
    /// Newest first.
    async fn upload_jobs(&self, filter: &UploadFilter, page: Page) -> Answered<Listed<UploadJobRow>>;
    async fn schedule(&self, id: ScheduleId) -> Answered<Option<Schedule>>;
    /// By `final_scheduled_time`, those without last; `from` is in the span, `to` is not.
    async fn schedules(&self, filter: &ScheduleFilter, page: Page) -> Answered<Listed<Schedule>>;
    /// Those that are there, by id.
    async fn samples_by_id(&self, ids: &[SampleId]) -> Answered<Vec<SampleRow>>;
    /// Newest measurement first; `from` is in the span, `to` is not.
    async fn samples(&self, filter: &SampleFilter, page: Page) -> Answered<Listed<SampleRow>>;
    /// The newest of each publication that has any, by publication. At most a thousand are asked for at once.
    async fn latest_samples(&self, of: &[ScheduleId]) -> Answered<Vec<SampleRow>>;
    async fn model(&self, name: &str) -> Answered<Option<ModelRow>>;
    /// By name.
    async fn models(&self, limit: u64) -> Answered<Vec<ModelRow>>;
    async fn artifact(&self, id: ArtifactId) -> Answered<Option<Artifact>>;
    async fn artifact_by_path(&self, path: &str) -> Answered<Option<Artifact>>;
    /// Oldest first.
    async fn artifacts(&self, filter: &ArtifactFilter, page: Page) -> Answered<Listed<Artifact>>;

    async fn job(&self, id: JobId) -> Answered<Option<Job>>;
    /// The one that holds the key: it is not final.
    async fn job_by_unique_key(&self, key: &str) -> Answered<Option<Job>>;
    /// Newest first.
    async fn jobs(&self, filter: &JobFilter, page: Page) -> Answered<Listed<Job>>;
    /// PENDING with `run_after <= now`, highest priority first, then oldest `run_after`.
    async fn claimable(&self, kind: JobKind, now: Moment, limit: u64) -> Answered<Vec<Job>>;
    /// WAITING_RETRY with `run_after <= now`.
    async fn due(&self, now: Moment, limit: u64) -> Answered<Vec<Job>>;
    /// RUNNING with `lease_until <= now`.
    async fn lapsed(&self, now: Moment, limit: u64) -> Answered<Vec<Job>>;
    /// PENDING or WAITING_RETRY with `expires_at <= now`.
    async fn expired(&self, now: Moment, limit: u64) -> Answered<Vec<Job>>;
    /// When the next of `claimable`, `due`, `lapsed`, `expired` will have something new, if ever: a moment that has passed
    /// means now. Jobs that can be claimed already do not count, since they wait for a worker and not for time.
    async fn next_due(&self, now: Moment) -> Answered<Option<Moment>>;
    async fn queue_depths(&self, now: Moment) -> Answered<Vec<QueueDepth>>;

    async fn queues(&self) -> Answered<Vec<QueueControl>>;
    async fn cron(&self) -> Answered<Vec<CronEntry>>;
    async fn directive(&self, id: DirectiveId) -> Answered<Option<Directive>>;
    /// Oldest first.
    async fn directives(&self, state: Option<DirectiveState>, page: Page) -> Answered<Listed<Directive>>;
    async fn api_key_by_hash(&self, hash: &str) -> Answered<Option<ApiKey>>;
    async fn api_keys(&self) -> Answered<Vec<ApiKey>>;
    async fn answer(&self, key: &str) -> Answered<Option<IdempotentAnswer>>;
    async fn setting(&self, name: &str) -> Answered<Option<Setting>>;
    /// Newest first.
    async fn audit(&self, page: Page) -> Answered<Listed<AuditRow>>;

    async fn packet(&self, id: PacketId) -> Answered<Option<Packet>>;
    /// In the order of the ledger.
    async fn packets(&self, filter: &PacketFilter, limit: u64) -> Answered<Vec<Packet>>;
    /// The packets at places `from_seq` to `until`, which is not among them, in the order of the ledger: read and hashed as
    /// an audit wants them, on another thread where that is quicker. At most a few thousand are asked for at once.
    ///
    /// Errors: as [`Reader::packets`] has them, also for a packet that is not as it was written.
    async fn examined(&self, from_seq: u64, until: u64) -> Answered<Vec<Examined>>;
    /// Packets that name this one as a parent, in the order of the ledger.
    async fn children(&self, id: PacketId, limit: u64) -> Answered<Vec<PacketId>>;
    /// Last packet about an entity.
    async fn last_packet_of(&self, entity: &EntityRef) -> Answered<Option<Packet>>;
    async fn head(&self) -> Answered<Head>;
    /// Leaf hashes, as stored, for proofs.
    async fn leaf_hashes(&self, from_seq: u64, count: u64) -> Answered<Vec<[u8; 32]>>;
    /// Oldest first.
    async fn checkpoints(&self) -> Answered<Vec<Checkpoint>>;

    /// Newest first; `from` is in the span, `to` is not.
    async fn logs(&self, filter: &LogFilter, limit: u64) -> Answered<Vec<LogRow>>;
    /// Answers when the store can be read and written; what is wrong otherwise.
    async fn health(&self) -> Answered<()>;
    /// Name and version of the database, size of its file where it has one.
    async fn describe(&self) -> Answered<String>;
}

/// [`Reader::examined`] by way of whole packets.
pub(crate) async fn examined_one_by_one(
    reader: &(impl Reader + ?Sized),
    from_seq: u64,
    until: u64,
) -> Answered<Vec<Examined>> {
    let filter = PacketFilter { from_seq, ..PacketFilter::default() };
    let packets = reader.packets(&filter, until.saturating_sub(from_seq)).await?;
    let before = packets.iter().take_while(|packet| packet.seq < until);
    let entry = |p: &Packet| {
        let content = Content::Draft(&p.draft);
        examine(&Entry { seq: p.seq, content, hash: p.hash, links: None })
    };
    Ok(before.map(entry).collect())
}

/// What a backup holds; lies beside it as `<backup>.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// 1
    pub format: u32,
    pub bytes: u64,
    /// SHA-256 of the backup, hex.
    pub sha256: String,
    /// Name of the ledger in it.
    pub origin: uuid::Uuid,
    /// Packets in it.
    pub size: u64,
    /// Merkle root over them, hex.
    pub root: String,
    /// The records beside the database, where they were part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<RecordsManifest>,
}

/// The file of records (uploads under way) of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordsManifest {
    pub count: u64,
    pub bytes: u64,
    /// Hex.
    pub sha256: String,
}

/// Care of the store as a whole, while the engine runs.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Writes a consistent copy to `to`, which must not exist, and its manifest beside it; also the records of uploads in the
    /// folder `records`, where one is named. All appear whole or not at all. The records are read after the rows: whatever
    /// the rows know of has its record.
    async fn backup(&self, to: &std::path::Path, records: Option<&std::path::Path>) -> Answered<Manifest>;
    /// What is wrong, in words; empty when all is well. Reads everything.
    async fn integrity(&self) -> Answered<Vec<String>>;
}

/// An opened store.
pub struct Opened {
    pub reader: std::sync::Arc<dyn Reader>,
    pub writer: Box<dyn Writer>,
    pub mandate: Mandate,
    pub upkeep: std::sync::Arc<dyn Upkeep>,
}

/// Clip states of [`ProjectCounts::clips_in_pipeline`].
pub(crate) const IN_PIPELINE: &[ClipStatus] =
    &[ClipStatus::ReadyForEdit, ClipStatus::Editing, ClipStatus::Scheduled, ClipStatus::Uploading];

/// Upload states of [`ProjectCounts::uploads_pending`].
pub(crate) const PENDING_UPLOADS: &[WorkStatus] = &[WorkStatus::Queued, WorkStatus::Running, WorkStatus::Scheduled];

/// Whether a packet's kind is the one that is asked for ([`PacketFilter::kind`]).
pub(crate) fn is_of_kind(asked: &str, kind: &str) -> bool {
    if asked.ends_with('.') { kind.starts_with(asked) } else { kind == asked }
}
