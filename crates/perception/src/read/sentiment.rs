//! Sentiment of English sentences by VADER (Hutto & Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment
//! Analysis of Social Media Text", ICWSM 2014): a lexicon of rated words and five rules on what surrounds them.
//!
//! One deliberate difference from the authors' program: "but" halves what stands before it and raises what stands
//! behind it by half word by word, as the paper says, also when two words carry equal scores.

use std::collections::HashMap;

use omniva_contracts::Fault;

use crate::runtime;

/// What intensifiers and capitals add, what a negation multiplies by, and the normaliser's alpha (the paper, §3.3).
const BOOST: f64 = 0.293;
const CAPITALS: f64 = 0.733;
const NEGATION: f64 = -0.74;
const ALPHA: f64 = 15.0;

/// Words rated with their means, lower case.
pub struct Vader {
    // Only looked up, never walked: its order can't reach a result.
    lexicon: HashMap<String, f64>,
}

impl Vader {
    /// `lexicon`: lines of token, tab, mean rating (and more columns, which are not used).
    ///
    /// Errors: `model_mismatch` when it is no such list.
    pub fn parse(lexicon: &[u8]) -> Result<Self, Fault> {
        let wrong = || runtime::mismatch(super::LEXICON, "not a VADER lexicon");
        let text = std::str::from_utf8(lexicon).map_err(|_| wrong())?;
        let mut rated = HashMap::new();
        for line in text.lines().filter(|l| !l.trim().is_empty()) {
            let mut columns = line.trim().split('\t');
            let (token, mean) = columns.next().zip(columns.next()).ok_or_else(wrong)?;
            rated.insert(token.to_owned(), mean.parse::<f64>().ok().filter(|m| m.is_finite()).ok_or_else(wrong)?);
        }
        if rated.len() < 1000 {
            return Err(wrong());
        }
        Ok(Self { lexicon: rated })
    }

    /// The compound score of a sentence, -1..1, to four digits.
    pub fn compound(&self, text: &str) -> f64 {
        let tokens: Vec<&str> = text.split_whitespace().map(bare).collect();
        let lower: Vec<String> = tokens.iter().map(|t| t.to_lowercase()).collect();
        let shouting = tokens.iter().filter(|t| is_upper(t)).count();
        let mixed = shouting > 0 && shouting < tokens.len();
        let sentence = Sentence { tokens: &tokens, lower: &lower, mixed, lexicon: &self.lexicon };
        let mut scores: Vec<f64> = (0..tokens.len()).map(|i| sentence.valence(i)).collect();
        if let Some(but) = lower.iter().position(|w| w == "but") {
            for (i, score) in scores.iter_mut().enumerate() {
                *score *= match i.cmp(&but) {
                    std::cmp::Ordering::Less => 0.5,
                    std::cmp::Ordering::Equal => 1.0,
                    std::cmp::Ordering::Greater => 1.5,
                };
            }
        }
        let sum: f64 = scores.iter().sum();
        let emphasis = emphasis(text);
        let sum = if sum > 0.0 {
            sum + emphasis
        } else if sum < 0.0 {
            sum - emphasis
        } else {
            return 0.0;
        };
        (sum / (sum * sum + ALPHA).sqrt() * 1e4).round() / 1e4
    }
}

/// Exclamation marks count up to four, question marks from two on.
fn emphasis(text: &str) -> f64 {
    let count = |c: char| text.chars().filter(|x| *x == c).count();
    let question = match count('?') {
        0 | 1 => 0.0,
        n @ 2..=3 => n as f64 * 0.18,
        _ => 0.96,
    };
    count('!').min(4) as f64 * 0.292 + question
}

/// A token without the punctuation around it; one of two letters or less may be an emoticon and stays whole.
fn bare(token: &str) -> &str {
    let stripped = token.trim_matches(|c: char| c.is_ascii_punctuation());
    if stripped.chars().count() <= 2 { token } else { stripped }
}

fn is_upper(token: &str) -> bool {
    token.chars().any(char::is_uppercase) && !token.chars().any(char::is_lowercase)
}

struct Sentence<'a> {
    tokens: &'a [&'a str],
    lower: &'a [String],
    /// Some words, but not all, are in capitals.
    mixed: bool,
    lexicon: &'a HashMap<String, f64>,
}

