//! Questions that nobody asks any more (an engine died between a commit and the ruling that follows from it, or a message
//! was lost) are found by the state of their subjects and asked again.

use std::sync::Arc;
use std::time::Duration;

use omniva_contracts::engine::*;
use omniva_store::{ClipFilter, JobFilter, PacketFilter, Page, ScheduleFilter, StoreFault, UploadFilter};
use serde_json::Value;

use super::{Inquiry, Msg};
use crate::kit::Kit;

/// Subjects of one sort that one sweep looks at. What waits beyond is found by a later sweep.
const LOOKED_AT: Page = Page { limit: 100, offset: 0 };
const ONE: Page = Page { limit: 1, offset: 0 };
/// Subjects that changed just now are still on their ordinary way.
const SETTLED: Duration = Duration::from_secs(10);
/// Packets about one subject that are searched for its ruling.
const PACKETS: u64 = 1000;

pub(super) fn start(kit: &Arc<Kit>) {
    let kit = kit.clone();
    tokio::spawn(async move {
        match look(&kit).await {
            Ok(found) if found.is_empty() => {}
            Ok(found) => {
                tracing::info!(questions = found.len(), "questions without a ruling were found and are asked again");
                kit.wires.zenith.deliver(Msg::Consider(found)).await;
            }
            Err(fault) => tracing::debug!(error = %fault, "the sweep for open questions waits for the store"),
        }
        kit.wires.zenith.deliver(Msg::Swept).await;
    });
}

async fn look(kit: &Arc<Kit>) -> Result<Vec<Inquiry>, StoreFault> {
    let before = kit.now().before(SETTLED);
    let mut found = Vec::new();
    let running = kit.reader.projects(Some(ProjectStatus::Running), LOOKED_AT).await?.items;
    for project in &running {
        videos(kit, project.project_id, before, &mut found).await?;
        clips(kit, project.project_id, before, &mut found).await?;
        schedules(kit, project.project_id, before, &mut found).await?;
    }
    failures(kit, before, &mut found).await?;
    Ok(found)
}

/// Taken in, and neither analysed nor refused.
async fn videos(
    kit: &Arc<Kit>,
    project: ProjectId,
    before: Moment,
    found: &mut Vec<Inquiry>,
) -> Result<(), StoreFault> {
    for video in kit.reader.videos(project, LOOKED_AT).await?.items {
        if video.created_at > before || kit.reader.active_analysis(video.video_id).await?.is_some() {
            continue;
        }
        let subject = EntityRef::new(EntityType::Video, video.video_id);
        let filter = JobFilter { kind: Some(JobKind::Analyze), subject: Some(subject.clone()), ..Default::default() };
        if kit.reader.jobs(&filter, ONE).await?.total == 0 {
            ask(kit, Question::Ingest, subject, video.trace_id, found).await?;
        }
    }
    Ok(())
}

/// Chosen and not on the way to an edit; rendered and not on the way out.
async fn clips(kit: &Arc<Kit>, project: ProjectId, before: Moment, found: &mut Vec<Inquiry>) -> Result<(), StoreFault> {
    let statuses = vec![ClipStatus::ReadyForEdit, ClipStatus::Ready];
    let filter = ClipFilter { project: Some(project), statuses, newest_first: true, ..Default::default() };
    for clip in kit.reader.clips(&filter, LOOKED_AT).await?.items {
        if clip.updated_at > before {
            continue;
        }
        let subject = EntityRef::new(EntityType::Clip, clip.clip_id);
        if clip.status == ClipStatus::ReadyForEdit {
            if kit.reader.edit_jobs_of(clip.clip_id).await?.is_empty() {
                ask(kit, Question::Select, subject, clip.trace_id, found).await?;
            }
            continue;
        }
        let uploads = UploadFilter { clip: Some(clip.clip_id), ..Default::default() };
        if kit.reader.upload_jobs(&uploads, ONE).await?.total == 0 {
            ask(kit, Question::Upload, subject, clip.trace_id, found).await?;
        }
    }
    Ok(())
}

