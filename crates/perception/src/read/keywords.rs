//! Keywords: the user's, found again in the transcript, and the transcript's own.

use omniva_contracts::analysis::{Keyword, KeywordKind, Word};

use super::phrases::{Phrases, Stat};
use super::terms::{Stems, Term};
use super::words::is_unspaced;

/// Keywords taken from the transcript, at most.
const MOST: usize = 25;
/// Under this many terms a word may count although it is said once.
const FEW: usize = 250;
/// Keywords under this share of the best one's score are noise.
const FAINT: f64 = 0.08;

/// The user's keywords in their order, each once, with the times at which they are said. Case and simple endings do not
/// matter; several words must follow each other.
pub fn user(wanted: &[String], terms: &[Term], stems: &Stems, words: &[Word], language: &str) -> Vec<Keyword> {
    let mut out: Vec<Keyword> = Vec::new();
    for wish in wanted {
        let term = wish.split_whitespace().collect::<Vec<_>>().join(" ");
        if term.is_empty() || out.iter().any(|k| k.term.to_lowercase() == term.to_lowercase()) {
            continue;
        }
        let mentions = if term.chars().any(is_unspaced) {
            unspaced(&term, words)
        } else {
            stems.find(&term, language).map_or_else(Vec::new, |key| mentions(&key, terms, words))
        };
        out.push(Keyword { term, kind: KeywordKind::User, weight: 1.0, mentions });
    }
    out
}

/// Start times of a phrase.
fn mentions(key: &[u32], terms: &[Term], words: &[Word]) -> Vec<f64> {
    terms
        .windows(key.len().max(1))
        .filter(|w| w.iter().map(|t| t.stem).eq(key.iter().copied()))
        .filter_map(|w| w.first().and_then(|t| words.get(t.word)).map(|w| w.start))
        .collect()
}

/// Start times of a phrase in a script without spaces, where recognised words are single characters or any pieces.
fn unspaced(term: &str, words: &[Word]) -> Vec<f64> {
    let letters = |text: &str| {
        let kept = text.chars().filter(|c| c.is_alphanumeric());
        kept.flat_map(char::to_lowercase).collect::<Vec<char>>()
    };
    let wanted = letters(term);
    if wanted.is_empty() {
        return Vec::new();
    }
    let (mut text, mut starts) = (Vec::new(), Vec::new());
    for word in words {
        for letter in letters(&word.text) {
            text.push(letter);
            starts.push(word.start);
        }
    }
    let mut out: Vec<f64> =
        text.windows(wanted.len()).zip(&starts).filter(|(w, _)| *w == wanted).map(|(_, s)| *s).collect();
    out.dedup();
    out
}

/// The transcript's own keywords, best first, without those of `taken`.
pub fn extract(phrases: &Phrases, terms: &[Term], words: &[Word], taken: &[Keyword]) -> Vec<Keyword> {
    let scored: Vec<(f64, &[u32])> = phrases
        .stats
        .iter()
        .filter(|(key, stat)| is_candidate(phrases, key, stat))
        .map(|(key, stat)| (score(phrases, key, stat), key.as_slice()))
        .collect();
    let best = phrases.best(scored, MOST + taken.len());
    let top = best.first().map_or(1.0, |b| b.0);
    best.into_iter()
        .filter(|(score, _)| *score >= top * FAINT)
        .filter_map(|(score, key)| {
            let term = phrases.stats.get(key)?.surface();
            let known = taken.iter().any(|k| k.term.to_lowercase() == term.to_lowercase());
            let weight = ((score / top).min(1.0) * 1000.0).round() / 1000.0;
            let mentions = mentions(key, terms, words);
            (!known).then_some(Keyword { term, kind: KeywordKind::Extracted, weight, mentions })
        })
        .take(MOST)
        .collect()
}

fn is_candidate(phrases: &Phrases, key: &[u32], stat: &Stat) -> bool {
    let often = stat.count() >= 2 || stat.name() > 0.99 || (phrases.terms < FEW && key.len() == 1);
    often && phrases.holds_together(key, stat)
}

/// Often said, in few topics rather than everywhere, well formed, and early.
fn score(phrases: &Phrases, key: &[u32], stat: &Stat) -> f64 {
    let count = stat.count() as f64;
    let most = stat.topics.iter().map(|t| t.1).max().unwrap_or(0) as f64;
    let early = 1.0 - stat.first as f64 / phrases.terms.max(1) as f64;
    let focus = 0.7 + 0.3 * most / count.max(1.0);
    count.powf(0.7)
        * (1.0 + phrases.average / count.max(1.0)).ln()
        * phrases.form(key, stat)
        * focus
        * (1.0 + 0.2 * early)
}

