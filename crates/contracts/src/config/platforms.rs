//! `config/platforms.toml`: what the platforms allow and what our actions cost there, as dated data, with the `[platforms]`
//! table of a user's file on top.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{invalid, merge, within};
use crate::engine::Moment;
use crate::fault::{Code, Fault};

const DEFAULT: &str = include_str!("../../../../config/platforms.toml");

/// Limits and costs by name. Each has a history; the latest entry that has begun is in force.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformsConfig {
    pub buckets: BTreeMap<String, BucketRule>,
    /// By action, e.g. `youtube_insert`.
    pub costs: BTreeMap<String, CostRule>,
}

/// Something that a platform gives in portions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BucketRule {
    pub scope: Scope,
    pub clock: ClockRule,
    pub history: Vec<Capacity>,
}

/// Who shares a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything that goes through our one registration at the platform.
    App,
    /// Each account (channel) for itself.
    Account,
}

/// What fills a bucket again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClockRule {
    /// Midnight in a time zone (IANA name).
    Daily { zone: String },
    /// The full hour.
    Hourly,
    /// Each use comes back after so many seconds.
    Rolling { seconds: u32 },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// First day, UTC: `2026-06-01`.
    pub since: String,
    pub capacity: u32,
}

/// What an action costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostRule {
    pub history: Vec<Cost>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// First day, UTC.
    pub since: String,
    /// By bucket.
    pub charges: BTreeMap<String, u32>,
}

/// Whole file as it is written: everything under `[platforms]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    platforms: PlatformsConfig,
}

impl BucketRule {
    /// `None` before its first day.
    pub fn capacity_at(&self, at: Moment) -> Option<u32> {
        latest(&self.history, at, |c| &c.since).map(|c| c.capacity)
    }
}

impl CostRule {
    /// `None` before its first day.
    pub fn charges_at(&self, at: Moment) -> Option<&BTreeMap<String, u32>> {
        latest(&self.history, at, |c| &c.since).map(|c| &c.charges)
    }
}

impl PlatformsConfig {
    /// The shipped data with the `[platforms]` table of `overlay` (name and text of a TOML file) on top; its other tables
    /// belong to others.
    pub fn load(overlay: Option<(&str, &str)>) -> Result<Self, Fault> {
        let mut merged: toml::Table = DEFAULT.parse().map_err(|e| invalid("config/platforms.toml", &e))?;
        let mut origin = "the shipped configuration";
        if let Some((name, text)) = overlay {
            origin = name;
            let mut table: toml::Table = text.parse().map_err(|e| invalid(name, &e))?;
            table.retain(|key, _| key == "platforms");
            merge(&mut merged, table);
        }
        let file: File = toml::Value::Table(merged).try_into().map_err(|e| invalid(origin, &e))?;
        file.platforms.validate()?;
        Ok(file.platforms)
    }

    /// Every bound in one place; the message names key, value and bound. Whether a zone exists is seen where it is used.
    pub fn validate(&self) -> Result<(), Fault> {
        let mut f = Vec::new();
        for (name, bucket) in &self.buckets {
            let key = format!("platforms.buckets.{name}");
            dates(&mut f, &key, bucket.history.iter().map(|c| c.since.as_str()));
            if let ClockRule::Rolling { seconds } = bucket.clock {
                within(&mut f, &format!("{key}.clock.seconds"), seconds, 1, 31 * 86_400);
            }
            for capacity in &bucket.history {
                within(&mut f, &format!("{key}.capacity"), capacity.capacity, 0, 100_000_000);
            }
        }
        for (action, rule) in &self.costs {
            let key = format!("platforms.costs.{action}");
            dates(&mut f, &key, rule.history.iter().map(|c| c.since.as_str()));
            for bucket in rule.history.iter().flat_map(|c| c.charges.keys()) {
                if !self.buckets.contains_key(bucket) {
                    f.push(format!("{key}.charges.{bucket}: there is no such bucket"));
                }
            }
        }
        if f.is_empty() {
            return Ok(());
        }
        Err(Fault::new(Code::ConfigInvalid, f.join("; "), "correct these keys in the [platforms] table of the file"))
    }
}

