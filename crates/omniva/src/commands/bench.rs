//! `omniva bench jobs`: how many jobs that do nothing a whole engine takes from enqueue to done in a second, each with its
//! packets, on a throw-away database of the same kind and care as the real one.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use omniva_actors::engine::{Engine, Parts};
use omniva_actors::office::{Asked, Caller, Command, Office};
use omniva_contracts::config::{Config, EngineConfig};
use omniva_contracts::engine::{JobKind, JobState, Moment, RequestId, Role, TraceId};
use omniva_contracts::ports::{Clock, Ids, Seeded, SystemClock, Timed};
use omniva_contracts::{Code, Fault};
use omniva_store::{JobFilter, Page, Reader};
use serde_json::json;

use crate::cli::{BenchCommand, DataArgs};
use crate::engine::{DataFolder, open};
use crate::progress::print_line;

/// Jobs that one request enqueues.
const BATCH: u64 = 500;
/// Single jobs, one after the other, for the time from enqueue to start.
const SINGLE: usize = 200;
/// Nothing of this takes longer.
const PATIENCE: Duration = Duration::from_secs(600);

pub fn run(command: &BenchCommand, as_json: bool) -> Result<u8, Fault> {
    let BenchCommand::Jobs { jobs, window, config } = command;
    let text = config.as_deref().map(super::clip::read_config).transpose()?;
    let name = config.as_ref().map(|path| path.display().to_string());
    let config = EngineConfig::load(name.as_deref().zip(text.as_deref()))?;
    let scratch = tempfile::tempdir().map_err(|e| Fault::writing("a temporary folder", &e))?;
    let figures = open::runtime()?.block_on(measure(scratch.path(), *jobs, *window, config))?;
    if as_json {
        print_line(&json!({
            "event": "bench_jobs",
            "jobs": figures.jobs,
            "seconds": figures.seconds,
            "jobs_per_second": figures.rate(),
            "packets": figures.packets,
            "dispatch_p50_ms": quantile(&figures.dispatch, 0.5),
            "dispatch_p95_ms": quantile(&figures.dispatch, 0.95),
        }));
        return Ok(0);
    }
    say!("{} jobs in {:.2} s: {:.0} jobs/s", figures.jobs, figures.seconds, figures.rate());
    say!("{} packets in the ledger, SQLite, synchronous=FULL", figures.packets);
    say!(
        "idle, from enqueue to start: p50 {:.2} ms, p95 {:.2} ms",
        quantile(&figures.dispatch, 0.5),
        quantile(&figures.dispatch, 0.95)
    );
    Ok(0)
}

struct Figures {
    jobs: u64,
    seconds: f64,
    packets: u64,
    /// Milliseconds, sorted.
    dispatch: Vec<f64>,
}

impl Figures {
    fn rate(&self) -> f64 {
        self.jobs as f64 / self.seconds.max(1e-9)
    }
}

/// Of sorted values.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

async fn measure(folder: &Path, jobs: u64, window: u64, config: EngineConfig) -> Result<Figures, Fault> {
    let data = DataFolder::find(&DataArgs { data: Some(folder.join("data")) })?;
    open::make_folder(&data)?;
    let mut ids = open::ids()?;
    let opened = open::store(&data, &mut ids).await?;
    let reader = opened.reader.clone();
    let parts = Parts {
        reader: opened.reader,
        writer: opened.writer,
        mandate: opened.mandate,
        clock: Arc::new(SystemClock),
        dice: Box::new(open::random()?),
        ids: Box::new(ids),
        works: Vec::new(),
        config,
        personas: Config::load(None)?.personas,
        seal: None,
        logs: None,
        data: data.path().to_owned(),
    };
    let engine = Engine::start(parts).await?;
    let mut bench = Bench { engine: &engine, reader: reader.as_ref(), ids: open::ids()?, asked: 0 };
    let dispatch = bench.dispatch().await?;
    let (seconds, before) = bench.stream(jobs, window).await?;
    let packets = reader.head().await?.size - before;
    engine.stop(Duration::from_secs(5)).await;
    Ok(Figures { jobs, seconds, packets, dispatch })
}

