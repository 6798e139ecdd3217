//! INIT → PULL → LEARN: what posts achieved, and what follows from it. A channel whose platform does not answer stops no
//! other: its fault stands in the result, and the next run asks again.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use omniva_cognition::learning::{Judged, study, study_personas};
use omniva_contracts::config::{EngineConfig, Persona};
use omniva_contracts::engine::*;
use omniva_contracts::ports::{Ids, Seeded};
use omniva_contracts::{Code, Fault};
use omniva_platforms::{Insights, PostRef};
use omniva_store::Reader;

use super::blocking::blocking;
use super::end::{End, Run, outcome, skip};
use super::watch::Watch;
use crate::measured::{self, Place};
use crate::work::{Work, WorkContext};

const DAY: Duration = Duration::from_secs(86_400);
/// A post is measured again after this, or after an eighth of its age where that is longer: its curve is flat then.
const APART: Duration = Duration::from_secs(3 * 3_600);
const OF_AGE: u32 = 8;
/// Posts of one channel that one run asks for.
const AT_ONCE: usize = 1_000;

/// Where the figures of a target can be read, if anywhere.
pub type FiguresOf = Arc<dyn Fn(&Target) -> Option<Box<dyn Insights>> + Send + Sync>;

pub(super) struct Measurer {
    pub config: Arc<EngineConfig>,
    /// As configured.
    pub personas: Vec<Persona>,
    pub figures: FiguresOf,
}

#[async_trait]
impl Work for Measurer {
    fn kind(&self) -> JobKind {
        JobKind::Measure
    }

    async fn run(&self, job: Job, context: WorkContext) -> Outcome {
        outcome(self.measure(&job, &context).await, &context)
    }
}

impl Measurer {
    async fn measure(&self, job: &Job, context: &WorkContext) -> Run<MeasureResult> {
        if !self.config.learning.on {
            return skip("learning is switched off (engine.learning.on)");
        }
        let MeasurePayload { only_learn } = payload(&job.payload)?;
        let watch = Arc::new(Watch::new(context, job, &[]));
        let reader = &*context.reader;
        let now = Moment(context.clock.now_us());
        let places = measured::places(reader).await?;
        let mut result = MeasureResult::default();
        watch.at("PULL", 0.05);
        for (n, place) in places.iter().enumerate().filter(|_| !only_learn) {
            let from = 0.05 + 0.65 * n as f64 / places.len() as f64;
            result.pulls.extend(self.pull(&watch, reader, place, now, from).await?);
        }
        watch.at("LEARN", 0.7);
        let mut judged = Vec::new();
        for place in &places {
            watch.pulse();
            match self.learn(&watch, job, reader, place, &mut result, now).await {
                Ok(more) => judged.extend(more),
                Err(End::Fault(fault)) if of_the_channel(&fault) => {
                    tracing::warn!(channel = %place.channel, error = %fault, "nothing could be learnt");
                    result.unlearnt.push((place.channel.clone(), *fault));
                }
                Err(end) => return Err(end),
            }
        }
        let row = reader.model(ModelRow::PERSONAS).await?;
        let (personas, config) = (self.personas.clone(), self.config.clone());
        let lessons =
            blocking(&watch, move |_| study_personas(row.as_ref(), &personas, &judged, &config.learning, now));
        result.lessons.extend(lessons.await?);
        Ok(result)
    }

    /// Nothing where there is nobody to ask, or nothing to ask for.
    async fn pull(
        &self,
        watch: &Arc<Watch>,
        reader: &dyn Reader,
        place: &Place,
        now: Moment,
        progress: f64,
    ) -> Run<Option<ChannelPull>> {
        let Some(insights) = Target::parse(&place.channel).ok().and_then(|target| (self.figures)(&target)) else {
            return Ok(None);
        };
        let posts = due(reader, &place.channel, now, self.config.learning.post_days).await?;
        if posts.is_empty() {
            return Ok(None);
        }
        watch.at("PULL", progress);
        let asked = posts.len() as u64;
        let pulled = blocking(watch, move |watch| Ok(insights.pull(&posts, &watch.part("PULL", progress, progress))));
        let pulled = pulled.await?;
        if let Some(fault) = &pulled.stopped {
            if fault.code == Code::Cancelled {
                return Err(fault.clone().into());
            }
            tracing::warn!(channel = %place.channel, error = %fault, "the figures could not all be read");
        }
        // Points of another channel, or of no post that was asked for, are a platform's mistake.
        let samples = pulled.samples.into_iter().filter(|sample| sample.channel == place.channel).collect();
        Ok(Some(ChannelPull {
            channel: place.channel.clone(),
            asked,
            samples,
            missing: pulled.missing.into_iter().map(|m| (m.schedule_id, m.fault)).collect(),
            not_yet: pulled.not_yet.len() as u64,
            fault: pulled.stopped,
        }))
    }

    async fn learn(
        &self,
        watch: &Arc<Watch>,
        job: &Job,
        reader: &dyn Reader,
        place: &Place,
        result: &mut MeasureResult,
        now: Moment,
    ) -> Run<Vec<Judged>> {
        let pulled = result.pulls.iter().find(|pull| pull.channel == place.channel);
        let fresh = pulled.map(|pull| pull.samples.clone()).unwrap_or_default();
        let facts = measured::facts(reader, &self.config, place, fresh, now).await?;
        let roll = Seeded::new(format!("{} {}", job.id, place.channel).as_bytes()).next().as_u128() as u64;
        let config = self.config.clone();
        let studied = blocking(watch, move |_| study(&facts, &config.learning, now, roll)).await?;
        result.lessons.extend(studied.lessons);
        Ok(studied.judged)
    }
}

/// What one channel's rows or rules are at fault for; the store and a stop concern all.
fn of_the_channel(fault: &Fault) -> bool {
    matches!(fault.code, Code::ConfigInvalid | Code::InputCorrupt | Code::Internal)
}

/// The posts whose curve has moved since they were measured last, the newest.
async fn due(reader: &dyn Reader, channel: &str, now: Moment, days: u32) -> Run<Vec<PostRef>> {
    let slots = measured::published(reader, channel, (now.before(DAY * days), now)).await?;
    let slots: Vec<Schedule> = slots.into_iter().rev().take(AT_ONCE).collect();
    let ids: Vec<ScheduleId> = slots.iter().map(|slot| slot.schedule_id).collect();
    let latest = reader.latest_samples(&ids).await?;
    let mut posts = Vec::new();
    for slot in slots {
        let last = latest.iter().find(|row| row.sample.schedule_id == slot.schedule_id);
        let age = slot.final_scheduled_time.map(|at| now.since(at)).unwrap_or_default();
        let pause = APART.max(age / OF_AGE);
        if last.is_some_and(|row| now.since(row.sample.measured_at) < pause) {
            continue;
        }
        posts.extend(measured::post(reader, &slot).await?);
    }
    Ok(posts)
}
