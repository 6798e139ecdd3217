//! From time series to one number for each post: the log of its engagement at one age.

use std::collections::BTreeMap;

use omniva_contracts::config::AgeRule;
use omniva_contracts::engine::{EngagementSample, Moment, ScheduleId};
use omniva_contracts::fault::{Code, Fault};
use serde::{Deserialize, Serialize};

use crate::scores::micro;
use crate::zone::Zone;

/// Posts that are learnt from: the newest of a channel.
const POSTS: usize = 2_000;
/// Bounds of one request.
const MAX_POSTS: usize = 50_000;
const MAX_SAMPLES: usize = 1_000_000;
const HOUR: f64 = 3_600e6;

/// What is known of a publication besides its figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostFacts {
    pub schedule_id: ScheduleId,
    /// Target of the schedule, e.g. `youtube/main`.
    pub channel: String,
    pub published_at: Moment,
    /// The clip's score when it was chosen, 0..1.
    pub score: f64,
    /// By persona, 0..1.
    pub votes: BTreeMap<String, f64>,
}

/// What is compared. One for a channel: the two differ by more than any hour of the day does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    EngagedViews,
    Views,
}

impl Measure {
    pub fn words(self) -> &'static str {
        match self {
            Self::EngagedViews => "engaged views",
            Self::Views => "views",
        }
    }
    fn of(self, sample: &EngagementSample) -> Option<u64> {
        match self {
            Self::EngagedViews => sample.engaged_views,
            Self::Views => Some(sample.views),
        }
    }
}

/// One post with what it achieved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    pub schedule_id: ScheduleId,
    pub published_at: Moment,
    /// Hour of the channel's local week, 0..168 from Monday 00:00.
    pub slot: usize,
    pub score: f64,
    pub votes: BTreeMap<String, f64>,
    /// `ln(1 + count)`
    pub log: f64,
}

/// All of a channel, by time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcomes {
    pub channel: String,
    pub measure: Measure,
    pub age_hours: u32,
    pub outcomes: Vec<Outcome>,
    /// Posts that do not count, by reason.
    pub left_out: BTreeMap<String, Vec<ScheduleId>>,
    /// Samples of the channel that were looked at.
    pub samples: u64,
}

/// What the posts of `channel` achieved at the age of `rule`. Samples of other channels and of unknown posts are passed over.
///
/// Between two samples the count is interpolated (both logarithmic); a lone one counts within the tolerance. Engaged views
/// are compared where at least half of the posts have them, else views.
///
/// # Errors
/// `config_invalid` for an age outside 1..=2160 hours or too many posts and samples; `input_corrupt` for figures that
/// can't be.
pub fn outcomes(
    channel: &str,
    zone: &Zone,
    rule: AgeRule,
    posts: &[PostFacts],
    samples: &[EngagementSample],
) -> Result<Outcomes, Fault> {
    check(rule, posts, samples)?;
    let mut series: BTreeMap<ScheduleId, Vec<&EngagementSample>> = BTreeMap::new();
    for sample in samples.iter().filter(|s| s.channel == channel) {
        sample.check()?;
        series.entry(sample.schedule_id).or_default().push(sample);
    }
    let mut posts: Vec<&PostFacts> = posts.iter().filter(|p| p.channel == channel).collect();
    posts.sort_by_key(|p| (p.published_at, p.schedule_id));
    posts.dedup_by_key(|p| p.schedule_id);
    let mut left_out: BTreeMap<String, Vec<ScheduleId>> = BTreeMap::new();
    let old = posts.len().saturating_sub(POSTS);
    for post in posts.drain(..old) {
        left_out.entry(format!("older than the newest {POSTS} posts")).or_default().push(post.schedule_id);
    }
    let by = |measure: Measure| -> BTreeMap<ScheduleId, f64> {
        let at = |p: &&PostFacts| Some((p.schedule_id, at_age(p, series.get(&p.schedule_id)?, measure, rule)?));
        posts.iter().filter_map(at).collect()
    };
    let (engaged, views) = (by(Measure::EngagedViews), by(Measure::Views));
    let use_engaged = !engaged.is_empty() && engaged.len() * 2 >= views.len();
    let (measure, logs) = if use_engaged { (Measure::EngagedViews, engaged) } else { (Measure::Views, views) };
    let mut found = Vec::with_capacity(logs.len());
    for post in posts {
        match logs.get(&post.schedule_id) {
            Some(log) => found.push(outcome(post, zone, *log)),
            None => {
                let why = match series.contains_key(&post.schedule_id) {
                    true => format!("no {} near the age of {} hours", measure.words(), rule.hours),
                    false => "no figures yet".to_owned(),
                };
                left_out.entry(why).or_default().push(post.schedule_id);
            }
        }
    }
    let count = series.values().map(|s| s.len() as u64).sum();
    let channel = channel.to_owned();
    Ok(Outcomes { channel, measure, age_hours: rule.hours, outcomes: found, left_out, samples: count })
}

