use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::{Advisory, Module, Stance};
use serde_json::json;

use super::Brief;
use super::advice::advice;

pub fn stardust(brief: &Brief, config: &EngineConfig) -> Advisory {
    advice(
        Module::Stardust,
        brief,
        Stance::Neutral,
        (config.council.neutral, 0.0),
        "it has nothing to say yet",
        json!({}),
    )
}
