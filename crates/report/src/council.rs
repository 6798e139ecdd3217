//! What the personas said: a dot plot on one axis from 0 to 1 (a line as long as the doubt), and their words.

use omniva_contracts::choice::{Candidate, Vote};

use crate::escape::Short;
use crate::format::finite;

/// Votes that are shown.
const VOTES: usize = 16;

/// For a clip's card: a table with the plot in it.
pub fn plot(out: &mut String, c: &Candidate) {
    if c.votes.is_empty() {
        return;
    }
    out.push_str("<table class=\"council\"><caption class=\"sr\">Votes of the council, 0 to 1</caption><thead class=\"sr\"><tr><th scope=\"col\">Persona</th><th scope=\"col\">Vote on a line from 0 to 1</th><th scope=\"col\">Vote</th><th scope=\"col\">Commentary</th></tr></thead><tbody>");
    for v in c.votes.iter().take(VOTES) {
        put!(out, "<tr><th scope=\"row\">{}</th><td class=\"dots\">", Short(&v.agent, 40));
        dot(out, v, c.consensus);
        put!(
            out,
            "</td><td class=\"num\" title=\"confidence {:.2}\">{:.2}</td><td class=\"said\">{}</td></tr>",
            finite(v.confidence),
            finite(v.vote),
            Short(&v.commentary, 300)
        );
    }
    out.push_str("</tbody></table><p class=\"key\">Dot: the vote from 0 to 1. Grey: how unsure the persona is. Red: the council’s consensus.</p>");
}

/// The vote as a dot, the doubt (1 − confidence) as a line about it, the consensus as a thin mark.
fn dot(out: &mut String, v: &Vote, consensus: f64) {
    let x = finite(v.vote).clamp(0.0, 1.0) * 100.0;
    let doubt = (1.0 - finite(v.confidence).clamp(0.0, 1.0)) * 10.0;
    let mean = finite(consensus).clamp(0.0, 1.0) * 100.0;
    let (from, to) = ((x - doubt).max(0.0), (x + doubt).min(100.0));
    put!(
        out,
        "<svg height=\"20\" aria-hidden=\"true\"><line class=\"rail\" x1=\"0\" x2=\"100%\" y1=\"10\" y2=\"10\"/><line class=\"mean\" x1=\"{mean:.1}%\" x2=\"{mean:.1}%\" y1=\"0\" y2=\"20\"/><line class=\"doubt\" x1=\"{from:.1}%\" x2=\"{to:.1}%\" y1=\"10\" y2=\"10\"/><circle cx=\"{x:.1}%\" cy=\"10\" r=\"5\"/></svg>"
    );
}

/// For the table of candidates: the same without the words' own column.
pub fn list(out: &mut String, c: &Candidate) {
    if c.votes.is_empty() {
        return;
    }
    out.push_str("<ul class=\"votes\">");
    for v in c.votes.iter().take(VOTES) {
        let x = finite(v.vote).clamp(0.0, 1.0) * 100.0;
        put!(
            out,
            "<li><span class=\"who\">{}</span><svg height=\"10\" aria-hidden=\"true\"><line class=\"rail\" x1=\"0\" x2=\"100%\" y1=\"5\" y2=\"5\"/><circle cx=\"{x:.1}%\" cy=\"5\" r=\"4\"/></svg><b>{:.2}</b><span class=\"said\">{}</span></li>",
            Short(&v.agent, 40),
            finite(v.vote),
            Short(&v.commentary, 240)
        );
    }
    out.push_str("</ul>");
}
