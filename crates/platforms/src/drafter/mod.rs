//! The port to a model that drafts texts, and its adapter for servers that speak OpenAI's chat completions.
//!
//! What comes back is words of a stranger: it is read strictly here, and judged by the project's rules where texts are
//! written. The server is reached through [`Net`] like everything else, so that one on this machine has to be allowed.

mod prompt;

use std::sync::Arc;
use std::time::{Duration, Instant};

use omniva_contracts::config::DrafterConfig;
use omniva_contracts::engine::{ClipFacts, Drafted, Outlet, Tone};
use omniva_contracts::{Code, Fault, FaultClass, Monitor};
use omniva_vault::Secrets;
use serde::Deserialize;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE};

use crate::net::{Ask, Net, Span, seconds};

/// First try and second.
const TRIES: u32 = 2;
const NEXT: &str = "nothing has to be done: the text is written by rules instead";

/// What is to be drafted.
#[derive(Clone, Debug)]
pub struct DraftAsk<'a> {
    pub facts: &'a ClipFacts,
    pub outlet: Outlet,
    pub tone: Tone,
    /// Characters.
    pub title_chars: usize,
    pub text_chars: usize,
    /// Those to choose from, without `#`, and how many.
    pub hashtags: &'a [String],
    pub hashtag_count: usize,
}

/// Drafts texts. It blocks, and asks the monitor whether to go on.
pub trait Drafter: Send + Sync {
    /// # Errors
    /// `model_failed` when what it said can't be used, `network_timeout`, `source_unavailable`, `auth_failed`,
    /// `address_refused`, `rate_limited`, `too_large`, `unavailable`, `config_invalid`, those of the vault, `cancelled`.
    fn draft(&self, ask: &DraftAsk, monitor: &dyn Monitor) -> Result<Drafted, Fault>;
}

pub struct ChatDrafter {
    config: DrafterConfig,
    net: Arc<Net>,
    secrets: Arc<dyn Secrets>,
}

/// The part of an answer that counts; servers add much else.
#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}
#[derive(Deserialize)]
struct Choice {
    message: Message,
    #[serde(default)]
    finish_reason: Option<String>,
}
#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

/// Says stop when the time is over, or when somebody else does.
struct Deadline<'a> {
    inner: &'a dyn Monitor,
    until: Instant,
}

impl Monitor for Deadline<'_> {
    fn progress(&self, fraction: f64) {
        self.inner.progress(fraction);
    }
    fn cancelled(&self) -> bool {
        self.inner.cancelled() || Instant::now() >= self.until
    }
}

impl ChatDrafter {
    /// `None` when the configuration names no server.
    pub fn new(config: &DrafterConfig, net: Arc<Net>, secrets: Arc<dyn Secrets>) -> Option<Self> {
        config.is_on().then(|| Self { config: config.clone(), net, secrets })
    }

    fn key(&self) -> Result<Option<String>, Fault> {
        if self.config.key.is_empty() {
            return Ok(None);
        }
        let key = self.secrets.get(&self.config.key)?.ok_or_else(|| {
            let message = format!("the vault holds no key {} for the model that drafts texts", self.config.key);
            let next = format!("omniva auth secret {} --file FILE, or empty engine.drafter.key", self.config.key);
            Fault::new(Code::ConfigInvalid, message, next)
        })?;
        Ok(Some(format!("Bearer {}", key.text()?.trim())))
    }

    fn once(&self, body: &str, key: Option<&str>, monitor: &dyn Monitor) -> Result<Drafted, Fault> {
        let url = format!("{}/chat/completions", self.config.url.trim_end_matches('/'));
        let mut ask = Ask::post(Span::Document, "application/json", body).with(CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            ask = ask.with(AUTHORIZATION, key);
        }
        let mut answer = self.net.ask(&url, &ask, monitor).map_err(|fault| match fault.code {
            Code::AuthFailed => {
                let next = "check the key of engine.drafter.key in the vault; until then texts are written by rules";
                Fault::new(Code::AuthFailed, "the model that drafts texts refuses our key", next)
                    .with_detail(fault.detail)
            }
            _ => fault,
        })?;
        let bytes = answer.whole(u64::from(self.config.answer_kilobytes) << 10, monitor)?;
        said(&bytes)
    }
}

impl Drafter for ChatDrafter {
    fn draft(&self, ask: &DraftAsk, monitor: &dyn Monitor) -> Result<Drafted, Fault> {
        let key = self.key()?;
        let body = prompt::request(&self.config, ask).to_string();
        let limit = seconds(self.config.seconds);
        let until = Instant::now().checked_add(limit).unwrap_or_else(Instant::now);
        let deadline = Deadline { inner: monitor, until };
        let mut tries = 0;
        loop {
            tries += 1;
            let fault = match self.once(&body, key.as_deref(), &deadline) {
                Ok(drafted) => return Ok(drafted),
                Err(fault) => fault,
            };
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            if fault.code == Code::Cancelled || deadline.cancelled() {
                return Err(late(limit));
            }
            // A model says something else the next time; a server that wants to be left alone is.
            if tries >= TRIES || fault.class() != FaultClass::Transient || fault.not_before_us.is_some() {
                return Err(fault);
            }
        }
    }
}

fn late(limit: Duration) -> Fault {
    let message = format!("the model that drafts texts took longer than {:.1} seconds", limit.as_secs_f64());
    Fault::new(Code::NetworkTimeout, message, NEXT)
}

/// The draft in an answer: one choice, finished, with nothing but the draft.
fn said(bytes: &[u8]) -> Result<Drafted, Fault> {
    let wrong = |why: &str| Fault::new(Code::ModelFailed, format!("the model that drafts texts {why}"), NEXT);
    let completion: Completion =
        serde_json::from_slice(bytes).map_err(|e| wrong("gave no answer of the known form").with_detail(e))?;
    let [choice] = completion.choices.as_slice() else { return Err(wrong("gave no answer, or several")) };
    if choice.message.refusal.as_deref().is_some_and(|refusal| !refusal.is_empty()) {
        return Err(wrong("refused to write"));
    }
    if choice.finish_reason.as_deref().is_some_and(|reason| reason != "stop") {
        return Err(wrong("did not come to an end"));
    }
    Drafted::parse(choice.message.content.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests;