fn check(rule: AgeRule, posts: &[PostFacts], samples: &[EngagementSample]) -> Result<(), Fault> {
    let wrong = |what: String| {
        Err(Fault::new(Code::ConfigInvalid, what, "correct these values of the learning's configuration"))
    };
    rule.check()?;
    if posts.len() > MAX_POSTS || samples.len() > MAX_SAMPLES {
        return wrong(format!("at most {MAX_POSTS} posts and {MAX_SAMPLES} samples are learnt from at once"));
    }
    let unit = |v: &f64| (0.0..=1.0).contains(v);
    match posts.iter().find(|p| !unit(&p.score) || !p.votes.values().all(unit)) {
        Some(post) => wrong(format!("schedule {}: score and votes must be 0..=1", post.schedule_id)),
        None => Ok(()),
    }
}

fn outcome(post: &PostFacts, zone: &Zone, log: f64) -> Outcome {
    Outcome {
        schedule_id: post.schedule_id,
        published_at: post.published_at,
        slot: zone.local(post.published_at).hour_of_week(),
        score: post.score,
        votes: post.votes.clone(),
        log: micro(log),
    }
}

/// `ln(1 + count)` at the age; `None` where the samples do not tell.
fn at_age(post: &PostFacts, samples: &[&EngagementSample], measure: Measure, rule: AgeRule) -> Option<f64> {
    let age = f64::from(rule.hours);
    let mut points: BTreeMap<(Moment, &str), (f64, f64)> = BTreeMap::new();
    for sample in samples {
        let hours = sample.measured_at.0.saturating_sub(post.published_at.0) as f64 / HOUR;
        if let (Some(count), true) = (measure.of(sample), hours > 0.0) {
            points.insert((sample.measured_at, sample.source.as_str()), (hours, (count as f64).ln_1p()));
        }
    }
    let before = points.values().rfind(|(hours, _)| *hours <= age).filter(|(hours, _)| *hours >= age / 2.0);
    let after = points.values().find(|(hours, _)| *hours > age).filter(|(hours, _)| *hours <= age * 2.0);
    let near = |point: &(f64, f64)| (point.0 - age).abs() <= f64::from(rule.tolerance_hours);
    match (before, after) {
        (Some((h0, y0)), Some((h1, y1))) => {
            let share = ((age / h0).ln() / (h1 / h0).ln()).clamp(0.0, 1.0);
            Some(y0 + (y1 - y0) * share)
        }
        (Some(point), None) | (None, Some(point)) => near(point).then_some(point.1),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use omniva_contracts::engine::EngagementSource;
    use uuid::Uuid;

    use super::*;

    const NOON: i64 = 1_795_435_200; // Monday 2026-11-23 12:00 UTC

    fn post(n: u128) -> PostFacts {
        PostFacts {
            schedule_id: ScheduleId(Uuid::from_u128(n)),
            channel: "tiktok/main".into(),
            published_at: Moment::from_seconds(NOON),
            score: 0.5,
            votes: BTreeMap::new(),
        }
    }

    fn sample(n: u128, hours: i64, views: u64, engaged: Option<u64>) -> EngagementSample {
        EngagementSample {
            schedule_id: ScheduleId(Uuid::from_u128(n)),
            channel: "tiktok/main".into(),
            post_id: n.to_string(),
            published_at: Moment::from_seconds(NOON),
            measured_at: Moment::from_seconds(NOON + hours * 3_600),
            source: EngagementSource::Tiktok,
            views,
            engaged_views: engaged,
            likes: None,
            comments: None,
            shares: None,
            watch_seconds: None,
            average_view_percentage: None,
        }
    }

    fn of(posts: &[PostFacts], samples: &[EngagementSample]) -> Outcomes {
        outcomes("tiktok/main", &Zone::named("Europe/Berlin").unwrap(), AgeRule::default(), posts, samples).unwrap()
    }

    #[test]
    fn between_two_samples_it_is_interpolated_and_a_lone_one_counts_when_it_is_near() {
        // 36 h and 144 h around 72 h: half way on a logarithmic clock.
        let both = of(&[post(1)], &[sample(1, 36, 99, None), sample(1, 144, 999, None)]);
        assert!((both.outcomes[0].log - (100f64.ln() + 1000f64.ln()) / 2.0).abs() < 1e-5, "{both:?}");
        assert_eq!(both.outcomes[0].slot, 13, "Monday noon UTC is 13:00 in Berlin");
        let near = of(&[post(1)], &[sample(1, 95, 99, None)]);
        assert!((near.outcomes[0].log - 100f64.ln()).abs() < 1e-5);
        let far = of(&[post(1), post(2)], &[sample(1, 97, 99, None), sample(1, 10, 9, None)]);
        assert_eq!(far.outcomes.len(), 0);
        let reasons: Vec<(&str, usize)> = far.left_out.iter().map(|(why, ids)| (why.as_str(), ids.len())).collect();
        assert_eq!(reasons, [("no figures yet", 1), ("no views near the age of 72 hours", 1)]);
    }

    #[test]
    fn one_measure_for_a_channel() {
        let posts = [post(1), post(2), post(3)];
        let mut samples = vec![sample(1, 72, 900, Some(90)), sample(2, 72, 800, Some(80)), sample(3, 72, 700, None)];
        let engaged = of(&posts, &samples);
        assert_eq!((engaged.measure, engaged.outcomes.len()), (Measure::EngagedViews, 2));
        samples[0].engaged_views = None;
        let views = of(&posts, &samples);
        assert_eq!((views.measure, views.outcomes.len()), (Measure::Views, 3));
    }

    #[test]
    fn other_channels_and_strangers_are_passed_over_and_bad_figures_refused() {
        let mut other = sample(1, 72, 5, None);
        other.channel = "tiktok/other".into();
        assert_eq!(of(&[post(1)], &[other, sample(9, 72, 5, None)]).outcomes.len(), 0);
        let mut bad = sample(1, 72, 5, None);
        bad.measured_at = Moment(0);
        let refused = |rule, posts: &[PostFacts], samples: &[EngagementSample]| {
            outcomes("tiktok/main", &Zone::utc(), rule, posts, samples).unwrap_err().code
        };
        assert_eq!(refused(AgeRule::default(), &[post(1)], &[bad]), Code::InputCorrupt);
        assert_eq!(refused(AgeRule { hours: 0, tolerance_hours: 0 }, &[], &[]), Code::ConfigInvalid);
        let mut wild = post(1);
        wild.votes.insert("guardian".into(), f64::NAN);
        assert_eq!(refused(AgeRule::default(), &[wild], &[]), Code::ConfigInvalid);
    }
}
