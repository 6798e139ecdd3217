//! INIT → CALCULATE → COMMIT: a slot for one publication. Zenith confirms it, or not.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use omniva_cognition::council::Booking;
use omniva_cognition::flow::schedule::{SlotRequest, recommend};
use omniva_contracts::engine::*;
use omniva_store::{Page, ScheduleFilter};
use serde_json::Value;

use super::Tools;
use super::end::{Run, gone, outcome, skip};
use super::rows::{days, project, subject, unnamed};
use super::watch::Watch;
use crate::work::{Work, WorkContext};

/// Bookings that are read at once, and in all. More than this in the horizon is no schedule that could be kept.
const PAGE: u64 = 500;
const MAX_BOOKED: usize = 10_000;

pub(super) struct Scheduler(pub Arc<Tools>);

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
        let watch = Watch::new(context, job, &[]);
        let reader = &*context.reader;
        let named = job.payload.get("schedule_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let id = named.or_else(|| subject(job, EntityType::Schedule).map(ScheduleId));
        let id = id.ok_or_else(|| unnamed("schedule"))?;
        let slot = reader.schedule(id).await?.ok_or_else(|| gone("schedule", id))?;
        if slot.status != ScheduleStatus::Pending {
            return skip(format!("the schedule is {} already", slot.status.as_str()));
        }
        let project = project(reader, slot.project_id).await?;
        let wish = match slot.upload_job_id {
            Some(upload) => reader.upload_job(upload).await?.and_then(|row| row.scheduled_time),
            None => None,
        };
        watch.at("CALCULATE", 0.3);
        let now = Moment(context.clock.now_us());
        let booked = booked(context, &slot.target, now, &self.0.engine.schedule).await?;
        let out = reader.project_counts(slot.project_id, now).await?.published_today;
        let request = SlotRequest {
            schedule_id: id,
            clip_id: slot.clip_id,
            project_id: slot.project_id,
            target: &slot.target,
            now,
            not_before: wish,
            daily_quota: project.settings.daily_quota,
            published_today: u32::try_from(out).unwrap_or(u32::MAX),
            booked: &booked,
        };
        let result = recommend(&request, &self.0.engine.schedule);
        watch.at("COMMIT", 0.9);
        Ok(result)
    }
}

/// What stands in a target's schedule from a day before now to a day beyond the horizon.
async fn booked(
    context: &WorkContext,
    target: &str,
    now: Moment,
    config: &omniva_contracts::config::ScheduleConfig,
) -> Run<Vec<Booking>> {
    let filter = ScheduleFilter {
        from: Some(now.before(Duration::from_secs(86_400))),
        to: Some(now.after(days(config.horizon_days.saturating_add(1)))),
        ..ScheduleFilter::default()
    };
    let mut booked = Vec::new();
    let mut offset = 0;
    loop {
        let page = context.reader.schedules(&filter, Page { limit: PAGE, offset }).await?;
        let count = page.items.len() as u64;
        booked.extend(page.items.into_iter().filter(|row| row.target == target).filter_map(booking));
        offset += count;
        if count < PAGE || booked.len() >= MAX_BOOKED {
            return Ok(booked);
        }
    }
}

fn booking(row: Schedule) -> Option<Booking> {
    Some(Booking {
        schedule_id: row.schedule_id,
        clip_id: row.clip_id,
        project_id: row.project_id,
        target: row.target,
        at: row.final_scheduled_time?,
        status: row.status,
    })
}
