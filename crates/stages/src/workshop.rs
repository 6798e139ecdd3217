//! What every stage works with: configuration, models, the cache of finished stages, and the way into the sandbox.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use omniva_assets::{Cache, Claim, Entry, Key, WorkDir};
use omniva_contracts::config::{Config, ModelManifest};
use omniva_contracts::jobs::ChildJob;
use omniva_contracts::{Code, Fault};
use omniva_sandbox::{Layer, Policy};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::child;
use crate::reporter::{Reporter, Stage, StageMonitor};

/// Largest result that a child may write: a ten-hour analysis is some tens of megabytes.
const MAX_RESULT: u64 = 1 << 30;
/// Name of a finished stage's result inside its cache entry.
const VALUE: &str = "value.json";
/// Where shared libraries and what they read at start live.
const LIBRARIES: [&str; 4] = ["/usr/lib", "/lib", "/lib64", "/usr/local/lib"];
const LIBRARY_FILES: [&str; 5] =
    ["/etc/ld.so.cache", "/dev/urandom", "/dev/null", "/proc/cpuinfo", "/sys/devices/system/cpu"];

/// The binary that becomes the child, and the arguments that make it one.
#[derive(Clone, Debug)]
pub struct Program {
    pub path: PathBuf,
    pub args: Vec<String>,
}

/// What one child may see besides its own output folder.
#[derive(Default)]
pub struct Access {
    pub read: Vec<PathBuf>,
    pub models: bool,
    /// NVENC needs the graphics devices.
    pub graphics: bool,
    /// Seconds of media that it works on: bounds its time.
    pub media_seconds: f64,
    /// A tighter wall clock, seconds.
    pub wall_limit: Option<f64>,
}

impl Access {
    pub fn new(media_seconds: f64) -> Self {
        Self { media_seconds, ..Self::default() }
    }
}

/// A finished stage: its value, and the folder with its files.
pub struct Made<T> {
    pub value: T,
    pub folder: PathBuf,
    pub from_cache: bool,
    /// Keeps the entry from being pruned while it is in use.
    pub entry: Entry,
}

/// What of one run is made anew although it is kept: each stage once, so that the parts of a run share what it made.
#[derive(Default)]
pub struct Fresh(Mutex<BTreeSet<String>>);

impl Fresh {
    /// True the first time that this run comes to `key`.
    fn first(&self, key: &Key) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("{} {}", key.stage(), key.digest()))
    }
}

pub struct Timer {
    stage: Stage,
    what: String,
    started: Instant,
}

pub struct Workshop<'a> {
    pub config: &'a Config,
    pub models: PathBuf,
    pub reporter: &'a dyn Reporter,
    manifest: &'a ModelManifest,
    cache: &'a Cache,
    program: Program,
    /// Ignore what earlier runs finished.
    fresh: Option<&'a Fresh>,
    allow_missing_layers: Vec<Layer>,
    /// Renders that run side by side, this one among them.
    renders: usize,
}

impl<'a> Workshop<'a> {
    #[allow(clippy::too_many_arguments)] // the composition root names each part once
    pub fn new(
        config: &'a Config,
        manifest: &'a ModelManifest,
        models: &Path,
        cache: &'a Cache,
        program: Program,
        reporter: &'a dyn Reporter,
        fresh: Option<&'a Fresh>,
        allow_missing_layers: Vec<Layer>,
    ) -> Result<Self, Fault> {
        let models = models.canonicalize().map_err(|e| {
            Fault::new(
                Code::ModelMissing,
                format!("there is no models folder {}", models.display()),
                "run: omniva models fetch",
            )
            .with_detail(e)
        })?;
        Ok(Self { config, models, reporter, manifest, cache, program, fresh, allow_missing_layers, renders: 1 })
    }

    /// The same workshop, where up to `renders` clips are rendered side by side.
    pub fn rendering(mut self, renders: usize) -> Self {
        self.renders = renders.max(1);
        self
    }

    pub fn begin(&self, stage: Stage, what: &str) -> Timer {
        self.reporter.begin(stage, what);
        Timer { stage, what: what.to_owned(), started: Instant::now() }
    }

    pub fn end(&self, timer: Timer, from_cache: bool) {
        let wall_seconds = timer.started.elapsed().as_secs_f64();
        self.reporter.end(timer.stage, &timer.what, wall_seconds, from_cache);
    }

    pub fn work_dir(&self) -> Result<WorkDir, Fault> {
        self.cache.work_dir()
    }

    /// Keeps the cache within its limit; what is in use stays.
    pub fn prune(&self) -> Result<(), Fault> {
        self.cache.prune().map(|_| ())
    }

    /// Hashes of the models that a stage uses, as a part of its cache key.
    pub fn model_hashes(&self, roles: &[&str]) -> Vec<String> {
        self.manifest.files.iter().filter(|f| roles.contains(&f.role.as_str())).map(|f| f.sha256.clone()).collect()
    }

