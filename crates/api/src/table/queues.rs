//! Queues.

use std::collections::BTreeMap;

use omniva_actors::office::{Command, QueueCommand, Refusal};
use omniva_contracts::engine::{JobKind, QueueMode};

use crate::call::{Call, OrRefuse, Reply, data, missing};
use crate::requests::{Reason, ScaleQueue};
use crate::route::{Route, shape};
use crate::views::{All, QueueChanged, QueueView};

const G: &str = "Queues";
const NO_QUEUE: (u16, &str) = (404, "QUEUE_NOT_FOUND");
const CHANGED: &str = r#"{"queue":"edit","mode":"paused","limit":2,"intake":1.0,"reason":"maintenance","requested_at":"2024-05-07T12:05:00.000000Z"}"#;
const WHY: &str = r#"{"reason":"maintenance"}"#;

pub const ROUTES: &[Route] = &[
    Route::get("/v1/queues", "List queues with their depth", |c| Box::pin(list(c))).in_group(G).gives(
        200,
        shape::<All<QueueView>>(
            r#"{"items":[{"queue":"edit","mode":"running","limit":2,"intake":1.0,"reason":"","ready":7,"waiting":1,"running":2,"quarantined":0,"oldest_ready":"2024-05-07T12:05:00.000000Z"}]}"#,
        ),
    ),
    Route::post("/v1/queues/{queue}/pause", "Start no more jobs of a queue", |c| Box::pin(pause(c)))
        .in_group(G)
        .may_take(shape::<Reason>(WHY))
        .gives(202, shape::<QueueChanged>(CHANGED))
        .errors(&[NO_QUEUE, (409, "ALREADY_PAUSED")]),
    Route::post("/v1/queues/{queue}/resume", "Let a queue run again, also out of quarantine", |c| Box::pin(resume(c)))
        .in_group(G)
        .may_take(shape::<Reason>(WHY))
        .gives(202, shape::<QueueChanged>(CHANGED))
        .errors(&[NO_QUEUE, (409, "ALREADY_RUNNING")]),
    Route::post("/v1/queues/{queue}/drain", "Finish what runs, then pause", |c| Box::pin(drain(c)))
        .in_group(G)
        .may_take(shape::<Reason>(WHY))
        .gives(202, shape::<QueueChanged>(CHANGED))
        .errors(&[NO_QUEUE, (409, "ALREADY_DRAINING"), (409, "ALREADY_PAUSED")]),
    Route::post("/v1/queues/{queue}/scale", "Change how many jobs run at the same time", |c| Box::pin(scale(c)))
        .in_group(G)
        .takes(shape::<ScaleQueue>(r#"{"limit":4,"reason":"more cores"}"#))
        .gives(202, shape::<QueueChanged>(CHANGED))
        .errors(&[NO_QUEUE]),
];

async fn list(c: &Call) -> Result<Reply, Refusal> {
    let controls = c.reader().queues().await.or_refuse()?;
    let depths = c.reader().queue_depths(c.now).await.or_refuse()?;
    let controls: BTreeMap<JobKind, _> = controls.into_iter().map(|q| (q.queue, q)).collect();
    let depths: BTreeMap<JobKind, _> = depths.into_iter().map(|d| (d.kind, d)).collect();
    let view = |queue: JobKind| {
        let (control, depth) = (controls.get(&queue), depths.get(&queue));
        QueueView {
            queue,
            mode: control.map_or(QueueMode::Running, |q| q.mode),
            limit: control.map(|q| q.limit),
            intake: control.map_or(1.0, |q| q.intake),
            reason: control.map(|q| q.reason.clone()).unwrap_or_default(),
            ready: depth.map_or(0, |d| d.ready),
            waiting: depth.map_or(0, |d| d.waiting),
            running: depth.map_or(0, |d| d.running),
            quarantined: depth.map_or(0, |d| d.quarantined),
            oldest_ready: depth.and_then(|d| d.oldest_ready),
        }
    };
    data(All { items: JobKind::ALL.into_iter().map(view).collect() })
}

fn queue(c: &Call) -> Result<JobKind, Refusal> {
    let name = c.param("queue");
    JobKind::parse(name).ok_or_else(|| missing("QUEUE_NOT_FOUND", name))
}

async fn change(c: &Call, command: QueueCommand) -> Result<Reply, Refusal> {
    let queue = queue(c)?;
    let Reason { reason } = c.read()?;
    c.order(Command::ControlQueue { queue, command, reason }).await
}

async fn pause(c: &Call) -> Result<Reply, Refusal> {
    change(c, QueueCommand::Pause).await
}

async fn resume(c: &Call) -> Result<Reply, Refusal> {
    change(c, QueueCommand::Resume).await
}

async fn drain(c: &Call) -> Result<Reply, Refusal> {
    change(c, QueueCommand::Drain).await
}

async fn scale(c: &Call) -> Result<Reply, Refusal> {
    let queue = queue(c)?;
    let ScaleQueue { limit, reason } = c.read()?;
    c.order(Command::ControlQueue { queue, command: QueueCommand::Scale(limit), reason }).await
}
