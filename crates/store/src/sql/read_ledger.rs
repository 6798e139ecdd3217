//! Questions to the ledger and to the queues, which are more than rows of one table.

use std::collections::BTreeMap;

use omniva_contracts::engine::*;
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::field::{Cells, Field, Scalar, misread};
use super::packets;
use super::query::{Where, all, clamp, count, every, one, select};
use super::tables::Stored;
use crate::{IN_PIPELINE, Made, PENDING_UPLOADS, PacketFilter, ProjectCounts, QueueDepth};

pub(super) async fn packet(db: &impl ConnectionTrait, of: Where, order: &str) -> Result<Option<Packet>, DbErr> {
    let sql = format!("SELECT {} FROM \"stardust_metadata\" t{}{order}", packets::COLUMNS, of.text());
    one(db, sql, of.values).await?.as_ref().map(packets::read).transpose()
}

pub(super) fn packets_where(filter: &PacketFilter) -> Where {
    let of = Where::new()
        .with("t.\"seq\" >= {}", clamp(filter.from_seq))
        .entity("entity", filter.entity.as_ref())
        .maybe("trace_id", filter.trace.as_ref())
        .maybe("project_id", filter.project.as_ref());
    match &filter.kind {
        None => of,
        // LIKE ignores case in SQLite.
        Some(above) if above.ends_with('.') => {
            let length = above.chars().count();
            of.with(&format!("substr(t.\"kind\", 1, {length}) = {{}}"), String::value(Some(above)))
        }
        Some(kind) => of.is("kind", kind),
    }
}

pub(super) async fn packets(
    db: &impl ConnectionTrait,
    filter: &PacketFilter,
    limit: u64,
) -> Result<Vec<Packet>, DbErr> {
    let mut of = packets_where(filter);
    of.values.push(clamp(limit));
    let (columns, place) = (packets::COLUMNS, of.values.len());
    let sql = format!("SELECT {columns} FROM \"stardust_metadata\" t{} ORDER BY t.\"seq\" LIMIT ${place}", of.text());
    all(db, sql, of.values).await?.iter().map(packets::read).collect()
}

pub(super) async fn children(db: &impl ConnectionTrait, id: PacketId, limit: u64) -> Result<Vec<PacketId>, DbErr> {
    let sql = r#"SELECT "child_id" FROM "packet_links" WHERE "parent_id" = $1 ORDER BY "child_seq" LIMIT $2"#;
    let rows = all(db, sql, vec![PacketId::value(Some(&id)), clamp(limit)]).await?;
    rows.iter().map(|row| Field::take(&mut Cells::new(row))).collect()
}

pub(super) async fn leaves(db: &impl ConnectionTrait, from: u64, count: u64) -> Result<Vec<[u8; 32]>, DbErr> {
    let sql = r#"SELECT "leaf_hash" FROM "stardust_metadata" WHERE "seq" >= $1 ORDER BY "seq" LIMIT $2"#;
    let rows = all(db, sql, vec![clamp(from), clamp(count)]).await?;
    rows.iter().map(|row| packets::hash(row.try_get_by_index(0)?)).collect()
}

/// Ids that one question names: databases allow some tens of thousands, plans are kept by their text.
const AT_ONCE: usize = 500;

pub(super) async fn samples_by_id(db: &impl ConnectionTrait, ids: &[SampleId]) -> Result<Vec<SampleRow>, DbErr> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids.dedup();
    let mut found: Vec<SampleRow> = Vec::with_capacity(ids.len());
    for piece in ids.chunks(AT_ONCE) {
        found.extend(every::<SampleRow>(db, Where::new().any("sample_id", piece), "").await?);
    }
    // Sorted here: databases keep ids in orders of their own.
    found.sort_by_key(|row| row.sample_id);
    Ok(found)
}

/// The newest of each publication: no other of the same is newer.
pub(crate) fn latest_where(of: &[ScheduleId]) -> Where {
    let newer = r#"NOT EXISTS (SELECT 1 FROM "engagement_samples" n WHERE n."schedule_id" = t."schedule_id"
        AND (n."measured_at", n."sample_id") > (t."measured_at", t."sample_id"))"#;
    Where::new().any("schedule_id", of).plain(newer)
}

pub(super) async fn latest_samples(db: &impl ConnectionTrait, of: &[ScheduleId]) -> Result<Vec<SampleRow>, DbErr> {
    let mut found = Vec::new();
    for piece in of.chunks(AT_ONCE) {
        let of = latest_where(piece);
        let rows = all(db, select::<SampleRow>(&of, ""), of.values).await?;
        for row in &rows {
            found.push(SampleRow::read(row)?);
        }
    }
    found.sort_by_key(|row: &SampleRow| row.sample.schedule_id);
    found.dedup_by_key(|row| row.sample.schedule_id);
    Ok(found)
}

const DAY_US: i64 = 86_400_000_000;

