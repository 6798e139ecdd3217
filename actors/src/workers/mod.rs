//! The workers: each takes one claimed job through its steps and hands back rows as it proposes them. Nothing here
//! writes state; files are put into the library before their rows exist, and what never gets a row is swept.
//!
//! Invariants: media and models are only touched in sandboxed children; blocking work runs on threads of its own that
//! look several times a second whether to go on; ids are a function of the job, so that an attempt that is repeated
//! proposes the same rows.

mod analyze;
mod blocking;
mod candidates;
mod discover;
mod draft;
mod edit;
mod end;
mod errand;
mod maintain;
mod measure;
mod missed;
mod prints;
mod publishing;
mod renderings;
mod rows;
mod schedule;
mod scrape;
mod shared;
mod spending;
mod upload;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use omniva_assets::{Cache, Library};
use omniva_contracts::Fault;
use omniva_contracts::config::{Config, EngineConfig, ModelManifest, Persona};
use omniva_stages::{Layer, Program, Reporter, Workshop};
use omniva_store::Upkeep;

pub use analyze::KeptAnalysis;
pub use errand::Errand;
pub use measure::FiguresOf;
pub use missed::missed_slot;
pub use omniva_platforms::{Drafter, Net};
pub use prints::Prints;
pub use publishing::{Publishing, accounts, services};
pub use shared::Shared;

use crate::work::Work;

/// How long a file in an inbox must stand still before it is taken.
pub const SETTLE: Duration = Duration::from_secs(2);

/// What the workers share.
pub struct Tools {
    /// Raw material and everything made of it.
    pub library: Library,
    /// Finished stages; what an interrupted job goes on from.
    pub cache: Cache,
    pub models: PathBuf,
    pub manifest: ModelManifest,
    /// The clip configuration, before a project's settings.
    pub config: Config,
    pub engine: EngineConfig,
    /// What becomes the sandboxed child.
    pub program: Program,
    /// Clips of projects without an output folder go into a folder below, named by the project's id.
    pub output: PathBuf,
    /// Where backups of the store go.
    pub backups: PathBuf,
    pub upkeep: Arc<dyn Upkeep>,
    /// The analyses that edits work on just now.
    pub analyses: Shared<KeptAnalysis>,
    pub allow_missing_layers: Vec<Layer>,
    pub settle: Duration,
    /// The one way to the outside.
    pub net: Arc<Net>,
    pub publishing: Publishing,
    /// The fingerprints of all videos.
    pub prints: Prints,
    /// Set where an engine is started for one file and one waiting user.
    pub errand: Option<Errand>,
    /// A model that may draft texts, if there is one.
    pub drafter: Option<Arc<dyn Drafter>>,
}

impl Tools {
    /// The way into the stages for one project's configuration.
    fn workshop<'a>(&'a self, config: &'a Config, reporter: &'a dyn Reporter) -> Result<Workshop<'a>, Fault> {
        Workshop::new(
            config,
            &self.manifest,
            &self.models,
            &self.cache,
            self.program.clone(),
            reporter,
            self.errand.as_ref().and_then(|errand| errand.fresh.as_ref()),
            self.allow_missing_layers.clone(),
        )
    }
}

/// One worker for each kind of job but `noop`; for an errand those that it needs.
pub fn all(tools: Tools) -> Vec<Arc<dyn Work>> {
    let tools = Arc::new(tools);
    if tools.errand.is_some() {
        return errand::works(tools);
    }
    vec![
        Arc::new(discover::Discoverer(tools.clone())),
        Arc::new(scrape::Scraper(tools.clone())),
        Arc::new(analyze::Analyzer(tools.clone())),
        Arc::new(edit::Editor(tools.clone())),
        scheduler(tools.engine.clone()),
        Arc::new(upload::Uploader(tools.clone())),
        measurer(tools.engine.clone(), tools.config.personas.clone(), figures(tools.clone())),
        Arc::new(maintain::Maintainer(tools)),
    ]
}

/// The one that looks for times: it needs nothing but the numbers that the engine decides by.
pub fn scheduler(config: EngineConfig) -> Arc<dyn Work> {
    Arc::new(schedule::Scheduler(Arc::new(config)))
}

/// The one that reads figures back and learns from them.
pub fn measurer(config: EngineConfig, personas: Vec<Persona>, figures: FiguresOf) -> Arc<dyn Work> {
    Arc::new(measure::Measurer { config: Arc::new(config), personas, figures })
}

fn figures(tools: Arc<Tools>) -> FiguresOf {
    Arc::new(move |target| tools.publishing.insights(target))
}

/// Where a project's finished clips go.
pub(crate) fn output_folder(output: &Path, project: &omniva_contracts::engine::Project) -> PathBuf {
    match &project.settings.output_folder {
        Some(folder) => PathBuf::from(folder),
        None => output.join(project.project_id.to_string()),
    }
}