impl Sentence<'_> {
    /// The lower-case token `back` places before `i`; empty before the beginning.
    fn before(&self, i: usize, back: usize) -> &str {
        i.checked_sub(back).and_then(|j| self.lower.get(j)).map_or("", String::as_str)
    }

    fn after(&self, i: usize, ahead: usize) -> &str {
        self.lower.get(i + ahead).map_or("", String::as_str)
    }

    fn valence(&self, i: usize) -> f64 {
        let word = self.before(i, 0);
        if boost(word).is_some() || (word == "kind" && self.after(i, 1) == "of") {
            return 0.0;
        }
        let Some(rating) = self.lexicon.get(word).copied() else { return 0.0 };
        let mut valence = rating;
        // "no" before a rated word negates it and has no rating of its own.
        if word == "no" && self.lexicon.contains_key(self.after(i, 1)) {
            valence = 0.0;
        }
        let or = matches!(self.before(i, 1), "or" | "nor");
        if self.before(i, 1) == "no" || self.before(i, 2) == "no" || (self.before(i, 3) == "no" && or) {
            valence = rating * NEGATION;
        }
        if self.mixed && self.tokens.get(i).is_some_and(|t| is_upper(t)) {
            valence += if valence > 0.0 { CAPITALS } else { -CAPITALS };
        }
        for back in 1..=3 {
            if i < back || self.lexicon.contains_key(self.before(i, back)) {
                continue;
            }
            valence += self.intensity(i - back, valence) * [1.0, 0.95, 0.9][back - 1];
            valence = self.negate(i, back, valence);
            if back == 3 {
                valence = self.idioms(i, valence);
            }
        }
        let least = i > 0 && self.before(i, 1) == "least" && !self.lexicon.contains_key("least");
        if least && !matches!(self.before(i, 2), "at" | "very") {
            valence *= NEGATION;
        }
        valence
    }

    /// What the word at `j` adds to a valence, before its distance counts.
    fn intensity(&self, j: usize, valence: f64) -> f64 {
        let Some(amount) = self.lower.get(j).and_then(|w| boost(w)) else { return 0.0 };
        let amount = if valence < 0.0 { -amount } else { amount };
        if self.mixed && self.tokens.get(j).is_some_and(|t| is_upper(t)) {
            return amount + if valence > 0.0 { CAPITALS } else { -CAPITALS };
        }
        amount
    }

    /// Negation by the word `back` places before `i`, with the paper's exceptions ("never so …", "without doubt").
    fn negate(&self, i: usize, back: usize, valence: f64) -> f64 {
        let (one, two, three) = (self.before(i, 1), self.before(i, 2), self.before(i, 3));
        let so = |w: &str| matches!(w, "so" | "this");
        let praised = match back {
            2 => two == "never" && so(one),
            3 => (three == "never" && so(two)) || so(one),
            _ => false,
        };
        let certain = match back {
            2 => two == "without" && one == "doubt",
            3 => three == "without" && (two == "doubt" || one == "doubt"),
            _ => false,
        };
        if praised {
            valence * 1.25
        } else if !certain && negates(self.before(i, back)) {
            valence * NEGATION
        } else {
            valence
        }
    }

    /// Phrases with a rating of their own, and intensifiers of two words.
    fn idioms(&self, i: usize, valence: f64) -> f64 {
        let (zero, one, two, three) = (self.before(i, 0), self.before(i, 1), self.before(i, 2), self.before(i, 3));
        let behind = [
            format!("{one} {zero}"),
            format!("{two} {one} {zero}"),
            format!("{two} {one}"),
            format!("{three} {two} {one}"),
            format!("{three} {two}"),
        ];
        let mut valence = behind.iter().find_map(|p| idiom(p)).unwrap_or(valence);
        let ahead =
            [format!("{zero} {}", self.after(i, 1)), format!("{zero} {} {}", self.after(i, 1), self.after(i, 2))];
        for phrase in &ahead {
            valence = idiom(phrase).unwrap_or(valence);
        }
        [&behind[3], &behind[4], &behind[2]].into_iter().filter_map(|p| boost(p)).fold(valence, |v, b| v + b)
    }
}

fn idiom(phrase: &str) -> Option<f64> {
    Some(match phrase {
        "the shit" | "the bomb" | "to die for" => 3.0,
        "bad ass" => 1.5,
        "bus stop" => 0.0,
        "yeah right" => -2.0,
        "kiss of death" => -1.5,
        "beating heart" => 3.5,
        _ => return None,
    })
}

fn negates(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "aint", "arent", "cannot", "cant", "couldnt", "darent", "despite", "didnt", "doesnt", "dont", "hadnt", "hasnt",
        "havent", "isnt", "mightnt", "mustnt", "neednt", "neither", "never", "none", "nope", "nor", "not", "nothing",
        "nowhere", "oughtnt", "rarely", "seldom", "shant", "shouldnt", "uh-uh", "uhuh", "wasnt", "werent", "without",
        "wont", "wouldnt",
    ];
    WORDS.binary_search(&word).is_ok() || word.contains("n't")
}

