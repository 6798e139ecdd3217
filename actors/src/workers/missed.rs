//! Slots that passed while nobody could publish.

use std::time::Duration;

use omniva_contracts::Fault;
use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use serde_json::Value;

use crate::work::WorkContext;

/// The slot of an upload job, where it passed long before the upload began for the first time. One that was begun goes
/// on, however late: the platform may have part of it.
///
/// # Errors
/// The store does not answer.
pub async fn missed_slot(
    job: &Job,
    upload: UploadJobId,
    context: &WorkContext,
    config: &EngineConfig,
) -> Result<Option<Moment>, Fault> {
    let begun = job.attempt > 1 || job.snoozes > 0 || job.crashes > 0 || job.checkpoint.is_some();
    let named = job.payload.get("schedule_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let Some(id) = named.filter(|_| !begun) else { return Ok(None) };
    let Some(slot) = context.reader.schedule(id).await? else { return Ok(None) };
    let mine = slot.status == ScheduleStatus::Confirmed && slot.upload_job_id == Some(upload);
    let grace = Duration::from_secs(u64::from(config.schedule.missed_minutes) * 60);
    let now = Moment(context.clock.now_us());
    Ok(slot.final_scheduled_time.filter(|at| mine && at.after(grace) < now))
}
