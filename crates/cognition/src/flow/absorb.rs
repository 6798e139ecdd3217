//! What the end of a job means.

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use omniva_contracts::fault::{Code, Fault};
use omniva_contracts::ports::Ids;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::measure::measured;
use super::payload::{AnalyzePayload, EditPayload, SchedulePayload, UploadPayload, key};
use super::rows::{Rows, Scribe, clip_to, edit_job_to, gone, schedule_to, set, upload_to};
use super::{Absorbed, Wanted};
use crate::jobs::{NewJob, new_job};
use crate::variant::RENDERINGS;

/// New items that one look at a source may bring; the rest is found by the next look.
const ITEMS_AT_ONCE: usize = 200;
/// Final jobs, and figures, that one run of maintenance may delete.
const PURGE_AT_ONCE: u64 = 10_000;
/// After this long a scheduler that found no time looks again, where it does not say when.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_secs(6 * 3600);

/// What must be read before [`absorb`] or [`super::mirror`]: what the job's payload and result name.
pub fn wanted(job: &Job) -> Wanted {
    let result = job.result.as_ref();
    let mut wanted = Wanted::default();
    let mut want = |kind, id: uuid::Uuid| wanted.entities.push(EntityRef::new(kind, id));
    match job.kind {
        JobKind::Discover => {
            if let Some(creator) = discovered_creator(job) {
                want(EntityType::Creator, creator.0);
            }
            if let Some(Ok(found)) = result.map(read::<DiscoverResult>) {
                let items = found.items.into_iter().take(ITEMS_AT_ONCE);
                wanted.open_keys = items.map(|item| scrape_payload(found.creator_id, item).unique_key()).collect();
            }
        }
        JobKind::Scrape => {
            if let Some(Ok(scraped)) = result.map(read::<ScrapeResult>) {
                want(EntityType::Post, scraped.post.post_id.0);
            }
        }
        JobKind::Analyze => {
            if let Ok(payload) = read::<AnalyzePayload>(&job.payload) {
                want(EntityType::Video, payload.video_id.0);
                wanted.active_analysis_of = Some(payload.video_id);
            }
        }
        JobKind::Edit => {
            if let Ok(payload) = read::<EditPayload>(&job.payload) {
                want(EntityType::Clip, payload.clip_id.0);
                want(EntityType::EditJob, payload.edit_job_id.0);
            }
        }
        JobKind::Schedule => {
            if let Ok(payload) = read::<SchedulePayload>(&job.payload) {
                want(EntityType::Clip, payload.clip_id.0);
                want(EntityType::Schedule, payload.schedule_id.0);
            }
        }
        JobKind::Upload => {
            if let Ok(payload) = read::<UploadPayload>(&job.payload) {
                want(EntityType::Clip, payload.clip_id.0);
                want(EntityType::UploadJob, payload.upload_job_id.0);
                wanted.uploads_of = Some(payload.clip_id);
                if let Some(project) = job.project_id {
                    wanted.entities.push(EntityRef::new(EntityType::Project, project));
                }
                let mut want = |kind, id: uuid::Uuid| wanted.entities.push(EntityRef::new(kind, id));
                match payload.schedule_id {
                    Some(schedule) => want(EntityType::Schedule, schedule.0),
                    None => wanted.schedules_of = Some(payload.clip_id),
                }
            }
        }
        JobKind::Measure => {
            if let Some(Ok(measured)) = result.map(read::<MeasureResult>) {
                wanted.models = measured.lessons.into_iter().map(|lessons| lessons.name).collect();
                let samples = measured.pulls.into_iter().flat_map(|pull| pull.samples);
                wanted.samples = samples.map(|sample| SampleRow::new(sample).sample_id).collect();
            }
        }
        JobKind::Maintain => {
            if let Some(Ok(maintained)) = result.map(read::<MaintainResult>) {
                maintained.artifacts.iter().for_each(|a| want(EntityType::Artifact, a.artifact_id.0));
            }
        }
        JobKind::Noop => {}
    }
    wanted
}

