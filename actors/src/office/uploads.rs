//! Uploads on demand. With a time the slot is taken at once; without one the scheduler looks for it.

use std::time::Duration;

use omniva_cognition::flow::payload::{SchedulePayload, UploadPayload, key};
use omniva_cognition::flow::schedule::labels;
use omniva_contracts::engine::{
    ChannelSettings, Clip, ClipStatus, EntityRef, EntityType, JobKind, Moment, PacketId, Row, Schedule, ScheduleStatus,
    Target, UploadJobRow, WorkStatus, row_target,
};
use omniva_store::{Page, ScheduleFilter, UploadFilter};
use serde_json::{Value, json};

use super::check::Faults;
use super::clips::{entity, find};
use super::desk::{Deed, Desk, OrRefuse};
use super::jobs::{Order, enqueue};
use super::plan::Done;
use super::{Command, Refusal};

/// No slot is taken further ahead than that.
const HORIZON: Duration = Duration::from_secs(365 * 86_400);
/// Clocks differ; a time this far back counts as now.
const GRACE: Duration = Duration::from_secs(60);

struct Words {
    title: String,
    description: String,
    keywords: Vec<String>,
}

pub(super) async fn upload(desk: &mut Desk<'_>, command: &Command) -> Done {
    let Command::UploadClip { clip, title, description, keywords, scheduled_time, privacy_status, target: asked } =
        command
    else {
        return Err(Refusal::new(500, "INTERNAL", "not a command to upload"));
    };
    let mut clip = find(desk, *clip).await?;
    let words = words(&clip, title.as_deref(), description.as_deref(), keywords.as_deref())?;
    let channel = channel(desk, &clip, asked.as_deref()).await?;
    let target = row_target(clip.project_id, &channel.target);
    let target = target.as_str();
    let old = existing(desk, &clip, target).await?;
    let finished = [ClipStatus::Ready, ClipStatus::Scheduled, ClipStatus::Uploading, ClipStatus::Published];
    if !finished.contains(&clip.status) {
        let message = format!("clip {} is {}: it can be uploaded once it is READY", clip.clip_id, clip.status.as_str());
        return Err(Refusal::new(409, "CLIP_NOT_READY", message));
    }
    if let Some(time) = scheduled_time {
        slot_is_sound(desk, target, *time).await?;
    }
    let upload_job_id = old.as_ref().map_or_else(|| desk.id(), |u| u.upload_job_id);
    let parent = desk.last_of(&entity(clip.clip_id)).await?;
    let body = json!({
        "upload_job_id": upload_job_id, "target": target, "title": words.title, "scheduled_time": scheduled_time,
        "forced": true,
    });
    let deed = Deed::new("upload.requested", entity(clip.clip_id), Some(clip.project_id), body)
        .trace(clip.trace_id)
        .after(parent);
    let packet = desk.record(deed);
    let status = if scheduled_time.is_some() { WorkStatus::Scheduled } else { WorkStatus::Queued };
    let mut row = UploadJobRow {
        upload_job_id,
        clip_id: clip.clip_id,
        project_id: clip.project_id,
        job_id: None,
        target: target.to_owned(),
        title: words.title,
        description: words.description,
        keywords: words.keywords,
        scheduled_time: *scheduled_time,
        privacy_status: privacy_status.unwrap_or(channel.privacy),
        yt_video_id: None,
        response: Value::Null,
        status,
        created_at: old.as_ref().map_or(desk.now, |u| u.created_at),
        version: old.as_ref().map_or(1, |u| u.version + 1),
    };
    row.job_id = follow_up(desk, (&clip, &channel), &row, packet).await?;
    desk.rows.push(Row::UploadJob(Box::new(row)));
    if scheduled_time.is_some() && clip.status == ClipStatus::Ready {
        clip.status = ClipStatus::Scheduled;
        clip.updated_at = desk.now;
        clip.version += 1;
        desk.rows.push(Row::Clip(Box::new(clip.clone())));
    }
    let data = json!({ "upload_job_id": upload_job_id, "status": status, "clip_id": clip.clip_id });
    Ok((202, data, packet))
}

/// The channel that is named, or the project's first.
async fn channel(desk: &Desk<'_>, clip: &Clip, asked: Option<&str>) -> Result<ChannelSettings, Refusal> {
    let project = desk.reader.project(clip.project_id).await.or_refuse()?;
    let settings = project.map(|project| project.settings).unwrap_or_default();
    match asked {
        Some(text) => {
            let target = Target::parse(text).map_err(|fault| {
                Refusal::new(400, "VALIDATION_ERROR", "not valid: target").field("target", fault.next_step)
            })?;
            Ok(settings.channel_of(clip.project_id, &row_target(clip.project_id, &target.to_string())))
        }
        None => {
            let first = settings.channels_in_use().into_iter().next();
            Ok(first.unwrap_or_else(|| ChannelSettings::new("folder")))
        }
    }
}

