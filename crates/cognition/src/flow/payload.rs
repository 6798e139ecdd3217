//! What stands in the payload of each kind of job. Written here, read by the workers.

use omniva_contracts::engine::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscoverPayload {
    pub creator_id: CreatorId,
    pub since: Option<Moment>,
    pub until: Option<Moment>,
    /// Take items again that were seen before.
    #[serde(default)]
    pub force: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScrapePayload {
    pub creator_id: CreatorId,
    pub item: FoundItem,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnalyzePayload {
    pub video_id: VideoId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditPayload {
    pub clip_id: ClipId,
    pub edit_job_id: EditJobId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchedulePayload {
    pub clip_id: ClipId,
    pub schedule_id: ScheduleId,
    pub upload_job_id: UploadJobId,
    pub target: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UploadPayload {
    pub clip_id: ClipId,
    pub upload_job_id: UploadJobId,
    pub schedule_id: Option<ScheduleId>,
    pub target: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaintainPayload {
    /// `retention`, `orphan_sweep`, `audit`, `backup` …
    pub task: String,
}

/// Unique keys of jobs: one of each may be open at a time.
pub mod key {
    use omniva_contracts::engine::{ClipId, CreatorId, VideoId};

    pub fn discover(creator: CreatorId) -> String {
        format!("discover:{creator}")
    }
    pub fn scrape(creator: CreatorId, platform_post_id: &str) -> String {
        format!("scrape:{creator}:{platform_post_id}")
    }
    pub fn analyze(video: VideoId) -> String {
        format!("analyze:{video}")
    }
    pub fn edit(clip: ClipId) -> String {
        format!("edit:{clip}")
    }
    pub fn schedule(clip: ClipId, target: &str) -> String {
        format!("schedule:{clip}:{target}")
    }
    pub fn upload(clip: ClipId, target: &str) -> String {
        format!("upload:{clip}:{target}")
    }
    pub fn maintain(task: &str) -> String {
        format!("maintain:{task}")
    }
}
