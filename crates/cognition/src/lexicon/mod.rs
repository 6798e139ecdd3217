//! What a word gives away about a sentence's role, per language. A language without a list gives no evidence either way:
//! features then rest on structure (marks, numbers, turns, pauses) and stay near their middle.

mod de;
mod en;
mod es;
mod fr;

/// Word lists of one language. Entries are lower case; phrases are words parted by one space.
#[derive(Debug)]
pub(crate) struct Lexicon {
    pub code: &'static str,
    /// Carry grammar, not content. Also the words that a title must not end on.
    pub stopwords: &'static [&'static str],
    /// Sounds and words that say nothing.
    pub fillers: &'static [&'static str],
    /// A sentence that opens so goes on from something.
    pub weak_openings: &'static [&'static str],
    /// Welcome, thanks, housekeeping.
    pub greetings: &'static [&'static str],
    /// Points at what was said before.
    pub back_references: &'static [&'static str],
    /// Point at somebody or something named earlier.
    pub pronouns: &'static [&'static str],
    pub second_person: &'static [&'static str],
    pub contrast: &'static [&'static str],
    pub strong: &'static [&'static str],
    pub surprise: &'static [&'static str],
    /// Numbers in words, superlatives, absolutes.
    pub amounts: &'static [&'static str],
    /// Announce a claim worth hearing.
    pub claims: &'static [&'static str],
    /// Draw the conclusion.
    pub conclusions: &'static [&'static str],
}

/// The lists for a language code (`en`, `en-US`, `EN` alike), if there are any.
pub(crate) fn for_language(code: &str) -> Option<&'static Lexicon> {
    let code = code.split(['-', '_']).next().unwrap_or_default().to_lowercase();
    [&en::LEXICON, &de::LEXICON, &fr::LEXICON, &es::LEXICON].into_iter().find(|l| l.code == code)
}

impl Lexicon {
    pub fn is_stopword(&self, word: &str) -> bool {
        self.stopwords.contains(&word)
    }
    pub fn is_filler(&self, word: &str) -> bool {
        self.fillers.contains(&word)
    }
}

/// Words that carry content: no stopword and no filler; without lists, words of four letters and more.
pub(crate) fn is_content(lexicon: Option<&Lexicon>, word: &str) -> bool {
    match lexicon {
        Some(l) => word.chars().count() > 1 && !l.is_stopword(word) && !l.is_filler(word),
        None => word.chars().count() >= 4 || word.chars().any(|c| !c.is_ascii() && c.is_alphabetic()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_in_the_form_that_tokens_have() {
        for l in [&en::LEXICON, &de::LEXICON, &fr::LEXICON, &es::LEXICON] {
            let lists = [
                l.stopwords,
                l.fillers,
                l.weak_openings,
                l.greetings,
                l.back_references,
                l.pronouns,
                l.second_person,
                l.contrast,
                l.strong,
                l.surprise,
                l.amounts,
                l.claims,
                l.conclusions,
            ];
            for (n, list) in lists.iter().enumerate() {
                assert!(!list.is_empty(), "{} list {n}", l.code);
                for entry in *list {
                    assert_eq!(crate::text::tokens(entry).join(" "), *entry, "{} list {n}", l.code);
                }
            }
        }
    }

    #[test]
    fn codes_are_matched_without_their_region() {
        assert_eq!(for_language("en-GB").map(|l| l.code), Some("en"));
        assert_eq!(for_language("DE").map(|l| l.code), Some("de"));
        assert!(for_language("ja").is_none());
    }
}
