//! Quality control of a finished file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QcCheck {
    /// `decodes`, `duration`, `size`, `loudness`, `true_peak`, `av_offset`, `black`, `frozen`, `face_in_crop`, `captions`, `picture`, `faststart`.
    pub name: String,
    pub passed: bool,
    /// What was measured, with its unit.
    pub measured: String,
    /// What it must be.
    pub limit: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QcReport {
    pub checks: Vec<QcCheck>,
    pub sha256: String,
    pub bytes: u64,
    pub duration: f64,
    pub frames: u64,
    pub integrated_lufs: f64,
    pub true_peak_dbtp: f64,
    /// Video start minus audio start, and the difference of their ends, in milliseconds.
    pub av_offset_ms: f64,
    pub av_drift_ms: f64,
    /// What was changed after a first failure, if anything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repairs: Vec<String>,
}

impl QcReport {
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|c| c.passed)
    }
    pub fn failed(&self) -> impl Iterator<Item = &QcCheck> {
        self.checks.iter().filter(|c| !c.passed)
    }
}
