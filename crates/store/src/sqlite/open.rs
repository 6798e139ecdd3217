//! Opening: lock, pragmas (asserted, not hoped for), schema, name of the ledger.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use omniva_migrations::Migrator;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{self, Connection};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, Statement, Value};
use sea_orm_migration::MigratorTrait;
use uuid::Uuid;

use super::backup::SqliteUpkeep;
use super::examined::Examination;
use super::lock;
use super::trouble::{explain, io};
use crate::sql::query::{frontier_of, one};
use crate::sql::{SqlReader, SqlWriter};
use crate::{Mandate, Opened, Reader, StoreFault, Trouble, Upkeep};

/// Locks of other processes (a backup, a shell) are waited for this long.
const BUSY: Duration = Duration::from_secs(10);
const READERS: u32 = 4;
/// Statements that stay prepared on a connection: every size of every table's INSERT and UPDATE, and the questions.
const PREPARED: usize = 400;
/// 3.51.3 and later: earlier ones can lose a WAL that two connections reset at once.
const OLDEST: (u32, u32, u32) = (3, 51, 3);

/// Rows that the thread of the database may read ahead. With fewer than a batch of claims has, it stops in the middle and
/// has to be woken.
const ROWS: usize = 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Write,
    Read,
    /// For tools and for upkeep: the file is opened read-only. A connection that may only query can't copy the database
    /// elsewhere either.
    Inspect,
}

fn options(path: &Path, use_: Use) -> ConnectOptions {
    // The name goes in below: an address would have to be escaped.
    let mut options = ConnectOptions::new("sqlite::memory:");
    let (most, least) = if use_ == Use::Write { (1, 1) } else { (READERS, 0) };
    options.max_connections(most).min_connections(least).sqlx_logging(false).test_before_acquire(false);
    options.acquire_timeout(BUSY + Duration::from_secs(5)).idle_timeout(None).max_lifetime(None);
    options.map_sqlx_sqlite_before_acquire(|connection, _| Box::pin(at_rest(connection)));
    let path = path.to_owned();
    options.map_sqlx_sqlite_opts(move |_| {
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(BUSY)
            .foreign_keys(true)
            .statement_cache_capacity(PREPARED)
            .row_buffer_size(ROWS)
            .pragma("cache_size", "-65536")
            .pragma("temp_store", "memory");
        match use_ {
            Use::Write => options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                // A checkpoint writes each page once however often it changed: fewer of them cost less.
                .pragma("wal_autocheckpoint", "8000")
                .pragma("journal_size_limit", "67108864"),
            Use::Read => options.pragma("query_only", "on"),
            Use::Inspect => options.read_only(true),
        }
    });
    options
}

