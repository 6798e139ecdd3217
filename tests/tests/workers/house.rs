//! A small engine without actors: an inbox, a library, a store in memory, and the workers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use omniva_actors::work::{Sign, Stop, StopSign, Work, WorkContext};
use omniva_actors::workers::{self, Net, Tools};
use omniva_assets::{Cache, Library};
use omniva_cognition::jobs::{NewJob, new_job};
use omniva_contracts::Fault;
use omniva_contracts::config::{Config, Endpoints, EngineConfig, ModelManifest};
use omniva_contracts::engine::*;
use omniva_contracts::ports::{Clock, Seeded, SystemClock};
use omniva_stages::Program;
use omniva_store::{ArtifactFilter, Opened, Page, open_memory};
use omniva_tests::{binary, models};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

/// The wall clock, and a little later.
struct Shifted(Arc<AtomicI64>);

impl Clock for Shifted {
    fn now_us(&self) -> i64 {
        SystemClock.now_us() + self.0.load(Ordering::Relaxed)
    }
}

pub struct House {
    pub folder: tempfile::TempDir,
    pub inbox: PathBuf,
    pub output: PathBuf,
    pub engine: EngineConfig,
    pub config: Config,
    opened: Opened,
    creator: CreatorId,
    project: ProjectId,
    works: Vec<Arc<dyn Work>>,
    reserve: u64,
    shift: Arc<AtomicI64>,
    ids: Mutex<Seeded>,
    runtime: tokio::runtime::Runtime,
}

/// What a run told, and when it is to be stopped.
#[derive(Clone, Default)]
pub struct Told {
    signs: Arc<Mutex<Vec<Sign>>>,
    stop_at: Option<(String, f64, Stop)>,
    stopped: Arc<Mutex<Option<Instant>>>,
    took: Arc<Mutex<Option<Duration>>>,
}

impl Told {
    pub fn stopping(step: &str, progress: f64, stop: Stop) -> Self {
        Self { stop_at: Some((step.to_owned(), progress, stop)), ..Self::default() }
    }
    /// Steps in the order in which they were first told.
    pub fn steps(&self) -> Vec<String> {
        let mut steps: Vec<String> = Vec::new();
        for sign in self.signs.lock().expect("unpoisoned").iter() {
            if steps.last() != Some(&sign.step) {
                steps.push(sign.step.clone());
            }
        }
        steps
    }
    pub fn never_goes_back(&self) -> bool {
        let signs = self.signs.lock().expect("unpoisoned");
        signs.windows(2).all(|w| w[0].progress <= w[1].progress) && signs.iter().all(|s| s.progress <= 1.0)
    }
    pub fn since_stop(&self) -> Option<Duration> {
        *self.took.lock().expect("unpoisoned")
    }
}

pub fn done<T: DeserializeOwned>(outcome: Outcome) -> T {
    match outcome {
        Outcome::Done { result } => serde_json::from_value(result).expect("a result of this kind"),
        other => panic!("not done: {other:?}"),
    }
}

/// A sound of that many seconds as a WAV file, 16 kHz mono.
pub fn tone(seconds: u32) -> Vec<u8> {
    let samples = seconds * 16_000;
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + samples * 2).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16u32.to_le_bytes());
    bytes.extend([1u16, 1].iter().flat_map(|v| v.to_le_bytes()));
    bytes.extend([16_000u32, 32_000].iter().flat_map(|v| v.to_le_bytes()));
    bytes.extend([2u16, 16].iter().flat_map(|v| v.to_le_bytes()));
    bytes.extend(b"data");
    bytes.extend((samples * 2).to_le_bytes());
    bytes.extend((0..samples).flat_map(|n| (((f64::from(n) * 0.17).sin() * 8_000.0) as i16).to_le_bytes()));
    bytes
}

