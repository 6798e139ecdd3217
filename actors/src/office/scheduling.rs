//! A schedule made anew: open slots go back to the scheduler.

use std::time::Duration;

use omniva_cognition::flow::payload::{SchedulePayload, key};
use omniva_contracts::engine::*;
use omniva_store::{JobFilter, Page, ScheduleFilter};
use serde_json::json;

use super::check::{Faults, day};
use super::desk::{Deed, Desk, OrRefuse};
use super::jobs::{Order as NewOrder, make, runs, take_back};
use super::plan::Done;
use super::{Refusal, projects};

/// Slots that one request looks at.
const MOST: u64 = 500;
/// A slot this near is left alone: its upload may be on its way.
const NEAR: Duration = Duration::from_secs(300);

pub(super) async fn reschedule(
    desk: &mut Desk<'_>,
    project: ProjectId,
    reason: &str,
    target_day: Option<&str>,
) -> Done {
    let mut faults = Faults::default();
    faults.reason(reason);
    let range = target_day.map(day);
    faults.unless(range != Some(None), "target_day", "must be a day as YYYY-MM-DD");
    faults.verdict()?;
    projects::find(desk, project).await?;
    busy(desk, project).await?;
    let range = range.flatten();
    let filter = ScheduleFilter {
        project: Some(project),
        from: range.map(|(from, _)| from),
        to: range.map(|(_, to)| to),
        ..ScheduleFilter::default()
    };
    let all = desk.reader.schedules(&filter, Page { limit: MOST, offset: 0 }).await.or_refuse()?.items;
    let open: Vec<Schedule> = all.into_iter().filter(|s| is_open(s, desk.now)).collect();
    let entity = EntityRef::new(EntityType::Project, project);
    let body = json!({
        "reason": reason, "target_day": target_day, "schedules": open.iter().map(|s| s.schedule_id).collect::<Vec<_>>(),
    });
    let packet = desk.record(Deed::new("schedule.recalculation_requested", entity, Some(project), body));
    let considered = open.len();
    let mut updated = 0u32;
    for schedule in open {
        updated += u32::from(search_again(desk, schedule, packet).await?);
    }
    let data = json!({ "jobs_considered": considered, "updated": updated, "status": "QUEUED" });
    Ok((202, data, packet))
}

fn is_open(s: &Schedule, now: Moment) -> bool {
    match s.status {
        ScheduleStatus::Pending | ScheduleStatus::Missed => true,
        ScheduleStatus::Confirmed => !s.locked && s.final_scheduled_time.is_none_or(|at| at > now.after(NEAR)),
        ScheduleStatus::Done | ScheduleStatus::Cancelled => false,
    }
}

/// Frees the slot, takes the waiting upload back, and asks for a new time.
async fn search_again(desk: &mut Desk<'_>, mut schedule: Schedule, cause: PacketId) -> Result<bool, Refusal> {
    let id = schedule.schedule_id;
    let upload = match schedule.upload_job_id {
        Some(id) => desk.reader.upload_job(id).await.or_refuse()?,
        None => None,
    };
    if upload.as_ref().is_some_and(|u| !matches!(u.status, WorkStatus::Queued | WorkStatus::Scheduled)) {
        return Ok(false);
    }
    let searching = desk.reader.job_by_unique_key(&key::schedule(id)).await.or_refuse()?.map(|job| job.id);
    let jobs: Vec<JobId> = searching.into_iter().chain(upload.as_ref().and_then(|u| u.job_id)).collect();
    for job in &jobs {
        if runs(desk, *job).await? {
            return Ok(false);
        }
    }
    // One that waits for another day looks now.
    for job in jobs {
        take_back(desk, job).await?;
    }
    if let Some(mut upload) = upload {
        upload.status = WorkStatus::Queued;
        upload.scheduled_time = None;
        upload.job_id = None;
        upload.version += 1;
        desk.rows.push(Row::UploadJob(Box::new(upload)));
    }
    let clip = desk.reader.clip(schedule.clip_id).await.or_refuse()?;
    let payload = json!(SchedulePayload { clip_id: schedule.clip_id, schedule_id: id, urgent: false });
    let subject = EntityRef::new(EntityType::Schedule, id);
    let mut order =
        NewOrder::new(JobKind::Schedule, Some(schedule.project_id), subject, payload).unique(key::schedule(id));
    if let Some(clip) = &clip {
        order = order.trace(clip.trace_id);
    }
    make(desk, order, cause);
    schedule.final_scheduled_time = None;
    schedule.recommended_time = None;
    schedule.status = ScheduleStatus::Pending;
    schedule.version += 1;
    desk.rows.push(Row::Schedule(schedule));
    if let Some(mut clip) = clip.filter(|c| c.status == ClipStatus::Scheduled) {
        clip.status = ClipStatus::Ready;
        clip.updated_at = desk.now;
        clip.version += 1;
        desk.rows.push(Row::Clip(Box::new(clip)));
    }
    Ok(true)
}

/// One recalculation at a time.
async fn busy(desk: &Desk<'_>, project: ProjectId) -> Result<(), Refusal> {
    let filter = JobFilter {
        project: Some(project),
        kind: Some(JobKind::Schedule),
        states: vec![JobState::Pending, JobState::Running, JobState::WaitingRetry],
        ..JobFilter::default()
    };
    let jobs = desk.reader.jobs(&filter, Page { limit: MOST, offset: 0 }).await.or_refuse()?.items;
    // Those that look again another day are not at work.
    let open = jobs.iter().filter(|job| job.state == JobState::Running || job.run_after <= desk.now).count();
    if open > 0 {
        let message = format!("the scheduler is at work on {open} slots of this project");
        return Err(Refusal::new(409, "SCHEDULER_BUSY", message).retry_after(5));
    }
    Ok(())
}
