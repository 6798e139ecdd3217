//! Projects, creators and what is scraped for them.

use omniva_contracts::engine::*;
use omniva_contracts::fault::Fault;
use omniva_store::ProjectCounts;
use schemars::JsonSchema;
use serde::Serialize;

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
