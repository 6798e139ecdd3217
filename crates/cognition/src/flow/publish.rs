//! What rulings on publishing mean: texts, slot, and the job that delivers.

use omniva_contracts::engine::*;
use omniva_contracts::fault::Fault;
use omniva_contracts::wire::PrivacyStatus;
use serde_json::{Value, json};

use super::enact::{Desk, schedule_job, upload_job};
use super::payload::{FOLDER, SchedulePayload, UploadPayload};
use super::rows::{clip_to, gone, schedule_to, upload_to};
use super::texts::{Texts, drafted, written};

/// Approved: an upload job's row, a place in the schedule without a time, and the job that looks for one.
pub(super) fn upload(desk: &mut Desk<'_>) -> Result<(), Fault> {
    let clip = desk.brief.clip.as_ref().ok_or_else(|| gone("the clip", desk.ruling.subject.entity_id))?;
    if !matches!(desk.ruling.decision, Decision::Approve { .. }) {
        desk.reject_clip(clip);
        return Ok(());
    }
    let now = desk.scribe.now;
    let target = desk.brief.project.as_ref().map_or(FOLDER, |project| project.settings.target()).to_owned();
    let old = desk.brief.upload_job.as_ref().filter(|row| row.target == target);
    if old.is_some_and(|row| !matches!(row.status, WorkStatus::Error | WorkStatus::Cancelled)) {
        // An operator was faster: what is under way stays.
        return Ok(());
    }
    let upload_job_id = old.map_or_else(|| UploadJobId(desk.scribe.ids.next()), |row| row.upload_job_id);
    // Chorus has asked the same before: who comes here without a text has an operator's word, and the draft goes out.
    let (texts, refused) = match written(desk.brief, clip, &target) {
        Ok(texts) => (texts, None),
        Err(fault) => (drafted(clip), Some(fault.message)),
    };
    let mut body = json!({ "clip_id": clip.clip_id, "target": target, "title": texts.title });
    if !texts.deltas.is_empty() {
        body["style_deltas"] = json!(texts.deltas);
    }
    if let Some(why) = refused {
        body["not_written"] = json!(why);
    }
    let Texts { title, description, keywords, .. } = texts;
    desk.note("upload.ordered", EntityRef::new(EntityType::UploadJob, upload_job_id), body);
    desk.enacted.rows.push(Row::UploadJob(Box::new(UploadJobRow {
        upload_job_id,
        clip_id: clip.clip_id,
        project_id: clip.project_id,
        job_id: None,
        target: target.clone(),
        title,
        description,
        keywords,
        scheduled_time: None,
        // Nothing is made public that nobody asked to be.
        privacy_status: old.map_or(PrivacyStatus::Private, |row| row.privacy_status),
        yt_video_id: None,
        response: Value::Null,
        status: WorkStatus::Queued,
        created_at: old.map_or(now, |row| row.created_at),
        version: old.map_or(1, |row| row.version + 1),
    })));
    let slot = desk.brief.schedule.as_ref().filter(|row| row.upload_job_id == Some(upload_job_id));
    let schedule_id = slot.map_or_else(|| ScheduleId(desk.scribe.ids.next()), |row| row.schedule_id);
    desk.enacted.rows.push(Row::Schedule(Schedule {
        schedule_id,
        clip_id: clip.clip_id,
        project_id: clip.project_id,
        upload_job_id: Some(upload_job_id),
        target,
        recommended_time: None,
        final_scheduled_time: None,
        horizon_adjustments: Value::Null,
        status: ScheduleStatus::Pending,
        created_at: slot.map_or(now, |row| row.created_at),
        version: slot.map_or(1, |row| row.version + 1),
    }));
    let new = schedule_job(desk, SchedulePayload { clip_id: clip.clip_id, schedule_id });
    desk.enqueue(new);
    Ok(())
}

/// Approved: the time is final and the upload waits for it. A slot that is taken or over the quota is looked for again;
/// any other "no" gives the clip back.
pub(super) fn schedule(desk: &mut Desk<'_>) -> Result<(), Fault> {
    let missing = || gone("the schedule", desk.ruling.subject.entity_id);
    let slot = desk.brief.schedule.as_ref().ok_or_else(missing)?;
    let clip = desk.brief.clip.as_ref().ok_or_else(|| gone("the clip", slot.clip_id))?;
    let order = desk.brief.upload_job.as_ref().ok_or_else(|| gone("the upload job of schedule", slot.schedule_id))?;
    let now = desk.scribe.now;
    let entity = EntityRef::new(EntityType::Schedule, slot.schedule_id);
    if !matches!(desk.ruling.decision, Decision::Approve { .. }) {
        let (code, _) = desk.refusal();
        if matches!(code.as_str(), "double_booked" | "quota_reached" | "slot_missing") {
            desk.note("schedule.slot_refused", entity, json!({ "code": code, "slot": slot.recommended_time }));
            let new = schedule_job(desk, SchedulePayload { clip_id: clip.clip_id, schedule_id: slot.schedule_id });
            desk.enqueue(new);
            return Ok(());
        }
        desk.note("schedule.cancelled", entity, json!({ "code": code, "why": desk.ruling.why }));
        desk.enacted.rows.push(Row::Schedule(schedule_to(slot, ScheduleStatus::Cancelled)));
        desk.enacted.rows.push(Row::UploadJob(Box::new(upload_to(order, WorkStatus::Cancelled))));
        return Ok(());
    }
    let time = slot.recommended_time.unwrap_or(now).max(now);
    let payload = UploadPayload {
        clip_id: clip.clip_id,
        upload_job_id: order.upload_job_id,
        schedule_id: Some(slot.schedule_id),
    };
    let mut new = upload_job(desk, payload);
    new.run_after = time;
    let job_id = desk.enqueue(new);
    let body = json!({ "clip_id": clip.clip_id, "target": slot.target, "time": time, "job_id": job_id });
    desk.note("schedule.confirmed", entity, body);
    desk.enacted.rows.push(Row::Schedule(Schedule {
        final_scheduled_time: Some(time),
        ..schedule_to(slot, ScheduleStatus::Confirmed)
    }));
    let next = UploadJobRow { scheduled_time: Some(time), job_id, ..upload_to(order, WorkStatus::Scheduled) };
    desk.enacted.rows.push(Row::UploadJob(Box::new(next)));
    if clip.status != ClipStatus::Scheduled {
        desk.enacted.rows.push(Row::Clip(Box::new(clip_to(clip, ClipStatus::Scheduled, now))));
    }
    Ok(())
}