/// Takes in the result of a job that is DONE. `rows` are the [`wanted`] ones as they are now.
///
/// Errors: the result is not what a job of this kind gives back (a bug of the worker), or a row that it needs is gone.
pub fn absorb(
    job: &Job,
    result: &Value,
    rows: &[Row],
    now: Moment,
    config: &EngineConfig,
    ids: &mut dyn Ids,
) -> Result<Absorbed, Fault> {
    let rows = Rows(rows);
    let mut scribe =
        Scribe { ids, source: actor_of(job.kind), project_id: job.project_id, trace_id: job.trace_id, now };
    match job.kind {
        JobKind::Discover => discovered(job, read(result)?, rows, config, &mut scribe),
        JobKind::Scrape => Ok(scraped(job, read(result)?, rows, &mut scribe)),
        JobKind::Analyze => analyzed(job, read(result)?, rows, &mut scribe),
        JobKind::Edit => edited(job, read(result)?, rows, &mut scribe),
        JobKind::Schedule => scheduled(job, read(result)?, rows, config, &mut scribe),
        JobKind::Upload => uploaded(job, read(result)?, rows, &mut scribe),
        JobKind::Measure => Ok(measured(job, read(result)?, rows, &mut scribe)),
        JobKind::Maintain => Ok(maintained(job, read(result)?, rows, &mut scribe)),
        JobKind::Noop => Ok(Absorbed::default()),
    }
}

/// Name of the actor whose word a packet is.
pub(crate) fn actor_of(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Discover => "discoverer",
        JobKind::Scrape => "scraper",
        JobKind::Analyze => "analyzer",
        JobKind::Edit => "editor",
        JobKind::Upload => "uploader",
        JobKind::Schedule => "scheduler",
        JobKind::Measure => "measurer",
        JobKind::Maintain => "maintainer",
        JobKind::Noop => "noop",
    }
}

pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Fault> {
    T::deserialize(value).map_err(|e| Fault::internal("a worker's result or payload can't be read").with_detail(e))
}

fn discovered_creator(job: &Job) -> Option<CreatorId> {
    let named = read::<DiscoverPayload>(&job.payload).ok().and_then(|p| p.creator_id);
    let subject = job.subject.as_ref().filter(|s| s.entity_type == EntityType::Creator);
    named.or_else(|| subject.map(|s| CreatorId(s.entity_id)))
}

fn scrape_payload(creator_id: CreatorId, item: FoundItem) -> ScrapePayload {
    ScrapePayload { creator_id, item }
}

fn discovered(
    job: &Job,
    found: DiscoverResult,
    rows: Rows<'_>,
    config: &EngineConfig,
    scribe: &mut Scribe<'_>,
) -> Result<Absorbed, Fault> {
    let now = scribe.now;
    let creator = rows.creator(found.creator_id).ok_or_else(|| gone("the creator", found.creator_id))?;
    let body = json!({ "found": found.items.len(), "skipped": found.skipped });
    let scan = scribe.packet(
        "source.scanned",
        EntityRef::new(EntityType::Creator, creator.creator_id),
        &job.meta_parents,
        body,
    );
    let parent = scan.stardust_id;
    let next = Creator { last_scraped_at: Some(now), updated_at: now, version: creator.version + 1, ..creator.clone() };
    let mut absorbed = Absorbed { rows: vec![Row::Creator(next)], packets: vec![scan], ..Absorbed::default() };
    for item in found.items.into_iter().take(ITEMS_AT_ONCE) {
        let payload = scrape_payload(found.creator_id, item);
        let key = payload.unique_key();
        if rows.open_key(&key) {
            continue;
        }
        let new = NewJob {
            project_id: Some(creator.project_id),
            subject: Some(payload.subject()),
            unique_key: Some(key),
            meta_parents: vec![parent],
            ..NewJob::now(JobKind::Scrape, json!(payload), TraceId(scribe.ids.next()), now)
        };
        let (job, packet) = new_job(new, now, config, scribe.ids, "zenith");
        absorbed.jobs.push(job);
        absorbed.packets.push(packet);
    }
    Ok(absorbed)
}

/// Two packets: the raw capture, and what was made of it. A video that is there already is only noted.
fn scraped(job: &Job, result: ScrapeResult, rows: Rows<'_>, scribe: &mut Scribe<'_>) -> Absorbed {
    let mut post = result.post;
    let others = post.raw_metadata.get("likeness").and_then(Value::as_array).into_iter().flatten();
    let alike: Vec<Value> = others.filter_map(|like| like.get("other")).cloned().collect();
    post.version = rows.post(post.post_id).map_or(1, |row| row.version + 1);
    let post_ref = EntityRef::new(EntityType::Post, post.post_id);
    let files: Vec<Value> =
        result.artifacts.iter().map(|a| json!({ "path": a.path, "sha256": a.sha256, "bytes": a.bytes })).collect();
    let body = json!({ "url": post.url, "platform_post_id": post.platform_post_id, "files": files });
    let capture = scribe.packet("post.captured", post_ref.clone(), &job.meta_parents, body);
    let parent = [capture.stardust_id];
    let mut absorbed = Absorbed { rows: vec![Row::Post(post)], packets: vec![capture], ..Absorbed::default() };
    match (result.video, result.duplicate_of) {
        (Some(mut video), _) => {
            video.trace_id = job.trace_id;
            let entity = EntityRef::new(EntityType::Video, video.video_id);
            let body = json!({
                "checksum": video.checksum, "bytes": video.bytes, "duration_seconds": video.duration_seconds,
                "resolution": video.resolution, "title": video.title, "alike": alike,
            });
            absorbed.packets.push(scribe.packet("video.normalised", entity.clone(), &parent, body));
            absorbed.rows.push(Row::Video(video));
            absorbed.questions.push((Question::Ingest, entity));
        }
        (None, duplicate_of) => {
            let body = json!({ "duplicate_of": duplicate_of });
            absorbed.packets.push(scribe.packet("video.duplicate", post_ref, &parent, body));
        }
    }
    absorbed.rows.extend(result.artifacts.into_iter().map(|a| Row::Artifact(rows.next_artifact(a))));
    absorbed
}

