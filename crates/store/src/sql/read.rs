//! The read side on SQL. Lists and counts that belong together are read in one transaction.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use omniva_contracts::engine::*;
use omniva_ledger::Examined;
use sea_orm::{DatabaseConnection, DbErr, TransactionTrait};

use super::query::{Where, every, find, first, frontier_of, listed};
use super::read_ledger as more;
use super::tables::Stored;
use super::write::Explain;
use crate::sqlite::examined::Examination;
use crate::*;

pub(crate) struct SqlReader {
    pub db: DatabaseConnection,
    pub explain: Explain,
    pub last: Arc<Mutex<Option<StoreFault>>>,
    /// Name and version of the database, and where it is.
    pub about: String,
    /// The file, where it is one.
    pub file: Option<PathBuf>,
    /// The short way of packets into an audit, where there is one.
    pub examination: Option<Arc<Examination>>,
}

impl SqlReader {
    fn told<T>(&self, found: Result<T, DbErr>) -> Answered<T> {
        found.map_err(self.explain)
    }
    async fn by<T: Stored>(&self, of: Where) -> Answered<Option<T>> {
        self.told(find(&self.db, of).await)
    }
    async fn every<T: Stored>(&self, of: Where, order: &str) -> Answered<Vec<T>> {
        self.told(every(&self.db, of, order).await)
    }
    async fn first<T: Stored>(&self, of: Where, order: &str, limit: u64) -> Answered<Vec<T>> {
        self.told(first(&self.db, of, order, limit).await)
    }
    async fn list<T: Stored>(&self, of: Where, order: &str, page: Page) -> Answered<Listed<T>> {
        let found = async {
            let tx = self.db.begin().await?;
            let found = listed(&tx, of, order, page).await?;
            tx.commit().await?;
            Ok(found)
        };
        self.told(found.await)
    }
}

pub(crate) const JOBS_ORDER: &str = r#"t."created_at" DESC, t."id" DESC"#;
pub(crate) fn jobs_where(filter: &JobFilter) -> Where {
    // Spelled out, a database knows that the index of uploads will do.
    let of = match filter.kind {
        Some(JobKind::Upload) => Where::new().plain("t.\"kind\" = 'upload'"),
        kind => Where::new().maybe("kind", kind.as_ref()),
    };
    of.maybe("project_id", filter.project.as_ref())
        .any("state", &filter.states)
        .entity("subject", filter.subject.as_ref())
        .maybe("trace_id", filter.trace.as_ref())
        .compared("updated_at", ">=", filter.since.as_ref())
}

pub(crate) fn claimable(kind: JobKind, now: Moment) -> Where {
    let of = Where::new().plain("t.\"state\" = 'PENDING'").is("kind", &kind);
    of.compared("run_after", "<=", Some(&now))
}
pub(crate) const CLAIM_ORDER: &str = r#"t."priority" DESC, t."run_after", t."id""#;

pub(crate) fn due(now: Moment) -> Where {
    Where::new().plain("t.\"state\" = 'WAITING_RETRY'").compared("run_after", "<=", Some(&now))
}
pub(crate) const DUE_ORDER: &str = r#"t."run_after", t."id""#;

pub(crate) fn lapsed(now: Moment) -> Where {
    Where::new().plain("t.\"state\" = 'RUNNING'").compared("lease_until", "<=", Some(&now))
}
pub(crate) const LAPSED_ORDER: &str = r#"t."lease_until", t."id""#;

pub(crate) fn expired(now: Moment) -> Where {
    Where::new().plain("t.\"expires_at\" IS NOT NULL").plain("t.\"state\" IN ('PENDING', 'WAITING_RETRY')").compared(
        "expires_at",
        "<=",
        Some(&now),
    )
}
pub(crate) const EXPIRED_ORDER: &str = r#"t."expires_at", t."id""#;

fn analyses_where(project: ProjectId, filter: &AnalysisFilter) -> Where {
    let of_project = r#"EXISTS (SELECT 1 FROM "videos" v WHERE v."video_id" = t."video_id" AND v."project_id" = {})"#;
    let of = Where::new().plain("t.\"active\"").with(of_project, sea_orm::Value::Uuid(Some(project.0)));
    let of = of.compared("virality_score", ">=", filter.min_score.as_ref());
    match filter.clip_status {
        None => of,
        Some(status) => of.with(
            r#"EXISTS (SELECT 1 FROM "clips" c WHERE c."video_id" = t."video_id" AND c."status" = {})"#,
            sea_orm::Value::String(Some(status.as_str().to_owned())),
        ),
    }
}

