//! A group of commits as few statements: many rows of a table in each, compare-and-set by the row's version. Says only
//! whether all of it went in; who was in the way is found out by the caller, with smaller groups.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, OnceLock, PoisonError};

use omniva_contracts::engine::*;
use omniva_ledger::Frontier;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, SqlErr, Statement, Value};
use uuid::Uuid;

use super::packets;
use super::tables::{Shape, shape_of, values_of};
use crate::Refused;
use crate::relations::{Key, depth, key, references, unique};

/// Rows in one statement; fewer are written by smaller ones. A handful of fixed sizes keeps the statements prepared.
const CHUNKS: [usize; 4] = [128, 32, 8, 1];

/// Why a group did not go in whole.
pub(crate) enum Stop {
    /// Some row was refused: a key taken, a version moved on, a reference to nothing.
    Conflict(Option<SqlErr>),
    Db(DbErr),
}

impl From<DbErr> for Stop {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(conflict) => Stop::Conflict(Some(conflict)),
            None => Stop::Db(error),
        }
    }
}

/// Placeholders of `rows` rows with `width` columns: `(?, ?), (?, ?)`, numbered where the database wants numbers.
fn tuples(backend: DbBackend, rows: usize, width: usize) -> String {
    let mut text = String::with_capacity(rows * (width * 2 + 3));
    let mut n = 0;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..width {
            n += 1;
            text.push_str(if column == 0 { "" } else { "," });
            match backend {
                DbBackend::Postgres => text.push_str(&format!("${n}")),
                _ => text.push('?'),
            }
        }
        text.push(')');
    }
    text
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Insert,
    Update,
}

type Texts = Mutex<HashMap<(&'static str, Kind, usize, bool), String>>;

/// The text of a statement, made once.
fn text(backend: DbBackend, table: &'static str, kind: Kind, rows: usize, make: impl FnOnce() -> String) -> String {
    static TEXTS: OnceLock<Texts> = OnceLock::new();
    let texts = TEXTS.get_or_init(Texts::default);
    let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
    texts.entry((table, kind, rows, backend == DbBackend::Postgres)).or_insert_with(make).clone()
}

fn insert_text(backend: DbBackend, table: &'static str, columns: &str, width: usize, rows: usize) -> String {
    text(backend, table, Kind::Insert, rows, || {
        let tuples = tuples(backend, rows, width);
        format!("INSERT INTO \"{table}\" ({columns}) VALUES {tuples} ON CONFLICT DO NOTHING")
    })
}

/// Portable compare-and-set of many rows. The columns of VALUES are called column1 … in SQLite and in PostgreSQL. A row
/// that is gone stays gone, which an upsert would not hold.
pub(crate) fn update_text(backend: DbBackend, shape: &Shape, rows: usize) -> String {
    text(backend, shape.table, Kind::Update, rows, || {
        let columns: Vec<&str> = shape.updated().map(|(_, name)| name).collect();
        let sets: Vec<String> =
            columns.iter().enumerate().map(|(n, name)| format!("\"{name}\" = v.column{}", n + 2)).collect();
        let version = columns.iter().position(|name| *name == "version").map_or(0, |n| n + 2);
        let tuples = tuples(backend, rows, columns.len() + 1);
        format!(
            "UPDATE \"{table}\" SET {sets} FROM (VALUES {tuples}) AS v \
             WHERE \"{table}\".\"{key}\" = v.column1 AND \"{table}\".\"version\" = v.column{version} - 1",
            table = shape.table,
            key = shape.key(),
            sets = sets.join(", "),
        )
    })
}

/// `items` in pieces of the sizes that statements are made for.
pub(crate) fn pieces<T>(mut items: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = CHUNKS.into_iter().find(|size| *size <= items.len())?;
        let (piece, rest) = items.split_at(size);
        items = rest;
        Some(piece)
    })
}

async fn run(tx: &DatabaseTransaction, sql: String, values: Vec<Value>, rows: usize) -> Result<(), Stop> {
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let done = tx.execute_raw(statement).await?.rows_affected();
    if done == rows as u64 { Ok(()) } else { Err(Stop::Conflict(None)) }
}

/// Inserts rows whose values are made by `put`.
pub(crate) async fn insert<T>(
    tx: &DatabaseTransaction,
    table: &'static str,
    columns: &str,
    width: usize,
    rows: &[T],
    put: impl Fn(&T, &mut Vec<Value>),
) -> Result<(), Stop> {
    for piece in pieces(rows) {
        let mut values = Vec::with_capacity(piece.len() * width);
        for row in piece {
            put(row, &mut values);
        }
        let sql = insert_text(tx.get_database_backend(), table, columns, width, piece.len());
        run(tx, sql, values, piece.len()).await?;
    }
    Ok(())
}

async fn update(tx: &DatabaseTransaction, shape: &Shape, rows: &[&Row]) -> Result<(), Stop> {
    let mut all = Vec::with_capacity(shape.width());
    for piece in pieces(rows) {
        let mut values = Vec::with_capacity(piece.len() * shape.width());
        for row in piece {
            all.clear();
            values_of(row, &mut all);
            let mut take = |place: usize| all.get_mut(place).map(|v| std::mem::replace(v, Value::Bool(None)));
            values.extend(take(0));
            values.extend(shape.updated().filter_map(|(place, _)| take(place)));
        }
        run(tx, update_text(tx.get_database_backend(), shape, piece.len()), values, piece.len()).await?;
    }
    Ok(())
}

