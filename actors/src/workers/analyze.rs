//! INIT → TRANSCRIBE → NLP_ANALYSIS → CLIP_DETECTION → SAVE.

use std::sync::Arc;

use async_trait::async_trait;
use omniva_assets::{Kept, Library};
use omniva_contracts::analysis::Analysis;
use omniva_contracts::choice::Choice;
use omniva_contracts::config::Config;
use omniva_contracts::engine::*;
use omniva_contracts::{Code, Fault};
use omniva_stages::{Source, Stage, Workshop, analyze, ingest_as, long_enough, models_present};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::blocking::blocking;
use super::end::Run;
use super::rows::{Belongs, id_of, project, subject, unnamed, video};
use super::watch::{Leg, Watch};
use super::{Tools, candidates};
use crate::measured;
use crate::work::{Work, WorkContext};

/// Listening and watching run side by side and share a step; listening takes longer.
const LEGS: &[Leg] = &[
    (Stage::Ingest, "INIT", 0.0, 0.05),
    (Stage::Listen, "TRANSCRIBE", 0.05, 0.75),
    (Stage::Watch, "TRANSCRIBE", 0.05, 0.6),
    (Stage::Read, "NLP_ANALYSIS", 0.75, 0.92),
    (Stage::Choose, "CLIP_DETECTION", 0.92, 0.95),
];
/// Largest analysis that is read back: ten hours are some tens of megabytes.
const MAX_BYTES: u64 = 1 << 30;

/// The whole analysis as it is kept: everything that later decisions about the video rest on.
#[derive(Serialize, Deserialize)]
pub struct KeptAnalysis {
    pub analysis: Analysis,
    pub choice: Choice,
    pub config: Config,
}

impl KeptAnalysis {
    /// Errors: `not_found`, `input_corrupt`.
    pub fn read(library: &Library, key: &str) -> Result<Self, Fault> {
        let bytes = library.read(key, MAX_BYTES)?;
        serde_json::from_slice(&bytes).map_err(|e| {
            Fault::new(
                Code::InputCorrupt,
                "the kept analysis was written by another version and can't be read",
                "analyse the video again",
            )
            .with_detail(e)
        })
    }
}

pub(super) struct Analyzer(pub Arc<Tools>);

#[async_trait]
impl Work for Analyzer {
    fn kind(&self) -> JobKind {
        JobKind::Analyze
    }

    async fn run(&self, job: Job, context: WorkContext) -> Outcome {
        self.0.outcome(self.analyze(&job, &context).await, &context)
    }
}

impl Analyzer {
    async fn analyze(&self, job: &Job, context: &WorkContext) -> Run<AnalyzeResult> {
        let watch = Arc::new(Watch::new(context, job, LEGS).before(self.0.audience()));
        let named = job.payload.get("video_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let id = named.or_else(|| subject(job, EntityType::Video).map(VideoId)).ok_or_else(|| unnamed("video"))?;
        let video = video(&*context.reader, id).await?;
        let project = project(&*context.reader, video.project_id).await?;
        let mut config = project_config(&self.0.config, &project)?;
        let (personas, version) = measured::personas(&*context.reader, &self.0.engine, &config.personas).await?;
        config.personas = personas;
        let tools = self.0.clone();
        let found = {
            let (tools, video, config) = (tools.clone(), video.clone(), config.clone());
            blocking(&watch, move |watch| understand(&tools, &video, &config, watch)).await?
        };
        watch.at("SAVE", 0.95);
        let owner = job.id.0;
        let (kept, found) = blocking(&watch, move |_| Ok((keep(&tools, &found, owner)?, found))).await?;
        let belongs = Belongs {
            project: video.project_id,
            video: id,
            clip: None,
            now: Moment(context.clock.now_us()),
            days: self.0.engine.retention.analysis_days,
        };
        let artifact = belongs.artifact(job, ArtifactKind::Analysis, &kept);
        let analysis_id = AnalysisId(id_of(job, "analysis"));
        Ok(AnalyzeResult {
            analysis: candidates::analysis(analysis_id, &found, &belongs, &artifact, version),
            clips: candidates::clips(job, analysis_id, &found, &belongs, &video.title),
            artifacts: vec![artifact],
        })
    }
}

/// The source of a video out of the library; its bytes are hashed on the way.
pub(super) fn open(tools: &Tools, workshop: &Workshop<'_>, video: &Video) -> Result<Source, Fault> {
    let path = match &tools.errand {
        Some(errand) => errand.file.clone(),
        None => tools.library.unverified(&video.file_path)?,
    };
    let source = ingest_as(workshop, &path, &video.title)?;
    if source.info.sha256 == video.checksum {
        return Ok(source);
    }
    Err(Fault::new(
        Code::InputCorrupt,
        format!("the raw material of {} in the engine's library is not what was scraped", video.title),
        "the disk or somebody else changed it: put the file into the inbox again",
    ))
}

fn understand(tools: &Tools, video: &Video, config: &Config, watch: &Watch) -> Result<KeptAnalysis, Fault> {
    models_present(&tools.models, &tools.manifest)?;
    let workshop = tools.workshop(config, watch)?;
    let source = open(tools, &workshop, video)?;
    long_enough(&source, config.clip.min_seconds)?;
    let (analysis, choice) = analyze(&workshop, &source)?;
    workshop.prune()?;
    Ok(KeptAnalysis { analysis, choice, config: config.clone() })
}

/// The job is the owner: a later analysis that finds the same has a file and a row of its own.
fn keep(tools: &Tools, found: &KeptAnalysis, owner: Uuid) -> Result<Kept, Fault> {
    let bytes = serde_json::to_vec(found)
        .map_err(|e| Fault::internal("an analysis can't be written as JSON").with_detail(e))?;
    tools.library.put_bytes(&bytes, ArtifactKind::Analysis, Some(owner), "json")
}
