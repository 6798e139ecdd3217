//! Videos, their analyses, clips and edits.

use std::collections::BTreeMap;

use omniva_contracts::engine::*;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::UploadItem;

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