pub(super) async fn counts(db: &impl ConnectionTrait, id: ProjectId, now: Moment) -> Result<ProjectCounts, DbErr> {
    let of = || Where::new().is("project_id", &id);
    let today = Moment(now.0 - now.0.rem_euclid(DAY_US));
    let published = of().is("status", &ClipStatus::Published).compared("updated_at", ">=", Some(&today));
    Ok(ProjectCounts {
        creators: count(db, "creators", &of().plain("t.\"status\" <> 'REMOVED'")).await?,
        videos_scraped: count(db, "videos", &of()).await?,
        clips_ready: count(db, "clips", &of().is("status", &ClipStatus::Ready)).await?,
        clips_in_pipeline: count(db, "clips", &of().any("status", IN_PIPELINE)).await?,
        uploads_pending: count(db, "upload_jobs", &of().any("status", PENDING_UPLOADS)).await?,
        published_today: count(db, "clips", &published).await?,
    })
}

pub(super) async fn made(
    db: &impl ConnectionTrait,
    projects: &[ProjectId],
) -> Result<BTreeMap<ProjectId, Made>, DbErr> {
    let mut made: BTreeMap<ProjectId, Made> = BTreeMap::new();
    if projects.is_empty() {
        return Ok(made);
    }
    let of = || Where::new().any("project_id", projects);
    for (id, videos) in by_project(db, "videos", of()).await? {
        made.entry(id).or_default().videos_scraped = videos;
    }
    for (id, clips) in by_project(db, "clips", of().is("status", &ClipStatus::Ready)).await? {
        made.entry(id).or_default().clips_ready = clips;
    }
    Ok(made)
}

async fn by_project(db: &impl ConnectionTrait, table: &str, of: Where) -> Result<Vec<(ProjectId, u64)>, DbErr> {
    let sql = format!("SELECT t.project_id, COUNT(*) FROM \"{table}\" t{} GROUP BY t.project_id", of.text());
    let rows = all(db, sql, of.values).await?;
    let read = |row: &QueryResult| {
        let (id, count): (Uuid, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        Ok((ProjectId(id), u64::try_from(count).map_err(misread)?))
    };
    rows.iter().map(read).collect()
}

/// Each part has an index of its own; states are written out because partial indexes are found by their text.
pub(crate) const NEXT_DUE: [&str; 4] = [
    "SELECT MIN(run_after) FROM jobs WHERE state = 'PENDING' AND run_after > $1",
    "SELECT MIN(run_after) FROM jobs WHERE state = 'WAITING_RETRY'",
    "SELECT MIN(lease_until) FROM jobs WHERE state = 'RUNNING'",
    "SELECT MIN(expires_at) FROM jobs WHERE expires_at IS NOT NULL AND state IN ('PENDING', 'WAITING_RETRY')",
];

pub(super) async fn next_due(db: &impl ConnectionTrait, now: Moment) -> Result<Option<Moment>, DbErr> {
    let mut soonest: Option<Moment> = None;
    for sql in NEXT_DUE {
        let values = if sql.contains("$1") { vec![Value::BigInt(Some(now.0))] } else { Vec::new() };
        let row = one(db, sql, values).await?;
        let at = row.map(|row| row.try_get_by_index::<Option<i64>>(0)).transpose()?.flatten().map(Moment);
        soonest = match (soonest, at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    Ok(soonest)
}

pub(crate) const DEPTHS: [&str; 4] = [
    "SELECT kind, COUNT(*), MIN(run_after) FROM jobs WHERE state = 'PENDING' AND run_after <= $1 GROUP BY kind",
    "SELECT kind, COUNT(*) FROM jobs WHERE state = 'PENDING' AND run_after > $1 GROUP BY kind",
    "SELECT kind, COUNT(*) FROM jobs WHERE state = 'WAITING_RETRY' GROUP BY kind",
    "SELECT kind, COUNT(*) FROM jobs WHERE state = 'RUNNING' GROUP BY kind",
];
pub(crate) const QUARANTINED: &str = "SELECT kind, COUNT(*) FROM jobs WHERE state = 'QUARANTINED' GROUP BY kind";

/// One for each kind, in the order of the kinds.
pub(super) async fn depths(db: &impl ConnectionTrait, now: Moment) -> Result<Vec<QueueDepth>, DbErr> {
    let empty = |kind| QueueDepth { kind, ready: 0, waiting: 0, running: 0, quarantined: 0, oldest_ready: None };
    let mut depths: Vec<QueueDepth> = JobKind::ALL.into_iter().map(empty).collect();
    for (part, sql) in DEPTHS.into_iter().chain([QUARANTINED]).enumerate() {
        let values = if sql.contains("$1") { vec![Value::BigInt(Some(now.0))] } else { Vec::new() };
        for row in all(db, sql, values).await? {
            let (kind, number) = kind_and_number(&row)?;
            let Some(depth) = depths.iter_mut().find(|depth| depth.kind == kind) else { continue };
            match part {
                0 => {
                    depth.ready = number;
                    depth.oldest_ready = row.try_get_by_index::<Option<i64>>(2)?.map(Moment);
                }
                1 | 2 => depth.waiting += number,
                3 => depth.running = number,
                _ => depth.quarantined = number,
            }
        }
    }
    Ok(depths)
}

fn kind_and_number(row: &QueryResult) -> Result<(JobKind, u64), DbErr> {
    let mut cells = Cells::new(row);
    Ok((Field::take(&mut cells)?, Field::take(&mut cells)?))
}
