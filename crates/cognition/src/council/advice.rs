//! What every advisory has in common.

use omniva_contracts::engine::{Advisory, Module, Stance};
use serde_json::Value;

use super::Brief;
use crate::scores::micro;

pub(super) fn advice(
    module: Module,
    brief: &Brief,
    stance: Stance,
    (score, confidence): (f64, f64),
    rationale: impl Into<String>,
    detail: Value,
) -> Advisory {
    let bounded = |value: f64| if value.is_finite() { micro(value.clamp(0.0, 1.0)) } else { 0.0 };
    Advisory {
        module,
        question: brief.question,
        subject: brief.subject.clone(),
        stance,
        score: bounded(score),
        confidence: bounded(confidence),
        evidence: brief.evidence.clone(),
        rationale: rationale.into(),
        detail,
    }
}
