//! Who is told about progress, and who may stop the work.

use std::sync::Mutex;

use omniva_contracts::{Fault, Monitor};
use omniva_sandbox::Usage;
use serde::{Deserialize, Serialize};

/// The stages of one run, in order; listening and watching run side by side, and so do the clips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Ingest,
    Listen,
    Watch,
    Read,
    Choose,
    Render,
    Check,
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Ingest => "ingest",
            Stage::Listen => "listen",
            Stage::Watch => "watch",
            Stage::Read => "read",
            Stage::Choose => "choose",
            Stage::Render => "render",
            Stage::Check => "check",
        }
    }
}

/// What a run tells whoever started it. `what` names the clip for `render` and `check` and is empty otherwise.
pub trait Reporter: Sync {
    fn begin(&self, stage: Stage, what: &str);
    fn progress(&self, stage: Stage, what: &str, fraction: f64);
    fn end(&self, stage: Stage, what: &str, seconds: f64, from_cache: bool);
    /// Something people should read: a fallback, a repair, a clip that was refused.
    fn note(&self, text: &str);
    /// A child process of this stage did its work with so much.
    fn child_ended(&self, _stage: Stage, _usage: &Usage) {}
    /// A child process of this stage ended otherwise.
    fn child_failed(&self, _stage: Stage, _fault: &Fault) {}
    fn cancelled(&self) -> bool;
}

/// One stage's view of a [`Reporter`]; progress never goes back.
pub struct StageMonitor<'a> {
    reporter: &'a dyn Reporter,
    stage: Stage,
    what: &'a str,
    highest: Mutex<f64>,
}

impl<'a> StageMonitor<'a> {
    pub fn new(reporter: &'a dyn Reporter, stage: Stage, what: &'a str) -> Self {
        Self { reporter, stage, what, highest: Mutex::new(0.0) }
    }
}

impl Monitor for StageMonitor<'_> {
    fn progress(&self, fraction: f64) {
        let mut highest = self.highest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if fraction > *highest {
            *highest = fraction.min(1.0);
            self.reporter.progress(self.stage, self.what, *highest);
        }
    }
    fn cancelled(&self) -> bool {
        self.reporter.cancelled()
    }
}