/// With a recommended time that nobody has confirmed. They are the last in the order of the store.
async fn schedules(
    kit: &Arc<Kit>,
    project: ProjectId,
    before: Moment,
    found: &mut Vec<Inquiry>,
) -> Result<(), StoreFault> {
    let filter = ScheduleFilter { project: Some(project), ..Default::default() };
    let total = kit.reader.schedules(&filter, ONE).await?.total;
    let last = Page { limit: LOOKED_AT.limit, offset: total.saturating_sub(LOOKED_AT.limit) };
    for schedule in kit.reader.schedules(&filter, last).await?.items {
        let open = schedule.status == ScheduleStatus::Pending && schedule.final_scheduled_time.is_none();
        if !open || schedule.recommended_time.is_none() || schedule.created_at > before {
            continue;
        }
        let subject = EntityRef::new(EntityType::Schedule, schedule.schedule_id);
        if let Some(clip) = kit.reader.clip(schedule.clip_id).await? {
            ask(kit, Question::Schedule, subject, clip.trace_id, found).await?;
        }
    }
    Ok(())
}

/// Jobs that come again by themselves.
fn again(kind: JobKind) -> bool {
    matches!(kind, JobKind::Noop | JobKind::Maintain | JobKind::Measure)
}

/// Failed, and Eclipse was not heard.
async fn failures(kit: &Arc<Kit>, before: Moment, found: &mut Vec<Inquiry>) -> Result<(), StoreFault> {
    let filter = JobFilter { states: vec![JobState::Error, JobState::Quarantined], ..Default::default() };
    for job in kit.reader.jobs(&filter, LOOKED_AT).await?.items {
        if job.updated_at > before || job.fault.is_none() || again(job.kind) {
            continue;
        }
        let subject = EntityRef::new(EntityType::Job, job.id);
        let trace_id = job.trace_id;
        if ruled(kit, Question::Recover, &subject, Some(job.updated_at)).await?.is_none() {
            found.push(Inquiry {
                question: Question::Recover,
                subject,
                trace_id,
                evidence: job.meta_parents,
                at: None,
            });
        }
    }
    Ok(())
}

/// Asks unless it has been ruled; what was put off is asked when its time comes.
async fn ask(
    kit: &Arc<Kit>,
    question: Question,
    subject: EntityRef,
    trace_id: TraceId,
    found: &mut Vec<Inquiry>,
) -> Result<(), StoreFault> {
    let at = match ruled(kit, question, &subject, None).await? {
        None => None,
        Some(Decision::Defer { until }) => Some(until),
        Some(_) => return Ok(()),
    };
    found.push(Inquiry { question, subject, trace_id, evidence: Vec::new(), at });
    Ok(())
}

/// The last ruling on a question about a subject, not older than `since`.
async fn ruled(
    kit: &Arc<Kit>,
    question: Question,
    subject: &EntityRef,
    since: Option<Moment>,
) -> Result<Option<Decision>, StoreFault> {
    let filter =
        PacketFilter { entity: Some(subject.clone()), kind: Some("deliberation.ruled".into()), ..Default::default() };
    let packets = kit.reader.packets(&filter, PACKETS).await?;
    let of_question = packets.iter().rev().filter(|p| since.is_none_or(|since| p.draft.at >= since));
    Ok(of_question.filter_map(|p| decision(p, question)).next())
}

fn decision(packet: &Packet, question: Question) -> Option<Decision> {
    let chain = packet.draft.decision_chain.as_ref()?;
    // The ruling itself, or a list of reasoning nodes that begins with it.
    let ruling = chain.get("ruling").or_else(|| chain.get(0)).unwrap_or(chain);
    if ruling.get("question").and_then(Value::as_str) != Some(question.as_str()) {
        return None;
    }
    serde_json::from_value(ruling.get("decision")?.clone()).ok()
}
