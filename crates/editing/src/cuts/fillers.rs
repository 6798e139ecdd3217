//! Words that a listener does not miss: hesitations, set-off filler phrases, false starts. When in doubt a word stays.

use omniva_contracts::analysis::Word;
use omniva_contracts::config::EditConfig;
use omniva_contracts::plan::CutReason;

/// Quiet on both sides that makes a cut clean, seconds: the margin of a word and a frame.
const CLEAN: f64 = 0.08;
/// A pause that sets a word off from its neighbours.
const SET_OFF: f64 = 0.12;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Dropped {
    pub why: CutReason,
}

/// Words that are said twice in a row only by mistake. Others may be meant ("very very", "no, no").
const NEVER_DOUBLED: &[(&str, &[&str])] = &[
    (
        "en",
        &[
            "the", "a", "an", "i", "to", "and", "of", "in", "it", "we", "you", "he", "she", "they", "is", "was",
            "this", "my", "but", "for", "on", "with", "if", "at", "as", "be", "are", "it's", "i'm", "what", "when",
            "because",
        ],
    ),
    ("de", &["der", "die", "das", "ein", "eine", "und", "ich", "wir", "zu", "in", "mit", "von", "ist", "dass", "aber"]),
    ("fr", &["le", "la", "les", "un", "une", "et", "je", "de", "des", "à", "dans", "que", "qui", "mais", "on"]),
    ("es", &["el", "la", "los", "las", "un", "una", "y", "de", "a", "en", "que", "con", "por", "pero", "yo"]),
];

/// For each word, whether and why it goes. The first and the last word always stay.
pub(super) fn dropped(words: &[Word], edit: &EditConfig, language: &str) -> Vec<Option<Dropped>> {
    let mut out = vec![None; words.len()];
    if !edit.cut_fillers {
        return out;
    }
    let plain: Vec<String> = words.iter().map(|w| bare(&w.text)).collect();
    if let Some(list) = edit.fillers.get(language) {
        // Longer phrases first, so that "i mean like" is not read as "like" alone.
        let mut phrases: Vec<Vec<&str>> = list.iter().map(|p| p.split_whitespace().collect()).collect();
        phrases.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        for phrase in &phrases {
            mark_phrase(words, &plain, phrase, &mut out);
        }
    }
    if let Some((_, list)) = NEVER_DOUBLED.iter().find(|(code, _)| *code == language) {
        mark_repeats(words, &plain, list, &mut out);
    }
    out
}

fn mark_phrase(words: &[Word], plain: &[String], phrase: &[&str], out: &mut [Option<Dropped>]) {
    let n = phrase.len();
    if n == 0 || words.len() < n + 2 {
        return;
    }
    for i in 1..words.len() - n {
        let here = plain[i..i + n].iter().map(String::as_str).eq(phrase.iter().copied());
        if !here || out[i..i + n].iter().any(Option::is_some) {
            continue;
        }
        let (before, first) = (&words[i - 1], &words[i]);
        let (last, after) = (&words[i + n - 1], &words[i + n]);
        let (gap_before, gap_after) = (first.start - before.end, after.start - last.end);
        let clean = gap_before >= CLEAN && gap_after >= CLEAN;
        let sound = n == 1 && is_hesitation(phrase[0]);
        // A lexical filler ("like", "you know") goes only when speech sets it off on both sides.
        let set_off = (gap_before >= SET_OFF || ends_clause(&before.text))
            && (gap_after >= SET_OFF || last.text.ends_with(','))
            && !last.text.ends_with('?');
        if clean && (sound || set_off) {
            out[i..i + n].fill(Some(Dropped { why: CutReason::Filler }));
        }
    }
}

/// "the … the": the first one goes.
fn mark_repeats(words: &[Word], plain: &[String], list: &[&str], out: &mut [Option<Dropped>]) {
    for i in 1..words.len().saturating_sub(1) {
        if plain[i] != plain[i + 1] || !list.contains(&plain[i].as_str()) || out[i].is_some() {
            continue;
        }
        let clean = words[i].start - words[i - 1].end >= CLEAN && words[i + 1].start - words[i].end >= CLEAN;
        if clean && !words[i].text.ends_with(['.', '!', '?']) {
            out[i] = Some(Dropped { why: CutReason::Repetition });
        }
    }
}

/// Lower case without punctuation at its ends.
fn bare(text: &str) -> String {
    text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase()
}

/// A sound rather than a word: a few letters out of those that hesitations are written with.
fn is_hesitation(word: &str) -> bool {
    word.chars().count() <= 4 && word.chars().all(|c| "aehmoruäö".contains(c)) && word.contains(['h', 'm', 'u'])
}

fn ends_clause(text: &str) -> bool {
    text.ends_with([',', '.', '!', '?', '…', ';', ':', '-', '—', '–'])
}
