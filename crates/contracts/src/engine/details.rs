//! What stands inside the open fields of jobs and rows, so that the side that writes them and the sides that read them
//! agree: payloads of jobs, and the metadata of clips and analyses.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    AnalysisId, ClipId, CreatorId, EntityRef, EntityType, FoundItem, JobKind, Moment, PostId, Project, ProjectSettings,
};
use crate::analysis::{Language, ModelRun};
use crate::choice::{CandidateId, Features, Module};
use crate::config::Config;
use crate::fault::Fault;
use crate::ports::{Ids, Seeded};

/// Payload of a Discover job; its subject is the creator. An empty object is valid.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiscoverPayload {
    /// The subject, where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creator_id: Option<CreatorId>,
    /// Instead of the creator's window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Items whose scrape failed before are offered again.
    pub force: bool,
}

/// Payload of a Scrape job; its subject is the post that is to be ([`post_id`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScrapePayload {
    pub creator_id: CreatorId,
    pub item: FoundItem,
}

impl ScrapePayload {
    pub fn subject(&self) -> EntityRef {
        EntityRef::new(EntityType::Post, post_id(self.creator_id, &self.item.platform_post_id))
    }
    /// `unique_key` of the job.
    pub fn unique_key(&self) -> String {
        format!("{}:{}", JobKind::Scrape.as_str(), post_id(self.creator_id, &self.item.platform_post_id))
    }
}

/// The id that a creator's item has from the moment it is found: jobs can name it before there is a row.
pub fn post_id(creator: CreatorId, platform_post_id: &str) -> PostId {
    PostId(Seeded::new(format!("post {creator} {platform_post_id}").as_bytes()).next())
}

/// What a Maintain job does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaintainTask {
    /// Files whose time is over; old answers and jobs.
    Retention,
    /// Files without a row, unfinished files, the cache.
    #[serde(alias = "orphan_sweep")]
    Sweep,
    /// Rows and packets against each other, files against their hashes.
    Audit,
    /// A consistent copy of the store.
    Backup,
    #[default]
    All,
}

impl MaintainTask {
    pub fn as_str(self) -> &'static str {
        match self {
            MaintainTask::Retention => "retention",
            MaintainTask::Sweep => "sweep",
            MaintainTask::Audit => "audit",
            MaintainTask::Backup => "backup",
            MaintainTask::All => "all",
        }
    }
}

/// Payload of a Maintain job. An empty object does everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MaintainPayload {
    pub task: MaintainTask,
}

/// What [`super::Clip::metadata`] holds. Unknown keys are kept out of the way of later versions: they are ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClipDetail {
    /// Where it was found, and under which name there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis_id: Option<AnalysisId>,
    pub candidate: CandidateId,
    /// Place among the chosen of its video, from 1; `None` when it was not chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<u32>,
    /// Drafted before the edit; the final texts are in the edit's result.
    pub title: String,
    /// Why it was chosen, or why not.
    pub reason: String,
    /// Only of a rejected one: who rejected it, the stable code, and the clip that it lost to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected_by: Option<Module>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because_of: Option<ClipId>,
    /// First words.
    pub opening: String,
    /// What is said in it, at most 4,000 characters.
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    pub keywords: Vec<String>,
    /// [`crate::analysis::Embedding`] of what is said: mean over its sentences; empty without speech.
    pub embedding: String,
    pub speakers: Vec<u32>,
    pub features: Features,
    pub virality: f64,
    pub relevance: f64,
    pub consensus: f64,
    pub dissent: f64,
    pub horizon_bias: f64,
    pub rank_score: f64,
}

/// What [`super::AnalysisRow::raw_ai_output`] holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnalysisDetail {
    /// Key of the whole analysis in the asset store, and its SHA-256.
    pub artifact: String,
    pub sha256: String,
    /// The configuration that the choice was made with.
    pub config_sha256: String,
    /// Of the personas' learnt weights in it; 0 where they count as configured.
    pub personas_version: u64,
    pub models: Vec<ModelRun>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_none: Option<String>,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
    pub windows_scanned: u64,
    pub candidates: u64,
}

