//! An engine for tests, and how to wait for what it does: on the news of its commits, never on time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use omniva_actors::engine::{Engine, Parts};
use omniva_actors::office::*;
use omniva_actors::work::{Work, WorkContext};
use omniva_contracts::config::{Config, EngineConfig};
use omniva_contracts::engine::*;
use omniva_contracts::ports::{Clock, Ids, Seeded, SystemClock};
use omniva_store::{Faults, JobFilter, Opened, Page, Reader, open_memory_with};
use uuid::Uuid;

pub const ALL: Page = Page { limit: 10_000, offset: 0 };
/// Nothing that is waited for takes this long, whatever else the machine does.
pub const PATIENCE: Duration = Duration::from_secs(60);

type Run = Box<dyn Fn(Job, WorkContext) -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync>;

/// A worker that does what the test says.
pub struct Scripted {
    kind: JobKind,
    run: Run,
}

pub fn work<F>(kind: JobKind, run: impl Fn(Job, WorkContext) -> F + Send + Sync + 'static) -> Arc<dyn Work>
where
    F: Future<Output = Outcome> + Send + 'static,
{
    Arc::new(Scripted { kind, run: Box::new(move |job, context| Box::pin(run(job, context))) })
}

#[async_trait]
impl Work for Scripted {
    fn kind(&self) -> JobKind {
        self.kind
    }
    async fn run(&self, job: Job, context: WorkContext) -> Outcome {
        (self.run)(job, context).await
    }
}

pub struct House {
    pub engine: Engine,
    pub reader: Arc<dyn Reader>,
    pub faults: Arc<Faults>,
}

/// Defaults, without cron, so that nothing happens but what a test asks for.
pub fn config() -> EngineConfig {
    let mut config = EngineConfig::load(None).expect("the shipped configuration");
    config.cron.clear();
    config
}

pub fn memory() -> (Opened, Arc<Faults>) {
    let faults = Arc::new(Faults::default());
    (open_memory_with(Uuid::from_u128(7), faults.clone()), faults)
}

pub async fn house(works: Vec<Arc<dyn Work>>) -> House {
    house_with(works, config()).await
}

pub async fn house_with(works: Vec<Arc<dyn Work>>, config: EngineConfig) -> House {
    let (opened, faults) = memory();
    house_on(opened, faults, works, config).await
}

pub async fn house_on(opened: Opened, faults: Arc<Faults>, works: Vec<Arc<dyn Work>>, config: EngineConfig) -> House {
    house_at(opened, faults, works, config, Arc::new(SystemClock)).await
}

pub async fn house_at(
    opened: Opened,
    faults: Arc<Faults>,
    works: Vec<Arc<dyn Work>>,
    config: EngineConfig,
    clock: Arc<dyn Clock + Send + Sync>,
) -> House {
    let ids = Seeded::new(format!("ids {}", clock.now_us()).as_bytes());
    let reader = opened.reader.clone();
    let parts = Parts {
        reader: opened.reader,
        writer: opened.writer,
        mandate: opened.mandate,
        clock,
        dice: Box::new(Seeded::new(b"dice")),
        ids: Box::new(ids),
        works,
        config,
        personas: Config::load(None).expect("the shipped configuration").personas,
        seal: None,
        logs: None,
        data: std::env::temp_dir(),
    };
    House { engine: Engine::start(parts).await.expect("starts"), reader, faults }
}

pub fn now() -> Moment {
    Moment(SystemClock.now_us())
}

pub fn asked(command: Command) -> Asked {
    let mut ids = Seeded::new(format!("{command:?} {}", SystemClock.now_us()).as_bytes());
    Asked {
        command,
        caller: Caller { name: "loopback".into(), role: Role::Admin },
        request_id: RequestId(ids.next()),
        trace_id: TraceId(ids.next()),
        method: "POST".into(),
        path: "/v1/test".into(),
        idempotency: None,
    }
}

impl House {
    pub async fn ask(&self, command: Command) -> Granted {
        self.engine.ask(asked(command)).await.expect("granted")
    }

    pub async fn noops(&self, count: u32) {
        self.ask(Command::EnqueueNoop { count, unique_keys: Vec::new() }).await;
    }

    /// Waits until `holds` answers something, looking again after every commit.
    pub async fn until<T, F>(&self, what: &str, holds: impl Fn(Arc<dyn Reader>) -> F) -> T
    where
        F: Future<Output = Option<T>>,
    {
        let mut committed = self.engine.committed();
        let wait = async {
            loop {
                if let Some(found) = holds(self.reader.clone()).await {
                    return found;
                }
                // Now and then without news too: a part of the tree may change without a commit.
                let _ = tokio::time::timeout(Duration::from_millis(200), committed.changed()).await;
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(found) => found,
            Err(_) => panic!("never: {what}; the queues: {:?}", self.reader.queue_depths(now()).await),
        }
    }

    pub async fn count(&self, kind: JobKind, state: JobState) -> u64 {
        count(self.reader.as_ref(), kind, state).await
    }

    pub async fn until_count(&self, kind: JobKind, state: JobState, wanted: u64) {
        let what = format!("{wanted} {} {}", state.as_str(), kind.as_str());
        self.until(&what, |reader| async move { (count(reader.as_ref(), kind, state).await == wanted).then_some(()) })
            .await;
    }

    pub async fn only(&self, kind: JobKind) -> Job {
        let filter = JobFilter { kind: Some(kind), ..Default::default() };
        let mut jobs = self.reader.jobs(&filter, ALL).await.expect("reads").items;
        assert_eq!(jobs.len(), 1, "one job of this kind");
        jobs.remove(0)
    }

    pub async fn actor(&self, name: &str) -> ActorView {
        let all = self.engine.actors().await.expect("the tree");
        all.into_iter().find(|actor| actor.name == name).unwrap_or_else(|| panic!("no actor {name}"))
    }

    pub async fn kinds_of(&self, entity: EntityRef) -> Vec<String> {
        let filter = omniva_store::PacketFilter { entity: Some(entity), ..Default::default() };
        self.reader.packets(&filter, 1000).await.expect("reads").into_iter().map(|p| p.draft.kind).collect()
    }

    pub async fn stop(&self) {
        self.engine.stop(Duration::from_secs(5)).await;
    }
}

async fn count(reader: &dyn Reader, kind: JobKind, state: JobState) -> u64 {
    let filter = JobFilter { kind: Some(kind), states: vec![state], ..Default::default() };
    reader.jobs(&filter, Page { limit: 1, offset: 0 }).await.map_or(u64::MAX, |listed| listed.total)
}
