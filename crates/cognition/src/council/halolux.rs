//! HaloLux's advice: could this decision be explained to someone who asks?

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use serde_json::json;

use super::Brief;
use super::advice::advice;

pub fn halolux(brief: &Brief, _config: &EngineConfig) -> Advisory {
    let clip = brief.clip.as_ref();
    let said =
        |key: &str| clip.is_none_or(|c| c.metadata.get(key).and_then(|v| v.as_str()).is_some_and(|s| !s.is_empty()));
    // Each statement that an explanation makes, and whether something backs it.
    let statements = [
        ("what led here", !brief.evidence.is_empty()),
        ("where it comes from", !brief.lineage.is_empty()),
        ("for whom it is", brief.project.is_some() || brief.question == Question::Recover),
        ("why the clip was chosen", said("reason")),
        ("how the council voted", clip.is_none_or(|c| !c.pantheon_votes.is_empty())),
        ("which packet the clip began with", said("stardust_id")),
        (
            "what went wrong",
            brief.question != Question::Recover || brief.job.as_ref().is_some_and(|j| j.fault.is_some()),
        ),
    ];
    let missing: Vec<&str> = statements.iter().filter(|s| !s.1).map(|s| s.0).collect();
    let completeness = 1.0 - missing.len() as f64 / statements.len() as f64;
    let detail = json!({ "completeness": completeness, "missing": missing });
    let (stance, why) = if missing.is_empty() {
        (Stance::Support, "Every statement about it is backed by a packet.".to_owned())
    } else {
        (Stance::Neutral, format!("An explanation could not say {}.", missing.join(", ")))
    };
    advice(Module::Halolux, brief, stance, (completeness, completeness * 0.5), why, detail)
}
