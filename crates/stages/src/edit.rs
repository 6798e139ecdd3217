//! Chosen candidate → finished, checked clip: plan (pure), render and check (children), one repair.

use std::path::PathBuf;
use std::time::Instant;

use omniva_cognition::chorus;
use omniva_contracts::analysis::Analysis;
use omniva_contracts::choice::Candidate;
use omniva_contracts::config::{BrandKit, CaptionConfig, Config};
use omniva_contracts::jobs::{CheckJob, ChildJob, RenderJob, Rendered};
use omniva_contracts::plan::{CaptionPage, EditPlan};
use omniva_contracts::qc::{QcCheck, QcReport};
use omniva_contracts::record::{ClipDecision, ClipFiles, ClipMeasured, ClipRecord};
use omniva_contracts::{Code, Fault, Rect, SCHEMA_VERSION};
use omniva_editing::{Fonts, RepairKnobs};
use serde_json::json;
use uuid::Uuid;

use crate::deliver;
use crate::fonts::FontFile;
use crate::reporter::Stage;
use crate::source::Source;
use crate::workshop::{Access, Made, Workshop};

/// Parts of the cache keys: raise one when its stage would make something else of the same plan.
const RENDER_VERSION: u32 = 4;
const CHECK_VERSION: u32 = 1;

/// What is to be made: a candidate, its place among the chosen, and the id of the clip that it becomes.
pub struct Order<'a> {
    pub candidate: &'a Candidate,
    /// 1 is best.
    pub rank: u32,
    pub clip_id: Uuid,
    pub naming: Naming,
}

/// How a clip's files are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `NN-slug`: a folder holds the clips of one source.
    Ranked,
    /// `slug-` and the first 12 digits of the clip's id: a folder holds clips of many sources.
    Unique,
}

impl Naming {
    fn base(self, rank: u32, slug: &str, clip_id: Uuid) -> String {
        match self {
            Naming::Ranked => format!("{rank:02}-{slug}"),
            Naming::Unique => {
                let id = clip_id.simple().to_string();
                format!("{slug}-{}", id.get(..12).unwrap_or(&id))
            }
        }
    }
}

/// Everything that is decided about a clip before a frame is rendered.
pub struct Planned {
    pub candidate: Candidate,
    pub decision: ClipDecision,
    pub files: ClipFiles,
    /// The files' name without extension, for people.
    pub name: String,
}

/// A finished file and what is known about it.
pub struct Finished {
    pub video: PathBuf,
    pub thumbnail: PathBuf,
    pub plan: EditPlan,
    pub knobs: RepairKnobs,
    pub qc: QcReport,
    pub measured: ClipMeasured,
    /// Keeps the files from being pruned while they are in use.
    _rendered: Made<Rendered>,
}

/// A clip that could not be delivered.
pub struct Failed {
    pub fault: Box<Fault>,
    pub qc: Option<Box<QcReport>>,
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self { fault: Box::new(fault), qc: None }
    }
}

/// Pure: the same inputs give the same plan, whoever asks.
pub fn plan(
    config: &Config,
    source_name: &str,
    analysis: &Analysis,
    order: &Order<'_>,
    fonts: &Fonts,
) -> Result<Planned, Fault> {
    let Order { candidate, rank, clip_id, naming } = *order;
    let plan = omniva_editing::plan(analysis, candidate, config, clip_id, fonts)?;
    let transcript = omniva_editing::transcript(&plan, analysis);
    let metadata = chorus::draft(analysis, candidate, &transcript, &config.chorus, source_name);
    let slug = omniva_assets::slug(&metadata.title);
    let name = naming.base(rank, &slug, clip_id);
    let files = deliver::names(&name, plan.captions.is_some());
    let outputs = deliver::listed(&files);
    let decision = ClipDecision {
        rank,
        candidate: candidate.id.clone(),
        edit_job: omniva_editing::edit_job(&plan, source_name, outputs),
        framing: omniva_editing::framing(&plan, analysis),
        slug,
        plan,
        metadata,
        transcript,
    };
    Ok(Planned { candidate: candidate.clone(), decision, files, name })
}

pub fn produce(
    workshop: &Workshop<'_>,
    source: &Source,
    analysis: &Analysis,
    planned: &Planned,
    fonts: &[FontFile],
) -> Result<Finished, Failed> {
    if workshop.reporter.cancelled() {
        return Err(Fault::cancelled().into());
    }
    let name = planned.name.as_str();
    let bench = Bench { workshop, source, analysis, fonts, name };
    let first = bench.render_and_check(&planned.decision.plan, RepairKnobs::default())?;
    if first.qc.passed() {
        return Ok(first);
    }
    let what_failed = failures(&first.qc);
    let Some((plan, knobs, what)) = omniva_editing::repair(&planned.decision.plan, &first.qc) else {
        return Err(refused(name, first.qc));
    };
    workshop.reporter.note(&format!("{name} did not pass ({what_failed}); trying once more: {}", what.join(", ")));
    let mut second = bench.render_and_check(&plan, knobs)?;
    second.qc.repairs = what;
    if second.qc.passed() { Ok(second) } else { Err(refused(name, second.qc)) }
}

