//! The engine itself: health, actors, audit, events, documents.

use std::collections::BTreeMap;

use omniva_actors::office::{ActorView, Refusal};
use omniva_contracts::SCHEMA_VERSION;
use omniva_contracts::engine::{JobKind, QueueControl, QueueMode};
use omniva_store::QueueDepth;

use super::BAD_PAGE;
use super::ledger::EVENTS;
use crate::call::{Call, OrRefuse, Reply, data};
use crate::docs;
use crate::openapi;
use crate::params::PAGE;
use crate::route::{Route, shape};
use crate::views::{
    ActorItem, Alive, All, AuditItem, CognitiveHealth, DatabaseHealth, Items, Part, Ready, SystemStatus, Version,
    WorkerHealth,
};

const G: &str = "System";
/// A queue whose oldest ready job waits longer than this, while none of its kind runs, is degraded.
const STUCK_SECONDS: u64 = 300;
const MODULES: [&str; 9] =
    ["paradox", "eclipse", "stardust", "lattice", "horizon", "pantheon", "chorus", "halolux", "zenith"];

pub const ROUTES: &[Route] = &[
    Route::get("/v1/system/status", "Health of workers, queues, database and modules", |c| Box::pin(status(c)))
        .in_group(G)
        .gives(
            200,
            shape::<SystemStatus>(
                r#"{"workers":{"scraper":{"status":"HEALTHY","queue_depth":2,"running":1,"why":null}},"queues":{"store":"connected","bus":"in_process","redis":"not_used"},"database":{"status":"HEALTHY","replication_lag_ms":0,"description":"SQLite 3.51.3"},"cognitive_layer":{"status":"HEALTHY","last_heartbeat":"2024-05-07T12:10:00.000000Z","modules":{"zenith":"running"}}}"#,
            ),
        )
        .errors(&[(500, "STATUS_UNAVAILABLE")]),
    Route::get("/v1/system/actors", "The tree of actors", |c| Box::pin(actors(c))).in_group(G).gives(
        200,
        shape::<All<ActorItem>>(
            r#"{"items":[{"name":"lattice","parent":"cognition","state":"running","generation":1,"restarts":0,"mailbox":0,"last_progress":"2024-05-07T12:10:00.000000Z","last_failure":null}]}"#,
        ),
    ),
    Route::get("/v1/audit", "Who asked for what, newest first", |c| Box::pin(audit(c)))
        .in_group(G)
        .admin()
        .query(&PAGE)
        .gives(200, shape::<Items<AuditItem>>(r#"{"items":[],"pagination":{"limit":50,"offset":0,"total":0}}"#))
        .errors(&[BAD_PAGE]),
    Route::get("/v1/events", "Packets of the ledger as they are written, over a WebSocket", |c| Box::pin(no_socket(c)))
        .in_group(G)
        .query(EVENTS)
        .socket()
        .errors(&[(426, "UPGRADE_REQUIRED"), (503, "TOO_MANY_SOCKETS")]),
    Route::get("/v1/openapi.json", "This interface as OpenAPI 3.1", |c| Box::pin(document(c)))
        .in_group(G)
        .open()
        .raw("application/json"),
    Route::get("/v1/docs", "This interface for people", |c| Box::pin(page(c))).in_group(G).open().raw("text/html; charset=utf-8"),
    Route::get("/healthz", "The process is alive", |c| Box::pin(alive(c)))
        .in_group(G)
        .open()
        .gives(200, shape::<Alive>(r#"{"state":"alive"}"#)),
    Route::get("/readyz", "The engine takes work", |c| Box::pin(ready(c)))
        .in_group(G)
        .open()
        .gives(200, shape::<Ready>(r#"{"parts":[{"name":"store","ok":true,"why":null}]}"#))
        .errors(&[(503, "NOT_READY")]),
    Route::get("/version", "Version of this server", |c| Box::pin(version(c)))
        .in_group(G)
        .open()
        .gives(200, shape::<Version>(r#"{"name":"omniva","version":"0.1.0","schema_version":"1.0.0"}"#)),
    Route::get("/metrics", "Figures for Prometheus", |c| Box::pin(metrics(c)))
        .in_group(G)
        .silent()
        .raw("text/plain; version=0.0.4; charset=utf-8"),
];

/// Worker of a queue, as the reference calls it.
fn worker_of(kind: JobKind) -> Option<&'static str> {
    match kind {
        JobKind::Discover => Some("discoverer"),
        JobKind::Scrape => Some("scraper"),
        JobKind::Analyze => Some("analyzer"),
        JobKind::Edit => Some("editor"),
        JobKind::Upload => Some("uploader"),
        JobKind::Schedule => Some("scheduler"),
        JobKind::Measure => Some("measurer"),
        JobKind::Maintain => Some("maintainer"),
        JobKind::Noop => None,
    }
}

async fn status(c: &Call) -> Result<Reply, Refusal> {
    let unavailable = |r: Refusal| Refusal { status: 500, code: "STATUS_UNAVAILABLE", ..r };
    let actors = c.shared.office.actors().await.map_err(unavailable)?;
    let depths = c.reader().queue_depths(c.now).await.or_refuse().map_err(unavailable)?;
    let controls = c.reader().queues().await.or_refuse().map_err(unavailable)?;
    let description = c.reader().describe().await.or_refuse().map_err(unavailable)?;
    let health = c.reader().health().await;
    let mut workers = BTreeMap::new();
    for kind in JobKind::ALL {
        let Some(name) = worker_of(kind) else { continue };
        let depth = depths.iter().find(|d| d.kind == kind);
        let control = controls.iter().find(|q| q.queue == kind);
        let actor = actors.iter().find(|a| a.name == name);
        workers.insert(name.to_owned(), worker(c, depth, control, actor));
    }
    let (db, why) = match &health {
        Ok(()) => ("HEALTHY", "connected".to_owned()),
        Err(fault) => ("DOWN", format!("{:?}", fault.trouble)),
    };
    let queues = BTreeMap::from([
        ("store".to_owned(), why),
        ("bus".to_owned(), "in_process".to_owned()),
        ("redis".to_owned(), "not_used".to_owned()),
    ]);
    data(SystemStatus {
        workers,
        queues,
        database: DatabaseHealth { status: db.to_owned(), replication_lag_ms: 0, description },
        cognitive_layer: cognitive(&actors),
    })
}

fn worker(
    c: &Call,
    depth: Option<&QueueDepth>,
    control: Option<&QueueControl>,
    actor: Option<&ActorView>,
) -> WorkerHealth {
    let mode = control.map_or(QueueMode::Running, |q| q.mode);
    let waits = depth.and_then(|d| d.oldest_ready).map_or(0, |at| c.now.since(at).as_secs());
    let stuck = waits > STUCK_SECONDS && depth.is_some_and(|d| d.running == 0);
    let (status, why) = match (actor, mode) {
        (Some(a), _) if matches!(a.state.as_str(), "stopped" | "escalated") => ("DOWN", a.last_failure.clone()),
        (Some(a), _) if a.state != "running" => ("DEGRADED", Some(format!("it is {}", a.state))),
        (_, QueueMode::Quarantined) => ("QUARANTINED", control.map(|q| q.reason.clone())),
        (_, QueueMode::Paused | QueueMode::Draining) => ("PAUSED", control.map(|q| q.reason.clone())),
        _ if stuck => ("DEGRADED", Some(format!("a job has been ready for {waits} s, and none runs"))),
        _ => ("HEALTHY", None),
    };
    WorkerHealth {
        status: status.to_owned(),
        queue_depth: depth.map_or(0, |d| d.ready + d.waiting),
        running: depth.map_or(0, |d| d.running),
        why,
    }
}

fn cognitive(actors: &[ActorView]) -> CognitiveHealth {
    let own: Vec<&ActorView> = actors.iter().filter(|a| MODULES.contains(&a.name.as_str())).collect();
    let running = own.iter().filter(|a| a.state == "running").count();
    let status = match running {
        0 => "DOWN",
        n if n < own.len() => "DEGRADED",
        _ => "HEALTHY",
    };
    CognitiveHealth {
        status: status.to_owned(),
        last_heartbeat: own.iter().filter_map(|a| a.last_progress).max(),
        modules: own.iter().map(|a| (a.name.clone(), a.state.clone())).collect(),
    }
}

async fn actors(c: &Call) -> Result<Reply, Refusal> {
    let all = c.shared.office.actors().await?;
    let items = all
        .into_iter()
        .map(|a| ActorItem {
            name: a.name,
            parent: a.parent,
            state: a.state,
            generation: a.generation,
            restarts: a.restarts,
            mailbox: a.mailbox,
            last_progress: a.last_progress,
            last_failure: a.last_failure,
        })
        .collect();
    data(All { items })
}

async fn audit(c: &Call) -> Result<Reply, Refusal> {
    let page = c.query.page();
    let listed = c.reader().audit(page).await.or_refuse()?;
    data(Items::of(listed, page, AuditItem::from))
}

/// Sockets are opened before handlers run; whoever comes here asked for one without an upgrade.
async fn no_socket(_: &Call) -> Result<Reply, Refusal> {
    Err(Refusal::new(426, "UPGRADE_REQUIRED", "this is a WebSocket: connect with an upgrade to websocket"))
}

async fn document(_: &Call) -> Result<Reply, Refusal> {
    let body = openapi::text().to_owned();
    Ok(Reply::Raw { status: 200, content_type: "application/json", body, csp: None })
}

async fn page(_: &Call) -> Result<Reply, Refusal> {
    let (body, csp) = docs::page();
    Ok(Reply::Raw {
        status: 200,
        content_type: "text/html; charset=utf-8",
        body: body.to_owned(),
        csp: Some(csp.to_owned()),
    })
}

async fn alive(_: &Call) -> Result<Reply, Refusal> {
    data(Alive { state: "alive".into() })
}

async fn ready(c: &Call) -> Result<Reply, Refusal> {
    let parts = c.shared.office.readiness().await;
    let wrong: Vec<(String, String)> =
        parts.iter().filter_map(|(name, why)| why.as_ref().map(|w| (name.clone(), w.clone()))).collect();
    if !wrong.is_empty() {
        let names: Vec<&str> = wrong.iter().map(|(n, _)| n.as_str()).collect();
        let message = format!("not ready: {}", names.join(", "));
        return Err(Refusal { fields: wrong, ..Refusal::new(503, "NOT_READY", message).retry_after(2) });
    }
    data(Ready { parts: parts.into_iter().map(|(name, why)| Part { name, ok: why.is_none(), why }).collect() })
}

async fn version(_: &Call) -> Result<Reply, Refusal> {
    data(Version {
        name: "omniva".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        schema_version: SCHEMA_VERSION.into(),
    })
}

async fn metrics(c: &Call) -> Result<Reply, Refusal> {
    let body = (c.shared.metrics)();
    Ok(Reply::Raw { status: 200, content_type: "text/plain; version=0.0.4; charset=utf-8", body, csp: None })
}
