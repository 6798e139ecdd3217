//! What a running job tells its pool, and how the stages' progress becomes the job's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use omniva_contracts::engine::{Job, JobId, JobKind};
use omniva_contracts::{Code, Fault, Monitor};
use omniva_stages::{Reporter, Stage, Usage};
use omniva_telemetry::meter;
use serde_json::Value;

use crate::work::{Stop, WorkContext};

/// A stage as a stretch of a job: the step that it belongs to, and the progress from its begin to its end.
pub(super) type Leg = (Stage, &'static str, f64, f64);

#[derive(Clone, Copy)]
struct Place {
    step: &'static str,
    progress: f64,
}

/// Never goes back, neither in steps nor in progress.
pub(super) struct Watch {
    context: WorkContext,
    job: JobId,
    kind: JobKind,
    legs: &'static [Leg],
    place: Mutex<Place>,
    /// Somebody asked whether to go on since the last beat: the work is not stuck.
    alive: AtomicBool,
    /// Nobody waits for the result any more.
    abandoned: AtomicBool,
    /// Who is told besides the pool.
    audience: Option<Arc<dyn Reporter + Send + Sync>>,
}

impl Watch {
    pub fn new(context: &WorkContext, job: &Job, legs: &'static [Leg]) -> Self {
        let step = job.kind.steps().first().copied().unwrap_or("INIT");
        context.progress(step, 0.0);
        Self {
            context: context.clone(),
            job: job.id,
            kind: job.kind,
            legs,
            place: Mutex::new(Place { step, progress: 0.0 }),
            alive: AtomicBool::new(true),
            abandoned: AtomicBool::new(false),
            audience: None,
        }
    }

    pub fn before(mut self, audience: Option<Arc<dyn Reporter + Send + Sync>>) -> Self {
        self.audience = audience;
        self
    }

    /// The job has come to `step`, and is done as far as `progress` (0..1).
    pub fn at(&self, step: &'static str, progress: f64) {
        self.alive.store(true, Ordering::Relaxed);
        let order = |name: &str| self.kind.steps().iter().position(|s| *s == name).unwrap_or(0);
        let place = {
            let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
            if order(step) > order(place.step) {
                place.step = step;
            }
            if progress.is_finite() {
                place.progress = place.progress.max(progress.clamp(0.0, 1.0));
            }
            *place
        };
        self.context.progress(place.step, place.progress);
    }

    /// A sign of life in any case.
    pub fn pulse(&self) {
        self.alive.store(true, Ordering::Relaxed);
        self.beat();
    }

    /// A sign of life, if there was one.
    pub fn beat(&self) {
        if self.alive.swap(false, Ordering::Relaxed) {
            let place = *self.place.lock().unwrap_or_else(PoisonError::into_inner);
            self.context.progress(place.step, place.progress);
        }
    }

    /// From here another attempt goes on.
    pub fn keep(&self, checkpoint: Value) {
        let place = *self.place.lock().unwrap_or_else(PoisonError::into_inner);
        self.context.checkpoint(place.step, place.progress, checkpoint);
    }

    pub fn heartbeat(&self) -> Duration {
        self.context.heartbeat
    }

    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// Progress of something that is no stage, from `from` to `to` of the job.
    pub fn part(&self, step: &'static str, from: f64, to: f64) -> Part<'_> {
        self.at(step, from);
        Part { watch: self, step, from, to }
    }

    fn leg(&self, stage: Stage, fraction: f64) {
        if let Some((_, step, from, to)) = self.legs.iter().find(|(s, ..)| *s == stage) {
            self.at(step, from + (to - from) * fraction.clamp(0.0, 1.0));
        }
    }

    fn tell(&self, what: impl FnOnce(&dyn Reporter)) {
        if let Some(audience) = &self.audience {
            what(audience.as_ref());
        }
    }

    fn stopped(&self) -> bool {
        self.alive.store(true, Ordering::Relaxed);
        let called_off = self.audience.as_ref().is_some_and(|audience| audience.cancelled());
        called_off || self.abandoned.load(Ordering::Relaxed) || self.context.stop() != Stop::No
    }
}

impl Reporter for Watch {
    fn begin(&self, stage: Stage, what: &str) {
        self.tell(|audience| audience.begin(stage, what));
        self.leg(stage, 0.0);
    }
    fn progress(&self, stage: Stage, what: &str, fraction: f64) {
        self.tell(|audience| audience.progress(stage, what, fraction));
        self.leg(stage, fraction);
    }
    fn end(&self, stage: Stage, what: &str, seconds: f64, from_cache: bool) {
        tracing::debug!(job = %self.job, stage = stage.as_str(), what, seconds, from_cache, "stage ended");
        self.tell(|audience| audience.end(stage, what, seconds, from_cache));
        self.leg(stage, 1.0);
    }
    fn note(&self, text: &str) {
        tracing::info!(job = %self.job, kind = self.kind.as_str(), "{text}");
        self.tell(|audience| audience.note(text));
    }
    fn child_ended(&self, stage: Stage, usage: &Usage) {
        meter::child_ended(stage.as_str(), Duration::from_secs_f64(usage.cpu_seconds()), usage.max_rss_bytes);
    }
    fn child_failed(&self, stage: Stage, fault: &Fault) {
        if matches!(fault.code, Code::ChildTimeout | Code::ChildMemory | Code::ChildKilled) {
            meter::child_killed(stage.as_str(), fault.code.as_str());
        }
    }
    fn cancelled(&self) -> bool {
        self.stopped()
    }
}

/// See [`Watch::part`].
pub(super) struct Part<'a> {
    watch: &'a Watch,
    step: &'static str,
    from: f64,
    to: f64,
}

impl Monitor for Part<'_> {
    fn progress(&self, fraction: f64) {
        self.watch.at(self.step, self.from + (self.to - self.from) * fraction.clamp(0.0, 1.0));
    }
    fn cancelled(&self) -> bool {
        self.watch.stopped()
    }
}
