//! Words as terms: without punctuation and endings, so that "Speakers," and "speaker" count as one.

use std::collections::BTreeMap;

use omniva_contracts::analysis::Word;

use super::{ends, stopwords, words::is_unspaced};

/// One word (or part of a hyphenated one) of the transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Index of its word.
    pub word: usize,
    /// Index of its sentence.
    pub sentence: usize,
    /// What counts as the same term: [`Stems`] knows the text.
    pub stem: u32,
    /// As spoken, without punctuation.
    pub surface: String,
    /// Written with a capital although no sentence begins here: a name, or a noun in German.
    pub capital: bool,
    /// Says nothing about a subject.
    pub stop: bool,
    /// Punctuation parts it from the next term.
    pub parted: bool,
}

/// Stems and their numbers.
#[derive(Default)]
pub struct Stems {
    numbers: BTreeMap<String, u32>,
    /// Whether a lower-case form is a stop word, remembered.
    stops: BTreeMap<String, bool>,
}

impl Stems {
    fn number(&mut self, stem: String) -> u32 {
        let next = self.numbers.len() as u32;
        *self.numbers.entry(stem).or_insert(next)
    }

    /// Numbers of a phrase's stems; `None` when one of them never occurs.
    pub fn find(&self, phrase: &str, language: &str) -> Option<Vec<u32>> {
        let parts: Vec<String> = parts(phrase, language).map(|(_, lower)| stem(&lower, language)).collect();
        if parts.is_empty() {
            return None;
        }
        parts.iter().map(|p| self.numbers.get(p).copied()).collect()
    }

    fn is_stop(&mut self, lower: &str, language: &str) -> bool {
        if let Some(known) = self.stops.get(lower) {
            return *known;
        }
        let stop = stopwords::is_stop(lower, language);
        self.stops.insert(lower.to_owned(), stop);
        stop
    }
}

/// The terms of `words`; `sentences` are half-open word ranges that cover them.
pub fn terms(words: &[Word], sentences: &[(usize, usize)], language: &str) -> (Vec<Term>, Stems) {
    let mut stems = Stems::default();
    let mut out = Vec::new();
    for (s, (from, to)) in sentences.iter().enumerate() {
        for (i, word) in words.iter().enumerate().take(*to).skip(*from) {
            let parted = ends::has_comma(word) || ends::is_complete(word);
            let count = out.len();
            for (surface, lower) in parts(&word.text, language) {
                let stop = stems.is_stop(&lower, language) || !is_telling(&lower);
                let capital = i > *from && surface.chars().next().is_some_and(char::is_uppercase) && lower != "i";
                let stem = stems.number(stem(&lower, language));
                out.push(Term { word: i, sentence: s, stem, surface, capital, stop, parted: false });
            }
            if let Some(last) = out[count..].last_mut() {
                last.parted = parted;
            }
        }
    }
    (out, stems)
}

/// Letters enough to mean something: three, or two of a script whose letters are syllables or words.
fn is_telling(lower: &str) -> bool {
    let letters = lower.chars().filter(|c| c.is_alphabetic()).count();
    letters >= if lower.chars().any(is_unspaced) { 2 } else { 3 }
}

/// The parts of a written word or phrase: as they are, and in lower case without elisions ("l'homme", "it's").
fn parts<'a>(text: &'a str, language: &'a str) -> impl Iterator<Item = (String, String)> + 'a {
    text.split(|c: char| c.is_whitespace() || matches!(c, '-' | '–' | '—' | '/' | '‐')).filter_map(move |part| {
        let bare = part.trim_matches(|c: char| !c.is_alphanumeric());
        if bare.is_empty() {
            return None;
        }
        let straight = bare.replace('’', "'");
        let core = match straight.split_once('\'') {
            Some((_, tail)) if matches!(language, "fr" | "it") && !tail.is_empty() => tail,
            // "isn't" is "isn" in the list of stop words, "speaker's" is the speaker's.
            Some((head, "t")) => head,
            Some((head, "s" | "re" | "ve" | "ll" | "d" | "m")) => head,
            _ => &straight,
        };
        Some((core.to_owned(), core.to_lowercase()))
    })
}

