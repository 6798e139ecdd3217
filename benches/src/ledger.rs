//! A store of a million finished jobs and a million packets: how fast packets are appended, a claim is found, an
//! explanation is told, and the whole ledger is verified.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use omniva_contracts::engine::*;
use omniva_contracts::ports::{Clock, Ids, Seeded, SystemClock};
use omniva_store::{Mandate, Opened, Sealed, Writer};
use serde_json::{Value, json};

use crate::api::items;
use crate::serve::Engine;
use crate::table::Table;
use crate::{Outcome, Place};

/// Rows of one commit while the store is filled.
const ROWS: u64 = 500;
/// Commits of one packet each in one write, as a busy engine groups them.
const GROUP: u64 = 256;
const CLAIMS: usize = 500;
const EXPLAINED: usize = 300;

/// `OMNIVA_BENCH_ROWS` makes a short run possible.
fn rows() -> u64 {
    std::env::var("OMNIVA_BENCH_ROWS").ok().and_then(|v| v.parse().ok()).unwrap_or(1_000_000)
}

fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = ((values.len() as f64 * share).ceil() as usize).clamp(1, values.len().max(1)) - 1;
    values.get(at).copied().unwrap_or(f64::NAN)
}

struct Filler {
    ids: Seeded,
    now: Moment,
}

impl Filler {
    fn job(&mut self, state: JobState) -> Row {
        let done = state == JobState::Done;
        Row::Job(Box::new(Job {
            id: JobId(self.ids.next()),
            kind: JobKind::Noop,
            project_id: None,
            subject: None,
            unique_key: None,
            state,
            step: "INIT".into(),
            progress: if done { 1.0 } else { 0.0 },
            priority: PRIORITY_DEFAULT,
            attempt: u32::from(done),
            max_attempts: 3,
            crashes: 0,
            snoozes: 0,
            fence: u64::from(done),
            worker: None,
            lease_until: None,
            run_after: self.now,
            expires_at: None,
            cancel_requested: false,
            payload: Value::Null,
            checkpoint: None,
            result: None,
            fault: None,
            trace_id: TraceId(self.ids.next()),
            meta_parents: Vec::new(),
            created_at: self.now,
            started_at: done.then_some(self.now),
            ended_at: done.then_some(self.now),
            updated_at: self.now,
            version: 1,
        }))
    }

    fn packet(&mut self, parent: Option<PacketId>) -> PacketDraft {
        PacketDraft {
            stardust_id: PacketId(self.ids.next()),
            kind: "job.done".into(),
            entity: EntityRef::new(EntityType::Job, self.ids.next()),
            project_id: None,
            trace_id: TraceId(self.ids.next()),
            source: "zenith".into(),
            meta_parents: parent.into_iter().collect(),
            at: self.now,
            body: json!({ "attempt": 1, "fence": 1, "from": "RUNNING", "to": "DONE", "why": "it is done" }),
            decision_chain: None,
        }
    }
}

async fn write(writer: &mut dyn Writer, batch: &[Sealed]) -> Outcome<()> {
    for receipt in writer.write(batch).await? {
        receipt?;
    }
    Ok(())
}

async fn finished_jobs(writer: &mut dyn Writer, mandate: &Mandate, filler: &mut Filler, count: u64) -> Outcome<()> {
    let mut left = count;
    while left > 0 {
        let now = left.min(ROWS);
        let rows = (0..now).map(|_| filler.job(JobState::Done)).collect();
        write(writer, &[mandate.seal(Commit { rows, ..Commit::default() })]).await?;
        left -= now;
    }
    let rows = (0..1000).map(|_| filler.job(JobState::Pending)).collect();
    write(writer, &[mandate.seal(Commit { rows, ..Commit::default() })]).await
}