impl House {
    pub fn new(reserve: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (inbox, output) = (folder.path().join("inbox"), folder.path().join("out"));
        fs::create_dir(&inbox).expect("made");
        let mut engine = EngineConfig::load(None).expect("shipped");
        engine.schedule.spacing_minutes = 60;
        let mut house = Self {
            inbox: inbox.canonicalize().expect("real"),
            output,
            engine,
            config: Config::load(None).expect("shipped"),
            opened: open_memory(Uuid::from_u128(1)),
            creator: CreatorId(Uuid::from_u128(2)),
            project: ProjectId(Uuid::from_u128(3)),
            works: Vec::new(),
            reserve,
            shift: Arc::default(),
            ids: Mutex::new(Seeded::new(b"house")),
            runtime: tokio::runtime::Runtime::new().expect("a runtime"),
            folder,
        };
        house.with_models(&models());
        let rows = vec![Row::Project(house.project_row()), Row::Creator(house.creator_row())];
        house.commit(rows);
        house
    }

    pub fn with_models(&mut self, models: &Path) {
        let root = self.folder.path();
        let upkeep = self.opened.upkeep.clone();
        let file = root.join("vault.key");
        let key = match omniva_vault::Key::from_file(&file) {
            Ok(key) => key,
            Err(_) => omniva_vault::Key::create_file(&file, &omniva_vault::OsEntropy).expect("a key"),
        };
        let net = Arc::new(Net::new(&self.engine.network, 10 << 30).expect("shipped limits"));
        self.works = workers::all(Tools {
            library: Library::open(&root.join("library"), self.reserve).expect("a library"),
            cache: Cache::open(&root.join("cache"), 10 << 30).expect("a cache"),
            models: models.to_owned(),
            manifest: ModelManifest::shipped().expect("shipped"),
            config: self.config.clone(),
            engine: self.engine.clone(),
            program: Program { path: binary(), args: vec!["__child".into()] },
            output: root.join("elsewhere"),
            backups: root.join("backups"),
            upkeep,
            analyses: Default::default(),
            allow_missing_layers: Vec::new(),
            settle: Duration::from_millis(200),
            net: net.clone(),
            drafter: None,
            prints: Default::default(),
            publishing: workers::Publishing::new(
                Endpoints::load(None).expect("shipped"),
                BTreeMap::new(),
                Arc::new(
                    omniva_vault::Vault::open(
                        &root.join("vault.json"),
                        omniva_vault::Keyring::of(key),
                        Arc::new(omniva_vault::OsEntropy),
                    )
                    .expect("a vault"),
                ),
                root.join("uploads"),
                Arc::new(SystemClock),
                net,
            ),
            errand: None,
        });
    }

    /// The project publishes to these places from now on, and its brand has a logo.
    pub fn publishes_to(&mut self, targets: &[&str], logo: PathBuf) {
        let mut project = self.project_row();
        project.settings.channels = targets.iter().map(|target| ChannelSettings::new(target)).collect();
        project.version = 2;
        self.commit(vec![Row::Project(project)]);
        self.config.brand.logo = logo;
        self.with_models(&models());
    }

