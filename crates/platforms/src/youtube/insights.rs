//! Figures of videos: the counters that everybody sees, at once (Data API), and what the channel's owner sees, some days late
//! (Analytics API). Learning wants the second: since 2026-08-27 public views count the first frame.

use std::collections::BTreeMap;

use omniva_contracts::config::YoutubeEndpoints;
use omniva_contracts::engine::{EngagementSource, Moment};
use omniva_contracts::{Code, Fault, Monitor};
use serde_json::Value;

use super::lookup::entries;
use super::{PLATFORM, errors, unauthorised};
use crate::call::{Request, query};
use crate::insights::{Insights, PostRef, Pulled, blank};
use crate::link::{Kit, Link};
use crate::oauth::Account;
use crate::pacific;

const METRICS: &str = "views,engagedViews,likes,comments,shares,estimatedMinutesWatched,averageViewPercentage";

pub struct YoutubeInsights {
    link: Link,
    config: YoutubeEndpoints,
}

impl YoutubeInsights {
    /// `account` is the name that the operator gave the channel.
    pub fn new(kit: Kit, account: &str, config: YoutubeEndpoints) -> Self {
        Self { link: Link { kit, account: Account::new(PLATFORM, account), refused: unauthorised }, config }
    }

    fn get(&self, url: &str, monitor: &dyn Monitor) -> Result<Value, Fault> {
        let reply = self.link.send(monitor, &|token| {
            Request::new("GET", url).bearer(token.expose()).header("Accept", "application/json")
        });
        let reply = reply.map_err(|failed| failed.fault("YouTube"))?;
        if !reply.ok() {
            return Err(errors::fault(&reply, "read the figures of its videos", self.link.now()));
        }
        match reply.json() {
            Value::Object(answer) => Ok(Value::Object(answer)),
            _ => Err(strange("an answer that is no JSON")),
        }
    }

    /// Gives the posts that are still there.
    fn counters<'a>(
        &self,
        posts: &[&'a PostRef],
        pulled: &mut Pulled,
        monitor: &dyn Monitor,
    ) -> Result<Vec<&'a PostRef>, Fault> {
        let ids = joined(posts);
        let fields = [("part", "statistics"), ("maxResults", "50"), ("id", ids.as_str())];
        let listed = self.get(&format!("{}/videos?{}", self.config.api, query(&fields)), monitor)?;
        if !listed.get("items").is_some_and(Value::is_array) {
            return Err(strange("a list without items"));
        }
        let found: BTreeMap<&str, &Value> =
            entries(&listed).filter_map(|item| Some((item.get("id")?.as_str()?, item.get("statistics")?))).collect();
        let mut there = Vec::new();
        for post in posts {
            let Some(counters) = found.get(post.post_id.as_str()) else {
                pulled.gone("YouTube", post);
                continue;
            };
            there.push(*post);
            // They write numbers as text; what an owner hides is absent.
            let count = |name: &str| counters.get(name).and_then(Value::as_str).and_then(|n| n.parse::<u64>().ok());
            match count("viewCount") {
                None => pulled.not_yet.push(post.schedule_id),
                Some(views) => {
                    let now = Moment(self.link.now());
                    let mut sample = blank(&self.channel(), post, EngagementSource::YoutubeData, now);
                    sample.views = views;
                    sample.likes = count("likeCount");
                    sample.comments = count("commentCount");
                    pulled.keep(sample);
                }
            }
        }
        Ok(there)
    }

    /// Of the days of California that are settled, from each post's first to `last`, which ends at `until`.
    fn reports(
        &self,
        posts: &[&PostRef],
        (last, until): (&str, Moment),
        pulled: &mut Pulled,
        monitor: &dyn Monitor,
    ) -> Result<(), Fault> {
        let (old, young): (Vec<&PostRef>, Vec<&PostRef>) = posts.iter().partition(|p| p.published_at < until);
        pulled.not_yet.extend(young.iter().map(|p| p.schedule_id));
        let Some(first) = old.iter().map(|p| p.published_at).min().and_then(|at| pacific::date(at.0)) else {
            return Ok(());
        };
        let (filter, count) = (format!("video=={}", joined(&old)), old.len().to_string());
        let fields = [
            ("ids", "channel==MINE"),
            ("startDate", first.as_str()),
            ("endDate", last),
            ("metrics", METRICS),
            ("dimensions", "video"),
            ("filters", filter.as_str()),
            ("maxResults", count.as_str()),
            ("sort", "-views"),
        ];
        let report = self.get(&format!("{}/reports?{}", self.config.analytics, query(&fields)), monitor)?;
        let rows = rows(&report)?;
        for post in old {
            let Some(row) = rows.get(post.post_id.as_str()) else {
                pulled.not_yet.push(post.schedule_id);
                continue;
            };
            let count = |name: &str| row.get(name).and_then(|n| whole(*n));
            let (Some(views), Some(engaged)) = (count("views"), count("engagedViews")) else {
                return Err(strange("a report without views"));
            };
            let mut sample = blank(&self.channel(), post, EngagementSource::YoutubeAnalytics, until);
            (sample.views, sample.engaged_views) = (views, Some(engaged));
            (sample.likes, sample.comments, sample.shares) = (count("likes"), count("comments"), count("shares"));
            sample.watch_seconds = row.get("estimatedMinutesWatched").map(|minutes| minutes * 60.0);
            sample.average_view_percentage = row.get("averageViewPercentage").copied();
            pulled.keep(sample);
        }
        Ok(())
    }
}

