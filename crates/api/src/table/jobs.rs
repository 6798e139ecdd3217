//! Jobs.

use omniva_actors::office::{Command, Refusal};
use omniva_contracts::engine::{JobId, JobKind, JobState};
use omniva_store::JobFilter;

use super::BAD_PAGE;
use crate::call::{Call, OrRefuse, Reply, data, missing};
use crate::params::{Kind, LIMIT, OFFSET, Param};
use crate::requests::{EnqueueNoop, Prioritise, Reason};
use crate::route::{Route, shape};
use crate::views::{Items, JobItem, JobMoved, JobView, NoopsQueued};

const G: &str = "Jobs";
const NO_JOB: (u16, &str) = (404, "JOB_NOT_FOUND");
pub(crate) const KINDS: &[&str] =
    &["discover", "scrape", "analyze", "edit", "upload", "schedule", "measure", "maintain", "noop"];
const LIST: &[Param] = &[
    Param::new("project_id", Kind::Id, "Only jobs of this project."),
    Param::new("kind", Kind::OneOf(KINDS), "Only jobs of this kind."),
    Param::new(
        "status",
        Kind::OneOf(&["QUEUED", "RUNNING", "WAITING_RETRY", "DONE", "ERROR", "CANCELLED", "SKIPPED", "QUARANTINED"]),
        "Only jobs in this status.",
    ),
    Param::new("trace_id", Kind::Id, "Only jobs of this workflow."),
    LIMIT,
    OFFSET,
];
const MOVED: &str = r#"{"job_id":"9b2d1c3e-4f5a-4b6c-8d7e-0f1a2b3c4d5e","status":"QUEUED","priority":500,"attempt":0,"cancel_requested":false,"updated_at":"2024-05-07T12:05:00.000000Z"}"#;

pub const ROUTES: &[Route] = &[
    Route::get("/v1/jobs", "List jobs, newest first", |c| Box::pin(list(c)))
        .in_group(G)
        .query(LIST)
        .gives(200, shape::<Items<JobItem>>(r#"{"items":[],"pagination":{"limit":50,"offset":0,"total":0}}"#))
        .errors(&[BAD_PAGE]),
    Route::get("/v1/jobs/{job_id}", "Show a job", |c| Box::pin(show(c)))
        .in_group(G)
        .gives(
            200,
            shape::<JobView>(
                r#"{"job_id":"9b2d1c3e-4f5a-4b6c-8d7e-0f1a2b3c4d5e","kind":"edit","project_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","subject":{"entity_type":"clips","entity_id":"6a5b4c3d-2e1f-4a0b-9c8d-7e6f5a4b3c2d"},"status":"RUNNING","step":"RENDER","progress":0.6,"priority":500,"attempt":1,"max_attempts":3,"cancel_requested":false,"worker":"editor-1","run_after":"2024-05-07T12:05:00.000000Z","error":null,"trace_id":"4e3f2a1b-0c9d-4e8f-9a7b-6c5d4e3f2a1b","created_at":"2024-05-07T12:05:00.000000Z","started_at":"2024-05-07T12:05:01.000000Z","completed_at":null,"updated_at":"2024-05-07T12:05:30.000000Z","unique_key":"edit:6a5b4c3d-2e1f-4a0b-9c8d-7e6f5a4b3c2d","crashes":0,"snoozes":0,"expires_at":"2024-05-08T12:05:00.000000Z","lease_until":"2024-05-07T12:06:00.000000Z","payload":{},"checkpoint":null,"result":null}"#,
            ),
        )
        .errors(&[NO_JOB]),
    Route::post("/v1/jobs/{job_id}/retry", "Run a job again that failed, was cancelled, skipped or quarantined", |c| {
        Box::pin(retry(c))
    })
    .in_group(G)
    .gives(202, shape::<JobMoved>(MOVED))
    .errors(&[NO_JOB, (409, "JOB_NOT_RETRYABLE")]),
    Route::post("/v1/jobs/{job_id}/cancel", "Cancel a job; one that runs ends as soon as its worker sees it", |c| {
        Box::pin(cancel(c))
    })
    .in_group(G)
    .may_take(shape::<Reason>(r#"{"reason":"no longer needed"}"#))
    .gives(202, shape::<JobMoved>(MOVED))
    .errors(&[NO_JOB, (409, "JOB_NOT_CANCELLABLE")]),
    Route::post("/v1/jobs/{job_id}/prioritise", "Move a waiting job in its queue", |c| Box::pin(prioritise(c)))
        .in_group(G)
        .takes(shape::<Prioritise>(r#"{"priority":"high"}"#))
        .gives(200, shape::<JobMoved>(MOVED))
        .errors(&[NO_JOB, (409, "JOB_NOT_WAITING")]),
    Route::post("/v1/jobs/noop", "Enqueue jobs that do nothing, to measure the queue", |c| Box::pin(noop(c)))
        .in_group(G)
        .admin()
        .takes(shape::<EnqueueNoop>(r#"{"count":100}"#))
        .gives(202, shape::<NoopsQueued>(r#"{"queued":100,"asked":100,"status":"QUEUED"}"#)),
];

fn id(c: &Call) -> Result<JobId, Refusal> {
    c.id("job_id", "JOB_NOT_FOUND")
}

fn state(text: &str) -> Option<JobState> {
    if text == "QUEUED" { Some(JobState::Pending) } else { JobState::parse(text) }
}

async fn list(c: &Call) -> Result<Reply, Refusal> {
    let page = c.query.page();
    let filter = JobFilter {
        project: c.query.id("project_id"),
        kind: c.query.word("kind", JobKind::parse),
        states: c.query.word("status", state).into_iter().collect(),
        subject: None,
        trace: c.query.id("trace_id"),
        since: None,
    };
    let listed = c.reader().jobs(&filter, page).await.or_refuse()?;
    data(Items::of(listed, page, JobItem::from))
}

async fn show(c: &Call) -> Result<Reply, Refusal> {
    let id = id(c)?;
    let found = c.reader().job(id).await.or_refuse()?;
    data(JobView::from(found.ok_or_else(|| missing("JOB_NOT_FOUND", &id.to_string()))?))
}

async fn retry(c: &Call) -> Result<Reply, Refusal> {
    c.order(Command::RetryJob { job: id(c)? }).await
}

async fn cancel(c: &Call) -> Result<Reply, Refusal> {
    let Reason { reason } = c.read()?;
    c.order(Command::CancelJob { job: id(c)?, reason }).await
}

async fn prioritise(c: &Call) -> Result<Reply, Refusal> {
    let b: Prioritise = c.read()?;
    c.order(Command::PrioritiseJob { job: id(c)?, priority: b.priority.value() }).await
}

async fn noop(c: &Call) -> Result<Reply, Refusal> {
    let EnqueueNoop { count, unique_keys } = c.read()?;
    c.order(Command::EnqueueNoop { count, unique_keys }).await
}