/// A finished clip once more, in another brand kit: as it was planned and repaired, so that nothing is decided anew. What
/// passed with one kit is not repaired for another; it is refused.
pub fn vary(
    workshop: &Workshop<'_>,
    source: &Source,
    analysis: &Analysis,
    fonts: &[FontFile],
    (name, done): (&str, &Finished),
    kit: &BrandKit,
) -> Result<Finished, Failed> {
    if workshop.reporter.cancelled() {
        return Err(Fault::cancelled().into());
    }
    let plan = omniva_editing::rebranded(&done.plan, kit, &workshop.config.captions);
    let varied = Bench { workshop, source, analysis, fonts, name }.render_and_check(&plan, done.knobs)?;
    if varied.qc.passed() { Ok(varied) } else { Err(refused(name, varied.qc)) }
}

/// The record of a finished clip. The captions' switch follows the plan that was rendered: a repair may change it.
pub fn record(analysis: &Analysis, planned: &Planned, done: &Finished) -> ClipRecord {
    let decision = &planned.decision;
    ClipRecord {
        schema_version: SCHEMA_VERSION.to_owned(),
        rank: decision.rank,
        slug: decision.slug.clone(),
        candidate: planned.candidate.clone(),
        clip_candidate: omniva_cognition::clip_candidate(analysis, &planned.candidate, Some(done.plan.clip_id)),
        votes: planned.candidate.votes.clone(),
        edit_job: decision.edit_job.clone(),
        plan: done.plan.clone(),
        metadata: decision.metadata.clone(),
        transcript: decision.transcript.clone(),
        framing: decision.framing.clone(),
        files: deliver::names(&planned.name, done.plan.captions.is_some()),
        qc: Some(done.qc.clone()),
        measured: Some(done.measured.clone()),
    }
}

/// What is said of a clip that quality control refused; `name` is that of its files.
pub fn refusal(name: &str, qc: &QcReport) -> Fault {
    Fault::new(
        Code::ClipRefused,
        format!("{name} did not pass quality control: {}", failures(qc)),
        "see the clip's checks in report.html; another layout or fewer edits may help (--layout, [edit] in the configuration)",
    )
}

fn failures(qc: &QcReport) -> String {
    qc.failed().map(|c| format!("{} {} (must be {})", c.name, c.measured, c.limit)).collect::<Vec<_>>().join("; ")
}

fn refused(name: &str, qc: QcReport) -> Failed {
    Failed { fault: Box::new(refusal(name, &qc)), qc: Some(Box::new(qc)) }
}

struct Bench<'a> {
    workshop: &'a Workshop<'a>,
    source: &'a Source,
    analysis: &'a Analysis,
    fonts: &'a [FontFile],
    name: &'a str,
}

