//! Clips and forced edits.

use omniva_actors::office::{Command, Refusal};
use omniva_contracts::engine::{Clip, ClipId, ClipStatus};
use omniva_store::{ClipFilter, Page, UploadFilter};

use super::analysis::CLIP_STATUSES;
use super::{BAD_PAGE, NO_CLIP, NO_PROJECT};
use crate::call::{Call, OrRefuse, Reply, data, missing};
use crate::params::{Kind, LIMIT, OFFSET, Param};
use crate::requests::{EditClip, Priority};
use crate::route::{Route, shape};
use crate::views::{ClipItem, ClipMetadata, ClipView, EditQueued, Items};

const G: &str = "Clips";
const LIST: &[Param] = &[
    Param::new("status", Kind::OneOf(CLIP_STATUSES), "Only clips in this status."),
    Param::new("video_id", Kind::Id, "Only clips of this video."),
    Param::new("min_confidence", Kind::Number { min: 0.0, max: 1.0 }, "Only with this confidence or more."),
    Param::new("order", Kind::OneOf(&["best", "newest"]), "Best first, or newest first; `best` when left out."),
    LIMIT,
    OFFSET,
];

pub const ROUTES: &[Route] = &[
    Route::get("/v1/projects/{project_id}/clips", "List a project's clips", |c| Box::pin(list(c)))
        .in_group(G)
        .query(LIST)
        .gives(
            200,
            shape::<Items<ClipItem>>(
                r#"{"items":[{"clip_id":"6a5b4c3d-2e1f-4a0b-9c8d-7e6f5a4b3c2d","video_id":"2c1f0a9b-8d7e-4f6a-9b5c-4d3e2f1a0b9c","status":"READY_FOR_EDIT","start_time":45.2,"end_time":72.1,"confidence":0.92,"title":"5-Second Productivity Reset","semantic_tags":["guest_quote"],"pantheon_votes":{"strategist":0.91,"guardian":0.65},"created_at":"2024-05-07T12:20:00.000000Z"}],"pagination":{"limit":50,"offset":0,"total":1}}"#,
            ),
        )
        .errors(&[NO_PROJECT, BAD_PAGE]),
    Route::get("/v1/clips/{clip_id}", "Show a clip with its edit and upload", |c| Box::pin(show(c)))
        .in_group(G)
        .gives(
            200,
            shape::<ClipView>(
                r#"{"clip_id":"6a5b4c3d-2e1f-4a0b-9c8d-7e6f5a4b3c2d","project_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","video_id":"2c1f0a9b-8d7e-4f6a-9b5c-4d3e2f1a0b9c","status":"READY","trace_id":"4e3f2a1b-0c9d-4e8f-9a7b-6c5d4e3f2a1b","metadata":{"start_time":45.2,"end_time":72.1,"confidence":0.92,"semantic_tags":["guest_quote","call_to_action"],"pantheon_votes":{"strategist":0.91},"lattice_priority":0.82,"title":"5-Second Productivity Reset","reason":"A strong hook, told without detours.","rejected_by":null,"rejected_code":null,"topic":"productivity","keywords":["productivity"],"text":"Try this for five seconds."},"edit_job":null,"upload_job":null,"created_at":"2024-05-07T12:20:00.000000Z","updated_at":"2024-05-07T12:30:00.000000Z"}"#,
            ),
        )
        .errors(&[NO_CLIP]),
    Route::post("/v1/clips/{clip_id}/edit", "Edit a clip now", |c| Box::pin(edit(c)))
        .in_group(G)
        .may_take(shape::<EditClip>(
            r#"{"operations":["autocut","reframe","captions"],"priority":"high","gpu_required":true}"#,
        ))
        .gives(
            202,
            shape::<EditQueued>(
                r#"{"edit_job_id":"7b6a5c4d-3e2f-4b1a-8c9d-0e1f2a3b4c5d","status":"QUEUED","clip_id":"6a5b4c3d-2e1f-4a0b-9c8d-7e6f5a4b3c2d"}"#,
            ),
        )
        .errors(&[NO_CLIP, (409, "EDIT_ALREADY_IN_PROGRESS"), (409, "CLIP_NOT_EDITABLE")]),
];

pub(crate) fn clip_id(c: &Call) -> Result<ClipId, Refusal> {
    c.id("clip_id", "CLIP_NOT_FOUND")
}

/// The clip of the path, which must be there.
pub(crate) async fn find(c: &Call) -> Result<Clip, Refusal> {
    let id = clip_id(c)?;
    c.reader().clip(id).await.or_refuse()?.ok_or_else(|| missing("CLIP_NOT_FOUND", &id.to_string()))
}

async fn list(c: &Call) -> Result<Reply, Refusal> {
    let project = c.project().await?;
    let page = c.query.page();
    let filter = ClipFilter {
        project: Some(project.project_id),
        video: c.query.id("video_id"),
        statuses: c.query.word("status", ClipStatus::parse).into_iter().collect(),
        min_confidence: c.query.number("min_confidence"),
        newest_first: c.query.text("order") == Some("newest"),
    };
    let listed = c.reader().clips(&filter, page).await.or_refuse()?;
    data(Items::of(listed, page, ClipItem::from))
}

async fn show(c: &Call) -> Result<Reply, Refusal> {
    let clip = find(c).await?;
    let edits = c.reader().edit_jobs_of(clip.clip_id).await.or_refuse()?;
    let filter = UploadFilter { clip: Some(clip.clip_id), ..UploadFilter::default() };
    let uploads = c.reader().upload_jobs(&filter, Page { limit: 1, offset: 0 }).await.or_refuse()?.items;
    data(ClipView {
        clip_id: clip.clip_id,
        project_id: clip.project_id,
        video_id: clip.video_id,
        status: clip.status,
        trace_id: clip.trace_id,
        metadata: ClipMetadata::of(&clip),
        edit_job: edits.into_iter().next().map(Into::into),
        upload_job: uploads.into_iter().next().map(Into::into),
        created_at: clip.created_at,
        updated_at: clip.updated_at,
    })
}

async fn edit(c: &Call) -> Result<Reply, Refusal> {
    let b: EditClip = c.read()?;
    c.order(Command::EditClip {
        clip: clip_id(c)?,
        operations: b.operations.iter().map(|o| o.as_str().to_owned()).collect(),
        priority: b.priority.map(Priority::value),
        gpu_required: b.gpu_required,
    })
    .await
}
