//! A server on the in-memory store, an office that really plans and commits, and a small HTTP client.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use omniva_actors::office::*;
use omniva_api::{ApiConfig, Serving, serve};
use omniva_contracts::config::{Config, EngineConfig};
use omniva_contracts::engine::*;
use omniva_contracts::ports::{Clock, Ids, Seeded};
use omniva_store::{Mandate, Reader, Writer, open_memory};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Runs a second ahead with every look, from 2026-01-01.
pub struct Steady(AtomicI64);

impl Clock for Steady {
    fn now_us(&self) -> i64 {
        self.0.fetch_add(1_000, Ordering::Relaxed)
    }
}

pub struct TestOffice {
    reader: Arc<dyn Reader>,
    store: tokio::sync::Mutex<(Box<dyn Writer>, Mandate)>,
    clock: Arc<Steady>,
    seed: Mutex<Seeded>,
    config: EngineConfig,
    committed: watch::Sender<u64>,
    pub unwell: Mutex<Option<String>>,
}

impl TestOffice {
    pub async fn commit(&self, commit: Commit) -> Result<(), omniva_store::Refused> {
        if commit == Commit::default() {
            return Ok(());
        }
        let mut store = self.store.lock().await;
        let sealed = store.1.seal(commit);
        let receipt = store.0.write(&[sealed]).await?.pop().expect("one answer")?;
        if let Some(last) = receipt.seqs.last() {
            self.committed.send_replace(*last);
        }
        Ok(())
    }
    fn ids(&self) -> Seeded {
        Seeded::new(self.seed.lock().expect("lock").next().as_bytes())
    }
}

#[async_trait]
impl Office for TestOffice {
    async fn ask(&self, asked: Asked) -> Result<Granted, Refusal> {
        let mut last = Refusal::new(409, "CONFLICT", "");
        for _ in 0..3 {
            let mut ids = self.ids();
            let planned = plan(&asked, self.reader.as_ref(), &self.config, self.clock.as_ref(), &mut ids).await?;
            match self.commit(planned.commit).await {
                Ok(()) => return Ok(planned.granted),
                Err(refused) => match after(&refused) {
                    After::Again(refusal) => last = refusal,
                    After::Refuse(refusal) => return Err(refusal),
                },
            }
        }
        Err(last)
    }
    async fn limits(&self) -> Result<Vec<LimitView>, Refusal> {
        let now = Moment(self.clock.now_us());
        let all = omniva_actors::slots::limits(self.reader.as_ref(), &self.config, now).await;
        all.map_err(|fault| fault_refusal(&fault))
    }

    async fn learning(&self) -> Result<LearningOverview, Refusal> {
        let (now, personas) = (Moment(self.clock.now_us()), Config::load(None).expect("shipped").personas);
        let all = omniva_actors::learnt::overview(self.reader.as_ref(), &self.config, &personas, now).await;
        all.map_err(|fault| fault_refusal(&fault))
    }

    async fn actors(&self) -> Result<Vec<ActorView>, Refusal> {
        let actor = |name: &str| ActorView {
            name: name.into(),
            parent: Some("root".into()),
            state: "running".into(),
            generation: 1,
            restarts: 0,
            mailbox: 0,
            last_progress: Some(Moment::from_seconds(1)),
            last_failure: None,
        };
        Ok(["zenith", "paradox", "editor"].map(actor).to_vec())
    }
    fn committed(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }
    async fn readiness(&self) -> Vec<(String, Option<String>)> {
        vec![("store".into(), self.unwell.lock().expect("lock").clone())]
    }
}

pub struct Bench {
    pub office: Arc<TestOffice>,
    pub reader: Arc<dyn Reader>,
    pub serving: Option<Serving>,
    pub addr: SocketAddr,
    clock: Arc<Steady>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Value,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
    pub fn code(&self) -> &str {
        self.body.pointer("/error/code").and_then(Value::as_str).unwrap_or("")
    }
    pub fn data(&self, name: &str) -> String {
        self.body.pointer(&format!("/data/{name}")).and_then(Value::as_str).unwrap_or_default().to_owned()
    }
    pub fn fields(&self) -> Vec<&str> {
        let fields = self.body.pointer("/error/fields").and_then(Value::as_array);
        fields.into_iter().flatten().filter_map(|f| f["field"].as_str()).collect()
    }
}

impl Bench {
    pub async fn new() -> Self {
        Self::with(|_| ()).await
    }
    pub async fn with(change: impl FnOnce(&mut ApiConfig)) -> Self {
        let mut ids = Seeded::new(b"bench");
        let opened = open_memory(ids.next());
        let clock = Arc::new(Steady(AtomicI64::new(1_767_225_600_000_000)));
        let office = Arc::new(TestOffice {
            reader: opened.reader.clone(),
            store: tokio::sync::Mutex::new((opened.writer, opened.mandate)),
            clock: clock.clone(),
            seed: Mutex::new(Seeded::new(b"office")),
            config: EngineConfig::load(None).expect("shipped"),
            committed: watch::channel(0).0,
            unwell: Mutex::new(None),
        });
        let mut config = ApiConfig::new(([127, 0, 0, 1], 0).into());
        config.max_failures = u32::MAX;
        change(&mut config);
        let mut bench = Self { office, reader: opened.reader, serving: None, addr: ([127, 0, 0, 1], 0).into(), clock };
        let serving = bench.serve(config).await.expect("serves");
        bench.addr = serving.addr;
        bench.serving = Some(serving);
        bench
    }
    pub async fn serve(&self, config: ApiConfig) -> Result<Serving, omniva_contracts::Fault> {
        let ids = Box::new(Seeded::new(format!("{:?}", config.bind).as_bytes()));
        let metrics = Box::new(|| "# nothing\n".to_owned());
        serve(config, self.office.clone(), self.reader.clone(), self.clock.clone(), ids, metrics).await
    }

    pub async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.send(method, path, body, &[]).await
    }
    pub async fn send(&self, method: &str, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Answer {
        let text = body.map(|b| b.to_string());
        let mut all = headers.to_vec();
        if text.is_some() && !headers.iter().any(|(n, _)| *n == "content-type") {
            all.push(("content-type", "application/json"));
        }
        self.raw(method, path, &text.unwrap_or_default(), &all).await
    }
    pub async fn raw(&self, method: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
        let mut stream = TcpStream::connect(self.addr).await.expect("connects");
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(n, _)| *n == "host") {
            head.push_str(&format!("host: {}\r\n", self.addr));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await.expect("sent");
        // A server that refuses early may close before the body is through.
        let _ = stream.write_all(body.as_bytes()).await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        parse(&bytes)
    }
}

fn parse(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|l| l.split(' ').nth(1)).and_then(|s| s.parse().ok()).expect("a status");
    let headers =
        lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_lowercase(), v.to_owned())).collect::<Vec<_>>();
    Answer { status, headers, body: serde_json::from_str(body).unwrap_or(Value::Null), text: body.to_owned() }
}