    fn project_row(&self) -> Project {
        let now = self.now();
        Project {
            project_id: self.project,
            name: "test".into(),
            description: String::new(),
            status: ProjectStatus::Running,
            settings: ProjectSettings {
                clips_per_video: Some(1),
                clip_min_seconds: Some(10.0),
                clip_max_seconds: Some(15.0),
                output_folder: Some(self.output.display().to_string()),
                ..ProjectSettings::default()
            },
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    fn creator_row(&self) -> Creator {
        let now = self.now();
        Creator {
            creator_id: self.creator,
            project_id: self.project,
            platform: Platform::Other,
            username: "someone".into(),
            profile_url: None,
            status: CreatorStatus::Active,
            scrape_window_days: 7,
            rights: RightsBasis::Owned,
            source: Some(SourceSpec::Inbox { folder: self.inbox.display().to_string() }),
            last_scraped_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    pub fn now(&self) -> Moment {
        Moment(Shifted(self.shift.clone()).now_us())
    }
    pub fn later(&self, span: Duration) {
        self.shift.fetch_add(span.as_micros() as i64, Ordering::Relaxed);
    }

    /// Writes rows as Zenith would.
    pub fn commit(&mut self, rows: Vec<Row>) {
        let sealed = self.opened.mandate.seal(Commit { rows, ..Commit::default() });
        let written = self.runtime.block_on(self.opened.writer.write(&[sealed])).expect("a store that works");
        for answer in written {
            answer.expect("rows that fit");
        }
    }

    /// A job as the engine would make it. It is not committed: the workers take it as it is handed to them.
    pub fn job(&self, kind: JobKind, subject: EntityRef, payload: Value) -> Job {
        let mut ids = self.ids.lock().expect("unpoisoned");
        let trace = TraceId(Uuid::from_u128(4));
        let new = NewJob {
            project_id: Some(self.project),
            subject: Some(subject),
            ..NewJob::now(kind, payload, trace, self.now())
        };
        new_job(new, self.now(), &self.engine, &mut *ids, "test").0
    }

    pub fn discover(&self, force: bool) -> Job {
        let payload = json!({ "creator_id": self.creator, "force": force });
        self.job(JobKind::Discover, EntityRef::new(EntityType::Creator, self.creator), payload)
    }

    pub fn scrape(&self, item: &FoundItem) -> Job {
        let payload = ScrapePayload { creator_id: self.creator, item: item.clone() };
        self.job(JobKind::Scrape, payload.subject(), json!(payload))
    }

    /// The job's row as it is after it failed.
    pub fn fail(&mut self, job: &Job, fault: Fault) {
        let mut row = job.clone();
        (row.state, row.fault) = (JobState::Error, Some(fault));
        self.commit(vec![Row::Job(Box::new(row))]);
    }

    pub fn run(&self, job: &Job) -> Outcome {
        self.run_told(job, &Told::default())
    }

    pub fn run_told(&self, job: &Job, told: &Told) -> Outcome {
        let sign = StopSign::default();
        let (heard, raise) = (told.clone(), sign.clone());
        let listen = move |sign: Sign| {
            if let Some((step, progress, stop)) = &heard.stop_at
                && sign.step == *step
                && sign.progress >= *progress
                && raise.seen() == Stop::No
            {
                raise.raise(*stop);
                *heard.stopped.lock().expect("unpoisoned") = Some(Instant::now());
            }
            heard.signs.lock().expect("unpoisoned").push(sign);
        };
        let clock = Arc::new(Shifted(self.shift.clone()));
        let context =
            WorkContext::new(self.opened.reader.clone(), clock, Duration::from_secs(2), sign, Arc::new(listen));
        let work = self.works.iter().find(|w| w.kind() == job.kind).expect("a worker of this kind").clone();
        let outcome = self.runtime.block_on(work.run(job.clone(), context));
        *told.took.lock().expect("unpoisoned") = told.stopped.lock().expect("unpoisoned").map(|at| at.elapsed());
        outcome
    }

    pub fn clip(&self, id: ClipId) -> Clip {
        self.runtime.block_on(self.opened.reader.clip(id)).expect("read").expect("there")
    }

    pub fn artifacts(&self, clip: ClipId, kind: ArtifactKind) -> Vec<Artifact> {
        let filter = ArtifactFilter { clip: Some(clip), kind: Some(kind), ..ArtifactFilter::default() };
        let page = Page { limit: 100, offset: 0 };
        self.runtime.block_on(self.opened.reader.artifacts(&filter, page)).expect("read").items
    }

    pub fn library_path(&self, key: &str) -> PathBuf {
        self.folder.path().join("library").join(key)
    }

    /// Files below a folder of the library.
    pub fn library_files(&self, below: &str) -> usize {
        fn count(folder: &Path) -> usize {
            let entries = fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry"));
            entries.map(|e| if e.path().is_dir() { count(&e.path()) } else { 1 }).sum()
        }
        count(&self.folder.path().join("library").join(below))
    }

    /// A file as a job leaves it that dies before its rows are committed.
    pub fn put_stray(&self) -> String {
        let library = Library::open(&self.folder.path().join("library"), 0).expect("a library");
        let kept = library.put_bytes(b"stray", ArtifactKind::Record, Some(Uuid::from_u128(6)), "json").expect("put");
        kept.key.as_str().to_owned()
    }
}
