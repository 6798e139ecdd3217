//! Jobs that do nothing through apalis on SQLite with the same care as omniva's (WAL, synchronous=FULL), from the first
//! push to the last acknowledgement in the database: `apalis-peer JOBS FOLDER` prints one line of JSON.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use apalis::prelude::*;
use apalis_sqlite::{Config, SqliteStorage};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

/// Jobs of one push, as omniva's benchmark enqueues them.
const BATCH: usize = 500;
/// Jobs that a worker takes at once and runs side by side.
const TAKEN: usize = 256;
const POLL: Duration = Duration::from_millis(5);

async fn nothing(_: u64) -> Result<(), BoxDynError> {
    Ok(())
}

async fn done(pool: &SqlitePool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM Jobs WHERE status = 'Done'").fetch_one(pool).await
}

#[tokio::main]
async fn main() -> Result<(), BoxDynError> {
    let mut arguments = std::env::args().skip(1);
    let jobs: u64 = arguments.next().ok_or("JOBS FOLDER")?.parse()?;
    let file = PathBuf::from(arguments.next().ok_or("JOBS FOLDER")?).join("apalis.db");
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(30));
    let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
    SqliteStorage::setup(&pool).await?;
    let storage = SqliteStorage::new(&pool).with_config(Config::default().batch_size(TAKEN)).poll_with_interval(POLL);
    let mut pushed = storage.clone();
    let worker = WorkerBuilder::new("bench").backend(storage).concurrency(TAKEN).build(nothing);
    let running = tokio::spawn(worker.run());

    let started = Instant::now();
    let all: Vec<u64> = (0..jobs).collect();
    for batch in all.chunks(BATCH) {
        pushed.push_bulk(batch.to_vec()).await?;
    }
    while done(&pool).await? < i64::try_from(jobs)? {
        if started.elapsed() > Duration::from_secs(300) {
            return Err("the jobs do not end".into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    running.abort();
    println!("{{\"jobs\":{jobs},\"seconds\":{seconds:.3},\"jobs_per_second\":{:.1}}}", jobs as f64 / seconds);
    Ok(())
}
