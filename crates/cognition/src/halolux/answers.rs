//! The whole run: what was chosen, what was not, and why (if so) nothing.

use std::collections::BTreeMap;

use omniva_contracts::choice::{Candidate, Verdict};

use super::evidence::{Teller, at, fields, paths};
use crate::text::clock;

/// Rejected candidates shown with a summary.
const DISCARDED: usize = 5;
/// Examples that stand for a group of rejections.
const EXAMPLES: usize = 3;

pub(super) fn summary(t: &mut Teller<'_>) -> String {
    source(t);
    funnel(t);
    let choice = &t.run.decisions.choice;
    for id in &choice.chosen {
        let Some(c) = choice.get(id) else {
            t.lacks(format!("decisions.choice.candidates[{id}]"));
            continue;
        };
        let Verdict::Chosen { rank, reason } = &c.verdict else { continue };
        let text = format!("Clip {rank} is {} “{}”: {reason}.", when(c), c.opening);
        t.say(text, &fields(c, &["span", "opening", "verdict"]));
    }
    if choice.chosen.is_empty() {
        nothing(t);
    }
    rejections(t);
    failures(t);
    notes(t);
    for c in best_rejected(t).into_iter().take(DISCARDED) {
        t.discard(c);
    }
    "What was chosen, and why?".into()
}

pub(super) fn why_none(t: &mut Teller<'_>) -> String {
    let choice = &t.run.decisions.choice;
    source(t);
    funnel(t);
    if choice.chosen.is_empty() {
        nothing(t);
        rejections(t);
    } else {
        let text = format!("Something was chosen: {} of the candidates.", choice.chosen.len());
        t.say(text, &paths(&["decisions.choice.chosen"]));
    }
    if let Some(best) = best_rejected(t).first() {
        let text = format!(
            "The one that came closest is {} “{}”, with a consensus of {:.2}.",
            when(best),
            best.opening,
            best.consensus
        );
        t.say(text, &fields(best, &["span", "opening", "consensus"]));
    }
    notes(t);
    for c in best_rejected(t).into_iter().take(DISCARDED) {
        t.discard(c);
    }
    "Why was nothing chosen?".into()
}

/// `0:47 to 1:21 (34 s)`
pub(super) fn when(c: &Candidate) -> String {
    format!("{} to {} ({:.0} s)", clock(c.span.start), clock(c.span.end), c.span.length())
}

fn source(t: &mut Teller<'_>) {
    let d = &t.run.decisions;
    let sentences = &d.timeline.sentences;
    let count = |n: usize, one: &str, many: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {many}") };
    let voices = sentences.iter().map(|s| s.speaker).collect::<std::collections::BTreeSet<_>>().len();
    let text = if sentences.is_empty() {
        format!("{} lasts {}; no speech was found in it.", t.run.source_name, clock(d.media.duration))
    } else {
        format!(
            "{} lasts {}: {} by {} on {}.",
            t.run.source_name,
            clock(d.media.duration),
            count(sentences.len(), "sentence", "sentences"),
            count(voices, "voice", "voices"),
            count(d.timeline.topics.len(), "topic", "topics")
        )
    };
    t.say(
        text,
        &paths(&[
            "source_name",
            "decisions.media.duration",
            "decisions.timeline.sentences",
            "decisions.timeline.topics",
        ]),
    );
    if let Some(language) = &d.language {
        let text = format!("The language is “{}” (confidence {:.2}).", language.code, language.confidence);
        t.say(text, &paths(&["decisions.language"]));
    }
}

