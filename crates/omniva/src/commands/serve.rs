//! `omniva serve`: puts the engine together, says where it answers, and stops it in order.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use omniva_actors::engine::{Engine, Parts};
use omniva_actors::infra::checkpointer::Seal;
use omniva_actors::office::Office;
use omniva_api::{ApiConfig, Serving};
use omniva_contracts::config::{Config, EngineConfig, ModelManifest};
use omniva_contracts::ports::{Clock, SystemClock};
use omniva_contracts::{Code, Fault};
use omniva_telemetry::Telemetry;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::ServeArgs;
use crate::engine::{DataFolder, Notice, open};
use crate::models;
use crate::progress::{Quiet, print_line, stop_on_signals};

/// Of the grace time, the share for requests that are being answered; jobs and the ledger get the rest.
const REQUESTS: f64 = 0.2;
/// Name of a file for logs beyond standard error; the filter is `$OMNIVA_LOG`, as in `info,omniva_store=debug`.
const FILTER: &str = "OMNIVA_LOG";

/// Both parts of the configuration, from the shipped files and the user's.
pub struct Settings {
    pub clip: Config,
    pub engine: EngineConfig,
    grace: Duration,
    listen: SocketAddr,
}

pub fn run(args: &ServeArgs, models_folder: &Path, as_json: bool) -> Result<u8, Fault> {
    let settings = settings(args)?;
    let data = DataFolder::find(&args.data)?;
    let manifest = ModelManifest::shipped()?;
    // From here a second signal ends the process at once: the next start brings back what was running.
    let stop = stop_on_signals();
    models::require(models_folder, &manifest, &Quiet(stop.clone()))?;
    open::make_folder(&data)?;
    let telemetry = telemetry()?;
    let layers = super::clip::layers(&args.allow_missing_sandbox)?;
    open::runtime()?.block_on(async {
        // Before anybody is told of the engine: a signal that comes at once is heard, too.
        let signals = Signals::new()?;
        if stop.load(Ordering::Relaxed) {
            return Err(Fault::cancelled());
        }
        let running = start(&settings, &data, models_folder, manifest, layers, telemetry).await?;
        tell(&running, &data, as_json);
        give_back_memory();
        running.until_told(signals, &settings, &data).await
    })
}

fn settings(args: &ServeArgs) -> Result<Settings, Fault> {
    let text = args.config.as_deref().map(super::clip::read_config).transpose()?;
    let name = args.config.as_ref().map(|path| path.display().to_string());
    let overlay = name.as_deref().zip(text.as_deref());
    let mut clip = Config::load(overlay)?;
    if let Some(path) = &args.config {
        clip.brand.resolve(path.parent().unwrap_or(Path::new(".")));
    }
    let engine = EngineConfig::load(overlay)?;
    let listen = match args.listen {
        Some(listen) => listen,
        None => engine.server.address.parse().map_err(|e| {
            Fault::new(Code::ConfigInvalid, "engine.server.address is no ip:port", "write e.g. 127.0.0.1:7700")
                .with_detail(e)
        })?,
    };
    let grace = args.grace.map_or(engine.server.stop_seconds, |seconds| seconds as f64);
    Ok(Settings { clip, engine, grace: Duration::from_secs_f64(grace), listen })
}

fn telemetry() -> Result<Telemetry, Fault> {
    let clock: Arc<dyn Clock + Send + Sync> = Arc::new(SystemClock);
    let mut config = omniva_telemetry::Config::new(env!("CARGO_PKG_VERSION"), clock, Box::new(open::ids()?));
    if let Ok(filter) = std::env::var(FILTER) {
        config.filter = filter;
    }
    omniva_telemetry::install(config)
        .map_err(|e| Fault::new(Code::Usage, e.to_string(), "correct $OMNIVA_LOG, e.g. info,omniva_store=debug"))
}

