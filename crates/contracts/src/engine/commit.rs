//! One change of state: rows, the packets that say why, nothing else. All of it becomes true together or not at all.

use uuid::Uuid;

use super::{
    AnalysisRow, ApiKey, Artifact, AuditRow, Checkpoint, Clip, Creator, CronEntry, Directive, EditJobRow,
    IdempotentAnswer, Job, ModelRow, Moment, PacketDraft, Post, Project, QueueControl, SampleRow, Schedule, Setting,
    UploadJobRow, Video,
};

/// A row as it is to be. `version` 1 is a new row; any other follows `version - 1`, and the change is refused as stale
/// when the row has moved on meanwhile (compare-and-set).
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    Project(Project),
    Creator(Creator),
    Post(Post),
    Video(Video),
    Analysis(AnalysisRow),
    Clip(Box<Clip>),
    EditJob(EditJobRow),
    UploadJob(Box<UploadJobRow>),
    Schedule(Schedule),
    Sample(Box<SampleRow>),
    Model(Box<ModelRow>),
    Artifact(Artifact),
    Job(Box<Job>),
    Queue(QueueControl),
    Cron(CronEntry),
    Directive(Directive),
    ApiKey(ApiKey),
    Setting(Setting),
    /// Only ever new.
    Answer(IdempotentAnswer),
    /// Only ever new.
    Audit(AuditRow),
    /// Only ever new.
    Checkpoint(Checkpoint),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Projects,
    Creators,
    Posts,
    Videos,
    Analysis,
    Clips,
    EditJobs,
    UploadJobs,
    Schedules,
    Samples,
    Models,
    Artifacts,
    Jobs,
    Queues,
    Cron,
    Directives,
    ApiKeys,
    Settings,
    Answers,
    Audit,
    Checkpoints,
    /// Not a row of a commit: named when a packet is refused.
    Packets,
}

impl Table {
    pub fn as_str(self) -> &'static str {
        match self {
            Table::Projects => "projects",
            Table::Creators => "creators",
            Table::Posts => "posts",
            Table::Videos => "videos",
            Table::Analysis => "analysis",
            Table::Clips => "clips",
            Table::EditJobs => "edit_jobs",
            Table::UploadJobs => "upload_jobs",
            Table::Schedules => "schedules",
            Table::Samples => "engagement_samples",
            Table::Models => "models",
            Table::Artifacts => "artifacts",
            Table::Jobs => "jobs",
            Table::Queues => "queues",
            Table::Cron => "cron",
            Table::Directives => "directives",
            Table::ApiKeys => "api_keys",
            Table::Settings => "settings",
            Table::Answers => "idempotent_answers",
            Table::Audit => "audit",
            Table::Checkpoints => "ledger_checkpoints",
            Table::Packets => "stardust_metadata",
        }
    }
}

impl Row {
    pub fn table(&self) -> Table {
        match self {
            Row::Project(_) => Table::Projects,
            Row::Creator(_) => Table::Creators,
            Row::Post(_) => Table::Posts,
            Row::Video(_) => Table::Videos,
            Row::Analysis(_) => Table::Analysis,
            Row::Clip(_) => Table::Clips,
            Row::EditJob(_) => Table::EditJobs,
            Row::UploadJob(_) => Table::UploadJobs,
            Row::Schedule(_) => Table::Schedules,
            Row::Sample(_) => Table::Samples,
            Row::Model(_) => Table::Models,
            Row::Artifact(_) => Table::Artifacts,
            Row::Job(_) => Table::Jobs,
            Row::Queue(_) => Table::Queues,
            Row::Cron(_) => Table::Cron,
            Row::Directive(_) => Table::Directives,
            Row::ApiKey(_) => Table::ApiKeys,
            Row::Setting(_) => Table::Settings,
            Row::Answer(_) => Table::Answers,
            Row::Audit(_) => Table::Audit,
            Row::Checkpoint(_) => Table::Checkpoints,
        }
    }

    /// The primary key as text.
    pub fn key(&self) -> String {
        let id = |id: Uuid| id.to_string();
        match self {
            Row::Project(r) => id(r.project_id.0),
            Row::Creator(r) => id(r.creator_id.0),
            Row::Post(r) => id(r.post_id.0),
            Row::Video(r) => id(r.video_id.0),
            Row::Analysis(r) => id(r.analysis_id.0),
            Row::Clip(r) => id(r.clip_id.0),
            Row::EditJob(r) => id(r.edit_job_id.0),
            Row::UploadJob(r) => id(r.upload_job_id.0),
            Row::Schedule(r) => id(r.schedule_id.0),
            Row::Sample(r) => id(r.sample_id.0),
            Row::Model(r) => r.name.clone(),
            Row::Artifact(r) => id(r.artifact_id.0),
            Row::Job(r) => id(r.id.0),
            Row::Queue(r) => r.queue.as_str().to_owned(),
            Row::Cron(r) => r.name.clone(),
            Row::Directive(r) => id(r.directive_id.0),
            Row::ApiKey(r) => id(r.api_key_id.0),
            Row::Setting(r) => r.name.clone(),
            Row::Answer(r) => r.key.clone(),
            Row::Audit(r) => id(r.request_id.0),
            Row::Checkpoint(r) => r.size.to_string(),
        }
    }

    pub fn version(&self) -> i64 {
        match self {
            Row::Project(r) => r.version,
            Row::Creator(r) => r.version,
            Row::Post(r) => r.version,
            Row::Video(r) => r.version,
            Row::Analysis(r) => r.version,
            Row::Clip(r) => r.version,
            Row::EditJob(r) => r.version,
            Row::UploadJob(r) => r.version,
            Row::Schedule(r) => r.version,
            Row::Sample(r) => r.version,
            Row::Model(r) => r.version,
            Row::Artifact(r) => r.version,
            Row::Job(r) => r.version,
            Row::Queue(r) => r.version,
            Row::Cron(r) => r.version,
            Row::Directive(r) => r.version,
            Row::ApiKey(r) => r.version,
            Row::Setting(r) => r.version,
            Row::Answer(_) | Row::Audit(_) | Row::Checkpoint(_) => 1,
        }
    }
}

/// What may be deleted; everything else only ever changes its state.
#[derive(Clone, Debug, PartialEq)]
pub enum Purge {
    ExpiredAnswers {
        before: Moment,
    },
    /// Figures of posts.
    OldSamples {
        before: Moment,
        at_most: u64,
    },
    /// Final jobs; their packets stay.
    EndedJobs {
        before: Moment,
        at_most: u64,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Commit {
    pub rows: Vec<Row>,
    pub packets: Vec<PacketDraft>,
    pub purges: Vec<Purge>,
}
