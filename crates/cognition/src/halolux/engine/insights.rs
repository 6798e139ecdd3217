//! `GET /v1/clips/{id}/insights`: what the modules said about one clip, from its rulings alone.

use omniva_contracts::engine::{
    Advisory, ClipId, ClipInsights, Decision, EntityRef, EntityType, HorizonInsight, Insights, LatticeInsight, Module,
    Packet, PantheonInsight, ParadoxInsight, Question, Ruling, Stance, ZenithInsight,
};
use serde_json::{Value, json};

use super::facts::{Body, Facts};
use super::rulings;
use super::story::concerning;

/// `None` while no ruling about the clip is among the packets (`HALOLUX_PENDING`). Gather with `Inquiry::Why(clip)`.
pub fn insights(clip: ClipId, packets: &[Packet]) -> Option<ClipInsights> {
    let subject = EntityRef::new(EntityType::Clip, clip);
    let facts = Facts::new(packets);
    let story = concerning(&facts, &subject);
    let asked = [Question::Select, Question::Edit, Question::Upload, Question::Schedule];
    let all: Vec<(&Packet, Ruling)> = story
        .into_iter()
        .filter(|packet| packet.draft.kind == "deliberation.ruled")
        .filter_map(|packet| rulings::read(packet).map(|ruling| (packet, ruling)))
        .filter(|(_, ruling)| asked.contains(&ruling.question))
        .collect();
    let trace_id = facts.about(&subject).next()?.draft.trace_id;
    let zenith = zenith(&all)?;
    let last =
        |module: Module| all.iter().rev().find_map(|(_, ruling)| ruling.advisories.iter().find(|a| a.module == module));
    let raw = all.iter().map(|(packet, ruling)| json!({ "packet": packet.draft.stardust_id, "ruling": ruling }));
    Some(ClipInsights {
        clip_id: clip,
        trace_id,
        insights: Insights {
            paradox: paradox(&all),
            lattice: last(Module::Lattice).map(|a| LatticeInsight { priority: a.score, reason: a.rationale.clone() }),
            pantheon: last_votes(&all),
            horizon: last(Module::Horizon).map(horizon),
            zenith: Some(zenith),
        },
        raw_payload: json!({ "rulings": raw.collect::<Vec<Value>>() }),
    })
}

fn paradox(all: &[(&Packet, Ruling)]) -> Option<ParadoxInsight> {
    let words: Vec<&Advisory> =
        all.iter().flat_map(|(_, r)| r.advisories.iter().filter(|a| a.module == Module::Paradox)).collect();
    if words.is_empty() {
        return None;
    }
    let against =
        |a: &&&Advisory| matches!(a.stance, Stance::Oppose | Stance::Hold | Stance::Block | Stance::Quarantine);
    let told = |a: &&Advisory| json!({ "question": a.question, "stance": a.stance, "reason": a.rationale, "detail": a.detail });
    Some(ParadoxInsight { conflicts: words.iter().filter(against).map(told).collect() })
}

/// The last deliberation in which Pantheon gave votes: `detail.votes`, either as a list of votes or as agent → vote.
fn last_votes(all: &[(&Packet, Ruling)]) -> Vec<PantheonInsight> {
    let given = all.iter().rev().flat_map(|(_, ruling)| ruling.advisories.iter().rev());
    let mut votes = given.filter(|a| a.module == Module::Pantheon).map(|a| votes(&a.detail));
    votes.find(|votes| !votes.is_empty()).unwrap_or_default()
}

fn votes(detail: &Value) -> Vec<PantheonInsight> {
    match detail.get("votes") {
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(|vote| {
                let body = Body(vote);
                let comment = body.text("commentary").or_else(|| body.text("comment")).unwrap_or_default();
                Some(PantheonInsight {
                    agent: body.text("agent")?.to_owned(),
                    vote: body.number("vote")?,
                    comment: comment.to_owned(),
                })
            })
            .collect(),
        Some(Value::Object(map)) => map
            .iter()
            .filter_map(|(agent, vote)| {
                Some(PantheonInsight { agent: agent.clone(), vote: vote.as_f64()?, comment: String::new() })
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn horizon(advisory: &Advisory) -> HorizonInsight {
    let detail = Body(&advisory.detail);
    HorizonInsight {
        goal_alignment: detail.text("label").map(str::to_owned).or_else(|| window(detail)),
        score: detail.number("alignment").unwrap_or(advisory.score),
        reason: advisory.rationale.clone(),
    }
}

/// The goal window's name, or the ISO 8601 interval that it is.
fn window(detail: Body<'_>) -> Option<String> {
    let named = detail.text("goal_window").map(str::to_owned);
    let within = || {
        let window = Body(detail.0.get("goal_window")?);
        Some(format!("{}/{}", window.text("from")?, window.text("to")?))
    };
    named.or_else(within)
}

fn zenith(all: &[(&Packet, Ruling)]) -> Option<ZenithInsight> {
    let (_, last) = all.last()?;
    let why = last.why.clone();
    let outcome = match &last.decision {
        Decision::Approve { .. } => {
            let yes = |questions: &[Question]| {
                let mut of_these = all.iter().rev().filter(|(_, r)| questions.contains(&r.question));
                of_these.next().is_some_and(|(_, r)| matches!(r.decision, Decision::Approve { .. }))
            };
            let stages = [
                (yes(&[Question::Select, Question::Edit]), "EDIT"),
                (yes(&[Question::Upload]), "UPLOAD"),
                (yes(&[Question::Schedule]), "SCHEDULE"),
            ];
            let approved: Vec<&str> = stages.into_iter().filter(|(yes, _)| *yes).map(|(_, stage)| stage).collect();
            return Some(ZenithInsight { decision: format!("{}_APPROVED", approved.join("_")), why });
        }
        Decision::Reject { .. } => "REJECTED",
        Decision::Defer { .. } => "DEFERRED",
        Decision::Quarantine { .. } => "QUARANTINED",
    };
    Some(ZenithInsight { decision: format!("{}_{outcome}", last.question.as_str().to_uppercase()), why })
}
