//! One clip or candidate: why it was chosen, why not, and what it lost to.

use omniva_contracts::choice::{Candidate, ScorePart, Verdict, Vote};
use omniva_contracts::{Fault, Span};

use super::answers::{meaning, when};
use super::evidence::{Teller, at, fields, paths};
use super::unknown;
use crate::text::clock;
use crate::{features, pantheon};

/// Parts of a score named in a sentence.
const PARTS: usize = 3;
/// Candidates shown that lost to this one.
const DISCARDED: usize = 5;

pub(super) fn why_clip(t: &mut Teller<'_>, rank: u32) -> Result<String, Fault> {
    let choice = &t.run.decisions.choice;
    let c =
        (rank as usize).checked_sub(1).and_then(|k| choice.chosen.get(k)).and_then(|id| choice.get(id)).ok_or_else(
            || {
                let n = choice.chosen.len();
                let next = if n == 0 {
                    "ask why nothing was chosen instead".to_owned()
                } else {
                    format!("ask for a clip from 1 to {n}")
                };
                unknown(format!("there is no clip {rank}: this run chose {n}"), next)
            },
        )?;
    told(t, c);
    let mut losers: Vec<&Candidate> = choice
        .candidates
        .iter()
        .filter(|o| matches!(&o.verdict, Verdict::Rejected { because_of: Some(id), .. } if *id == c.id))
        .collect();
    losers.sort_by(|a, b| b.rank_score.total_cmp(&a.rank_score));
    for loser in losers.into_iter().take(DISCARDED) {
        t.discard(loser);
    }
    produced(t, c, rank);
    Ok(format!("Why was clip {rank} chosen?"))
}

pub(super) fn why_not(t: &mut Teller<'_>, id: &str) -> Result<String, Fault> {
    let choice = &t.run.decisions.choice;
    let Some(c) = choice.get(id) else {
        let ids = match (choice.candidates.first(), choice.candidates.last()) {
            (Some(a), Some(b)) => {
                format!("candidates are called {} to {}; a second of the source works too", a.id, b.id)
            }
            _ => "the run has no candidates: ask why nothing was chosen".to_owned(),
        };
        return Err(unknown(format!("there is no candidate {id} in this run"), ids));
    };
    told(t, c);
    if let Verdict::Rejected { because_of: Some(winner), .. } = &c.verdict {
        match choice.get(winner) {
            Some(winner) => compared(t, c, winner),
            None => t.lacks(format!("decisions.choice.candidates[{winner}]")),
        }
    }
    Ok(if c.chosen() { format!("Why was {id} chosen?") } else { format!("Why was {id} not chosen?") })
}

pub(super) fn why_not_at(t: &mut Teller<'_>, seconds: f64) -> Result<String, Fault> {
    let d = &t.run.decisions;
    let length = d.media.duration;
    if !(0.0..=length).contains(&seconds) {
        return Err(unknown(
            format!("{seconds} s is outside of the source"),
            format!("ask for a time from 0 to {length:.0} s ({})", clock(length)),
        ));
    }
    let question = format!("Why was nothing else taken at {}?", clock(seconds));
    if let Some((k, s)) =
        d.timeline.sentences.iter().enumerate().find(|(_, s)| Span::new(s.start, s.end).contains(seconds))
    {
        t.say(
            format!("At {} is said: “{}”.", clock(seconds), s.text),
            &[format!("decisions.timeline.sentences[#{k}]")],
        );
    } else {
        t.say(format!("At {} nothing is said.", clock(seconds)), &paths(&["decisions.timeline.sentences"]));
    }
    let mut here: Vec<&Candidate> = d.choice.candidates.iter().filter(|c| c.span.contains(seconds)).collect();
    here.sort_by(|a, b| b.chosen().cmp(&a.chosen()).then(b.rank_score.total_cmp(&a.rank_score)));
    let Some(best) = here.first() else {
        let (min, max) = (d.config.clip.min_seconds, d.config.clip.max_seconds);
        let text = format!(
            "No candidate covers it: no window of {min} to {max} s of whole sentences around it, inside one topic and scene, was \
             among the {} best.",
            d.choice.candidates.len()
        );
        t.say(
            text,
            &paths(&["decisions.choice.candidates", "decisions.config.clip", "decisions.config.choose.max_candidates"]),
        );
        return Ok(question);
    };
    let text = format!("{} candidates cover it; the best is {}.", here.len(), best.id);
    t.say(text, &fields(best, &["id", "span"]));
    let best = (*best).clone();
    why_not(t, &best.id)?;
    for other in here.into_iter().skip(1).take(DISCARDED) {
        t.discard(other);
    }
    Ok(question)
}

/// Everything about one candidate: the verdict in words, the chain of reasons step by step.
fn told(t: &mut Teller<'_>, c: &Candidate) {
    t.say(format!("{} is {} and opens with “{}”.", c.id, when(c), c.opening), &fields(c, &["span", "opening"]));
    match &c.verdict {
        Verdict::Chosen { rank, reason } => {
            t.say(format!("It was chosen as number {rank}: {reason}."), &fields(c, &["verdict"]));
        }
        Verdict::Rejected { by, code, reason, .. } => {
            let by = format!("{by:?}");
            t.say(format!("{by} rejected it ({code}): {}.", reason.trim_end_matches('.')), &fields(c, &["verdict"]));
            t.step(&by.to_lowercase(), format!("{code}: {}", meaning(code)), &fields(c, &["verdict"]));
        }
    }
    score(t, c, "virality", c.scores.virality, &c.scores.virality_parts);
    score(t, c, "relevance", c.scores.relevance, &c.scores.relevance_parts);
    council(t, c);
    let text = format!(
        "consensus {:.2} with dissent {:.2}, priority {:.2}, bias {:+.2}: rank score {:.3}",
        c.consensus, c.dissent, c.lattice_priority, c.horizon_bias, c.rank_score
    );
    t.step("zenith", text, &fields(c, &["consensus", "dissent", "lattice_priority", "horizon_bias", "rank_score"]));
}

