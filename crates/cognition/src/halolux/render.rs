//! An explanation as plain text for a terminal: no colour, wrapped at 100 columns, evidence beside each sentence.

use super::{Alternative, Explanation};
use crate::text::{clock, shorten};

const WIDTH: usize = 100;
/// Steps are shown in two columns.
const MODULE_WIDTH: usize = 10;

/// Text with a line break at its end.
pub fn render_text(e: &Explanation) -> String {
    let mut out = format!("{}\n\n", line(&e.question));
    for s in &e.narrative {
        wrap(&mut out, "", "", &line(&s.text));
        let evidence = s.evidence.join(", ");
        wrap(&mut out, "    ← ", "      ", &evidence);
    }
    if !e.reasoning.is_empty() {
        out.push_str("\nStep by step\n");
        for step in &e.reasoning {
            let lead = format!("  {:<MODULE_WIDTH$} ", step.module);
            wrap(&mut out, &lead, &" ".repeat(MODULE_WIDTH + 3), &line(&step.finding));
        }
    }
    if !e.discarded.is_empty() {
        out.push_str("\nNot taken\n");
        for a in &e.discarded {
            alternative(&mut out, a);
        }
    }
    if !e.missing.is_empty() {
        out.push_str("\nNot in the record\n");
        for path in &e.missing {
            wrap(&mut out, "  ", "  ", path);
        }
    }
    out.push_str(&format!(
        "\nCompleteness: {:.0} % of the evidence looked for is in the record.\n",
        e.completeness * 100.0
    ));
    out
}

fn alternative(out: &mut String, a: &Alternative) {
    let opening = shorten(&line(&a.opening), 60);
    let head =
        format!("{:<5} {:>7} to {:<7} {:.3}  “{opening}”", a.candidate, clock(a.start), clock(a.end), a.rank_score);
    wrap(out, "  ", "        ", &head);
    wrap(out, "        ", "        ", &format!("{}: {}", a.code, line(&a.reason)));
}

/// One line without control characters: what a source says must not steer the terminal.
fn line(text: &str) -> String {
    let steers = |c: char| {
        c.is_control() || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { ' ' } else { c }).collect()
}

/// Appends `text`, broken between words, the first line after `lead`, the others after `indent`.
fn wrap(out: &mut String, lead: &str, indent: &str, text: &str) {
    out.push_str(lead);
    let mut column = lead.chars().count();
    let mut first = true;
    for word in text.split(' ') {
        let length = word.chars().count();
        if !first && column + 1 + length > WIDTH {
            out.push('\n');
            out.push_str(indent);
            column = indent.chars().count();
        } else if !first {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
        first = false;
    }
    out.push('\n');
}
