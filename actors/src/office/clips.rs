//! A forced edit: the operator's word in place of the next deliberation.

use omniva_cognition::flow::payload::{EditPayload, key};
use omniva_contracts::engine::{
    Clip, ClipId, ClipStatus, EditJobId, EditJobRow, EntityRef, EntityType, JobKind, PRIORITY_DEFAULT, PacketId, Row,
    WorkStatus,
};
use serde_json::json;

use super::Refusal;
use super::check::{EDIT_OPERATIONS, Faults};
use super::desk::{Deed, Desk, OrRefuse};
use super::jobs::{Order, enqueue};
use super::plan::Done;

pub(super) async fn find(desk: &Desk<'_>, id: ClipId) -> Result<Clip, Refusal> {
    let found = desk.reader.clip(id).await.or_refuse()?;
    found.ok_or_else(|| Refusal::new(404, "CLIP_NOT_FOUND", format!("there is no clip {id}")))
}

pub(super) fn entity(id: ClipId) -> EntityRef {
    EntityRef::new(EntityType::Clip, id)
}

pub(super) async fn edit(
    desk: &mut Desk<'_>,
    id: ClipId,
    operations: &[String],
    priority: Option<i32>,
    gpu_required: bool,
) -> Done {
    let operations = sound(operations, priority)?;
    let mut clip = find(desk, id).await?;
    let before = desk.reader.edit_jobs_of(id).await.or_refuse()?;
    let busy = before.iter().any(|e| matches!(e.status, WorkStatus::Queued | WorkStatus::Running));
    if busy || clip.status == ClipStatus::Editing {
        return Err(Refusal::new(409, "EDIT_ALREADY_IN_PROGRESS", format!("clip {id} is being edited already")));
    }
    if matches!(clip.status, ClipStatus::Scheduled | ClipStatus::Uploading | ClipStatus::Published) {
        let message = format!("clip {id} is {}: take it back before editing it again", clip.status.as_str());
        return Err(Refusal::new(409, "CLIP_NOT_EDITABLE", message));
    }
    let parent = desk.last_of(&entity(id)).await?;
    let edit_job_id: EditJobId = desk.id();
    let body = json!({
        "edit_job_id": edit_job_id, "operations": operations, "gpu_required": gpu_required, "from": clip.status,
        "forced": true,
    });
    let deed = Deed::new("edit.requested", entity(id), Some(clip.project_id), body).trace(clip.trace_id).after(parent);
    let packet = desk.record(deed);
    queue(desk, &clip, edit_job_id, (operations, priority, gpu_required), packet).await?;
    clip.status = ClipStatus::Editing;
    clip.updated_at = desk.now;
    clip.version += 1;
    desk.rows.push(Row::Clip(Box::new(clip)));
    let data = json!({ "edit_job_id": edit_job_id, "status": WorkStatus::Queued, "clip_id": id });
    Ok((202, data, packet))
}

fn sound(operations: &[String], priority: Option<i32>) -> Result<Vec<String>, Refusal> {
    let mut faults = Faults::default();
    for name in operations {
        let known = EDIT_OPERATIONS.contains(&name.as_str());
        faults.unless(known, "operations", &format!("must be among {}", EDIT_OPERATIONS.join(", ")));
    }
    faults.unless(operations.len() <= EDIT_OPERATIONS.len(), "operations", "names a step twice");
    faults.unless(priority.is_none_or(|p| (0..=1000).contains(&p)), "priority", "must be 0 to 1000");
    faults.verdict()?;
    if operations.is_empty() {
        return Ok(EDIT_OPERATIONS.map(str::to_owned).to_vec());
    }
    Ok(operations.to_vec())
}

async fn queue(
    desk: &mut Desk<'_>,
    clip: &Clip,
    edit_job_id: EditJobId,
    (operations, priority, gpu_required): (Vec<String>, Option<i32>, bool),
    cause: PacketId,
) -> Result<(), Refusal> {
    let payload = json!(EditPayload { clip_id: clip.clip_id, edit_job_id });
    let order = Order::new(JobKind::Edit, Some(clip.project_id), entity(clip.clip_id), payload)
        .unique(key::edit(clip.clip_id))
        .priority(priority.unwrap_or(PRIORITY_DEFAULT))
        .trace(clip.trace_id);
    let (job_id, new) = enqueue(desk, order, cause).await?;
    if !new {
        let message = format!("clip {} is being edited already (job {job_id})", clip.clip_id);
        return Err(Refusal::new(409, "EDIT_ALREADY_IN_PROGRESS", message));
    }
    desk.rows.push(Row::EditJob(EditJobRow {
        edit_job_id,
        clip_id: clip.clip_id,
        job_id,
        operations: json!(operations),
        ffmpeg_commands: Vec::new(),
        gpu_required,
        estimated_duration_seconds: None,
        status: WorkStatus::Queued,
        created_at: desk.now,
        version: 1,
    }));
    Ok(())
}
