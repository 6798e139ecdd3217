//! One post: what the account allows, the publish id, the bytes, the status.

use omniva_contracts::config::safe_address;
use omniva_contracts::wire::PrivacyStatus;
use omniva_contracts::{Code, Fault};
use serde_json::{Value, json};

use super::chunks::{piece, plan};
use super::{Attempt, Begun, Step, TiktokPublisher, errors, unconfirmed};
use crate::call::{Body, Request, unreachable};
use crate::link::{Failed, pending};
use crate::publisher::{Post, Posted, Receipt};
use crate::text::clip_utf16;

/// How long after its bytes a post may take to be published or refused, microseconds.
const PATIENCE: i64 = 86_400_000_000;
const PUBLIC: &str = "PUBLIC_TO_EVERYONE";
/// Pieces that were sent and did not arrive, in a row, before the attempt is given up.
const MAX_STANDSTILL: u32 = 4;

/// What the status says.
enum Stands {
    /// It holds that many bytes.
    Has(u64),
    Working,
    Published(Vec<String>),
    /// It waits in the owner's inbox.
    Inbox,
    /// It will never be published; whether another try may succeed.
    Failed(Fault, bool),
}

impl TiktokPublisher {
    pub(super) fn begin(&self, attempt: &mut Attempt) -> Result<(), Fault> {
        attempt.video.check(attempt.monitor)?;
        let creator =
            self.call("post/publish/creator_info/query/", &json!({}), "tell what the account allows", attempt.monitor)?;
        let privacy = privacy(&attempt.publication.post, &creator)?;
        self.within_length(attempt, &creator)?;
        let (chunk, count) = plan(attempt.video.bytes, self.config.chunk_bytes);
        let off = |key: &str| creator.get(key).and_then(Value::as_bool).unwrap_or(false);
        let post = &attempt.publication.post;
        let mut info = json!({
            "title": clip_utf16(&caption(post), self.config.title_utf16 as usize),
            "privacy_level": privacy,
            "disable_comment": off("comment_disabled"),
            "disable_duet": off("duet_disabled"),
            "disable_stitch": off("stitch_disabled"),
            "is_aigc": post.synthetic,
        });
        if let Some(ms) = post.cover_ms {
            info["video_cover_timestamp_ms"] = json!(ms);
        }
        let source = json!({
            "source": "FILE_UPLOAD", "video_size": attempt.video.bytes, "chunk_size": chunk, "total_chunk_count": count,
        });
        let body = json!({ "post_info": info, "source_info": source });
        // Without bytes nothing is posted: should the answer be lost, the next attempt asks for another id.
        let data = self.call(super::INIT, &body, "take the post", attempt.monitor)?;
        let text = |key: &str| data.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let (Some(publish_id), Some(address)) =
            (text("publish_id"), text("upload_url").filter(|a| safe_address(a).is_ok()))
        else {
            let next = "nothing has to be done: it is tried again";
            return Err(Fault::new(Code::PlatformUnavailable, "TikTok named no place for the video", next));
        };
        attempt.keep_session(address)?;
        let creator = creator.get("creator_username").and_then(Value::as_str).map(str::to_owned);
        let begun_us = self.link.now();
        let begun = Begun { publish_id: publish_id.to_owned(), creator, privacy, chunk, begun_us, last_us: None };
        attempt.step(Step::Begun(begun))
    }

    /// TikTok would take the bytes, and refuse the post afterwards.
    fn within_length(&self, attempt: &Attempt, creator: &Value) -> Result<(), Fault> {
        let allowed = creator.get("max_video_post_duration_sec").and_then(Value::as_f64);
        let most = allowed.map_or(self.config.max_seconds, |allowed| allowed.min(self.config.max_seconds));
        match attempt.video.seconds().filter(|seconds| *seconds > most) {
            None => Ok(()),
            Some(seconds) => Err(Fault::new(
                Code::PlatformRefused,
                format!("the clip lasts {seconds:.1} s, and TikTok lets the account post up to {most:.0} s"),
                "make a shorter clip, then a new upload",
            )),
        }
    }

