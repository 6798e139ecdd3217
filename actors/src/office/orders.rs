//! Overrides and orders: what operators impose on a decision, and Eclipse's measures by hand.

use omniva_contracts::engine::*;
use serde_json::json;

use super::check::Faults;
use super::desk::{Deed, Desk, OrRefuse};
use super::plan::Done;
use super::{Refusal, clips, projects};

/// Settings with this prefix hold the override in force for a question about a subject, as JSON of [`Override`].
pub const OVERRIDE_PREFIX: &str = "override:";

/// `override:<question>:<entity type>:<entity id>`: where the override in force stands.
pub fn override_name(question: Question, subject: &EntityRef) -> String {
    format!("{OVERRIDE_PREFIX}{}:{}:{}", question.as_str(), subject.entity_type.as_str(), subject.entity_id)
}

pub(super) async fn impose(desk: &mut Desk<'_>, what: &Override) -> Done {
    let mut faults = Faults::default();
    faults.unless(!what.reason.trim().is_empty(), "reason", "is empty: an override needs its reason");
    faults.reason(&what.reason);
    faults.verdict()?;
    let (project, trace) = subject_of(desk, &what.subject).await?;
    let name = override_name(what.question, &what.subject);
    let old = desk.reader.setting(&name).await.or_refuse()?;
    let imposed = Override { operator: desk.asked.caller.name.clone(), ..what.clone() };
    let before = desk.last_of(&what.subject).await?;
    let mut deed = Deed::new("override.imposed", what.subject.clone(), project, json!(imposed)).after(before);
    deed.trace = trace;
    let packet = desk.record(deed);
    desk.rows.push(Row::Setting(Setting {
        name,
        value: json!({ "override": imposed, "packet": packet }),
        updated_at: desk.now,
        version: old.map_or(1, |s| s.version + 1),
    }));
    let data = json!({
        "packet_id": packet, "question": what.question, "subject": what.subject, "approve": what.approve,
        "reason": what.reason, "operator": imposed.operator, "imposed_at": desk.now,
    });
    Ok((201, data, packet))
}

/// The subject must be there; its project and trace go into the packet.
async fn subject_of(desk: &Desk<'_>, subject: &EntityRef) -> Result<(Option<ProjectId>, Option<TraceId>), Refusal> {
    let id = subject.entity_id;
    let missing = || {
        let message = format!("there is no {id} among {}", subject.entity_type.as_str());
        Refusal::new(404, "SUBJECT_NOT_FOUND", message)
    };
    match subject.entity_type {
        EntityType::Clip => {
            let clip = clips::find(desk, ClipId(id)).await.map_err(|r| if r.status == 404 { missing() } else { r })?;
            Ok((Some(clip.project_id), Some(clip.trace_id)))
        }
        EntityType::Project => projects::find(desk, ProjectId(id))
            .await
            .map(|p| (Some(p.project_id), None))
            .map_err(|r| if r.status == 404 { missing() } else { r }),
        EntityType::Creator => {
            let creator = desk.reader.creator(CreatorId(id)).await.or_refuse()?.ok_or_else(missing)?;
            Ok((Some(creator.project_id), None))
        }
        EntityType::Video => {
            let video = desk.reader.video(VideoId(id)).await.or_refuse()?.ok_or_else(missing)?;
            Ok((Some(video.project_id), Some(video.trace_id)))
        }
        EntityType::UploadJob => {
            let upload = desk.reader.upload_job(UploadJobId(id)).await.or_refuse()?.ok_or_else(missing)?;
            Ok((Some(upload.project_id), None))
        }
        EntityType::Schedule => {
            let schedule = desk.reader.schedule(ScheduleId(id)).await.or_refuse()?.ok_or_else(missing)?;
            Ok((Some(schedule.project_id), None))
        }
        EntityType::Job => {
            let job = desk.reader.job(JobId(id)).await.or_refuse()?.ok_or_else(missing)?;
            Ok((job.project_id, Some(job.trace_id)))
        }
        EntityType::Post => {
            desk.reader.post(PostId(id)).await.or_refuse()?.ok_or_else(missing)?;
            Ok((None, None))
        }
        _ => Err(Refusal::new(400, "VALIDATION_ERROR", "nothing is decided about such a subject").field(
            "subject.entity_type",
            "must be clips, videos, posts, creators, projects, jobs, upload_jobs or schedules",
        )),
    }
}

pub(super) async fn order(desk: &mut Desk<'_>, order: &Order, reason: &str) -> Done {
    let mut faults = Faults::default();
    faults.unless(!reason.trim().is_empty(), "reason", "is empty: an order needs its reason");
    faults.reason(reason);
    let rollback = match order {
        Order::SoftRebuild { actor } => {
            faults.text("order.actor", actor, 100, false);
            faults.unless(!actor.is_empty(), "order.actor", "is empty");
            "nothing to roll back: the actor starts anew from the store"
        }
        Order::SubsystemReset { group } => {
            faults.text("order.group", group, 100, false);
            faults.unless(!group.is_empty(), "order.group", "is empty");
            "nothing to roll back: the group starts anew from the store"
        }
        Order::FullReboot => "nothing to roll back: the tree starts anew from the store",
        Order::SlowUpstream { factor, .. } => {
            faults.unless((0.0..=1.0).contains(factor), "order.factor", "must be 0 to 1");
            "slow the queue by factor 1"
        }
        Order::QuarantineWorker { .. } => "release the worker",
        Order::ReleaseWorker { .. } => "quarantine the worker",
        _ => {
            faults.add("order.order", "has its own endpoint (projects, jobs, queues)");
            ""
        }
    };
    faults.verdict()?;
    let engine = EntityRef::new(EntityType::Engine, uuid::Uuid::nil());
    let packet = desk.record(Deed::new("order.given", engine, None, json!({ "order": order, "reason": reason })));
    let directive_id = desk.directive(order.clone(), reason, rollback, packet);
    let data = json!({
        "directive_id": directive_id, "state": DirectiveState::Pending, "order": order, "reason": reason,
        "requested_at": desk.now,
    });
    Ok((202, data, packet))
}
