//! Figures of Reels: `/{media}/insights`, for the scope `instagram_business_manage_insights`. One call for each post.

use std::collections::BTreeMap;

use omniva_contracts::config::InstagramEndpoints;
use omniva_contracts::engine::{EngagementSource, Moment};
use omniva_contracts::{Code, Fault, Monitor};
use serde_json::Value;

use super::{PLATFORM, errors};
use crate::call::{Request, query};
use crate::insights::{Insights, PostRef, Pulled, blank};
use crate::link::{Kit, Link};
use crate::oauth::Account;

const METRICS: &str = "views,likes,comments,shares,ig_reels_video_view_total_time";

pub struct InstagramInsights {
    link: Link,
    config: InstagramEndpoints,
}

impl InstagramInsights {
    /// `account` is the name that the operator gave the account.
    pub fn new(kit: Kit, account: &str, config: InstagramEndpoints) -> Self {
        Self { link: Link { kit, account: Account::new(PLATFORM, account), refused: errors::unauthorised }, config }
    }

    fn one(&self, post: &PostRef, pulled: &mut Pulled, monitor: &dyn Monitor) -> Result<(), Fault> {
        let fields = query(&[("metric", METRICS), ("period", "lifetime")]);
        let url = format!("{}/{}/{}/insights?{fields}", self.config.api, self.config.version, post.post_id);
        let reply = self.link.send(monitor, &|token| Request::new("GET", url.as_str()).bearer(token.expose()));
        let reply = reply.map_err(|failed| failed.fault("Instagram"))?;
        if errors::gone(&reply) {
            pulled.gone("Instagram", post);
            return Ok(());
        }
        if !reply.ok() {
            return Err(errors::fault(&reply, "read the figures of its posts", self.link.now()));
        }
        let answer = reply.json();
        let data = answer.get("data").and_then(Value::as_array).ok_or_else(strange)?;
        let found: BTreeMap<&str, u64> = data
            .iter()
            .filter_map(|m| Some((m.get("name")?.as_str()?, m.pointer("/values/0/value")?.as_u64()?)))
            .collect();
        let Some(views) = found.get("views") else {
            pulled.not_yet.push(post.schedule_id);
            return Ok(());
        };
        let count = |name: &str| found.get(name).copied();
        let now = Moment(self.link.now());
        let mut sample = blank(&self.channel(), post, EngagementSource::Instagram, now);
        sample.views = *views;
        (sample.likes, sample.comments, sample.shares) = (count("likes"), count("comments"), count("shares"));
        // Milliseconds of all viewers together.
        sample.watch_seconds = count("ig_reels_video_view_total_time").map(|ms| ms as f64 / 1000.0);
        pulled.keep(sample);
        Ok(())
    }
}

impl Insights for InstagramInsights {
    fn channel(&self) -> String {
        self.link.account.to_string()
    }

    fn read(&self, posts: &[PostRef], pulled: &mut Pulled, monitor: &dyn Monitor) -> Result<(), Fault> {
        pulled.admit(posts, is_media)?.into_iter().try_for_each(|post| self.one(post, pulled, monitor))
    }
}

fn is_media(id: &str) -> bool {
    (1..=40).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit())
}

fn strange() -> Fault {
    Fault::new(
        Code::PlatformUnavailable,
        "Instagram gives an answer without figures",
        "nothing has to be done: it is tried again; look for a newer omniva if it stays like this",
    )
}
