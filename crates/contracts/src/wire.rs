//! The documents of the reference, Module Interfaces §3, field for field. Their JSON Schemas are checked in under
//! `crates/contracts/schemas/`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipCandidate {
    /// Seconds from the start of the video.
    #[schemars(range(min = 0.0))]
    pub start_time: f64,
    /// Greater than `start_time`.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub end_time: f64,
    #[schemars(range(min = 0.0, max = 1.0))]
    pub confidence: f64,
    /// High-level subject label (`speaker_1`, `two_speakers`, `no_subject` …).
    pub subject_focus: String,
    pub faces_detected: u32,
    #[schemars(extend("uniqueItems" = true))]
    pub semantic_tags: Vec<String>,
    /// Vote per Pantheon persona, each 0..1.
    pub pantheon_votes: BTreeMap<String, f64>,
    #[schemars(range(min = 0.0, max = 1.0))]
    pub lattice_priority: f64,
    /// Filled in when Zenith promotes the candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_id: Option<Uuid>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnalysisResult {
    pub video_id: Uuid,
    pub transcript: String,
    pub keywords_detected: Vec<String>,
    #[schemars(range(min = 0.0, max = 1.0))]
    pub virality_score: f64,
    #[schemars(range(min = 0.0, max = 1.0))]
    pub relevance_score: f64,
    pub clip_candidates: Vec<ClipCandidate>,
    #[serde(rename = "_meta_parents", default, skip_serializing_if = "Vec::is_empty")]
    pub meta_parents: Vec<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub generated_at: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditJob {
    pub clip_id: Uuid,
    /// Ordered list of logical editing steps.
    pub operations: Vec<String>,
    /// The equivalent ffmpeg command lines.
    pub ffmpeg_commands: Vec<String>,
    pub gpu_required: bool,
    /// Seconds of wall time predicted.
    #[schemars(range(min = 1))]
    pub estimated_duration: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected_outputs: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PrivacyStatus {
    Public,
    Unlisted,
    Private,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadJob {
    pub clip_id: Uuid,
    #[schemars(length(max = 120))]
    pub title: String,
    #[schemars(length(max = 5000))]
    pub description: String,
    #[schemars(length(max = 15))]
    pub keywords: Vec<String>,
    #[schemars(extend("format" = "date-time"))]
    pub scheduled_time: String,
    pub privacy_status: PrivacyStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_-]{11}$"))]
    pub yt_video_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distribution_targets: Vec<String>,
}