fn analyzed(job: &Job, result: AnalyzeResult, rows: Rows<'_>, scribe: &mut Scribe<'_>) -> Result<Absorbed, Fault> {
    let video = rows.video(result.analysis.video_id).ok_or_else(|| gone("the video", result.analysis.video_id))?;
    let mut absorbed = Absorbed::default();
    // Before the new one: only one may be active.
    if let Some(old) = rows.active_analysis(video.video_id).filter(|a| a.analysis_id != result.analysis.analysis_id) {
        absorbed.rows.push(Row::Analysis(AnalysisRow { active: false, version: old.version + 1, ..old.clone() }));
    }
    let entity = EntityRef::new(EntityType::Analysis, result.analysis.analysis_id);
    let chosen = result.clips.iter().filter(|c| c.status != ClipStatus::Rejected);
    let summary = AnalyzeSummary {
        analysis_id: result.analysis.analysis_id,
        candidates: result.clips.len() as u64,
        chosen: chosen.map(|c| c.clip_id).collect(),
        artifacts: result.artifacts.iter().map(|a| a.artifact_id).collect(),
    };
    absorbed.result = Some(json!(summary));
    let body = json!({
        "video_id": video.video_id, "candidates": summary.candidates, "chosen": summary.chosen.len(),
        "personas_version": result.analysis.raw_ai_output.get("personas_version"),
        "virality_score": result.analysis.virality_score, "relevance_score": result.analysis.relevance_score,
        "why_none": result.analysis.raw_ai_output.get("why_none"),
    });
    let made = scribe.packet("analysis.made", entity, &job.meta_parents, body);
    let parent = [made.stardust_id];
    absorbed.packets.push(made);
    absorbed.rows.push(Row::Analysis(AnalysisRow { active: true, ..result.analysis }));
    for mut clip in result.clips {
        let entity = EntityRef::new(EntityType::Clip, clip.clip_id);
        let rejected = clip.status == ClipStatus::Rejected;
        let kind = if rejected { "clip.rejected" } else { "clip.chosen" };
        let said = |key: &str| clip.metadata.get(key).cloned().unwrap_or(Value::Null);
        let body = json!({
            "video_id": clip.video_id, "start_time": clip.start_time, "end_time": clip.end_time,
            "confidence": clip.confidence, "code": said("rejected_code"), "reason": said("reason"),
        });
        let packet = scribe.packet(kind, entity.clone(), &parent, body);
        clip.trace_id = job.trace_id;
        set(&mut clip.metadata, [("stardust_id", json!(packet.stardust_id))]);
        absorbed.packets.push(packet);
        absorbed.rows.push(Row::Clip(Box::new(clip)));
        if !rejected {
            absorbed.questions.push((Question::Select, entity));
        }
    }
    absorbed.rows.extend(result.artifacts.into_iter().map(|a| Row::Artifact(rows.next_artifact(a))));
    Ok(absorbed)
}