/// Reads a payload. Errors: `internal`, because only the engine itself writes payloads.
pub fn payload<T: DeserializeOwned>(value: &Value) -> Result<T, Fault> {
    serde_json::from_value(value.clone()).map_err(|e| Fault::internal("a job's payload can't be read").with_detail(e))
}

/// The clip configuration of one project: the engine's own with the project's settings on top.
///
/// A shortest length above the engine's longest (or the other way round) moves that one, where the project does not
/// set both. Errors: `config_invalid`.
pub fn project_config(base: &Config, project: &Project) -> Result<Config, Fault> {
    let mut config = base.clone();
    let ProjectSettings {
        clips_per_video, clip_min_seconds, clip_max_seconds, language, captions, keywords, mix, ..
    } = &project.settings;
    let clip = &mut config.clip;
    if let Some(count) = clips_per_video {
        clip.count = *count;
    }
    if let Some(min) = clip_min_seconds {
        clip.min_seconds = *min;
        if clip_max_seconds.is_none() {
            clip.max_seconds = clip.max_seconds.max(*min);
        }
    }
    if let Some(max) = clip_max_seconds {
        clip.max_seconds = *max;
        if clip_min_seconds.is_none() {
            clip.min_seconds = clip.min_seconds.min(*max);
        }
    }
    if let Some(language) = language {
        clip.language.clone_from(language);
    }
    if let Some(captions) = captions {
        clip.captions.clone_from(captions);
    }
    if !keywords.is_empty() {
        clip.keywords.clone_from(keywords);
    }
    if !mix.is_empty() {
        config.horizon.mix.clone_from(mix);
    }
    config.validate().map_err(|fault| Fault {
        message: format!("the settings of project {} don't fit: {}", project.name, fault.message),
        next_step: "correct the project's settings, then retry the job".into(),
        ..fault
    })?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::engine::{ProjectId, ProjectStatus};
    use crate::fault::Code;

    fn project(settings: ProjectSettings) -> Project {
        Project {
            project_id: ProjectId(Uuid::nil()),
            name: "p".into(),
            description: String::new(),
            status: ProjectStatus::Running,
            settings,
            created_at: Moment(0),
            updated_at: Moment(0),
            version: 1,
        }
    }

    #[test]
    fn settings_overlay_the_configuration_and_are_checked() {
        let base = Config::load(None).expect("loads");
        assert_eq!(project_config(&base, &project(ProjectSettings::default())), Ok(base.clone()));
        let settings = ProjectSettings {
            clips_per_video: Some(2),
            clip_min_seconds: Some(90.0),
            captions: Some("none".into()),
            keywords: vec!["sea".into()],
            ..ProjectSettings::default()
        };
        let config = project_config(&base, &project(settings)).expect("valid");
        assert_eq!((config.clip.count, config.clip.min_seconds, config.clip.max_seconds), (2, 90.0, 90.0));
        assert_eq!((config.clip.captions.as_str(), config.clip.keywords.len()), ("none", 1));
        let bad = ProjectSettings { captions: Some("no such style".into()), ..ProjectSettings::default() };
        assert_eq!(project_config(&base, &project(bad)).expect_err("refused").code, Code::ConfigInvalid);
    }

    #[test]
    fn an_item_keeps_its_id_and_creators_do_not_share_them() {
        let (a, b) = (CreatorId(Uuid::from_u128(1)), CreatorId(Uuid::from_u128(2)));
        assert_eq!(post_id(a, "x"), post_id(a, "x"));
        assert_ne!(post_id(a, "x"), post_id(b, "x"));
    }

    #[test]
    fn an_empty_payload_is_the_default() {
        assert_eq!(payload::<MaintainPayload>(&serde_json::json!({})), Ok(MaintainPayload::default()));
        assert!(payload::<ScrapePayload>(&serde_json::json!({})).is_err());
    }
}
