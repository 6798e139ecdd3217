//! One Reel: container, bytes, status, publishing, and what can be read about it afterwards.

use omniva_contracts::engine::Moment;
use omniva_contracts::wire::PrivacyStatus;
use omniva_contracts::{Code, Fault, FaultClass};
use serde_json::Value;

use super::{Attempt, InstagramPublisher, Step, errors};
use crate::call::{Body, Request, encode};
use crate::link::pending;
use crate::publisher::{Post, Posted, Receipt};
use crate::text::clip_chars;

/// Attempts at what is not worth failing a published Reel for.
const MAX_TRIES: u32 = 3;
/// Clocks differ by less, microseconds.
const SLACK: i64 = 600_000_000;

/// What a container says.
enum Stands {
    Working,
    Ready,
    Published,
    /// It will never be published.
    Dead(String),
    Unknown,
}

impl InstagramPublisher {
    pub(super) fn make(&self, attempt: &mut Attempt) -> Result<(), Fault> {
        let post = &attempt.publication.post;
        if post.privacy != PrivacyStatus::Public {
            let next = "make the upload public, or publish elsewhere";
            return Err(Fault::new(Code::PlatformRefused, "Instagram publishes to everybody only", next));
        }
        attempt.video.check(attempt.monitor)?;
        let user = self.user()?;
        self.within_limit(&user, attempt)?;
        let caption = self.caption(post);
        let offset = post.cover_ms.map(|ms| ms.to_string());
        let mut fields = vec![
            ("media_type", "REELS"),
            ("upload_type", "resumable"),
            ("caption", caption.as_str()),
            ("share_to_feed", "true"),
        ];
        fields.extend(offset.as_deref().map(|ms| ("thumb_offset", ms)));
        // A container that nobody publishes posts nothing: should the answer be lost, the next attempt makes another.
        let made = self.post(
            &format!("{user}/media"),
            "instagram_container",
            &fields,
            "make a place for the video",
            attempt.monitor,
        )?;
        let id = made
            .get("id")
            .and_then(Value::as_str)
            .filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()));
        let id = id.ok_or_else(|| {
            let next = "nothing has to be done: it is tried again";
            Fault::new(Code::PlatformUnavailable, "Instagram named no container", next)
        })?;
        attempt.step(Step::Container { id: id.to_owned(), made_us: self.link.now(), filled: false })
    }

    fn within_limit(&self, user: &str, attempt: &Attempt) -> Result<(), Fault> {
        let path = format!("{user}/content_publishing_limit?fields=quota_usage,config");
        let limit = self.get(&path, "tell the limit of posts", attempt.monitor)?;
        let number = |at: &str| limit.pointer(at).and_then(Value::as_i64);
        match (number("/data/0/quota_usage"), number("/data/0/config/quota_total")) {
            (Some(used), Some(total)) if used >= total => Err(Fault::new(
                Code::PlatformLimited,
                format!("the account has made {used} of {total} posts that Instagram allows in 24 hours"),
                "nothing has to be done: it goes on by itself then",
            )
            .not_before(self.link.after(3_600.0))),
            _ => Ok(()),
        }
    }

    pub(super) fn fill(&self, attempt: &mut Attempt, id: String, made_us: i64, filled: bool) -> Result<(), Fault> {
        match self.stands(&id, attempt)? {
            Stands::Ready => {
                let since_us = self.link.now();
                attempt.step(Step::Publishing { id: id.clone(), made_us, since_us })?;
                self.submit(attempt, &id)
            }
            Stands::Published => {
                let since_us = self.link.now();
                attempt.step(Step::Publishing { id, made_us, since_us })
            }
            Stands::Dead(why) => self.anew(attempt, &why),
            Stands::Unknown => self.anew(attempt, "it is not known any more"),
            Stands::Working if self.too_old(made_us) => self.anew(attempt, "it ran out"),
            Stands::Working if filled => {
                Err(pending("Instagram works on the video", self.link.after(self.config.poll_seconds)))
            }
            Stands::Working => {
                self.send(attempt, &id)?;
                attempt.step(Step::Container { id, made_us, filled: true })
            }
        }
    }

    /// All bytes in one request, from the first: what an interrupted one has left is written over.
    fn send(&self, attempt: &Attempt, id: &str) -> Result<(), Fault> {
        let (url, total) = (format!("{}/{}/{id}", self.config.upload, self.config.version), attempt.video.bytes);
        let reply = self.link.send(attempt.monitor, &|token| {
            Request::new("POST", url.as_str())
                .header("Authorization", format!("OAuth {}", token.expose()))
                .header("offset", "0")
                .header("file_size", total.to_string())
                .header("Content-Type", "application/octet-stream")
                .body(Body::Part { path: attempt.video.path, from: 0, len: total })
        });
        let reply = reply.map_err(|failed| failed.fault("Instagram"))?;
        // A container that has all its bytes takes no more, and one that is gone takes none: its status says what follows.
        if reply.ok() || !matches!(self.stands(id, attempt)?, Stands::Working) {
            return Ok(());
        }
        Err(errors::fault(&reply, "take the video's bytes", self.link.now()))
    }

    /// The record says that it is about to be published; the container says whether it was.
    pub(super) fn release(&self, attempt: &mut Attempt, id: String, made_us: i64, since_us: i64) -> Result<(), Fault> {
        match self.stands(&id, attempt)? {
            Stands::Published => {
                let media = self.published(attempt, since_us)?.unwrap_or_default();
                attempt.step(Step::Posted { media, tries: 0 })
            }
            Stands::Dead(why) => self.anew(attempt, &why),
            Stands::Working => Err(pending("Instagram works on the video", self.link.after(self.config.poll_seconds))),
            Stands::Unknown => match self.published(attempt, since_us)? {
                Some(media) => attempt.step(Step::Posted { media, tries: 0 }),
                None => Err(self.unseen(attempt, since_us)),
            },
            Stands::Ready if self.too_old(made_us) => self.anew(attempt, "it ran out"),
            Stands::Ready => self.submit(attempt, &id),
        }
    }

    /// The one call that posts. The record has said so before.
    fn submit(&self, attempt: &mut Attempt, id: &str) -> Result<(), Fault> {
        let fields = [("creation_id", id)];
        let path = format!("{}/media_publish", self.user()?);
        match self.post(&path, "instagram_post", &fields, "publish the Reel", attempt.monitor) {
            Ok(done) => {
                let media = done.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
                attempt.step(Step::Posted { media, tries: 0 })
            }
            // Refused because it was published a moment ago.
            Err(fault) if fault.code == Code::PlatformRefused => match self.stands(id, attempt)? {
                Stands::Published => Ok(()),
                _ => Err(fault),
            },
            Err(fault) => Err(fault),
        }
    }

    fn stands(&self, id: &str, attempt: &Attempt) -> Result<Stands, Fault> {
        let path = format!("{id}?fields=status_code,status");
        let reply = self.ask(&path, attempt.monitor)?;
        if errors::unknown(&reply) {
            return Ok(Stands::Unknown);
        }
        if !reply.ok() {
            return Err(errors::fault(&reply, "tell what became of the video", self.link.now()));
        }
        let status = reply.json();
        let said = status.get("status").and_then(Value::as_str).unwrap_or_default();
        Ok(match status.get("status_code").and_then(Value::as_str) {
            Some("FINISHED") => Stands::Ready,
            Some("PUBLISHED") => Stands::Published,
            Some("EXPIRED") => Stands::Dead("it ran out".into()),
            Some("ERROR") => Stands::Dead(crate::call::excerpt(said)),
            _ => Stands::Working,
        })
    }

    /// A container that is dead was not published: another one is made, by the next attempt.
    fn anew(&self, attempt: &mut Attempt, why: &str) -> Result<(), Fault> {
        attempt.step(Step::New)?;
        // What the video itself is refused for does not change.
        let (code, next) = if ["2207026", "2207085", "2207051"].iter().any(|code| why.contains(code)) {
            (Code::PlatformRefused, "edit the clip again, then make a new upload")
        } else {
            (Code::PlatformUnavailable, "nothing has to be done: it is tried again")
        };
        Err(Fault::new(code, "Instagram gave the video up", next).with_detail(why))
    }

    fn too_old(&self, made_us: i64) -> bool {
        self.link.now() >= made_us.saturating_add((self.config.container_seconds * 1e6) as i64)
    }

    /// The one post with our caption since we began.
    fn published(&self, attempt: &Attempt, since_us: i64) -> Result<Option<String>, Fault> {
        let path = format!("{}/media?fields=id,caption,timestamp&limit=50", self.user()?);
        let list = self.get(&path, "list the posts", attempt.monitor)?;
        let caption = self.caption(&attempt.publication.post);
        let ours = |item: &&Value| {
            let at = item.get("timestamp").and_then(Value::as_str).and_then(moment);
            item.get("caption").and_then(Value::as_str).unwrap_or_default().trim() == caption.trim()
                && at.is_some_and(|at| at.0 >= since_us.saturating_sub(SLACK))
        };
        let found: Vec<&Value> =
            list.get("data").and_then(Value::as_array).into_iter().flatten().filter(ours).collect();
        match found.as_slice() {
            [one] => Ok(one.get("id").and_then(Value::as_str).map(str::to_owned)),
            _ => Ok(None),
        }
    }

    pub(super) fn finish(&self, attempt: &mut Attempt, media: String, tries: u32) -> Result<(), Fault> {
        let mut notes = Vec::new();
        let (mut url, mut seen) = (None, false);
        if media.is_empty() {
            notes.push("Instagram did not tell the post's id".to_owned());
        } else {
            match self.get(&format!("{}?fields=permalink", encode(&media)), "show the post", attempt.monitor) {
                Ok(shown) => {
                    url = shown.get("permalink").and_then(Value::as_str).map(str::to_owned);
                    seen = true;
                }
                Err(fault) => {
                    let stops = matches!(fault.code, Code::Cancelled | Code::PlatformReconnect);
                    let passes = matches!(fault.class(), FaultClass::Transient | FaultClass::Limit);
                    if stops || (passes && tries < MAX_TRIES) {
                        attempt.step(Step::Posted { media, tries: tries + u32::from(passes) })?;
                        return Err(fault);
                    }
                    notes.push(format!("its address is not known: {}", fault.message));
                }
            }
        }
        let post = Posted {
            account: self.link.account.name.clone(),
            id: media,
            url,
            // Instagram knows nothing else, but only what it shows is known to be there.
            privacy: seen.then(|| "public".to_owned()),
            publish_at: None,
            notes,
        };
        let receipt = Receipt { place: self.link.account.to_string(), files: attempt.video.placed(), post: Some(post) };
        attempt.step(Step::Done { receipt })
    }

    /// The container is gone, and the account's list does not show the post: not yet, or never.
    fn unseen(&self, attempt: &Attempt, since_us: i64) -> Fault {
        let until = since_us.saturating_add((self.config.settle_seconds * 1e6) as i64);
        if self.link.now() < until {
            let next = self.link.after(self.config.poll_seconds).min(until);
            return pending("the answer to publishing was lost; Instagram is asked for the post", next);
        }
        Fault::new(
            Code::Unconfirmed,
            format!("nobody knows whether upload {} was posted by {}", attempt.id, self.link.account),
            "look on Instagram: cancel the job when the clip is there, make a new upload when it is not; retrying the job only \
             asks again",
        )
    }

    /// Cut to what Instagram takes: characters, hashtags, mentions.
    fn caption(&self, post: &Post) -> String {
        let (mut hashtags, mut mentions) = (self.config.caption_hashtags, self.config.caption_mentions);
        let tags: Vec<String> = post
            .tags
            .iter()
            .map(|tag| format!("#{}", tag.replace(|c: char| !c.is_alphanumeric() && c != '_', "")))
            .collect();
        let all = [post.title.trim(), post.description.trim(), &tags.join(" ")];
        let text = all.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("\n");
        let mut kept = |word: &str| {
            let left = match word.chars().next() {
                Some('#') if word.len() > 1 => &mut hashtags,
                Some('@') if word.len() > 1 => &mut mentions,
                Some('#' | '@') => return false,
                _ => return true,
            };
            let room = *left > 0;
            *left = left.saturating_sub(1);
            room
        };
        let line = |line: &str| line.split_whitespace().filter(|word| kept(word)).collect::<Vec<_>>().join(" ");
        let text = text.lines().map(line).collect::<Vec<_>>().join("\n");
        clip_chars(text.trim(), self.config.caption_chars as usize)
    }
}

/// `2026-11-21T21:00:00+0000`: an offset without a colon.
fn moment(text: &str) -> Option<Moment> {
    let (head, offset) = text.split_at_checked(text.len().checked_sub(5)?)?;
    match offset.split_at_checked(3) {
        Some((hours, minutes)) if hours.starts_with(['+', '-']) => Moment::parse(&format!("{head}{hours}:{minutes}")),
        _ => Moment::parse(text),
    }
}
