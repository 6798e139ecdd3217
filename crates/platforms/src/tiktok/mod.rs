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

use crate::attempt::{self, Stage};
use crate::call::{Body, Reply, Request};
use crate::link::{Kit, Link};
use crate::oauth::Account;
use crate::publisher::{Publication, Publisher, Receipt};

pub(crate) const PLATFORM: &str = "tiktok";
/// The call that begins a post.
const INIT: &str = "post/publish/video/init/";

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

type Attempt<'a> = attempt::Attempt<'a, Step>;

impl Stage for Step {
    const NEW: Self = Step::New;

    fn receipt(&self) -> Option<&Receipt> {
        match self {
            Step::Done { receipt } => Some(receipt),
            _ => None,
        }
    }
}

impl TiktokPublisher {
    /// `account` is the name that the operator gave the account.
    pub fn new(kit: Kit, account: &str, config: TiktokEndpoints) -> Self {
        Self { link: Link { kit, account: Account::new(PLATFORM, account), refused: errors::unauthorised }, config }
    }

    fn go(&self, attempt: &mut Attempt, step: Step) -> Result<(), Fault> {
        match step {
            Step::New => self.begin(attempt),
            Step::Begun(begun) => self.go_on(attempt, begun),
            Step::Done { .. } => Ok(()),
        }
    }

    /// A call of the API; gives `data`.
    fn call(&self, path: &str, body: &Value, what: &str, monitor: &dyn Monitor) -> Result<Value, Fault> {
        let (url, body) = (format!("{}/{path}", self.config.api), body.to_string());
        let reply: Reply = self
            .link
            .send(monitor, &|token| {
                let request = Request::new("POST", url.as_str())
                    .bearer(token.expose())
                    .header("Content-Type", "application/json; charset=UTF-8")
                    .body(Body::Bytes(body.as_bytes()));
                // Everything else that is called here only reads.
                if path == INIT { request.counted_as("tiktok_post") } else { request }
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
        attempt::find::<Step>(&self.link, upload_job_id)
    }

    fn publish(&self, publication: &Publication, monitor: &dyn Monitor) -> Result<Receipt, Fault> {
        attempt::run(&self.link, publication, monitor, |attempt, step| self.go(attempt, step))
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
