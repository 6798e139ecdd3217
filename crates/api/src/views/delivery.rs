//! Uploads and the calendar.

use omniva_actors::office::LimitView;
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
            target: shown_target(&u.target).to_owned(),
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
    /// No plan and no hand moves it until it is unlocked.
    pub locked: bool,
    /// Why this time, or why none.
    pub why: Option<String>,
}

impl From<Schedule> for ScheduleItem {
    fn from(s: Schedule) -> Self {
        Self {
            schedule_id: s.schedule_id,
            clip_id: s.clip_id,
            upload_job_id: s.upload_job_id,
            why: s.horizon_adjustments.get("words").and_then(Value::as_str).map(str::to_owned),
            locked: s.locked,
            target: shown_target(&s.target).to_owned(),
            recommended_time: s.recommended_time,
            final_time: s.final_scheduled_time,
            status: s.status,
        }
    }
}

#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code)] // the schema is what counts: the office writes the answer
pub enum ChangeKind {
    /// It waited for a time.
    Added,
    Moved,
}

/// One slot that is, or would be, another.
#[derive(Serialize, JsonSchema)]
pub struct SlotChange {
    pub schedule_id: ScheduleId,
    pub target: String,
    pub kind: ChangeKind,
    pub from: Option<Moment>,
    pub to: Moment,
    /// The weightiest first.
    pub reasons: Vec<String>,
    /// False in a dry run, and where the upload was under way already.
    pub applied: bool,
}

/// One that finds no time, with the rules in conflict.
#[derive(Serialize, JsonSchema)]
pub struct SlotMissing {
    pub schedule_id: ScheduleId,
    pub target: String,
    #[schemars(extend("const" = "scheduler_fault"))]
    pub code: String,
    pub message: String,
    /// The smallest change of the rules that would make a time free.
    pub proposal: String,
    pub conflicts: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct Recalculated {
    pub dry_run: bool,
    pub changes: Vec<SlotChange>,
    pub unplaced: Vec<SlotMissing>,
    pub applied: u32,
}

#[derive(Serialize, JsonSchema)]
pub struct SlotChanged {
    pub schedule_id: ScheduleId,
    pub from: Option<Moment>,
    pub final_time: Moment,
    pub status: ScheduleStatus,
    pub locked: bool,
}

#[derive(Serialize, JsonSchema)]
pub struct LimitItem {
    /// As `config/platforms.toml` calls it.
    pub bucket: String,
    /// Whose it is; `null` for what all accounts of the registration share.
    pub account: Option<String>,
    pub capacity: u64,
    pub used: u64,
    pub reserved: u64,
    pub left: u64,
    pub resets_at: Moment,
}

impl From<LimitView> for LimitItem {
    fn from(l: LimitView) -> Self {
        Self {
            bucket: l.bucket,
            account: l.account,
            capacity: l.capacity,
            used: l.used,
            reserved: l.reserved,
            left: l.left,
            resets_at: l.resets_at,
        }
    }
}
