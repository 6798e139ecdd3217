//! Rows of what posts achieved and of what was learnt from it, and what the job that makes them is given and gives back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    EngagementSample, EngagementSource, EntityRef, EntityType, LearningStep, Moment, PacketId, ProjectId, SampleId,
    ScheduleId,
};
use crate::fault::Fault;
use crate::ports::{Ids, Seeded};

/// One point of a post's time series. The same post, moment and source have the same id, so that figures that are read
/// twice stand there once; later figures of the same moment replace earlier ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleRow {
    pub sample_id: SampleId,
    pub sample: EngagementSample,
    pub version: i64,
}

impl SampleRow {
    pub fn id_of(schedule: ScheduleId, measured_at: Moment, source: EngagementSource) -> SampleId {
        let text = format!("sample {schedule} {} {}", measured_at.0, source.as_str());
        SampleId(Seeded::new(text.as_bytes()).next())
    }

    pub fn new(sample: EngagementSample) -> Self {
        let sample_id = Self::id_of(sample.schedule_id, sample.measured_at, sample.source);
        Self { sample_id, sample, version: 1 }
    }

    /// The row that follows, given the one that is there; `None` where that says the same.
    pub fn after(sample: EngagementSample, there: Option<&SampleRow>) -> Option<Self> {
        let new = Self::new(sample);
        match there {
            None => Some(new),
            Some(old) if old.sample == new.sample => None,
            Some(old) => Some(Self { version: old.version + 1, ..new }),
        }
    }
}

/// What is known of a channel or of the personas between two learning steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRow {
    /// [`ModelRow::windows`] or [`ModelRow::PERSONAS`].
    pub name: String,
    /// A document of the learning (`cognition::learning`).
    pub model: Value,
    /// The last step, and the last that compared posts with their forecasts, without their lists of posts.
    pub steps: Vec<LearningStep>,
    /// The last alarm, if there ever was one.
    pub alarm: Value,
    /// The packet of the last step.
    pub packet_id: PacketId,
    pub updated_at: Moment,
    pub version: i64,
}

impl ModelRow {
    pub const PERSONAS: &'static str = "personas";
    const WINDOWS: &'static str = "windows ";

    /// The name of a channel's model.
    pub fn windows(channel: &str) -> String {
        format!("{}{channel}", Self::WINDOWS)
    }

    /// The channel of a model, where it is one's.
    pub fn channel(&self) -> Option<&str> {
        self.name.strip_prefix(Self::WINDOWS)
    }

    /// What packets about a model name: its id follows from its name.
    pub fn entity(name: &str) -> EntityRef {
        EntityRef::new(EntityType::Model, Seeded::new(format!("model {name}").as_bytes()).next())
    }
}

/// What a job that measures is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MeasurePayload {
    /// Learns from what is there, without asking any platform.
    pub only_learn: bool,
}

/// What came of one channel's posts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelPull {
    pub channel: String,
    pub asked: u64,
    pub samples: Vec<EngagementSample>,
    /// Posts without figures, with why.
    pub missing: Vec<(ScheduleId, Fault)>,
    /// Posts whose figures come later.
    pub not_yet: u64,
    /// Why it did not get to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// What was learnt in one go for one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lessons {
    /// Name of the model.
    pub name: String,
    /// Version of the row that it follows; 0 for none.
    pub follows: i64,
    pub model: Value,
    pub steps: Vec<LearningStep>,
    /// `null` for none.
    pub alarm: Value,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeasureResult {
    pub pulls: Vec<ChannelPull>,
    pub lessons: Vec<Lessons>,
    /// Channels that could not be learnt, with why.
    pub unlearnt: Vec<(String, Fault)>,
}

/// What the engine has learnt, for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LearningOverview {
    /// Whether anything is learnt, and used, at all.
    pub on: bool,
    pub channels: Vec<ChannelLearning>,
    pub personas: PersonaLearning,
}

