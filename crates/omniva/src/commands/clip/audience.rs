//! Whoever started the run hears what its jobs do. Several jobs look at the same file; that is told once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use omniva_contracts::record::StageTime;
use omniva_stages::{Reporter, Stage};

use crate::progress::Shown;

pub struct Audience {
    shown: Shown,
    /// The file has been looked at.
    ingested: AtomicBool,
    times: Mutex<Vec<StageTime>>,
}

impl Audience {
    pub fn new(shown: Shown) -> Self {
        Self { shown, ingested: AtomicBool::new(false), times: Mutex::default() }
    }

    /// Every stage that ended, in that order.
    pub fn times(&self) -> Vec<StageTime> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn told_before(&self, stage: Stage) -> bool {
        stage == Stage::Ingest && self.ingested.load(Ordering::Relaxed)
    }
}

impl Reporter for Audience {
    fn begin(&self, stage: Stage, what: &str) {
        if !self.told_before(stage) {
            self.shown.begin(stage, what);
        }
    }
    fn progress(&self, stage: Stage, what: &str, fraction: f64) {
        if !self.told_before(stage) {
            self.shown.progress(stage, what, fraction);
        }
    }
    fn end(&self, stage: Stage, what: &str, seconds: f64, from_cache: bool) {
        if self.told_before(stage) {
            return;
        }
        if stage == Stage::Ingest {
            self.ingested.store(true, Ordering::Relaxed);
        }
        self.shown.end(stage, what, seconds, from_cache);
        let stage = if what.is_empty() { stage.as_str().to_owned() } else { format!("{} {what}", stage.as_str()) };
        let time = StageTime { stage, wall_seconds: seconds, from_cache };
        self.times.lock().unwrap_or_else(PoisonError::into_inner).push(time);
    }
    fn note(&self, text: &str) {
        self.shown.note(text);
    }
    fn cancelled(&self) -> bool {
        self.shown.cancelled()
    }
}
