//! One answer: status and headers first, then the body in blocks.
//!
//! A thread of its own asks and reads, because a read that blocks can't be interrupted; it ends with its time limits, or
//! as soon as nobody takes its blocks any more.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use omniva_contracts::engine::Moment;
use omniva_contracts::{Code, Fault, Monitor};
use ureq::Agent;
use ureq::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LAST_MODIFIED, LOCATION};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Request};
use url::Url;

use super::{Span, fault, shown};

const BLOCK: usize = 64 * 1024;
/// Blocks that wait to be taken.
const WAITING: usize = 8;
/// Between two questions whether to go on.
const TICK: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    /// Never sent on to where a redirect leads.
    Post,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: Method,
    pub span: Span,
    pub accept: &'static str,
    /// Further headers.
    pub headers: Vec<(HeaderName, String)>,
    /// What is sent along; nothing but with [`Method::Post`].
    pub body: String,
}

impl Ask {
    pub fn get(span: Span, accept: &'static str) -> Self {
        Self { method: Method::Get, span, accept, headers: Vec::new(), body: String::new() }
    }
    pub fn head(accept: &'static str) -> Self {
        Self { method: Method::Head, span: Span::Document, accept, headers: Vec::new(), body: String::new() }
    }
    pub fn post(span: Span, accept: &'static str, body: impl Into<String>) -> Self {
        Self { method: Method::Post, body: body.into(), ..Self::get(span, accept) }
    }
    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

enum Part {
    Head(u16, HeaderMap),
    Block(Vec<u8>),
    End,
    Broken(Fault),
}

pub struct Answer {
    /// Where it came from in the end.
    pub url: Url,
    pub status: u16,
    headers: HeaderMap,
    parts: Receiver<Part>,
    ended: bool,
}

impl Answer {
    pub(super) fn open(agent: &Agent, url: Url, ask: &Ask, monitor: &dyn Monitor) -> Result<Self, Fault> {
        let request = request(&url, ask)?;
        let (sender, parts) = sync_channel(WAITING);
        let (agent, place, body) = (agent.clone(), url.clone(), ask.method != Method::Head);
        let sent = (ask.method == Method::Post).then(|| ask.body.clone());
        thread::Builder::new()
            .name("http".into())
            .spawn(move || perform(&agent, request, sent, &place, body, &sender))
            .map_err(|e| {
                Fault::new(Code::SourceUnavailable, "no thread can be started", "nothing: it is tried again")
                    .with_detail(e)
            })?;
        match next(&parts, &url, monitor)? {
            Part::Head(status, headers) => Ok(Self { url, status, headers, parts, ended: false }),
            _ => Err(Fault::internal("an answer began with its body")),
        }
    }

    /// Where it leads on to.
    pub(super) fn redirect(&self) -> Result<Option<String>, Fault> {
        if !matches!(self.status, 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let text = self.header(LOCATION).ok_or_else(|| {
            let message = format!("{} leads on without saying where to", shown(&self.url));
            Fault::new(Code::SourceUnavailable, message, "check the address")
        })?;
        Ok(Some(text.to_owned()))
    }

    pub(super) fn judged(self, now: Moment) -> Result<Self, Fault> {
        fault::status(&self.url, self.status, &self.headers, now).map_or(Ok(self), Err)
    }

    /// A header of readable text.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Type without its parameters, lower case.
    pub fn content_type(&self) -> Option<String> {
        let text = self.header(CONTENT_TYPE)?.split(';').next()?.trim();
        (!text.is_empty()).then(|| text.to_ascii_lowercase())
    }

    /// Bytes of this answer's body, as far as it says.
    pub fn length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH)?.trim().parse().ok()
    }

    pub fn etag(&self) -> Option<&str> {
        self.header(ETAG)
    }

    pub fn last_modified(&self) -> Option<&str> {
        self.header(LAST_MODIFIED)
    }

