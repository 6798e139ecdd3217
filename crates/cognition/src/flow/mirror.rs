//! Rows that show how a job stands: edit jobs, upload jobs, schedules and clips follow it.

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use omniva_contracts::fault::Code;
use omniva_contracts::ports::Ids;
use serde_json::json;

use super::Absorbed;
use super::absorb::{actor_of, read};
use super::payload::{EditPayload, SchedulePayload, UploadPayload, key};
use super::rows::{Rows, Scribe, clip_to, edit_job_to, schedule_to, set, upload_to};
use crate::jobs::{NewJob, new_job};

/// What follows from a job's new state other than DONE, which [`super::absorb`] takes in: rows that show it, and the
/// question Recover when it failed. `job` is the row after the step, `rows` the [`super::wanted`] ones.
pub fn mirror(job: &Job, rows: &[Row], now: Moment, config: &EngineConfig, ids: &mut dyn Ids) -> Absorbed {
    let mut absorbed = Absorbed::default();
    let mut scribe =
        Scribe { ids, source: actor_of(job.kind), project_id: job.project_id, trace_id: job.trace_id, now };
    match job.kind {
        JobKind::Edit => edit(job, Rows(rows), &mut scribe, &mut absorbed),
        JobKind::Upload => upload(job, Rows(rows), config, &mut scribe, &mut absorbed),
        JobKind::Schedule => schedule(job, Rows(rows), &mut scribe, &mut absorbed),
        _ => {}
    }
    let failed = matches!(job.state, JobState::Error | JobState::Quarantined | JobState::Skipped);
    if failed && job.fault.is_some() && !matches!(job.kind, JobKind::Noop | JobKind::Maintain) {
        absorbed.questions.push((Question::Recover, EntityRef::new(EntityType::Job, job.id)));
    }
    absorbed
}

/// The status that the API shows for a job's state.
fn work(state: JobState) -> WorkStatus {
    match state {
        JobState::Pending | JobState::WaitingRetry => WorkStatus::Queued,
        JobState::Running => WorkStatus::Running,
        JobState::Done => WorkStatus::Done,
        JobState::Error | JobState::Quarantined => WorkStatus::Error,
        JobState::Cancelled | JobState::Skipped => WorkStatus::Cancelled,
    }
}

fn edit(job: &Job, rows: Rows<'_>, scribe: &mut Scribe<'_>, absorbed: &mut Absorbed) {
    let Ok(payload) = read::<EditPayload>(&job.payload) else { return };
    let status = work(job.state);
    if let Some(row) = rows.edit_job(payload.edit_job_id).filter(|row| row.status != status) {
        absorbed.rows.push(Row::EditJob(edit_job_to(row, status)));
    }
    let clip_status = match job.state {
        JobState::Pending | JobState::WaitingRetry | JobState::Running => ClipStatus::Editing,
        JobState::Error | JobState::Quarantined => ClipStatus::Failed,
        // Nothing has been made of it: it may be asked for again.
        JobState::Cancelled | JobState::Skipped => ClipStatus::ReadyForEdit,
        JobState::Done => return,
    };
    follow(job, rows.clip(payload.clip_id), clip_status, scribe, absorbed);
}

fn upload(job: &Job, rows: Rows<'_>, config: &EngineConfig, scribe: &mut Scribe<'_>, absorbed: &mut Absorbed) {
    let Ok(payload) = read::<UploadPayload>(&job.payload) else { return };
    let status = match job.state {
        JobState::Pending | JobState::WaitingRetry => WorkStatus::Scheduled,
        JobState::Skipped => WorkStatus::Error,
        // Nobody knows whether it was posted: never to be taken for a failure that may be repeated.
        JobState::Error if job.fault.as_ref().is_some_and(|f| f.code == Code::Unconfirmed) => WorkStatus::Unconfirmed,
        state => work(state),
    };
    let Some(row) = rows.upload_job(payload.upload_job_id) else { return };
    // What has been published stays so, whatever becomes of a job.
    if matches!(row.status, WorkStatus::Done | WorkStatus::Live) || job.state == JobState::Done {
        return;
    }
    let slot = rows.slot_of(row.upload_job_id, payload.schedule_id);
    if job.state == JobState::Skipped
        && let Some(slot) = slot.filter(|s| matches!(s.status, ScheduleStatus::Confirmed | ScheduleStatus::Missed))
    {
        return missed(job, (slot, row), rows, config, scribe, absorbed);
    }
    if row.status != status {
        absorbed.rows.push(Row::UploadJob(Box::new(upload_to(row, status))));
    }
    let (clip_status, slot_status) = match job.state {
        JobState::Running => (ClipStatus::Uploading, None),
        JobState::Pending | JobState::WaitingRetry | JobState::Done => (ClipStatus::Scheduled, None),
        JobState::Error | JobState::Quarantined | JobState::Skipped => {
            (ClipStatus::Failed, Some(ScheduleStatus::Missed))
        }
        JobState::Cancelled => (ClipStatus::Ready, Some(ScheduleStatus::Cancelled)),
    };
    // Another channel still waits for the clip: that it failed here, or was taken back, is not the end of it.
    let clip_status = match clip_status {
        ClipStatus::Failed | ClipStatus::Ready if rows.other_uploads_open(row.clip_id, row.upload_job_id) => {
            ClipStatus::Scheduled
        }
        status => status,
    };
    if let (Some(slot), Some(status)) = (slot, slot_status)
        && slot.status != status
    {
        absorbed.rows.push(Row::Schedule(schedule_to(slot, status)));
    }
    follow(job, rows.clip(payload.clip_id), clip_status, scribe, absorbed);
}