    pub(super) fn go_on(&self, attempt: &mut Attempt, begun: Begun) -> Result<(), Fault> {
        let mut begun = begun;
        let mut standstill = 0;
        let mut before = None;
        loop {
            let at = match self.stands(attempt, &begun)? {
                Stands::Published(posts) => {
                    let note = shown(&begun.privacy, posts.first());
                    return self.done(attempt, &begun, posts.first().cloned(), note);
                }
                Stands::Inbox => {
                    let note = "it waits in the inbox of the TikTok app, where its owner publishes it".to_owned();
                    return self.done(attempt, &begun, None, Some(note));
                }
                Stands::Failed(fault, again) => {
                    if again {
                        // Nothing was posted, and nothing will be.
                        attempt.forget_session()?;
                        attempt.step(Step::New)?;
                    }
                    return Err(fault);
                }
                Stands::Working => return self.wait(attempt, &begun),
                Stands::Has(at) => at,
            };
            attempt.monitor.progress(at as f64 / attempt.video.bytes as f64);
            standstill = if before == Some(at) { standstill + 1 } else { 0 };
            before = Some(at);
            if at >= attempt.video.bytes {
                return self.wait(attempt, &begun);
            }
            let address = attempt.session()?;
            let expires = begun.begun_us.saturating_add((self.config.upload_url_seconds * 1e6) as i64);
            let (Some(address), true) = (address, self.link.now() < expires) else { return self.lost(attempt, &begun) };
            if standstill >= MAX_STANDSTILL {
                let next = "nothing has to be done: it is tried again";
                return Err(Fault::new(Code::PlatformUnavailable, "TikTok keeps nothing of what is sent", next));
            }
            if !self.send_from(attempt, &mut begun, address.text()?, at)? {
                return self.lost(attempt, &begun);
            }
        }
    }

    /// Sends pieces until all are there or one is in doubt; false when the address is worth nothing any more.
    fn send_from(&self, attempt: &mut Attempt, begun: &mut Begun, address: &str, at: u64) -> Result<bool, Fault> {
        let total = attempt.video.bytes;
        let mut at = at;
        while at < total {
            let (from, len) = piece(total, begun.chunk, at);
            let ends = from + len == total;
            if ends != begun.last_us.is_some() {
                begun.last_us = ends.then(|| self.link.now());
                attempt.step(Step::Begun(begun.clone()))?;
            }
            let request = Request::new("PUT", address)
                .header("Content-Type", "video/mp4")
                .header("Content-Range", format!("bytes {from}-{}/{total}", from + len - 1))
                .body(Body::Part { path: attempt.video.path, from, len });
            match self.link.once(&request, attempt.monitor) {
                Ok(reply) => match reply.status {
                    200 | 201 | 206 => at = from + len,
                    403 | 404 | 410 => return Ok(false),
                    429 | 500..=599 => return Err(errors::fault(&reply, "take the video's bytes", self.link.now())),
                    // A piece that they have already, or did not expect: the status says which is next.
                    _ => return Ok(true),
                },
                Err(Failed::Trouble(trouble)) if trouble.cancelled || trouble.unsent => {
                    return Err(unreachable("TikTok", &trouble));
                }
                Err(Failed::Trouble(_)) => return Ok(true),
                Err(Failed::Fault(fault)) => return Err(fault),
            }
        }
        Ok(true)
    }

    /// The address for the bytes is gone. Before the last bytes went out, nothing can have been posted.
    fn lost(&self, attempt: &mut Attempt, begun: &Begun) -> Result<(), Fault> {
        match begun.last_us {
            None => {
                attempt.forget_session()?;
                attempt.step(Step::New)
            }
            Some(_) => self.wait(attempt, begun),
        }
    }

    fn wait(&self, attempt: &Attempt, begun: &Begun) -> Result<(), Fault> {
        let since = begun.last_us.unwrap_or(begun.begun_us);
        let until = since.saturating_add(PATIENCE);
        if self.link.now() >= until {
            return Err(unconfirmed(attempt.id, &self.link.account));
        }
        // A post takes minutes; one that takes hours is asked for less often.
        let waited = (self.link.now().saturating_sub(since) as f64 / 1e6).max(0.0);
        let next = self.link.after(self.config.poll_seconds.max(waited / 10.0)).min(until);
        Err(pending("TikTok has the video and publishes it", next))
    }

