//! Configuration: raw serde with unknown keys refused, then [`Config::validate`]. The shipped defaults are the files in
//! the top-level `config/`, embedded; a user's `--config FILE` overlays any part of them.

mod brand;
mod clip;
mod drafter;
mod endpoints;
mod engine;
mod learning;
mod likeness;
mod models;
mod network;
mod personas;
mod platforms;
mod tools;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use brand::BrandKit;
pub use clip::{
    CaptionChoice, CaptionConfig, ChooseConfig, ChorusConfig, ClipConfig, EditConfig, EncodeConfig, HorizonConfig,
    HttpRecognizer, LayoutChoice, Limits, MixTarget, RecognizerConfig, WatchConfig,
};
pub use drafter::DrafterConfig;
pub use endpoints::{
    Endpoints, HttpLimits, InstagramEndpoints, OauthEndpoints, Pkce, Renewal, TiktokEndpoints, WebhookEndpoints,
    YoutubeEndpoints, safe_address,
};
pub use engine::{
    ComplianceConfig, ControlConfig, CouncilConfig, CronRule, EclipseConfig, EngineConfig, GoalConfig, JobsConfig,
    LatticeConfig, PartialReuse, PublishConfig, QueueLimits, QuietHours, RetentionConfig, ScheduleConfig, ServerConfig,
    WebhookAddress,
};
pub use learning::{AgeRule, DriftRules, LearningConfig, PersonaRules, WindowRules};
pub use likeness::LikenessConfig;
pub use models::{ModelFile, ModelManifest, ModelSource, Weights, WhisperBuild};
pub use network::{Allowed, NetworkConfig, Pauses, YtdlpConfig};
pub use personas::{Persona, Weighted};
pub use platforms::{BucketRule, Capacity, ClockRule, Cost, CostRule, PlatformsConfig, Scope};
pub use tools::{ToolFile, ToolManifest};

use crate::digits::hex;
use crate::fault::{Code, Fault};

const DEFAULT: &str = include_str!("../../../../config/omniva.toml");
const PERSONAS: &str = include_str!("../../../../config/personas.toml");
const BRAND: &str = include_str!("../../../../config/brand.toml");
const STYLES: &str = include_str!("../../../../config/captions.toml");

/// The effective configuration of a run: part of the input of every decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub clip: ClipConfig,
    pub recognizer: RecognizerConfig,
    pub watch: WatchConfig,
    pub choose: ChooseConfig,
    pub horizon: HorizonConfig,
    pub edit: EditConfig,
    pub encode: EncodeConfig,
    pub captions: CaptionConfig,
    pub chorus: ChorusConfig,
    pub limits: Limits,
    pub personas: Vec<Persona>,
    pub brand: BrandKit,
}

impl Config {
    /// The shipped defaults, with `overlay` (TOML text) on top. Tables merge, everything else is replaced; `origin`
    /// names the file in error messages.
    pub fn load(overlay: Option<(&str, &str)>) -> Result<Config, Fault> {
        let mut merged = toml::Table::new();
        for (name, text) in [
            ("config/omniva.toml", DEFAULT),
            ("config/personas.toml", PERSONAS),
            ("config/brand.toml", BRAND),
            ("config/captions.toml", STYLES),
        ]
        .into_iter()
        .chain(overlay)
        {
            let table: toml::Table = text.parse().map_err(|e| invalid(name, &e))?;
            merge(&mut merged, table);
        }
        let origin = overlay.map_or("the shipped configuration", |(name, _)| name);
        // One file of the user may hold all parts; the other parts are checked all the same.
        if merged.remove("engine").is_some() {
            EngineConfig::load(overlay)?;
        }
        if merged.remove("platforms").is_some() {
            PlatformsConfig::load(overlay)?;
        }
        if merged.remove("endpoints").is_some() {
            Endpoints::load(overlay)?;
        }
        let config: Config = toml::Value::Table(merged).try_into().map_err(|e| invalid(origin, &e))?;
        config.validate()?;
        Ok(config)
    }

