//! What all these tests stand on: a store that survives, a process that may die at any port, a clock that is set by hand.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use omniva_contracts::config::Endpoints;
use omniva_contracts::engine::{ClipId, UploadJobId};
use omniva_contracts::ports::Clock;
use omniva_contracts::wire::PrivacyStatus;
use omniva_contracts::{Code, Fault, Monitor, Silent};
use omniva_emulators::Dice;
use omniva_emulators::oauth::{CLIENT_ID, CLIENT_SECRET};
use omniva_platforms::oauth::{Account, Accounts, Client, Grant, Service};
use omniva_platforms::*;
use omniva_vault::{Secret, Secrets};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use uuid::Uuid;

/// 2026-11-21T21:00:00Z
pub const NOW: i64 = 1_795_294_800_000_000;

pub struct SetClock(AtomicI64);
impl SetClock {
    pub fn to(&self, us: i64) {
        self.0.fetch_max(us, Ordering::Relaxed);
    }
    pub fn forward(&self, seconds: f64) {
        self.0.fetch_add((seconds * 1e6) as i64, Ordering::Relaxed);
    }
}
impl Clock for SetClock {
    fn now_us(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Ends the process, as far as a test can: unwinds out of whatever was going on.
pub struct Killer {
    dice: Mutex<Option<(Dice, f64)>>,
    pub kills: AtomicU64,
}
struct Killed;

impl Killer {
    fn may(&self) {
        let dies = self.dice.lock().unwrap().as_mut().is_some_and(|(dice, share)| dice.chance(*share));
        if dies {
            self.kills.fetch_add(1, Ordering::Relaxed);
            resume_unwind(Box::new(Killed));
        }
    }
    pub fn random(&self, seed: u64, share: f64) {
        *self.dice.lock().unwrap() = Some((Dice::new(seed), share));
    }
    pub fn calm(&self) {
        *self.dice.lock().unwrap() = None;
    }
}

/// What the disk keeps: secrets and records. Deaths come before and after each write.
pub struct Disk {
    secrets: Mutex<BTreeMap<String, Secret>>,
    pub records: Mutex<BTreeMap<UploadJobId, Value>>,
    killer: Arc<Killer>,
}
impl Secrets for Disk {
    fn get(&self, name: &str) -> Result<Option<Secret>, Fault> {
        Ok(self.secrets.lock().unwrap().get(name).cloned())
    }
    fn put(&self, name: &str, value: &Secret) -> Result<(), Fault> {
        assert!(!value.expose().is_empty());
        self.killer.may();
        self.secrets.lock().unwrap().insert(name.into(), value.clone());
        self.killer.may();
        Ok(())
    }
    fn remove(&self, name: &str) -> Result<bool, Fault> {
        self.killer.may();
        Ok(self.secrets.lock().unwrap().remove(name).is_some())
    }
}
impl Progress for Disk {
    fn load(&self, id: UploadJobId) -> Result<Option<Value>, Fault> {
        Ok(self.records.lock().unwrap().get(&id).cloned())
    }
    fn save(&self, id: UploadJobId, record: &Value) -> Result<(), Fault> {
        assert!(!record.to_string().contains("PLANTED"), "a secret in a record: {record}");
        self.killer.may();
        self.records.lock().unwrap().insert(id, record.clone());
        self.killer.may();
        Ok(())
    }
}

struct Wire {
    http: HttpTransport,
    killer: Arc<Killer>,
}
impl Transport for Wire {
    fn send(&self, request: &Request, monitor: &dyn Monitor) -> Result<Reply, Trouble> {
        self.killer.may();
        let reply = self.http.send(request, monitor);
        self.killer.may();
        reply
    }
}

/// What was counted, in order.
#[derive(Default)]
pub struct Purse(Mutex<Vec<&'static str>>);
impl Purse {
    /// All of it so far, once.
    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}
impl Meter for Purse {
    fn spent(&self, action: &'static str, at_us: i64) {
        assert!(at_us >= NOW);
        self.0.lock().unwrap().push(action);
    }
}

pub struct Bench {
    pub root: TempDir,
    pub spent: Arc<Purse>,
    pub clock: Arc<SetClock>,
    pub disk: Arc<Disk>,
    pub killer: Arc<Killer>,
    pub endpoints: Endpoints,
    wire: Arc<dyn Transport>,
}

/// How an upload ended.
#[derive(Debug)]
pub enum End {
    Posted(Receipt),
    Unconfirmed,
    Refused(Fault),
}

impl Bench {
    /// All platforms at `base`, with chunks as small as the protocols allow.
    pub fn new(base: &str) -> Self {
        let mut endpoints = Endpoints::load(None).unwrap();
        endpoints.http.stall_seconds = 20.0;
        endpoints.http.answer_seconds = 20.0;
        let youtube = &mut endpoints.youtube;
        youtube.api = format!("{base}/youtube/v3");
        youtube.upload = format!("{base}/upload/youtube/v3");
        youtube.analytics = format!("{base}/v2");
        youtube.chunk_bytes = 262_144;
        youtube.oauth.authorize = format!("{base}/o/oauth2/v2/auth");
        youtube.oauth.token = format!("{base}/token");
        youtube.oauth.device = Some(format!("{base}/device/code"));
        youtube.oauth.revoke = Some(format!("{base}/revoke"));
        let tiktok = &mut endpoints.tiktok;
        tiktok.api = format!("{base}/v2");
        // The protocol asks for pieces of 5 MB; the emulator is told the same number.
        tiktok.chunk_bytes = 200_000;
        tiktok.oauth.authorize = format!("{base}/v2/auth/authorize/");
        tiktok.oauth.token = format!("{base}/v2/oauth/token/");
        let instagram = &mut endpoints.instagram;
        instagram.api = base.to_owned();
        instagram.upload = format!("{base}/ig-api-upload");
        instagram.oauth.token = format!("{base}/oauth/access_token");
        instagram.oauth.long_lived = Some(format!("{base}/access_token"));
        instagram.oauth.refresh = Some(format!("{base}/refresh_access_token"));
        let killer = Arc::new(Killer { dice: Mutex::new(None), kills: AtomicU64::new(0) });
        let disk = Disk { secrets: Mutex::default(), records: Mutex::default(), killer: killer.clone() };
        let wire: Arc<dyn Transport> =
            Arc::new(Wire { http: HttpTransport::new(&endpoints.http), killer: killer.clone() });
        let bench = Self {
            root: tempfile::tempdir().unwrap(),
            clock: Arc::new(SetClock(AtomicI64::new(NOW))),
            disk: Arc::new(disk),
            killer,
            endpoints,
            wire,
            spent: Arc::default(),
        };
        let client = Client { id: CLIENT_ID.into(), secret: CLIENT_SECRET.into() };
        for platform in ["youtube", "tiktok", "instagram"] {
            client.store(&*bench.disk, platform).unwrap();
        }
        bench
    }

    pub fn service(&self, platform: &'static str) -> Service {
        let endpoints = match platform {
            "youtube" => &self.endpoints.youtube.oauth,
            "tiktok" => &self.endpoints.tiktok.oauth,
            _ => &self.endpoints.instagram.oauth,
        };
        let (endpoints, transport) = (endpoints.clone(), self.wire.clone());
        Service { platform, endpoints, transport, clock: self.clock.clone() }
    }

    /// As a process finds them when it starts.
    pub fn accounts(&self) -> Arc<Accounts> {
        self.accounts_in(self.disk.clone())
    }

    pub fn accounts_in(&self, secrets: Arc<dyn Secrets>) -> Arc<Accounts> {
        let services = ["youtube", "tiktok", "instagram"].map(|platform| self.service(platform));
        Arc::new(Accounts::new(services.into(), secrets))
    }

    pub fn connect(&self, platform: &str, access: &str, refresh: Option<&str>, subject: Option<&str>) {
        let grant = Grant {
            access_token: access.into(),
            refresh_token: refresh.map(str::to_owned),
            obtained_us: NOW,
            expires_us: NOW + 3_600_000_000,
            refresh_expires_us: None,
            scopes: Vec::new(),
            subject: subject.map(str::to_owned),
            ended: None,
        };
        self.accounts().connect(&Account::new(platform, "main"), &grant).unwrap();
    }

    pub fn kit(&self) -> Kit {
        Kit {
            transport: self.wire.clone(),
            accounts: self.accounts(),
            progress: self.disk.clone(),
            clock: self.clock.clone(),
            meter: self.spent.clone(),
        }
    }

    pub fn publication(&self, n: u128, bytes: usize) -> Publication {
        let content: Vec<u8> = (0..bytes).map(|i| (i as u64 * 31 + n as u64 * 7 + (i as u64 >> 9)) as u8).collect();
        let file = |name: String, content: &[u8]| {
            let path: PathBuf = self.root.path().join(&name);
            std::fs::write(&path, content).unwrap();
            let sha256 = omniva_contracts::hex(&Sha256::digest(content));
            PublishFile { name, content: Content::File { path, sha256 }, bytes: content.len() as u64 }
        };
        let mut post = Post::new(format!("Clip {n} <best> of"), "What it is about.\n#shorts");
        post.privacy = PrivacyStatus::Public;
        post.tags = vec!["talk".into(), "two words".into()];
        Publication {
            upload_job_id: UploadJobId(Uuid::from_u128(n)),
            clip_id: ClipId(Uuid::from_u128(n + 1_000_000)),
            files: vec![file(format!("{n}.mp4"), &content), file(format!("{n}.jpg"), b"\xff\xd8\xff picture")],
            post,
        }
    }

    /// The same with captions, and the language that they are in.
    pub fn with_captions(&self, publication: Publication) -> Publication {
        let mut publication = publication;
        let name = format!("{}.srt", publication.upload_job_id.0.as_u128());
        let (path, content) = (self.root.path().join(&name), b"1\n00:00:00,000 --> 00:00:01,000\nWords\n");
        std::fs::write(&path, content).unwrap();
        let sha256 = omniva_contracts::hex(&Sha256::digest(content));
        publication.files.push(PublishFile {
            name,
            content: Content::File { path, sha256 },
            bytes: content.len() as u64,
        });
        publication.post.language = Some("en".into());
        publication
    }

    /// What the job machine does: asks until it is over, waits as it is told to, starts anew after a death.
    pub fn run(&self, make: &dyn Fn() -> Box<dyn Publisher>, publication: &Publication) -> End {
        for _ in 0..3_000 {
            let publisher = make();
            let attempt = catch_unwind(AssertUnwindSafe(|| {
                if let Some(receipt) = publisher.find(publication.upload_job_id)? {
                    return Ok(receipt);
                }
                publisher.publish(publication, &Silent)
            }));
            let fault = match attempt {
                Err(death) if death.is::<Killed>() => continue,
                Err(other) => resume_unwind(other),
                Ok(Ok(receipt)) => return End::Posted(receipt),
                Ok(Err(fault)) => fault,
            };
            let shown = format!("{fault:?} {fault}");
            assert!(!shown.contains("PLANTED"), "a secret in a fault: {shown}");
            match fault.code {
                Code::PlatformPending | Code::PlatformLimited => {
                    self.clock.to(fault.not_before_us.expect("a time to ask again"));
                }
                Code::PlatformUnavailable => self.clock.forward(2.0),
                Code::Unconfirmed => return End::Unconfirmed,
                _ => return End::Refused(fault),
            }
        }
        panic!("the upload does not come to an end");
    }

    /// One attempt, without dice.
    pub fn once(&self, publisher: &dyn Publisher, publication: &Publication) -> Result<Receipt, Fault> {
        publisher.publish(publication, &Silent)
    }
}
