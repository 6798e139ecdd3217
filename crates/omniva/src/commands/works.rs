//! The workers of an engine, with everything that they need.

use std::path::Path;
use std::sync::Arc;

use omniva_actors::work::Work;
use omniva_actors::workers::{self, Net, Publishing, SETTLE, Tools};
use omniva_assets::{Cache, Library};
use omniva_contracts::Fault;
use omniva_contracts::config::ModelManifest;
use omniva_contracts::ports::SystemClock;
use omniva_platforms::{ChatDrafter, Drafter};
use omniva_sandbox::Layer;
use omniva_stages::Program;
use omniva_store::Upkeep;

use super::serve::Settings;
use crate::cli::CHILD;
use crate::engine::{DataFolder, DataVault};

/// The library keeps this much free for the database and the system.
const RESERVE: u64 = 1 << 30;

pub fn all(
    settings: &Settings,
    manifest: ModelManifest,
    models: &Path,
    data: &DataFolder,
    allow_missing_layers: Vec<Layer>,
    upkeep: Arc<dyn Upkeep>,
) -> Result<Vec<Arc<dyn Work>>, Fault> {
    let program =
        std::env::current_exe().map_err(|e| Fault::internal("omniva can't find its own binary").with_detail(e))?;
    let library = Library::open(&data.library(), RESERVE)?;
    let net = Net::new(&settings.engine.network, (settings.clip.limits.max_source_gigabytes * 1e9) as u64)?;
    let net = Arc::new(net.at_home(Arc::new(DataVault::of(data)), library.clone()));
    let drafter = ChatDrafter::new(&settings.engine.drafter, net.clone(), Arc::new(DataVault::of(data)));
    let tools = Tools {
        library,
        cache: Cache::open(&data.cache(), (settings.clip.limits.cache_gigabytes * 1e9) as u64)?,
        models: models.to_owned(),
        manifest,
        config: settings.clip.clone(),
        engine: settings.engine.clone(),
        program: Program { path: program, args: vec![CHILD.into()] },
        output: data.output(),
        backups: data.backups(),
        upkeep,
        analyses: Default::default(),
        allow_missing_layers,
        settle: SETTLE,
        drafter: drafter.map(|drafter| Arc::new(drafter) as Arc<dyn Drafter>),
        prints: Default::default(),
        publishing: Publishing::new(
            settings.engine.endpoints.clone(),
            settings.engine.publish.webhooks.clone(),
            Arc::new(DataVault::of(data)),
            data.uploads(),
            Arc::new(SystemClock),
            net.clone(),
        ),
        net,
        errand: None,
    };
    Ok(workers::all(tools))
}
