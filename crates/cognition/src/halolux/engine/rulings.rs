//! Rulings: the decision, who had the last word, what each module said.

use omniva_contracts::engine::{Advisory, Decision, Discarded, Module, Packet, Precedence, Ruling, Sentence, Stance};

use super::words::plain;

/// The ruling that a packet carries; `None` when it carries none that can be read.
pub(super) fn read(packet: &Packet) -> Option<Ruling> {
    let chain = packet.draft.decision_chain.as_ref()?;
    serde_json::from_value(chain.clone()).ok()
}

pub(super) fn module(module: Module) -> &'static str {
    match module {
        Module::Paradox => "Paradox",
        Module::Eclipse => "Eclipse",
        Module::Stardust => "Stardust",
        Module::Lattice => "Lattice",
        Module::Horizon => "Horizon",
        Module::Pantheon => "Pantheon",
        Module::Chorus => "Chorus",
        Module::Halolux => "HaloLux",
        Module::Zenith => "Zenith",
    }
}

fn by(precedence: Precedence) -> &'static str {
    match precedence {
        Precedence::OperatorOverride => "an operator's override",
        Precedence::ParadoxBlock => "a block by Paradox",
        Precedence::EclipseQuarantine => "a quarantine by Eclipse",
        Precedence::QuotaAndRights => "quota and rights",
        Precedence::Council => "the council",
    }
}

fn stance(stance: Stance) -> &'static str {
    match stance {
        Stance::Support => "was for it",
        Stance::Neutral => "was neutral",
        Stance::Oppose => "was against it",
        Stance::Hold => "wanted to wait",
        Stance::Block => "blocked it",
        Stance::Quarantine => "wanted it set aside",
    }
}

/// What was decided, as one sentence.
pub(super) fn decided(ruling: &Ruling) -> String {
    let what = match &ruling.decision {
        Decision::Approve { priority } => format!("said yes with priority {priority}"),
        Decision::Reject { code } => format!("said no ({})", plain(code)),
        Decision::Defer { until } => format!("said not before {until}"),
        Decision::Quarantine { code } => format!("set it aside ({})", plain(code)),
    };
    let why = plain(&ruling.why);
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    format!(
        "On {}, Zenith {what}, by {} (agreement {:.2}){why}.",
        ruling.question.as_str(),
        by(ruling.by),
        ruling.coherence
    )
}

/// The decision, each module's word, and who did not answer.
pub(super) fn sentences(packet: &Packet, ruling: &Ruling) -> Vec<Sentence> {
    let said = |text: String| Sentence { text, packets: vec![packet.draft.stardust_id] };
    let mut out = vec![said(decided(ruling))];
    out.extend(ruling.advisories.iter().filter(|a| a.stance != Stance::Neutral).map(|a| said(advised(a))));
    let neutral: Vec<&str> =
        ruling.advisories.iter().filter(|a| a.stance == Stance::Neutral).map(|a| module(a.module)).collect();
    if !neutral.is_empty() {
        out.push(said(format!("Neutral: {}.", neutral.join(", "))));
    }
    if !ruling.missing.is_empty() {
        let names: Vec<&str> = ruling.missing.iter().map(|m| module(*m)).collect();
        out.push(said(format!("No answer came in time from {}.", names.join(", "))));
    }
    out
}

fn advised(advisory: &Advisory) -> String {
    let why = plain(&advisory.rationale);
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    format!("{} {} ({:.2}){why}.", module(advisory.module), stance(advisory.stance), advisory.score)
}

/// Advice that was not followed.
pub(super) fn discarded(packet: &Packet, ruling: &Ruling) -> Vec<Discarded> {
    let yes = matches!(ruling.decision, Decision::Approve { .. });
    let overruled = |a: &&Advisory| match a.stance {
        Stance::Neutral => false,
        Stance::Support => !yes,
        Stance::Oppose | Stance::Hold | Stance::Block | Stance::Quarantine => yes,
    };
    let entry = |a: &Advisory| Discarded {
        what: format!(
            "{} {} on {}: {}",
            module(a.module),
            stance(a.stance),
            ruling.question.as_str(),
            plain(&a.rationale)
        ),
        why: format!("overruled by {}: {}", by(ruling.by), plain(&ruling.why)),
        packet: packet.draft.stardust_id,
    };
    ruling.advisories.iter().filter(overruled).map(entry).collect()
}
