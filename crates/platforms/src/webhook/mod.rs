//! A post as a signed message to an address of the operator's, which has to pass the same guard as the sources do.
//!
//! A message may arrive twice (its answer may be lost): both bear the same id, that of the upload job, and the same body, so
//! that the receiver can tell. The signature is HMAC-SHA256 over `timestamp.body`, and worth something for a few minutes.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use omniva_contracts::config::safe_address;
use omniva_contracts::engine::UploadJobId;
use omniva_contracts::{Code, Fault, Monitor, hex};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::call::{Body, Reply, Request, unreachable};
use crate::link::Kit;
use crate::net::Net;
use crate::progress::Record;
use crate::publisher::{Content, Placed, Posted, Publication, Publisher, Receipt};

pub(crate) const PLATFORM: &str = "webhook";
/// Largest text file that is sent along; longer ones are named only.
const MAX_TEXT: usize = 256 << 10;
const MINUTE: i64 = 60_000_000;

#[derive(Clone, Debug)]
pub struct WebhookTarget {
    /// The operator's name for it.
    pub name: String,
    /// https, or http to this machine.
    pub url: String,
    /// Where the receiver can fetch the files by name, if anywhere.
    pub files_base: Option<String>,
}

/// The key lies in the vault under `webhook/<name>`.
pub struct WebhookPublisher {
    kit: Kit,
    target: WebhookTarget,
    net: Arc<Net>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case", deny_unknown_fields)]
enum Step {
    Done { receipt: Receipt },
}

/// `v1=` and the hex of HMAC-SHA256 over `timestamp.body`: what stands in the header `Omniva-Signature`.
///
/// # Errors
/// `internal` for a key that HMAC does not take.
pub fn signature(key: &[u8], timestamp: i64, body: &[u8]) -> Result<String, Fault> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).map_err(|_| Fault::internal("the webhook's key can't be used"))?;
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    Ok(format!("v1={}", hex(&mac.finalize().into_bytes())))
}

impl WebhookPublisher {
    /// The kit's transport should be that of `net`, so that what is dialled is what was checked.
    ///
    /// # Errors
    /// `config_invalid` when an address is neither https nor http to this machine.
    pub fn new(kit: Kit, target: WebhookTarget, net: Arc<Net>) -> Result<Self, Fault> {
        for url in std::iter::once(&target.url).chain(&target.files_base) {
            safe_address(url).map_err(|why| {
                let message = format!("the webhook {}: its address: {why}", target.name);
                Fault::new(Code::ConfigInvalid, message, "use https://…, or http://127.0.0.1:PORT/… on this machine")
            })?;
        }
        Ok(Self { kit, target, net })
    }

    /// Whether the address may be asked, as it stands and as it resolves now.
    ///
    /// # Errors
    /// `address_refused`, `url_invalid`. A name that nobody knows just now is none of them: to send tells that.
    fn allowed(&self) -> Result<(), Fault> {
        match self.net.places(&self.target.url) {
            Err(fault) if matches!(fault.code, Code::AddressRefused | Code::UrlInvalid) => Err(Fault::new(
                fault.code,
                format!("the webhook {}: {}", self.target.name, fault.message),
                "a server of your own can be allowed in engine.network.allow, as host:port",
            )),
            _ => Ok(()),
        }
    }

    fn key_name(&self) -> String {
        format!("webhook/{}", self.target.name)
    }

    fn key(&self) -> Result<omniva_vault::Secret, Fault> {
        self.kit.accounts.secrets().get(&self.key_name())?.ok_or_else(|| {
            let message = format!("the vault holds no key for the webhook {}", self.target.name);
            Fault::new(Code::ConfigInvalid, message, format!("omniva auth webhook {}", self.target.name))
        })
    }

    fn send(&self, id: UploadJobId, body: &[u8], monitor: &dyn Monitor) -> Result<(), Fault> {
        self.allowed()?;
        let now = self.kit.clock.now_us();
        let seconds = now.div_euclid(1_000_000);
        let request = Request::new("POST", self.target.url.as_str())
            .header("Content-Type", "application/json")
            .header("Omniva-Id", id.to_string())
            .header("Omniva-Timestamp", seconds.to_string())
            .header("Omniva-Signature", signature(self.key()?.expose(), seconds, body)?)
            .body(Body::Bytes(body));
        let name = format!("the webhook {}", self.target.name);
        let reply = self.kit.transport.send(&request, monitor).map_err(|trouble| unreachable(&name, &trouble))?;
        if reply.ok() { Ok(()) } else { Err(refusal(&name, &reply, now)) }
    }
}