fn first_moment(date: &str) -> Option<Moment> {
    (date.len() == 10).then(|| Moment::parse(&format!("{date}T00:00:00Z"))).flatten()
}

fn latest<T>(history: &[T], at: Moment, since: impl Fn(&T) -> &str) -> Option<&T> {
    let begun = history.iter().filter_map(|item| Some((first_moment(since(item))?, item)));
    begun.filter(|(first, _)| *first <= at).max_by_key(|(first, _)| *first).map(|(_, item)| item)
}

fn dates<'a>(f: &mut Vec<String>, key: &str, dates: impl Iterator<Item = &'a str>) {
    let mut seen = std::collections::BTreeSet::new();
    let mut count = 0;
    for date in dates {
        count += 1;
        if first_moment(date).is_none() {
            f.push(format!("{key}.history.since = {date:?}: must be a date such as 2026-06-01"));
        }
        if !seen.insert(date) {
            f.push(format!("{key}.history.since = {date:?}: stands twice"));
        }
    }
    within(f, &format!("{key}.history (entries)"), count, 1, 100);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        Moment::parse(text).expect("a time")
    }

    #[test]
    fn the_shipped_limits_are_dated() {
        let config = PlatformsConfig::load(None).expect("loads");
        let inserts = &config.buckets["youtube_inserts"];
        assert_eq!(inserts.capacity_at(at("2026-05-31T23:59:59Z")), None);
        assert_eq!(inserts.capacity_at(at("2026-06-01T00:00:00Z")), Some(100));
        assert_eq!(inserts.clock, ClockRule::Daily { zone: "America/Los_Angeles".into() });
        let insert = &config.costs["youtube_insert"];
        let units = |when: &str| insert.charges_at(at(when)).and_then(|c| c.get("youtube_units")).copied();
        assert_eq!(units("2025-06-01T00:00:00Z"), Some(1600));
        assert_eq!(units("2026-01-01T00:00:00Z"), Some(100));
        assert_eq!(units("2026-11-01T00:00:00Z"), None);
    }

    #[test]
    fn a_users_file_may_change_one_number() {
        let text = "[clip]\ncount = 2\n[platforms.buckets.tiktok_posts]\nhistory = [{ since = \"2026-01-01\", capacity = 8 }]\n";
        let config = PlatformsConfig::load(Some(("mine.toml", text))).expect("loads");
        assert_eq!(config.buckets["tiktok_posts"].capacity_at(at("2026-11-01T00:00:00Z")), Some(8));
        assert!(config.buckets.contains_key("youtube_inserts"));
        super::super::Config::load(Some(("mine.toml", text))).expect("the other part takes the file as well");
    }

    #[test]
    fn faults_name_key_value_and_bound() {
        let refused = |text: &str| PlatformsConfig::load(Some(("mine.toml", text))).expect_err("refused").message;
        let date = refused(
            "[platforms.buckets.x]\nscope = \"app\"\nclock = { kind = \"hourly\" }\nhistory = [{ since = \"June\", capacity = 1 }]\n",
        );
        assert!(date.contains("platforms.buckets.x.history.since = \"June\""), "{date}");
        let bucket =
            refused("[platforms.costs.y]\nhistory = [{ since = \"2026-01-01\", charges = { nowhere = 1 } }]\n");
        assert!(bucket.contains("platforms.costs.y.charges.nowhere: there is no such bucket"), "{bucket}");
        assert!(refused("[platforms.buckets.tiktok_posts]\nhistory = []\n").contains("must be 1..=100"));
        assert!(refused("[platforms]\nbukkets = 1\n").contains("bukkets"));
    }
}