/// A render that passed is READY; one that did not is kept as FAILED with its checks, and nothing is published.
fn edited(job: &Job, result: EditResult, rows: Rows<'_>, scribe: &mut Scribe<'_>) -> Result<Absorbed, Fault> {
    let payload: EditPayload = read(&job.payload)?;
    let clip = rows.clip(result.clip_id).ok_or_else(|| gone("the clip", result.clip_id))?;
    let order = rows.edit_job(payload.edit_job_id).ok_or_else(|| gone("the edit job", payload.edit_job_id))?;
    let passed = result.qc.passed();
    let entity = EntityRef::new(EntityType::Clip, clip.clip_id);
    let failed: Vec<Value> =
        result.qc.failed().map(|c| json!({ "name": c.name, "measured": c.measured, "limit": c.limit })).collect();
    let files: Vec<Value> =
        result.artifacts.iter().map(|a| json!({ "kind": a.kind, "path": a.path, "sha256": a.sha256 })).collect();
    let body = json!({
        "edit_job_id": order.edit_job_id, "sha256": result.qc.sha256, "bytes": result.qc.bytes,
        "seconds": result.qc.duration, "encoder": result.encoder, "wall_seconds": result.wall_seconds,
        "files": files, "failed_checks": failed, "renderings": result.renderings,
    });
    let kind = if passed { "clip.rendered" } else { "clip.refused" };
    let packet = scribe.packet(kind, entity.clone(), &job.meta_parents, body);
    let (status, work) =
        if passed { (ClipStatus::Ready, WorkStatus::Done) } else { (ClipStatus::Failed, WorkStatus::Error) };
    let mut next = clip_to(clip, status, scribe.now);
    set(
        &mut next.metadata,
        [
            ("title", json!(result.draft.title)),
            ("description", json!(result.draft.description)),
            ("keywords", json!(result.draft.keywords)),
            ("draft", json!(result.draft)),
            (
                "qc",
                json!({ "passed": passed, "failed": failed, "sha256": result.qc.sha256, "seconds": result.qc.duration }),
            ),
            ("drafting", json!(result.drafting)),
            ("rendered_by", json!(packet.stardust_id)),
        ],
    );
    if passed {
        // A refused edit leaves the files of the one before, and what is known of them.
        set(&mut next.metadata, [(RENDERINGS, json!(result.renderings))]);
    }
    let mut absorbed = Absorbed {
        rows: vec![Row::Clip(Box::new(next)), Row::EditJob(edit_job_to(order, work))],
        packets: vec![packet],
        ..Absorbed::default()
    };
    absorbed.rows.extend(result.artifacts.into_iter().map(|a| Row::Artifact(rows.next_artifact(a))));
    if passed {
        absorbed.questions.push((Question::Upload, entity));
    }
    Ok(absorbed)
}

/// A time goes to Zenith. Where none was found, the fault with the rules in conflict and Horizon's proposal stand in the
/// ledger and in the row, and the scheduler looks again when the next day has begun.
fn scheduled(
    job: &Job,
    result: ScheduleResult,
    rows: Rows<'_>,
    config: &EngineConfig,
    scribe: &mut Scribe<'_>,
) -> Result<Absorbed, Fault> {
    let slot = rows.schedule(result.schedule_id).ok_or_else(|| gone("the schedule", result.schedule_id))?;
    if slot.status != ScheduleStatus::Pending {
        // An operator was faster: the time that was given stays.
        return Ok(Absorbed::default());
    }
    let entity = EntityRef::new(EntityType::Schedule, slot.schedule_id);
    let Some(time) = result.recommended_time else { return unplaced(job, slot, result, config, scribe) };
    let body = json!({
        "clip_id": slot.clip_id, "target": slot.target, "recommended_time": time,
        "why": result.reasons.get("words"), "local": result.reasons.get("local"), "slot": result.reasons.get("why"),
    });
    let packet = scribe.packet("schedule.recommended", entity.clone(), &job.meta_parents, body);
    let next = Schedule {
        recommended_time: Some(time),
        horizon_adjustments: result.reasons,
        ..schedule_to(slot, ScheduleStatus::Pending)
    };
    Ok(Absorbed {
        rows: vec![Row::Schedule(next)],
        packets: vec![packet],
        questions: vec![(Question::Schedule, entity)],
        ..Absorbed::default()
    })
}

fn unplaced(
    job: &Job,
    slot: &Schedule,
    result: ScheduleResult,
    config: &EngineConfig,
    scribe: &mut Scribe<'_>,
) -> Result<Absorbed, Fault> {
    let fault = result.fault.ok_or_else(|| Fault::internal("a scheduler found no time and does not say why"))?;
    let again = result.look_again.unwrap_or(scribe.now.after(LOOK_AGAIN)).max(scribe.now);
    let entity = EntityRef::new(EntityType::Schedule, slot.schedule_id);
    let body = json!({
        "clip_id": slot.clip_id, "target": slot.target, "code": fault.code, "why": fault.message,
        "proposal": fault.next_step, "conflicts": result.reasons.get("conflicts"),
        "relaxation": result.reasons.get("relaxation"), "look_again": again,
    });
    let packet = scribe.packet("schedule.unplaced", entity.clone(), &job.meta_parents, body);
    let payload = SchedulePayload { clip_id: slot.clip_id, schedule_id: slot.schedule_id, urgent: false };
    let new = NewJob {
        project_id: job.project_id,
        subject: Some(entity),
        unique_key: Some(key::schedule(slot.schedule_id)),
        run_after: again,
        meta_parents: vec![packet.stardust_id],
        ..NewJob::now(JobKind::Schedule, json!(payload), job.trace_id, scribe.now)
    };
    let (next, created) = new_job(new, scribe.now, config, scribe.ids, scribe.source);
    let row = Schedule {
        recommended_time: None,
        horizon_adjustments: result.reasons,
        ..schedule_to(slot, ScheduleStatus::Pending)
    };
    Ok(Absorbed {
        rows: vec![Row::Schedule(row)],
        packets: vec![packet, created],
        jobs: vec![next],
        ..Absorbed::default()
    })
}

