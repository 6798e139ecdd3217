//! The resumable session: opened, filled in chunks, asked what it has.

use omniva_contracts::config::safe_address;
use omniva_contracts::{Code, Fault};
use serde_json::Value;

use super::{Attempt, Step, YoutubePublisher, errors, metadata};
use crate::call::{Body, Reply, Request, unreachable};
use crate::link::Failed;

/// Answers that lead nowhere, in a row, before the attempt is given up.
const MAX_STANDSTILL: u32 = 4;

/// What a session says.
enum Said {
    /// It holds that many bytes.
    Has(u64),
    /// The video.
    Complete(String),
    /// It is gone.
    Gone,
    /// Finished, but the answer does not name the video.
    Nameless,
}

impl YoutubePublisher {
    pub(super) fn open(&self, attempt: &mut Attempt) -> Result<(), Fault> {
        attempt.video.check(attempt.monitor)?;
        let now = self.link.now();
        let resource =
            metadata::resource(&attempt.publication.post, attempt.id, &self.config.category, now).to_string();
        let url =
            format!("{}/videos?uploadType=resumable&part=snippet,status&notifySubscribers=true", self.config.upload);
        let size = attempt.video.bytes.to_string();
        let reply = self.link.send(attempt.monitor, &|token| {
            Request::new("POST", url.as_str())
                .counted_as("youtube_insert")
                .bearer(token.expose())
                .header("Content-Type", "application/json; charset=UTF-8")
                .header("X-Upload-Content-Length", size.as_str())
                .header("X-Upload-Content-Type", "video/mp4")
                .body(Body::Bytes(resource.as_bytes()))
        });
        // A session without bytes publishes nothing: should the answer be lost, the next attempt opens another.
        let reply = reply.map_err(|failed| failed.fault("YouTube"))?;
        if !reply.ok() {
            return Err(errors::fault(&reply, "take the video", now));
        }
        let session = reply.header("location").filter(|url| safe_address(url).is_ok()).ok_or_else(|| {
            Fault::new(
                Code::PlatformUnavailable,
                "YouTube named no session",
                "nothing has to be done: it is tried again",
            )
        })?;
        attempt.keep_session(session)?;
        attempt.step(Step::Session { opened_us: now, last_us: None })
    }

    pub(super) fn transfer(&self, attempt: &mut Attempt, opened_us: i64, last_us: Option<i64>) -> Result<(), Fault> {
        let secret = attempt.session()?;
        let Some(secret) = secret else { return self.gone(attempt, opened_us, last_us) };
        let uri = secret.text()?;
        let mut last = last_us;
        let mut standstill = 0;
        // What was sent before is never assumed to have been kept.
        let mut said = self.probe(attempt, uri)?;
        loop {
            let at = match said {
                Said::Complete(video) => return self.posted(attempt, video),
                Said::Gone => return self.gone(attempt, opened_us, last),
                Said::Nameless => return attempt.step(Step::Lost { opened_us, since_us: self.link.now() }),
                Said::Has(at) => at,
            };
            let total = attempt.video.bytes;
            attempt.monitor.progress(at as f64 / total as f64);
            let len = self.config.chunk_bytes.min(total.saturating_sub(at));
            if len == 0 {
                let next = self.link.after(self.config.poll_seconds);
                return Err(crate::link::pending("YouTube has all bytes and puts them together", next));
            }
            let ends = at + len == total;
            if ends != last.is_some() {
                // Said before the last bytes go out; taken back once the session has said that it lacks some.
                last = ends.then(|| self.link.now());
                attempt.step(Step::Session { opened_us, last_us: last })?;
            }
            said = match self.chunk(attempt, uri, at, len) {
                Ok(reply) => self.read(&reply, at + len)?,
                Err(Failed::Fault(fault)) => return Err(fault),
                Err(Failed::Trouble(trouble)) if trouble.cancelled => return Err(Fault::cancelled()),
                Err(Failed::Trouble(trouble)) => {
                    standstill += 1;
                    if standstill >= MAX_STANDSTILL {
                        return Err(unreachable("YouTube", &trouble));
                    }
                    self.probe(attempt, uri)?
                }
            };
            match said {
                Said::Has(now) if now <= at => standstill += 1,
                _ => standstill = 0,
            }
            if standstill >= MAX_STANDSTILL {
                let next = "nothing has to be done: it is tried again";
                return Err(Fault::new(Code::PlatformUnavailable, "YouTube keeps nothing of what is sent", next));
            }
        }
    }

    /// A session that is gone before its last bytes went out has published nothing; still, the channel is looked at first.
    fn gone(&self, attempt: &mut Attempt, opened_us: i64, last_us: Option<i64>) -> Result<(), Fault> {
        if last_us.is_some() {
            return attempt.step(Step::Lost { opened_us, since_us: self.link.now() });
        }
        match self.find_marked(attempt.id, opened_us, attempt.monitor)? {
            Some(video) => self.posted(attempt, video),
            None => attempt.step(Step::New),
        }
    }

    fn chunk(&self, attempt: &Attempt, uri: &str, at: u64, len: u64) -> Result<Reply, Failed> {
        let total = attempt.video.bytes;
        let range = format!("bytes {at}-{}/{total}", at + len - 1);
        self.link.send(attempt.monitor, &|token| {
            Request::new("PUT", uri)
                .bearer(token.expose())
                .header("Content-Type", "video/mp4")
                .header("Content-Range", range.as_str())
                .body(Body::Part { path: attempt.video.path, from: at, len })
        })
    }

    fn probe(&self, attempt: &Attempt, uri: &str) -> Result<Said, Fault> {
        let total = attempt.video.bytes;
        let reply = self.link.send(attempt.monitor, &|token| {
            Request::new("PUT", uri).bearer(token.expose()).header("Content-Range", format!("bytes */{total}"))
        });
        self.read(&reply.map_err(|failed| failed.fault("YouTube"))?, total)
    }

    /// `sent` is how far we have sent: a session that claims more is not ours.
    fn read(&self, reply: &Reply, sent: u64) -> Result<Said, Fault> {
        match reply.status {
            200 | 201 => Ok(match reply.json().get("id").and_then(Value::as_str).filter(|id| !id.is_empty()) {
                Some(video) => Said::Complete(video.to_owned()),
                None => Said::Nameless,
            }),
            308 => match reply.header("range") {
                None => Ok(Said::Has(0)),
                Some(range) => {
                    let end = range.trim().strip_prefix("bytes=0-").and_then(|end| end.parse::<u64>().ok());
                    let has = end.and_then(|end| end.checked_add(1)).filter(|has| *has <= sent);
                    has.map(Said::Has).ok_or_else(|| {
                        let next = "nothing has to be done: it is tried again";
                        Fault::new(
                            Code::PlatformUnavailable,
                            "YouTube's session names a range that makes no sense",
                            next,
                        )
                    })
                }
            },
            404 | 410 => Ok(Said::Gone),
            _ => Err(errors::fault(reply, "take the video's bytes", self.link.now())),
        }
    }
}
