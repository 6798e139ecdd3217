//! Pantheon: the personas' votes on the clip, weighed into one voice.

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use serde_json::json;

use super::Brief;
use super::advice::advice;
use crate::scores::micro;

pub fn pantheon(brief: &Brief, config: &EngineConfig) -> Advisory {
    let votes = brief.votes();
    let nothing = || {
        let detail = json!({ "votes": [] });
        advice(
            Module::Pantheon,
            brief,
            Stance::Neutral,
            (config.council.neutral, 0.0),
            "Nobody has voted on it.",
            detail,
        )
    };
    // A vote of a persona that the council does not know (any more) counts like any other of weight 1.
    let persona = |name: &str| brief.personas.iter().find(|p| p.name == name);
    let weighed: Vec<(&String, f64, f64)> = votes
        .iter()
        .filter(|(_, vote)| vote.is_finite())
        .map(|(name, vote)| (name, vote.clamp(0.0, 1.0), persona(name).map_or(1.0, |p| p.weight)))
        .collect();
    let total: f64 = weighed.iter().map(|v| v.2).sum();
    if total <= 0.0 {
        return nothing();
    }
    let consensus = weighed.iter().map(|(_, vote, weight)| vote * weight).sum::<f64>() / total;
    let variance = weighed.iter().map(|(_, vote, weight)| (vote - consensus).powi(2) * weight).sum::<f64>() / total;
    let dissent = variance.max(0.0).sqrt().min(0.5);
    let veto = weighed.iter().find(|(name, vote, _)| persona(name).is_some_and(|p| *vote < p.veto_below));
    let columns: Vec<_> = weighed
        .iter()
        .map(|(name, vote, weight)| {
            let cares = persona(name).map_or("an earlier council", |p| p.cares_about.as_str());
            let word = if *vote >= 0.6 { "content" } else if *vote >= 0.4 { "undecided" } else { "not content" };
            json!({
                "agent": name, "vote": micro(*vote), "confidence": micro(1.0 - (vote - consensus).abs()), "weight": weight,
                "commentary": format!("Looks for {cares}; {word}."),
            })
        })
        .collect();
    let detail = json!({
        "consensus": micro(consensus), "dissent": micro(dissent), "votes": columns,
        "personas_version": brief.personas_version,
        "vetoed_by": veto.map(|v| v.0), "code": veto.map(|_| "outvoted"),
    });
    let confidence = 1.0 - 2.0 * dissent;
    let (stance, why) = match veto {
        Some((name, vote, _)) => (Stance::Block, format!("The {name} objects with a vote of {vote:.2}.")),
        None if consensus >= 0.5 => (Stance::Support, format!("Consensus {consensus:.2}, dissent {dissent:.2}.")),
        None => (Stance::Oppose, format!("Consensus only {consensus:.2}, dissent {dissent:.2}.")),
    };
    advice(Module::Pantheon, brief, stance, (consensus, confidence), why, detail)
}