/// PUBLISHED only when the target has it; an unconfirmed one stays UPLOADING until someone has looked.
fn uploaded(job: &Job, result: UploadResult, rows: Rows<'_>, scribe: &mut Scribe<'_>) -> Result<Absorbed, Fault> {
    let now = scribe.now;
    let payload: UploadPayload = read(&job.payload)?;
    let order = rows.upload_job(result.upload_job_id).ok_or_else(|| gone("the upload job", result.upload_job_id))?;
    let clip = rows.clip(order.clip_id).ok_or_else(|| gone("the clip", order.clip_id))?;
    if matches!(order.status, WorkStatus::Done | WorkStatus::Live) {
        return Err(Fault::internal(format!("clip {} was published to {} before", clip.clip_id, order.target)));
    }
    let body = json!({ "clip_id": clip.clip_id, "target": order.target, "status": result.status, "response": result.response });
    let entity = EntityRef::new(EntityType::UploadJob, order.upload_job_id);
    let ended = scribe.packet("upload.ended", entity, &job.meta_parents, body);
    let parent = [ended.stardust_id];
    let order_next = UploadJobRow { response: result.response.clone(), ..upload_to(order, result.status) };
    let mut absorbed =
        Absorbed { rows: vec![Row::UploadJob(Box::new(order_next))], packets: vec![ended], ..Absorbed::default() };
    match result.status {
        WorkStatus::Done | WorkStatus::Live => {
            let body = json!({ "target": order.target, "response": result.response });
            let entity = EntityRef::new(EntityType::Clip, clip.clip_id);
            let published = scribe.packet("clip.published", entity, &parent, body);
            let mut next = clip_to(clip, ClipStatus::Published, now);
            let place = json!({ "target": order.target, "at": now, "stardust_id": published.stardust_id });
            set(&mut next.metadata, [("published", place), ("published_at", json!(now))]);
            absorbed.packets.push(published);
            absorbed.rows.push(Row::Clip(Box::new(next)));
            if let Some(slot) = rows.slot_of(order.upload_job_id, payload.schedule_id) {
                absorbed.rows.push(Row::Schedule(schedule_to(slot, ScheduleStatus::Done)));
            }
        }
        WorkStatus::Unconfirmed | WorkStatus::Scheduled => {}
        status => {
            return Err(Fault::new(
                Code::Internal,
                format!("an upload can't be done and {}", status.as_str()),
                "this is a bug in omniva: please report it with the run's log",
            ));
        }
    }
    Ok(absorbed)
}

fn maintained(job: &Job, result: MaintainResult, rows: Rows<'_>, scribe: &mut Scribe<'_>) -> Absorbed {
    let body = json!({
        "task": result.task, "removed_files": result.removed_files, "removed_bytes": result.removed_bytes,
        "findings": result.findings, "rows": result.artifacts.len(),
        "purge_jobs_before": result.purge_jobs_before, "purge_answers_before": result.purge_answers_before,
        "purge_samples_before": result.purge_samples_before,
    });
    let packet = scribe.packet("maintenance.done", EntityRef::new(EntityType::Job, job.id), &job.meta_parents, body);
    let mut absorbed = Absorbed { packets: vec![packet], ..Absorbed::default() };
    absorbed.rows.extend(result.artifacts.into_iter().map(|a| Row::Artifact(rows.next_artifact(a))));
    absorbed.purges.extend(result.purge_answers_before.map(|before| Purge::ExpiredAnswers { before }));
    let samples = result.purge_samples_before;
    absorbed.purges.extend(samples.map(|before| Purge::OldSamples { before, at_most: PURGE_AT_ONCE }));
    absorbed.purges.extend(result.purge_jobs_before.map(|before| Purge::EndedJobs { before, at_most: PURGE_AT_ONCE }));
    absorbed
}
