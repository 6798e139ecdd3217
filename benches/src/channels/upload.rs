//! The YouTube publisher against a receiver on loopback, beside `curl -T` of the same file to the same receiver.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use omniva_contracts::config::Endpoints;
use omniva_contracts::engine::{ClipId, UploadJobId};
use omniva_contracts::ports::{Clock, SystemClock};
use omniva_contracts::{Fault, Silent};
use omniva_platforms::oauth::{Account, Accounts, Grant, Service};
use omniva_platforms::{
    Content, HttpTransport, Kit, Post, Progress, Publication, PublishFile, Publisher, Transport, Unmetered,
    YoutubePublisher,
};
use omniva_vault::{Secret, Secrets};
use serde_json::Value;
use uuid::Uuid;

use super::median;
use super::sink::{Arrived, Sink};
use crate::table::Table;
use crate::{Outcome, Place};

/// The largest clip that is made has 60 MB; a longer stream is timed better.
const BYTES: u64 = 256 << 20;
const ROUNDS: u128 = 7;

/// Secrets and records in memory: the figure is about the wire.
#[derive(Default)]
struct Memory {
    secrets: Mutex<BTreeMap<String, Secret>>,
    records: Mutex<BTreeMap<UploadJobId, Value>>,
}

impl Secrets for Memory {
    fn get(&self, name: &str) -> Result<Option<Secret>, Fault> {
        Ok(self.secrets.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned())
    }
    fn put(&self, name: &str, value: &Secret) -> Result<(), Fault> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value.clone());
        Ok(())
    }
    fn remove(&self, name: &str) -> Result<bool, Fault> {
        Ok(self.secrets.lock().unwrap_or_else(PoisonError::into_inner).remove(name).is_some())
    }
}

impl Progress for Memory {
    fn load(&self, id: UploadJobId) -> Result<Option<Value>, Fault> {
        Ok(self.records.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned())
    }
    fn save(&self, id: UploadJobId, record: &Value) -> Result<(), Fault> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).insert(id, record.clone());
        Ok(())
    }
}

fn publisher(sink: &Sink) -> Outcome<YoutubePublisher> {
    let base = format!("http://{}", sink.address);
    // Chunks and patience as they are shipped; only the hosts differ.
    let mut endpoints = Endpoints::load(None)?;
    endpoints.youtube.api = format!("{base}/api");
    endpoints.youtube.upload = format!("{base}/upload");
    let transport: Arc<dyn Transport> = Arc::new(HttpTransport::new(&endpoints.http));
    let (memory, clock) = (Arc::new(Memory::default()), Arc::new(SystemClock));
    let service = Service {
        platform: "youtube",
        endpoints: endpoints.youtube.oauth.clone(),
        transport: transport.clone(),
        clock: clock.clone(),
    };
    let accounts = Arc::new(Accounts::new(vec![service], memory.clone()));
    let grant = Grant {
        access_token: "token".into(),
        refresh_token: None,
        obtained_us: clock.now_us(),
        expires_us: clock.now_us() + 3_600_000_000,
        refresh_expires_us: None,
        scopes: Vec::new(),
        subject: None,
        ended: None,
    };
    accounts.connect(&Account::new("youtube", "main"), &grant)?;
    let kit = Kit { transport, accounts, progress: memory, clock, meter: Arc::new(Unmetered) };
    Ok(YoutubePublisher::new(kit, "main", endpoints.youtube))
}

fn publication(n: u128, path: &Path, sha256: &str) -> Publication {
    let content = Content::File { path: path.to_owned(), sha256: sha256.to_owned() };
    Publication {
        upload_job_id: UploadJobId(Uuid::from_u128(n)),
        clip_id: ClipId(Uuid::from_u128(n)),
        files: vec![PublishFile { name: "clip.mp4".into(), content, bytes: BYTES }],
        post: Post::new("A clip", "What it is about."),
    }
}

fn curl(path: &Path, sink: &Sink) -> Outcome<()> {
    let mut command = Command::new("curl");
    // Without `Expect` it begins at once, as we do.
    command.args(["--silent", "--show-error", "--fail", "--noproxy", "*", "-H", "Expect:", "-o", "/dev/null", "-T"]);
    let status = command.arg(path).arg(format!("http://{}/plain", sink.address)).status()?;
    if status.success() { Ok(()) } else { Err(format!("curl ended with {status}").into()) }
}

/// Megabytes a second while bytes came, and with everything around it.
fn rates(arrived: Arrived, whole: f64) -> Outcome<(f64, f64)> {
    if arrived.bytes != BYTES {
        return Err(format!("{} of {BYTES} bytes arrived", arrived.bytes).into());
    }
    let megabytes = BYTES as f64 / 1e6;
    Ok((megabytes / arrived.seconds, megabytes / whole))
}

pub fn bench(place: &Place) -> Outcome<()> {
    let path = place.scratch.path().join("clip.mp4");
    let bytes: Vec<u8> = (0..BYTES).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
    std::fs::write(&path, bytes)?;
    let (sha256, _) = omniva_assets::hash_file(&path, &Silent)?;
    let sink = Sink::start()?;
    let publisher = publisher(&sink)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for n in 0..ROUNDS {
        let begun = Instant::now();
        publisher.publish(&publication(n + 1, &path, &sha256), &Silent)?;
        ours.push(rates(sink.arrived(), begun.elapsed().as_secs_f64())?);
        let begun = Instant::now();
        curl(&path, &sink)?;
        theirs.push(rates(sink.arrived(), begun.elapsed().as_secs_f64())?);
    }
    std::fs::remove_file(&path)?;
    let wire = |all: &[(f64, f64)]| median(all.iter().map(|(wire, _)| *wire).collect());
    let whole = |all: &[(f64, f64)]| median(all.iter().map(|(_, whole)| *whole).collect());
    let mut table = Table::default();
    for (who, all) in [("curl -T", &theirs), ("omniva, YouTube's protocol", &ours)] {
        table.row(who, format!("{:.0} MB/s, whole call {:.0} MB/s", wire(all), whole(all)), "", None);
    }
    let ratio = wire(&ours) / wire(&theirs);
    table.row("ratio while bytes flow", format!("{ratio:.2}"), "≥ 0.90", Some(ratio >= 0.9));
    let ratio = whole(&ours) / whole(&theirs);
    table.row(
        "ratio of whole calls: ours also hashes the file and reads the post back",
        format!("{ratio:.2}"),
        "",
        None,
    );
    table.print(&format!("Upload of {} MB to loopback, median of {ROUNDS}", BYTES / 1_000_000));
    Ok(())
}