impl Bench<'_> {
    fn render_and_check(&self, plan: &EditPlan, knobs: RepairKnobs) -> Result<Finished, Failed> {
        let started = Instant::now();
        let ass = plan.captions.is_some().then(|| omniva_editing::ass(plan));
        let key = json!({
            "source": self.source.info.sha256, "repairs": self.source.info.repairs,
            "plan": plan, "ass": ass, "gain_db": knobs.gain_db, "ceiling_offset_db": knobs.ceiling_offset_db,
        });
        let timer = self.workshop.begin(Stage::Render, self.name);
        let rendered = self.workshop.cached::<Rendered>(Stage::Render, RENDER_VERSION, &key, |out_dir| {
            self.render(plan, ass.as_deref(), knobs, out_dir)
        })?;
        self.workshop.end(timer, rendered.from_cache);
        let video = rendered.folder.join("clip.mp4");

        let timer = self.workshop.begin(Stage::Check, self.name);
        let key = json!({ "render": key, "version": RENDER_VERSION });
        let checked = self.workshop.cached::<QcReport>(Stage::Check, CHECK_VERSION, &key, |out_dir| {
            self.check(plan, &rendered.value, &video, out_dir)
        })?;
        self.workshop.end(timer, checked.from_cache);
        let mut qc = checked.value;
        qc.checks.extend(self.planned_checks(plan));
        Ok(Finished {
            thumbnail: rendered.folder.join("clip.jpg"),
            video,
            plan: plan.clone(),
            knobs,
            qc,
            measured: ClipMeasured {
                encoder: rendered.value.encoder.clone(),
                encoder_note: rendered.value.encoder_note.clone(),
                wall_seconds: started.elapsed().as_secs_f64(),
                cpu_seconds: rendered.value.cpu_seconds,
                loudness_before: rendered.value.loudness_before,
                from_cache: rendered.from_cache,
            },
            _rendered: rendered,
        })
    }

    fn render(
        &self,
        plan: &EditPlan,
        ass: Option<&str>,
        knobs: RepairKnobs,
        out_dir: &std::path::Path,
    ) -> Result<Rendered, Fault> {
        omniva_assets::require_space(out_dir, plan.encode.max_bytes * 2)?;
        let folder = self.workshop.work_dir()?;
        let fonts = folder.path().join("fonts");
        let write = |path: &std::path::Path, bytes: &[u8]| {
            std::fs::write(path, bytes).map_err(|e| Fault::writing("a work folder", &e))
        };
        std::fs::create_dir(&fonts).map_err(|e| Fault::writing("a work folder", &e))?;
        for font in self.fonts {
            write(&fonts.join(&font.file), &font.bytes)?;
        }
        let script = folder.path().join("captions.ass");
        if let Some(ass) = ass {
            write(&script, ass.as_bytes())?;
        }
        let brand = &plan.brand;
        let brand_files =
            brand.logo.iter().map(|l| l.file.clone()).chain(brand.intro.clone()).chain(brand.outro.clone());
        let job = RenderJob {
            media: self.source.media.clone(),
            info: self.source.info.clone(),
            plan: plan.clone(),
            ass: ass.map(|_| script),
            fonts,
            out_dir: out_dir.to_owned(),
            gain_db: knobs.gain_db,
            ceiling_offset_db: knobs.ceiling_offset_db,
            threads: self.workshop.encoder_threads(),
            thumbnail_times: omniva_editing::thumbnail_times(plan, self.analysis),
        };
        let mut read = self.source.readable();
        read.push(folder.path().to_owned());
        read.extend(brand_files);
        let access = Access { read, graphics: true, ..Access::new(plan.duration()) };
        self.workshop.child(Stage::Render, self.name, ChildJob::Render(Box::new(job)), access, out_dir)
    }

    fn check(
        &self,
        plan: &EditPlan,
        rendered: &Rendered,
        video: &std::path::Path,
        out_dir: &std::path::Path,
    ) -> Result<QcReport, Fault> {
        let job = CheckJob {
            file: video.to_owned(),
            out_dir: out_dir.to_owned(),
            expected_duration: plan.duration() + rendered.extra_seconds,
            width: plan.canvas.width,
            height: plan.canvas.height,
            fps: plan.canvas.fps,
            max_bytes: plan.encode.max_bytes,
            target_lufs: plan.audio.target_lufs,
            ceiling_dbtp: plan.audio.ceiling_dbtp,
            expect_sound: rendered.has_sound,
            still_seconds: rendered.longest_still,
        };
        let access = Access { read: vec![video.to_owned()], ..Access::new(plan.duration()) };
        self.workshop.child(Stage::Check, self.name, ChildJob::Check(job), access, out_dir)
    }

    /// What is checked on the plan rather than on pixels: faces in the crop, captions inside their area, pauses.
    fn planned_checks(&self, plan: &EditPlan) -> Vec<QcCheck> {
        let framing = omniva_editing::framing(plan, self.analysis);
        let mut checks = vec![QcCheck {
            name: "face_in_crop".into(),
            passed: framing.face_in_crop >= 0.98,
            measured: format!("{:.1} % of {} face samples", framing.face_in_crop * 100.0, framing.face_samples),
            limit: "≥ 98 %".into(),
        }];
        if let Some(captions) = &plan.captions {
            let outside = outside_safe_area(&captions.pages, &self.workshop.config.captions);
            checks.push(QcCheck {
                name: "captions".into(),
                passed: outside == 0,
                measured: format!("{outside} of {} pages outside the safe area", captions.pages.len()),
                limit: "none".into(),
            });
        }
        checks
    }
}

/// Pages that reach into the margins where the platforms draw their own buttons.
fn outside_safe_area(pages: &[CaptionPage], config: &CaptionConfig) -> usize {
    // A rounding error is no overflow.
    const SLACK: f64 = 0.002;
    let inside = |area: &Rect| {
        area.x >= config.safe_side - SLACK
            && area.x + area.w <= 1.0 - config.safe_side + SLACK
            && area.y >= config.safe_top - SLACK
            && area.y + area.h <= 1.0 - config.safe_bottom + SLACK
    };
    pages.iter().filter(|page| !inside(&page.area)).count()
}
