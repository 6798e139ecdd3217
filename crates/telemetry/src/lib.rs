//! Logs and metrics: one declared registry of metrics with a function for each, and one layer that writes every log event
//! as a line, and hands it on as a row.
//!
//! Secrets are taken out before anything is written ([`redact`]).

mod entry;
mod install;
mod layer;
pub mod meter;
mod output;
pub mod redact;
pub mod registry;

pub use install::{Config, Format, InstallError, Telemetry, install};
pub use layer::UNSTORED_TARGET;
pub use output::{FileLimits, Output};
pub use registry::{Kind, METRICS, Metric, docs};
