//! Uploads and the calendar.

use omniva_contracts::engine::*;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

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
