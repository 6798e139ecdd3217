use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A feature (or `virality`, `relevance`) with its weight in a persona's opinion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weighted {
    pub feature: String,
    pub weight: f64,
}

/// A voice of Pantheon's council: a weighted look at the features. Data, versioned with the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Persona {
    /// `[a-z_]+`, e.g. `strategist`.
    pub name: String,
    /// What it cares about, in one sentence, for reports.
    pub cares_about: String,
    /// Its weight in the consensus, > 0.
    pub weight: f64,
    pub looks_at: Vec<Weighted>,
    /// A persona may veto: a vote below this rejects the candidate (`outvoted`). 0 = no veto.
    #[serde(default)]
    pub veto_below: f64,
}

pub(super) fn validate(personas: &[Persona], faults: &mut Vec<String>) {
    if personas.is_empty() {
        faults.push("personas: at least one is needed".into());
    }
    for p in personas {
        if p.name.is_empty() || !p.name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
            faults.push(format!("personas.name = {:?}: only a-z and _", p.name));
        }
        if !(p.weight > 0.0 && p.weight.is_finite()) {
            faults.push(format!("personas.{}.weight = {}: must be above 0", p.name, p.weight));
        }
        if p.looks_at.is_empty() || p.looks_at.iter().any(|w| !w.weight.is_finite()) {
            faults.push(format!("personas.{}.looks_at: needs at least one feature with a finite weight", p.name));
        }
        super::within(faults, &format!("personas.{}.veto_below", p.name), p.veto_below, 0.0, 1.0);
    }
}
