//! What stands in the payload of the jobs that the flow makes; [`DiscoverPayload`], [`ScrapePayload`] and
//! [`MaintainPayload`] are contracts of their own.

use omniva_contracts::engine::{ClipId, EditJobId, ScheduleId, UploadJobId, VideoId};
pub use omniva_contracts::engine::{DiscoverPayload, MaintainPayload, ScrapePayload};
use serde::{Deserialize, Serialize};

/// The subject is the video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnalyzePayload {
    pub video_id: VideoId,
}

/// The subject is the clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditPayload {
    pub clip_id: ClipId,
    pub edit_job_id: EditJobId,
}

/// The subject is the schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SchedulePayload {
    pub clip_id: ClipId,
    pub schedule_id: ScheduleId,
    /// The earliest time will do: the slot that it had was missed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub urgent: bool,
}

/// The subject is the upload job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UploadPayload {
    pub clip_id: ClipId,
    pub upload_job_id: UploadJobId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_id: Option<ScheduleId>,
}

/// Unique keys of jobs: one of each may be open at a time. That of a scrape is [`ScrapePayload::unique_key`]. Upload jobs
/// are unique on clip and target, so that `upload:<id>` says as much.
pub mod key {
    use omniva_contracts::engine::{ClipId, CreatorId, ScheduleId, UploadJobId, VideoId};

    pub fn discover(creator: CreatorId) -> String {
        format!("discover:{creator}")
    }
    pub fn analyze(video: VideoId) -> String {
        format!("analyze:{video}")
    }
    pub fn edit(clip: ClipId) -> String {
        format!("edit:{clip}")
    }
    pub fn schedule(schedule: ScheduleId) -> String {
        format!("schedule:{schedule}")
    }
    pub fn upload(upload: UploadJobId) -> String {
        format!("upload:{upload}")
    }
    /// One that reads figures back; one that only learns has none.
    pub fn measure() -> String {
        "measure".to_owned()
    }
    pub fn maintain(task: &str) -> String {
        format!("maintain:{task}")
    }
}