/// False for a connection that is to be thrown away: SQLite takes a transaction back by itself when the disk is full or
/// fails, the driver still counts it as open, and what begins next is nested in nothing. It would be answered as
/// written and never be committed.
async fn at_rest(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if !connection.is_in_transaction() {
        return Ok(true);
    }
    // A rollback may be under way: what is asked now is answered after it.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

async fn connect(path: &Path, use_: Use) -> Result<DatabaseConnection, StoreFault> {
    Database::connect(options(path, use_)).await.map_err(explain)
}

async fn pragma(db: &DatabaseConnection, name: &str) -> Result<String, StoreFault> {
    let statement = Statement::from_string(db.get_database_backend(), format!("PRAGMA {name}"));
    let row = db.query_one_raw(statement).await.map_err(explain)?;
    let row = row.ok_or_else(|| StoreFault::new(Trouble::Bug, format!("PRAGMA {name} has no answer")))?;
    row.try_get_by_index::<String>(0)
        .or_else(|_| row.try_get_by_index::<i64>(0).map(|n| n.to_string()))
        .map_err(explain)
}

/// What a durable store rests on. A file system that can't do WAL, for example, leaves the journal as it was.
async fn assert_pragmas(db: &DatabaseConnection) -> Result<(), StoreFault> {
    for (name, wanted) in [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")] {
        let found = pragma(db, name).await?;
        if found != wanted {
            let message = format!("the database runs with {name}={found}, and {wanted} is needed");
            return Err(StoreFault::new(Trouble::Unavailable, message));
        }
    }
    Ok(())
}

async fn version(db: &DatabaseConnection) -> Result<String, StoreFault> {
    let row = one(db, "SELECT sqlite_version()", vec![]).await.map_err(explain)?;
    let text: String = row.map_or(Ok(String::new()), |row| row.try_get_by_index(0)).map_err(explain)?;
    let mut parts = text.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    if (next(), next(), next()) < OLDEST {
        let (a, b, c) = OLDEST;
        return Err(StoreFault::new(Trouble::Unavailable, format!("SQLite is {text}, and {a}.{b}.{c} is needed")));
    }
    Ok(text)
}

/// Versions of the schema that the database has and this program does not know.
async fn refuse_newer(db: &DatabaseConnection) -> Result<Option<String>, StoreFault> {
    let there = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'";
    if one(db, there, vec![]).await.map_err(explain)?.is_none() {
        return Ok(None);
    }
    let rows = crate::sql::query::all(db, "SELECT version FROM seaql_migrations ORDER BY version", vec![]).await;
    let known = omniva_migrations::known();
    let mut last = None;
    for row in rows.map_err(explain)? {
        let version: String = row.try_get_by_index(0).map_err(explain)?;
        if !known.contains(&version) {
            let message = format!("its schema {version} is not known to this program");
            return Err(StoreFault::new(Trouble::Newer, message));
        }
        last = Some(version);
    }
    Ok(last)
}

/// A foreign file must not be filled with our tables.
async fn refuse_foreign(db: &DatabaseConnection) -> Result<(), StoreFault> {
    let row = one(db, "SELECT COUNT(*) FROM sqlite_master", vec![]).await.map_err(explain)?;
    match row.map(|row| row.try_get_by_index::<i64>(0)).transpose().map_err(explain)? {
        Some(0) | None => Ok(()),
        Some(_) => Err(StoreFault::new(Trouble::Corrupt, "this is a database, and not one of omniva's")),
    }
}

async fn name_ledger(db: &DatabaseConnection, origin: Uuid) -> Result<(), DbErr> {
    let sql =
        r#"INSERT INTO "ledger_meta" ("id", "origin", "size", "peaks") VALUES (1, $1, 0, $2) ON CONFLICT DO NOTHING"#;
    let values = vec![Value::Uuid(Some(origin)), Value::Bytes(Some(Vec::new()))];
    db.execute_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await.map(|_| ())
}

/// The kept end of the ledger and its packets have to agree: a torn restore shows here.
async fn assert_ledger(db: &DatabaseConnection) -> Result<(), StoreFault> {
    let (_, frontier) = frontier_of(db).await.map_err(explain)?;
    let row = one(db, r#"SELECT COALESCE(MAX("seq") + 1, 0) FROM "stardust_metadata""#, vec![]).await;
    let packets = row.and_then(|row| row.map_or(Ok(0), |row| row.try_get_by_index::<i64>(0))).map_err(explain)?;
    if u64::try_from(packets).ok() == Some(frontier.size()) {
        return Ok(());
    }
    let message = format!("the ledger ends at {} and has packets up to {packets}", frontier.size());
    Err(StoreFault::new(Trouble::Corrupt, message))
}

fn reader(path: &Path, db: DatabaseConnection, version: &str) -> SqlReader {
    let schema = omniva_migrations::known().pop().unwrap_or_default();
    let about = format!("SQLite {version}, schema {schema}, {}", path.display());
    SqlReader {
        db,
        explain,
        last: Arc::default(),
        about,
        file: Some(path.to_owned()),
        examination: Some(Examination::new(path.to_owned())),
    }
}

/// The write side, and the version of SQLite.
pub(super) async fn open_writer(path: &Path, origin: Uuid) -> Result<(SqlWriter, String), StoreFault> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| io(&folder.display().to_string(), &error))?;
    }
    let lock = lock::take(path)?;
    let db = connect(path, Use::Write).await?;
    let version = version(&db).await?;
    assert_pragmas(&db).await?;
    if refuse_newer(&db).await?.is_none() {
        refuse_foreign(&db).await?;
    }
    Migrator::up(&db, None).await.map_err(explain)?;
    name_ledger(&db, origin).await.map_err(explain)?;
    assert_ledger(&db).await?;
    Ok((SqlWriter { db, explain, frontier: None, last: Arc::default(), _guard: Box::new(lock) }, version))
}

/// Opens the database at `path`, makes it when it is not there, and brings its schema up to date. `origin` names the
/// ledger of a new database; an old one keeps its name.
///
/// Errors: [`Trouble::InUse`] when an engine has it open, [`Trouble::Newer`] when a newer omniva wrote it,
/// [`Trouble::ReadOnly`], [`Trouble::NoSpace`], [`Trouble::Corrupt`], [`Trouble::Unavailable`].
pub async fn open_sqlite(path: &Path, origin: Uuid) -> Result<Opened, StoreFault> {
    let (writer, version) = open_writer(path, origin).await?;
    let readers = connect(path, Use::Read).await?;
    let upkeep = connect(path, Use::Inspect).await?;
    let reader = SqlReader { last: writer.last.clone(), ..reader(path, readers, &version) };
    Ok(Opened {
        reader: Arc::new(reader),
        writer: Box::new(writer),
        mandate: Mandate(()),
        upkeep: Arc::new(SqliteUpkeep::new(upkeep)),
    })
}

/// A store that can be read and checked; nobody can write through it.
pub struct OpenedReadOnly {
    pub reader: Arc<dyn Reader>,
    pub upkeep: Arc<dyn Upkeep>,
}

/// Opens an existing database for reading, also while an engine works on it; changes nothing.
///
/// Errors: as [`open_sqlite`]; [`Trouble::Unavailable`] when there is no database.
pub async fn open_sqlite_read_only(path: &Path) -> Result<OpenedReadOnly, StoreFault> {
    if !path.exists() {
        return Err(StoreFault::new(Trouble::Unavailable, format!("there is no database at {}", path.display())));
    }
    let db = connect(path, Use::Inspect).await?;
    let version = version(&db).await?;
    match refuse_newer(&db).await? {
        None => return Err(StoreFault::new(Trouble::Corrupt, "this is no database of omniva's")),
        Some(last) if Some(&last) != omniva_migrations::known().last() => {
            let message = format!("its schema is {last}: start the engine once to bring it up to date");
            return Err(StoreFault::new(Trouble::Unavailable, message));
        }
        Some(_) => {}
    }
    let reader = reader(path, db.clone(), &version);
    Ok(OpenedReadOnly { reader: Arc::new(reader), upkeep: Arc::new(SqliteUpkeep::new(db)) })
}