/// A light stemmer: plurals and the commonest endings. It may join too little, and joins nothing that reads differently.
pub fn stem(lower: &str, language: &str) -> String {
    let long = |n: usize| lower.chars().count() >= n;
    let cut = |ending: &str| lower.strip_suffix(ending).map(str::to_owned);
    let stripped = match language {
        "en" => return english(lower),
        "de" if long(6) => cut("en").or_else(|| cut("er")).or_else(|| cut("es")).or_else(|| cut("n")),
        "de" if long(5) => cut("e").or_else(|| cut("n")).or_else(|| cut("s")),
        "fr" if long(5) => cut("aux").map(|s| s + "al").or_else(|| cut("es")).or_else(|| cut("s")).or_else(|| cut("e")),
        "es" | "pt" if long(5) => cut("es").or_else(|| cut("as")).or_else(|| cut("os")).or_else(|| cut("s")),
        "it" if long(5) => cut("i").or_else(|| cut("e")).or_else(|| cut("a")).or_else(|| cut("o")),
        "nl" if long(6) => cut("en").or_else(|| cut("s")),
        _ => None,
    };
    let stem = stripped.unwrap_or_else(|| lower.to_owned());
    match language {
        "de" => stem.strip_suffix('e').filter(|s| s.chars().count() >= 4).map_or(stem.clone(), str::to_owned),
        "es" | "pt" if long(5) => {
            stem.strip_suffix(['o', 'a', 'e']).filter(|s| s.chars().count() >= 4).map_or(stem.clone(), str::to_owned)
        }
        _ => stem,
    }
}

/// Words whose "s" is no plural.
fn singular(word: &str, without: &str) -> bool {
    without.ends_with(['s', 'u', 'i'])
        || word.ends_with("ics")
        || matches!(word, "news" | "series" | "species" | "lens")
}

fn english(lower: &str) -> String {
    let long = |s: &str, n: usize| s.chars().count() >= n;
    let vowel = |s: &str| s.contains(['a', 'e', 'i', 'o', 'u', 'y']);
    let mut stem = lower.to_owned();
    if let Some(s) = stem.strip_suffix("ies").filter(|s| long(s, 2)) {
        stem = format!("{s}y");
    } else if let Some(s) =
        stem.strip_suffix("es").filter(|s| s.ends_with(['s', 'x', 'z']) || s.ends_with("ch") || s.ends_with("sh"))
    {
        stem = s.to_owned();
    } else if let Some(s) = stem.strip_suffix('s').filter(|s| long(s, 3) && !singular(lower, s)) {
        stem = s.to_owned();
    }
    for ending in ["ing", "ed"] {
        if let Some(s) = stem.strip_suffix(ending).filter(|s| long(s, 4) && vowel(s)) {
            let mut tail = s.chars().rev();
            let (last, before) = (tail.next(), tail.next());
            let doubled = last == before && !matches!(last, Some('l' | 's' | 'z' | 'e'));
            stem = if doubled { s[..s.len() - last.map_or(0, char::len_utf8)].to_owned() } else { s.to_owned() };
            break;
        }
    }
    match stem.strip_suffix('e') {
        Some(s) if long(s, 4) => s.to_owned(),
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_word_share_a_stem() {
        let table = [
            ("en", &["speaker", "speakers"][..]),
            ("en", &["story", "stories"]),
            ("en", &["training", "trained", "train"]),
            ("en", &["planned", "planning"]),
            ("en", &["machine", "machines"]),
            ("en", &["box", "boxes"]),
            ("de", &["modell", "modelle", "modellen"]),
            ("es", &["modelo", "modelos"]),
            ("fr", &["animal", "animaux"]),
            ("nl", &["boeken", "boek"]),
        ];
        for (language, forms) in table {
            let stems: Vec<String> = forms.iter().map(|f| stem(f, language)).collect();
            assert!(stems.iter().all(|s| *s == stems[0]), "{language}: {stems:?}");
        }
        for (a, b) in [("bus", "bu"), ("thing", "th"), ("red", "r"), ("news", "new"), ("class", "clas")] {
            assert_ne!(stem(a, "en"), b);
        }
    }

    #[test]
    fn elisions_and_hyphens_are_taken_apart() {
        let lower = |text, language| parts(text, language).map(|p| p.1).collect::<Vec<_>>();
        assert_eq!(lower("l'homme", "fr"), ["homme"]);
        assert_eq!(lower("Speaker’s,", "en"), ["speaker"]);
        assert_eq!(lower("machine-learning!", "en"), ["machine", "learning"]);
        assert_eq!(lower("…", "en"), Vec::<String>::new());
    }

    #[test]
    fn stop_words_hold_in_their_language_only() {
        let word = |t: &str| Word { text: t.into(), start: 0.0, end: 1.0, confidence: 1.0 };
        let words = [word("Aber"), word("but"), word("isn't"), word("London.")];
        let (en, _) = terms(&words, &[(0, 4)], "en");
        assert_eq!(en.iter().map(|t| t.stop).collect::<Vec<_>>(), [false, true, true, false]);
        assert_eq!(en.iter().map(|t| t.capital).collect::<Vec<_>>(), [false, false, false, true]);
        assert!(en[3].parted);
        let (de, _) = terms(&words, &[(0, 4)], "de");
        assert!(de[0].stop && !de[1].stop);
    }
}
