//! `omniva bench jobs`: how many jobs that do nothing a whole engine takes from enqueue to done in a second, each with its
//! packets, on a throw-away database of the same kind and care as the real one; what that costs without the database; and
//! how much of the time goes into the work when there is some.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use omniva_actors::engine::{Engine, Parts};
use omniva_actors::office::{Asked, Caller, Command, Office};
use omniva_actors::work::{Work, WorkContext};
use omniva_contracts::config::{Config, EngineConfig};
use omniva_contracts::engine::{Job, JobKind, JobState, Moment, Outcome, RequestId, Role, TraceId};
use omniva_contracts::ports::{Clock, Ids, Seeded, SystemClock, Timed};
use omniva_contracts::{Code, Fault};
use omniva_store::{JobFilter, Opened, Page, Reader};
use serde_json::{Value, json};

use crate::cli::{BenchCommand, DataArgs};
use crate::engine::{DataFolder, open};
use crate::progress::print_line;

/// Jobs that one request enqueues.
const BATCH: u64 = 500;
/// Single jobs, one after the other, for the time from enqueue to start.
const SINGLE: usize = 200;
/// Packets of one job.
const PACKETS: u64 = 3;
/// Something that does not end is found out about this often.
const LOOK: Duration = Duration::from_millis(200);
/// Long jobs, how many run at the same time, and how long each takes.
const LONG: u64 = 8;
const PLACES: u32 = 2;
const WORK: Duration = Duration::from_secs(1);
const STOP: Duration = Duration::from_secs(5);
/// Nothing of this takes longer.
const PATIENCE: Duration = Duration::from_secs(600);

pub fn run(command: &BenchCommand, as_json: bool) -> Result<u8, Fault> {
    let BenchCommand::Jobs { jobs, window, config } = command;
    let text = config.as_deref().map(super::clip::read_config).transpose()?;
    let name = config.as_ref().map(|path| path.display().to_string());
    let config = EngineConfig::load(name.as_deref().zip(text.as_deref()))?;
    let scratch = tempfile::tempdir().map_err(|e| Fault::writing("a temporary folder", &e))?;
    let figures = open::runtime()?.block_on(measure(scratch.path(), *jobs, *window, config, WORK))?;
    figures.tell(as_json);
    Ok(0)
}

struct Figures {
    jobs: u64,
    /// On SQLite.
    durable: Stream,
    /// On a store in memory: what the engine alone takes.
    memory: Stream,
    /// Milliseconds, sorted.
    dispatch: Vec<f64>,
    /// Of the time of a pool's places, while it has jobs of a second each: how much was in the work.
    busy: f64,
}

/// A stream of jobs from the first enqueue to the last done.
struct Stream {
    seconds: f64,
    /// Of all threads.
    cpu_seconds: f64,
    packets: u64,
}

impl Figures {
    fn rate(&self, of: &Stream) -> f64 {
        self.jobs as f64 / of.seconds.max(1e-9)
    }

    fn cpu_us(&self, of: &Stream) -> f64 {
        of.cpu_seconds * 1e6 / (self.jobs as f64).max(1.0)
    }

    fn tell(&self, as_json: bool) {
        let Figures { jobs, durable, memory, dispatch, busy } = self;
        if as_json {
            return print_line(&json!({
                "event": "bench_jobs",
                "jobs": jobs,
                "seconds": durable.seconds,
                "jobs_per_second": self.rate(durable),
                "cpu_us_per_job": self.cpu_us(durable),
                "jobs_per_second_in_memory": self.rate(memory),
                "cpu_us_per_job_in_memory": self.cpu_us(memory),
                "packets": durable.packets,
                "dispatch_p50_ms": quantile(dispatch, 0.5),
                "dispatch_p95_ms": quantile(dispatch, 0.95),
                "share_in_work": busy,
            }));
        }
        let (rate, cpu) = (self.rate(durable), self.cpu_us(durable));
        say!("{jobs} jobs in {:.2} s: {rate:.0} jobs/s, {cpu:.0} us of CPU each", durable.seconds);
        say!("{} packets in the ledger, SQLite, synchronous=FULL", durable.packets);
        say!("in memory: {:.0} jobs/s, {:.0} us of CPU each", self.rate(memory), self.cpu_us(memory));
        let (p50, p95) = (quantile(dispatch, 0.5), quantile(dispatch, 0.95));
        say!("idle, from enqueue to start: p50 {p50:.2} ms, p95 {p95:.2} ms");
        say!("jobs of a second, {PLACES} at a time: {:.2} % of the time in the work", busy * 100.0);
    }
}

/// Of sorted values.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// CPU that this process took so far, all threads together.
fn cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes to `time` and to nothing else; a clock that it does not know leaves it as it is.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

async fn measure(
    folder: &Path,
    jobs: u64,
    window: u64,
    config: EngineConfig,
    work: Duration,
) -> Result<Figures, Fault> {
    let data = folder.join("durable");
    let engine = engine(durable(&data).await?, &data, Vec::new(), config.clone()).await?;
    let mut bench = Bench::new(&engine)?;
    let dispatch = bench.dispatch().await?;
    let durable = bench.stream(jobs, window).await?;
    engine.0.stop(STOP).await;

    let opened = omniva_store::open_memory(open::ids()?.next());
    let engine = self::engine(opened, folder, Vec::new(), config.clone()).await?;
    let memory = Bench::new(&engine)?.stream(jobs, window).await?;
    engine.0.stop(STOP).await;

    let busy = busy(&folder.join("busy"), config, work).await?;
    Ok(Figures { jobs, durable, memory, dispatch, busy })
}

