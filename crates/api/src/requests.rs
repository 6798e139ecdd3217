//! Bodies of requests. Their schemas are what bodies are checked against.

use omniva_contracts::config::MixTarget;
use omniva_contracts::engine::*;
use omniva_contracts::wire::PrivacyStatus;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProject {
    /// Unique.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    #[serde(default)]
    #[schemars(length(max = 2000))]
    pub description: String,
    #[serde(default)]
    pub default_platforms: Option<Vec<Platform>>,
    #[serde(default)]
    #[schemars(range(min = 1, max = 365))]
    pub scrape_window_days: Option<u32>,
    /// Everything else; the two fields above win over the same ones in here.
    #[serde(default)]
    pub settings: Option<ProjectSettings>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateProject {
    #[serde(default)]
    #[schemars(length(max = 2000))]
    pub description: Option<String>,
    /// Only what is named changes; `null` brings back the default (RFC 7396).
    #[serde(default)]
    #[allow(dead_code)] // merged as JSON
    pub settings: Option<SettingsPatch>,
}

/// [`ProjectSettings`] with every field left out or `null` at will.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // the schema is what counts: the patch itself is merged as JSON
pub struct SettingsPatch {
    #[schemars(range(min = 1, max = 365))]
    pub scrape_window_days: Option<u32>,
    #[schemars(range(min = 1, max = 10))]
    pub daily_quota: Option<u32>,
    #[schemars(length(max = 100))]
    pub keywords: Option<Vec<String>>,
    pub default_platforms: Option<Vec<Platform>>,
    #[schemars(range(min = 1, max = 50))]
    pub clips_per_video: Option<u32>,
    #[schemars(range(min = 5.0, max = 120.0))]
    pub clip_min_seconds: Option<f64>,
    #[schemars(range(min = 5.0, max = 120.0))]
    pub clip_max_seconds: Option<f64>,
    pub language: Option<String>,
    pub captions: Option<String>,
    pub accept_unknown_rights: Option<bool>,
    pub output_folder: Option<String>,
    #[schemars(length(max = 80))]
    pub publish_to: Option<String>,
    #[schemars(length(max = 20))]
    pub channels: Option<Vec<ChannelSettings>>,
    pub mix: Option<Vec<MixTarget>>,
    pub voice: Option<ProjectVoice>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub reason: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddCreator {
    pub platform: Platform,
    /// With or without `@`.
    #[schemars(length(max = 200))]
    pub handle: String,
    #[serde(default)]
    #[schemars(length(max = 2048))]
    pub profile_url: Option<String>,
    #[serde(default)]
    #[schemars(range(min = 1, max = 365))]
    pub scrape_window_days: Option<u32>,
    /// On what ground the material may be used.
    #[serde(default)]
    pub rights: RightsBasis,
    #[serde(default)]
    pub source: Option<SourceSpec>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
pub enum CreatorSwitch {
    #[serde(rename = "ACTIVE")]
    Active,
    #[serde(rename = "PAUSED")]
    Paused,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateCreator {
    #[serde(default)]
    pub status: Option<CreatorSwitch>,
    #[serde(default)]
    #[schemars(range(min = 1, max = 365))]
    pub scrape_window_days: Option<u32>,
    #[serde(default)]
    pub rights: Option<RightsBasis>,
    #[serde(default)]
    pub source: Option<SourceSpec>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scrape {
    /// All active ones when empty.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub creator_ids: Vec<CreatorId>,
    #[serde(default)]
    pub since: Option<Moment>,
    #[serde(default)]
    pub until: Option<Moment>,
    /// Items whose scrape failed before are tried again.
    #[serde(default)]
    pub force: bool,
}

/// `high` is 800, `normal` 500, `low` 200; or 0 to 1000.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Priority {
    Word(PriorityWord),
    Number(#[schemars(range(min = 0, max = 1000))] i32),
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PriorityWord {
    High,
    Normal,
    Low,
}

impl Priority {
    pub fn value(self) -> i32 {
        match self {
            Priority::Word(PriorityWord::High) => PRIORITY_HIGH,
            Priority::Word(PriorityWord::Normal) => PRIORITY_DEFAULT,
            Priority::Word(PriorityWord::Low) => PRIORITY_LOW,
            Priority::Number(n) => n,
        }
    }
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    Autocut,
    Reframe,
    Captions,
    Audio,
}

impl Operation {
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Autocut => "autocut",
            Operation::Reframe => "reframe",
            Operation::Captions => "captions",
            Operation::Audio => "audio",
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditClip {
    /// All when empty.
    #[serde(default)]
    #[schemars(length(max = 4), extend("uniqueItems" = true))]
    pub operations: Vec<Operation>,
    #[serde(default)]
    pub priority: Option<Priority>,
    #[serde(default)]
    pub gpu_required: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadClip {
    /// The engine's own when left out.
    #[serde(default)]
    #[schemars(length(min = 1, max = 120))]
    pub title: Option<String>,
    #[serde(default)]
    #[schemars(length(max = 5000))]
    pub description: Option<String>,
    #[serde(default)]
    #[schemars(length(max = 15))]
    pub keywords: Option<Vec<String>>,
    /// The scheduler finds one when left out.
    #[serde(default)]
    pub scheduled_time: Option<Moment>,
    #[serde(default)]
    pub privacy_status: Option<PrivacyStatus>,
    /// `folder`, `youtube/ACCOUNT` …; the project's first channel when left out.
    #[serde(default)]
    #[schemars(length(min = 1, max = 80))]
    pub target: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recalculate {
    pub project_id: ProjectId,
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub reason: String,
    /// Only says what would change.
    #[serde(default)]
    pub dry_run: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportEngagement {
    /// As the project's settings call it, e.g. `youtube/main`.
    #[schemars(length(max = 200))]
    pub channel: String,
    /// For a folder: whose.
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    /// The file: a header with `post_id,measured_at,views`, then a line for each point.
    pub csv: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveSchedule {
    pub at: Moment,
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub reason: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LockSchedule {
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub reason: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reschedule {
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub reason: String,
    /// Only this day (UTC), `YYYY-MM-DD`.
    #[serde(default)]
    #[schemars(extend("format" = "date"))]
    pub target_day: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prioritise {
    pub priority: Priority,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnqueueNoop {
    #[schemars(range(min = 1, max = 10000))]
    pub count: u32,
    /// The first jobs get these; an open job with the same key stands for them.
    #[serde(default)]
    #[schemars(length(max = 10000))]
    pub unique_keys: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleQueue {
    /// Jobs at the same time.
    #[schemars(range(min = 1, max = 256))]
    pub limit: u32,
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub reason: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Impose {
    pub question: Question,
    pub subject: EntityRef,
    /// `false` refuses.
    pub approve: bool,
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveOrder {
    pub order: EngineOrder,
    #[schemars(length(min = 1, max = 500))]
    pub reason: String,
}

/// Orders that are not an endpoint of their own.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub enum EngineOrder {
    /// One actor starts anew.
    SoftRebuild {
        #[schemars(length(min = 1, max = 100))]
        actor: String,
    },
    /// A group of actors starts anew: `infra`, `jobs`, `cognition`, `workers`.
    SubsystemReset {
        #[schemars(length(min = 1, max = 100))]
        group: String,
    },
    FullReboot {},
    QuarantineWorker {
        queue: JobKind,
        #[schemars(length(min = 1, max = 500))]
        why: String,
    },
    ReleaseWorker {
        queue: JobKind,
    },
    SlowUpstream {
        queue: JobKind,
        #[schemars(range(min = 0.0, max = 1.0))]
        factor: f64,
    },
}

impl From<EngineOrder> for Order {
    fn from(order: EngineOrder) -> Self {
        match order {
            EngineOrder::SoftRebuild { actor } => Order::SoftRebuild { actor },
            EngineOrder::SubsystemReset { group } => Order::SubsystemReset { group },
            EngineOrder::FullReboot {} => Order::FullReboot,
            EngineOrder::QuarantineWorker { queue, why } => Order::QuarantineWorker { queue, why },
            EngineOrder::ReleaseWorker { queue } => Order::ReleaseWorker { queue },
            EngineOrder::SlowUpstream { queue, factor } => Order::SlowUpstream { queue, factor },
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// Unique among the keys that are in use.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    pub role: Role,
    #[serde(default)]
    pub expires_at: Option<Moment>,
}
