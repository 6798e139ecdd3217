//! What posts achieved.

use omniva_contracts::engine::*;
use schemars::JsonSchema;
use serde::Serialize;

/// The newest figures of a post; what a platform does not tell is `null`.
#[derive(Serialize, JsonSchema)]
pub struct Figures {
    pub measured_at: Moment,
    pub source: EngagementSource,
    pub views: u64,
    pub engaged_views: Option<u64>,
    pub likes: Option<u64>,
    pub comments: Option<u64>,
    pub shares: Option<u64>,
    pub watch_seconds: Option<f64>,
    pub average_view_percentage: Option<f64>,
}

impl From<EngagementSample> for Figures {
    fn from(s: EngagementSample) -> Self {
        Self {
            measured_at: s.measured_at,
            source: s.source,
            views: s.views,
            engaged_views: s.engaged_views,
            likes: s.likes,
            comments: s.comments,
            shares: s.shares,
            watch_seconds: s.watch_seconds,
            average_view_percentage: s.average_view_percentage,
        }
    }
}

/// A clip that went out once.
#[derive(Serialize, JsonSchema)]
pub struct PublicationItem {
    pub schedule_id: ScheduleId,
    pub clip_id: ClipId,
    pub project_id: ProjectId,
    pub channel: String,
    /// As the platform calls it, and as a file of figures has to; a folder's is the schedule's id.
    pub post_id: Option<String>,
    pub title: Option<String>,
    pub published_at: Option<Moment>,
    pub figures: Option<Figures>,
}

#[derive(Serialize, JsonSchema)]
pub struct EngagementImported {
    pub channel: String,
    /// Points of our posts in the file, and how many of them are new or other than before.
    pub samples: u64,
    pub changed: u64,
    /// Rows of posts that are none of ours.
    pub strangers: u64,
    /// The job that learns from them, if there is anything to learn.
    pub job_id: Option<JobId>,
}

#[derive(Serialize, JsonSchema)]
pub struct EngagementAsked {
    pub job_id: JobId,
    /// False when one waits or runs already.
    pub created: bool,
}
