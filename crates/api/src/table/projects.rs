//! Projects.

use omniva_actors::office::{Command, Refusal};
use omniva_contracts::engine::{ProjectId, ProjectSettings, ProjectStatus};
use omniva_store::Made;
use serde_json::Value;

use super::{BAD_PAGE, NO_PROJECT};
use crate::call::{Call, OrRefuse, Reply, data};
use crate::params::{Kind, LIMIT, OFFSET, Param};
use crate::requests::{CreateProject, Reason, UpdateProject};
use crate::route::{Route, shape};
use crate::views::{Items, ProjectCreated, ProjectItem, ProjectUpdated, ProjectView, Requested};

const G: &str = "Projects";
const LIST: &[Param] =
    &[LIMIT, OFFSET, Param::new("status", Kind::OneOf(&["RUNNING", "PAUSED"]), "Only projects with this status.")];

pub const ROUTES: &[Route] = &[
    Route::get("/v1/projects", "List projects, oldest first", |c| Box::pin(list(c)))
        .in_group(G)
        .query(LIST)
        .gives(
            200,
            shape::<Items<ProjectItem>>(
                r#"{"items":[{"project_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","name":"BusinessAI","status":"RUNNING","videos_scraped":42,"clips_ready":135,"created_at":"2024-04-01T10:00:00.000000Z"}],"pagination":{"limit":50,"offset":0,"total":18}}"#,
            ),
        )
        .errors(&[BAD_PAGE]),
    Route::post("/v1/projects", "Create a project; it is paused at first", |c| Box::pin(create(c)))
        .in_group(G)
        .takes(shape::<CreateProject>(
            r#"{"name":"CreatorLab","description":"Education niche automation","default_platforms":["tiktok","youtube_shorts"],"scrape_window_days":7}"#,
        ))
        .gives(
            201,
            shape::<ProjectCreated>(
                r#"{"project_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","status":"PAUSED","created_at":"2024-05-01T09:12:00.000000Z"}"#,
            ),
        )
        .errors(&[(409, "PROJECT_EXISTS")]),
    Route::get("/v1/projects/{project_id}", "Show a project with its settings and counts", |c| Box::pin(show(c)))
        .in_group(G)
        .gives(
            200,
            shape::<ProjectView>(
                r#"{"project_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","name":"BusinessAI","description":"","status":"RUNNING","settings":{"scrape_window_days":7,"daily_quota":5,"keywords":["ai","automation"],"default_platforms":[],"accept_unknown_rights":true},"stats":{"creators":6,"videos_scraped":42,"clips_in_pipeline":18,"clips_ready":3,"uploads_pending":4,"published_today":2},"created_at":"2024-04-01T10:00:00.000000Z","updated_at":"2024-04-02T10:00:00.000000Z"}"#,
            ),
        )
        .errors(&[NO_PROJECT]),
    Route::patch("/v1/projects/{project_id}", "Change a project's description or settings", |c| Box::pin(update(c)))
        .in_group(G)
        .takes(shape::<UpdateProject>(r#"{"settings":{"daily_quota":3,"keywords":["ai"]}}"#))
        .gives(
            200,
            shape::<ProjectUpdated>(
                r#"{"project_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","name":"BusinessAI","description":"","status":"RUNNING","settings":{"scrape_window_days":7,"daily_quota":3,"keywords":["ai"],"default_platforms":[],"accept_unknown_rights":true},"updated_at":"2024-04-02T10:00:00.000000Z"}"#,
            ),
        )
        .errors(&[NO_PROJECT, (409, "CONFLICT")]),
    Route::post("/v1/projects/{project_id}/start", "Start a project", |c| Box::pin(start(c)))
        .in_group(G)
        .may_take(shape::<Reason>(r#"{"reason":"scheduled_start"}"#))
        .gives(
            202,
            shape::<Requested>(
                r#"{"message":"Project 7c9e6679-7425-40de-944b-e07fc1f90ae7 scheduled to start.","requested_at":"2024-05-07T12:00:00.000000Z"}"#,
            ),
        )
        .errors(&[(409, "ALREADY_RUNNING"), NO_PROJECT]),
    Route::post("/v1/projects/{project_id}/stop", "Stop a project; what runs is finished", |c| Box::pin(stop(c)))
        .in_group(G)
        .may_take(shape::<Reason>(r#"{"reason":"manual_pause"}"#))
        .gives(
            202,
            shape::<Requested>(
                r#"{"message":"Project 7c9e6679-7425-40de-944b-e07fc1f90ae7 stopping.","requested_at":"2024-05-07T12:05:00.000000Z"}"#,
            ),
        )
        .errors(&[(409, "ALREADY_STOPPED"), NO_PROJECT]),
];

async fn list(c: &Call) -> Result<Reply, Refusal> {
    let page = c.query.page();
    let listed = c.reader().projects(c.query.word("status", ProjectStatus::parse), page).await.or_refuse()?;
    let ids: Vec<ProjectId> = listed.items.iter().map(|p| p.project_id).collect();
    let made = c.reader().made(&ids).await.or_refuse()?;
    let total = listed.total;
    let items = listed
        .items
        .into_iter()
        .map(|p| {
            let Made { videos_scraped, clips_ready } = made.get(&p.project_id).copied().unwrap_or_default();
            ProjectItem {
                project_id: p.project_id,
                name: p.name,
                status: p.status,
                videos_scraped,
                clips_ready,
                created_at: p.created_at,
            }
        })
        .collect();
    data(Items { items, pagination: crate::views::Pagination { limit: page.limit, offset: page.offset, total } })
}

async fn create(c: &Call) -> Result<Reply, Refusal> {
    let body: CreateProject = c.read()?;
    let mut settings = body.settings.unwrap_or_default();
    if let Some(platforms) = body.default_platforms {
        settings.default_platforms = platforms;
    }
    if let Some(days) = body.scrape_window_days {
        settings.scrape_window_days = days;
    }
    c.order(Command::CreateProject { name: body.name, description: body.description, settings }).await
}

async fn show(c: &Call) -> Result<Reply, Refusal> {
    let project = c.project().await?;
    let counts = c.reader().project_counts(project.project_id, c.now).await.or_refuse()?;
    data(ProjectView::of(project, counts))
}

async fn update(c: &Call) -> Result<Reply, Refusal> {
    let project = c.project().await?;
    let body: UpdateProject = c.read()?;
    let settings = match c.body.get("settings").and_then(Value::as_object) {
        Some(patch) => Some(merged(&project.settings, patch)?),
        None => None,
    };
    c.order(Command::UpdateProject { project: project.project_id, description: body.description, settings }).await
}

/// RFC 7396 on one level, which is all that settings have.
fn merged(settings: &ProjectSettings, patch: &serde_json::Map<String, Value>) -> Result<ProjectSettings, Refusal> {
    let wrong = |e: serde_json::Error| Refusal::new(400, "VALIDATION_ERROR", format!("settings: {e}"));
    let mut now = serde_json::to_value(settings).map_err(wrong)?;
    if let Some(now) = now.as_object_mut() {
        for (key, value) in patch {
            if value.is_null() {
                now.remove(key);
            } else {
                now.insert(key.clone(), value.clone());
            }
        }
    }
    serde_json::from_value(now).map_err(wrong)
}

async fn start(c: &Call) -> Result<Reply, Refusal> {
    let Reason { reason } = c.read()?;
    c.order(Command::StartProject { project: c.project_id()?, reason }).await
}

async fn stop(c: &Call) -> Result<Reply, Refusal> {
    let Reason { reason } = c.read()?;
    c.order(Command::StopProject { project: c.project_id()?, reason }).await
}
