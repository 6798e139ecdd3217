//! An engine of its own for one file: the same actors, jobs and rulings as `omniva serve`, over a store in memory and a
//! library in a folder of the cache. Both are gone when the run ends; the finished stages stay in the cache.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use omniva_actors::engine::{Engine, Parts};
use omniva_actors::office::{Asked, Caller, Command, Office};
use omniva_actors::work::Work;
use omniva_actors::workers::{self, Errand, KeptAnalysis, Net, Publishing, SETTLE, Tools};
use omniva_assets::{Cache, Library, WorkDir};
use omniva_contracts::choice::{CandidateId, Verdict};
use omniva_contracts::config::{Config, EngineConfig, ModelManifest};
use omniva_contracts::engine::*;
use omniva_contracts::ports::{Ids, Seeded, SystemClock, Timed};
use omniva_contracts::qc::QcReport;
use omniva_contracts::record::ClipRecord;
use omniva_contracts::{Code, Fault};
use omniva_stages::{Layer, Program, Reporter, Workshop};
use omniva_store::{ClipFilter, JobFilter, PacketFilter, Page, Reader, Upkeep};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cli::CHILD;
use crate::engine::{DataFolder, DataVault, open};

/// Between two looks when nothing is committed: how soon Ctrl-C is seen.
const LOOK: Duration = Duration::from_millis(50);
/// What stopping may take. Children end at once; the rest is a few commits into memory.
const STOP: Duration = Duration::from_millis(600);
/// A machine that is busy with the video may keep a module waiting: nobody is missing here before that.
const DEADLINE_SECONDS: f64 = 30.0;
/// A clip's record is some tens of kilobytes.
const MAX_RECORD: u64 = 64 << 20;

pub struct Setup<'a> {
    pub config: Config,
    pub engine: EngineConfig,
    pub models: &'a Path,
    pub manifest: ModelManifest,
    pub cache: Cache,
    pub layers: Vec<Layer>,
    pub errand: Errand,
}

/// How one chosen clip ended.
pub enum End {
    /// Ruled on, and not edited: a dry run.
    Decided,
    /// Its files lie in the library for as long as the session lives.
    Finished {
        record: Box<ClipRecord>,
        video: PathBuf,
        thumbnail: PathBuf,
    },
    Failed(Box<Fault>),
    /// Rendered, and refused by quality control.
    Refused(Box<QcReport>),
}

/// What the engine made of the file.
pub struct Made {
    pub kept: KeptAnalysis,
    pub ends: Vec<(CandidateId, End)>,
}

pub struct Session {
    /// `None` while it is dropped.
    runtime: Option<tokio::runtime::Runtime>,
    engine: Engine,
    reader: Arc<dyn Reader>,
    library: Library,
    audience: Arc<dyn Reporter + Send + Sync>,
    dry_run: bool,
    _folder: WorkDir,
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.block_on(self.engine.stop(STOP));
            // What still runs has been told to stop, and its children end with this process.
            runtime.shutdown_background();
        }
    }
}

impl Session {
    pub fn start(setup: Setup<'_>) -> Result<Self, Fault> {
        let folder = setup.cache.work_dir()?;
        let library = Library::open(&folder.path().join("library"), 0)?;
        let (audience, dry_run) = (setup.errand.audience.clone(), setup.errand.dry_run);
        let mut ids = open::ids()?;
        let opened = omniva_store::open_memory(ids.next());
        let config = for_one_file(setup.engine.clone(), &setup.config);
        let personas = setup.config.personas.clone();
        let works = works(setup, &config, library.clone(), folder.path(), opened.upkeep)?;
        let parts = Parts {
            reader: opened.reader.clone(),
            writer: opened.writer,
            mandate: opened.mandate,
            clock: Arc::new(SystemClock),
            dice: Box::new(open::random()?),
            ids: Box::new(ids),
            works,
            config,
            personas,
            seal: None,
            logs: None,
            data: folder.path().to_owned(),
        };
        let runtime = open::runtime()?;
        let engine = runtime.block_on(Engine::start(parts))?;
        let reader = opened.reader;
        Ok(Self { runtime: Some(runtime), engine, reader, library, audience, dry_run, _folder: folder })
    }

