//! Uploads and their schedule.

use omniva_actors::office::{Command, Refusal};
use omniva_contracts::engine::WorkStatus;
use omniva_store::{ScheduleFilter, UploadFilter};

use super::clips::clip_id;
use super::{BAD_PAGE, NO_CLIP, NO_PROJECT};
use crate::call::{Call, OrRefuse, Reply, data};
use crate::params::{Kind, LIMIT, OFFSET, Param};
use crate::requests::{Reschedule, UploadClip};
use crate::route::{Route, shape};
use crate::views::{Items, Rescheduled, ScheduleItem, UploadItem, UploadQueued};

const G: &str = "Uploads and schedule";
const UPLOADS: &[Param] = &[
    Param::new(
        "status",
        Kind::OneOf(&["QUEUED", "RUNNING", "DONE", "ERROR", "CANCELLED", "SCHEDULED", "LIVE", "UNCONFIRMED"]),
        "Only uploads in this status.",
    ),
    Param::new("clip_id", Kind::Id, "Only uploads of this clip."),
    LIMIT,
    OFFSET,
];
const SCHEDULE: &[Param] = &[
    Param::new("from", Kind::Time, "Slots at this time and later."),
    Param::new("to", Kind::Time, "Slots before this time."),
    LIMIT,
    OFFSET,
];

pub const ROUTES: &[Route] = &[
    Route::post("/v1/clips/{clip_id}/upload", "Publish a clip, at a time or when it fits", |c| Box::pin(upload(c)))
        .in_group(G)
        .may_take(shape::<UploadClip>(
            r#"{"title":"5-Second Productivity Reset","description":"Top tip from episode 42.","keywords":["productivity","routine"],"scheduled_time":"2024-05-10T16:00:00Z","privacy_status":"unlisted"}"#,
        ))
        .gives(
            202,
            shape::<UploadQueued>(
                r#"{"upload_job_id":"8c7b6a5d-4e3f-4c2b-9a0d-1e2f3a4b5c6d","status":"QUEUED","clip_id":"6a5b4c3d-2e1f-4a0b-9c8d-7e6f5a4b3c2d"}"#,
            ),
        )
        .errors(&[NO_CLIP, (409, "UPLOAD_EXISTS"), (400, "INVALID_SCHEDULE"), (409, "CLIP_NOT_READY")]),
    Route::get("/v1/projects/{project_id}/uploads", "List upload jobs, newest first", |c| Box::pin(uploads(c)))
        .in_group(G)
        .query(UPLOADS)
        .gives(
            200,
            shape::<Items<UploadItem>>(
                r#"{"items":[{"upload_job_id":"8c7b6a5d-4e3f-4c2b-9a0d-1e2f3a4b5c6d","clip_id":"6a5b4c3d-2e1f-4a0b-9c8d-7e6f5a4b3c2d","status":"SCHEDULED","target":"folder","title":"5-Second Productivity Reset","yt_video_id":null,"scheduled_time":"2024-05-10T16:00:00.000000Z","response":null,"created_at":"2024-05-07T12:30:00.000000Z"}],"pagination":{"limit":50,"offset":0,"total":1}}"#,
            ),
        )
        .errors(&[NO_PROJECT, BAD_PAGE]),
    Route::post("/v1/projects/{project_id}/schedule", "Plan open slots anew", |c| Box::pin(reschedule(c)))
        .in_group(G)
        .may_take(shape::<Reschedule>(r#"{"reason":"manual_rebalance","target_day":"2024-05-12"}"#))
        .gives(202, shape::<Rescheduled>(r#"{"jobs_considered":8,"updated":4,"status":"QUEUED"}"#))
        .errors(&[NO_PROJECT, (409, "SCHEDULER_BUSY")]),
    Route::get("/v1/projects/{project_id}/schedule", "List slots by time", |c| Box::pin(schedule(c)))
        .in_group(G)
        .query(SCHEDULE)
        .gives(
            200,
            shape::<Items<ScheduleItem>>(
                r#"{"items":[{"schedule_id":"9d8c7b6a-5e4f-4d3c-8b1a-2f3a4b5c6d7e","clip_id":"6a5b4c3d-2e1f-4a0b-9c8d-7e6f5a4b3c2d","upload_job_id":"8c7b6a5d-4e3f-4c2b-9a0d-1e2f3a4b5c6d","target":"folder","recommended_time":"2024-05-10T16:00:00.000000Z","final_time":"2024-05-10T16:05:00.000000Z","status":"CONFIRMED","locked":false,"why":"it is the earliest time that breaks no rule"}],"pagination":{"limit":50,"offset":0,"total":1}}"#,
            ),
        )
        .errors(&[NO_PROJECT, BAD_PAGE, (400, "INVALID_DATE_RANGE")]),
];

async fn upload(c: &Call) -> Result<Reply, Refusal> {
    let b: UploadClip = c.read()?;
    c.order(Command::UploadClip {
        clip: clip_id(c)?,
        title: b.title,
        description: b.description,
        keywords: b.keywords,
        scheduled_time: b.scheduled_time,
        privacy_status: b.privacy_status,
        target: b.target,
    })
    .await
}

async fn uploads(c: &Call) -> Result<Reply, Refusal> {
    let project = c.project().await?;
    let page = c.query.page();
    let filter = UploadFilter {
        project: Some(project.project_id),
        clip: c.query.id("clip_id"),
        statuses: c.query.word("status", WorkStatus::parse).into_iter().collect(),
    };
    let listed = c.reader().upload_jobs(&filter, page).await.or_refuse()?;
    data(Items::of(listed, page, UploadItem::from))
}

async fn reschedule(c: &Call) -> Result<Reply, Refusal> {
    let Reschedule { reason, target_day } = c.read()?;
    c.order(Command::Reschedule { project: c.project_id()?, reason, target_day }).await
}

async fn schedule(c: &Call) -> Result<Reply, Refusal> {
    let project = c.project().await?;
    let page = c.query.page();
    let (from, to) = super::logs::range(&c.query)?;
    let filter = ScheduleFilter { project: Some(project.project_id), from, to, ..ScheduleFilter::default() };
    let listed = c.reader().schedules(&filter, page).await.or_refuse()?;
    data(Items::of(listed, page, ScheduleItem::from))
}