fn score(t: &mut Teller<'_>, c: &Candidate, name: &str, value: f64, parts: &[ScorePart]) {
    let top: Vec<&ScorePart> = parts.iter().take(PARTS).collect();
    let mut evidence = fields(c, &[&format!("scores.{name}")]);
    evidence.extend(top.iter().map(|p| format!("{}.scores.{name}_parts[{}]", at(c), p.feature)));
    let list: Vec<String> = top.iter().map(|p| format!("{} {:.2}", p.feature.replace('_', " "), p.points)).collect();
    let mut title = name.to_owned();
    title.replace_range(..1, &name[..1].to_uppercase());
    t.say(format!("{title} is {value:.2}, most of it from {}.", list.join(", ")), &evidence);
    t.step("analysis", format!("{name} score {value:.2}"), &evidence);
}

fn council(t: &mut Teller<'_>, c: &Candidate) {
    let by_vote = |a: &&Vote, b: &&Vote| a.vote.total_cmp(&b.vote).then(b.agent.cmp(&a.agent));
    let evidence = |v: &Vote| format!("{}.votes[{}]", at(c), v.agent);
    if let (Some(best), Some(worst)) = (c.votes.iter().max_by(by_vote), c.votes.iter().min_by(by_vote)) {
        let said = |v: &Vote| v.commentary.trim_end_matches('.').to_owned();
        let text = format!("The {} likes it most ({:.2}): “{}”.", best.agent, best.vote, said(best));
        t.say(text, &[evidence(best)]);
        if worst.agent != best.agent {
            let text = format!("The {} likes it least ({:.2}): “{}”.", worst.agent, worst.vote, said(worst));
            t.say(text, &[evidence(worst)]);
        }
    } else {
        t.lacks(format!("{}.votes[#0]", at(c)));
    }
    for v in &c.votes {
        t.step("pantheon", format!("{} votes {:.2}: {}", v.agent, v.vote, v.commentary), &[evidence(v)]);
    }
}

/// What the winner has that the loser has not.
fn compared(t: &mut Teller<'_>, loser: &Candidate, winner: &Candidate) {
    let mut gaps: Vec<(&str, f64, f64)> = features::NAMES
        .iter()
        .filter_map(|n| Some((*n, features::value(&winner.features, n)?, features::value(&loser.features, n)?)))
        .collect();
    gaps.sort_by(|a, b| (b.1 - b.2).total_cmp(&(a.1 - a.2)).then(a.0.cmp(b.0)));
    let text = format!(
        "{} is {} “{}” and has a rank score of {:.3} against {:.3}.",
        winner.id,
        when(winner),
        winner.opening,
        winner.rank_score,
        loser.rank_score
    );
    let mut evidence = fields(winner, &["span", "opening", "rank_score"]);
    evidence.extend(fields(loser, &["rank_score"]));
    t.say(text, &evidence);
    if let Some((name, theirs, ours)) = gaps.first().filter(|g| g.1 - g.2 >= 0.05) {
        let text = format!(
            "Above all {} {}, where {} {}.",
            winner.id,
            pantheon::phrase(name, *theirs),
            loser.id,
            pantheon::phrase(name, *ours)
        );
        let path = |c: &Candidate| format!("{}.features.{name}", at(c));
        t.say(text, &[path(winner), path(loser)]);
    }
}

/// What became of the clip.
fn produced(t: &mut Teller<'_>, c: &Candidate, rank: u32) {
    if let Some(d) = t.run.decisions.clips.iter().find(|d| d.candidate == c.id) {
        let base = format!("decisions.clips[{}]", c.id);
        t.say(
            format!("Its title is “{}”, from words that are said in it.", d.metadata.title),
            &[format!("{base}.metadata.title")],
        );
        for (k, delta) in d.metadata.style_deltas.iter().enumerate() {
            let text = format!("{}: “{}” instead of “{}” ({})", delta.field, delta.after, delta.before, delta.why);
            t.step("chorus", text, &[format!("{base}.metadata.style_deltas[#{k}]")]);
        }
        if d.framing.face_samples > 0 {
            let text = format!(
                "A face is in the crop in {:.1} % of the samples that have one.",
                d.framing.face_in_crop * 100.0
            );
            t.say(text, &[format!("{base}.framing.face_in_crop")]);
        }
    }
    if t.run.dry_run {
        return;
    }
    if let Some((k, f)) = t.run.failures.iter().enumerate().find(|(_, f)| f.candidate == c.id) {
        t.say(format!("It could not be delivered: {}.", f.fault), &[format!("failures[#{k}].fault")]);
        return;
    }
    match t.run.clips.iter().position(|r| r.candidate.id == c.id) {
        Some(k) => {
            let checks = t.run.clips[k].qc.as_ref().map_or(0, |q| q.checks.len());
            t.say(format!("The finished file passed {checks} checks."), &[format!("clips[#{k}].qc.checks")]);
        }
        None => t.lacks(format!("clips[{rank}]")),
    }
}
