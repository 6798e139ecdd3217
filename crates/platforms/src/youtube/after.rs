//! After the bytes: cover, playlist, captions, and reading back what YouTube has made of it.

use omniva_contracts::engine::Moment;
use omniva_contracts::{Code, Fault, FaultClass, Monitor};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lookup::entries;
use super::{Attempt, Step, YoutubePublisher, errors, metadata};
use crate::call::{Body, Request, encode};
use crate::files::cover;
use crate::link::pending;
use crate::publisher::{Posted, Receipt};

/// Attempts at what is not worth failing a published video for.
const MAX_TRIES: u32 = 3;
/// Longest pause that is waited for with it, seconds: a quota that is used up until tomorrow is not.
const MAX_WAIT_SECONDS: f64 = 3_600.0;

/// What was done after the video was posted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    cover: bool,
    playlist: bool,
    #[serde(default)]
    captions: bool,
    tries: u32,
    notes: Vec<String>,
}

impl YoutubePublisher {
    pub(super) fn finish(
        &self,
        attempt: &mut Attempt,
        video: String,
        posted_us: i64,
        after: After,
    ) -> Result<(), Fault> {
        let mut after = after;
        attempt.forget_session()?;
        if !after.cover {
            let done = self.set_cover(attempt, &video);
            self.keep(attempt, &video, posted_us, &mut after, "the cover was not set", done)?;
            after.cover = true;
            attempt.step(Step::Posted { video: video.clone(), posted_us, after: after.clone() })?;
        }
        if !after.playlist {
            let done = self.join_playlist(attempt, &video);
            self.keep(attempt, &video, posted_us, &mut after, "it did not join the playlist", done)?;
            after.playlist = true;
            attempt.step(Step::Posted { video: video.clone(), posted_us, after: after.clone() })?;
        }
        if !after.captions {
            let done = self.set_captions(attempt, &video);
            self.keep(attempt, &video, posted_us, &mut after, "the captions were not added", done)?;
            after.captions = true;
            attempt.step(Step::Posted { video: video.clone(), posted_us, after: after.clone() })?;
        }
        let receipt = self.read_back(attempt, &video, posted_us, after.notes)?;
        attempt.step(Step::Done { receipt })
    }

    /// A passing fault is tried again, a few times; any other becomes a note: the video is there.
    fn keep(
        &self,
        attempt: &mut Attempt,
        video: &str,
        posted_us: i64,
        after: &mut After,
        what: &str,
        done: Result<(), Fault>,
    ) -> Result<(), Fault> {
        let Err(fault) = done else { return Ok(()) };
        let stops = matches!(fault.code, Code::Cancelled | Code::PlatformReconnect);
        let soon = self.link.after(MAX_WAIT_SECONDS);
        let passes = matches!(fault.class(), FaultClass::Transient | FaultClass::Limit)
            && fault.not_before_us.is_none_or(|us| us <= soon);
        if stops || (passes && after.tries < MAX_TRIES) {
            after.tries += u32::from(passes);
            attempt.step(Step::Posted { video: video.to_owned(), posted_us, after: after.clone() })?;
            return Err(fault);
        }
        after.notes.push(format!("{what}: {}", fault.message));
        Ok(())
    }

    fn set_cover(&self, attempt: &Attempt, video: &str) -> Result<(), Fault> {
        let Some((file, path, kind)) = cover(attempt.publication) else { return Ok(()) };
        if file.bytes == 0 || file.bytes > self.config.thumbnail_bytes {
            let message =
                format!("{} has {} bytes, YouTube takes up to {}", file.name, file.bytes, self.config.thumbnail_bytes);
            return Err(Fault::new(Code::PlatformRefused, message, "make a smaller thumbnail"));
        }
        let url = format!("{}/thumbnails/set?videoId={}", self.config.upload, encode(video));
        let reply = self.link.send(attempt.monitor, &|token| {
            let request = Request::new("POST", url.as_str()).counted_as("youtube_thumbnail");
            request.bearer(token.expose()).header("Content-Type", kind).body(Body::Part {
                path,
                from: 0,
                len: file.bytes,
            })
        });
        let reply = reply.map_err(|failed| failed.fault("YouTube"))?;
        if reply.ok() { Ok(()) } else { Err(errors::fault(&reply, "set the cover", self.link.now())) }
    }

