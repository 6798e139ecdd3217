//! Measures what the way of jobs through a queue costs the store on this machine, from enqueue to done, each with its
//! packets: `cargo run --release -p omniva-store --example jobs [JOBS]`.

use std::error::Error;
use std::time::{Duration, Instant};

use omniva_contracts::engine::*;
use omniva_store::{Mandate, Opened, Writer, open_sqlite};
use serde_json::{Value, json};
use uuid::Uuid;

/// Jobs of one commit, as the engine claims them.
const BATCH: u64 = 128;

/// Ids that rise with time, as the engine's do.
fn id(table: u64, n: u64) -> Uuid {
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ table;
    Uuid::from_u128(u128::from(n) << 80 | u128::from(table) << 64 | u128::from(mixed))
}

fn job(n: u64) -> Job {
    let now = Moment(1_760_000_000_000_000 + n as i64);
    Job {
        id: id(1, n).into(),
        kind: JobKind::Noop,
        project_id: None,
        subject: Some(EntityRef::new(EntityType::Engine, id(9, 0))),
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
        run_after: now,
        expires_at: None,
        cancel_requested: false,
        payload: json!({ "n": n }),
        checkpoint: None,
        result: None,
        fault: None,
        trace_id: id(2, n / 500).into(),
        meta_parents: vec![id(3, n / 500).into()],
        created_at: now,
        started_at: None,
        ended_at: None,
        updated_at: now,
        version: 1,
    }
}

fn packet(job: &mut Job, n: u64, step: u64, kind: &str) -> PacketDraft {
    let stardust_id = PacketId(id(4 + step, n));
    let meta_parents = std::mem::replace(&mut job.meta_parents, vec![stardust_id]);
    PacketDraft {
        stardust_id,
        kind: kind.into(),
        entity: EntityRef::new(EntityType::Job, job.id),
        project_id: None,
        trace_id: job.trace_id,
        source: "zenith".into(),
        meta_parents,
        at: job.updated_at,
        body: json!({ "worker": job.worker, "attempt": job.attempt, "fence": job.fence, "lease_until": job.lease_until,
            "state": job.state, "version": job.version }),
        decision_chain: None,
    }
}

/// The job after so many steps.
fn step(job: &mut Job, step: u64) {
    job.version = i64::try_from(step).unwrap_or_default() + 1;
    match step {
        1 => {
            job.state = JobState::Running;
            (job.attempt, job.fence) = (1, 1);
            job.worker = Some("0123456789abcdef0123456789abcdef/noop".into());
            job.lease_until = Some(job.created_at.after(Duration::from_secs(30)));
            job.started_at = Some(job.created_at);
        }
        2 => {
            job.state = JobState::Done;
            (job.worker, job.lease_until) = (None, None);
            job.progress = 1.0;
            job.result = Some(Value::Null);
            job.ended_at = Some(job.created_at);
        }
        _ => {}
    }
}

/// Seconds of CPU that this process took.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect();
    fields.get(13..15).map_or(0.0, |ticks| ticks.iter().sum::<f64>() / 100.0)
}

async fn write(
    writer: &mut dyn Writer,
    mandate: &Mandate,
    jobs: &mut [(u64, Job)],
    at: u64,
) -> Result<(), Box<dyn Error>> {
    let kind = ["job.created", "job.claimed", "job.done"].get(at as usize).copied().unwrap_or_default();
    let mut commit = Commit::default();
    for (n, job) in jobs {
        step(job, at);
        commit.packets.push(packet(job, *n, at, kind));
        commit.rows.push(Row::Job(Box::new(job.clone())));
    }
    for receipt in writer.write(&[mandate.seal(commit)]).await? {
        receipt?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let count: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(50_000);
    let folder = std::env::temp_dir().join(format!("omniva-jobs-{}", std::process::id()));
    let Opened { mut writer, mandate, .. } = open_sqlite(&folder.join("omniva.db"), Uuid::from_u128(1)).await?;
    let (wall, before) = (Instant::now(), cpu());
    for from in (0..count).step_by(BATCH as usize) {
        let mut jobs: Vec<(u64, Job)> = (from..count.min(from + BATCH)).map(|n| (n, job(n))).collect();
        for at in 0..3 {
            write(writer.as_mut(), &mandate, &mut jobs, at).await?;
        }
    }
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu() - before);
    println!("{:.0} jobs/s, {:.1} us of CPU each", count as f64 / wall, cpu * 1e6 / count as f64);
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