    fn stands(&self, attempt: &Attempt, begun: &Begun) -> Result<Stands, Fault> {
        let status = self.status(&begun.publish_id, attempt.monitor)?;
        Ok(match status.get("status").and_then(Value::as_str) {
            Some("PROCESSING_UPLOAD") => {
                let has = status.get("uploaded_bytes").and_then(Value::as_u64).unwrap_or(0);
                Stands::Has(has.min(attempt.video.bytes))
            }
            Some("PUBLISH_COMPLETE") => {
                // Spelled so. Empty for posts that are not public.
                let ids = status.get("publicaly_available_post_id").and_then(Value::as_array);
                let id = |id: &Value| id.as_u64().map(|n| n.to_string()).or_else(|| id.as_str().map(str::to_owned));
                Stands::Published(ids.into_iter().flatten().filter_map(id).collect())
            }
            Some("SEND_TO_USER_INBOX") => Stands::Inbox,
            Some("FAILED") if status.get("fail_reason").and_then(Value::as_str) == Some("auth_removed") => {
                return Err(self.link.kit.accounts.end(&self.link.account, "the owner took the right away"));
            }
            Some("FAILED") => {
                let (fault, again) = errors::failed(&status);
                Stands::Failed(fault, again)
            }
            _ => Stands::Working,
        })
    }

    fn done(
        &self,
        attempt: &mut Attempt,
        begun: &Begun,
        post: Option<String>,
        note: Option<String>,
    ) -> Result<(), Fault> {
        let url = match (&post, &begun.creator) {
            (Some(post), Some(creator)) => Some(format!("{}@{creator}/video/{post}", self.config.post)),
            _ => None,
        };
        // Only what everybody can see has a number.
        let seen = post.is_some().then_some(PUBLIC);
        let post = Posted {
            account: self.link.account.name.clone(),
            id: post.unwrap_or_else(|| begun.publish_id.clone()),
            url,
            privacy: Some(seen.unwrap_or(&begun.privacy).to_owned()),
            publish_at: None,
            notes: note.into_iter().collect(),
        };
        attempt.forget_session()?;
        let receipt = Receipt { place: self.link.account.to_string(), files: attempt.video.placed(), post: Some(post) };
        attempt.step(Step::Done { receipt })
    }
}

/// What is to be said when the post can't be seen by those who should see it, or by more.
fn shown(wanted: &str, post: Option<&String>) -> Option<String> {
    match (wanted == PUBLIC, post) {
        (true, None) => Some("TikTok does not show it to everybody yet: it may still be looked at".into()),
        (false, Some(_)) => Some(format!("everybody can see it, and it should be {wanted}: change it on TikTok")),
        _ => None,
    }
}

/// One text holds it all.
fn caption(post: &Post) -> String {
    let tags = post.tags.iter().map(|tag| tag.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect::<String>());
    let tags: Vec<String> = tags.filter(|tag| !tag.is_empty()).map(|tag| format!("#{tag}")).collect();
    let parts = [post.title.trim(), post.description.trim(), &tags.join(" ")];
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("\n")
}

/// The level that means what was asked for; never a more open one.
fn privacy(post: &Post, creator: &Value) -> Result<String, Fault> {
    let wanted = match post.privacy {
        PrivacyStatus::Public => PUBLIC,
        PrivacyStatus::Private => "SELF_ONLY",
        PrivacyStatus::Unlisted => {
            let next = "make the upload public or private";
            return Err(Fault::new(Code::PlatformRefused, "TikTok knows no unlisted posts", next));
        }
    };
    let options = creator.get("privacy_level_options").and_then(Value::as_array);
    let options: Vec<&str> = options.into_iter().flatten().filter_map(Value::as_str).collect();
    if options.contains(&wanted) {
        return Ok(wanted.to_owned());
    }
    Err(Fault::new(
        Code::PlatformRefused,
        format!("the account does not allow {wanted}, only {}", options.join(", ")),
        "change the account's privacy on TikTok, or that of the upload",
    ))
}
