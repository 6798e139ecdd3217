//! Stardust's advice: is the lineage complete enough to build on?

use std::collections::BTreeSet;

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use serde_json::json;

use super::Brief;
use super::advice::advice;

/// Kinds of packets of which at least one must be in the lineage of a subject. Alternatives stand in one group.
fn needed(question: Question) -> &'static [&'static [&'static str]] {
    const VIDEO: &[&str] = &["post.captured"];
    const NORMAL: &[&str] = &["video.normalised"];
    const ANALYSIS: &[&str] = &["analysis.made"];
    const CLIP: &[&str] = &["clip.chosen"];
    const RENDER: &[&str] = &["clip.rendered"];
    const ORDER: &[&str] = &["upload.ordered", "upload.requested"];
    const JOB: &[&str] = &["job.created"];
    match question {
        Question::Ingest => &[VIDEO, NORMAL],
        Question::Select | Question::Edit => &[VIDEO, NORMAL, ANALYSIS, CLIP],
        Question::Upload => &[VIDEO, NORMAL, ANALYSIS, CLIP, RENDER],
        Question::Schedule => &[VIDEO, NORMAL, ANALYSIS, CLIP, RENDER, ORDER],
        Question::Recover => &[JOB],
    }
}

pub fn stardust(brief: &Brief, _config: &EngineConfig) -> Advisory {
    let kinds: BTreeSet<&str> = brief.lineage.iter().map(|p| p.kind.as_str()).collect();
    let needed = needed(brief.question);
    let missing: Vec<&str> = needed
        .iter()
        .filter(|group| !group.iter().any(|kind| kinds.contains(kind)))
        .filter_map(|group| group.first().copied())
        .collect();
    let orphan = brief.evidence.is_empty();
    let complete = 1.0 - missing.len() as f64 / needed.len().max(1) as f64;
    let detail = json!({ "complete": complete, "missing": missing, "packets": brief.lineage.len(), "orphan": orphan });
    let (stance, why) = match (missing.is_empty(), orphan) {
        (true, false) => (Stance::Support, format!("Its lineage is complete ({} packets).", brief.lineage.len())),
        (true, true) => (Stance::Oppose, "No packet leads directly to this question.".to_owned()),
        (false, _) => (Stance::Oppose, format!("Its lineage lacks {}.", missing.join(", "))),
    };
    advice(Module::Stardust, brief, stance, (complete, 0.5), why, detail)
}