/// The upload never began, and its time is over: the channel's policy says what becomes of it. What was sent before, if
/// anything, is known by the upload's own record: an upload that gets another time is the same upload.
fn missed(
    job: &Job,
    (slot, order): (&Schedule, &UploadJobRow),
    rows: Rows<'_>,
    config: &EngineConfig,
    scribe: &mut Scribe<'_>,
    absorbed: &mut Absorbed,
) {
    let settings = job.project_id.and_then(|id| rows.project(id)).map(|p| p.settings.clone()).unwrap_or_default();
    let policy = settings.channel_of(slot.project_id, &slot.target).missed;
    let entity = EntityRef::new(EntityType::Schedule, slot.schedule_id);
    let body = json!({
        "clip_id": slot.clip_id, "target": slot.target, "was": slot.final_scheduled_time, "policy": policy,
        "job_id": job.id,
    });
    let packet = scribe.packet("schedule.missed", entity.clone(), &job.meta_parents, body);
    let cause = packet.stardust_id;
    absorbed.packets.push(packet);
    if policy == MissedSlot::Skip {
        absorbed.rows.push(Row::Schedule(schedule_to(slot, ScheduleStatus::Missed)));
        absorbed.rows.push(Row::UploadJob(Box::new(upload_to(order, WorkStatus::Cancelled))));
    } else {
        let payload = SchedulePayload {
            clip_id: slot.clip_id,
            schedule_id: slot.schedule_id,
            urgent: policy == MissedSlot::PublishNow,
        };
        let new = NewJob {
            project_id: job.project_id,
            subject: Some(entity),
            unique_key: Some(key::schedule(slot.schedule_id)),
            priority: job.priority,
            meta_parents: vec![cause],
            ..NewJob::now(JobKind::Schedule, json!(payload), job.trace_id, scribe.now)
        };
        let (next, created) = new_job(new, scribe.now, config, scribe.ids, scribe.source);
        absorbed.packets.push(created);
        absorbed.jobs.push(next);
        // A lock was for the time that is gone.
        let open = Schedule {
            recommended_time: None,
            final_scheduled_time: None,
            locked: false,
            ..schedule_to(slot, ScheduleStatus::Pending)
        };
        let waits = UploadJobRow { scheduled_time: None, job_id: None, ..upload_to(order, WorkStatus::Queued) };
        absorbed.rows.push(Row::Schedule(open));
        absorbed.rows.push(Row::UploadJob(Box::new(waits)));
    }
    let others = rows.other_uploads_open(order.clip_id, order.upload_job_id);
    let status = if others { ClipStatus::Scheduled } else { ClipStatus::Ready };
    follow(job, rows.clip(order.clip_id), status, scribe, absorbed);
}

/// A slot that could not be found stays open, for an operator or Eclipse to look for it again.
fn schedule(job: &Job, rows: Rows<'_>, scribe: &mut Scribe<'_>, absorbed: &mut Absorbed) {
    if !matches!(job.state, JobState::Error | JobState::Quarantined | JobState::Skipped | JobState::Cancelled) {
        return;
    }
    let Ok(payload) = read::<SchedulePayload>(&job.payload) else { return };
    if job.state == JobState::Cancelled
        && let Some(slot) = rows.schedule(payload.schedule_id).filter(|s| s.status == ScheduleStatus::Pending)
    {
        let packet = scribe.packet(
            "schedule.cancelled",
            EntityRef::new(EntityType::Schedule, slot.schedule_id),
            &job.meta_parents,
            json!({ "job_id": job.id }),
        );
        absorbed.packets.push(packet);
        absorbed.rows.push(Row::Schedule(schedule_to(slot, ScheduleStatus::Cancelled)));
    }
}

fn follow(job: &Job, clip: Option<&Clip>, status: ClipStatus, scribe: &mut Scribe<'_>, absorbed: &mut Absorbed) {
    let Some(clip) = clip.filter(|c| c.status != status && c.status != ClipStatus::Published) else { return };
    let kind = match status {
        ClipStatus::Editing => "clip.editing",
        ClipStatus::Uploading => "clip.uploading",
        ClipStatus::Scheduled => "clip.scheduled",
        ClipStatus::Failed => "clip.failed",
        _ => "clip.released",
    };
    let fault = job.fault.as_ref().map(|f| json!({ "code": f.code, "message": f.message }));
    let body = json!({ "job_id": job.id, "from": clip.status, "to": status, "fault": fault });
    let packet = scribe.packet(kind, EntityRef::new(EntityType::Clip, clip.clip_id), &job.meta_parents, body);
    let mut next = clip_to(clip, status, scribe.now);
    if status == ClipStatus::Failed {
        let reason = job.fault.as_ref().map_or_else(|| "its job ended without a result".to_owned(), |f| f.to_string());
        set(&mut next.metadata, [("failure", json!(reason))]);
    }
    absorbed.packets.push(packet);
    absorbed.rows.push(Row::Clip(Box::new(next)));
}