/// Packets a second, one a commit, every group on the disk before the next.
async fn append(writer: &mut dyn Writer, mandate: &Mandate, filler: &mut Filler, count: u64) -> Outcome<f64> {
    let (started, mut left, mut parent) = (Instant::now(), count, None);
    while left > 0 {
        let mut batch = Vec::new();
        for _ in 0..left.min(GROUP) {
            let packet = filler.packet(parent);
            parent = Some(packet.stardust_id);
            batch.push(mandate.seal(Commit { packets: vec![packet], ..Commit::default() }));
        }
        left -= batch.len() as u64;
        write(writer, &batch).await?;
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}

async fn fill(data: &Path, table: &mut Table) -> Outcome<()> {
    let clock = SystemClock;
    let mut filler = Filler { ids: Seeded::new(b"bench"), now: Moment(clock.now_us()) };
    let Opened { reader, mut writer, mandate, .. } =
        omniva_store::open_sqlite(&data.join("omniva.db"), filler.ids.next()).await?;
    let count = rows();
    finished_jobs(writer.as_mut(), &mandate, &mut filler, count).await?;
    let mut claims = Vec::new();
    for _ in 0..CLAIMS {
        let asked = Instant::now();
        let found = reader.claimable(JobKind::Noop, Moment(clock.now_us()), 1).await?;
        claims.push(asked.elapsed().as_secs_f64() * 1000.0);
        if found.len() != 1 {
            return Err("nothing to claim".into());
        }
    }
    let p95 = quantile(claims, 0.95);
    table.row(
        format!("finding a claim beside {count} finished jobs, p95"),
        format!("{p95:.2} ms"),
        "≤ 5 ms",
        Some(p95 <= 5.0),
    );
    let rate = append(writer.as_mut(), &mandate, &mut filler, count).await?;
    table.row("append, a packet a commit", format!("{rate:.0} packets/s"), "≥ 5,000", Some(rate >= 5000.0));
    // What waits would run as soon as an engine starts.
    Ok(())
}

/// Waits until no job waits or runs.
fn idle(engine: &Engine) -> Outcome<()> {
    let deadline = Instant::now() + Duration::from_secs(120);
    for state in ["QUEUED", "RUNNING", "QUEUED"] {
        let path = format!("/v1/jobs?kind=noop&status={state}&limit=1");
        while !items(&engine.ask("GET", &path, &Value::Null)?).is_empty() {
            if Instant::now() > deadline {
                return Err("the waiting jobs do not end".into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    Ok(())
}

fn explain(place: &Place, data: &Path, table: &mut Table) -> Outcome<()> {
    let engine = Engine::start(place, data, None)?;
    table.row("ready on this store", format!("{:.2} s", engine.ready), "≤ 2 s", Some(engine.ready <= 2.0));
    idle(&engine)?;
    // Jobs that went through an engine: those that fill the store have no story.
    engine.ask("POST", "/v1/jobs/noop", &json!({ "count": 500 }))?;
    idle(&engine)?;
    let mut waits = Vec::new();
    'pages: for page in 0..3 {
        let path = format!("/v1/jobs?kind=noop&status=DONE&limit=200&offset={}", page * 200);
        for job in items(&engine.ask("GET", &path, &Value::Null)?) {
            let id = job["job_id"].as_str().ok_or("no id")?;
            let asked = Instant::now();
            engine.ask("GET", &format!("/v1/explanations/jobs/{id}"), &Value::Null)?;
            waits.push(asked.elapsed().as_secs_f64() * 1000.0);
            if waits.len() == EXPLAINED {
                break 'pages;
            }
        }
    }
    let p99 = quantile(waits, 0.99);
    let what = format!("explanation over HTTP, {} packets in the ledger, p99", rows());
    table.row(what, format!("{p99:.1} ms"), "≤ 20 ms", Some(p99 <= 20.0));
    engine.kill()
}

fn verify(place: &Place, data: &Path, table: &mut Table) -> Outcome<()> {
    let started = Instant::now();
    let output = Command::new(&place.omniva).args(["--json", "ledger", "verify", "--data"]).arg(data).output()?;
    let wall = started.elapsed().as_secs_f64();
    if !output.status.success() {
        return Err(format!("the ledger does not verify: {}", String::from_utf8_lossy(&output.stdout)).into());
    }
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let rate = told["packets"].as_f64().ok_or("no number of packets")? / wall;
    table.row(
        "omniva ledger verify, whole command",
        format!("{rate:.0} packets/s"),
        "≥ 200,000",
        Some(rate >= 200_000.0),
    );
    Ok(())
}

pub fn bench(place: &Place) -> Outcome<()> {
    let data = place.scratch.path().join("ledger");
    std::fs::create_dir_all(&data)?;
    let mut table = Table::default();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(fill(&data, &mut table))?;
    explain(place, &data, &mut table)?;
    verify(place, &data, &mut table)?;
    table.print("The ledger and the store, large");
    Ok(())
}
