//! INIT → CALCULATE → COMMIT: a time for one publication, or why there is none. Zenith confirms it, or not.

use std::sync::Arc;

use async_trait::async_trait;
use omniva_cognition::flow::payload::SchedulePayload;
use omniva_cognition::flow::schedule::propose;
use omniva_contracts::Fault;
use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use serde_json::Value;

use super::blocking::blocking;
use super::end::{Run, gone, outcome, skip};
use super::rows::{clip, subject, unnamed};
use super::watch::Watch;
use crate::slots::{self, Subject};
use crate::work::{Work, WorkContext};

pub(super) struct Scheduler(pub Arc<EngineConfig>);

#[async_trait]
impl Work for Scheduler {
    fn kind(&self) -> JobKind {
        JobKind::Schedule
    }

    async fn run(&self, job: Job, context: WorkContext) -> Outcome {
        outcome(self.schedule(&job, &context).await, &context)
    }
}

impl Scheduler {
    async fn schedule(&self, job: &Job, context: &WorkContext) -> Run<ScheduleResult> {
        let watch = Arc::new(Watch::new(context, job, &[]));
        let reader = &*context.reader;
        let named = job.payload.get("schedule_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let id = named.or_else(|| subject(job, EntityType::Schedule).map(ScheduleId));
        let id = id.ok_or_else(|| unnamed("schedule"))?;
        let slot = reader.schedule(id).await?.ok_or_else(|| gone("schedule", id))?;
        if slot.status != ScheduleStatus::Pending {
            return skip(format!("the schedule is {} already", slot.status.as_str()));
        }
        let not_before = match slot.upload_job_id {
            Some(upload) => reader.upload_job(upload).await?.and_then(|row| row.scheduled_time),
            None => None,
        };
        let urgent = serde_json::from_value::<SchedulePayload>(job.payload.clone()).is_ok_and(|p| p.urgent);
        let clip = clip(reader, slot.clip_id).await?;
        watch.at("CALCULATE", 0.3);
        let now = Moment(context.clock.now_us());
        let (owner, target) = (slot.project_id, slot.target.clone());
        let subject = Subject { slot, clip, not_before, urgent };
        let facts = slots::facts(reader, &self.0, now, (owner, &target), Some(subject)).await?;
        let config = self.0.clone();
        // A full calendar takes a moment of computing, which no other actor should have to wait for.
        let result = blocking(&watch, move |_| propose(&facts, id, &config)).await?;
        if let Some(Fault { message, next_step, .. }) = &result.fault {
            tracing::warn!(job_id = %job.id, schedule_id = %id, %message, %next_step, "no time was found");
        }
        watch.at("COMMIT", 0.9);
        Ok(result)
    }
}
