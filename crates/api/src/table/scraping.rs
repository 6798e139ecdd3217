//! Scraping.

use omniva_actors::office::{Command, Refusal};
use omniva_contracts::engine::{CreatorId, EntityType, Job, JobKind, JobState};
use omniva_store::{JobFilter, Page};
use serde_json::Value;

use super::NO_PROJECT;
use crate::call::{Call, OrRefuse, Reply, data};
use crate::requests::Scrape;
use crate::route::{Route, shape};
use crate::views::{ScrapeJobView, ScrapeQueued, ScrapeStatus, shown};

const G: &str = "Scraping";
/// Runs that the status shows, and downloads that it counts.
const RUNS: u64 = 50;
const DOWNLOADS: u64 = 1_000;

pub const ROUTES: &[Route] = &[
    Route::post("/v1/projects/{project_id}/scrape", "Look for new videos now", |c| Box::pin(scrape(c)))
        .in_group(G)
        .may_take(shape::<Scrape>(
            r#"{"creator_ids":["1b4e28ba-2fa1-41d2-883f-0016d3cca427"],"since":"2024-05-01T00:00:00Z","until":"2024-05-07T00:00:00Z","force":false}"#,
        ))
        .gives(
            202,
            shape::<ScrapeQueued>(
                r#"{"job_id":"9b2d1c3e-4f5a-4b6c-8d7e-0f1a2b3c4d5e","job_ids":["9b2d1c3e-4f5a-4b6c-8d7e-0f1a2b3c4d5e"],"queued_creators":1,"already_queued":0,"status":"QUEUED"}"#,
            ),
        )
        .errors(&[
            NO_PROJECT,
            (400, "INVALID_DATE_RANGE"),
            (404, "CREATOR_NOT_FOUND"),
            (409, "NO_ACTIVE_CREATORS"),
        ]),
    Route::get("/v1/projects/{project_id}/scrape/status", "The latest scrapes, newest first", |c| Box::pin(status(c)))
        .in_group(G)
        .gives(
            200,
            shape::<ScrapeStatus>(
                r#"{"jobs":[{"job_id":"9b2d1c3e-4f5a-4b6c-8d7e-0f1a2b3c4d5e","creator_id":"1b4e28ba-2fa1-41d2-883f-0016d3cca427","status":"DONE","items_found":4,"videos_downloaded":4,"started_at":"2024-05-07T12:05:00.000000Z","completed_at":"2024-05-07T12:07:10.000000Z","error":null}]}"#,
            ),
        )
        .errors(&[NO_PROJECT]),
];

async fn scrape(c: &Call) -> Result<Reply, Refusal> {
    let project = c.project_id()?;
    let b: Scrape = c.read()?;
    let (since, until, force) = (b.since, b.until, b.force);
    c.order(Command::Scrape { project, creators: b.creator_ids, since, until, force }).await
}

async fn status(c: &Call) -> Result<Reply, Refusal> {
    let project = c.project().await?.project_id;
    let of = |kind| JobFilter { project: Some(project), kind: Some(kind), ..JobFilter::default() };
    let page = |limit| Page { limit, offset: 0 };
    let runs = c.reader().jobs(&of(JobKind::Discover), page(RUNS)).await.or_refuse()?.items;
    let downloads = c.reader().jobs(&of(JobKind::Scrape), page(DOWNLOADS)).await.or_refuse()?.items;
    let jobs = runs.iter().map(|run| view(run, &runs, &downloads)).collect();
    data(ScrapeStatus { jobs })
}

fn creator_of(job: &Job) -> Option<CreatorId> {
    let subject = job.subject.as_ref().filter(|s| s.entity_type == EntityType::Creator).map(|s| CreatorId(s.entity_id));
    let named = || job.payload.get("creator_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    subject.or_else(named)
}

/// Downloads belong to the run of their creator that was the last one before them: one runs at a time.
fn view(run: &Job, runs: &[Job], downloads: &[Job]) -> ScrapeJobView {
    let creator_id = creator_of(run);
    let next =
        runs.iter().filter(|r| creator_of(r) == creator_id && r.created_at > run.created_at).map(|r| r.created_at);
    let until = next.min();
    let own = |job: &&Job| {
        creator_of(job) == creator_id && job.created_at >= run.created_at && until.is_none_or(|u| job.created_at < u)
    };
    let loaded = |job: &&Job| {
        job.state == JobState::Done && job.result.as_ref().is_some_and(|r| r.get("video").is_some_and(|v| !v.is_null()))
    };
    ScrapeJobView {
        job_id: run.id,
        creator_id,
        status: shown(run.state).to_owned(),
        items_found: run.result.as_ref().and_then(|r| r.get("items")?.as_array()).map_or(0, |i| i.len() as u64),
        videos_downloaded: downloads.iter().filter(own).filter(loaded).count() as u64,
        started_at: run.started_at,
        completed_at: run.ended_at,
        error: run.fault.clone(),
    }
}