    /// Sends the file through. `known` hears of the source as soon as it has been looked at, and may call the run off.
    ///
    /// Errors: the fault of the first step that failed, `cancelled`; single clips that fail are in the answer.
    pub fn follow(&self, known: &dyn Fn(&Video) -> Result<(), Fault>) -> Result<Made, Fault> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(self.whole_way(known)),
            None => Err(Fault::internal("the run has ended")),
        }
    }

    async fn whole_way(&self, known: &dyn Fn(&Video) -> Result<(), Fault>) -> Result<Made, Fault> {
        self.order().await?;
        let scrape = self.done(JobKind::Scrape).await?;
        let ScrapeResult { video: Some(video), .. } = result(&scrape)? else {
            return Err(Fault::internal("the file became no video"));
        };
        known(&video)?;
        let AnalyzeSummary { analysis_id, chosen, .. } = result(&self.done(JobKind::Analyze).await?)?;
        let analysis = self.reader.analysis(analysis_id).await?.ok_or_else(|| lost("the analysis"))?;
        let detail: AnalysisDetail = serde_json::from_value(analysis.raw_ai_output)
            .map_err(|e| Fault::internal("an analysis' row can't be read").with_detail(e))?;
        self.until_ruled(video.video_id).await?;
        let (mut ends, mut overruled) = (Vec::new(), Vec::new());
        // Rejected candidates are many in a long source; nobody waits for them.
        for id in chosen {
            let clip = self.reader.clip(id).await?.ok_or_else(|| lost("a clip"))?;
            let ruled = detail_of(&clip)?;
            match clip.status {
                ClipStatus::Rejected => overruled.push((ruled.candidate.clone(), ruled)),
                _ if self.dry_run => ends.push((ruled.candidate, End::Decided)),
                _ => ends.push((ruled.candidate, self.edited(clip.clip_id).await?)),
            }
        }
        // Read only now: the renders are over, and the analysis of a long source is large.
        let mut kept = KeptAnalysis::read(&self.library, &detail.artifact)?;
        overruled.iter().for_each(|(candidate, ruled)| overrule(&mut kept, candidate, ruled));
        Ok(Made { kept, ends })
    }

    /// A project with one creator, whose only item is the file.
    async fn order(&self) -> Result<(), Fault> {
        let mut ids = open::ids()?;
        let create =
            Command::CreateProject { name: "clip".into(), description: String::new(), settings: Default::default() };
        let data = self.ask(create, &mut ids).await?;
        let project = data.get("project_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let project = ProjectId(project.ok_or_else(|| Fault::internal("the project has no id"))?);
        self.ask(Command::StartProject { project, reason: "clip".into() }, &mut ids).await?;
        let add = Command::AddCreator {
            project,
            platform: Platform::Other,
            handle: "file".into(),
            profile_url: None,
            scrape_window_days: None,
            // Whoever runs the command answers for it.
            rights: RightsBasis::Unknown,
            source: None,
        };
        self.ask(add, &mut ids).await?;
        let scrape = Command::Scrape { project, creators: Vec::new(), since: None, until: None, force: false };
        self.ask(scrape, &mut ids).await.map(|_| ())
    }

    async fn ask(&self, command: Command, ids: &mut Timed<Seeded>) -> Result<Value, Fault> {
        let asked = Asked {
            command,
            caller: Caller { name: "cli".into(), role: Role::Admin },
            request_id: RequestId(ids.next()),
            trace_id: TraceId(ids.next()),
            method: "POST".into(),
            path: "/v1/clip".into(),
            idempotency: None,
        };
        let granted = self.engine.ask(asked).await;
        granted.map(|granted| granted.data).map_err(|r| Fault::internal(format!("{} ({})", r.message, r.code)))
    }

    /// Waits until the engine committed something, for a moment at most.
    async fn pause(&self) -> Result<(), Fault> {
        if self.audience.cancelled() {
            return Err(Fault::cancelled());
        }
        let mut committed = self.engine.committed();
        tokio::select! {
            ended = self.engine.ended() => Err(ended.err().unwrap_or_else(Fault::cancelled)),
            _ = committed.changed() => Ok(()),
            () = tokio::time::sleep(LOOK) => Ok(()),
        }
    }

    /// The job of this kind when it is done.
    async fn done(&self, kind: JobKind) -> Result<Job, Fault> {
        let filter = JobFilter { kind: Some(kind), ..JobFilter::default() };
        loop {
            self.nothing_failed().await?;
            let jobs = self.reader.jobs(&filter, Page { limit: 1, offset: 0 }).await?.items;
            if let Some(job) = jobs.into_iter().find(|job| job.state == JobState::Done) {
                return Ok(job);
            }
            self.pause().await?;
        }
    }

    /// Errors: the fault of a job before the edits, or the ruling that keeps the file out.
    async fn nothing_failed(&self) -> Result<(), Fault> {
        for kind in [JobKind::Discover, JobKind::Scrape, JobKind::Analyze] {
            let filter = JobFilter { kind: Some(kind), ..JobFilter::default() };
            for job in self.reader.jobs(&filter, Page { limit: 10, offset: 0 }).await?.items {
                fault_of(job)?;
            }
        }
        let filter = PacketFilter { kind: Some("video.".into()), ..PacketFilter::default() };
        for packet in self.reader.packets(&filter, 10).await? {
            if matches!(packet.draft.kind.as_str(), "video.rejected" | "video.quarantined") {
                let why = packet.draft.body.get("why").and_then(Value::as_str).unwrap_or_default();
                return Err(Fault::new(
                    Code::NothingToClip,
                    format!("the engine did not take the file in: {why}"),
                    "look at [engine.council] in the configuration",
                ));
            }
        }
        Ok(())
    }

    /// Until every chosen candidate has its ruling.
    async fn until_ruled(&self, video: VideoId) -> Result<(), Fault> {
        let statuses = vec![ClipStatus::ReadyForEdit];
        let filter = ClipFilter { video: Some(video), statuses, ..ClipFilter::default() };
        while self.reader.clips(&filter, Page { limit: 1, offset: 0 }).await?.total > 0 {
            self.pause().await?;
        }
        Ok(())
    }

    async fn edited(&self, clip: ClipId) -> Result<End, Fault> {
        let subject = Some(EntityRef::new(EntityType::Clip, clip));
        let filter = JobFilter { kind: Some(JobKind::Edit), subject, ..JobFilter::default() };
        loop {
            let job = self.reader.jobs(&filter, Page { limit: 1, offset: 0 }).await?.items.into_iter().next();
            match job {
                Some(job) if job.state == JobState::Done => return self.finished(&job),
                Some(job) => match fault_of(job) {
                    Err(fault) if fault.code == Code::Cancelled => return Err(fault),
                    Err(fault) => return Ok(End::Failed(Box::new(fault))),
                    Ok(()) => self.pause().await?,
                },
                None => self.pause().await?,
            }
        }
    }

    fn finished(&self, job: &Job) -> Result<End, Fault> {
        let EditResult { artifacts, qc, .. } = result(job)?;
        if !qc.passed() {
            return Ok(End::Refused(Box::new(qc)));
        }
        let path = |kind: ArtifactKind| {
            let found = artifacts.iter().find(|a| a.kind == kind).map(|a| a.path.as_str());
            found.ok_or_else(|| Fault::internal("a finished clip lacks a file").with_detail(format!("{kind:?}")))
        };
        let record = self.library.read(path(ArtifactKind::Record)?, MAX_RECORD)?;
        let record = serde_json::from_slice(&record)
            .map_err(|e| Fault::internal("a clip's record can't be read").with_detail(e))?;
        Ok(End::Finished {
            record: Box::new(record),
            video: self.library.unverified(path(ArtifactKind::Render)?)?,
            thumbnail: self.library.unverified(path(ArtifactKind::Thumbnail)?)?,
        })
    }
}

