//! What rulings on publishing mean: texts, slot, and the job that delivers.

use omniva_contracts::engine::*;
use omniva_contracts::fault::Fault;
use serde_json::{Value, json};

use super::enact::{Desk, schedule_job, upload_job};
use super::payload::{SchedulePayload, UploadPayload};
use super::rows::{clip_to, gone, schedule_to, upload_to};
use super::texts::{Texts, drafted, written};
use crate::variant;

/// Reasons against a slot that leave the clip its place: another slot is looked for.
const AGAIN: [&str; 5] = ["double_booked", "quota_reached", "slot_missing", "slot_passed", "limit_reached"];

/// Approved: for each channel an upload job's row, a place in the schedule without a time, and the job that looks for one.
pub(super) fn upload(desk: &mut Desk<'_>) -> Result<(), Fault> {
    let clip = desk.brief.clip.as_ref().ok_or_else(|| gone("the clip", desk.ruling.subject.entity_id))?;
    if !matches!(desk.ruling.decision, Decision::Approve { .. }) {
        desk.reject_clip(clip);
        return Ok(());
    }
    let settings = desk.brief.project.as_ref().map(|project| project.settings.clone()).unwrap_or_default();
    let channels = settings.channels_in_use();
    if channels.is_empty() {
        let why = "every channel of the project is switched off";
        desk.note("upload.no_channel", EntityRef::new(EntityType::Clip, clip.clip_id), json!({ "why": why }));
    }
    let kept = variant::renderings(clip)?;
    let mut seen = std::collections::BTreeSet::new();
    for channel in &channels {
        if seen.insert(row_target(clip.project_id, &channel.target)) {
            let outlet = Outlet::of(&Target::parse(&channel.target)?);
            upload_to_channel(desk, clip, channel, outlet.and_then(|outlet| variant::made_for(&kept, outlet)));
        }
    }
    Ok(())
}

/// `rendering`: the file that was made for this place, where the edit made a list of them.
fn upload_to_channel(desk: &mut Desk<'_>, clip: &Clip, channel: &ChannelSettings, rendering: Option<&Rendering>) {
    let now = desk.scribe.now;
    let target = row_target(clip.project_id, &channel.target);
    let brief = desk.brief;
    let old = brief.uploads.iter().chain(&brief.upload_job).find(|row| row.target == target);
    if old.is_some_and(|row| !matches!(row.status, WorkStatus::Error | WorkStatus::Cancelled)) {
        // An operator was faster: what is under way stays.
        return;
    }
    let upload_job_id = old.map_or_else(|| UploadJobId(desk.scribe.ids.next()), |row| row.upload_job_id);
    // Chorus has asked the same before: who comes here without a text has an operator's word, and the draft goes out.
    let (mut texts, refused) = match written(desk.brief, clip, &target, &desk.config.endpoints) {
        Ok(texts) => (texts, None),
        Err(fault) => (drafted(clip), Some(fault.message)),
    };
    texts.deltas.extend(rendering.and_then(variant::delta));
    let mut body = json!({ "clip_id": clip.clip_id, "target": target, "title": texts.title });
    if let Some(one) = rendering {
        body["rendering"] = json!({ "variant": one.variant, "why": one.why, "sha256": one.sha256 });
    }
    if !texts.deltas.is_empty() {
        body["style_deltas"] = json!(texts.deltas);
    }
    if let Some(why) = refused {
        body["not_written"] = json!(why);
    }
    let Texts { title, description, keywords, .. } = texts;
    // A file that could not be made stops the places that need it, and no other.
    let fault = rendering.and_then(|one| one.fault.as_ref());
    if let Some(fault) = fault {
        body["fault"] = json!(fault);
        body["why"] = json!(fault.message);
    }
    let kind = if fault.is_some() { "upload.blocked" } else { "upload.ordered" };
    desk.note(kind, EntityRef::new(EntityType::UploadJob, upload_job_id), body);
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
        privacy_status: old.map_or(channel.privacy, |row| row.privacy_status),
        yt_video_id: None,
        response: fault.map_or(Value::Null, |fault| json!({ "fault": fault })),
        status: if fault.is_some() { WorkStatus::Error } else { WorkStatus::Queued },
        created_at: old.map_or(now, |row| row.created_at),
        version: old.map_or(1, |row| row.version + 1),
    })));
    if fault.is_none() {
        place(desk, clip, target, upload_job_id);
    }
}

/// A place in the schedule without a time, and the job that looks for one.
fn place(desk: &mut Desk<'_>, clip: &Clip, target: String, upload_job_id: UploadJobId) {
    let (now, brief) = (desk.scribe.now, desk.brief);
    let places = brief.places.iter().chain(&brief.schedule);
    let slot = places.into_iter().find(|row| row.upload_job_id == Some(upload_job_id));
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
        locked: false,
        created_at: slot.map_or(now, |row| row.created_at),
        version: slot.map_or(1, |row| row.version + 1),
    }));
    let new = schedule_job(desk, SchedulePayload { clip_id: clip.clip_id, schedule_id, urgent: false });
    desk.enqueue(new);
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
        if AGAIN.contains(&code.as_str()) {
            desk.note("schedule.slot_refused", entity, json!({ "code": code, "slot": slot.recommended_time }));
            let payload = SchedulePayload { clip_id: clip.clip_id, schedule_id: slot.schedule_id, urgent: false };
            let new = schedule_job(desk, payload);
            desk.enqueue(new);
            // What was recommended holds no place any more.
            if slot.recommended_time.is_some() {
                let open = Schedule { recommended_time: None, ..schedule_to(slot, ScheduleStatus::Pending) };
                desk.enacted.rows.push(Row::Schedule(open));
            }
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
    let body = json!({
        "clip_id": clip.clip_id, "target": slot.target, "time": time, "job_id": job_id,
        "why": slot.horizon_adjustments.get("words"), "local": slot.horizon_adjustments.get("local"),
    });
    desk.note("schedule.confirmed", entity, body);
    desk.enacted.rows.push(Row::Schedule(Schedule {
        final_scheduled_time: Some(time),
        ..schedule_to(slot, ScheduleStatus::Confirmed)
    }));
    let next = UploadJobRow { scheduled_time: Some(time), job_id, ..upload_to(order, WorkStatus::Scheduled) };
    desk.enacted.rows.push(Row::UploadJob(Box::new(next)));
    // It may be out, or on its way, elsewhere: that shows more than that it waits here.
    if !matches!(clip.status, ClipStatus::Scheduled | ClipStatus::Uploading | ClipStatus::Published) {
        desk.enacted.rows.push(Row::Clip(Box::new(clip_to(clip, ClipStatus::Scheduled, now))));
    }
    Ok(())
}