/// The label and the keywords of each topic: what is said there and not elsewhere.
pub fn labels(phrases: &Phrases) -> Vec<(String, Vec<String>)> {
    let mut scored: Vec<Vec<(f64, &[u32])>> = vec![Vec::new(); phrases.lengths.len()];
    for (key, stat) in phrases.stats.iter().filter(|(key, stat)| phrases.holds_together(key, stat)) {
        for (topic, count) in &stat.topics {
            // What is said twice is a subject rather than a word in passing.
            let again = if *count >= 2 { 1.5 } else { 1.0 };
            if let Some(own) = scored.get_mut(*topic as usize) {
                own.push((phrases.telling(key, stat, *topic) * again, key.as_slice()));
            }
        }
    }
    let surface = |key: &[u32]| phrases.stats.get(key).map(Stat::surface);
    scored
        .into_iter()
        .map(|own| {
            let keywords: Vec<String> = phrases.best(own, 5).into_iter().filter_map(|(_, key)| surface(key)).collect();
            (keywords.iter().take(3).cloned().collect::<Vec<_>>().join(", "), keywords)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::terms;

    /// A transcript of one sentence a line, a word every half second.
    fn transcript(lines: &[&str], language: &str) -> (Vec<Word>, Vec<Term>, Stems) {
        let (mut words, mut ranges) = (Vec::new(), Vec::new());
        for line in lines {
            let from = words.len();
            for text in line.split_whitespace() {
                let start = words.len() as f64 * 0.5;
                words.push(Word { text: text.into(), start, end: start + 0.4, confidence: 1.0 });
            }
            ranges.push((from, words.len()));
        }
        let (terms, stems) = terms::terms(&words, &ranges, language);
        (words, terms, stems)
    }

    const TALK: &[&str] = &[
        "Today we talk about machine learning and what it means.",
        "Machine learning needs data, and data costs money.",
        "So machine learning teams in Berlin buy data.",
        "Then we went to Anna Schmidt for the weather report.",
        "The weather in Berlin is cold, said Anna Schmidt.",
        "Cold weather and warm weather both change.",
    ];

    fn found(lines: &[&str], split: usize) -> (Vec<Keyword>, Vec<(String, Vec<String>)>) {
        let (words, terms, _) = transcript(lines, "en");
        let phrases = Phrases::count(&terms, |s| u32::from(s >= split), 2);
        (extract(&phrases, &terms, &words, &[]), labels(&phrases))
    }

    #[test]
    fn the_transcript_gives_its_subjects_and_no_fragments() {
        let (keywords, labels) = found(TALK, 3);
        let terms: Vec<&str> = keywords.iter().map(|k| k.term.as_str()).collect();
        for wanted in ["machine learning", "Anna Schmidt", "weather", "data", "Berlin"] {
            assert!(terms.contains(&wanted), "{wanted} not in {terms:?}");
        }
        for fragment in ["machine", "learning", "Anna", "Schmidt", "the", "talk", "we"] {
            assert!(!terms.contains(&fragment), "{fragment} in {terms:?}");
        }
        assert!(keywords.len() <= MOST && keywords.iter().all(|k| k.weight > 0.0 && k.weight <= 1.0));
        assert!(keywords.windows(2).all(|k| k[0].weight >= k[1].weight));
        let learning = keywords.iter().find(|k| k.term == "machine learning").expect("found");
        assert_eq!(learning.mentions.len(), 3);
        assert!(labels[0].0.contains("machine learning") && !labels[0].0.contains("weather"), "{labels:?}");
        assert!(labels[1].0.contains("weather"), "{labels:?}");
    }

    #[test]
    fn wishes_are_found_in_any_case_and_number() {
        let (words, terms, stems) = transcript(TALK, "en");
        let wishes = ["  Machine  Learning ", "teams", "REPORTS", "machine learning", "", "fish", "anna schmidt"];
        let wishes: Vec<String> = wishes.iter().map(|w| (*w).to_owned()).collect();
        let found = user(&wishes, &terms, &stems, &words, "en");
        let times: Vec<(&str, usize)> = found.iter().map(|k| (k.term.as_str(), k.mentions.len())).collect();
        let expected = [("Machine Learning", 3), ("teams", 1), ("REPORTS", 1), ("fish", 0), ("anna schmidt", 2)];
        assert_eq!(times, expected);
        assert_eq!(found[0].mentions[0], 2.0);
    }

    #[test]
    fn wishes_are_found_in_scripts_without_spaces() {
        let (words, terms, stems) = transcript(&["机 器 学 习 很 好。", "我 爱 机器 学习！"], "zh");
        let found = user(&["机器学习".to_owned()], &terms, &stems, &words, "zh");
        assert_eq!(found[0].mentions, [0.0, 4.0]);
    }

    #[test]
    fn nothing_said_gives_nothing() {
        let phrases = Phrases::count(&[], |_| 0, 1);
        assert!(extract(&phrases, &[], &[], &[]).is_empty());
        assert_eq!(labels(&phrases), [(String::new(), Vec::new())]);
    }
}