/// The schedule's row and the job that acts on it: the upload itself at its time, or the search for a time.
async fn follow_up(
    desk: &mut Desk<'_>,
    (clip, channel): (&Clip, &ChannelSettings),
    upload: &UploadJobRow,
    cause: PacketId,
) -> Result<Option<omniva_contracts::engine::JobId>, Refusal> {
    let filter = ScheduleFilter { clip: Some(clip.clip_id), ..ScheduleFilter::default() };
    let page = Page { limit: 100, offset: 0 };
    let old = desk.reader.schedules(&filter, page).await.or_refuse()?.items;
    let old = old.into_iter().find(|s| s.upload_job_id == Some(upload.upload_job_id));
    let time = upload.scheduled_time;
    let schedule = Schedule {
        schedule_id: old.as_ref().map_or_else(|| desk.id(), |s| s.schedule_id),
        clip_id: clip.clip_id,
        project_id: clip.project_id,
        upload_job_id: Some(upload.upload_job_id),
        target: upload.target.clone(),
        recommended_time: time,
        final_scheduled_time: time,
        horizon_adjustments: json!({ "by": "operator", "words": "an operator chose this time", "clip": {
            "value": clip.confidence, "labels": labels(clip, &channel.mix), "topic": clip.metadata.get("topic"),
        } }),
        locked: false,
        status: if time.is_some() { ScheduleStatus::Confirmed } else { ScheduleStatus::Pending },
        created_at: old.as_ref().map_or(desk.now, |s| s.created_at),
        version: old.as_ref().map_or(1, |s| s.version + 1),
    };
    let schedule_id = schedule.schedule_id;
    desk.rows.push(Row::Schedule(schedule));
    let order = if time.is_some() {
        let payload = json!(UploadPayload {
            clip_id: clip.clip_id,
            upload_job_id: upload.upload_job_id,
            schedule_id: Some(schedule_id),
        });
        let subject = EntityRef::new(EntityType::UploadJob, upload.upload_job_id);
        Order::new(JobKind::Upload, Some(clip.project_id), subject, payload)
            .unique(key::upload(upload.upload_job_id))
            .at(time)
    } else {
        let payload = json!(SchedulePayload { clip_id: clip.clip_id, schedule_id, urgent: false });
        let subject = EntityRef::new(EntityType::Schedule, schedule_id);
        Order::new(JobKind::Schedule, Some(clip.project_id), subject, payload).unique(key::schedule(schedule_id))
    };
    let (job, _) = enqueue(desk, order.trace(clip.trace_id), cause).await?;
    Ok(time.is_some().then_some(job))
}

/// An upload of this clip that ended without a post may be asked for again; any other stands in the way.
async fn existing(desk: &Desk<'_>, clip: &Clip, target: &str) -> Result<Option<UploadJobRow>, Refusal> {
    let filter = UploadFilter { clip: Some(clip.clip_id), ..UploadFilter::default() };
    let page = Page { limit: 100, offset: 0 };
    let all = desk.reader.upload_jobs(&filter, page).await.or_refuse()?.items;
    let old = all.into_iter().find(|u| u.target == target);
    match old {
        Some(u) if !matches!(u.status, WorkStatus::Error | WorkStatus::Cancelled) => {
            let message =
                format!("clip {} has upload {} already ({})", clip.clip_id, u.upload_job_id, u.status.as_str());
            Err(Refusal::new(409, "UPLOAD_EXISTS", message))
        }
        other => Ok(other),
    }
}

async fn slot_is_sound(desk: &Desk<'_>, target: &str, time: Moment) -> Result<(), Refusal> {
    let wrong = |why: &str| Refusal::new(400, "INVALID_SCHEDULE", why).field("scheduled_time", why);
    if time < desk.now.before(GRACE) {
        return Err(wrong("lies in the past"));
    }
    if time > desk.now.after(HORIZON) {
        return Err(wrong("lies more than a year ahead"));
    }
    let second = Duration::from_secs(1);
    let filter = ScheduleFilter {
        target: Some(target.to_owned()),
        from: Some(time.before(second)),
        to: Some(time.after(second)),
        ..ScheduleFilter::default()
    };
    let near = desk.reader.schedules(&filter, Page { limit: 500, offset: 0 }).await.or_refuse()?.items;
    if near.iter().any(|s| s.target == target && s.final_scheduled_time == Some(time)) {
        return Err(wrong("is taken by another clip"));
    }
    Ok(())
}

/// What the operator gave, else what the engine wrote for the clip.
fn words(
    clip: &Clip,
    title: Option<&str>,
    description: Option<&str>,
    keywords: Option<&[String]>,
) -> Result<Words, Refusal> {
    let own = |key: &str| clip.metadata.get(key).and_then(Value::as_str).map(str::to_owned);
    let own_keywords = || -> Vec<String> {
        let list = clip.metadata.get("keywords").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).take(15).collect()
    };
    let mut faults = Faults::default();
    let title = title.map(str::to_owned).or_else(|| own("title")).unwrap_or_default();
    faults.unless(!title.trim().is_empty(), "title", "is empty, and the clip has none of its own yet");
    faults.text("title", &title, 120, false);
    let description = description.map(str::to_owned).or_else(|| own("description")).unwrap_or_default();
    faults.text("description", &description, 5_000, true);
    let keywords = keywords.map_or_else(own_keywords, <[String]>::to_vec);
    faults.unless(keywords.len() <= 15, "keywords", "has more than 15 entries");
    for keyword in &keywords {
        faults.unless(!keyword.trim().is_empty(), "keywords", "has an empty entry");
        faults.text("keywords", keyword, 60, false);
    }
    faults.verdict()?;
    Ok(Words { title, description, keywords })
}