impl Publisher for WebhookPublisher {
    fn target(&self) -> &'static str {
        PLATFORM
    }

    fn authorise(&self) -> Result<(), Fault> {
        self.allowed()?;
        self.key().map(|_| ())
    }

    fn find(&self, upload_job_id: UploadJobId) -> Result<Option<Receipt>, Fault> {
        let record = Record::<Step>::load(&*self.kit.progress, upload_job_id, PLATFORM, &self.target.name)?;
        Ok(record.map(|record| match record.step {
            Step::Done { receipt } => receipt,
        }))
    }

    fn publish(&self, publication: &Publication, monitor: &dyn Monitor) -> Result<Receipt, Fault> {
        let id = publication.upload_job_id;
        if let Some(receipt) = self.find(id)? {
            return Ok(receipt);
        }
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        let body = self.message(publication).to_string();
        self.send(id, body.as_bytes(), monitor)?;
        let post = Posted {
            account: self.target.name.clone(),
            id: id.to_string(),
            url: None,
            privacy: None,
            publish_at: publication.post.publish_at,
            notes: Vec::new(),
        };
        let files: Vec<Placed> = publication.files.iter().filter_map(placed).collect();
        let (sha256, bytes) = files.first().map_or((String::new(), 0), |video| (video.sha256.clone(), video.bytes));
        let receipt = Receipt { place: format!("{PLATFORM}/{}", self.target.name), files, post: Some(post) };
        let step = Step::Done { receipt: receipt.clone() };
        Record::new(PLATFORM, &self.target.name, &sha256, bytes, step).save(&*self.kit.progress, id)?;
        Ok(receipt)
    }

    /// There is nothing to read back: the receiver said yes.
    fn verify(&self, _receipt: &Receipt, _monitor: &dyn Monitor) -> Result<(), Fault> {
        Ok(())
    }
}

impl WebhookPublisher {
    /// The same for the same publication, byte for byte.
    fn message(&self, publication: &Publication) -> Value {
        let post = &publication.post;
        let file = |file: &crate::publisher::PublishFile| {
            let mut entry = json!({ "name": file.name, "bytes": file.bytes });
            match &file.content {
                Content::File { sha256, .. } => entry["sha256"] = json!(sha256),
                Content::Text(text) if text.len() <= MAX_TEXT => entry["text"] = json!(text),
                Content::Text(_) => {}
            }
            if let Some(base) = &self.target.files_base {
                entry["url"] = json!(format!("{}/{}", base.trim_end_matches('/'), crate::call::encode(&file.name)));
            }
            entry
        };
        json!({
            "event": "clip.published",
            "upload_job_id": publication.upload_job_id.to_string(),
            "clip_id": publication.clip_id.to_string(),
            "title": post.title,
            "description": post.description,
            "tags": post.tags,
            "privacy": post.privacy,
            "publish_at": post.publish_at,
            "files": publication.files.iter().map(file).collect::<Vec<_>>(),
        })
    }
}

fn placed(file: &crate::publisher::PublishFile) -> Option<Placed> {
    match &file.content {
        Content::File { sha256, .. } => {
            Some(Placed { name: file.name.clone(), sha256: sha256.clone(), bytes: file.bytes })
        }
        Content::Text(_) => None,
    }
}

fn refusal(name: &str, reply: &Reply, now_us: i64) -> Fault {
    let said = format!("{name} answered with HTTP status {}", reply.status);
    match reply.status {
        429 | 503 if reply.header("retry-after").is_some() || reply.status == 429 => {
            let until = reply.retry_after(now_us).unwrap_or(now_us.saturating_add(MINUTE));
            Fault::new(Code::PlatformLimited, said, "nothing has to be done: it is tried again then").not_before(until)
        }
        500..=599 | 408 | 425 => Fault::new(
            Code::PlatformUnavailable,
            said,
            "nothing has to be done: it is tried again; see the receiver's log",
        ),
        300..=399 => Fault::new(
            Code::PlatformRefused,
            said,
            "set the webhook's address to where it is now: redirects are not followed",
        ),
        401 | 403 => {
            Fault::new(Code::PlatformRefused, said, "check that both sides have the same key, and the same time")
        }
        _ => Fault::new(Code::PlatformRefused, said, "see the receiver's log, then retry the job"),
    }
}
