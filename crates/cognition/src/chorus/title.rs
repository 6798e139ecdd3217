//! The title: the strongest thing said, short enough to read at a glance.

use omniva_contracts::choice::Candidate;

use super::{Desk, Line, clean};
use crate::lexicon::is_content;
use crate::text::{clock, holds, is_question, longest_opening, tokens};

/// Titles up to this many characters are shown whole on a phone.
const GLANCE: usize = 70;
/// A clause of fewer words is no title.
const LEAST_WORDS: usize = 3;
/// The opening line is what the viewer hears under the title: another one has to be clearly stronger.
const OPENING_BONUS: f64 = 0.18;
/// Clauses that wait for another one.
const WAITING: [&str; 22] = [
    "if", "when", "because", "although", "though", "while", "unless", "until", "since", "before", "after", "once",
    "wenn", "weil", "obwohl", "als", "si", "quand", "parce", "cuando", "porque", "aunque",
];

pub(super) struct Title {
    pub text: String,
    pub why: String,
}

/// The best title among the lines, and the index of its line.
pub(super) fn best(desk: &Desk<'_>, lines: &[Line], max: usize) -> Option<(Title, usize)> {
    let mut best: Option<(f64, Title, usize)> = None;
    for (at, line) in lines.iter().enumerate() {
        let title = fit(desk, line, max);
        if desk.is_banned(&title.text) || tokens(&title.text).len() < LEAST_WORDS.min(tokens(&line.raw).len()) {
            continue;
        }
        let score = strength(desk, line, &title.text) + if at == 0 { OPENING_BONUS } else { 0.0 };
        if best.as_ref().is_none_or(|b| score > b.0 + 1e-9) {
            best = Some((score, title, at));
        }
    }
    best.filter(|b| !b.1.text.is_empty()).map(|b| (b.1, b.2))
}

/// How well a title makes somebody want to hear the rest, about -0.5..1.5.
fn strength(desk: &Desk<'_>, line: &Line, title: &str) -> f64 {
    let words = tokens(title);
    let mut score = match words.len() {
        0..=2 => -0.4,
        3 => 0.0,
        4..=11 => 0.25,
        12..=16 => 0.10,
        _ => -0.05,
    };
    score += if is_question(title) { 0.30 } else { 0.0 } + if title.ends_with('!') { 0.06 } else { 0.0 };
    score -= if title.ends_with('…') { 0.12 } else { 0.0 } + if line.complete { 0.0 } else { 0.20 };
    score += if words.iter().any(|w| w.chars().any(|c| c.is_ascii_digit())) { 0.08 } else { 0.0 };
    let content = words.iter().filter(|w| is_content(desk.lexicon, w)).count();
    score += (content as f64 / words.len().max(1) as f64 - 0.4) * 0.4;
    let waits = words.first().is_some_and(|w| WAITING.contains(&w.as_str()));
    score -= if waits && !title.trim_end_matches('…').contains(',') { 0.22 } else { 0.0 };
    let Some(l) = desk.lexicon else { return score };
    let any = |list: &[&str]| list.iter().any(|p| holds(&words, p));
    score += words.iter().filter(|w| l.strong.contains(&w.as_str())).count().min(2) as f64 * 0.09;
    score += if longest_opening(&words, l.claims) > 0 { 0.15 } else { 0.0 };
    score += if any(l.second_person) { 0.08 } else { 0.0 } + if any(l.surprise) { 0.08 } else { 0.0 };
    score += if any(l.amounts) { 0.05 } else { 0.0 } + if any(l.contrast) { 0.04 } else { 0.0 };
    score -= if longest_opening(&words, l.weak_openings) > 0 { 0.25 } else { 0.0 };
    score -= if longest_opening(&words, l.greetings) > 0 { 0.60 } else { 0.0 };
    let dangling = words.iter().take_while(|w| !is_content(Some(l), w)).any(|w| l.pronouns.contains(&w.as_str()));
    score - if dangling { 0.15 } else { 0.0 }
}

/// The cleaned line at a readable length: whole, up to a clause, or up to a word that can stand at an end.
fn fit(desk: &Desk<'_>, line: &Line, max: usize) -> Title {
    let mut why: Vec<String> = line.clean.why().into_iter().map(str::to_owned).collect();
    let whole = unstopped(&line.clean.text);
    let goal = GLANCE.min(max);
    let text = if whole.chars().count() <= goal {
        whole
    } else if let Some(clause) = clause(&whole, goal) {
        why.push(format!("cut after a clause to {goal} characters"));
        clause
    } else if whole.chars().count() <= max {
        whole
    } else {
        why.push(format!("cut after a word to {max} characters"));
        at_word(desk, &whole, max)
    };
    if why.is_empty() {
        why.push("written as a title".into());
    }
    Title { text, why: why.join("; ") }
}

/// A title has no full stop; a question mark, an exclamation mark and an ellipsis stay.
fn unstopped(text: &str) -> String {
    text.trim_end_matches(|c: char| c == '.' || c == ',' || c == ';' || c == ':' || c.is_whitespace()).to_owned()
}

/// The longest run of whole clauses within `max` characters, ellipsis included.
fn clause(text: &str, max: usize) -> Option<String> {
    let marks = text
        .char_indices()
        .filter(|(at, c)| ",;:—–".contains(*c) && text[at + c.len_utf8()..].starts_with(|n: char| n.is_whitespace()));
    marks
        .map(|(at, _)| text[..at].trim_end())
        .rfind(|head| head.chars().count() < max && head.split_whitespace().count() > LEAST_WORDS)
        .map(|head| format!("{head}…"))
}

/// Cut between words, not after one that needs another (an article, a preposition).
fn at_word(desk: &Desk<'_>, text: &str, max: usize) -> String {
    let mut words: Vec<&str> = Vec::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        length += word.chars().count() + 1;
        if length > max {
            break;
        }
        words.push(word);
    }
    while words.len() > LEAST_WORDS
        && words.last().is_some_and(|w| !is_content(desk.lexicon, tokens(w).first().map_or("", String::as_str)))
    {
        words.pop();
    }
    let mut out = words.join(" ");
    if out.is_empty() {
        out = text.chars().take(max.saturating_sub(1)).collect();
    }
    let kept = out.trim_end_matches(|c: char| !c.is_alphanumeric()).len();
    out.truncate(kept);
    out.push('…');
    out
}

/// A title for a clip without words (or with nothing that may be written): the source's name and the time.
pub(super) fn without_words(desk: &Desk<'_>, candidate: &Candidate, source: &str, max: usize) -> String {
    let when = format!("{} to {}", clock(candidate.span.start), clock(candidate.span.end));
    let name = stem(source);
    let full =
        if name.is_empty() || desk.is_banned(&name) { format!("Clip, {when}") } else { format!("{name}, {when}") };
    if full.chars().count() <= max { full } else { crate::text::shorten(&full, max) }
}

/// The source's file name as a title would show it: no extension, no underscores.
pub(super) fn stem(source: &str) -> String {
    let name = source.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = name.rsplit_once('.').map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem });
    clean::plain(&name.replace(['_', '\u{202e}'], " "))
}