    /// SHA-256 over the canonical JSON form (keys sorted, no white space).
    pub fn sha256(&self) -> String {
        let canonical = serde_json::to_value(self).map(|v| v.to_string()).unwrap_or_default();
        hex(&Sha256::digest(canonical.as_bytes()))
    }

    /// Every bound in one place; the message names key, value and bound.
    pub fn validate(&self) -> Result<(), Fault> {
        let mut faults = Vec::new();
        self.clip.validate(&mut faults);
        self.recognizer.validate(&mut faults);
        self.watch.validate(&mut faults);
        self.choose.validate(&mut faults);
        self.horizon.validate(&mut faults);
        self.edit.validate(&mut faults);
        self.encode.validate(&mut faults);
        self.captions.validate(&mut faults);
        self.limits.validate(&mut faults);
        personas::validate(&self.personas, &mut faults);
        self.brand.validate(&mut faults);
        if self.clip.captions != "none" && self.captions.style(&self.clip.captions).is_none() {
            let names: Vec<&str> = self.captions.styles.iter().map(|s| s.name.as_str()).collect();
            faults.push(format!("clip.captions = {:?}: must be {} or none", self.clip.captions, names.join(", ")));
        }
        if faults.is_empty() {
            return Ok(());
        }
        Err(Fault::new(
            Code::ConfigInvalid,
            faults.join("; "),
            "correct these keys in the configuration file or on the command line",
        ))
    }
}

fn invalid(origin: &str, error: &dyn std::fmt::Display) -> Fault {
    Fault::new(
        Code::ConfigInvalid,
        format!("{origin} is not a valid configuration: {}", error.to_string().trim()),
        "compare it with config/omniva.toml, where every key is explained",
    )
}

fn merge(base: &mut toml::Table, overlay: toml::Table) {
    for (key, value) in overlay {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => merge(old, new),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Adds a message when `value` lies outside `low..=high`.
pub(crate) fn within<T: PartialOrd + std::fmt::Display>(
    faults: &mut Vec<String>,
    key: &str,
    value: T,
    low: T,
    high: T,
) {
    if !(value >= low && value <= high) {
        faults.push(format!("{key} = {value}: must be {low}..={high}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_configuration_is_valid() {
        let config = Config::load(None).expect("the shipped configuration loads");
        assert_eq!(config.sha256(), Config::load(None).expect("again").sha256());
        assert!(config.personas.len() >= 7);
    }

    #[test]
    fn shipped_model_manifest_is_complete() {
        let manifest = ModelManifest::shipped().expect("the manifest loads");
        for role in ["runtime", "voice_activity", "speech_recognition", "faces", "speaker", "embedding", "sentiment"] {
            assert!(manifest.role(role).count() > 0, "no file for {role}");
        }
        assert!(manifest.files.iter().all(|f| f.sha256.len() == 64 && f.bytes > 0));
        assert!(manifest.files.iter().all(|f| !f.sources.is_empty() || f.path.starts_with(&manifest.whisper.out)));
        assert!(manifest.whisper.weights.len() >= 2, "a second source is named");
    }

    #[test]
    fn an_overlay_changes_one_key_and_keeps_the_rest() {
        let base = Config::load(None).expect("loads");
        let over = Config::load(Some(("mine.toml", "[clip]\ncount = 2\n"))).expect("loads");
        assert_eq!(over.clip.count, 2);
        assert_eq!(over.clip.max_seconds, base.clip.max_seconds);
        assert_ne!(over.sha256(), base.sha256());
    }

    #[test]
    fn a_misspelt_key_and_a_bad_value_are_named() {
        let typo = Config::load(Some(("mine.toml", "[clip]\ncuont = 2\n"))).expect_err("refused");
        assert_eq!(typo.code, Code::ConfigInvalid);
        assert!(typo.message.contains("cuont") && typo.message.contains("mine.toml"), "{}", typo.message);
        let bound = Config::load(Some(("mine.toml", "[clip]\ncount = 0\n"))).expect_err("refused");
        assert!(bound.message.contains("clip.count = 0: must be 1..="), "{}", bound.message);
    }
}
