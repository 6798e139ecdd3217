//! One HTTP request to a platform and its answer, behind a port, so that tests may break it at any byte.

mod agent;
mod form;

use std::path::Path;

use omniva_contracts::{Code, Fault, Monitor};
use serde_json::Value;

pub use agent::HttpTransport;
pub(crate) use form::{encode, query};

/// Largest answer that is read.
pub(crate) const MAX_ANSWER: u64 = 4 << 20;

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    None,
    Bytes(&'a [u8]),
    /// Bytes `from .. from + len` of a file.
    Part {
        path: &'a Path,
        from: u64,
        len: u64,
    },
}

impl Body<'_> {
    pub fn len(&self) -> u64 {
        match self {
            Body::None => 0,
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::Part { len, .. } => *len,
        }
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// `Debug` is left out on purpose: headers and addresses hold tokens.
#[derive(Clone)]
pub struct Request<'a> {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body<'a>,
    /// What the platform counts it as, where it does: a name of `config/platforms.toml`.
    pub action: Option<&'static str>,
}

impl<'a> Request<'a> {
    pub fn new(method: &'static str, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), headers: Vec::new(), body: Body::None, action: None }
    }
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
    pub fn counted_as(mut self, action: &'static str) -> Self {
        self.action = Some(action);
        self
    }
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }
    pub fn body(mut self, body: Body<'a>) -> Self {
        self.body = body;
        self
    }
}

#[derive(Clone)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
    pub fn ok(&self) -> bool {
        (200..300).contains(&self.status)
    }
    /// The body as JSON; `Null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
    /// The moment that `Retry-After` names (seconds; dates are not used by these platforms), microseconds.
    pub fn retry_after(&self, now_us: i64) -> Option<i64> {
        let seconds: i64 = self.header("retry-after")?.trim().parse().ok()?;
        Some(now_us.saturating_add(seconds.clamp(0, 7 * 86_400) * 1_000_000))
    }
}

/// No answer came. Whether the request arrived is unknown, unless `unsent`.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// Nothing of the request left this machine.
    pub unsent: bool,
    /// The operator, or the end of the engine, stopped it.
    pub cancelled: bool,
    pub what: String,
}

/// Sends a request once. It never tries again by itself and follows no redirect.
pub trait Transport: Send + Sync {
    /// # Errors
    /// [`Trouble`] when there is no whole answer.
    fn send(&self, request: &Request, monitor: &dyn Monitor) -> Result<Reply, Trouble>;
}

/// The fault of a request without an answer, of which it does not matter whether it arrived.
pub(crate) fn unreachable(platform: &str, trouble: &Trouble) -> Fault {
    if trouble.cancelled {
        return Fault::cancelled();
    }
    Fault::new(
        Code::PlatformUnavailable,
        format!("{platform} can't be reached, or its answer was lost"),
        "nothing has to be done: it is tried again; check the network if it stays like this",
    )
    .with_detail(&trouble.what)
}

/// A few words of an answer for the detail of a fault: no control characters, never more than 300.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}