    /// False when the server packed the body although it was asked not to.
    pub fn plain(&self) -> bool {
        self.header(CONTENT_ENCODING).is_none_or(|coding| coding.trim().is_empty() || coding.trim() == "identity")
    }

    /// The next part of the body, `None` at its end.
    ///
    /// # Errors
    /// `network_timeout`, `source_unavailable` when it broke off, `cancelled`.
    pub fn block(&mut self, monitor: &dyn Monitor) -> Result<Option<Vec<u8>>, Fault> {
        if self.ended {
            return Ok(None);
        }
        match next(&self.parts, &self.url, monitor)? {
            Part::Block(block) => Ok(Some(block)),
            Part::End => {
                self.ended = true;
                Ok(None)
            }
            _ => Err(Fault::internal("an answer began twice")),
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// `too_large` above `max` bytes; those of [`Answer::block`].
    pub fn whole(&mut self, max: u64, monitor: &dyn Monitor) -> Result<Vec<u8>, Fault> {
        let too_large = || {
            Fault::new(
                Code::TooLarge,
                format!("{} has more than {max} bytes", shown(&self.url)),
                "check the address; engine.network.document_megabytes is the limit for feeds",
            )
        };
        if self.length().is_some_and(|length| length > max) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(block) = self.block(monitor)? {
            if (body.len() + block.len()) as u64 > max {
                return Err(Fault::new(
                    Code::TooLarge,
                    format!("{} has more than {max} bytes", shown(&self.url)),
                    "check the address; engine.network.document_megabytes is the limit for feeds",
                ));
            }
            body.extend_from_slice(&block);
        }
        Ok(body)
    }
}

fn request(url: &Url, ask: &Ask) -> Result<Request<()>, Fault> {
    let bad = |what: &str| Fault::internal(format!("a request to {} has a bad {what}", shown(url)));
    let method = match ask.method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
    };
    let mut request = Request::builder().method(method).uri(url.as_str()).header(ACCEPT, ask.accept);
    for (name, value) in &ask.headers {
        request = request.header(name, HeaderValue::from_str(value).map_err(|_| bad("header"))?);
    }
    // The guard's reader and the client's may differ about what is a URL: such a one is not asked.
    request.body(()).map_err(|error| {
        Fault::new(Code::UrlInvalid, format!("{} can't be asked", shown(url)), "give the URL in its plain form")
            .with_detail(error)
    })
}

/// What a dropped receiver leaves unread is nobody's any more.
fn perform(
    agent: &Agent,
    request: Request<()>,
    sent: Option<String>,
    url: &Url,
    body: bool,
    sender: &SyncSender<Part>,
) {
    let ran = match sent {
        Some(sent) => agent.run(request.map(|()| sent)),
        None => agent.run(request),
    };
    let answer = match ran {
        Ok(answer) => answer,
        Err(error) => {
            let _ = sender.send(Part::Broken(fault::transport(url, error)));
            return;
        }
    };
    let (head, content) = answer.into_parts();
    if sender.send(Part::Head(head.status.as_u16(), head.headers)).is_err() {
        return;
    }
    if !body {
        let _ = sender.send(Part::End);
        return;
    }
    let mut reader = content.into_reader();
    loop {
        let mut block = vec![0u8; BLOCK];
        let part = match reader.read(&mut block) {
            Ok(0) => Part::End,
            Ok(count) => {
                block.truncate(count);
                Part::Block(block)
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => Part::Broken(fault::reading(url, error)),
        };
        let last = !matches!(part, Part::Block(_));
        if sender.send(part).is_err() || last {
            return;
        }
    }
}

fn next(parts: &Receiver<Part>, url: &Url, monitor: &dyn Monitor) -> Result<Part, Fault> {
    loop {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        match parts.recv_timeout(TICK) {
            Ok(Part::Broken(fault)) => return Err(fault),
            Ok(part) => return Ok(part),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Fault::internal(format!("the reader of {} ended without a word", shown(url))));
            }
        }
    }
}
