//! Chorus: title, description and keywords of a clip, from what is said in it and nothing else.
//!
//! A title is a sentence (or the first clause of one) that was spoken, cleaned of fillers and false starts. Everything
//! stays within the platforms' limits (YouTube: title 100 characters, description 5,000 bytes, tags 500 characters, no
//! angle brackets). What was changed, and why, is kept as style deltas (reference §4.7).

mod clean;
mod keywords;
pub mod post;
mod title;

use omniva_contracts::analysis::Analysis;
use omniva_contracts::choice::Candidate;
use omniva_contracts::config::ChorusConfig;
use omniva_contracts::record::{Draft, StyleDelta};

use crate::lexicon::{self, Lexicon};
use crate::text::{holds, shorten, tokens};

/// YouTube's limits; the configuration may ask for less, never for more.
const TITLE_LIMIT: usize = 100;
const DESCRIPTION_LIMIT: usize = 5000;
/// Longest quote and summary, characters.
const QUOTE_LENGTH: usize = 220;
const SUMMARY_LENGTH: usize = 320;
/// Hashtags made from keywords, beside the configured ones.
const KEYWORD_HASHTAGS: usize = 3;

/// A sentence of the clip, cleaned.
#[derive(Clone, Debug)]
struct Line {
    raw: String,
    clean: clean::Cleaned,
    complete: bool,
}

struct Desk<'a> {
    config: &'a ChorusConfig,
    lexicon: Option<&'static Lexicon>,
    /// Words of the finished clip; empty when nobody speaks.
    said: std::collections::BTreeSet<String>,
    banned: Vec<String>,
}

impl Desk<'_> {
    fn is_banned(&self, text: &str) -> bool {
        let words = tokens(text);
        self.banned.iter().any(|b| holds(&words, b))
    }

    /// Every word of `text` is heard in the finished clip.
    fn was_said(&self, text: &str) -> bool {
        self.said.is_empty() || tokens(text).iter().all(|w| self.said.contains(w))
    }
}

/// Drafts the texts of a clip. `transcript` is that of the finished clip (after cuts), `source` the name of the source
/// file, used where nothing was said. Never fails; never returns text that breaks a limit or holds a banned word.
pub fn draft(
    analysis: &Analysis,
    candidate: &Candidate,
    transcript: &str,
    config: &ChorusConfig,
    source: &str,
) -> Draft {
    let desk = Desk {
        config,
        lexicon: analysis.heard.language.as_ref().and_then(|l| lexicon::for_language(&l.code)),
        said: tokens(transcript).into_iter().collect(),
        banned: config.banned_words.iter().map(|b| tokens(b).join(" ")).filter(|b| !b.is_empty()).collect(),
    };
    let mut deltas = Vec::new();
    let lines = lines(analysis, candidate, transcript, &desk, &mut deltas);
    let title_max = (config.title_max as usize).clamp(1, TITLE_LIMIT);
    let (title, used) = match title::best(&desk, &lines, title_max) {
        Some((title, at)) => {
            if title.text != lines[at].raw {
                deltas.push(delta("title", &lines[at].raw, &title.text, &title.why));
            }
            (title.text, Some(at))
        }
        None => (title::without_words(&desk, candidate, source, title_max), None),
    };
    let (keywords, dropped) = keywords::list(&desk, analysis, candidate);
    deltas.extend(dropped);
    let description = description(&desk, &lines, used, &keywords, source, &mut deltas);
    Draft { title, description, keywords, style_deltas: deltas }
}

fn delta(field: &str, before: &str, after: &str, why: &str) -> StyleDelta {
    StyleDelta { field: field.into(), before: before.into(), after: after.into(), why: why.into(), rule: String::new() }
}