/// The engine's configuration where one file is all there is: nothing recurs and nothing is tried again by itself.
fn for_one_file(mut engine: EngineConfig, config: &Config) -> EngineConfig {
    engine.cron.clear();
    engine.eclipse.recover_rounds = 0;
    engine.council.deadline_seconds = engine.council.deadline_seconds.max(DEADLINE_SECONDS);
    if let Some(edits) = engine.queues.get_mut(&JobKind::Edit) {
        edits.limit = u32::try_from(Workshop::render_jobs(config)).unwrap_or(1);
    }
    engine
}

fn works(
    setup: Setup<'_>,
    engine: &EngineConfig,
    library: Library,
    folder: &Path,
    upkeep: Arc<dyn Upkeep>,
) -> Result<Vec<Arc<dyn Work>>, Fault> {
    let program =
        std::env::current_exe().map_err(|e| Fault::internal("omniva can't find its own binary").with_detail(e))?;
    let data = DataFolder::at(folder);
    let net = Arc::new(Net::new(&engine.network, (setup.config.limits.max_source_gigabytes * 1e9) as u64)?);
    Ok(workers::all(Tools {
        library,
        cache: setup.cache,
        models: setup.models.to_owned(),
        manifest: setup.manifest,
        config: setup.config,
        engine: engine.clone(),
        program: Program { path: program, args: vec![CHILD.into()] },
        output: data.output(),
        backups: data.backups(),
        upkeep,
        analyses: Default::default(),
        allow_missing_layers: setup.layers,
        settle: SETTLE,
        prints: Default::default(),
        publishing: Publishing::new(
            engine.endpoints.clone(),
            engine.publish.webhooks.clone(),
            Arc::new(DataVault::of(&data)),
            data.uploads(),
            Arc::new(SystemClock),
            net.clone(),
        ),
        net,
        drafter: None,
        errand: Some(setup.errand),
    }))
}