fn artifacts_where(filter: &ArtifactFilter) -> Where {
    let of = Where::new()
        .maybe("project_id", filter.project.as_ref())
        .maybe("video_id", filter.video.as_ref())
        .maybe("clip_id", filter.clip.as_ref())
        .maybe("kind", filter.kind.as_ref())
        .compared("keep_until", "<", filter.expired_before.as_ref());
    if filter.include_removed { of } else { of.plain("t.\"removed_at\" IS NULL") }
}

fn logs_where(filter: &LogFilter) -> Where {
    Where::new()
        .maybe("project_id", filter.project.as_ref())
        .maybe("job_id", filter.job.as_ref())
        .maybe("trace_id", filter.trace.as_ref())
        .maybe("source", filter.source.as_ref())
        .maybe("stage", filter.stage.as_ref())
        .maybe("level", filter.level.as_ref())
        .compared("created_at", ">=", filter.from.as_ref())
        .compared("created_at", "<", filter.to.as_ref())
}

#[async_trait]
impl Reader for SqlReader {
    async fn project(&self, id: ProjectId) -> Answered<Option<Project>> {
        self.by(Where::new().is("project_id", &id)).await
    }
    async fn project_by_name(&self, name: &str) -> Answered<Option<Project>> {
        self.by(Where::new().is("name", &name.to_owned())).await
    }
    async fn projects(&self, status: Option<ProjectStatus>, page: Page) -> Answered<Listed<Project>> {
        self.list(Where::new().maybe("status", status.as_ref()), r#"t."created_at", t."project_id""#, page).await
    }
    async fn project_counts(&self, id: ProjectId, now: Moment) -> Answered<ProjectCounts> {
        self.told(more::counts(&self.db, id, now).await)
    }
    async fn made(&self, projects: &[ProjectId]) -> Answered<BTreeMap<ProjectId, Made>> {
        self.told(more::made(&self.db, projects).await)
    }
    async fn creator(&self, id: CreatorId) -> Answered<Option<Creator>> {
        self.by(Where::new().is("creator_id", &id)).await
    }
    async fn creator_by_handle(&self, platform: Platform, username: &str) -> Answered<Option<Creator>> {
        self.by(Where::new().is("platform", &platform).is("username", &username.to_owned())).await
    }
    async fn creators(&self, project: ProjectId, page: Page) -> Answered<Listed<Creator>> {
        let of = Where::new().is("project_id", &project).plain("t.\"status\" <> 'REMOVED'");
        self.list(of, r#"t."created_at", t."creator_id""#, page).await
    }
    async fn post(&self, id: PostId) -> Answered<Option<Post>> {
        self.by(Where::new().is("post_id", &id)).await
    }
    async fn post_by_platform_id(&self, creator: CreatorId, platform_post_id: &str) -> Answered<Option<Post>> {
        self.by(Where::new().is("creator_id", &creator).is("platform_post_id", &platform_post_id.to_owned())).await
    }
    async fn video(&self, id: VideoId) -> Answered<Option<Video>> {
        self.by(Where::new().is("video_id", &id)).await
    }
    async fn video_by_checksum(&self, checksum: &str) -> Answered<Option<Video>> {
        self.by(Where::new().is("checksum", &checksum.to_owned())).await
    }
    async fn videos(&self, project: ProjectId, page: Page) -> Answered<Listed<Video>> {
        let of = Where::new().is("project_id", &project);
        self.list(of, r#"t."created_at" DESC, t."video_id" DESC"#, page).await
    }
    async fn analysis(&self, id: AnalysisId) -> Answered<Option<AnalysisRow>> {
        self.by(Where::new().is("analysis_id", &id)).await
    }
    async fn active_analysis(&self, video: VideoId) -> Answered<Option<AnalysisRow>> {
        self.by(Where::new().is("video_id", &video).plain("t.\"active\"")).await
    }
    async fn analyses(&self, project: ProjectId, filter: &AnalysisFilter, page: Page) -> Answered<Listed<AnalysisRow>> {
        let of = analyses_where(project, filter);
        self.list(of, r#"t."created_at" DESC, t."analysis_id" DESC"#, page).await
    }
    async fn clip(&self, id: ClipId) -> Answered<Option<Clip>> {
        self.by(Where::new().is("clip_id", &id)).await
    }
    async fn clips(&self, filter: &ClipFilter, page: Page) -> Answered<Listed<Clip>> {
        let of = Where::new()
            .maybe("project_id", filter.project.as_ref())
            .maybe("video_id", filter.video.as_ref())
            .any("status", &filter.statuses)
            .compared("confidence", ">=", filter.min_confidence.as_ref());
        let order = if filter.newest_first {
            r#"t."created_at" DESC, t."clip_id" DESC"#
        } else {
            r#"t."confidence" DESC, t."clip_id""#
        };
        self.list(of, order, page).await
    }
    async fn edit_job(&self, id: EditJobId) -> Answered<Option<EditJobRow>> {
        self.by(Where::new().is("edit_job_id", &id)).await
    }
    async fn edit_jobs_of(&self, clip: ClipId) -> Answered<Vec<EditJobRow>> {
        self.every(Where::new().is("clip_id", &clip), r#"t."created_at" DESC, t."edit_job_id" DESC"#).await
    }
    async fn upload_job(&self, id: UploadJobId) -> Answered<Option<UploadJobRow>> {
        self.by(Where::new().is("upload_job_id", &id)).await
    }
    async fn upload_jobs(&self, filter: &UploadFilter, page: Page) -> Answered<Listed<UploadJobRow>> {
        let of = Where::new()
            .maybe("project_id", filter.project.as_ref())
            .maybe("clip_id", filter.clip.as_ref())
            .any("status", &filter.statuses);
        self.list(of, r#"t."created_at" DESC, t."upload_job_id" DESC"#, page).await
    }
    async fn schedule(&self, id: ScheduleId) -> Answered<Option<Schedule>> {
        self.by(Where::new().is("schedule_id", &id)).await
    }
    async fn schedules(&self, filter: &ScheduleFilter, page: Page) -> Answered<Listed<Schedule>> {
        // `0` follows `/`: every target of the service lies between, and an index can find them.
        let (first, behind) = match &filter.service {
            Some(service) => (Some(format!("{service}/")), Some(format!("{service}0"))),
            None => (None, None),
        };
        let of = Where::new()
            .maybe("project_id", filter.project.as_ref())
            .maybe("clip_id", filter.clip.as_ref())
            .maybe("target", filter.target.as_ref())
            .compared("target", ">=", first.as_ref())
            .compared("target", "<", behind.as_ref())
            .any("status", &filter.statuses)
            .compared("final_scheduled_time", ">=", filter.from.as_ref())
            .compared("final_scheduled_time", "<", filter.to.as_ref());
        // Databases disagree about where NULL sorts.
        let order = r#"(t."final_scheduled_time" IS NULL), t."final_scheduled_time", t."schedule_id""#;
        self.list(of, order, page).await
    }
    async fn samples_by_id(&self, ids: &[SampleId]) -> Answered<Vec<SampleRow>> {
        self.told(more::samples_by_id(&self.db, ids).await)
    }
    async fn samples(&self, filter: &SampleFilter, page: Page) -> Answered<Listed<SampleRow>> {
        let of = Where::new()
            .maybe("channel", filter.channel.as_ref())
            .maybe("schedule_id", filter.schedule.as_ref())
            .compared("measured_at", ">=", filter.from.as_ref())
            .compared("measured_at", "<", filter.to.as_ref());
        self.list(of, r#"t."measured_at" DESC, t."sample_id" DESC"#, page).await
    }
    async fn latest_samples(&self, of: &[ScheduleId]) -> Answered<Vec<SampleRow>> {
        self.told(more::latest_samples(&self.db, of).await)
    }
    async fn model(&self, name: &str) -> Answered<Option<ModelRow>> {
        self.by(Where::new().is("name", &name.to_owned())).await
    }
    async fn models(&self, limit: u64) -> Answered<Vec<ModelRow>> {
        // Sorted here: collations differ between databases.
        let mut all: Vec<ModelRow> = self.first(Where::new(), r#"t."name""#, limit).await?;
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }
    async fn artifact(&self, id: ArtifactId) -> Answered<Option<Artifact>> {
        self.by(Where::new().is("artifact_id", &id)).await
    }
    async fn artifact_by_path(&self, path: &str) -> Answered<Option<Artifact>> {
        self.by(Where::new().is("path", &path.to_owned())).await
    }
    async fn artifacts(&self, filter: &ArtifactFilter, page: Page) -> Answered<Listed<Artifact>> {
        self.list(artifacts_where(filter), r#"t."created_at", t."artifact_id""#, page).await
    }

    async fn job(&self, id: JobId) -> Answered<Option<Job>> {
        self.by(Where::new().is("id", &id)).await
    }
    async fn job_by_unique_key(&self, key: &str) -> Answered<Option<Job>> {
        self.by(Where::new().is("active_key", &key.to_owned())).await
    }
    async fn jobs(&self, filter: &JobFilter, page: Page) -> Answered<Listed<Job>> {
        self.list(jobs_where(filter), JOBS_ORDER, page).await
    }
    async fn claimable(&self, kind: JobKind, now: Moment, limit: u64) -> Answered<Vec<Job>> {
        self.first(claimable(kind, now), CLAIM_ORDER, limit).await
    }
    async fn due(&self, now: Moment, limit: u64) -> Answered<Vec<Job>> {
        self.first(due(now), DUE_ORDER, limit).await
    }
    async fn lapsed(&self, now: Moment, limit: u64) -> Answered<Vec<Job>> {
        self.first(lapsed(now), LAPSED_ORDER, limit).await
    }
    async fn expired(&self, now: Moment, limit: u64) -> Answered<Vec<Job>> {
        self.first(expired(now), EXPIRED_ORDER, limit).await
    }
    async fn next_due(&self, now: Moment) -> Answered<Option<Moment>> {
        self.told(more::next_due(&self.db, now).await)
    }
    async fn queue_depths(&self, now: Moment) -> Answered<Vec<QueueDepth>> {
        self.told(more::depths(&self.db, now).await)
    }

    async fn queues(&self) -> Answered<Vec<QueueControl>> {
        let mut all: Vec<QueueControl> = self.every(Where::new(), "").await?;
        all.sort_by_key(|queue| queue.queue);
        Ok(all)
    }
    async fn cron(&self) -> Answered<Vec<CronEntry>> {
        // Sorted here: collations differ between databases.
        let mut all: Vec<CronEntry> = self.every(Where::new(), "").await?;
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }
    async fn directive(&self, id: DirectiveId) -> Answered<Option<Directive>> {
        self.by(Where::new().is("directive_id", &id)).await
    }
    async fn directives(&self, state: Option<DirectiveState>, page: Page) -> Answered<Listed<Directive>> {
        self.list(Where::new().maybe("state", state.as_ref()), r#"t."created_at", t."directive_id""#, page).await
    }
    async fn api_key_by_hash(&self, hash: &str) -> Answered<Option<ApiKey>> {
        self.by(Where::new().is("hash", &hash.to_owned())).await
    }
    async fn api_keys(&self) -> Answered<Vec<ApiKey>> {
        self.every(Where::new(), r#"t."created_at", t."api_key_id""#).await
    }
    async fn answer(&self, key: &str) -> Answered<Option<IdempotentAnswer>> {
        self.by(Where::new().is("key", &key.to_owned())).await
    }
    async fn setting(&self, name: &str) -> Answered<Option<Setting>> {
        self.by(Where::new().is("name", &name.to_owned())).await
    }
    async fn audit(&self, page: Page) -> Answered<Listed<AuditRow>> {
        self.list(Where::new(), r#"t."at" DESC, t."request_id" DESC"#, page).await
    }

    async fn packet(&self, id: PacketId) -> Answered<Option<Packet>> {
        self.told(more::packet(&self.db, Where::new().is("stardust_id", &id), "").await)
    }
    async fn packets(&self, filter: &PacketFilter, limit: u64) -> Answered<Vec<Packet>> {
        self.told(more::packets(&self.db, filter, limit).await)
    }
    async fn examined(&self, from_seq: u64, until: u64) -> Answered<Vec<Examined>> {
        if let Some(examination) = &self.examination
            && let Some(found) = examination.packets(from_seq, until).await
        {
            return Ok(found);
        }
        examined_one_by_one(self, from_seq, until).await
    }
    async fn children(&self, id: PacketId, limit: u64) -> Answered<Vec<PacketId>> {
        self.told(more::children(&self.db, id, limit).await)
    }
    async fn last_packet_of(&self, entity: &EntityRef) -> Answered<Option<Packet>> {
        let of = Where::new().entity("entity", Some(entity));
        self.told(more::packet(&self.db, of, r#" ORDER BY t."seq" DESC LIMIT 1"#).await)
    }
    async fn head(&self) -> Answered<Head> {
        let (origin, frontier) = self.told(frontier_of(&self.db).await)?;
        Ok(Head { origin, size: frontier.size(), root: frontier.root() })
    }
    async fn leaf_hashes(&self, from_seq: u64, count: u64) -> Answered<Vec<[u8; 32]>> {
        self.told(more::leaves(&self.db, from_seq, count).await)
    }
    async fn checkpoints(&self) -> Answered<Vec<Checkpoint>> {
        self.every(Where::new(), r#"t."size""#).await
    }

    async fn logs(&self, filter: &LogFilter, limit: u64) -> Answered<Vec<LogRow>> {
        self.first(logs_where(filter), r#"t."created_at" DESC, t."log_id" DESC"#, limit).await
    }
    async fn health(&self) -> Answered<()> {
        self.head().await?;
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone().map_or(Ok(()), Err)
    }
    async fn describe(&self) -> Answered<String> {
        let bytes = self.file.as_ref().and_then(|file| std::fs::metadata(file).ok()).map(|file| file.len());
        let size = bytes.map_or(String::new(), |bytes| format!(", {:.1} MB", bytes as f64 / 1e6));
        Ok(format!("{}{size}", self.about))
    }
}
