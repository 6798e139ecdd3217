//! Pantheon: every persona of the configuration votes on every candidate, and says why.

use omniva_contracts::choice::{Features, Scores, Vote};
use omniva_contracts::config::Persona;

use crate::features::{self, logistic};
use crate::scores::micro;

/// Votes are spread around what an ordinary clip has: 0.5 is "as good as most", and an opinion more than a mean of means.
const SLOPE: f64 = 6.0;

/// What the council says about one candidate.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Council {
    pub votes: Vec<Vote>,
    pub consensus: f64,
    pub dissent: f64,
    /// Name and vote of the first persona that objects.
    pub veto: Option<(String, f64)>,
}

pub(crate) fn vote(personas: &[Persona], f: &Features, scores: &Scores, measured: f64) -> Council {
    let votes: Vec<(Vote, f64)> = personas.iter().map(|p| (opinion(p, f, scores, measured), p.weight)).collect();
    let total: f64 = votes.iter().map(|v| v.1).sum();
    if total <= 0.0 {
        return Council::default();
    }
    let consensus = votes.iter().map(|(v, w)| v.vote * w).sum::<f64>() / total;
    let variance = votes.iter().map(|(v, w)| (v.vote - consensus).powi(2) * w).sum::<f64>() / total;
    let veto = personas
        .iter()
        .zip(&votes)
        .find(|(p, (v, _))| p.veto_below > 0.0 && v.vote < p.veto_below)
        .map(|(p, (v, _))| (p.name.clone(), v.vote));
    Council {
        votes: votes.into_iter().map(|v| v.0).collect(),
        consensus: micro(consensus.clamp(0.0, 1.0)),
        dissent: micro(variance.max(0.0).sqrt().min(0.5)),
        veto,
    }
}

/// One persona's vote. A negative weight is an objection: it counts the absence of the feature.
fn opinion(p: &Persona, f: &Features, scores: &Scores, measured: f64) -> Vote {
    let looked: Vec<(&str, f64, f64)> = p
        .looks_at
        .iter()
        .filter_map(|w| look(f, scores, &w.feature).map(|v| (w.feature.as_str(), v, w.weight)))
        .filter(|l| l.2 != 0.0)
        .collect();
    let weight: f64 = looked.iter().map(|l| l.2.abs()).sum();
    let kindly = |&(_, v, w): &(&str, f64, f64)| if w < 0.0 { 1.0 - v } else { v };
    if weight <= 0.0 {
        let commentary = "Sees nothing here that it knows how to judge.".to_owned();
        return Vote { agent: p.name.clone(), vote: 0.5, confidence: 0.0, commentary };
    }
    let mean = looked.iter().map(|l| kindly(l) * l.2.abs()).sum::<f64>() / weight;
    let variance = looked.iter().map(|l| (kindly(l) - mean).powi(2) * l.2.abs()).sum::<f64>() / weight;
    let ordinary = |&(name, _, w): &(&str, f64, f64)| {
        let typical = features::typical(name);
        w.abs() * if w < 0.0 { 1.0 - typical } else { typical }
    };
    let middle = looked.iter().map(ordinary).sum::<f64>() / weight;
    // Sure when its reasons point the same way and the source let them be measured.
    let confidence = (1.0 - 1.4 * variance.sqrt()).clamp(0.1, 1.0) * measured.clamp(0.2, 1.0);
    Vote {
        agent: p.name.clone(),
        vote: micro(logistic(mean - middle, SLOPE)),
        confidence: micro(confidence),
        commentary: commentary(&looked),
    }
}

fn look(f: &Features, scores: &Scores, name: &str) -> Option<f64> {
    match name {
        "virality" => Some(scores.virality),
        "relevance" => Some(scores.relevance),
        _ => features::value(f, name),
    }
}

/// One sentence that names what speaks most for and what least, by weight and distance from the ordinary.
fn commentary(looked: &[(&str, f64, f64)]) -> String {
    let pull = |&(name, v, w): &(&str, f64, f64)| (v - features::typical(name)) * w;
    let by_pull = |a: &&(&str, f64, f64), b: &&(&str, f64, f64)| pull(a).total_cmp(&pull(b)).then(b.0.cmp(a.0));
    let (Some(best), Some(worst)) = (looked.iter().max_by(by_pull), looked.iter().min_by(by_pull)) else {
        return String::new();
    };
    let (best, worst) = (phrase(best.0, best.1), phrase(worst.0, worst.1));
    let mut text = if looked.len() == 1 { best } else { format!("{best}; {worst}") };
    if let Some(first) = text.get(..1) {
        let upper = first.to_uppercase();
        text.replace_range(..1, &upper);
    }
    text.push('.');
    text
}

