//! Measures the store on SQLite with durable commits: `cargo run --release -p omniva-store --example throughput -- FOLDER [FINISHED]`.
//!
//! Prints rows/s of batched inserts, no-op jobs/s through their whole life (insert, claim, done; three packets each), and
//! how long a claim takes over FINISHED (a million) finished jobs.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use omniva_contracts::engine::*;
use omniva_contracts::ports::{Ids, Seeded};
use omniva_store::{Opened, Sealed, open_sqlite};
use serde_json::json;
use uuid::Uuid;

type Failure = Box<dyn std::error::Error>;

const BATCH: usize = 512;

fn job(ids: &mut Seeded, at: i64) -> Job {
    Job {
        id: JobId(ids.next()),
        kind: JobKind::Noop,
        project_id: None,
        subject: None,
        unique_key: None,
        state: JobState::Pending,
        step: "INIT".into(),
        progress: 0.0,
        priority: PRIORITY_DEFAULT,
        attempt: 0,
        max_attempts: 3,
        crashes: 0,
        snoozes: 0,
        fence: 0,
        worker: None,
        lease_until: None,
        run_after: Moment(at),
        expires_at: None,
        cancel_requested: false,
        payload: json!({}),
        checkpoint: None,
        result: None,
        fault: None,
        trace_id: TraceId(ids.next()),
        meta_parents: vec![],
        created_at: Moment(at),
        started_at: None,
        ended_at: None,
        updated_at: Moment(at),
        version: 1,
    }
}

fn packet(ids: &mut Seeded, job: &Job, kind: &str, parents: Vec<PacketId>) -> PacketDraft {
    PacketDraft {
        stardust_id: PacketId(ids.next()),
        kind: kind.into(),
        entity: EntityRef::new(EntityType::Job, job.id),
        project_id: None,
        trace_id: job.trace_id,
        source: "zenith".into(),
        meta_parents: parents,
        at: job.updated_at,
        body: json!({"state": job.state.as_str(), "attempt": job.attempt}),
        decision_chain: None,
    }
}

fn seal(opened: &Opened, job: Job, packets: Vec<PacketDraft>) -> Sealed {
    opened.mandate.seal(Commit { rows: vec![Row::Job(Box::new(job))], packets, purges: vec![] })
}

async fn write(opened: &mut Opened, batch: Vec<Sealed>) -> Result<(), Failure> {
    for answer in opened.writer.write(&batch).await? {
        answer?;
    }
    Ok(())
}

async fn rows(folder: &Path, total: usize) -> Result<(), Failure> {
    let mut opened = open_sqlite(&folder.join("rows.db"), Uuid::from_u128(1)).await?;
    let mut ids = Seeded::new(b"rows");
    let started = Instant::now();
    for n in 0..total / BATCH {
        let batch = (0..BATCH).map(|m| job(&mut ids, (n * BATCH + m) as i64));
        let batch = batch.map(|job| seal(&opened, job, vec![])).collect();
        write(&mut opened, batch).await?;
    }
    report("rows inserted", total / BATCH * BATCH, started.elapsed());
    Ok(())
}

fn report(what: &str, number: usize, took: Duration) {
    println!("{what}: {number} in {:.2} s = {:.0}/s", took.as_secs_f64(), number as f64 / took.as_secs_f64());
}

/// Each batch holds new jobs, the claims of those of the batch before, and the ends of those before that.
async fn lives(folder: &Path, total: usize) -> Result<(), Failure> {
    let mut opened = open_sqlite(&folder.join("lives.db"), Uuid::from_u128(2)).await?;
    let mut ids = Seeded::new(b"lives");
    let mut claimed: VecDeque<(Job, PacketId)> = VecDeque::new();
    let mut pending: VecDeque<(Job, PacketId)> = VecDeque::new();
    let (mut made, mut ended, mut clock) = (0, 0, 0);
    let started = Instant::now();
    while ended < total {
        let mut batch = Vec::with_capacity(3 * BATCH);
        clock += 1;
        for (mut job, parent) in claimed.drain(..) {
            (job.state, job.ended_at, job.lease_until, job.version) = (JobState::Done, Some(Moment(clock)), None, 3);
            let packet = packet(&mut ids, &job, "job.done", vec![parent]);
            batch.push(seal(&opened, job, vec![packet]));
            ended += 1;
        }
        for (mut job, parent) in pending.drain(..) {
            (job.state, job.fence, job.attempt, job.version) = (JobState::Running, 1, 1, 2);
            (job.worker, job.lease_until) = (Some("noop-1".into()), Some(Moment(clock + 30_000_000)));
            let packet = packet(&mut ids, &job, "job.claimed", vec![parent]);
            claimed.push_back((job.clone(), packet.stardust_id));
            batch.push(seal(&opened, job, vec![packet]));
        }
        for _ in 0..BATCH.min(total - made) {
            let job = job(&mut ids, clock);
            let packet = packet(&mut ids, &job, "job.enqueued", vec![]);
            pending.push_back((job.clone(), packet.stardust_id));
            batch.push(seal(&opened, job, vec![packet]));
            made += 1;
        }
        write(&mut opened, batch).await?;
    }
    report("jobs through insert, claim and end, three packets each", ended, started.elapsed());
    Ok(())
}

/// Claims while a million finished jobs lie in the table.
async fn history(folder: &Path, finished: usize) -> Result<(), Failure> {
    let mut opened = open_sqlite(&folder.join("history.db"), Uuid::from_u128(3)).await?;
    let mut ids = Seeded::new(b"history");
    let started = Instant::now();
    for n in 0..finished / BATCH {
        let done = |mut job: Job| {
            (job.state, job.ended_at) = (JobState::Done, Some(Moment(n as i64)));
            job
        };
        let batch = (0..BATCH).map(|_| done(job(&mut ids, n as i64))).collect::<Vec<_>>();
        let batch = batch.into_iter().map(|job| seal(&opened, job, vec![])).collect();
        write(&mut opened, batch).await?;
    }
    report("finished jobs written", finished / BATCH * BATCH, started.elapsed());
    let live: Vec<Job> = (0..5_000).map(|n| job(&mut ids, n)).collect();
    let batch = live.into_iter().map(|job| seal(&opened, job, vec![])).collect();
    write(&mut opened, batch).await?;
    let now = Moment(1 << 50);
    let (mut claims, mut wakes, mut depths) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..200 {
        let started = Instant::now();
        let found = opened.reader.claimable(JobKind::Noop, now, 32).await?;
        claims.push(started.elapsed());
        assert_eq!(found.len(), 32, "jobs are there to claim");
        let started = Instant::now();
        opened.reader.next_due(now).await?;
        wakes.push(started.elapsed());
        let started = Instant::now();
        opened.reader.queue_depths(now).await?;
        depths.push(started.elapsed());
    }
    for (what, mut times) in [("claimable(32)", claims), ("next_due", wakes), ("queue_depths", depths)] {
        times.sort();
        let at = |share: f64| times.get((times.len() as f64 * share) as usize).map_or(0.0, |t| t.as_secs_f64() * 1e3);
        println!("{what} over {finished} finished and 5000 waiting: median {:.2} ms, P95 {:.2} ms", at(0.5), at(0.95));
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = std::env::args().nth(1).ok_or("say in which folder to measure")?;
    let folder = Path::new(&folder);
    let finished = std::env::args().nth(2).map_or(Ok(1_000_000), |number| number.parse())?;
    rows(folder, 102_400).await?;
    lives(folder, 50_000).await?;
    history(folder, finished).await
}
