//! What an operator sets for a project.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ChannelSettings, ProjectVoice};
use crate::config::MixTarget;

/// Names of the reference; `youtube_shorts` and `instagram_reels` are accepted for `youtube` and `instagram`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(extend("enum" = ["tiktok", "instagram", "youtube", "podcast", "other", "instagram_reels", "youtube_shorts"]))]
pub enum Platform {
    Tiktok,
    #[serde(alias = "instagram_reels")]
    Instagram,
    #[serde(alias = "youtube_shorts")]
    Youtube,
    Podcast,
    Other,
}

impl Platform {
    pub const ALL: [Platform; 5] =
        [Platform::Tiktok, Platform::Instagram, Platform::Youtube, Platform::Podcast, Platform::Other];
    pub fn as_str(self) -> &'static str {
        match self {
            Platform::Tiktok => "tiktok",
            Platform::Instagram => "instagram",
            Platform::Youtube => "youtube",
            Platform::Podcast => "podcast",
            Platform::Other => "other",
        }
    }
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "youtube_shorts" => Some(Platform::Youtube),
            "instagram_reels" => Some(Platform::Instagram),
            _ => Self::ALL.into_iter().find(|p| p.as_str() == text),
        }
    }
}

/// On what ground a creator's material may be used (ARCHITECTURE §9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RightsBasis {
    Owned,
    Licensed,
    Permitted,
    #[default]
    Unknown,
}

fn window_days() -> u32 {
    7
}
fn daily_quota() -> u32 {
    5
}
fn yes() -> bool {
    true
}

/// Unknown keys are refused; what is left out has the default of the reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectSettings {
    /// How far back a scrape looks, days.
    #[serde(default = "window_days")]
    #[schemars(range(min = 1, max = 365))]
    pub scrape_window_days: u32,
    /// Clips a day, at most.
    #[serde(default = "daily_quota")]
    #[schemars(range(min = 1, max = 10))]
    pub daily_quota: u32,
    #[serde(default)]
    #[schemars(length(max = 100))]
    pub keywords: Vec<String>,
    #[serde(default)]
    pub default_platforms: Vec<Platform>,
    /// Clips of one video, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 50))]
    pub clips_per_video: Option<u32>,
    /// Seconds of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5.0, max = 120.0))]
    pub clip_min_seconds: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5.0, max = 120.0))]
    pub clip_max_seconds: Option<f64>,
    /// ISO 639-1, or `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// A caption style, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captions: Option<String>,
    /// Whether material with rights basis `unknown` is taken.
    #[serde(default = "yes")]
    pub accept_unknown_rights: bool,
    /// Where finished clips are put; a folder of the engine's own when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_folder: Option<String>,
    /// `folder` (the output folder), `youtube/ACCOUNT`, `tiktok/ACCOUNT`, `instagram/ACCOUNT` or `webhook/NAME`; the folder
    /// when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80))]
    pub publish_to: Option<String>,
    /// Where clips go, each with its own rules; `publish_to` and `daily_quota` count only where this is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub channels: Vec<ChannelSettings>,
    /// Content mix over the project's clips (Horizon).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mix: Vec<MixTarget>,
    /// How texts are written (Chorus); as they were drafted when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<Box<ProjectVoice>>,
}

impl Default for ProjectSettings {
    fn default() -> Self {
        Self {
            scrape_window_days: window_days(),
            daily_quota: daily_quota(),
            keywords: Vec::new(),
            default_platforms: Vec::new(),
            clips_per_video: None,
            clip_min_seconds: None,
            clip_max_seconds: None,
            language: None,
            captions: None,
            accept_unknown_rights: true,
            output_folder: None,
            publish_to: None,
            channels: Vec::new(),
            mix: Vec::new(),
            voice: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_object_is_the_default() {
        assert_eq!(serde_json::from_str::<ProjectSettings>("{}").expect("valid"), ProjectSettings::default());
        assert!(serde_json::from_str::<ProjectSettings>(r#"{"surprise":1}"#).is_err());
    }

    #[test]
    fn aliases_of_platforms_are_read_and_never_written() {
        let read: Vec<Platform> =
            serde_json::from_str(r#"["youtube_shorts","instagram_reels","tiktok"]"#).expect("valid");
        assert_eq!(read, [Platform::Youtube, Platform::Instagram, Platform::Tiktok]);
        assert_eq!(serde_json::to_string(&read).expect("text"), r#"["youtube","instagram","tiktok"]"#);
        for platform in Platform::ALL {
            assert_eq!(Platform::parse(platform.as_str()), Some(platform));
        }
    }
}
