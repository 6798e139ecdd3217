//! The channels of a project: where its clips go out, at which hours, how often, how far apart.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ProjectId, ProjectSettings, Target};
use crate::config::{MixTarget, QuietHours};
use crate::wire::PrivacyStatus;

/// What rows begin with where clips go into a project's own folder.
const FOLDER: &str = "folder/";

/// What becomes of a slot that passed while nobody could publish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MissedSlot {
    /// The best slot that is left.
    #[default]
    NextFree,
    /// It is given up.
    Skip,
    /// The first minute that breaks no rule.
    PublishNow,
}

/// Whole hours of the local day, `from` 0..=23 to `to` 1..=24; over midnight when `to` is not above `from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostingWindow {
    #[schemars(range(min = 0, max = 23))]
    pub from: u32,
    #[schemars(range(min = 1, max = 24))]
    pub to: u32,
}

impl PostingWindow {
    pub fn holds(self, hour: u32) -> bool {
        if self.from < self.to { (self.from..self.to).contains(&hour) } else { hour >= self.from || hour < self.to }
    }
}

fn utc() -> String {
    "UTC".into()
}
fn quota() -> u32 {
    5
}
fn private() -> PrivacyStatus {
    PrivacyStatus::Private
}
fn yes() -> bool {
    true
}

/// One place where a project's clips go out, with its rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelSettings {
    /// `folder` (the project's output folder), `youtube/ACCOUNT`, `tiktok/ACCOUNT`, `instagram/ACCOUNT` or `webhook/NAME`.
    #[schemars(length(min = 1, max = 80))]
    pub target: String,
    /// IANA name; days, hours and quiet hours are those of this zone.
    #[serde(default = "utc")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
    /// Hours that are best for posting. Outside of them a slot is worth less, and still taken when nothing else is left.
    /// Without any, the earliest time that breaks no rule is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 12))]
    pub windows: Vec<PostingWindow>,
    /// Nothing goes out in them; those of `[engine.schedule]` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12))]
    pub quiet_hours: Option<Vec<QuietHours>>,
    /// Publications of the project in one local day.
    #[serde(default = "quota")]
    #[schemars(range(min = 1, max = 10))]
    pub daily_quota: u32,
    /// Between two publications; that of `[engine.schedule]` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10080))]
    pub spacing_minutes: Option<u32>,
    /// Shares of kinds of content in a week. A clip is of a kind when its tags, keywords or title hold one of its words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub mix: Vec<MixTarget>,
    /// Nothing is made public that nobody asked to be.
    #[serde(default = "private")]
    pub privacy: PrivacyStatus,
    #[serde(default)]
    pub missed: MissedSlot,
    /// A channel that is switched off gets no new clips; what has its time goes out.
    #[serde(default = "yes")]
    pub enabled: bool,
}

impl ChannelSettings {
    /// Defaults, for a target.
    pub fn new(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            time_zone: utc(),
            windows: Vec::new(),
            quiet_hours: None,
            daily_quota: quota(),
            spacing_minutes: None,
            mix: Vec::new(),
            privacy: private(),
            missed: MissedSlot::default(),
            enabled: true,
        }
    }

    /// Whether one time is as good as another, so that the earliest is the best.
    pub fn takes_the_earliest(&self) -> bool {
        self.windows.is_empty() && self.mix.is_empty()
    }
}

impl ProjectSettings {
    /// The channels that new clips go to, in the order of the settings; without `channels` the one that `publish_to`
    /// names, with the project's quota.
    pub fn channels_in_use(&self) -> Vec<ChannelSettings> {
        if self.channels.is_empty() {
            return vec![self.usual(self.publish_to.as_deref().unwrap_or("folder"))];
        }
        self.channels.iter().filter(|c| c.enabled).cloned().collect()
    }

    /// The rules for rows of a target ([`row_target`]). One that the settings don't name any more keeps the project's
    /// quota.
    pub fn channel_of(&self, project: ProjectId, target: &str) -> ChannelSettings {
        let named = self.channels.iter().find(|c| row_target(project, &c.target) == target);
        named.cloned().unwrap_or_else(|| self.usual(shown_target(target)))
    }

    fn usual(&self, target: &str) -> ChannelSettings {
        ChannelSettings {
            daily_quota: self.daily_quota,
            missed: MissedSlot::PublishNow,
            ..ChannelSettings::new(target)
        }
    }
}

/// What rows call a target of the settings: each project's folder is a place of its own.
pub fn row_target(project: ProjectId, target: &str) -> String {
    match Target::parse(target) {
        Ok(Target::Folder) => format!("{FOLDER}{project}"),
        Ok(other) => other.to_string(),
        Err(_) => target.to_owned(),
    }
}

/// As people write it: `folder` for any project's folder.
pub fn shown_target(row: &str) -> &str {
    if row.starts_with(FOLDER) { "folder" } else { row }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_project_without_channels_has_the_one_that_it_always_had() {
        let mut settings = ProjectSettings { daily_quota: 3, ..ProjectSettings::default() };
        let folder = settings.channels_in_use();
        assert_eq!((folder.len(), folder[0].target.as_str(), folder[0].daily_quota), (1, "folder", 3));
        settings.publish_to = Some("youtube/main".into());
        assert_eq!(settings.channels_in_use()[0].target, "youtube/main");
        let off = ChannelSettings { enabled: false, ..ChannelSettings::new("tiktok/a") };
        settings.channels = vec![off, ChannelSettings::new("youtube_shorts/b")];
        let project = ProjectId(Uuid::from_u128(7));
        assert_eq!(settings.channels_in_use().len(), 1, "those that are on");
        assert_eq!(settings.channel_of(project, "youtube/b").daily_quota, 5);
        assert!(!settings.channel_of(project, "tiktok/a").enabled, "rows of one that is off keep its rules");
        assert_eq!(settings.channel_of(project, "webhook/gone").daily_quota, 3);
    }

    #[test]
    fn each_projects_folder_is_a_target_of_its_own() {
        let [one, two] = [1, 2].map(|n| row_target(ProjectId(Uuid::from_u128(n)), "folder"));
        assert_ne!(one, two);
        assert_eq!((shown_target(&one), shown_target("youtube/a")), ("folder", "youtube/a"));
        assert_eq!(Target::parse(&one).expect("a target"), Target::Folder);
    }

    #[test]
    fn a_channel_needs_only_its_target() {
        let channel: ChannelSettings = serde_json::from_str(r#"{"target":"youtube/main"}"#).expect("valid");
        assert_eq!(channel, ChannelSettings::new("youtube/main"));
        assert!(serde_json::from_str::<ChannelSettings>(r#"{"target":"folder","zone":"UTC"}"#).is_err());
        let night = PostingWindow { from: 22, to: 2 };
        assert_eq!([21, 22, 23, 0, 1, 2].map(|h| night.holds(h)), [false, true, true, true, true, false]);
    }
}
