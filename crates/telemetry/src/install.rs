//! Sets logs and metrics up, once in a process.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use omniva_contracts::engine::{LogRow, Moment};
use omniva_contracts::ports::{Clock, Ids};
use tokio::sync::mpsc;
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::layer::{LinesLayer, Rows, Style};
use crate::meter;
use crate::output::{FileLimits, Output, Sink};
use crate::registry::METRICS;

/// Samples of histograms wait in memory until they are folded into buckets.
const UPKEEP: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For eyes on a terminal, JSON elsewhere.
    #[default]
    Auto,
    Json,
    Human,
}

pub struct Config {
    /// As in `RUST_LOG`: `info,omniva_store=debug`.
    pub filter: String,
    pub output: Output,
    pub limits: FileLimits,
    pub format: Format,
    /// How many rows may wait for the log-writer; 0: rows are not made.
    pub rows: usize,
    /// The least level that is stored as a row.
    pub rows_level: Level,
    pub version: &'static str,
    pub revision: &'static str,
    pub clock: Arc<dyn Clock + Send + Sync>,
    pub ids: Box<dyn Ids + Send>,
}

impl Config {
    /// Information and worse, to standard error, 4096 rows at most waiting.
    pub fn new(version: &'static str, clock: Arc<dyn Clock + Send + Sync>, ids: Box<dyn Ids + Send>) -> Self {
        Self {
            filter: "info".into(),
            output: Output::Stderr,
            limits: FileLimits::default(),
            format: Format::Auto,
            rows: 4096,
            rows_level: Level::INFO,
            version,
            revision: "",
            clock,
            ids,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    #[error("the log filter {filter:?} cannot be read: {why}")]
    Filter { filter: String, why: String },
    #[error("the log file {path} cannot be opened: {source}")]
    Output { path: String, source: io::Error },
    #[error("logs or metrics are set up already in this process")]
    Already,
    #[error("the metrics cannot be set up: {0}")]
    Metrics(String),
    #[error("the upkeep of the metrics cannot be started: {0}")]
    Upkeep(io::Error),
}

/// Keeps metrics going while it, or a clone of it, lives.
#[derive(Clone)]
pub struct Telemetry(Arc<Inner>);

struct Inner {
    handle: PrometheusHandle,
    rows: Mutex<Option<mpsc::Receiver<LogRow>>>,
    /// Dropping it ends the upkeep.
    _upkeep: std::sync::mpsc::Sender<()>,
}

impl Telemetry {
    /// The answer of `/metrics`, in Prometheus' text format (`text/plain; version=0.0.4`).
    pub fn render(&self) -> String {
        self.0.handle.render()
    }
    /// The rows for the log-writer; the first caller gets them.
    pub fn take_rows(&self) -> Option<mpsc::Receiver<LogRow>> {
        self.0.rows.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

pub(crate) fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS.iter().filter(|m| !m.buckets.is_empty()) {
        builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.into()), metric.buckets)?;
    }
    Ok(builder.build_recorder())
}

/// Sets up logs and metrics for this process. Fails when that was done before.
pub fn install(config: Config) -> Result<Telemetry, InstallError> {
    let filter = EnvFilter::try_new(&config.filter)
        .map_err(|e| InstallError::Filter { filter: config.filter.clone(), why: e.to_string() })?;
    let sink = Sink::open(&config.output, config.limits).map_err(|source| InstallError::Output {
        path: match &config.output {
            Output::File(path) => path.display().to_string(),
            Output::Stderr => "standard error".into(),
        },
        source,
    })?;
    let style = match config.format {
        Format::Json => Style::Json,
        Format::Human => Style::Human { colours: sink.is_terminal() },
        Format::Auto if sink.is_terminal() => Style::Human { colours: true },
        Format::Auto => Style::Json,
    };
    let (rows, receiver) = if config.rows == 0 {
        (None, None)
    } else {
        let (sender, receiver) = mpsc::channel(config.rows);
        (Some(Rows { sender, ids: Mutex::new(config.ids), level: config.rows_level }), Some(receiver))
    };
    let started = Moment(config.clock.now_us());
    let recorder = recorder().map_err(|e| InstallError::Metrics(e.to_string()))?;
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| InstallError::Already)?;
    meter::prime();
    meter::build_info(config.version, config.revision);
    meter::started(started);
    let lines = LinesLayer::new(config.clock, sink, style, rows).with_filter(filter);
    tracing_subscriber::registry().with(lines).try_init().map_err(|_| InstallError::Already)?;
    let upkeep = keep_up(handle.clone()).map_err(InstallError::Upkeep)?;
    Ok(Telemetry(Arc::new(Inner { handle, rows: Mutex::new(receiver), _upkeep: upkeep })))
}

fn keep_up(handle: PrometheusHandle) -> io::Result<std::sync::mpsc::Sender<()>> {
    let (alive, ended) = std::sync::mpsc::channel();
    thread::Builder::new().name("metrics-upkeep".into()).spawn(move || {
        while let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(UPKEEP) {
            handle.run_upkeep();
        }
    })?;
    Ok(alive)
}
