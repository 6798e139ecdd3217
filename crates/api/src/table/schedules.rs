//! The calendar by hand, as a feed, and what the platforms' limits leave.

use std::time::Duration;

use omniva_actors::office::{Command, Refusal};
use omniva_cognition::calendar::{Entry, Event, Publication, Standing, icalendar};
use omniva_contracts::engine::*;
use omniva_store::{Page, ScheduleFilter};
use serde_json::Value;

use super::NO_PROJECT;
use crate::call::{Call, OrRefuse, Reply, data, missing};
use crate::requests::{LockSchedule, MoveSchedule, Recalculate};
use crate::route::{Route, shape};
use crate::views::{All, LimitItem, Recalculated, SlotChanged};

const G: &str = "Uploads and schedule";
const NO_SCHEDULE: (u16, &str) = (404, "SCHEDULE_NOT_FOUND");
const CALENDAR: &str = "text/calendar; charset=utf-8";
/// Entries of a feed, from a month back on.
const ENTRIES: Page = Page { limit: 1_000, offset: 0 };
const BACK: Duration = Duration::from_secs(31 * 86_400);
const SLOT: &str = r#"{"schedule_id":"9d8c7b6a-5e4f-4d3c-8b1a-2f3a4b5c6d7e","from":"2024-05-10T16:00:00.000000Z","final_time":"2024-05-10T18:00:00.000000Z","status":"CONFIRMED","locked":false}"#;

