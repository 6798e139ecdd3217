//! Jobs that do nothing through a whole engine, beside Celery on Redis and apalis on SQLite; what a killed engine held, and when it is found.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::items;
use crate::serve::Engine;
use crate::table::Table;
use crate::{Outcome, Place};

const JOBS: &str = "50000";
/// The peers are slower: Celery at a steady rate, apalis the slower the more jobs there are, so that few are in its favour.
const PEER_JOBS: &str = "5000";
const LEASE: f64 = 3.0;

fn line(command: &mut Command) -> Outcome<Value> {
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?} ended with {}", output.status).into());
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(serde_json::from_str(text.lines().last().unwrap_or_default())?)
}

fn number(value: &Value, name: &str) -> Outcome<f64> {
    value[name].as_f64().ok_or_else(|| format!("no {name} in {value}").into())
}

pub fn bench(place: &Place) -> Outcome<()> {
    let mut table = Table::default();
    let mut best = 0.0f64;
    for (fsync, what) in [("always", "Celery + Redis, fsync always"), ("everysec", "Celery + Redis, fsync each second")]
    {
        let mut command = Command::new(place.peer_python());
        let peer = line(command.arg(place.here("peers/celery_queue.py")).args([PEER_JOBS, fsync]))?;
        let rate = number(&peer, "jobs_per_second")?;
        best = best.max(rate);
        let figure = format!("{rate:.0} jobs/s, round trip p95 {:.1} ms", number(&peer, "round_trip_p95_ms")?);
        table.row(what, figure, "", None);
    }
    let folder = place.scratch.path().join("apalis");
    std::fs::create_dir_all(&folder)?;
    let mut command = Command::new(place.peers.join("apalis/release/apalis-peer"));
    let apalis = number(&line(command.arg(PEER_JOBS).arg(&folder))?, "jobs_per_second")?;
    table.row("apalis, SQLite, synchronous=FULL", format!("{apalis:.0} jobs/s"), "", None);
    let ours = line(Command::new(&place.omniva).args(["--json", "bench", "jobs", "-n", JOBS]))?;
    let (rate, p95) = (number(&ours, "jobs_per_second")?, number(&ours, "dispatch_p95_ms")?);
    let figure = format!("{rate:.0} jobs/s, {:.0} us of CPU each", number(&ours, "cpu_us_per_job")?);
    table.row("omniva, SQLite, synchronous=FULL", figure, "≥ 5,000", Some(rate >= 5000.0));
    let (alone, cpu) = (number(&ours, "jobs_per_second_in_memory")?, number(&ours, "cpu_us_per_job_in_memory")?);
    table.row("omniva, store in memory", format!("{alone:.0} jobs/s, {cpu:.0} us of CPU each"), "", None);
    table.row("ratio to the faster Celery", format!("{:.1}", rate / best), "", None);
    table.row("ratio to apalis", format!("{:.2}", rate / apalis), "", None);
    table.row("dispatch when idle, p95", format!("{p95:.2} ms"), "≤ 10 ms", Some(p95 <= 10.0));
    let busy = number(&ours, "share_in_work")?;
    table.row("jobs of 1 s, time in the work", format!("{:.2} %", busy * 100.0), "≥ 99 %", Some(busy >= 0.99));
    let found = rescue(place)?;
    let goal = 1.5 * LEASE;
    table.row("orphans done after a kill", format!("{found:.2} s"), format!("≤ {goal:.1} s"), Some(found <= goal));
    table.print("Jobs that do nothing, from enqueue to done");
    Ok(())
}

/// Seconds from a SIGKILL in the middle of a stream of jobs until the last of them is done after a restart.
fn rescue(place: &Place) -> Outcome<f64> {
    let (data, config) = (place.scratch.path().join("rescue"), place.scratch.path().join("rescue.toml"));
    let text = format!("[engine.jobs]\nlease_seconds = {LEASE:.1}\nheartbeat_seconds = {:.1}\n", LEASE / 3.0);
    std::fs::write(&config, text)?;
    let engine = Engine::start(place, &data, Some(&config))?;
    for _ in 0..20 {
        engine.ask("POST", "/v1/jobs/noop", &json!({ "count": 200 }))?;
    }
    engine.kill()?;
    let killed = Instant::now();
    let engine = Engine::start(place, &data, Some(&config))?;
    loop {
        let mut open = 0;
        for state in ["QUEUED", "RUNNING", "WAITING_RETRY"] {
            open +=
                items(&engine.ask("GET", &format!("/v1/jobs?kind=noop&status={state}&limit=1"), &Value::Null)?).len();
        }
        if open == 0 {
            return Ok(killed.elapsed().as_secs_f64());
        }
        if killed.elapsed() > Duration::from_secs(60) {
            return Err("jobs of a killed engine are not done after a minute".into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
