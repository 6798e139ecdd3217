//! The calendar by hand: planned anew, moved, locked. Who asks for a time that breaks a rule is told which.

use std::collections::{BTreeMap, BTreeSet};

use omniva_cognition::calendar::{self, Change, Entry, Rule, Standing};
use omniva_cognition::flow::payload::{UploadPayload, key};
use omniva_cognition::flow::schedule;
use omniva_contracts::engine::*;
use omniva_contracts::fault::{Code, Fault};
use serde_json::{Value, json};

use super::check::Faults;
use super::desk::{Deed, Desk, OrRefuse};
use super::jobs::{Order as NewOrder, make, runs, take_back};
use super::plan::Done;
use super::{Refusal, projects};
use crate::slots::{self, Subject};

/// A place with all that follows from a time for it.
struct Place {
    schedule: Schedule,
    upload: UploadJobRow,
    at: Moment,
    /// Why there; `None` leaves what stands in the row.
    reasons: Option<Value>,
    locked: bool,
}

pub(super) async fn recalculate(desk: &mut Desk<'_>, project: ProjectId, reason: &str, dry_run: bool) -> Done {
    let mut faults = Faults::default();
    faults.reason(reason);
    faults.verdict()?;
    let found = projects::find(desk, project).await?;
    let channels = if found.settings.channels.is_empty() {
        found.settings.channels_in_use()
    } else {
        found.settings.channels.clone()
    };
    let targets: BTreeSet<String> = channels.iter().map(|c| row_target(project, &c.target)).collect();
    let entity = EntityRef::new(EntityType::Project, project);
    let body = json!({ "reason": reason, "dry_run": dry_run, "targets": targets });
    let packet = desk.record(Deed::new("schedule.recalculated", entity, Some(project), body));
    let (mut changes, mut unplaced, mut applied) = (Vec::new(), Vec::new(), 0u32);
    for target in &targets {
        let facts = slots::facts(desk.reader, desk.config, desk.now, (project, target), None).await.or_refuse()?;
        let (request, plan) = schedule::recalculate(&facts, desk.config).map_err(|fault| refused(&fault))?;
        let placed: BTreeMap<ScheduleId, Value> =
            plan.placed.iter().map(|p| (p.entry.id(), schedule::reasons(&facts, &request, p))).collect();
        for none in plan.unplaced.iter().filter(|u| facts.owns(u.schedule_id)) {
            unplaced.push(json!({
                "schedule_id": none.schedule_id, "target": shown_target(target), "code": none.fault.code,
                "message": none.fault.message, "proposal": none.fault.next_step,
                "conflicts": none.conflicts.iter().map(|c| c.rule.as_str()).collect::<Vec<_>>(),
            }));
        }
        for difference in calendar::difference(&request, &plan) {
            let id = difference.change.id();
            let Some((from, at)) = times(&difference.change).filter(|_| facts.owns(id)) else { continue };
            let done = !dry_run && put(desk, id, at, placed.get(&id).cloned(), packet).await?;
            applied += u32::from(done);
            changes.push(json!({
                "schedule_id": id, "target": shown_target(target), "kind": if from.is_some() { "moved" } else { "added" },
                "from": from, "to": at, "reasons": difference.reasons, "applied": done,
            }));
        }
    }
    let data = json!({ "dry_run": dry_run, "changes": changes, "unplaced": unplaced, "applied": applied });
    Ok((200, data, packet))
}

/// From where (`None` for a new one) to where. What finds no place any more keeps the one that it has.
fn times(change: &Change) -> Option<(Option<Moment>, Moment)> {
    match change {
        Change::Added { at, .. } => Some((None, *at)),
        Change::Moved { from, to, .. } => Some((Some(from.1), to.1)),
        Change::Removed { .. } => None,
    }
}

/// One change of a recalculation; `false` where the place has moved on meanwhile.
async fn put(
    desk: &mut Desk<'_>,
    id: ScheduleId,
    at: Moment,
    reasons: Option<Value>,
    cause: PacketId,
) -> Result<bool, Refusal> {
    let Some(schedule) = desk.reader.schedule(id).await.or_refuse()? else { return Ok(false) };
    let Some(upload) = upload_of(desk, &schedule).await? else { return Ok(false) };
    if !matches!(upload.status, WorkStatus::Queued | WorkStatus::Scheduled) {
        return Ok(false);
    }
    book(desk, Place { locked: schedule.locked, schedule, upload, at, reasons }, cause).await
}

