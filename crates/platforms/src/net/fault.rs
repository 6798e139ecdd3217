//! What went wrong on the way, by reason.

use std::io::ErrorKind;
use std::time::Duration;

use omniva_contracts::engine::Moment;
use omniva_contracts::{Code, Fault};
use ureq::Error;
use ureq::http::HeaderMap;
use ureq::http::header::{DATE, RETRY_AFTER};
use url::Url;

use super::names::Refused;
use super::{moment, shown};

/// Longest pause that another side can ask for: one day.
const MAX_PAUSE: Duration = Duration::from_secs(86_400);

pub(super) fn timed_out(url: &Url) -> Fault {
    Fault::new(
        Code::NetworkTimeout,
        format!("{} took too long to answer", shown(url)),
        "nothing: it is tried again; if it stays so, look whether the server is up, or raise the limits in engine.network",
    )
}

fn down(url: &Url, why: &str) -> Fault {
    Fault::new(
        Code::SourceUnavailable,
        format!("{} can't be reached: {why}", shown(url)),
        "nothing: it is tried again; if it stays so, check the address and this machine's network",
    )
}

/// Why a host can't be dialled, without its name.
pub(super) fn unnamed(error: Error) -> Fault {
    if let Error::Other(inner) = error
        && let Ok(refused) = inner.downcast::<Refused>()
    {
        return refused.0;
    }
    let next = "check its name, and this machine's network";
    Fault::new(Code::SourceUnavailable, "the host is not known", next)
}

/// A fault below HTTP.
pub(super) fn transport(url: &Url, error: Error) -> Fault {
    match error {
        Error::Timeout(_) => timed_out(url),
        Error::Other(inner) => match inner.downcast::<Refused>() {
            Ok(refused) => refused.0,
            Err(other) => down(url, "the connection failed").with_detail(other),
        },
        Error::HostNotFound => down(url, "its host is not known"),
        Error::Io(error) => reading(url, error),
        Error::LargeResponseHeader(..) => Fault::new(
            Code::TooLarge,
            format!("{} answers with more headers than are read", shown(url)),
            "check that the address is the right one; engine.network.header_kilobytes is the limit",
        ),
        Error::Tls(why) => down(url, "there is no safe connection").with_detail(why),
        Error::Rustls(error) => down(url, "there is no safe connection").with_detail(error),
        other => down(url, "it does not speak HTTP as it should").with_detail(other),
    }
}

/// A fault while the body is read. ureq wraps its own errors.
pub(super) fn reading(url: &Url, error: std::io::Error) -> Fault {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => timed_out(url),
        _ => match error.downcast::<Error>() {
            Ok(inner) => match inner {
                Error::Io(error) => down(url, "the connection broke").with_detail(error),
                inner => transport(url, inner),
            },
            Err(error) => down(url, "the connection broke").with_detail(error),
        },
    }
}

/// What a status says at `now`, `None` for those that an answer may have.
pub(super) fn status(url: &Url, status: u16, headers: &HeaderMap, now: Moment) -> Option<Fault> {
    let place = shown(url);
    let paused = |fault: Fault| match pause(headers) {
        Some(pause) => fault.not_before(now.after(pause).0),
        None => fault,
    };
    let fault = match status {
        200 | 206 | 304 | 416 => return None,
        401 | 403 | 407 => Fault::new(
            Code::AuthFailed,
            format!("{place} refuses access (status {status})"),
            "check that the address can be opened without signing in",
        ),
        404 | 410 | 451 => Fault::new(
            Code::Unavailable,
            format!("{place} is not there (status {status})"),
            "check the address; what was removed can't be had any more",
        ),
        429 => paused(Fault::new(
            Code::RateLimited,
            format!("{place} was asked too often"),
            "nothing: it is asked again later; ask it less often if this stays so",
        )),
        408 | 504 => timed_out(url),
        503 => paused(down(url, "it is overloaded or being repaired (status 503)")),
        400..=499 => {
            Fault::new(Code::Unavailable, format!("{place} refuses the request (status {status})"), "check the address")
        }
        _ => down(url, &format!("it answers with status {status}")),
    };
    Some(fault)
}

/// `Retry-After`: a number of seconds, or a date, which counts from the server's own clock (RFC 9110 §10.2.3).
pub(super) fn pause(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let now = moment(headers.get(DATE)?.to_str().ok()?)?;
            moment(text)?.since(now)
        }
    };
    Some(pause.min(MAX_PAUSE))
}