async fn durable(folder: &Path) -> Result<Opened, Fault> {
    let data = DataFolder::find(&DataArgs { data: Some(folder.to_owned()) })?;
    open::make_folder(&data)?;
    open::store(&data, &mut open::ids()?).await
}

/// An engine with its read side.
type Running = (Engine, Arc<dyn Reader>);

async fn engine(
    opened: Opened,
    data: &Path,
    works: Vec<Arc<dyn Work>>,
    config: EngineConfig,
) -> Result<Running, Fault> {
    let reader = opened.reader.clone();
    let parts = Parts {
        reader: opened.reader,
        writer: opened.writer,
        mandate: opened.mandate,
        clock: Arc::new(SystemClock),
        dice: Box::new(open::random()?),
        ids: Box::new(open::ids()?),
        works,
        config,
        personas: Config::load(None)?.personas,
        seal: None,
        logs: None,
        data: data.to_owned(),
    };
    Ok((Engine::start(parts).await?, reader))
}

/// A worker that takes its time, and notes when.
struct Sleeper {
    work: Duration,
    spans: Arc<Mutex<Vec<(Instant, Instant)>>>,
}

#[async_trait]
impl Work for Sleeper {
    fn kind(&self) -> JobKind {
        JobKind::Noop
    }
    async fn run(&self, _: Job, _: WorkContext) -> Outcome {
        let from = Instant::now();
        tokio::time::sleep(self.work).await;
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).push((from, Instant::now()));
        Outcome::Done { result: Value::Null }
    }
}

/// Jobs that wait all the time: from the first start to the last end, the share of the places' time that was work.
async fn busy(folder: &Path, mut config: EngineConfig, work: Duration) -> Result<f64, Fault> {
    if let Some(queue) = config.queues.get_mut(&JobKind::Noop) {
        queue.limit = PLACES;
    }
    let spans = Arc::new(Mutex::new(Vec::new()));
    let sleeper = Sleeper { work, spans: spans.clone() };
    let engine = engine(durable(folder).await?, folder, vec![Arc::new(sleeper)], config).await?;
    let mut bench = Bench::new(&engine)?;
    bench.enqueue(LONG).await?;
    bench.until(0).await?;
    engine.0.stop(STOP).await;
    let spans = spans.lock().unwrap_or_else(PoisonError::into_inner);
    let (first, last) = (spans.iter().map(|span| span.0).min(), spans.iter().map(|span| span.1).max());
    let (Some(first), Some(last)) = (first, last) else { return Err(Fault::internal("no job ran")) };
    let worked: Duration = spans.iter().map(|(from, to)| *to - *from).sum();
    Ok(worked.as_secs_f64() / ((last - first).as_secs_f64() * f64::from(PLACES)))
}

struct Bench<'a> {
    engine: &'a Engine,
    reader: &'a dyn Reader,
    ids: Timed<Seeded>,
    /// Jobs so far.
    asked: u64,
    /// Packets that the ledger had before the stream of jobs, while there is one.
    before: Option<u64>,
}

impl<'a> Bench<'a> {
    fn new((engine, reader): &'a Running) -> Result<Self, Fault> {
        Ok(Self { engine, reader: reader.as_ref(), ids: open::ids()?, asked: 0, before: None })
    }

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

    /// Until at most `most` jobs wait or run. Counts what is written, and asks the store only when it can be so far: a
    /// question costs as much as many a job.
    async fn until(&self, most: u64) -> Result<(), Fault> {
        let mut committed = self.engine.committed();
        let deadline = Instant::now() + PATIENCE;
        // Each job leaves a packet when it is made, claimed and done; whatever else is written only makes us look early.
        let packets = (self.asked * PACKETS).saturating_sub(most * (PACKETS - 1));
        let written = self.before.map_or(0, |before| before + packets);
        while *committed.borrow_and_update() + 1 < written && Instant::now() < deadline {
            let _ = tokio::time::timeout(LOOK, committed.changed()).await;
        }
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

    /// From the first enqueue to the last done.
    async fn stream(&mut self, jobs: u64, window: u64) -> Result<Stream, Fault> {
        let before = self.reader.head().await?.size;
        (self.before, self.asked) = (Some(before), 0);
        let (started, used) = (Instant::now(), cpu());
        let mut left = jobs;
        while left > 0 {
            let count = left.min(BATCH);
            self.enqueue(count).await?;
            left -= count;
            self.until(window.max(BATCH)).await?;
        }
        self.until(0).await?;
        let (seconds, cpu_seconds) = (started.elapsed().as_secs_f64(), (cpu() - used).as_secs_f64());
        Ok(Stream { seconds, cpu_seconds, packets: self.reader.head().await?.size - before })
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
            open::runtime().expect("threads").block_on(measure(folder.path(), 50, 20, config, LOOK)).expect("measured");
        assert_eq!(figures.dispatch.len(), SINGLE);
        for stream in [&figures.durable, &figures.memory] {
            assert!(stream.packets >= 50 * PACKETS, "each job leaves packets: {}", stream.packets);
            assert!(stream.cpu_seconds > 0.0);
        }
        assert!(figures.busy > 0.0 && figures.busy <= 1.0, "{}", figures.busy);
    }
}
