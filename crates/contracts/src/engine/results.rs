//! What workers hand back in `Outcome::Done`: rows as they propose them (version 1 for new ones). Nothing is state before
//! Zenith has committed it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    AnalysisId, AnalysisRow, Artifact, ArtifactId, Clip, ClipId, CreatorId, Drafting, Moment, Outlet, Post, ScheduleId,
    Spending, UploadJobId, Video, VideoId, WorkStatus,
};
use crate::fault::Fault;
use crate::qc::QcReport;
use crate::record::Draft;

/// One item at a creator's source that was not seen before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundItem {
    /// The platform's own id; for an inbox, SHA-256 over name, size and time of change.
    pub platform_post_id: String,
    /// `file:///…` or `https://…`
    pub url: String,
    pub title: String,
    pub bytes: Option<u64>,
    pub posted_at: Option<Moment>,
    #[serde(default, skip_serializing_if = "PostDetails::is_empty")]
    pub details: PostDetails,
}

/// What a source says about an item, as far as it says so. Texts of strangers: shown, never acted upon.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostDetails {
    /// At most [`PostDetails::MAX_TEXT`] characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Hashtags and categories without `#`, at most [`PostDetails::MAX_LIST`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Languages of captions that the source has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub captions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
    /// Pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The page that shows the item to people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub views: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub likes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comments: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shares: Option<u64>,
}

impl PostDetails {
    pub const MAX_TEXT: usize = 5000;
    pub const MAX_LIST: usize = 50;

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
    /// What is known of both; `later` has the word where both know.
    pub fn updated(self, later: Self) -> Self {
        let list = |old: Vec<String>, new: Vec<String>| if new.is_empty() { old } else { new };
        Self {
            description: later.description.or(self.description),
            author: later.author.or(self.author),
            tags: list(self.tags, later.tags),
            captions: list(self.captions, later.captions),
            duration_seconds: later.duration_seconds.or(self.duration_seconds),
            width: later.width.or(self.width),
            height: later.height.or(self.height),
            media_type: later.media_type.or(self.media_type),
            page: later.page.or(self.page),
            views: later.views.or(self.views),
            likes: later.likes.or(self.likes),
            comments: later.comments.or(self.comments),
            shares: later.shares.or(self.shares),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiscoverResult {
    pub creator_id: CreatorId,
    pub items: Vec<FoundItem>,
    /// Files that still grow, are not media, …: name and reason.
    pub skipped: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScrapeResult {
    pub post: Post,
    /// `None` when a video with the same checksum is there already.
    pub video: Option<Video>,
    pub duplicate_of: Option<VideoId>,
    pub artifacts: Vec<Artifact>,
}

/// What a video has in common with another one, by their fingerprints; stands in its post's `raw_metadata` as `likeness`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoLikeness {
    pub other: VideoId,
    /// Lengths of this video and of the other one.
    pub own_seconds: f64,
    pub other_seconds: f64,
    /// `None` where too little is common to count.
    pub audio: Option<CommonStretch>,
    pub video: Option<CommonStretch>,
    /// Both have sound that could agree.
    pub both_sound: bool,
    /// Second of the other one that lies under second 0 of this one.
    pub offset: f64,
    /// Left and right are exchanged.
    pub mirrored: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommonStretch {
    pub seconds: f64,
    /// 0..1: how much of what could agree within it does.
    pub similarity: f64,
    /// First and last common second of this video.
    pub from: f64,
    pub to: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnalyzeResult {
    pub analysis: AnalysisRow,
    /// Every candidate that was looked at: READY_FOR_EDIT, or REJECTED with its reason in the metadata.
    pub clips: Vec<Clip>,
    pub artifacts: Vec<Artifact>,
}

/// What the job keeps of an [`AnalyzeResult`] that became rows: of a source of hours it is megabytes, and nobody needs them
/// twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnalyzeSummary {
    pub analysis_id: AnalysisId,
    /// Candidates that were looked at; each is a clip.
    pub candidates: u64,
    /// Those that were not rejected, in order of time.
    pub chosen: Vec<ClipId>,
    pub artifacts: Vec<ArtifactId>,
}

/// A file of a clip, as the places that it goes to ask for. The first of a clip is what the clip is; the others differ only
/// in what a place forbids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rendering {
    /// Two renderings of a clip never have the same name: `project` is made as the project says.
    pub variant: String,
    /// Where it goes, of the places that the project published to when it was made.
    pub outlets: Vec<Outlet>,
    /// What differs from the project's own, and why; empty for that one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Keys in the asset store; `None` where there is no file, for the reason in `fault`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
    /// Of the video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Why there is no file. Only the places above wait for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditResult {
    pub clip_id: ClipId,
    pub artifacts: Vec<Artifact>,
    /// Of the first rendering.
    pub qc: QcReport,
    /// One for each way in which the project's places want the clip, the first the one that all other fields are about;
    /// empty when that was refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renderings: Vec<Rendering>,
    /// Chorus: title, description, keywords, and what was changed.
    pub draft: Draft,
    /// What came of a model's draft, where the project wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drafting: Option<Drafting>,
    pub encoder: String,
    pub wall_seconds: f64,
    pub cpu_seconds: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduleResult {
    pub schedule_id: ScheduleId,
    /// `None` where no time was found: then `fault` says which rules are in conflict.
    pub recommended_time: Option<Moment>,
    /// Why this time, or which change of the rules would make one free; with what later plans need to know of the clip.
    pub reasons: Value,
    /// `scheduler_fault`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// When to look again, where no time was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_again: Option<Moment>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UploadResult {
    pub upload_job_id: UploadJobId,
    pub status: WorkStatus,
    /// The platform's id of the post; for `folder`, where the files lie.
    pub response: Value,
    /// What all attempts have spent of the platform's limits; `None` where nothing limits them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spending: Option<Spending>,
}

/// Maintenance says what it removed or found; Zenith writes it down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MaintainResult {
    pub task: String,
    /// Rows of artifacts as they are now (`removed_at` set).
    pub artifacts: Vec<Artifact>,
    pub removed_files: u64,
    pub removed_bytes: u64,
    pub findings: Vec<String>,
    /// Final jobs that ended before this may be deleted.
    pub purge_jobs_before: Option<Moment>,
    pub purge_answers_before: Option<Moment>,
    /// Figures of posts that were measured before this may be deleted.
    #[serde(default)]
    pub purge_samples_before: Option<Moment>,
}