pub const ROUTES: &[Route] = &[
    Route::post("/v1/schedules/recalculate", "Plan a project's open slots anew, or say what that would change", |c| {
        Box::pin(recalculate(c))
    })
    .in_group(G)
    .takes(shape::<Recalculate>(r#"{"project_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","dry_run":true}"#))
    .gives(
        200,
        shape::<Recalculated>(
            r#"{"dry_run":true,"changes":[{"schedule_id":"9d8c7b6a-5e4f-4d3c-8b1a-2f3a4b5c6d7e","target":"youtube/main","kind":"moved","from":"2024-05-10T03:00:00.000000Z","to":"2024-05-10T18:00:00.000000Z","reasons":["quiet_hours: 2024-05-10 03:00 lies in the quiet hours of youtube/main"],"applied":false}],"unplaced":[],"applied":0}"#,
        ),
    )
    .errors(&[NO_PROJECT, (409, "SCHEDULE_INVALID")]),
    Route::post("/v1/schedules/{schedule_id}/move", "Give a clip another time", |c| Box::pin(move_to(c)))
        .in_group(G)
        .takes(shape::<MoveSchedule>(r#"{"at":"2024-05-10T18:00:00Z","reason":"the guest is live then"}"#))
        .gives(200, shape::<SlotChanged>(SLOT))
        .errors(&[NO_SCHEDULE, (409, "SCHEDULE_CONFLICT"), (409, "SCHEDULE_NOT_OPEN"), (409, "SCHEDULE_INVALID")]),
    Route::post("/v1/schedules/{schedule_id}/lock", "Keep a time as it is, whatever is planned", |c| Box::pin(lock(c)))
        .in_group(G)
        .may_take(shape::<LockSchedule>(r#"{"reason":"announced"}"#))
        .gives(200, shape::<SlotChanged>(SLOT))
        .errors(&[NO_SCHEDULE, (409, "SCHEDULE_NOT_CONFIRMED")]),
    Route::post("/v1/schedules/{schedule_id}/unlock", "Let a time be moved again", |c| Box::pin(unlock(c)))
        .in_group(G)
        .may_take(shape::<LockSchedule>(r#"{"reason":"no longer announced"}"#))
        .gives(200, shape::<SlotChanged>(SLOT))
        .errors(&[NO_SCHEDULE, (409, "SCHEDULE_NOT_CONFIRMED")]),
    Route::get("/v1/projects/{project_id}/calendar.ics", "The calendar for calendar programs", |c| Box::pin(feed(c)))
        .in_group(G)
        .raw(CALENDAR)
        .errors(&[NO_PROJECT]),
    Route::get("/v1/limits", "What the platforms' limits leave", |c| Box::pin(limits(c))).in_group(G).gives(
        200,
        shape::<All<LimitItem>>(
            r#"{"items":[{"bucket":"youtube_inserts","account":null,"capacity":100,"used":3,"reserved":5,"left":92,"resets_at":"2024-05-08T07:00:00.000000Z"}]}"#,
        ),
    ),
];

fn schedule_id(c: &Call) -> Result<ScheduleId, Refusal> {
    let text = c.param("schedule_id");
    text.parse().map_err(|_| missing(NO_SCHEDULE.1, &format!("schedule {text}")))
}

async fn recalculate(c: &Call) -> Result<Reply, Refusal> {
    let Recalculate { project_id, reason, dry_run } = c.read()?;
    c.order(Command::Recalculate { project: project_id, reason, dry_run }).await
}

async fn move_to(c: &Call) -> Result<Reply, Refusal> {
    let MoveSchedule { at, reason } = c.read()?;
    c.order(Command::MoveSchedule { schedule: schedule_id(c)?, at, reason }).await
}

async fn lock(c: &Call) -> Result<Reply, Refusal> {
    let LockSchedule { reason } = c.read()?;
    c.order(Command::LockSchedule { schedule: schedule_id(c)?, locked: true, reason }).await
}

async fn unlock(c: &Call) -> Result<Reply, Refusal> {
    let LockSchedule { reason } = c.read()?;
    c.order(Command::LockSchedule { schedule: schedule_id(c)?, locked: false, reason }).await
}

async fn limits(c: &Call) -> Result<Reply, Refusal> {
    let items = c.shared.office.limits().await?.into_iter().map(LimitItem::from).collect();
    data(All { items })
}

async fn feed(c: &Call) -> Result<Reply, Refusal> {
    let project = c.project().await?;
    let filter = ScheduleFilter {
        project: Some(project.project_id),
        statuses: vec![ScheduleStatus::Confirmed, ScheduleStatus::Done],
        from: Some(c.now.before(BACK)),
        ..ScheduleFilter::default()
    };
    let rows = c.reader().schedules(&filter, ENTRIES).await.or_refuse()?.items;
    let mut entries = Vec::new();
    for row in rows {
        let upload = match row.upload_job_id {
            Some(id) => c.reader().upload_job(id).await.or_refuse()?,
            None => None,
        };
        let (title, note) = match &upload {
            Some(upload) => (upload.title.clone(), format!("clip {}", row.clip_id)),
            None => (format!("clip {}", row.clip_id), String::new()),
        };
        let version = row.version;
        entries.extend(entry(row).map(|entry| (entry, title, note, version)));
    }
    let events = entries.iter().map(|(entry, title, note, version)| Event { entry, title, note, version: *version });
    let body = icalendar(&project.name, c.now, events);
    Ok(Reply::Raw { status: 200, content_type: CALENDAR, body, csp: None })
}

fn entry(row: Schedule) -> Option<Entry> {
    let standing = match (row.status, row.locked) {
        (ScheduleStatus::Done, _) => Standing::Out,
        (_, true) => Standing::Locked,
        _ => Standing::Confirmed,
    };
    let labels = row.horizon_adjustments.pointer("/clip/labels").and_then(Value::as_array).into_iter().flatten();
    let channel = shown_target(&row.target).to_owned();
    Some(Entry {
        publication: Publication {
            schedule_id: row.schedule_id,
            clip_id: row.clip_id,
            project_id: row.project_id,
            channels: [channel.clone()].into(),
            value: 0.0,
            priority: 0.0,
            labels: labels.filter_map(Value::as_str).map(str::to_owned).collect(),
            topic: None,
            not_before: None,
            deadline: None,
        },
        channel,
        at: row.final_scheduled_time?,
        standing,
    })
}
