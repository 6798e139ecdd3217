//! From tokens with times to words with times on the source.

use omniva_contracts::analysis::Word;
use omniva_contracts::geometry::ms;
use omniva_contracts::{Fault, Span};

use super::tokens::Tokens;
use crate::windows::Window;

/// Shortest word that is written, seconds.
const SHORTEST: f64 = 0.02;
/// The first word of a stretch of speech that seems to begin less than this after it, seconds, begins with it.
const ONSET: f64 = 0.3;
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
///
/// Attention drifts over pauses, so a word belongs to the stretch of speech that it shares most with, and the first word
/// of a stretch begins where the stretch does.
fn place(drafts: Vec<Draft>, window: &Window) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let Some(voiced) = window.voiced_at(&draft.span) else { continue };
        let (mut start, end) = (voiced.to_source(draft.span.start), voiced.to_source(draft.span.end));
        let floor = words.last().map_or(0.0, |w| w.end);
        if floor <= voiced.source && start - voiced.source < ONSET {
            start = voiced.source;
        }
        let confidence = (draft.log_probability / draft.tokens.max(1) as f64).exp().clamp(0.0, 1.0);
        let start = ms(start.max(floor));
        let end = ms(end.max(start + SHORTEST));
        words.push(Word { text: draft.text, start, end, confidence: ms(confidence) });
    }
    words
}

#[cfg(test)]
mod tests {
    use omniva_contracts::Span;
    use proptest::prelude::*;

    use super::*;
    use crate::vad::{SAMPLE_RATE, Stretch};

    fn draft(text: &str, start: f64, end: f64) -> Draft {
        Draft { text: text.into(), span: Span::new(start, end), log_probability: -0.1, tokens: 1 }
    }

    /// Speech at 10..12 s and 50..53 s, which is 0..2 s and 2..5 s in the window.
    fn window() -> Window {
        let stretch = |start: f64, end: f64| Stretch {
            span: Span::new(start, end),
            first_sample: (start * SAMPLE_RATE as f64) as usize,
            samples: vec![0.0; ((end - start) * SAMPLE_RATE as f64) as usize],
        };
        Window::of(&[stretch(10.0, 12.0), stretch(50.0, 53.0)])
    }

    fn texts(pieces: &[&str], unspaced: bool) -> Vec<String> {
        let drafts = pieces.iter().enumerate().map(|(i, p)| draft(p, i as f64, i as f64 + 1.0)).collect();
        join(drafts, unspaced).into_iter().map(|w| w.text).collect()
    }

    #[test]
    fn pieces_become_words_and_punctuation_joins_its_neighbour() {
        assert_eq!(
            texts(&[" Hel", "lo", ",", " \"", "you", "\"", " 50", "%", " &", " me", "."], false),
            ["Hello,", "\"you\"", "50%", "&", "me."]
        );
        assert_eq!(texts(&["你", "好", "。"], true), ["你", "好。"]);
        assert!(texts(&[" ...", " ♪"], false).is_empty());
    }

    #[test]
    fn a_word_stretched_over_a_pause_is_cut_to_the_side_that_holds_more_of_it() {
        let words = place(vec![draft("one", 0.4, 1.0), draft("two", 1.5, 2.2), draft("three", 2.2, 4.0)], &window());
        let times: Vec<(f64, f64)> = words.iter().map(|w| (w.start, w.end)).collect();
        assert_eq!(times, [(10.4, 11.0), (11.5, 12.0), (50.0, 52.0)]);
        let early = place(vec![draft("late", 1.9, 3.0)], &window());
        assert_eq!((early[0].start, early[0].end), (50.0, 51.0));
    }

    proptest! {
        #[test]
        fn words_never_overlap_nor_leave_the_speech(cuts in proptest::collection::vec(0.0f64..6.0, 2..30)) {
            let mut cuts = cuts;
            cuts.sort_by(f64::total_cmp);
            let drafts = cuts.windows(2).map(|c| draft("w", c[0], c[1])).collect();
            let words = place(drafts, &window());
            prop_assert!(words.windows(2).all(|p| p[0].end <= p[1].start));
            prop_assert!(words.iter().all(|w| w.start < w.end && w.start >= 10.0 && w.end < 54.0));
        }
    }
}