    /// Looks first: an insert whose answer was lost may have been done.
    fn join_playlist(&self, attempt: &Attempt, video: &str) -> Result<(), Fault> {
        let Some(playlist) = &attempt.publication.post.playlist else { return Ok(()) };
        let query = format!("playlistItems?part=id&playlistId={}&videoId={}", encode(playlist), encode(video));
        if entries(&self.list(&query, attempt.monitor)?).next().is_some() {
            return Ok(());
        }
        let url = format!("{}/playlistItems?part=snippet", self.config.api);
        let resource = json!({ "kind": "youtube#video", "videoId": video });
        let body = json!({ "snippet": { "playlistId": playlist, "resourceId": resource } }).to_string();
        let reply = self.link.send(attempt.monitor, &|token| {
            Request::new("POST", url.as_str())
                .counted_as("youtube_write")
                .bearer(token.expose())
                .header("Content-Type", "application/json; charset=UTF-8")
                .body(Body::Bytes(body.as_bytes()))
        });
        let reply = reply.map_err(|failed| failed.fault("YouTube"))?;
        if reply.ok() { Ok(()) } else { Err(errors::fault(&reply, "add to the playlist", self.link.now())) }
    }

    fn read_back(&self, attempt: &Attempt, video: &str, posted_us: i64, notes: Vec<String>) -> Result<Receipt, Fault> {
        let Some(found) = self.video(video, attempt.monitor)? else {
            let until = posted_us.saturating_add((self.config.settle_seconds * 1e6) as i64);
            if self.link.now() < until {
                let next = self.link.after(self.config.poll_seconds).min(until);
                return Err(pending(format!("YouTube does not show the video {video} yet"), next));
            }
            return Err(removed(video));
        };
        let mut notes = notes;
        let text = |at: &str| found.pointer(at).and_then(Value::as_str).map(str::to_owned);
        let privacy = text("/status/privacyStatus");
        let wanted = metadata::privacy(&attempt.publication.post, posted_us);
        if privacy.as_deref() != Some(wanted) {
            notes.push(format!("it is {}, and should be {wanted}", privacy.as_deref().unwrap_or("of unknown privacy")));
        }
        let post = Posted {
            account: self.link.account.name.clone(),
            id: video.to_owned(),
            url: Some(format!("{}{video}", self.config.watch)),
            privacy,
            publish_at: text("/status/publishAt").as_deref().and_then(Moment::parse),
            notes,
        };
        Ok(Receipt { place: format!("{}", self.link.account), files: attempt.video.placed(), post: Some(post) })
    }

    fn video(&self, id: &str, monitor: &dyn Monitor) -> Result<Option<Value>, Fault> {
        let listed = self.list(&format!("videos?part=status,processingDetails&id={}", encode(id)), monitor)?;
        Ok(entries(&listed).next().cloned())
    }

    /// Whether YouTube could process the video, and lets it stay.
    pub(super) fn check(&self, receipt: &Receipt, monitor: &dyn Monitor) -> Result<(), Fault> {
        let Some(post) = &receipt.post else {
            return Err(Fault::internal("a receipt of YouTube names no video"));
        };
        let Some(video) = self.video(&post.id, monitor)? else { return Err(removed(&post.id)) };
        let text = |at: &str| video.pointer(at).and_then(Value::as_str);
        let reason = text("/status/rejectionReason").or(text("/status/failureReason"));
        let reason = reason.or(text("/processingDetails/processingFailureReason")).unwrap_or("no reason given");
        match (text("/status/uploadStatus"), text("/processingDetails/processingStatus")) {
            (Some("rejected"), _) => Err(Fault::new(
                Code::PlatformRefused,
                format!("YouTube rejected the video {}: {reason}", post.id),
                "look at the video in YouTube Studio; it is not sent again",
            )),
            (Some("deleted"), _) => Err(removed(&post.id)),
            (Some("failed"), _) | (_, Some("failed" | "terminated")) => Err(Fault::new(
                Code::PlatformRefused,
                format!("YouTube can't process the video {}: {reason}", post.id),
                "delete it in YouTube Studio, edit the clip again and make a new upload",
            )),
            (Some("processed"), _) | (_, Some("succeeded")) => Ok(()),
            _ => {
                let next = self.link.after(self.config.poll_seconds);
                Err(pending(format!("YouTube processes the video {}", post.id), next))
            }
        }
    }
}

fn removed(video: &str) -> Fault {
    Fault::new(
        Code::PlatformRefused,
        format!("the video {video} is not on YouTube any more"),
        "look in YouTube Studio who removed it; it is not sent again",
    )
}