/// An engine at work, with its API.
struct Running {
    engine: Arc<Engine>,
    serving: Serving,
    notice: Notice,
}

async fn start(
    settings: &Settings,
    data: &DataFolder,
    models_folder: &Path,
    manifest: ModelManifest,
    layers: Vec<omniva_sandbox::Layer>,
    telemetry: Telemetry,
) -> Result<Running, Fault> {
    let mut ids = open::ids()?;
    let opened = open::store(data, &mut ids).await?;
    let signer = open::signer(data)?;
    let ledger_key_id = signer.verifier().key_id();
    let clock: Arc<dyn Clock + Send + Sync> = Arc::new(SystemClock);
    let works = super::works::all(settings, manifest, models_folder, data, layers, opened.upkeep)?;
    let parts = Parts {
        reader: opened.reader.clone(),
        writer: opened.writer,
        mandate: opened.mandate,
        clock: clock.clone(),
        dice: Box::new(open::random()?),
        ids: Box::new(ids),
        works,
        config: settings.engine.clone(),
        personas: settings.clip.personas.clone(),
        seal: Some(Seal { signer, file: Some(data.checkpoints()) }),
        logs: telemetry.take_rows(),
        data: data.path().to_owned(),
    };
    let engine = Arc::new(Engine::start(parts).await?);
    let api = ApiConfig {
        max_body: settings.engine.server.max_body_kilobytes as usize * 1024,
        request_time: Duration::from_secs_f64(settings.engine.server.request_seconds),
        stop_time: settings.grace.mul_f64(REQUESTS),
        ..ApiConfig::new(settings.listen)
    };
    let office: Arc<dyn Office> = engine.clone();
    let metrics = telemetry.clone();
    let served = omniva_api::serve(
        api,
        office,
        opened.reader,
        clock,
        Box::new(open::ids()?),
        Box::new(move || metrics.render()),
    )
    .await;
    let serving = match served {
        Ok(serving) => serving,
        Err(fault) => {
            engine.stop(settings.grace).await;
            return Err(fault);
        }
    };
    let notice = Notice {
        address: serving.addr,
        pid: std::process::id(),
        boot_id: engine.boot().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ledger_key_id,
    };
    notice.write(data)?;
    Ok(Running { engine, serving, notice })
}

/// Starting reads configuration, schemas and models; an engine that idles for months need not hold on to
/// what that took.
fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: only returns free memory to the system.
    unsafe {
        libc::malloc_trim(0);
    }
}

fn tell(running: &Running, data: &DataFolder, as_json: bool) {
    let Notice { address, pid, boot_id, version, ledger_key_id } = &running.notice;
    if as_json {
        print_line(&json!({
            "event": "ready",
            "address": address,
            "pid": pid,
            "boot_id": boot_id,
            "version": version,
            "data": data.path(),
            "ledger_key_id": ledger_key_id,
        }));
        return;
    }
    crate::out::offer(format_args!(
        "omniva {version} answers at http://{address}\n\
         data in {} · ledger key {ledger_key_id} ({})\n\
         next: omniva project create NAME · stop with Ctrl-C\n",
        data.path().display(),
        data.public_key().display()
    ));
}

impl Running {
    /// Works until a signal comes or the engine gives up; then stops in order.
    async fn until_told(self, mut signals: Signals, settings: &Settings, data: &DataFolder) -> Result<u8, Fault> {
        let gave_up = tokio::select! {
            name = signals.next() => {
                tracing::info!(signal = name, "stopping");
                None
            }
            ended = self.engine.ended() => Some(ended),
        };
        self.notice.withdraw(data);
        self.serving.stop().await;
        if let Some(ended) = gave_up {
            return ended.map(|()| 0);
        }
        self.engine.stop(settings.grace.mul_f64(1.0 - REQUESTS)).await;
        Ok(0)
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Fault> {
        let listen = |kind| signal(kind).map_err(|e| Fault::internal("signals can't be listened for").with_detail(e));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