/// Degree adverbs: positive ones raise, negative ones dampen.
fn boost(word: &str) -> Option<f64> {
    #[rustfmt::skip]
    const UP: &[&str] = &[
        "absolutely", "amazingly", "awfully", "completely", "considerable", "considerably", "decidedly", "deeply", "effing",
        "enormous", "enormously", "entirely", "especially", "exceptional", "exceptionally", "extreme", "extremely",
        "fabulously", "flippin", "flipping", "frackin", "fracking", "frickin", "fricking", "friggin", "frigging", "fuckin",
        "fucking", "fuggin", "fugging", "fully", "greatly", "hella", "highly", "hugely", "incredible", "incredibly",
        "intensely", "major", "majorly", "more", "most", "particularly", "purely", "quite", "really", "remarkably", "so",
        "substantially", "thoroughly", "total", "totally", "tremendous", "tremendously", "uber", "unbelievably",
        "unusually", "utter", "utterly", "very",
    ];
    #[rustfmt::skip]
    const DOWN: &[&str] = &[
        "almost", "barely", "hardly", "just enough", "kind of", "kind-of", "kinda", "kindof", "less", "little", "marginal",
        "marginally", "occasional", "occasionally", "partly", "scarce", "scarcely", "slight", "slightly", "somewhat",
        "sort of", "sort-of", "sorta", "sortof",
    ];
    if UP.binary_search(&word).is_ok() {
        Some(BOOST)
    } else if DOWN.binary_search(&word).is_ok() {
        Some(-BOOST)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores printed by the authors' program (PyPI vaderSentiment 3.3.2, `polarity_scores(…)["compound"]`).
    #[test]
    fn scores_are_those_of_the_authors() {
        let folder = std::env::var_os("OMNIVA_MODELS").expect("set OMNIVA_MODELS (make test does)");
        let lexicon = std::fs::read(std::path::Path::new(&folder).join(super::super::LEXICON)).expect("lexicon");
        let vader = Vader::parse(&lexicon).expect("parses");
        #[rustfmt::skip]
        let table = [
            ("VADER is smart, handsome, and funny.", 0.8316),
            ("VADER is smart, handsome, and funny!", 0.8439),
            ("VADER is very smart, handsome, and funny.", 0.8545),
            ("VADER is VERY SMART, handsome, and FUNNY.", 0.9227),
            ("VADER is VERY SMART, handsome, and FUNNY!!!", 0.9342),
            ("VADER is VERY SMART, uber handsome, and FRIGGIN FUNNY!!!", 0.9469),
            ("VADER is not smart, handsome, nor funny.", -0.7424),
            ("The book was good.", 0.4404),
            ("At least it isn't a horrible book.", 0.431),
            ("The book was only kind of good.", 0.3832),
            ("The plot was good, but the characters are uncompelling and the dialog is not great.", -0.7042),
            ("Today SUX!", -0.5461),
            ("Today only kinda sux! But I'll get by, lol", 0.5249),
            ("Make sure you :) or :D today!", 0.8633),
            ("Not bad at all", 0.431),
            ("I have never been so happy in my life.", 0.6948),
            ("This is without doubt the worst film I saw.", -0.457),
            ("It was the least interesting talk.", -0.3089),
            ("That cake is to die for, honestly.", 0.0258),
            ("No problem, we can help you.", 0.607),
            ("There is no good or bad answer here.", 0.1139),
            ("Are you serious?? That is awful!", -0.6062),
            ("What a disaster??? I hate it.", -0.8534),
            ("We did not really enjoy the terrible food.", -0.7358),
            ("She sort of likes the old house.", 0.3626),
            ("It was the best of times, it was the worst of times.", 0.0258),
            ("I could hardly bear the pain.", -0.4654),
            ("The parcel arrived on Tuesday.", 0.0),
            ("Nobody was hurt, and everyone is safe.", -0.128),
            ("He rarely wins, yet he loves every GAME!!!!!", 0.4348),
            ("I can't stand this, it is extremely boring and sad.", -0.7146),
            ("It isn't never funny this time.", 0.2594),
        ];
        for (sentence, expected) in table {
            assert!((vader.compound(sentence) - expected).abs() < 1e-9, "{sentence}: {}", vader.compound(sentence));
        }
    }

    #[test]
    fn nothing_said_is_neutral_and_damage_is_refused() {
        assert!(Vader::parse(b"good\tvery\n").is_err());
        assert!(Vader::parse(&[0xff, 0xfe]).is_err());
        let many: String = (0..1000).map(|i| format!("w{i}\t1.5\n")).collect();
        let vader = Vader::parse(many.as_bytes()).expect("parses");
        assert_eq!(vader.compound(""), 0.0);
        assert!(vader.compound("w1 w2") > 0.6);
    }
}
