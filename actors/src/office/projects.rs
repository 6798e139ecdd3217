//! Projects: created paused, configured, started and stopped.

use omniva_contracts::engine::*;
use serde_json::json;

use super::Refusal;
use super::check::Faults;
use super::desk::{Deed, Desk, OrRefuse};
use super::plan::Done;

pub(super) async fn find(desk: &Desk<'_>, id: ProjectId) -> Result<Project, Refusal> {
    desk.reader.project(id).await.or_refuse()?.ok_or_else(|| not_found(id))
}

fn not_found(id: ProjectId) -> Refusal {
    Refusal::new(404, "PROJECT_NOT_FOUND", format!("there is no project {id}"))
}

fn entity(id: ProjectId) -> EntityRef {
    EntityRef::new(EntityType::Project, id)
}

pub(super) async fn create(desk: &mut Desk<'_>, name: &str, description: &str, settings: &ProjectSettings) -> Done {
    let mut faults = Faults::default();
    faults.name("name", name);
    faults.description(description);
    faults.settings(settings, &desk.config.endpoints);
    faults.verdict()?;
    if desk.reader.project_by_name(name).await.or_refuse()?.is_some() {
        return Err(Refusal::new(409, "PROJECT_EXISTS", format!("a project named “{name}” exists already")));
    }
    let project = Project {
        project_id: desk.id(),
        name: name.to_owned(),
        description: description.to_owned(),
        status: ProjectStatus::Paused,
        settings: settings.clone(),
        created_at: desk.now,
        updated_at: desk.now,
        version: 1,
    };
    let id = project.project_id;
    let body = json!({ "name": name, "settings": settings });
    let packet = desk.record(Deed::new("project.created", entity(id), Some(id), body));
    let data = json!({ "project_id": id, "status": project.status, "created_at": project.created_at });
    desk.rows.push(Row::Project(project));
    Ok((201, data, packet))
}

pub(super) async fn update(
    desk: &mut Desk<'_>,
    id: ProjectId,
    description: Option<&str>,
    settings: Option<&ProjectSettings>,
) -> Done {
    let mut faults = Faults::default();
    if let Some(text) = description {
        faults.description(text);
    }
    if let Some(settings) = settings {
        faults.settings(settings, &desk.config.endpoints);
    }
    faults.verdict()?;
    let mut project = find(desk, id).await?;
    if let Some(text) = description {
        project.description = text.to_owned();
    }
    if let Some(settings) = settings {
        project.settings = settings.clone();
    }
    project.updated_at = desk.now;
    project.version += 1;
    let body = json!({ "description": project.description, "settings": project.settings });
    let before = desk.last_of(&entity(id)).await?;
    let packet = desk.record(Deed::new("project.updated", entity(id), Some(id), body).after(before));
    let data = json!({
        "project_id": id, "name": project.name, "description": project.description, "status": project.status,
        "settings": project.settings, "updated_at": project.updated_at,
    });
    desk.rows.push(Row::Project(project));
    Ok((200, data, packet))
}

pub(super) async fn start(desk: &mut Desk<'_>, id: ProjectId, reason: &str) -> Done {
    switch(desk, id, reason, ProjectStatus::Running).await
}

pub(super) async fn stop(desk: &mut Desk<'_>, id: ProjectId, reason: &str) -> Done {
    switch(desk, id, reason, ProjectStatus::Paused).await
}

async fn switch(desk: &mut Desk<'_>, id: ProjectId, reason: &str, to: ProjectStatus) -> Done {
    let mut faults = Faults::default();
    faults.reason(reason);
    faults.verdict()?;
    let mut project = find(desk, id).await?;
    let starts = to == ProjectStatus::Running;
    if project.status == to {
        let (code, word) = if starts { ("ALREADY_RUNNING", "running") } else { ("ALREADY_STOPPED", "stopped") };
        return Err(Refusal::new(409, code, format!("project {id} is {word} already")));
    }
    project.status = to;
    project.updated_at = desk.now;
    project.version += 1;
    let before = desk.last_of(&entity(id)).await?;
    let kind = if starts { "project.started" } else { "project.stopped" };
    let packet = desk.record(Deed::new(kind, entity(id), Some(id), json!({ "reason": reason })).after(before));
    desk.rows.push(Row::Project(project));
    let (order, rollback, message) = if starts {
        (Order::StartProject { project_id: id }, "stop the project", format!("Project {id} scheduled to start."))
    } else {
        (Order::StopProject { project_id: id }, "start the project", format!("Project {id} stopping."))
    };
    desk.directive(order, reason, rollback, packet);
    Ok((202, json!({ "message": message, "requested_at": desk.now }), packet))
}