fn funnel(t: &mut Teller<'_>) {
    let choice = &t.run.decisions.choice;
    let text = format!(
        "{} windows were looked at; {} became candidates, {} were chosen.",
        choice.windows_scanned,
        choice.candidates.len(),
        choice.chosen.len()
    );
    t.say(
        text,
        &paths(&["decisions.choice.windows_scanned", "decisions.choice.candidates", "decisions.choice.chosen"]),
    );
    let text = format!("{} windows, {} candidates", choice.windows_scanned, choice.candidates.len());
    t.step("analysis", text, &paths(&["decisions.choice.windows_scanned", "decisions.choice.candidates"]));
    if !t.run.decisions.config.personas.is_empty() {
        let text = format!("{} personas voted on each", t.run.decisions.config.personas.len());
        t.step("pantheon", text, &paths(&["decisions.config.personas"]));
    }
}

fn nothing(t: &mut Teller<'_>) {
    let why = t.run.decisions.choice.why_none.clone().unwrap_or_default();
    t.say(format!("Nothing was chosen: {why}."), &paths(&["decisions.choice.why_none"]));
}

/// One sentence a code, with examples as evidence.
fn rejections(t: &mut Teller<'_>) {
    let mut groups: BTreeMap<String, (String, Vec<&Candidate>)> = BTreeMap::new();
    for c in &t.run.decisions.choice.candidates {
        if let Verdict::Rejected { by, code, .. } = &c.verdict {
            let by = format!("{by:?}").to_lowercase();
            groups.entry(code.clone()).or_insert_with(|| (by, Vec::new())).1.push(c);
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|a, b| b.1.1.len().cmp(&a.1.1.len()).then(a.0.cmp(&b.0)));
    for (code, (by, members)) in groups {
        let evidence: Vec<String> = members.iter().take(EXAMPLES).map(|c| format!("{}.verdict", at(c))).collect();
        let n = members.len();
        let (noun, was) = if n == 1 { ("candidate", "was") } else { ("candidates", "were") };
        let examples: Vec<&str> = members.iter().take(EXAMPLES).map(|c| c.id.as_str()).collect();
        let list = examples.join(", ") + if n > EXAMPLES { " …" } else { "" };
        t.say(format!("{n} {noun} {was} rejected because {} ({list}).", meaning(&code)), &evidence);
        t.step(&by, format!("{code}: {n}"), &evidence);
    }
}

/// A rejection code in words.
pub(super) fn meaning(code: &str) -> &str {
    match code {
        "overlaps" => "they share too much time with a better clip",
        "repeats" => "a better clip already says the same",
        "outvoted" => "a persona of the council objected",
        "below_floor" => "the council thought too little of them",
        "count_reached" => "better ones had taken all the places",
        "topic_full" => "their topic already had its share of the places",
        "mix_full" => "the places left were reserved for the content mix",
        "low_confidence" => "the recogniser was unsure of what is said",
        "cut_off" => "they begin or end inside a thought",
        "nothing_happens" => "nothing is heard and nothing moves in them",
        other => other,
    }
}

fn failures(t: &mut Teller<'_>) {
    for (k, f) in t.run.failures.iter().enumerate() {
        let text = format!("Clip {} could not be delivered: {}; {}.", f.rank, f.fault, f.fault.next_step);
        t.say(text, &[format!("failures[#{k}].fault")]);
    }
}

fn notes(t: &mut Teller<'_>) {
    let d = &t.run.decisions;
    for (k, note) in d.choice.notes.iter().enumerate() {
        t.say(format!("Noted: {note}."), &[format!("decisions.choice.notes[#{k}]")]);
    }
    for (k, warning) in d.warnings.iter().enumerate() {
        t.say(format!("Warned: {}.", warning.trim_end_matches('.')), &[format!("decisions.warnings[#{k}]")]);
    }
}

/// Rejected candidates, the best first.
fn best_rejected<'a>(t: &Teller<'a>) -> Vec<&'a Candidate> {
    let mut rejected: Vec<&Candidate> = t.run.decisions.choice.candidates.iter().filter(|c| !c.chosen()).collect();
    rejected.sort_by(|a, b| b.rank_score.total_cmp(&a.rank_score).then(a.id.cmp(&b.id)));
    rejected
}