pub(super) async fn move_to(desk: &mut Desk<'_>, id: ScheduleId, at: Moment, reason: &str) -> Done {
    let mut faults = Faults::default();
    faults.reason(reason);
    faults.verdict()?;
    let schedule = find(desk, id).await?;
    let upload = open_upload(desk, &schedule).await?;
    let (owner, target) = (schedule.project_id, schedule.target.clone());
    let clip = desk.reader.clip(schedule.clip_id).await.or_refuse()?.ok_or_else(|| moved_on(id))?;
    let subject = Subject { slot: schedule.clone(), clip, not_before: None, urgent: false };
    let facts = slots::facts(desk.reader, desk.config, desk.now, (owner, &target), Some(subject)).await.or_refuse()?;
    let request = schedule::request(&facts, desk.config, |_| false).map_err(|fault| refused(&fault))?;
    let own = request.wanted.iter().find(|p| p.schedule_id == id);
    let mut publication = own.cloned().ok_or_else(|| moved_on(id))?;
    // A full day is told by its own rule, and an operator's word counts more than an earlier wish.
    publication.not_before = None;
    let remembered = schedule::remembered(&publication);
    let entry = Entry { publication, channel: target.clone(), at, standing: Standing::Confirmed };
    let broken = calendar::violations(&request, &entry);
    let locked = schedule.locked.then(|| (Rule::Locked, "it is locked: unlock it first".to_owned()));
    let broken: Vec<(Rule, String)> =
        locked.into_iter().chain(broken.into_iter().map(|b| (b.rule, b.message))).collect();
    if !broken.is_empty() {
        let names: Vec<&str> = broken.iter().map(|(rule, _)| rule.as_str()).collect();
        let mut refusal = Refusal::new(409, "SCHEDULE_CONFLICT", format!("this time breaks: {}", names.join(", ")));
        for (rule, message) in broken {
            refusal = refusal.field(rule.as_str(), message);
        }
        return Err(refusal);
    }
    let from = schedule.final_scheduled_time;
    let body = json!({ "from": from, "to": at, "target": target, "clip_id": schedule.clip_id, "why": reason });
    let deed = Deed::new("schedule.moved", entity(id), Some(owner), body).after(desk.last_of(&entity(id)).await?);
    let packet = desk.record(deed);
    let reasons =
        json!({ "found": true, "by": "operator", "words": "an operator chose this time", "clip": remembered });
    let place = Place { locked: schedule.locked, schedule, upload, at, reasons: Some(reasons) };
    if !book(desk, place, packet).await? {
        return Err(moved_on(id));
    }
    let data = json!({ "schedule_id": id, "from": from, "final_time": at, "status": "CONFIRMED", "locked": false });
    Ok((200, data, packet))
}

pub(super) async fn lock(desk: &mut Desk<'_>, id: ScheduleId, reason: &str, locked: bool) -> Done {
    let mut faults = Faults::default();
    faults.reason(reason);
    faults.verdict()?;
    let schedule = find(desk, id).await?;
    let Some(at) = schedule.final_scheduled_time.filter(|_| schedule.status == ScheduleStatus::Confirmed) else {
        let message = format!("schedule {id} is {}: only a confirmed time can be locked", schedule.status.as_str());
        return Err(Refusal::new(409, "SCHEDULE_NOT_CONFIRMED", message));
    };
    let kind = if locked { "schedule.locked" } else { "schedule.unlocked" };
    let body = json!({ "at": at, "target": schedule.target, "clip_id": schedule.clip_id, "reason": reason });
    let last = desk.last_of(&entity(id)).await?;
    let packet = desk.record(Deed::new(kind, entity(id), Some(schedule.project_id), body).after(last));
    if schedule.locked != locked {
        desk.rows.push(Row::Schedule(Schedule { locked, version: schedule.version + 1, ..schedule }));
    }
    let data = json!({ "schedule_id": id, "from": at, "final_time": at, "status": "CONFIRMED", "locked": locked });
    Ok((200, data, packet))
}

fn entity(id: ScheduleId) -> EntityRef {
    EntityRef::new(EntityType::Schedule, id)
}