impl Insights for YoutubeInsights {
    fn channel(&self) -> String {
        self.link.account.to_string()
    }

    fn read(&self, posts: &[PostRef], pulled: &mut Pulled, monitor: &dyn Monitor) -> Result<(), Fault> {
        let posts = pulled.admit(posts, is_video)?;
        let mut there = Vec::new();
        let size = (self.config.list_ids as usize).max(1);
        for some in posts.chunks(size) {
            there.extend(self.counters(some, pulled, monitor)?);
        }
        let Some((last, until)) = pacific::settled(self.link.now(), self.config.analytics_late_days) else {
            return Ok(());
        };
        for some in there.chunks(size) {
            self.reports(some, (last.as_str(), Moment(until)), pulled, monitor)?;
        }
        Ok(())
    }
}

/// An id goes into a list that commas part.
fn is_video(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn joined(posts: &[&PostRef]) -> String {
    let ids: Vec<&str> = posts.iter().map(|p| p.post_id.as_str()).collect();
    ids.join(",")
}

/// Video id → column → number. A report without data has no rows.
fn rows(report: &Value) -> Result<BTreeMap<&str, BTreeMap<&str, f64>>, Fault> {
    let headers = report.get("columnHeaders").and_then(Value::as_array).ok_or_else(|| strange("no columns"))?;
    let names: Vec<&str> = headers.iter().filter_map(|h| h.get("name")?.as_str()).collect();
    let mut found = BTreeMap::new();
    for row in report.get("rows").and_then(Value::as_array).into_iter().flatten() {
        let cells = row.as_array().filter(|cells| cells.len() == names.len() && names.len() == headers.len());
        let cells = cells.ok_or_else(|| strange("a row that does not fit its columns"))?;
        let of = |name: &str| names.iter().zip(cells).find(|(n, _)| **n == name).map(|(_, cell)| cell);
        let id = of("video").and_then(Value::as_str).ok_or_else(|| strange("a row without a video"))?;
        let numbers = names.iter().zip(cells).filter_map(|(name, cell)| Some((*name, cell.as_f64()?))).collect();
        found.insert(id, numbers);
    }
    Ok(found)
}

fn whole(number: f64) -> Option<u64> {
    // Above 2^53 a float is no count any more.
    (0.0..=9_007_199_254_740_992.0).contains(&number).then_some(number as u64)
}

fn strange(what: &str) -> Fault {
    Fault::new(
        Code::PlatformUnavailable,
        format!("YouTube gives {what}"),
        "nothing has to be done: it is tried again; look for a newer omniva if it stays like this",
    )
}
