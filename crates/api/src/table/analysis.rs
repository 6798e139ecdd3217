//! Videos and what was found in them.

use omniva_actors::office::Refusal;
use omniva_contracts::engine::{AnalysisRow, ClipStatus, VideoId};
use omniva_store::{AnalysisFilter, ClipFilter, Page};
use serde_json::Value;

use super::{BAD_PAGE, NO_PROJECT};
use crate::call::{Call, OrRefuse, Reply, data, missing};
use crate::params::{Kind, LIMIT, OFFSET, PAGE, Param};
use crate::route::{Route, shape};
use crate::views::{AnalysisItem, CandidateView, Items, Pagination, VideoView};

const G: &str = "Analysis";
/// Candidates shown with one analysis.
const CANDIDATES: u64 = 50;
pub(crate) const CLIP_STATUSES: &[&str] =
    &["REJECTED", "READY_FOR_EDIT", "EDITING", "READY", "SCHEDULED", "UPLOADING", "PUBLISHED", "FAILED"];
const LIST: &[Param] = &[
    Param::new("clip_status", Kind::OneOf(CLIP_STATUSES), "Only analyses with a clip in this status."),
    Param::new("min_score", Kind::Number { min: 0.0, max: 1.0 }, "Only with this virality score or more."),
    LIMIT,
    OFFSET,
];
const VIDEO: &str = r#"{"video_id":"2c1f0a9b-8d7e-4f6a-9b5c-4d3e2f1a0b9c","project_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","post_id":"3d2e1f0a-9b8c-4d7e-8f6a-5b4c3d2e1f0a","title":"Episode 42","duration_seconds":3121.4,"resolution":"1920x1080","bytes":734003200,"checksum":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","trace_id":"4e3f2a1b-0c9d-4e8f-9a7b-6c5d4e3f2a1b","created_at":"2024-05-07T12:07:10.000000Z"}"#;

pub const ROUTES: &[Route] = &[
    Route::get("/v1/projects/{project_id}/analysis", "List analyses, newest first", |c| Box::pin(list(c)))
        .in_group(G)
        .query(LIST)
        .gives(
            200,
            shape::<Items<AnalysisItem>>(
                r#"{"items":[{"analysis_id":"5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c","video_id":"2c1f0a9b-8d7e-4f6a-9b5c-4d3e2f1a0b9c","virality_score":0.83,"relevance_score":0.77,"keywords":["ai","workflow"],"clip_candidates":[{"clip_id":"6a5b4c3d-2e1f-4a0b-9c8d-7e6f5a4b3c2d","start_time":45.2,"end_time":72.1,"confidence":0.92,"status":"READY"}],"why_none":null,"created_at":"2024-05-07T12:20:00.000000Z"}],"pagination":{"limit":50,"offset":0,"total":210}}"#,
            ),
        )
        .errors(&[NO_PROJECT, BAD_PAGE]),
    Route::get("/v1/projects/{project_id}/videos", "List a project's videos, newest first", |c| Box::pin(videos(c)))
        .in_group(G)
        .query(&PAGE)
        .gives(
            200,
            shape::<Items<VideoView>>(
                r#"{"items":[],"pagination":{"limit":50,"offset":0,"total":0}}"#,
            ),
        )
        .errors(&[NO_PROJECT, BAD_PAGE]),
    Route::get("/v1/videos/{video_id}", "Show a video", |c| Box::pin(video(c)))
        .in_group(G)
        .gives(200, shape::<VideoView>(VIDEO))
        .errors(&[(404, "VIDEO_NOT_FOUND")]),
];

async fn list(c: &Call) -> Result<Reply, Refusal> {
    let project = c.project().await?;
    let page = c.query.page();
    let filter = AnalysisFilter {
        clip_status: c.query.word("clip_status", ClipStatus::parse),
        min_score: c.query.number("min_score"),
    };
    let listed = c.reader().analyses(project.project_id, &filter, page).await.or_refuse()?;
    let total = listed.total;
    let mut items = Vec::with_capacity(listed.items.len());
    for row in listed.items {
        items.push(item(c, row).await?);
    }
    data(Items { items, pagination: Pagination { limit: page.limit, offset: page.offset, total } })
}

async fn item(c: &Call, row: AnalysisRow) -> Result<AnalysisItem, Refusal> {
    let filter = ClipFilter { video: Some(row.video_id), ..ClipFilter::default() };
    let clips = c.reader().clips(&filter, Page { limit: CANDIDATES, offset: 0 }).await.or_refuse()?.items;
    let clip_candidates = clips
        .into_iter()
        .map(|k| CandidateView {
            clip_id: k.clip_id,
            start_time: k.start_time,
            end_time: k.end_time,
            confidence: k.confidence,
            status: k.status,
        })
        .collect();
    Ok(AnalysisItem {
        analysis_id: row.analysis_id,
        video_id: row.video_id,
        virality_score: row.virality_score,
        relevance_score: row.relevance_score,
        keywords: row.keywords,
        clip_candidates,
        why_none: row.raw_ai_output.get("why_none").and_then(Value::as_str).map(str::to_owned),
        created_at: row.created_at,
    })
}

async fn videos(c: &Call) -> Result<Reply, Refusal> {
    let project = c.project().await?;
    let page = c.query.page();
    let listed = c.reader().videos(project.project_id, page).await.or_refuse()?;
    data(Items::of(listed, page, VideoView::from))
}

async fn video(c: &Call) -> Result<Reply, Refusal> {
    let id: VideoId = c.id("video_id", "VIDEO_NOT_FOUND")?;
    let found = c.reader().video(id).await.or_refuse()?;
    data(VideoView::from(found.ok_or_else(|| missing("VIDEO_NOT_FOUND", &id.to_string()))?))
}