/// A feature's value in words, e.g. `opens strongly (hook 0.81)`.
pub(crate) fn phrase(feature: &str, value: f64) -> String {
    let (good, fair, poor) = match feature {
        "hook" => ("opens strongly", "opens plainly", "opens without a reason to stay"),
        "stands_alone" => {
            ("makes sense on its own", "needs a little goodwill to follow", "leans on what was said before")
        }
        "payoff" => ("ends on its point", "ends cleanly enough", "ends before it gets anywhere"),
        "density" => ("says much in little time", "has a fair share of content", "is thin on content"),
        "emotion" => ("is moving", "has some feeling", "stays flat in feeling"),
        "energy" => ("is lively", "has average energy", "sounds tired"),
        "faces" => ("shows a face well", "shows a face part of the time", "hardly shows a face"),
        "pace" => ("has a good pace", "has an uneven pace", "drags or rushes"),
        "keywords" => ("is rich in key terms", "names some key terms", "names few key terms"),
        "novelty" => ("is unlike the rest of the source", "is partly new", "has been said elsewhere in the source"),
        "clarity" => ("is clear to understand", "is mostly clear", "is hard to understand"),
        "boundaries" => ("begins and ends cleanly", "has acceptable edges", "has rough edges"),
        "virality" => ("scores high on virality", "scores middling on virality", "scores low on virality"),
        "relevance" => ("scores high on relevance", "scores middling on relevance", "scores low on relevance"),
        _ => ("is strong", "is fair", "is weak"),
    };
    let words = match value {
        v if v >= 0.6 => good,
        v if v >= 0.4 => fair,
        _ => poor,
    };
    format!("{words} ({} {value:.2})", feature.replace('_', " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use omniva_contracts::config::Weighted;

    fn persona(name: &str, looks: &[(&str, f64)], veto: f64) -> Persona {
        Persona {
            name: name.into(),
            cares_about: String::new(),
            weight: 1.0,
            looks_at: looks.iter().map(|(f, w)| Weighted { feature: (*f).into(), weight: *w }).collect(),
            veto_below: veto,
        }
    }

    #[test]
    fn a_vote_names_the_strongest_and_the_weakest_feature() {
        let f = Features { hook: 0.9, payoff: 0.2, ..Features::default() };
        let council = vote(&[persona("p", &[("hook", 1.0), ("payoff", 1.0)], 0.0)], &f, &Scores::default(), 1.0);
        assert_eq!(
            council.votes[0].commentary,
            "Opens strongly (hook 0.90); ends before it gets anywhere (payoff 0.20)."
        );
        assert!((council.votes[0].vote - logistic(0.55 - 0.505, SLOPE)).abs() < 1e-6);
    }

    #[test]
    fn negative_weights_are_objections() {
        let calm = persona("calm", &[("energy", -1.0)], 0.0);
        let loud = Features { energy: 0.9, ..Features::default() };
        let quiet = Features { energy: 0.1, ..Features::default() };
        let v = |f: &Features| vote(std::slice::from_ref(&calm), f, &Scores::default(), 1.0).consensus;
        assert!(v(&quiet) > 0.8 && v(&loud) < 0.2);
    }

    #[test]
    fn a_vote_below_the_veto_is_reported() {
        let council =
            vote(&[persona("guardian", &[("clarity", 1.0)], 0.25)], &Features::default(), &Scores::default(), 1.0);
        assert_eq!(council.veto.map(|v| v.0).as_deref(), Some("guardian"));
    }

    #[test]
    fn the_order_of_the_personas_does_not_change_the_consensus() {
        let f = Features { hook: 0.9, payoff: 0.3, pace: 0.55, ..Features::default() };
        let mut council =
            vec![persona("a", &[("hook", 1.0)], 0.0), persona("b", &[("payoff", 2.0), ("pace", 1.0)], 0.0)];
        let one = vote(&council, &f, &Scores::default(), 0.9);
        council.reverse();
        let two = vote(&council, &f, &Scores::default(), 0.9);
        assert_eq!((one.consensus, one.dissent), (two.consensus, two.dissent));
        assert!(one.dissent > 0.1);
    }
}