/// Writes one row and says why it can't be.
pub(crate) async fn write_row(tx: &DatabaseTransaction, row: &Row) -> Result<Result<(), Refused>, DbErr> {
    let (table, shape) = (row.table(), shape_of(row));
    let new = row.version() == 1;
    let done = if new {
        insert(tx, shape.table, &shape.written(), shape.width(), &[row], |row, out| values_of(row, out)).await
    } else {
        update(tx, shape, &[row]).await
    };
    match done {
        Ok(()) => Ok(Ok(())),
        Err(Stop::Db(error)) => Err(error),
        Err(Stop::Conflict(Some(SqlErr::ForeignKeyConstraintViolation(_)))) => {
            Ok(Err(Refused::Dangling { table, key: row.key() }))
        }
        Err(Stop::Conflict(None)) if !new => Ok(Err(Refused::Stale { table, key: row.key() })),
        Err(Stop::Conflict(_)) => Ok(Err(Refused::Duplicate { table, key: row.key() })),
    }
}

/// Writes the rows of several commits, whose result has to be that of one after the other: where an order among them
/// would matter, the group is not written.
pub(crate) async fn write_rows(tx: &DatabaseTransaction, commits: &[&Commit]) -> Result<(), Stop> {
    let Some(waves) = waves(commits) else { return Err(Stop::Conflict(None)) };
    for wave in waves {
        for ((_, update_), rows) in wave {
            let Some(shape) = rows.first().map(|row| shape_of(row)) else { continue };
            if update_ {
                update(tx, shape, &rows).await?;
            } else {
                let columns = shape.written();
                insert(tx, shape.table, &columns, shape.width(), &rows, |row, out| values_of(row, out)).await?;
            }
        }
    }
    Ok(())
}

/// Whether updates of one group touch each other's unique keys, so that their order would matter: one statement changes
/// its rows in an order of its own. A job's key is named even where it is given up; in the other tables with unique keys,
/// updates are rare enough to be written one commit at a time.
#[derive(Default)]
struct Keyed<'a> {
    jobs: HashMap<&'a str, JobId>,
    tables: HashMap<Table, usize>,
}

impl<'a> Keyed<'a> {
    fn touches(&mut self, commit: usize, row: &'a Row) -> bool {
        match row {
            Row::Job(job) => match job.unique_key.as_deref() {
                Some(key) => *self.jobs.entry(key).or_insert(job.id) != job.id,
                None => false,
            },
            _ if unique(row).is_some() || matches!(row, Row::Analysis(_) | Row::Schedule(_)) => {
                *self.tables.entry(row.table()).or_insert(commit) != commit
            }
            _ => false,
        }
    }
}

/// Inserts of every table in the order of their references, then updates: a key that the group itself frees is still
/// taken when a new row wants it, so that the conflict shows.
type Wave<'a> = BTreeMap<(usize, bool), Vec<&'a Row>>;

fn waves<'a>(commits: &[&'a Commit]) -> Option<Vec<Wave<'a>>> {
    let mut waves: Vec<Wave<'a>> = Vec::new();
    let mut times: HashMap<(Table, Key), usize> = HashMap::new();
    let mut made: HashMap<Uuid, usize> = HashMap::new();
    let mut keyed = Keyed::default();
    for (n, commit) in commits.iter().enumerate() {
        for (place, row) in commit.rows.iter().enumerate() {
            let key = key(row);
            if let (Key::Id(id), 1) = (&key, row.version()) {
                made.entry(*id).or_insert(n);
            }
            let wave = times.entry((row.table(), key)).or_insert(0);
            if waves.len() <= *wave {
                waves.push(Wave::new());
            }
            let update = row.version() != 1;
            // Alone, a commit is refused for the first of its rows that is in the way: each row counts for itself.
            let turn = if commits.len() > 1 { n } else { place };
            if update && keyed.touches(turn, row) {
                return None;
            }
            // Updates follow all inserts: their depth is that of the last table.
            let place = depth(row.table()) + if update { depth(Table::Packets) } else { 0 };
            waves.get_mut(*wave)?.entry((place, update)).or_default().push(row);
            *wave += 1;
        }
    }
    let looks_ahead = |n: usize, row: &Row| {
        references(row).into_iter().flatten().any(|(_, id)| made.get(&id).is_some_and(|maker| *maker > n))
    };
    let ahead = commits.iter().enumerate().any(|(n, commit)| commit.rows.iter().any(|row| looks_ahead(n, row)));
    (!ahead).then_some(waves)
}

/// A packet that has its hash.
pub(crate) struct Leaf<'a> {
    pub draft: &'a PacketDraft,
    pub hash: [u8; 32],
}

/// Appends packets at the end of the ledger; `frontier` moves on even when this fails, so the caller hands in a copy.
pub(crate) async fn append(
    tx: &DatabaseTransaction,
    leaves: &[Leaf<'_>],
    frontier: &mut Frontier,
) -> Result<Vec<u64>, Stop> {
    let seqs: Vec<u64> = leaves.iter().map(|leaf| frontier.push(leaf.hash)).collect();
    let placed: Vec<(u64, &Leaf<'_>)> = seqs.iter().copied().zip(leaves).collect();
    insert(tx, "stardust_metadata", packets::COLUMNS, packets::WIDTH, &placed, |(seq, leaf), out| {
        packets::values(*seq, &leaf.hash, leaf.draft, out);
    })
    .await?;
    let mut links: Vec<(PacketId, u64, PacketId)> = Vec::new();
    for (seq, leaf) in &placed {
        let mut parents: Vec<PacketId> = leaf.draft.meta_parents.clone();
        parents.sort();
        parents.dedup();
        links.extend(parents.into_iter().map(|parent| (parent, *seq, leaf.draft.stardust_id)));
    }
    insert(tx, "packet_links", packets::LINK_COLUMNS, packets::LINK_WIDTH, &links, |(parent, seq, child), out| {
        use super::field::Field;
        parent.put(out);
        seq.put(out);
        child.put(out);
    })
    .await?;
    Ok(seqs)
}
