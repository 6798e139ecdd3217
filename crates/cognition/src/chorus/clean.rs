//! Spoken sentences as people would write them: without fillers, false starts and the "and" they began with.

use crate::lexicon::Lexicon;
use crate::text::tokens;

/// Sounds that are no words in any of the languages.
const SOUNDS: [&str; 22] = [
    "uh", "um", "erm", "uhm", "uhh", "umm", "hmm", "mm", "mhm", "er", "äh", "ähm", "öh", "öhm", "hm", "euh", "heu",
    "hein", "ehm", "em", "eh", "ah",
];
/// Openings that a written sentence does without.
const OPENERS: [&str; 26] = [
    "and", "so", "but", "well", "okay", "ok", "yeah", "right", "anyway", "anyways", "alright", "oh", "und", "also",
    "aber", "naja", "tja", "et", "mais", "donc", "bon", "ben", "y", "pero", "pues", "bueno",
];
/// Asides between commas that say nothing.
const ASIDES: [&str; 10] =
    ["you know", "i mean", "like", "sort of", "kind of", "basically", "literally", "sozusagen", "tu vois", "o sea"];

/// A sentence after cleaning, with what was done to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cleaned {
    pub text: String,
    pub fillers: bool,
    pub false_start: bool,
    pub opener: bool,
}

impl Cleaned {
    /// What was changed, in words; empty when nothing was.
    pub fn why(&self) -> Vec<&'static str> {
        let notes = [
            (self.fillers, "fillers removed"),
            (self.false_start, "a false start removed"),
            (self.opener, "the conjunction it opened with removed"),
        ];
        notes.into_iter().filter(|n| n.0).map(|n| n.1).collect()
    }
}

pub(crate) fn clean(raw: &str, lexicon: Option<&Lexicon>) -> Cleaned {
    let mut cleaned = Cleaned::default();
    let mut words: Vec<String> = plain(raw).split_whitespace().map(str::to_owned).collect();
    cleaned.fillers |= drop_sounds(&mut words);
    cleaned.fillers |= drop_asides(&mut words);
    cleaned.false_start |= drop_false_starts(&mut words, lexicon);
    while words.len() > 3 && words.first().is_some_and(|w| OPENERS.contains(&bare(w).as_str())) {
        words.remove(0);
        cleaned.opener = true;
    }
    cleaned.text = capitalised(words.join(" ").trim_matches(|c: char| c.is_whitespace() || ",;:-–—".contains(c)));
    cleaned
}

/// One line without angle brackets, control characters and doubled spaces.
pub(crate) fn plain(text: &str) -> String {
    let kept: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !matches!(c, '<' | '>')).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The one token of a written word; empty for a lone mark.
fn bare(word: &str) -> String {
    tokens(word).into_iter().next().unwrap_or_default()
}

fn drop_sounds(words: &mut Vec<String>) -> bool {
    let before = words.len();
    // The mark that a sound carried closes the sentence: "it works, um." keeps its full stop.
    let mark = words.last().and_then(|w| w.chars().next_back()).filter(|c| ".!?…".contains(*c));
    words.retain(|w| !SOUNDS.contains(&bare(w).as_str()));
    if let (Some(mark), Some(last)) = (mark, words.last_mut())
        && !last.ends_with(['.', '!', '?', '…'])
    {
        *last = format!("{}{mark}", last.trim_end_matches([',', ';', ':']));
    }
    words.len() < before
}

/// Drops "…, you know, …" where commas or the edges of the sentence set it apart.
fn drop_asides(words: &mut Vec<String>) -> bool {
    let mut dropped = false;
    for aside in ASIDES {
        let parts: Vec<&str> = aside.split(' ').collect();
        let mut at = 0;
        while at + parts.len() <= words.len() {
            let here = words[at..at + parts.len()].iter().zip(&parts).all(|(w, p)| bare(w) == *p);
            let opened = at == 0 || words[at - 1].ends_with(',');
            let closed = words[at + parts.len() - 1].ends_with(',');
            if here && opened && closed && words.len() > parts.len() + 2 {
                words.drain(at..at + parts.len());
                dropped = true;
            } else {
                at += 1;
            }
        }
    }
    dropped
}

/// "I I think" says one I; "we wan- we want" begins with the second we.
fn drop_false_starts(words: &mut Vec<String>, lexicon: Option<&Lexicon>) -> bool {
    let before = words.len();
    let broken = |w: &str| w.len() > 1 && w.ends_with(['-', '–', '—']) && bare(w).chars().count() > 0;
    let mut kept: Vec<String> = Vec::with_capacity(words.len());
    for (k, word) in words.iter().enumerate() {
        let next_repeats = |span: usize| {
            let (a, b) = (kept.len().checked_sub(span), words.get(k + 1..k + 1 + span));
            a.zip(b).is_some_and(|(a, b)| kept[a..].iter().zip(b).all(|(x, y)| bare(x) == bare(y)))
        };
        if broken(word) && k + 1 < words.len() {
            if let Some(span) = (1..=3).rev().find(|s| next_repeats(*s)) {
                kept.truncate(kept.len() - span);
                continue;
            }
            if words.get(k + 1).is_some_and(|n| bare(n).starts_with(&bare(word))) {
                continue;
            }
        }
        let stammer = kept.last().is_some_and(|last| {
            let (a, b) = (bare(last), bare(word));
            !a.is_empty()
                && a == b
                && lexicon.is_none_or(|l| l.is_stopword(&a))
                && !matches!(a.as_str(), "that" | "had" | "no" | "very")
        });
        if stammer {
            // The second one carries the mark that goes on.
            kept.pop();
        }
        kept.push(word.clone());
    }
    *words = kept;
    words.len() < before
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexicon::for_language;

    #[test]
    fn speech_is_written_as_people_write() {
        let table = [
            ("um, so the the best part is, you know, free.", "The best part is, free."),
            ("And we wan- we want to go, uh.", "We want to go."),
            ("I I think it works", "I think it works"),
            ("Well, it was very very good!", "It was very very good!"),
            ("like, what do you do?", "What do you do?"),
            ("a <b>bold</b>\tclaim", "A bbold/b claim"),
            ("I know you know it.", "I know you know it."),
            ("So?", "So?"),
            ("élan vital", "Élan vital"),
        ];
        for (raw, want) in table {
            assert_eq!(clean(raw, for_language("en")).text, want, "{raw}");
        }
    }

    #[test]
    fn it_says_what_it_did() {
        let c = clean("and um, I I think that it works", for_language("en"));
        assert_eq!(c.why(), ["fillers removed", "a false start removed", "the conjunction it opened with removed"]);
        assert!(clean("It works.", None).why().is_empty());
    }
}
