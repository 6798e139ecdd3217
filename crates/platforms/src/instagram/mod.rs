//! Instagram, content publishing: Reels from a file.
//!
//! At most once: only `media_publish` posts, and a container can be published once. That it is about to be is stored
//! before; afterwards the container itself says whether it was.

mod errors;
mod insights;
mod reel;

pub use insights::InstagramInsights;

use omniva_contracts::config::InstagramEndpoints;
use omniva_contracts::engine::UploadJobId;
use omniva_contracts::{Code, Fault, Monitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::attempt::{self, Stage};
use crate::call::{Body, Reply, Request, query};
use crate::link::{Kit, Link};
use crate::oauth::Account;
use crate::publisher::{Publication, Publisher, Receipt};

pub(crate) const PLATFORM: &str = "instagram";

pub struct InstagramPublisher {
    link: Link,
    config: InstagramEndpoints,
}

/// Times are microseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case", deny_unknown_fields)]
enum Step {
    New,
    /// A container waits for the video, or works on it.
    Container {
        id: String,
        made_us: i64,
        filled: bool,
    },
    /// It may have been published.
    Publishing {
        id: String,
        made_us: i64,
        since_us: i64,
    },
    /// It is there; `media` is empty when nobody told its id.
    Posted {
        media: String,
        tries: u32,
    },
    Done {
        receipt: Receipt,
    },
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

impl InstagramPublisher {
    /// `account` is the name that the operator gave the account.
    pub fn new(kit: Kit, account: &str, config: InstagramEndpoints) -> Self {
        Self { link: Link { kit, account: Account::new(PLATFORM, account), refused: errors::unauthorised }, config }
    }

    fn go(&self, attempt: &mut Attempt, step: Step) -> Result<(), Fault> {
        match step {
            Step::New => self.make(attempt),
            Step::Container { id, made_us, filled } => self.fill(attempt, id, made_us, filled),
            Step::Publishing { id, made_us, since_us } => self.release(attempt, id, made_us, since_us),
            Step::Posted { media, tries } => self.finish(attempt, media, tries),
            Step::Done { .. } => Ok(()),
        }
    }

    /// The platform's id of the account, which every address holds.
    fn user(&self) -> Result<String, Fault> {
        let token = self.link.kit.accounts.access(&self.link.account)?;
        let id = token.subject.filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()));
        id.ok_or_else(|| {
            Fault::new(
                Code::PlatformReconnect,
                format!("nobody told the Instagram id of {}", self.link.account),
                format!("omniva auth instagram --account {}", self.link.account.name),
            )
        })
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{}/{path}", self.config.api, self.config.version)
    }

    fn ask(&self, path: &str, monitor: &dyn Monitor) -> Result<Reply, Fault> {
        let url = self.url(path);
        let reply = self.link.send(monitor, &|token| Request::new("GET", url.as_str()).bearer(token.expose()));
        reply.map_err(|failed| failed.fault("Instagram"))
    }

    fn get(&self, path: &str, what: &str, monitor: &dyn Monitor) -> Result<Value, Fault> {
        let reply = self.ask(path, monitor)?;
        if reply.ok() { Ok(reply.json()) } else { Err(errors::fault(&reply, what, self.link.now())) }
    }

    /// A call that does something, and what it counts as.
    fn post(
        &self,
        path: &str,
        action: &'static str,
        fields: &[(&str, &str)],
        what: &str,
        monitor: &dyn Monitor,
    ) -> Result<Value, Fault> {
        let (url, form) = (self.url(path), query(fields));
        let reply = self.link.send(monitor, &|token| {
            Request::new("POST", url.as_str())
                .counted_as(action)
                .bearer(token.expose())
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(Body::Bytes(form.as_bytes()))
        });
        let reply = reply.map_err(|failed| failed.fault("Instagram"))?;
        if reply.ok() { Ok(reply.json()) } else { Err(errors::fault(&reply, what, self.link.now())) }
    }
}

impl Publisher for InstagramPublisher {
    fn target(&self) -> &'static str {
        PLATFORM
    }

    fn authorise(&self) -> Result<(), Fault> {
        self.user().map(|_| ())
    }

    fn find(&self, upload_job_id: UploadJobId) -> Result<Option<Receipt>, Fault> {
        attempt::find::<Step>(&self.link, upload_job_id)
    }

    fn publish(&self, publication: &Publication, monitor: &dyn Monitor) -> Result<Receipt, Fault> {
        attempt::run(&self.link, publication, monitor, |attempt, step| self.go(attempt, step))
    }

    fn verify(&self, receipt: &Receipt, monitor: &dyn Monitor) -> Result<(), Fault> {
        let Some(post) = &receipt.post else {
            return Err(Fault::internal("a receipt of Instagram names no post"));
        };
        // Published, but without a name: there is nothing to ask for.
        if post.id.is_empty() {
            return Ok(());
        }
        self.get(&format!("{}?fields=id", crate::call::encode(&post.id)), "show the post", monitor).map(|_| ())
    }
}
