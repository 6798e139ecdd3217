//! INIT → CUT → REFINE → RENDER → STORE.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use omniva_cognition::flow::payload::EditPayload;
use omniva_cognition::variant::{Wanted, wanted};
use omniva_contracts::config::{Config, LayoutChoice};
use omniva_contracts::engine::*;
use omniva_contracts::qc::QcReport;
use omniva_contracts::record::{ClipMeasured, Draft};
use omniva_contracts::{Code, Fault};
use omniva_stages::{Edited, Failed, Naming, Order, Stage, edit_one, fonts};

use super::Tools;
use super::analyze::{KeptAnalysis, open};
use super::blocking::blocking;
use super::draft::{Wish, drafting};
use super::end::{Run, gone};
use super::renderings::{Base, Files, checked, keep, others};
use super::rows::{Belongs, clip, project, subject, unnamed, video};
use super::watch::{Leg, Watch};
use crate::work::{Work, WorkContext};

/// A second render, after quality control refused the first or for another place, moves nothing forward: progress never goes
/// back.
const LEGS: &[Leg] =
    &[(Stage::Ingest, "INIT", 0.0, 0.05), (Stage::Render, "RENDER", 0.08, 0.8), (Stage::Check, "RENDER", 0.8, 0.92)];
/// A pause this long is never cut (the configuration's own bound).
const NO_CUTS: f64 = 5.0;

pub(super) struct Editor(pub Arc<Tools>);

#[async_trait]
impl Work for Editor {
    fn kind(&self) -> JobKind {
        JobKind::Edit
    }

    async fn run(&self, job: Job, context: WorkContext) -> Outcome {
        self.0.outcome(self.edit(&job, &context).await, &context)
    }
}

/// Everything that rendering needs and the store knows.
struct Assignment {
    clip: Clip,
    detail: ClipDetail,
    video: Video,
    /// Key of the whole analysis.
    analysis: String,
    config: Config,
    job: JobId,
    /// No attempt follows this one.
    last: bool,
    /// What the project's places want: the first is what the clip is, `config` has its brand.
    first: Wanted,
    others: Vec<Wanted>,
    /// Taken before the render.
    wish: Option<Wish>,
}

/// What rendering gave.
struct Rendered {
    files: Files,
    renderings: Vec<Rendering>,
    qc: QcReport,
    draft: Draft,
    /// `None` when quality control refused the clip.
    measured: Option<ClipMeasured>,
}

impl Editor {
    async fn edit(&self, job: &Job, context: &WorkContext) -> Run<EditResult> {
        let watch = Arc::new(Watch::new(context, job, LEGS).before(self.0.audience()));
        let mut assignment = self.assignment(job, context).await?;
        let belongs = Belongs {
            project: assignment.video.project_id,
            video: assignment.video.video_id,
            clip: Some(assignment.clip.clip_id),
            now: Moment(context.clock.now_us()),
            days: self.0.engine.retention.analysis_days,
        };
        let (tools, wish) = (self.0.clone(), assignment.wish.take());
        let rendered = blocking(&watch, move |watch| render(&tools, assignment, watch)).await?;
        let drafting = match (self.0.drafter.clone(), wish) {
            (Some(drafter), Some(wish)) if rendered.qc.passed() => {
                let draft = rendered.draft.clone();
                let tools = self.0.clone();
                let ask = move |watch: &Watch| {
                    let endpoints = &tools.engine.endpoints;
                    drafting(&*drafter, wish, &draft, endpoints, &watch.part("STORE", 0.96, 0.99)).map(Some)
                };
                blocking(&watch, ask).await?
            }
            _ => None,
        };
        let measured = rendered.measured;
        Ok(EditResult {
            clip_id: belongs.clip.ok_or_else(|| unnamed("clip"))?,
            artifacts: rendered.files.iter().map(|(kind, kept)| belongs.artifact(job, *kind, kept)).collect(),
            qc: rendered.qc,
            renderings: rendered.renderings,
            draft: rendered.draft,
            drafting,
            encoder: measured.as_ref().map_or_else(String::new, |m| m.encoder.clone()),
            wall_seconds: measured.as_ref().map_or(0.0, |m| m.wall_seconds),
            cpu_seconds: measured.as_ref().map_or(0.0, |m| m.cpu_seconds),
        })
    }

