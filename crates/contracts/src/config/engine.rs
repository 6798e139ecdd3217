//! The engine's part of the configuration: `config/engine.toml`, with the `[engine]` table of a user's file on top.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    DrafterConfig, Endpoints, LearningConfig, LikenessConfig, MixTarget, NetworkConfig, PlatformsConfig, invalid,
    merge, within,
};
use crate::digits::hex;
use crate::engine::{JobKind, Misfire, Precedence};
use crate::fault::{Code, Fault};
use sha2::{Digest, Sha256};

const DEFAULT: &str = include_str!("../../../../config/engine.toml");

/// Every number that the engine decides by. Part of the input of every ruling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EngineConfig {
    pub server: ServerConfig,
    pub jobs: JobsConfig,
    /// One for each kind of job.
    pub queues: BTreeMap<JobKind, QueueLimits>,
    pub council: CouncilConfig,
    pub control: ControlConfig,
    pub eclipse: EclipseConfig,
    pub schedule: ScheduleConfig,
    pub retention: RetentionConfig,
    pub learning: LearningConfig,
    pub likeness: LikenessConfig,
    pub network: NetworkConfig,
    pub drafter: DrafterConfig,
    pub publish: PublishConfig,
    pub cron: BTreeMap<String, CronRule>,
    /// What the platforms allow, from the `[platforms]` tables: a file of its own, and part of what is decided by.
    #[serde(skip)]
    pub platforms: PlatformsConfig,
    /// Hosts, sizes and protocols of the platforms, from the `[endpoints]` tables: texts are cut to them, and renderings chosen
    /// by them.
    #[serde(skip)]
    pub endpoints: Endpoints,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// `ip:port`
    pub address: String,
    pub max_body_kilobytes: u32,
    pub request_seconds: f64,
    pub stop_seconds: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobsConfig {
    pub lease_seconds: f64,
    pub heartbeat_seconds: f64,
    pub ttl_hours: f64,
    pub max_crashes: u32,
    pub max_snoozes: u32,
    pub max_snooze_hours: f64,
    /// 0..1
    pub jitter: f64,
    pub transient_seconds: f64,
    pub transient_max_seconds: f64,
    pub limit_seconds: f64,
    pub limit_max_seconds: f64,
    pub claim_batch: u32,
}

