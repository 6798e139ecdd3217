//! What a run leaves behind: `run.json` and one `NN-slug.json` for each clip. `decisions` is a function of input and
//! configuration alone; everything that may differ between two runs (times, encoder) stands under `measured`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analysis::{AudioPeak, Curve, Keyword, Language, ModelRun, Shot, Topic, Turn};
use crate::choice::{Candidate, CandidateId, Choice, Vote};
use crate::config::Config;
use crate::fault::Fault;
use crate::geometry::{Rect, Span};
use crate::media::MediaInfo;
use crate::plan::EditPlan;
use crate::qc::QcReport;
use crate::wire::{AnalysisResult, ClipCandidate, EditJob};

/// Title, description and keywords within the platforms' limits (Chorus).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    pub title: String,
    pub description: String,
    pub keywords: Vec<String>,
    /// What was changed from the raw sentence, and why.
    pub style_deltas: Vec<StyleDelta>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StyleDelta {
    pub field: String,
    pub before: String,
    pub after: String,
    pub why: String,
    /// The rule that asked for it, where it is one of a project.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rule: String,
}

/// File names relative to the output folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipFiles {
    pub video: String,
    pub thumbnail: String,
    pub record: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub srt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vtt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ass: Option<String>,
}

/// `NN-slug.json`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipRecord {
    pub schema_version: String,
    /// 1 is best; the NN of the file names.
    pub rank: u32,
    pub slug: String,
    pub candidate: Candidate,
    pub clip_candidate: ClipCandidate,
    pub votes: Vec<Vote>,
    pub edit_job: EditJob,
    pub plan: EditPlan,
    pub metadata: Draft,
    /// Transcript of the finished clip.
    pub transcript: String,
    pub framing: Framing,
    pub files: ClipFiles,
    /// `None` for a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qc: Option<QcReport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<ClipMeasured>,
}

/// How the planned camera treats the faces that were found; measured on the plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Framing {
    /// Share of face samples of the subject(s) whose centre lies in a crop, 0..1; 1 when there is no face.
    pub face_in_crop: f64,
    pub face_samples: u32,
    /// Changes of the camera's horizontal direction per second.
    pub reversals_per_second: f64,
    /// Share of the clip that is a pause of over 0.6 s.
    pub long_pause_share: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipMeasured {
    pub encoder: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub encoder_note: String,
    pub wall_seconds: f64,
    pub cpu_seconds: f64,
    pub loudness_before: f64,
    /// Taken from the cache of an earlier run.
    pub from_cache: bool,
}

/// A clip that was chosen and could not be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipFailure {
    pub candidate: CandidateId,
    pub rank: u32,
    pub fault: Fault,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qc: Option<QcReport>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SentenceLine {
    pub start: f64,
    pub end: f64,
    pub speaker: u32,
    pub topic: u32,
    pub text: String,
    pub sentiment: f64,
    pub confidence: f64,
}

/// What the report draws as the source's timeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timeline {
    /// Peak level 0..1, at most 2,000 values.
    pub waveform: Curve,
    pub speech: Vec<Span>,
    pub turns: Vec<Turn>,
    pub shots: Vec<Shot>,
    pub peaks: Vec<AudioPeak>,
    pub sentences: Vec<SentenceLine>,
    pub topics: Vec<Topic>,
    pub keywords: Vec<Keyword>,
    /// Stretches with at least one face.
    pub faces: Vec<Span>,
    pub inside_bars: Option<Rect>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageTime {
    pub stage: String,
    pub wall_seconds: f64,
    pub from_cache: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunMeasured {
    pub stages: Vec<StageTime>,
    pub wall_seconds: f64,
    /// RFC 3339, UTC.
    pub finished_at: String,
    /// Highest sum of resident memory of all processes, bytes (0 when it could not be read).
    pub peak_memory_bytes: u64,
}

/// Everything that follows from input and configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decisions {
    pub media: MediaInfo,
    /// SHA-256 of the effective configuration as canonical JSON.
    pub config_sha256: String,
    pub config: Config,
    pub models: Vec<ModelRun>,
    pub language: Option<Language>,
    pub timeline: Timeline,
    pub choice: Choice,
    pub analysis_result: AnalysisResult,
    /// In rank order.
    pub clips: Vec<ClipDecision>,
    pub warnings: Vec<String>,
}

/// The decided part of a clip, the same in every run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipDecision {
    pub rank: u32,
    pub slug: String,
    pub candidate: CandidateId,
    pub plan: EditPlan,
    pub edit_job: EditJob,
    pub metadata: Draft,
    pub framing: Framing,
    pub transcript: String,
}

/// `run.json`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    pub schema_version: String,
    pub omniva_version: String,
    /// File name of the source, without its folder.
    pub source_name: String,
    pub dry_run: bool,
    pub decisions: Decisions,
    /// Delivered clips, in rank order.
    pub clips: Vec<ClipRecord>,
    pub failures: Vec<ClipFailure>,
    pub measured: RunMeasured,
}