    async fn assignment(&self, job: &Job, context: &WorkContext) -> Run<Assignment> {
        let reader = &*context.reader;
        let named: EditPayload = payload(&job.payload)?;
        let order = reader.edit_job(named.edit_job_id).await?.ok_or_else(|| gone("edit job", named.edit_job_id))?;
        let id = subject(job, EntityType::Clip).map_or(named.clip_id, ClipId);
        let clip = clip(reader, id).await?;
        let video = video(reader, clip.video_id).await?;
        let project = project(reader, video.project_id).await?;
        let detail: ClipDetail = serde_json::from_value(clip.metadata.clone())
            .map_err(|e| Fault::internal("a clip's metadata can't be read").with_detail(e))?;
        let analysis = match detail.analysis_id {
            Some(id) => reader.analysis(id).await?,
            None => reader.active_analysis(video.video_id).await?,
        };
        let analysis = analysis.ok_or_else(|| gone("analysis of the video", video.video_id))?;
        let kept: AnalysisDetail = serde_json::from_value(analysis.raw_ai_output)
            .map_err(|e| Fault::internal("an analysis' row can't be read").with_detail(e))?;
        let mut config = project_config(&self.0.config, &project)?;
        restrict(&mut config, &order);
        let (first, others) = wanted(outlets(&project)?, &config.brand, &self.0.engine.endpoints);
        config.brand = first.brand.clone();
        if order.gpu_required && !graphics_card() {
            tracing::warn!(job = %job.id, clip = %id, "a graphics card was asked for and there is none: the clip is encoded by the processor");
        }
        let wish = Wish::of(&project, &detail);
        let last = job.attempt >= job.max_attempts;
        Ok(Assignment { clip, detail, video, analysis: kept.artifact, config, job: job.id, last, first, others, wish })
    }
}

/// The places that a project publishes to.
fn outlets(project: &Project) -> Result<Vec<Outlet>, Fault> {
    let mut all = Vec::new();
    for channel in project.settings.channels_in_use() {
        all.extend(Outlet::of(&Target::parse(&channel.target)?));
    }
    Ok(all)
}

/// Leaves out what the operator did not ask for. Rows whose operations are no such list (none, or the steps of the plan)
/// ask for everything.
fn restrict(config: &mut Config, order: &EditJobRow) {
    let named: Vec<&str> = order.operations.as_array().into_iter().flatten().filter_map(|v| v.as_str()).collect();
    if named.is_empty() || !named.iter().all(|name| crate::office::EDIT_OPERATIONS.contains(name)) {
        return;
    }
    if !named.contains(&"autocut") {
        config.edit.cut_fillers = false;
        config.edit.max_pause = NO_CUTS;
    }
    if !named.contains(&"reframe") {
        config.clip.layout = LayoutChoice::Fit;
    }
    if !named.contains(&"captions") {
        config.clip.captions = "none".into();
    }
    if !named.contains(&"audio") {
        config.edit.denoise = false;
        config.edit.deess = false;
        config.edit.compress_ratio = 1.0;
    }
}

fn graphics_card() -> bool {
    std::path::Path::new("/dev/nvidiactl").exists()
}

fn render(tools: &Tools, mut assignment: Assignment, watch: &Watch) -> Result<Rendered, Fault> {
    let more = std::mem::take(&mut assignment.others);
    let Assignment { clip, detail, video, config, .. } = &assignment;
    tools.library.require_space(u64::from(config.encode.max_megabytes) * 2_000_000)?;
    let kept = tools.analyses.get(&assignment.analysis, || KeptAnalysis::read(&tools.library, &assignment.analysis))?;
    let candidate = kept.choice.get(&detail.candidate).ok_or_else(|| {
        Fault::new(
            Code::NotFound,
            format!("candidate {} is not in the analysis of {}", detail.candidate, video.title),
            "analyse the video again",
        )
    })?;
    let fonts = fonts(config)?;
    // What the analysis chose is edited together, as far as the queue lets it.
    let beside = kept.choice.chosen.len().min(tools.engine.queue(JobKind::Edit).limit as usize);
    let workshop = tools.workshop(config, watch)?.rendering(beside);
    let source = open(tools, &workshop, video)?;
    // A clip that an operator wants although it was rejected comes after all the chosen ones.
    let rank = detail.rank.unwrap_or(kept.choice.chosen.len() as u32 + 1);
    let order = match &tools.errand {
        // The folder is the run's own, and runs repeat each other byte for byte.
        Some(_) => {
            let clip_id = omniva_stages::run::clip_id(&source.info.sha256, config, candidate);
            Order { candidate, rank, clip_id, naming: Naming::Ranked }
        }
        None => Order { candidate, rank, clip_id: clip.clip_id.0, naming: Naming::Unique },
    };
    let draft = Mutex::new(Draft::default());
    watch.at("CUT", 0.05);
    let edited = edit_one(&workshop, &source, &kept.analysis, &order, &fonts, &|planned| {
        *draft.lock().unwrap_or_else(PoisonError::into_inner) = planned.decision.metadata.clone();
        watch.at("REFINE", 0.07);
    });
    let edited = match edited {
        Ok(edited) => edited,
        Err(failed) => return refused(failed, draft.into_inner().unwrap_or_else(PoisonError::into_inner)),
    };
    let base = Base { workshop: &workshop, source: &source, analysis: &kept.analysis, fonts: &fonts, edited: &edited };
    let more = others(&base, more, assignment.last, watch)?;
    let mut files = store(tools, assignment.job, &edited, watch)?;
    let of = |kind: ArtifactKind| files.iter().find(|(of, _)| *of == kind).map(|(_, kept)| kept);
    let (Some(video), Some(thumbnail)) = (of(ArtifactKind::Render), of(ArtifactKind::Thumbnail)) else {
        return Err(Fault::internal("a finished clip was kept without its video"));
    };
    let (renderings, added) = keep(tools, assignment.job.0, (assignment.first.clone(), video, thumbnail), more, watch)?;
    files.extend(added);
    workshop.prune()?;
    let record = edited.record;
    let qc = record.qc.unwrap_or_default();
    Ok(Rendered { files, renderings, qc, draft: record.metadata, measured: record.measured })
}