/// What was learnt of one channel's week.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelLearning {
    /// As people write it.
    pub channel: String,
    /// The project whose time zone the hours are in.
    pub project_id: ProjectId,
    pub time_zone: String,
    /// Whether the calendar plans with it.
    pub on: bool,
    /// What is missing where it does not.
    pub why_off: Vec<String>,
    pub version: u64,
    /// Posts with figures at the age that counts, and points that were looked at.
    pub posts: u64,
    pub samples: u64,
    pub updated_at: Option<Moment>,
    /// The best first; empty while off.
    pub best_hours: Vec<HourWorth>,
    /// Of a middling clip in the best hour.
    pub forecast: Option<PostForecast>,
    /// The last one.
    pub alarm: Option<AudienceAlarm>,
    /// What packets name (`models/…`), and that of the last step.
    pub model_id: Uuid,
    pub packet_id: Option<PacketId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HourWorth {
    /// `Tuesday 18:00`, in the channel's zone.
    pub hour: String,
    /// Of what the best hour brings, 0..1.
    pub share: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PostForecast {
    /// `views` or `engaged_views`, at this age.
    pub measure: String,
    pub age_hours: u32,
    pub expected: f64,
    /// Four of five posts lie between these.
    pub low: f64,
    pub high: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AudienceAlarm {
    pub at: Moment,
    /// About when the audience changed.
    pub since: Moment,
    pub posts: u32,
    /// What posts achieved since, for each 1 that was forecast.
    pub factor: f64,
    pub words: String,
}

/// What was learnt of Pantheon's personas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PersonaLearning {
    pub on: bool,
    pub why_off: Vec<String>,
    pub version: u64,
    /// Posts with votes and figures.
    pub posts: u64,
    pub updated_at: Option<Moment>,
    pub weights: Vec<PersonaWeight>,
    pub model_id: Uuid,
    pub packet_id: Option<PacketId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PersonaWeight {
    pub persona: String,
    pub configured: f64,
    pub in_use: f64,
    /// How its votes went with what came of them, -1..=1, shrunk.
    pub skill: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_figures_twice_are_one_row_and_other_ones_follow() {
        let sample = EngagementSample {
            schedule_id: ScheduleId(Uuid::from_u128(1)),
            channel: "youtube/main".into(),
            post_id: "v1".into(),
            published_at: Moment(0),
            measured_at: Moment(7),
            source: EngagementSource::Csv,
            views: 10,
            engaged_views: None,
            likes: None,
            comments: None,
            shares: None,
            watch_seconds: None,
            average_view_percentage: None,
        };
        let first = SampleRow::after(sample.clone(), None).expect("new");
        assert_eq!(SampleRow::after(sample.clone(), Some(&first)), None);
        let next = SampleRow::after(EngagementSample { views: 11, ..sample.clone() }, Some(&first)).expect("other");
        assert_eq!((next.sample_id, next.version, next.sample.views), (first.sample_id, 2, 11));
        let later = SampleRow::new(EngagementSample { measured_at: Moment(8), ..sample.clone() });
        let other = SampleRow::new(EngagementSample { source: EngagementSource::YoutubeData, ..sample });
        assert!(later.sample_id != first.sample_id && other.sample_id != first.sample_id);
    }

    #[test]
    fn a_model_knows_its_channel_and_has_one_id() {
        let name = ModelRow::windows("youtube/main");
        let row = ModelRow {
            name: name.clone(),
            model: Value::Null,
            steps: vec![],
            alarm: Value::Null,
            packet_id: PacketId(Uuid::nil()),
            updated_at: Moment(0),
            version: 1,
        };
        assert_eq!(row.channel(), Some("youtube/main"));
        assert_eq!(ModelRow { name: ModelRow::PERSONAS.into(), ..row }.channel(), None);
        assert_eq!(ModelRow::entity(&name), ModelRow::entity(&name));
        assert_ne!(ModelRow::entity(&name), ModelRow::entity(ModelRow::PERSONAS));
    }
}
