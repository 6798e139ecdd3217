//! TikTok, Content Posting API: direct posts of files.
//!
//! At most once: the publish id is stored before a byte is sent, and that the last bytes are on their way before they are.
//! What became of an upload is read from its status. A new one is begun only where the status says that the old one failed,
//! or where its last bytes never left us.

mod chunks;
mod errors;
mod insights;
mod posting;

pub use insights::TiktokInsights;

use omniva_contracts::config::TiktokEndpoints;
use omniva_contracts::engine::UploadJobId;
use omniva_contracts::{Code, Fault, Monitor};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::call::{Body, Reply, Request};
use crate::files::Video;
use crate::link::{Kit, Link};
use crate::oauth::Account;
use crate::progress::Record;
use crate::publisher::{Publication, Publisher, Receipt};

pub(crate) const PLATFORM: &str = "tiktok";

pub struct TiktokPublisher {
    link: Link,
    config: TiktokEndpoints,
}

/// Times are microseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case", deny_unknown_fields)]
enum Step {
    New,
    /// It has a publish id; the address for its bytes lies in the vault.
    Begun(Begun),
    Done {
        receipt: Receipt,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begun {
    publish_id: String,
    /// Name of the account on TikTok, for the post's address.
    creator: Option<String>,
    privacy: String,
    /// Bytes of each piece but the last; the platform was told.
    chunk: u64,
    begun_us: i64,
    /// Since when the last bytes may have arrived.
    last_us: Option<i64>,
}

struct Attempt<'a> {
    id: UploadJobId,
    publication: &'a Publication,
    video: Video<'a>,
    record: Record<Step>,
    monitor: &'a dyn Monitor,
}

impl TiktokPublisher {
    /// `account` is the name that the operator gave the account.
    pub fn new(kit: Kit, account: &str, config: TiktokEndpoints) -> Self {
        Self { link: Link { kit, account: Account::new(PLATFORM, account), refused: errors::unauthorised }, config }
    }

    fn load(&self, id: UploadJobId) -> Result<Option<Record<Step>>, Fault> {
        Record::load(&*self.link.kit.progress, id, PLATFORM, &self.link.account.name)
    }

    fn step(&self, attempt: &mut Attempt, step: Step) -> Result<(), Fault> {
        attempt.record.step = step;
        attempt.record.save(&*self.link.kit.progress, attempt.id)
    }

    /// A call of the API; gives `data`.
    fn call(&self, path: &str, body: &Value, what: &str, monitor: &dyn Monitor) -> Result<Value, Fault> {
        let (url, body) = (format!("{}/{path}", self.config.api), body.to_string());
        let reply: Reply = self
            .link
            .send(monitor, &|token| {
                Request::new("POST", url.as_str())
                    .bearer(token.expose())
                    .header("Content-Type", "application/json; charset=UTF-8")
                    .body(Body::Bytes(body.as_bytes()))
            })
            .map_err(|failed| failed.fault("TikTok"))?;
        let answer = reply.json();
        // A success says so twice: by its status and by the code `ok`.
        if reply.ok() && answer.pointer("/error/code").and_then(Value::as_str) == Some("ok") {
            return Ok(answer.get("data").cloned().unwrap_or(Value::Null));
        }
        Err(errors::fault(&reply, what, self.link.now()))
    }

    fn status(&self, publish_id: &str, monitor: &dyn Monitor) -> Result<Value, Fault> {
        self.call(
            "post/publish/status/fetch/",
            &json!({ "publish_id": publish_id }),
            "say what became of the post",
            monitor,
        )
    }
}

impl Publisher for TiktokPublisher {
    fn target(&self) -> &'static str {
        PLATFORM
    }

    fn authorise(&self) -> Result<(), Fault> {
        self.link.kit.accounts.access(&self.link.account).map(|_| ())
    }

    fn find(&self, upload_job_id: UploadJobId) -> Result<Option<Receipt>, Fault> {
        Ok(self.load(upload_job_id)?.and_then(|record| match record.step {
            Step::Done { receipt } => Some(receipt),
            _ => None,
        }))
    }

    fn publish(&self, publication: &Publication, monitor: &dyn Monitor) -> Result<Receipt, Fault> {
        let id = publication.upload_job_id;
        let video = Video::of(publication)?;
        let record = match self.load(id)? {
            Some(record) => record,
            None => Record::new(PLATFORM, &self.link.account.name, video.sha256, video.bytes, Step::New),
        };
        if !matches!(record.step, Step::Done { .. }) {
            record.same_video(video.sha256, video.bytes)?;
        }
        let mut attempt = Attempt { id, publication, video, record, monitor };
        loop {
            match attempt.record.step.clone() {
                Step::New => self.begin(&mut attempt)?,
                Step::Begun(begun) => self.go_on(&mut attempt, begun)?,
                Step::Done { receipt } => return Ok(receipt),
            }
        }
    }

    /// TikTok shows a post's number only once its moderation let it through; until then the publish id stands for it.
    fn verify(&self, receipt: &Receipt, monitor: &dyn Monitor) -> Result<(), Fault> {
        let id = receipt.post.as_ref().map(|post| post.id.as_str()).unwrap_or_default();
        if id.is_empty() {
            return Err(Fault::internal("a receipt of TikTok names no post"));
        }
        if id.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(());
        }
        let status = self.status(id, monitor)?;
        match status.get("status").and_then(Value::as_str) {
            Some("FAILED") => Err(errors::failed(&status).0),
            Some("PUBLISH_COMPLETE" | "SEND_TO_USER_INBOX") => Ok(()),
            _ => Err(crate::link::pending("TikTok looks at the post", self.link.after(self.config.poll_seconds))),
        }
    }
}

/// Nobody knows whether it was posted.
fn unconfirmed(id: UploadJobId, account: &Account) -> Fault {
    Fault::new(
        Code::Unconfirmed,
        format!("nobody knows whether upload {id} was posted by {account}"),
        "look on TikTok: cancel the job when the clip is there, make a new upload when it is not; retrying the job only asks again",
    )
}
