//! What posts achieved, and what was learnt from it.

use omniva_actors::measured;
use omniva_actors::office::{Command, Refusal};
use omniva_contracts::engine::*;
use omniva_store::{Listed, Page, ScheduleFilter};

use super::{BAD_PAGE, NO_PROJECT};
use crate::call::{Call, OrRefuse, Reply, data};
use crate::params::{Kind, LIMIT, OFFSET, Param};
use crate::requests::ImportEngagement;
use crate::route::{Route, shape};
use crate::views::{EngagementAsked, EngagementImported, Items, PublicationItem};

const G: &str = "Engagement and learning";
const POSTS: &[Param] = &[
    Param::new("project_id", Kind::Id, "Only posts of this project."),
    Param::new(
        "channel",
        Kind::Text { max: 200 },
        "Only posts on this channel, e.g. `youtube/main`; `folder` needs `project_id`.",
    ),
    LIMIT,
    OFFSET,
];

pub const ROUTES: &[Route] = &[
    Route::get("/v1/engagement", "List what went out with its newest figures, newest first", |c| Box::pin(posts(c)))
        .in_group(G)
        .query(POSTS)
        .gives(
            200,
            shape::<Items<PublicationItem>>(
                r#"{"items":[{"schedule_id":"9d8c7b6a-5e4f-4d3c-8b1a-2f3a4b5c6d7e","clip_id":"6a5b4c3d-2e1f-4a0b-9c8d-7e6f5a4b3c2d","project_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","channel":"youtube/main","post_id":"dQw4w9WgXcQ","title":"5-Second Productivity Reset","published_at":"2024-05-10T16:00:00.000000Z","figures":{"measured_at":"2024-05-13T16:00:00.000000Z","source":"youtube_data","views":1200,"engaged_views":null,"likes":40,"comments":3,"shares":null,"watch_seconds":null,"average_view_percentage":null}}],"pagination":{"limit":50,"offset":0,"total":1}}"#,
            ),
        )
        .errors(&[BAD_PAGE]),
    Route::post("/v1/engagement/import", "Take in figures of posts on one channel from a file", |c| {
        Box::pin(import(c))
    })
    .in_group(G)
    .takes(shape::<ImportEngagement>(
        r#"{"channel":"youtube/main","csv":"post_id,measured_at,views\ndQw4w9WgXcQ,2024-05-13T16:00:00Z,1200\n"}"#,
    ))
    .gives(
        202,
        shape::<EngagementImported>(
            r#"{"channel":"youtube/main","samples":1,"changed":1,"strangers":0,"job_id":"5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c"}"#,
        ),
    )
    .errors(&[NO_PROJECT]),
    Route::post("/v1/engagement/pull", "Read the figures of all accounts now, and learn from them", |c| {
        Box::pin(pull(c))
    })
    .in_group(G)
    .gives(202, shape::<EngagementAsked>(r#"{"job_id":"5f4e3d2c-1b0a-4f9e-8d7c-6b5a4f3e2d1c","created":true}"#))
    .errors(&[(409, "LEARNING_OFF")]),
    Route::get("/v1/learning", "What was learnt from what posts achieved", |c| Box::pin(learning(c)))
        .in_group(G)
        .gives(
            200,
            shape::<LearningOverview>(
                r#"{"on":true,"channels":[{"channel":"youtube/main","project_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","time_zone":"Europe/Berlin","on":false,"why_off":["12 posts have figures, 30 are needed: 18 more"],"version":0,"posts":12,"samples":96,"updated_at":"2024-05-13T16:00:00.000000Z","best_hours":[],"forecast":null,"alarm":null,"model_id":"1f2e3d4c-5b6a-4798-8a9b-0c1d2e3f4a5b","packet_id":"2e3d4c5b-6a79-4889-9a0b-1c2d3e4f5a6b"}],"personas":{"on":false,"why_off":["no post has figures yet"],"version":0,"posts":0,"updated_at":null,"weights":[{"persona":"strategist","configured":1.0,"in_use":1.0,"skill":null}],"model_id":"3d4c5b6a-7988-4a9b-8b0c-2d3e4f5a6b7c","packet_id":null}}"#,
            ),
        ),
];

async fn import(c: &Call) -> Result<Reply, Refusal> {
    let ImportEngagement { channel, project_id, csv } = c.read()?;
    c.order(Command::ImportEngagement { channel, project: project_id, csv }).await
}

async fn pull(c: &Call) -> Result<Reply, Refusal> {
    c.order(Command::PullEngagement).await
}

async fn learning(c: &Call) -> Result<Reply, Refusal> {
    data(c.shared.office.learning().await?)
}

/// Rows come by time: the newest stand on the last pages.
async fn posts(c: &Call) -> Result<Reply, Refusal> {
    let page = c.query.page();
    let project: Option<ProjectId> = c.query.id("project_id");
    let channel = c.query.text("channel");
    let target = channel.map(|channel| match project {
        Some(project) => row_target(project, channel),
        None => channel.to_owned(),
    });
    let statuses = vec![ScheduleStatus::Done];
    let filter = ScheduleFilter { project, target, statuses, ..ScheduleFilter::default() };
    let total = c.reader().schedules(&filter, Page { limit: 1, offset: 0 }).await.or_refuse()?.total;
    let end = total.saturating_sub(page.offset);
    let limit = page.limit.min(end);
    let mut slots = match limit {
        0 => Vec::new(),
        _ => c.reader().schedules(&filter, Page { limit, offset: end - limit }).await.or_refuse()?.items,
    };
    slots.reverse();
    let ids: Vec<ScheduleId> = slots.iter().map(|slot| slot.schedule_id).collect();
    let latest = c.reader().latest_samples(&ids).await.or_refuse()?;
    let mut items = Vec::with_capacity(slots.len());
    for slot in slots {
        let figures = latest.iter().find(|row| row.sample.schedule_id == slot.schedule_id);
        let title = match slot.upload_job_id {
            Some(id) => c.reader().upload_job(id).await.or_refuse()?.map(|upload| upload.title),
            None => None,
        };
        items.push(PublicationItem {
            post_id: measured::post(c.reader(), &slot).await.or_refuse()?.map(|post| post.post_id),
            schedule_id: slot.schedule_id,
            clip_id: slot.clip_id,
            project_id: slot.project_id,
            channel: shown_target(&slot.target).to_owned(),
            title,
            published_at: slot.final_scheduled_time,
            figures: figures.map(|row| row.sample.clone().into()),
        });
    }
    data(Items::of(Listed { items, total }, page, |item| item))
}