struct Bench<'a> {
    engine: &'a Engine,
    reader: &'a dyn Reader,
    ids: Timed<Seeded>,
    /// Jobs so far.
    asked: u64,
}

impl Bench<'_> {
    async fn enqueue(&mut self, count: u64) -> Result<(), Fault> {
        let asked = Asked {
            command: Command::EnqueueNoop { count: u32::try_from(count).unwrap_or(u32::MAX), unique_keys: Vec::new() },
            caller: Caller { name: "cli".into(), role: Role::Admin },
            request_id: RequestId(self.ids.next()),
            trace_id: TraceId(self.ids.next()),
            method: "POST".into(),
            path: "/v1/jobs/noop".into(),
            idempotency: None,
        };
        self.engine
            .ask(asked)
            .await
            .map_err(|refusal| Fault::internal(format!("{} ({})", refusal.message, refusal.code)))?;
        self.asked += count;
        Ok(())
    }

    /// Jobs that are not done.
    async fn open(&self) -> Result<u64, Fault> {
        let now = Moment(SystemClock.now_us());
        let depths = self.reader.queue_depths(now).await?;
        let noop = depths.iter().find(|d| d.kind == JobKind::Noop);
        Ok(noop.map_or(0, |d| d.ready + d.waiting + d.running + d.quarantined))
    }

    /// Until at most `most` jobs wait or run. Looks after each commit, not more often.
    async fn until(&self, most: u64) -> Result<(), Fault> {
        let mut committed = self.engine.committed();
        let deadline = Instant::now() + PATIENCE;
        while self.open().await? > most {
            if Instant::now() > deadline {
                return Err(Fault::new(
                    Code::StoreUnavailable,
                    "the jobs do not end",
                    "look at the disk of the temporary folder",
                ));
            }
            // Many commits are one look; a pause without one is looked into as well.
            let _ = tokio::time::timeout(Duration::from_millis(20), committed.changed()).await;
            tokio::time::sleep(if most == 0 { Duration::from_millis(2) } else { Duration::from_millis(10) }).await;
        }
        Ok(())
    }

    /// Seconds from the first enqueue to the last done; packets that the ledger had before.
    async fn stream(&mut self, jobs: u64, window: u64) -> Result<(f64, u64), Fault> {
        let before = self.reader.head().await?.size;
        let started = Instant::now();
        let mut left = jobs;
        while left > 0 {
            let count = left.min(BATCH);
            self.enqueue(count).await?;
            left -= count;
            self.until(window.max(BATCH)).await?;
        }
        self.until(0).await?;
        Ok((started.elapsed().as_secs_f64(), before))
    }

    /// From enqueue to start of one job at a time, by the engine's own clock, milliseconds.
    async fn dispatch(&mut self) -> Result<Vec<f64>, Fault> {
        for _ in 0..SINGLE {
            self.enqueue(1).await?;
            self.until(0).await?;
        }
        let filter = JobFilter { kind: Some(JobKind::Noop), states: vec![JobState::Done], ..JobFilter::default() };
        let done = self.reader.jobs(&filter, Page { limit: SINGLE as u64, offset: 0 }).await?.items;
        let mut waits: Vec<f64> =
            done.iter().filter_map(|job| Some(job.started_at?.since(job.created_at).as_secs_f64() * 1000.0)).collect();
        waits.sort_by(f64::total_cmp);
        Ok(waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_sorted_values() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(quantile(&values, 0.5), 50.0);
        assert_eq!(quantile(&values, 0.95), 95.0);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn a_few_jobs_go_through_a_whole_engine() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = EngineConfig::load(None).expect("the shipped configuration");
        let figures =
            open::runtime().expect("threads").block_on(measure(folder.path(), 50, 20, config)).expect("measured");
        assert_eq!(figures.dispatch.len(), SINGLE);
        assert!(figures.packets >= 100, "each job leaves packets: {}", figures.packets);
    }
}