    fn cores() -> usize {
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
    }

    /// Threads for one of `others` processes that run side by side.
    pub fn threads_beside(&self, others: usize) -> usize {
        (Self::cores() / others.max(1)).max(1)
    }

    /// Threads of an encoder: enough to use all cores together with the renders beside it. Every one more than that costs a
    /// twentieth of the encoder's time and buys nothing.
    pub fn encoder_threads(&self) -> usize {
        Self::cores().div_ceil(self.renders)
    }

    /// Clips rendered side by side: as configured, or one more than there are cores, three at most: a third keeps two cores
    /// busy while another begins, ends or is checked. More would cost memory (about 0.3 GB each) and bring little, because
    /// the encoder fills the cores of a large machine by itself.
    pub fn render_jobs(config: &Config) -> usize {
        match config.limits.render_jobs {
            0 => Self::cores().min(2) + 1,
            n => n as usize,
        }
    }

    /// The finished stage for these inputs, or what `make` gives, kept for the next time. `make` fills the folder that it
    /// is given; nothing is kept when it fails. `version` is that of the stage's code.
    pub fn cached<T: Serialize + DeserializeOwned>(
        &self,
        stage: Stage,
        version: u32,
        inputs: &Value,
        make: impl FnOnce(&Path) -> Result<T, Fault>,
    ) -> Result<Made<T>, Fault> {
        let key = Key::new(stage.as_str(), version, &[&inputs.to_string()]);
        let monitor = StageMonitor::new(self.reporter, stage, "");
        let building = if self.fresh.is_some_and(|fresh| fresh.first(&key)) {
            self.cache.rebuild(&key, &monitor)?
        } else {
            match self.cache.claim(&key, &monitor)? {
                Claim::Build(building) => building,
                Claim::Ready(entry) => match read_value(&entry) {
                    Some(value) => {
                        return Ok(Made { value, folder: entry.path().to_owned(), from_cache: true, entry });
                    }
                    // Whole, but of another build's shape: made again.
                    None => {
                        drop(entry);
                        self.cache.rebuild(&key, &monitor)?
                    }
                },
            }
        };
        if let Some(why) = &building.discarded {
            self.reporter.note(why);
        }
        let value = make(building.path())?;
        let json =
            serde_json::to_vec(&value).map_err(|e| Fault::internal(format!("a stage's result can't be kept: {e}")))?;
        std::fs::write(building.path().join(VALUE), json).map_err(|e| Fault::writing("the cache", &e))?;
        let entry = building.finish(&monitor)?;
        Ok(Made { value, folder: entry.path().to_owned(), from_cache: false, entry })
    }

    /// Does one job in a sandboxed child that writes into `out_dir`, and reads its result.
    pub fn child<T: DeserializeOwned>(
        &self,
        stage: Stage,
        what: &str,
        job: ChildJob,
        access: Access,
        out_dir: &Path,
    ) -> Result<T, Fault> {
        let monitor = StageMonitor::new(self.reporter, stage, what);
        let policy = self.policy(&access, out_dir);
        let job = serde_json::to_vec(&job).map_err(|e| Fault::internal(format!("a job can't be written: {e}")))?;
        let args: Vec<&str> = self.program.args.iter().map(String::as_str).collect();
        match omniva_sandbox::run(&self.program.path, &args, &policy, &job, &monitor) {
            Ok(end) => self.reporter.child_ended(stage, &end.usage),
            Err(fault) => {
                self.reporter.child_failed(stage, &fault);
                return Err(fault);
            }
        }
        child::result(out_dir, MAX_RESULT)
    }

    fn policy(&self, access: &Access, out_dir: &Path) -> Policy {
        let limits = &self.config.limits;
        let wall =
            access.wall_limit.unwrap_or(limits.child_base_seconds + limits.child_time_factor * access.media_seconds);
        let memory = (limits.child_memory_gigabytes * 1e9) as u64;
        let mut policy = Policy::new(memory, Duration::from_secs_f64(wall), Self::cores());
        policy.read = access.read.clone();
        policy.read.extend(LIBRARY_FILES.iter().map(PathBuf::from).filter(|p| p.exists()));
        policy.read_execute = LIBRARIES.iter().map(PathBuf::from).filter(|p| p.exists()).collect();
        if access.models {
            policy.read_execute.push(self.models.clone());
        }
        if access.graphics {
            policy.devices = graphics_devices();
        }
        policy.write = vec![out_dir.to_owned()];
        policy.allow_missing_layers = self.allow_missing_layers.clone();
        policy
    }
}

fn graphics_devices() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/dev").into_iter().flatten().flatten().map(|e| e.path());
    let mut devices: Vec<PathBuf> =
        entries.filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("nvidia"))).collect();
    devices.sort();
    devices
}

fn read_value<T: DeserializeOwned>(entry: &Entry) -> Option<T> {
    serde_json::from_slice(&std::fs::read(entry.file(VALUE)).ok()?).ok()
}