fn result<T: DeserializeOwned>(job: &Job) -> Result<T, Fault> {
    T::deserialize(job.result.as_ref().unwrap_or(&Value::Null))
        .map_err(|e| Fault::internal("a job's result can't be read").with_detail(e))
}

fn lost(what: &str) -> Fault {
    Fault::internal(format!("{what} that was just made is gone"))
}

fn detail_of(clip: &Clip) -> Result<ClipDetail, Fault> {
    ClipDetail::deserialize(&clip.metadata)
        .map_err(|e| Fault::internal("a clip's metadata can't be read").with_detail(e))
}

/// Errors: the job will not end well.
fn fault_of(job: Job) -> Result<(), Fault> {
    match job.state {
        JobState::Pending | JobState::Running | JobState::Done => Ok(()),
        JobState::Cancelled => Err(Fault::cancelled()),
        state => Err(job
            .fault
            .unwrap_or_else(|| Fault::internal(format!("the {} job is {}", job.kind.as_str(), state.as_str())))),
    }
}

/// The engine's ruling has the last word over the first choice.
fn overrule(kept: &mut KeptAnalysis, candidate: &CandidateId, ruled: &ClipDetail) {
    kept.choice.chosen.retain(|id| id != candidate);
    if let Some(found) = kept.choice.candidates.iter_mut().find(|c| c.id == *candidate) {
        found.verdict = Verdict::Rejected {
            by: ruled.rejected_by.unwrap_or(Module::Zenith),
            code: ruled.rejected_code.clone().unwrap_or_default(),
            reason: ruled.reason.clone(),
            because_of: None,
        };
    }
}