/// What quality control refused is a result; everything else a fault.
fn refused(failed: Failed, draft: Draft) -> Result<Rendered, Fault> {
    match failed.qc {
        Some(qc) if !qc.passed() => {
            Ok(Rendered { files: Vec::new(), renderings: Vec::new(), qc: *qc, draft, measured: None })
        }
        _ => Err(*failed.fault),
    }
}

/// Puts the finished files into the library. The job owns them, so that a later edit of the same clip has its own.
fn store(tools: &Tools, job: JobId, edited: &Edited, watch: &Watch) -> Result<Files, Fault> {
    let (library, owner) = (&tools.library, Some(job.0));
    let part = watch.part("STORE", 0.92, 0.95);
    let mut files = Vec::new();
    let video = library.put_file(&edited.video(), ArtifactKind::Render, owner, "mp4", &part)?;
    if let Some(qc) = &edited.record.qc {
        checked(&qc.sha256, &video)?;
    }
    files.push((ArtifactKind::Render, video));
    let thumbnail = library.put_file(&edited.thumbnail(), ArtifactKind::Thumbnail, owner, "jpg", &part)?;
    files.push((ArtifactKind::Thumbnail, thumbnail));
    for (name, text) in edited.subtitles() {
        let extension = name.rsplit('.').next().unwrap_or_default();
        let kept = library.put_bytes(text.as_bytes(), ArtifactKind::Subtitles, owner, extension)?;
        files.push((ArtifactKind::Subtitles, kept));
    }
    let record = library.put_bytes(&edited.record_bytes()?, ArtifactKind::Record, owner, "json")?;
    files.push((ArtifactKind::Record, record));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use omniva_contracts::engine::{EditJobId, EditJobRow, JobId, WorkStatus};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    fn restricted(operations: Value) -> Config {
        let mut config = Config::load(None).expect("loads");
        let order = EditJobRow {
            edit_job_id: EditJobId(Uuid::nil()),
            clip_id: ClipId(Uuid::nil()),
            job_id: JobId(Uuid::nil()),
            operations,
            ffmpeg_commands: Vec::new(),
            gpu_required: false,
            estimated_duration_seconds: None,
            status: WorkStatus::Queued,
            created_at: Moment(0),
            version: 1,
        };
        restrict(&mut config, &order);
        config.validate().expect("still valid");
        config
    }

    #[test]
    fn operations_leave_out_what_they_do_not_name() {
        let whole = Config::load(None).expect("loads");
        for all in [json!([]), json!(null), json!(["cut 1–2 s (silence)"])] {
            assert_eq!(restricted(all), whole);
        }
        assert_eq!(restricted(json!(["autocut", "reframe", "captions", "audio"])), whole);
        let bare = restricted(json!(["captions"]));
        assert_eq!((bare.clip.captions.as_str(), bare.clip.layout), ("bold", LayoutChoice::Fit));
        assert!(!bare.edit.cut_fillers && !bare.edit.denoise && bare.edit.max_pause == NO_CUTS);
        assert_eq!(restricted(json!(["autocut"])).clip.captions, "none");
    }
}
