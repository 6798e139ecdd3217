//! From tokens with times to words with times on the source.

use omniva_contracts::analysis::Word;
use omniva_contracts::geometry::ms;
use omniva_contracts::{Fault, Span};

use super::tokens::Tokens;
use crate::windows::Window;

/// Shortest word that is written, seconds.
const SHORTEST: f64 = 0.02;
/// Punctuation that opens what follows; all other punctuation belongs to what came before.
const OPENING: &[char] = &['"', '\'', '“', '‘', '¿', '¡', '(', '[', '{', '«', '„', '「', '『', '-', '–', '—'];
/// Languages that are written without spaces: every character is a word of its own.
const UNSPACED: [&str; 7] = ["zh", "ja", "th", "lo", "my", "km", "yue"];

/// A token with its time in the window.
#[derive(Clone, Copy, Debug)]
pub struct Timed {
    pub token: u32,
    pub log_probability: f32,
    pub span: Span,
}

/// A word before its times are checked.
#[derive(Clone, Debug, PartialEq)]
struct Draft {
    text: String,
    span: Span,
    log_probability: f64,
    tokens: usize,
}

/// Words out of text tokens, with times on the source: monotonic, apart, inside speech.
pub fn words(tokens: &Tokens, window: &Window, language: &str, timed: &[Timed]) -> Result<Vec<Word>, Fault> {
    let pieces = pieces(tokens, timed)?;
    let drafts = join(pieces, UNSPACED.contains(&language));
    Ok(place(drafts, window))
}

/// The shortest runs of tokens that are whole characters.
fn pieces(tokens: &Tokens, timed: &[Timed]) -> Result<Vec<Draft>, Fault> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    for to in 1..=timed.len() {
        let run = &timed[from..to];
        let text = tokens.text(&run.iter().map(|t| t.token).collect::<Vec<_>>())?;
        if text.contains('\u{fffd}') && to < timed.len() {
            continue;
        }
        let (first, last) = (run[0].span, run[run.len() - 1].span);
        pieces.push(Draft {
            text: text.replace('\u{fffd}', ""),
            span: Span::new(first.start, last.end),
            log_probability: run.iter().map(|t| f64::from(t.log_probability)).sum(),
            tokens: run.len(),
        });
        from = to;
    }
    Ok(pieces)
}

/// Marks without a sound of their own; `&` or `%` are spoken.
fn is_punctuation(text: &str) -> bool {
    !text.chars().any(|c| c.is_alphanumeric() || "&%+=@$€£¥°".contains(c))
}

/// Joins pieces to words: a space begins one, punctuation belongs to its neighbour.
fn join(pieces: Vec<Draft>, unspaced: bool) -> Vec<Draft> {
    let mut words: Vec<Draft> = Vec::new();
    // An opening mark waits for its word.
    let mut opening = false;
    for piece in pieces {
        let begins = piece.text.starts_with(char::is_whitespace) || unspaced;
        let text = piece.text.trim();
        let opens = begins && is_punctuation(text) && text.ends_with(OPENING) && !text.is_empty();
        let joins = opening || (!opens && (!begins || is_punctuation(text)));
        match words.last_mut() {
            Some(word) if joins => {
                // Marks say nothing, so they take no time from the word that they open.
                let start = if opening && is_punctuation(&word.text) { piece.span.start } else { word.span.start };
                let end = if is_punctuation(text) { word.span.end } else { piece.span.end };
                word.text.push_str(text);
                word.span = Span::new(start, end);
                word.log_probability += piece.log_probability;
                word.tokens += piece.tokens;
                opening = opening && is_punctuation(text);
            }
            _ => {
                words.push(Draft { text: text.to_owned(), ..piece });
                opening = opens;
            }
        }
    }
    words.retain(|w| !is_punctuation(&w.text));
    words
}

/// Moves words into speech and apart, and gives them source times.
fn place(drafts: Vec<Draft>, window: &Window) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let Some(voiced) = window.voiced_at(&draft.span) else { continue };
        let (start, end) = (voiced.to_source(draft.span.start), voiced.to_source(draft.span.end));
        let confidence = (draft.log_probability / draft.tokens.max(1) as f64).exp().clamp(0.0, 1.0);
        let floor = words.last().map_or(0.0, |w| w.end);
        let start = ms(start.max(floor));
        let end = ms(end.max(start + SHORTEST));
        words.push(Word { text: draft.text, start, end, confidence: ms(confidence) });
    }
    words
}
