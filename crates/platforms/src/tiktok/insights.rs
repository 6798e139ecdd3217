//! Figures of an account's videos: `video/query`, for the scope `video.list`.

use std::collections::BTreeMap;

use omniva_contracts::config::TiktokEndpoints;
use omniva_contracts::engine::{EngagementSource, Moment};
use omniva_contracts::{Code, Fault, Monitor};
use serde_json::{Value, json};

use super::{PLATFORM, errors};
use crate::call::{Body, Request};
use crate::insights::{Insights, PostRef, Pulled, blank};
use crate::link::{Kit, Link};
use crate::oauth::Account;

/// Posts whose number is asked for in one pull; they allow 30 such questions a minute.
const MAX_RESOLVED: usize = 20;

pub struct TiktokInsights {
    link: Link,
    config: TiktokEndpoints,
}

/// What a post's publish id stands for.
enum Number {
    Is(String),
    NotYet,
    Never,
}

impl TiktokInsights {
    /// `account` is the name that the operator gave the account.
    pub fn new(kit: Kit, account: &str, config: TiktokEndpoints) -> Self {
        Self { link: Link { kit, account: Account::new(PLATFORM, account), refused: errors::unauthorised }, config }
    }

    fn call(&self, path: &str, body: &Value, monitor: &dyn Monitor) -> Result<Value, Fault> {
        let (url, body) = (format!("{}/{path}", self.config.api), body.to_string());
        let reply = self.link.send(monitor, &|token| {
            Request::new("POST", url.as_str())
                .bearer(token.expose())
                .header("Content-Type", "application/json; charset=UTF-8")
                .body(Body::Bytes(body.as_bytes()))
        });
        let reply = reply.map_err(|failed| failed.fault("TikTok"))?;
        let answer = reply.json();
        if reply.ok() && answer.pointer("/error/code").and_then(Value::as_str) == Some("ok") {
            return Ok(answer.get("data").cloned().unwrap_or(Value::Null));
        }
        Err(errors::fault(&reply, "read the figures of its videos", self.link.now()))
    }

    /// A post gets its number once moderation let it through; until then its receipt has the publish id.
    fn number(&self, id: &str, monitor: &dyn Monitor) -> Result<Number, Fault> {
        let status = self.call("post/publish/status/fetch/", &json!({ "publish_id": id }), monitor)?;
        let first = status.pointer("/publicaly_available_post_id/0");
        let number = first.and_then(|n| n.as_u64().map(|n| n.to_string()).or_else(|| n.as_str().map(str::to_owned)));
        Ok(match (status.get("status").and_then(Value::as_str), number.filter(|n| is_number(n))) {
            (Some("FAILED"), _) => Number::Never,
            (_, Some(number)) => Number::Is(number),
            _ => Number::NotYet,
        })
    }

    fn figures(&self, posts: &[PostRef], pulled: &mut Pulled, monitor: &dyn Monitor) -> Result<(), Fault> {
        let ids: Vec<&str> = posts.iter().map(|p| p.post_id.as_str()).collect();
        let path = "video/query/?fields=id,view_count,like_count,comment_count,share_count";
        let data = self.call(path, &json!({ "filters": { "video_ids": ids } }), monitor)?;
        let videos = data.get("videos").and_then(Value::as_array).ok_or_else(strange)?;
        let found: BTreeMap<&str, &Value> = videos.iter().filter_map(|v| Some((v.get("id")?.as_str()?, v))).collect();
        for post in posts {
            let Some(video) = found.get(post.post_id.as_str()) else {
                pulled.gone("TikTok", post);
                continue;
            };
            let count = |name: &str| video.get(name).and_then(Value::as_u64);
            let Some(views) = count("view_count") else {
                pulled.not_yet.push(post.schedule_id);
                continue;
            };
            let now = Moment(self.link.now());
            let mut sample = blank(&self.channel(), post, EngagementSource::Tiktok, now);
            sample.views = views;
            sample.likes = count("like_count");
            sample.comments = count("comment_count");
            sample.shares = count("share_count");
            pulled.keep(sample);
        }
        Ok(())
    }
}

impl Insights for TiktokInsights {
    fn channel(&self) -> String {
        self.link.account.to_string()
    }

    /// The samples name the post's number, also where its publish id was asked for.
    fn read(&self, posts: &[PostRef], pulled: &mut Pulled, monitor: &dyn Monitor) -> Result<(), Fault> {
        let mut numbered = Vec::new();
        let mut resolved = 0;
        for post in pulled.admit(posts, is_id)? {
            if is_number(&post.post_id) {
                numbered.push(post.clone());
                continue;
            }
            resolved += 1;
            let number = if resolved > MAX_RESOLVED { Number::NotYet } else { self.number(&post.post_id, monitor)? };
            match number {
                Number::Is(post_id) => numbered.push(PostRef { post_id, ..post.clone() }),
                Number::NotYet => pulled.not_yet.push(post.schedule_id),
                Number::Never => pulled.gone("TikTok", post),
            }
        }
        for some in numbered.chunks((self.config.query_ids as usize).max(1)) {
            self.figures(some, pulled, monitor)?;
        }
        Ok(())
    }
}

fn is_number(id: &str) -> bool {
    (1..=30).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit())
}

/// A number, or a publish id such as `v_pub_file~v2-1.123`.
fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"~-_.".contains(&b))
}

fn strange() -> Fault {
    Fault::new(
        Code::PlatformUnavailable,
        "TikTok gives an answer without videos",
        "nothing has to be done: it is tried again; look for a newer omniva if it stays like this",
    )
}