/// The sentences that survived the edit, without those that hold a banned word. Where the edit changed them too much to be
/// recognised, the transcript is parted at its own marks.
fn lines(
    analysis: &Analysis,
    candidate: &Candidate,
    transcript: &str,
    desk: &Desk<'_>,
    deltas: &mut Vec<StyleDelta>,
) -> Vec<Line> {
    let sentences = analysis.sentences().get(candidate.first_sentence..candidate.end_sentence).unwrap_or(&[]);
    let line = |raw: &str, complete: bool| Line {
        clean: clean::clean(raw, desk.lexicon),
        raw: raw.trim().to_owned(),
        complete,
    };
    let mut lines: Vec<Line> = sentences.iter().map(|s| line(&s.text, s.complete)).collect();
    lines.retain(|l| !l.clean.text.is_empty() && desk.was_said(&l.clean.text));
    if lines.is_empty() {
        lines = transcript.split_inclusive(['.', '!', '?', '…']).map(|t| line(t, true)).collect();
        lines.retain(|l| !l.clean.text.is_empty());
    }
    lines.retain(|l| {
        let banned = desk.is_banned(&l.clean.text);
        if banned {
            deltas.push(delta("text", &l.raw, "", "left out of every text: it holds a banned word"));
        }
        !banned
    });
    lines
}

fn description(
    desk: &Desk<'_>,
    lines: &[Line],
    used: Option<usize>,
    keywords: &[String],
    source: &str,
    deltas: &mut Vec<StyleDelta>,
) -> String {
    // The quote is the line of the title, whole; the summary tells what stands around it.
    let quote = used.and_then(|at| lines.get(at)).map(|l| shorten(&l.clean.text, QUOTE_LENGTH)).unwrap_or_default();
    let others = lines.iter().enumerate().filter(|(k, l)| Some(*k) != used && tokens(&l.clean.text).len() >= 4);
    let summary: Vec<&str> = others.map(|(_, l)| l.clean.text.as_str()).take(2).collect();
    let summary = shorten(&summary.iter().map(|s| ended(s)).collect::<Vec<_>>().join(" "), SUMMARY_LENGTH);
    let tags: Vec<String> = desk
        .config
        .hashtags
        .iter()
        .filter_map(|h| keywords::hashtag(h))
        .chain(keywords.iter().take(KEYWORD_HASHTAGS).filter_map(|k| keywords::hashtag(k)))
        .filter(|h| !desk.is_banned(h))
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    let hashtags = tags.into_iter().filter(|h| seen.insert(h.to_lowercase())).collect::<Vec<_>>().join(" ");
    let stem = title::stem(source);
    let source = if desk.is_banned(&stem) { String::new() } else { stem };
    let values = [("{summary}", summary), ("{quote}", quote), ("{hashtags}", hashtags), ("{source}", source)];
    let full = fill(&desk.config.description_template, &values);
    let limit = (desk.config.description_max as usize).min(DESCRIPTION_LIMIT);
    let cut = within_bytes(&full, limit);
    if cut.len() < full.len() {
        deltas.push(delta("description", &full, &cut, &format!("cut at a word to the limit of {limit} bytes")));
    }
    cut
}

/// A sentence with a mark at its end.
fn ended(text: &str) -> String {
    if text.ends_with(|c: char| ".!?…".contains(c)) { text.to_owned() } else { format!("{text}.") }
}

/// Fills the template; a line whose placeholders are all empty goes, and no more than one empty line stands in a row.
fn fill(template: &str, values: &[(&str, String)]) -> String {
    let mut out: Vec<String> = Vec::new();
    for line in template.lines() {
        let used: Vec<&(&str, String)> = values.iter().filter(|(name, _)| line.contains(name)).collect();
        if !used.is_empty() && used.iter().all(|(_, v)| v.is_empty()) {
            continue;
        }
        let mut line = line.to_owned();
        for (name, value) in used {
            line = line.replace(name, value);
        }
        let line = clean::plain(&line);
        if !(line.is_empty() && out.last().is_none_or(String::is_empty)) {
            out.push(line);
        }
    }
    out.join("\n").trim().to_owned()
}

/// At most `limit` bytes, cut between words.
fn within_bytes(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let ends = text.char_indices().map(|(at, c)| (at, c.is_whitespace())).take_while(|(at, _)| *at <= limit);
    let (mut hard, mut soft) = (0, None);
    for (at, space) in ends {
        hard = at;
        if space {
            soft = Some(at);
        }
    }
    text.get(..soft.unwrap_or(hard)).unwrap_or_default().trim_end().to_owned()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
