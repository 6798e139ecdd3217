//! YouTube, Data API v3: resumable uploads.
//!
//! At most once: the record says that a session was opened before a byte is sent, and that the last bytes are on their way
//! before they are. Any doubt is cured by asking the session what it has; if the session is gone, by looking for our tag
//! among the channel's videos. What nobody can find stays `unconfirmed` and is never sent again.

mod after;
mod captions;
mod errors;
mod insights;
mod lookup;
mod metadata;
mod session;

pub use insights::YoutubeInsights;

use omniva_contracts::config::YoutubeEndpoints;
use omniva_contracts::engine::UploadJobId;
use omniva_contracts::{Code, Fault, Monitor};
use serde::{Deserialize, Serialize};

use crate::attempt::{self, Stage};
use crate::call::Reply;
use crate::link::{Kit, Link, pending};
use crate::oauth::Account;
use crate::publisher::{Publication, Publisher, Receipt};

pub(crate) const PLATFORM: &str = "youtube";

pub struct YoutubePublisher {
    link: Link,
    config: YoutubeEndpoints,
}

/// Where an upload stands. Times are microseconds since the epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "snake_case", deny_unknown_fields)]
enum Step {
    /// Nothing is on the platform.
    New,
    /// A session is open; its address lies in the vault.
    Session {
        opened_us: i64,
        /// Since when the last bytes may have arrived.
        last_us: Option<i64>,
    },
    /// The session is gone, and nobody has seen its last answer.
    Lost {
        opened_us: i64,
        since_us: i64,
    },
    /// The video is there; what belongs to it may not be.
    Posted {
        video: String,
        posted_us: i64,
        after: after::After,
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

impl YoutubePublisher {
    /// `account` is the name that the operator gave the channel.
    pub fn new(kit: Kit, account: &str, config: YoutubeEndpoints) -> Self {
        Self { link: Link { kit, account: Account::new(PLATFORM, account), refused: unauthorised }, config }
    }

    fn go(&self, attempt: &mut Attempt, step: Step) -> Result<(), Fault> {
        match step {
            Step::New => self.open(attempt),
            Step::Session { opened_us, last_us } => self.transfer(attempt, opened_us, last_us),
            Step::Lost { opened_us, since_us } => self.settle(attempt, opened_us, since_us),
            Step::Posted { video, posted_us, after } => self.finish(attempt, video, posted_us, after),
            Step::Done { .. } => Ok(()),
        }
    }

    /// The session is gone before its last answer was seen: the video is there, or not yet, or never.
    fn settle(&self, attempt: &mut Attempt, opened_us: i64, since_us: i64) -> Result<(), Fault> {
        if let Some(video) = self.find_marked(attempt.id, opened_us, attempt.monitor)? {
            return self.posted(attempt, video);
        }
        let until = since_us.saturating_add((self.config.settle_seconds * 1e6) as i64);
        if self.link.now() < until {
            let next = self.link.after(self.config.poll_seconds).min(until);
            return Err(pending("the answer to the last bytes was lost; YouTube is asked for the video", next));
        }
        Err(Fault::new(
            Code::Unconfirmed,
            format!("nobody knows whether upload {} is on the channel {}", attempt.id, self.link.account),
            format!(
                "look in YouTube Studio for a video with the tag {}: retry the job when it is there (it is then found), or \
                 make a new upload when it is not",
                metadata::marker(attempt.id)
            ),
        ))
    }

    fn posted(&self, attempt: &mut Attempt, video: String) -> Result<(), Fault> {
        let after = after::After::default();
        attempt.step(Step::Posted { video, posted_us: self.link.now(), after })
    }
}

impl Publisher for YoutubePublisher {
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

    fn verify(&self, receipt: &Receipt, monitor: &dyn Monitor) -> Result<(), Fault> {
        self.check(receipt, monitor)
    }
}

fn unauthorised(reply: &Reply) -> bool {
    reply.status == 401 && errors::reason(reply).as_deref() != Some("youtubeSignupRequired")
}
