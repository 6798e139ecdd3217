//! Logs.

use omniva_actors::office::Refusal;
use omniva_contracts::engine::{LogLevel, Moment};
use omniva_store::LogFilter;

use super::{BAD_PAGE, NO_PROJECT};
use crate::call::{Call, OrRefuse, Reply, data};
use crate::params::{Kind, LIMIT, Param, Query};
use crate::route::{Route, shape};
use crate::views::{All, LogItem};

const LIST: &[Param] = &[
    Param::new("source", Kind::Text { max: 100 }, "Only from this source: `scraper_worker`, `zenith` …"),
    Param::new("level", Kind::OneOf(&["DEBUG", "INFO", "WARN", "ERROR"]), "Only this level."),
    Param::new("from", Kind::Time, "At this time and later."),
    Param::new("to", Kind::Time, "Before this time."),
    Param::new(
        "worker_type",
        Kind::OneOf(&[
            "discoverer",
            "scraper",
            "analyzer",
            "editor",
            "uploader",
            "scheduler",
            "measurer",
            "maintainer",
        ]),
        "Only from this kind of worker; the same as `source=<type>_worker`.",
    ),
    Param::new("stage", Kind::Text { max: 60 }, "Only this stage."),
    Param::new("job_id", Kind::Id, "Only about this job."),
    Param::new("trace_id", Kind::Id, "Only of this workflow."),
    LIMIT,
];

pub const ROUTES: &[Route] = &[Route::get("/v1/projects/{project_id}/logs", "Read logs, newest first", |c| Box::pin(list(c)))
    .in_group("Logs")
    .query(LIST)
    .gives(
        200,
        shape::<All<LogItem>>(
            r#"{"items":[{"log_id":"0e9d8c7b-6a5f-4e4d-9c2b-3a4b5c6d7e8f","timestamp":"2024-05-07T12:06:00.000000Z","source":"scraper_worker","level":"INFO","message":"Downloaded 4 videos","stage":"SAVE","job_id":null,"trace_id":null,"metadata":{"creator_id":"1b4e28ba-2fa1-41d2-883f-0016d3cca427"}}]}"#,
        ),
    )
    .errors(&[NO_PROJECT, BAD_PAGE, (400, "INVALID_DATE_RANGE")])];

/// `from` and `to` of a query. Errors: `INVALID_DATE_RANGE`.
pub(crate) fn range(query: &Query) -> Result<(Option<Moment>, Option<Moment>), Refusal> {
    let (from, to) = (query.time("from"), query.time("to"));
    if let (Some(a), Some(b)) = (from, to)
        && a >= b
    {
        let wrong = "must be later than from";
        return Err(Refusal::new(400, "INVALID_DATE_RANGE", format!("to {wrong}")).field("to", wrong));
    }
    Ok((from, to))
}

async fn list(c: &Call) -> Result<Reply, Refusal> {
    let project = c.project().await?;
    let (from, to) = range(&c.query)?;
    let by_type = c.query.text("worker_type").map(|t| format!("{t}_worker"));
    let named = c.query.owned("source");
    if let (Some(a), Some(b)) = (&by_type, &named)
        && a != b
    {
        // Nothing comes from two sources at once.
        return data(All::<LogItem> { items: Vec::new() });
    }
    let filter = LogFilter {
        project: Some(project.project_id),
        job: c.query.id("job_id"),
        trace: c.query.id("trace_id"),
        source: named.or(by_type),
        stage: c.query.owned("stage"),
        level: c.query.word("level", LogLevel::parse),
        from,
        to,
    };
    let rows = c.reader().logs(&filter, c.query.page().limit).await.or_refuse()?;
    data(All { items: rows.into_iter().map(LogItem::from).collect() })
}
