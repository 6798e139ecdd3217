//! What came back from the platforms for a post, and what was learnt from it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Moment, ScheduleId};
use crate::fault::{Code, Fault};

/// Who counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EngagementSource {
    /// Days of California that are over and settled; some days late.
    YoutubeAnalytics,
    /// The counters that everybody sees, at once.
    YoutubeData,
    Tiktok,
    Instagram,
    /// A file of the operator.
    Csv,
}

impl EngagementSource {
    pub const ALL: [EngagementSource; 5] =
        [Self::YoutubeAnalytics, Self::YoutubeData, Self::Tiktok, Self::Instagram, Self::Csv];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == text)
    }
    pub fn as_str(self) -> &'static str {
        match self {
            Self::YoutubeAnalytics => "youtube_analytics",
            Self::YoutubeData => "youtube_data",
            Self::Tiktok => "tiktok",
            Self::Instagram => "instagram",
            Self::Csv => "csv",
        }
    }
}

/// The figures of one post at one moment, counted from when it went out: one point of its time series. What a platform does
/// not tell is absent, never 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngagementSample {
    /// The publication.
    pub schedule_id: ScheduleId,
    /// Target of the schedule, e.g. `youtube/main`.
    pub channel: String,
    /// The platform's id of the post.
    pub post_id: String,
    pub published_at: Moment,
    /// Up to when the figures count.
    pub measured_at: Moment,
    pub source: EngagementSource,
    pub views: u64,
    /// Views of people who stayed beyond the first frame; on YouTube `views` counts that frame since 2026-08-27.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engaged_views: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comments: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<u64>,
    /// Of all viewers together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch_seconds: Option<f64>,
    /// 0..=1000; above 100 where people watch again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_view_percentage: Option<f64>,
}

/// More than any post has.
const MAX_COUNT: u64 = 1 << 50;
const MAX_PERCENT: f64 = 1_000.0;

impl EngagementSample {
    /// # Errors
    /// `input_corrupt` naming the first figure that can't be.
    pub fn check(&self) -> Result<(), Fault> {
        let wrong = |what: String| {
            let next = "correct the figures where they come from, then read them again";
            Fault::new(Code::InputCorrupt, format!("figures of the post {:?}: {what}", short(&self.post_id)), next)
        };
        if self.measured_at < self.published_at {
            return Err(wrong(format!("measured at {}, before it went out", self.measured_at)));
        }
        let counts = [
            ("views", Some(self.views)),
            ("engaged_views", self.engaged_views),
            ("likes", self.likes),
            ("comments", self.comments),
            ("shares", self.shares),
        ];
        if let Some((name, _)) = counts.iter().find(|(_, count)| count.is_some_and(|c| c > MAX_COUNT)) {
            return Err(wrong(format!("{name} is above {MAX_COUNT}")));
        }
        let real = [
            ("watch_seconds", self.watch_seconds, 1e18),
            ("average_view_percentage", self.average_view_percentage, MAX_PERCENT),
        ];
        match real.iter().find(|(_, value, high)| value.is_some_and(|v| !(0.0..=*high).contains(&v))) {
            Some((name, _, high)) => Err(wrong(format!("{name} must be 0..={high}"))),
            None => Ok(()),
        }
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// What is learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lesson {
    /// Horizon: the hours of the week in which a channel posts.
    Windows,
    /// Pantheon: how much each persona's vote counts.
    Personas,
    /// Oracle: whether the audience is still the one that was learnt.
    Drift,
}

impl Lesson {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Windows => "windows",
            Self::Personas => "personas",
            Self::Drift => "drift",
        }
    }
}

/// The inputs of a learning step. The same hash means the same inputs, and so the same result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LearntFrom {
    /// Posts with figures at the age that counts.
    pub posts: u64,
    /// Points of time series that were looked at.
    pub samples: u64,
    pub first: Option<Moment>,
    pub last: Option<Moment>,
    /// SHA-256 of all inputs (rules, posts, figures), lower-case hex.
    pub hash: String,
}

/// One value that a step changed, or wanted to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Learnt {
    /// `tuesday 18:00`, or a persona's name.
    pub what: String,
    pub before: f64,
    pub after: f64,
    /// Where the figures alone would have put it.
    pub wanted: f64,
    /// What kept it from there: `max_step`, `range`; empty when nothing did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bound: String,
}

/// A learning step as HaloLux shows it: what was learnt from what, what became of it, and why nothing where nothing did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LearningStep {
    pub lesson: Lesson,
    /// Empty for what counts for all channels.
    pub channel: String,
    pub version_before: u64,
    /// The same as before when nothing was learnt.
    pub version_after: u64,
    /// Whether what was learnt is in use.
    pub on: bool,
    /// Why it is off, with what is missing.
    pub why_off: Vec<String>,
    pub learnt_from: LearntFrom,
    /// The posts, by id.
    pub posts: Vec<ScheduleId>,
    /// How many posts did not count, by reason.
    pub left_out: BTreeMap<String, u64>,
    /// What changed most, first; the rest is counted in `narrative`.
    pub changes: Vec<Learnt>,
    /// Sentences for people.
    pub narrative: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> EngagementSample {
        EngagementSample {
            schedule_id: ScheduleId(uuid::Uuid::from_u128(1)),
            channel: "youtube/main".into(),
            post_id: "v1".into(),
            published_at: Moment::from_seconds(100),
            measured_at: Moment::from_seconds(200),
            source: EngagementSource::YoutubeData,
            views: 10,
            engaged_views: None,
            likes: Some(1),
            comments: None,
            shares: None,
            watch_seconds: None,
            average_view_percentage: Some(120.0),
        }
    }

    #[test]
    fn figures_that_can_not_be_are_named() {
        assert_eq!(sample().check(), Ok(()));
        type Change = fn(&mut EngagementSample);
        let cases: [(&str, Change); 5] = [
            ("before it went out", |s| s.measured_at = Moment(0)),
            ("views", |s| s.views = u64::MAX),
            ("likes", |s| s.likes = Some(u64::MAX)),
            ("watch_seconds", |s| s.watch_seconds = Some(f64::NAN)),
            ("average_view_percentage", |s| s.average_view_percentage = Some(-1.0)),
        ];
        for (name, change) in cases {
            let mut bad = sample();
            change(&mut bad);
            let fault = bad.check().expect_err(name);
            assert!(fault.code == Code::InputCorrupt && fault.message.contains(name), "{fault}");
        }
    }

    #[test]
    fn what_was_not_told_is_absent() {
        let text = serde_json::to_string(&sample()).expect("json");
        assert!(!text.contains("shares") && text.contains("\"source\":\"youtube_data\""), "{text}");
        assert_eq!(serde_json::from_str::<EngagementSample>(&text).expect("read"), sample());
        let (_, schema) = crate::schemas::all().into_iter().find(|(n, _)| *n == "engagement_sample").expect("there");
        let validator = jsonschema::validator_for(schema.as_value()).expect("a valid schema");
        let mut value = serde_json::to_value(sample()).expect("json");
        assert!(validator.is_valid(&value));
        value["source"] = "guess".into();
        assert!(!validator.is_valid(&value));
    }
}