async fn find(desk: &Desk<'_>, id: ScheduleId) -> Result<Schedule, Refusal> {
    let found = desk.reader.schedule(id).await.or_refuse()?;
    found.ok_or_else(|| Refusal::new(404, "SCHEDULE_NOT_FOUND", format!("there is no schedule {id}")))
}

async fn upload_of(desk: &Desk<'_>, schedule: &Schedule) -> Result<Option<UploadJobRow>, Refusal> {
    match schedule.upload_job_id {
        Some(id) => desk.reader.upload_job(id).await.or_refuse(),
        None => Ok(None),
    }
}

/// The upload of a place that can still move.
async fn open_upload(desk: &Desk<'_>, schedule: &Schedule) -> Result<UploadJobRow, Refusal> {
    let open = matches!(schedule.status, ScheduleStatus::Pending | ScheduleStatus::Confirmed);
    let upload = upload_of(desk, schedule).await?.filter(|_| open);
    upload.filter(|u| matches!(u.status, WorkStatus::Queued | WorkStatus::Scheduled)).ok_or_else(|| {
        let message = format!(
            "schedule {} is {}, and its upload is under way or over: it can't be moved",
            schedule.schedule_id,
            schedule.status.as_str()
        );
        Refusal::new(409, "SCHEDULE_NOT_OPEN", message)
    })
}

/// Takes back the jobs that wait for the old time, or look for one, and makes the upload's job for the new one. `false`
/// where one of them runs already.
async fn book(desk: &mut Desk<'_>, place: Place, cause: PacketId) -> Result<bool, Refusal> {
    let Place { schedule, mut upload, at, reasons, locked } = place;
    let id = schedule.schedule_id;
    let searching = desk.reader.job_by_unique_key(&key::schedule(id)).await.or_refuse()?.map(|job| job.id);
    let waiting = desk.reader.job_by_unique_key(&key::upload(upload.upload_job_id)).await.or_refuse()?.map(|j| j.id);
    let jobs: BTreeSet<JobId> = [searching, waiting, upload.job_id].into_iter().flatten().collect();
    for job in &jobs {
        if runs(desk, *job).await? {
            return Ok(false);
        }
    }
    for job in jobs {
        take_back(desk, job).await?;
    }
    let clip = desk.reader.clip(schedule.clip_id).await.or_refuse()?;
    let payload =
        json!(UploadPayload { clip_id: schedule.clip_id, upload_job_id: upload.upload_job_id, schedule_id: Some(id) });
    let subject = EntityRef::new(EntityType::UploadJob, upload.upload_job_id);
    let mut order = NewOrder::new(JobKind::Upload, Some(schedule.project_id), subject, payload)
        .unique(key::upload(upload.upload_job_id))
        .at(Some(at));
    if let Some(clip) = &clip {
        order = order.trace(clip.trace_id);
    }
    upload.job_id = Some(make(desk, order, cause));
    upload.status = WorkStatus::Scheduled;
    upload.scheduled_time = Some(at);
    upload.version += 1;
    desk.rows.push(Row::UploadJob(Box::new(upload)));
    let mut next = Schedule {
        recommended_time: Some(at),
        final_scheduled_time: None,
        status: ScheduleStatus::Confirmed,
        locked,
        version: schedule.version + 1,
        ..schedule
    };
    if let Some(reasons) = reasons {
        next.horizon_adjustments = reasons;
    }
    // Two steps: what leaves a time frees it before another takes it, whatever their order.
    desk.rows.push(Row::Schedule(next.clone()));
    next.final_scheduled_time = Some(at);
    next.version += 1;
    desk.rows.push(Row::Schedule(next));
    if let Some(mut clip) = clip.filter(|c| c.status == ClipStatus::Ready) {
        clip.status = ClipStatus::Scheduled;
        clip.updated_at = desk.now;
        clip.version += 1;
        desk.rows.push(Row::Clip(Box::new(clip)));
    }
    Ok(true)
}

fn moved_on(id: ScheduleId) -> Refusal {
    Refusal::new(409, "CONFLICT", format!("schedule {id} is being worked on: try again in a moment")).retry_after(2)
}

fn refused(fault: &Fault) -> Refusal {
    let status = if fault.code == Code::NotFound { 404 } else { 409 };
    Refusal::new(status, "SCHEDULE_INVALID", format!("{}; {}", fault.message, fault.next_step))
}