impl JobsConfig {
    pub fn lease(&self) -> Duration {
        seconds(self.lease_seconds)
    }
    pub fn heartbeat(&self) -> Duration {
        seconds(self.heartbeat_seconds)
    }
    pub fn ttl(&self) -> Duration {
        seconds(self.ttl_hours * 3600.0)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueueLimits {
    /// Jobs at the same time.
    pub limit: u32,
    pub max_attempts: u32,
    /// Waiting jobs above which the stage before it is slowed.
    pub depth: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CouncilConfig {
    /// Highest first; each exactly once.
    pub precedence: Vec<Precedence>,
    pub deadline_seconds: f64,
    pub defer_seconds: f64,
    pub floor: f64,
    pub neutral: f64,
    pub near_duplicate: f64,
    /// Share of a new video that is there already from which on it counts as a copy.
    pub duplicate_share: f64,
    pub partial_reuse: PartialReuse,
    pub max_overlap: f64,
    pub repeat_similarity: f64,
    pub repeat_days: u32,
    pub lattice: LatticeConfig,
    pub horizon: GoalConfig,
    pub chorus: ComplianceConfig,
}

/// What is done about a new video of which a part is there already, from another creator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartialReuse {
    /// It is noted.
    Allow,
    /// It speaks against the video and does not forbid it.
    Oppose,
    /// A person must look.
    Quarantine,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LatticeConfig {
    pub topic_similarity: f64,
    pub topic_weight: f64,
    pub fairness_weight: f64,
    pub backlog_weight: f64,
    pub strength: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoalConfig {
    pub window_days: u32,
    pub mix: Vec<MixTarget>,
    pub strength: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComplianceConfig {
    /// Characters.
    pub title_max: u32,
    /// Bytes.
    pub description_max: u32,
    pub keywords_max: u32,
    /// Characters of all keywords with the commas between.
    pub keywords_length_max: u32,
    pub banned_words: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlConfig {
    pub cycle_seconds: f64,
    pub slow_floor: f64,
    pub release_depth: f64,
    pub reprioritise_at_most: u32,
    pub reprioritise_step: i32,
    pub busy_load: f64,
    pub min_free_memory: f64,
    pub min_free_disk_gigabytes: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EclipseConfig {
    pub window_seconds: f64,
    pub trip_failures: u32,
    pub trip_share: f64,
    pub open_seconds: f64,
    pub open_max_seconds: f64,
    pub probes: u32,
    /// New rounds of attempts that a failed job gets.
    pub recover_rounds: u32,
    pub crash_soft_rebuild: u32,
    pub crash_subsystem_reset: u32,
    pub crash_full_reboot: u32,
}

/// `from` to `to`, `hh:mm`, UTC where no time zone is named; over midnight when `to` is the smaller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    pub from: String,
    pub to: String,
}

impl QuietHours {
    /// Minutes of the day, if both are times.
    pub fn minutes(&self) -> Option<(u32, u32)> {
        Some((minute_of_day(&self.from)?, minute_of_day(&self.to)?))
    }
}

fn minute_of_day(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let two = |part: &str| (part.len() == 2).then(|| part.parse::<u32>().ok())?;
    let (hour, minute) = (two(hour)?, two(minute)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleConfig {
    pub spacing_minutes: u32,
    pub quiet_hours: Vec<QuietHours>,
    pub lead_minutes: u32,
    pub horizon_days: u32,
    /// A slot that is this late, and whose upload never began, was missed.
    pub missed_minutes: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionConfig {
    pub raw_days: u32,
    pub analysis_days: u32,
    pub log_days: u32,
    pub ended_jobs_days: u32,
    pub answers_hours: u32,
    pub min_free_gigabytes: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishConfig {
    /// By the name that targets use: `webhook/NAME`.
    pub webhooks: BTreeMap<String, WebhookAddress>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookAddress {
    /// https, or http to this machine.
    pub url: String,
    /// Where the receiver can fetch the files by name, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_base: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CronRule {
    pub every_seconds: u64,
    pub misfire: Misfire,
}

/// Whole file as it is written: everything under `[engine]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    engine: EngineConfig,
}

impl EngineConfig {
    /// The shipped defaults with the `[engine]` table of `overlay` (name and text of a TOML file) on top; its other
    /// tables belong to [`super::Config`].
    pub fn load(overlay: Option<(&str, &str)>) -> Result<EngineConfig, Fault> {
        let mut merged: toml::Table = DEFAULT.parse().map_err(|e| invalid("config/engine.toml", &e))?;
        let mut origin = "the shipped configuration";
        if let Some((name, text)) = overlay {
            origin = name;
            let mut table: toml::Table = text.parse().map_err(|e| invalid(name, &e))?;
            table.retain(|key, _| key == "engine");
            merge(&mut merged, table);
        }
        let mut file: File = toml::Value::Table(merged).try_into().map_err(|e| invalid(origin, &e))?;
        file.engine.validate()?;
        file.engine.platforms = PlatformsConfig::load(overlay)?;
        file.engine.endpoints = Endpoints::load(overlay)?;
        Ok(file.engine)
    }

    /// SHA-256 over the canonical JSON form (keys sorted, no white space).
    pub fn sha256(&self) -> String {
        let all = serde_json::to_value((self, &self.platforms, &self.endpoints));
        let canonical = all.map(|v| v.to_string()).unwrap_or_default();
        hex(&Sha256::digest(canonical.as_bytes()))
    }

    /// What a queue may do; the shipped value stands in for a kind that [`EngineConfig::validate`] would have refused.
    pub fn queue(&self, kind: JobKind) -> QueueLimits {
        self.queues.get(&kind).cloned().unwrap_or(QueueLimits { limit: 1, max_attempts: 3, depth: 100 })
    }

    /// Every bound in one place; the message names key, value and bound.
    pub fn validate(&self) -> Result<(), Fault> {
        let mut faults = Vec::new();
        self.server.validate(&mut faults);
        self.jobs.validate(&mut faults);
        for kind in JobKind::ALL {
            let name = kind.as_str();
            let Some(queue) = self.queues.get(&kind) else {
                faults.push(format!("engine.queues.{name}: is missing"));
                continue;
            };
            within(&mut faults, &format!("engine.queues.{name}.limit"), queue.limit, 1, 256);
            within(&mut faults, &format!("engine.queues.{name}.max_attempts"), queue.max_attempts, 1, 100);
            within(&mut faults, &format!("engine.queues.{name}.depth"), queue.depth, 1, 10_000_000);
        }
        self.council.validate(&mut faults);
        self.control.validate(&mut faults);
        self.eclipse.validate(&mut faults);
        self.schedule.validate(&mut faults);
        self.retention.validate(&mut faults);
        self.learning.validate(&mut faults);
        self.likeness.validate(&mut faults);
        self.network.validate(&mut faults);
        self.drafter.validate(&mut faults);
        for (name, webhook) in &self.publish.webhooks {
            for url in std::iter::once(&webhook.url).chain(&webhook.files_base) {
                if let Err(why) = super::safe_address(url) {
                    faults.push(format!("engine.publish.webhooks.{name}: {url:?}: {why}"));
                }
            }
        }
        for (name, rule) in &self.cron {
            within(&mut faults, &format!("engine.cron.{name}.every_seconds"), rule.every_seconds, 1, 31_536_000);
        }
        if faults.is_empty() {
            return Ok(());
        }
        Err(Fault::new(
            Code::ConfigInvalid,
            faults.join("; "),
            "correct these keys in the configuration file; config/engine.toml explains each",
        ))
    }
}

impl ServerConfig {
    fn validate(&self, f: &mut Vec<String>) {
        if self.address.parse::<SocketAddr>().is_err() {
            f.push(format!("engine.server.address = {:?}: must be ip:port, e.g. 127.0.0.1:7700", self.address));
        }
        within(f, "engine.server.max_body_kilobytes", self.max_body_kilobytes, 1, 65_536);
        within(f, "engine.server.request_seconds", self.request_seconds, 0.1, 600.0);
        within(f, "engine.server.stop_seconds", self.stop_seconds, 0.1, 600.0);
    }
}

impl JobsConfig {
    fn validate(&self, f: &mut Vec<String>) {
        within(f, "engine.jobs.lease_seconds", self.lease_seconds, 0.1, 3600.0);
        within(f, "engine.jobs.heartbeat_seconds", self.heartbeat_seconds, 0.01, self.lease_seconds / 3.0);
        within(f, "engine.jobs.ttl_hours", self.ttl_hours, 0.01, 8760.0);
        within(f, "engine.jobs.max_crashes", self.max_crashes, 1, 100);
        within(f, "engine.jobs.max_snoozes", self.max_snoozes, 1, 10_000);
        within(f, "engine.jobs.max_snooze_hours", self.max_snooze_hours, 0.01, 744.0);
        within(f, "engine.jobs.jitter", self.jitter, 0.0, 0.5);
        within(f, "engine.jobs.transient_seconds", self.transient_seconds, 0.01, self.transient_max_seconds);
        within(f, "engine.jobs.transient_max_seconds", self.transient_max_seconds, 0.01, 86_400.0);
        within(f, "engine.jobs.limit_seconds", self.limit_seconds, 0.01, self.limit_max_seconds);
        within(f, "engine.jobs.limit_max_seconds", self.limit_max_seconds, 0.01, 86_400.0);
        within(f, "engine.jobs.claim_batch", self.claim_batch, 1, 1000);
    }
}

impl CouncilConfig {
    fn validate(&self, f: &mut Vec<String>) {
        let mut named = self.precedence.clone();
        named.sort();
        named.dedup();
        if named.len() != 5 || self.precedence.len() != 5 {
            f.push("engine.council.precedence: must name each of operator_override, paradox_block, eclipse_quarantine, quota_and_rights, council once".into());
        }
        if self.precedence.first() != Some(&Precedence::OperatorOverride) {
            f.push("engine.council.precedence: operator_override must come first".into());
        }
        if self.precedence.last() != Some(&Precedence::Council) {
            f.push("engine.council.precedence: council must come last".into());
        }
        within(f, "engine.council.deadline_seconds", self.deadline_seconds, 0.01, 60.0);
        within(f, "engine.council.defer_seconds", self.defer_seconds, 0.1, 86_400.0);
        for (key, value) in [
            ("floor", self.floor),
            ("neutral", self.neutral),
            ("near_duplicate", self.near_duplicate),
            ("duplicate_share", self.duplicate_share),
            ("max_overlap", self.max_overlap),
            ("repeat_similarity", self.repeat_similarity),
            ("lattice.topic_similarity", self.lattice.topic_similarity),
            ("lattice.topic_weight", self.lattice.topic_weight),
            ("lattice.fairness_weight", self.lattice.fairness_weight),
            ("lattice.backlog_weight", self.lattice.backlog_weight),
            ("lattice.strength", self.lattice.strength),
            ("horizon.strength", self.horizon.strength),
        ] {
            within(f, &format!("engine.council.{key}"), value, 0.0, 1.0);
        }
        within(f, "engine.council.repeat_days", self.repeat_days, 0, 3650);
        within(f, "engine.council.horizon.window_days", self.horizon.window_days, 1, 365);
        let total: f64 = self.horizon.mix.iter().map(|m| m.share).sum();
        if self.horizon.mix.iter().any(|m| !(0.0..=1.0).contains(&m.share)) || total > 1.0 + 1e-9 {
            f.push("engine.council.horizon.mix: shares must be 0..=1 and add up to at most 1".into());
        }
        within(f, "engine.council.chorus.title_max", self.chorus.title_max, 1, 120);
        within(f, "engine.council.chorus.description_max", self.chorus.description_max, 1, 5000);
        within(f, "engine.council.chorus.keywords_max", self.chorus.keywords_max, 0, 15);
        within(f, "engine.council.chorus.keywords_length_max", self.chorus.keywords_length_max, 0, 500);
    }
}

impl ControlConfig {
    fn validate(&self, f: &mut Vec<String>) {
        within(f, "engine.control.cycle_seconds", self.cycle_seconds, 0.1, 3600.0);
        within(f, "engine.control.slow_floor", self.slow_floor, 0.01, 1.0);
        within(f, "engine.control.release_depth", self.release_depth, 0.0, 1.0);
        within(f, "engine.control.reprioritise_at_most", self.reprioritise_at_most, 0, 10_000);
        within(f, "engine.control.reprioritise_step", self.reprioritise_step, 1, 1000);
        within(f, "engine.control.busy_load", self.busy_load, 0.1, 10.0);
        within(f, "engine.control.min_free_memory", self.min_free_memory, 0.0, 0.9);
        within(f, "engine.control.min_free_disk_gigabytes", self.min_free_disk_gigabytes, 0.0, 10_000.0);
    }
}

impl EclipseConfig {
    fn validate(&self, f: &mut Vec<String>) {
        within(f, "engine.eclipse.window_seconds", self.window_seconds, 1.0, 86_400.0);
        within(f, "engine.eclipse.trip_failures", self.trip_failures, 1, 1000);
        within(f, "engine.eclipse.trip_share", self.trip_share, 0.0, 1.0);
        within(f, "engine.eclipse.open_seconds", self.open_seconds, 0.1, self.open_max_seconds);
        within(f, "engine.eclipse.open_max_seconds", self.open_max_seconds, 0.1, 86_400.0);
        within(f, "engine.eclipse.probes", self.probes, 1, 100);
        within(f, "engine.eclipse.recover_rounds", self.recover_rounds, 0, 10);
        within(f, "engine.eclipse.crash_soft_rebuild", self.crash_soft_rebuild, 1, 1000);
        within(f, "engine.eclipse.crash_subsystem_reset", self.crash_subsystem_reset, self.crash_soft_rebuild, 10_000);
        within(f, "engine.eclipse.crash_full_reboot", self.crash_full_reboot, self.crash_subsystem_reset, 100_000);
    }
}

impl ScheduleConfig {
    fn validate(&self, f: &mut Vec<String>) {
        within(f, "engine.schedule.spacing_minutes", self.spacing_minutes, 0, 10_080);
        within(f, "engine.schedule.lead_minutes", self.lead_minutes, 0, 10_080);
        within(f, "engine.schedule.horizon_days", self.horizon_days, 1, 90);
        within(f, "engine.schedule.missed_minutes", self.missed_minutes, 1, 10_080);
        for quiet in &self.quiet_hours {
            if quiet.minutes().is_none_or(|(from, to)| from == to) {
                f.push(format!(
                    "engine.schedule.quiet_hours = {}-{}: must be two different times hh:mm",
                    quiet.from, quiet.to
                ));
            }
        }
        if (0..1440).all(|minute| self.is_quiet(minute)) {
            f.push("engine.schedule.quiet_hours: must leave part of the day free".into());
        }
    }
    /// Whether a minute of the UTC day lies in quiet hours.
    pub fn is_quiet(&self, minute: u32) -> bool {
        self.quiet_hours
            .iter()
            .filter_map(QuietHours::minutes)
            .any(|(from, to)| if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to })
    }
}

impl RetentionConfig {
    fn validate(&self, f: &mut Vec<String>) {
        within(f, "engine.retention.raw_days", self.raw_days, 1, 36_500);
        within(f, "engine.retention.analysis_days", self.analysis_days, 1, 36_500);
        within(f, "engine.retention.log_days", self.log_days, 1, 3650);
        within(f, "engine.retention.ended_jobs_days", self.ended_jobs_days, 1, 3650);
        within(f, "engine.retention.answers_hours", self.answers_hours, 1, 8760);
        within(f, "engine.retention.min_free_gigabytes", self.min_free_gigabytes, 0.0, 100_000.0);
    }
}

/// Bounded by `validate`; what is not finite or negative counts as nothing.
pub(crate) fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        EngineConfig::load(Some(("mine.toml", text))).expect_err("refused").message
    }

    #[test]
    fn the_shipped_engine_configuration_is_valid_and_names_every_queue() {
        let config = EngineConfig::load(None).expect("loads");
        assert_eq!(config.queues.len(), JobKind::ALL.len());
        assert_eq!(config.jobs.lease(), Duration::from_secs(30));
        assert_eq!(config.sha256().len(), 64);
    }

    #[test]
    fn one_file_may_hold_both_parts() {
        let text = "[clip]\ncount = 2\n[engine.jobs]\nlease_seconds = 60.0\n";
        let engine = EngineConfig::load(Some(("mine.toml", text))).expect("loads");
        assert_eq!(engine.jobs.lease_seconds, 60.0);
        assert_eq!(engine.jobs.heartbeat_seconds, 10.0);
        let clip = super::super::Config::load(Some(("mine.toml", text))).expect("loads");
        assert_eq!(clip.clip.count, 2);
    }

    #[test]
    fn faults_name_key_value_and_bound() {
        assert!(refused("[engine.jobs]\nleese = 1\n").contains("leese"));
        let short = refused("[engine.jobs]\nlease_seconds = 9.0\n");
        assert!(short.contains("engine.jobs.heartbeat_seconds = 10: must be 0.01..=3"), "{short}");
        let queue = refused("[engine.queues.edit]\nlimit = 0\n");
        assert!(queue.contains("engine.queues.edit.limit = 0: must be 1..=256"), "{queue}");
        assert!(refused("[engine.council]\nprecedence = [\"council\"]\n").contains("precedence"));
        assert!(refused("[engine.server]\naddress = \"here\"\n").contains("ip:port"));
    }

    #[test]
    fn quiet_hours_may_go_over_midnight_but_not_around_the_clock() {
        let text = "[engine.schedule]\nquiet_hours = [{ from = \"22:00\", to = \"06:30\" }]\n";
        let schedule = EngineConfig::load(Some(("mine.toml", text))).expect("loads").schedule;
        let quiet: Vec<bool> = [0, 389, 390, 1319, 1320].into_iter().map(|m| schedule.is_quiet(m)).collect();
        assert_eq!(quiet, [true, true, false, false, true]);
        assert!(refused("[engine.schedule]\nquiet_hours = [{ from = \"25:00\", to = \"06:30\" }]\n").contains("25:00"));
        let all = "[engine.schedule]\nquiet_hours = [{ from = \"00:00\", to = \"12:00\" }, { from = \"12:00\", to = \"00:00\" }]\n";
        assert!(refused(all).contains("leave part of the day free"));
    }
}
