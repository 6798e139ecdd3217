//! Whether a word ends a sentence.

use omniva_contracts::analysis::Word;

/// Never the end of a sentence on their own: a name follows.
#[rustfmt::skip]
const TITLES: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "st", "rev", "hon", "gen", "col", "capt", "lt", "sgt", "sen", "rep", "gov", "messrs",
    "mt", "ft", "vs", "e.g", "i.e", "cf", "fig", "vol", "art", "hr", "fr", "herr", "bzw", "z.b", "d.h", "u.a", "ca", "nr",
    "mme", "mlle", "sr", "sra", "srta", "sig", "dott", "avv", "ing", "d", "dª", "p.ej", "bijv", "dhr", "mevr", "no", "núm",
];

/// The end of a sentence only if the next word looks like a beginning.
#[rustfmt::skip]
const SHORTENED: &[&str] = &[
    "etc", "jr", "inc", "ltd", "co", "corp", "bros", "dept", "est", "approx", "a.m", "p.m", "u.s", "u.k", "u.s.a", "e.u",
    "ph.d", "b.c", "a.d", "jan", "feb", "mar", "apr", "aug", "sept", "sep", "oct", "nov", "dec", "usw", "usf", "evtl",
    "ggf", "enz", "ecc", "ave", "blvd",
];

/// A pause after which even a doubtful full stop ends the sentence, seconds.
const CLEAR: f64 = 0.5;
/// A pause after which a small letter may begin a sentence (recognisers slip), seconds.
const HEARD: f64 = 0.35;
/// A title with a pause this long behind it was the end all the same, seconds.
const LONG: f64 = 1.2;

/// What the end of a word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    None,
    /// `.` and its like.
    Stop,
    /// `!` and `?`.
    Call,
    /// `…` or `...`.
    Ellipsis,
    /// `。！？` and other full-width marks: never part of an abbreviation.
    Full,
}

/// Whether the sentence ends at `word`, when `next` follows it (`None` at the end of the text).
pub fn ends(word: &Word, next: Option<&Word>) -> bool {
    let (mark, body) = mark(&word.text);
    let Some(next) = next else { return mark != Mark::None };
    let pause = next.start - word.end;
    let small = first_letter(&next.text).is_some_and(char::is_lowercase);
    match mark {
        Mark::None => false,
        Mark::Full => true,
        Mark::Call => !small || pause >= HEARD,
        Mark::Ellipsis => !small || pause >= CLEAR,
        Mark::Stop => stop(&body, next, pause, small),
    }
}

/// Whether a text that ends with `word` reads as finished.
pub fn is_complete(word: &Word) -> bool {
    let (mark, body) = mark(&word.text);
    mark != Mark::None && !(mark == Mark::Stop && TITLES.contains(&body.as_str()))
}

/// Whether a comma or the like follows `word`.
pub fn has_comma(word: &Word) -> bool {
    word.text.trim_end_matches(is_closing).ends_with([',', ';', ':', '—', '–', '，', '、', '；', '：'])
}

fn stop(body: &str, next: &Word, pause: f64, small: bool) -> bool {
    if TITLES.contains(&body) {
        return pause >= LONG;
    }
    let letters = body.chars().filter(|c| c.is_alphanumeric()).count();
    // "J. Smith", "a. b.": an initial, unless a pause tells otherwise ("plan B.").
    let initial = letters == 1 && body.chars().all(|c| c.is_alphabetic()) && body != "i";
    // "3. Oktober", "No. 5. " and "2." "5": a number that goes on.
    let number = letters <= 2 && letters > 0 && body.chars().all(|c| c.is_ascii_digit());
    let digit = next.text.chars().next().is_some_and(|c| c.is_ascii_digit());
    if initial || number || (digit && body.ends_with(|c: char| c.is_ascii_digit())) {
        return pause >= HEARD;
    }
    if SHORTENED.contains(&body) || (body.contains('.') && body.split('.').all(|p| p.chars().count() == 1)) {
        return if small { pause >= LONG } else { true };
    }
    !small || pause >= HEARD
}

fn mark(text: &str) -> (Mark, String) {
    let open = text.trim_end_matches(is_closing);
    let bare = open.trim_end_matches(['.', '!', '?', '…', '。', '！', '？', '．', '؟', '।', '۔', '‽']);
    let marks = &open[bare.len()..];
    let body = bare.trim_start_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let mark = if marks.is_empty() {
        Mark::None
    } else if marks.contains(['。', '！', '？', '．', '؟', '।', '۔']) {
        Mark::Full
    } else if marks.contains(['!', '?', '‽']) {
        Mark::Call
    } else if marks.contains('…') || marks.starts_with("..") {
        Mark::Ellipsis
    } else {
        Mark::Stop
    };
    (mark, body)
}

fn is_closing(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | ')' | ']' | '}' | '”' | '’' | '»' | '«' | '“' | '›' | '」' | '』' | '）' | '】' | '*' | '_'
    )
}

fn first_letter(text: &str) -> Option<char> {
    text.chars().find(|c| c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splits(text: &str, pause: f64) -> Vec<String> {
        let words: Vec<Word> = text
            .split_whitespace()
            .enumerate()
            .map(|(i, t)| {
                let start = i as f64 * (0.3 + pause);
                Word { text: t.into(), start, end: start + 0.3, confidence: 1.0 }
            })
            .collect();
        let mut out = vec![String::new()];
        for (i, word) in words.iter().enumerate() {
            if let Some(last) = out.last_mut() {
                *last = format!("{last} {}", word.text).trim().to_owned();
            }
            if ends(word, words.get(i + 1)) && i + 1 < words.len() {
                out.push(String::new());
            }
        }
        out
    }

    #[test]
    fn sentences_end_where_a_reader_would_end_them() {
        let table: &[&[&str]] = &[
            &["It was late.", "We went home."],
            &["Dr. Smith met Mr. Jones at St. Mary's.", "They talked."],
            &["J. R. R. Tolkien wrote it.", "Everyone read it."],
            &["Pi is 3.14 or so.", "Fine."],
            &["It costs $5. 20 people paid."],
            &["He lives in the U.S. and works.", "She does not."],
            &["He left the U.S.", "She stayed."],
            &["At 5 p.m. we left.", "It rained."],
            &["Well... maybe not.", "Right."],
            &["I thought…", "Never mind."],
            &["\"Do you hear me?\" he asked.", "\"Yes.\"", "\"Good!\""],
            &["What?!", "No way!", "Stop."],
            &["Apples, pears, etc. are fruit.", "Good."],
            &["Am 3. Oktober war es z.B. Herr Dr. Meier.", "Er kam."],
            &["M. Dupont est là.", "Il parle."],
            &["¿Qué pasa?", "¡Nada!", "Bueno."],
            &["你好。", "再见！", "真的？", "好"],
            &["It was me and I.", "She knew."],
            &["no capitals here and nothing ends"],
            &["Yahoo! is a company.", "Indeed."],
            &["(He said so.)", "Then he left."],
        ];
        for expected in table {
            assert_eq!(&splits(&expected.join(" "), 0.05), expected);
        }
    }

    #[test]
    fn a_pause_settles_doubtful_full_stops() {
        assert_eq!(splits("That is plan B. Next came rain.", 0.6), ["That is plan B.", "Next came rain."]);
        assert_eq!(splits("it ended. then it began", 0.6), ["it ended.", "then it began"]);
        assert_eq!(splits("ask Dr. Smith", 0.6), ["ask Dr. Smith"]);
    }

    #[test]
    fn complete_means_a_closing_mark() {
        let word = |t: &str| Word { text: t.into(), start: 0.0, end: 1.0, confidence: 1.0 };
        for (text, complete) in [("end.", true), ("end?\"", true), ("end…", true), ("end,", false), ("end", false)] {
            assert_eq!(is_complete(&word(text)), complete, "{text}");
        }
        assert!(!is_complete(&word("Mr.")));
        assert!(has_comma(&word("well,")) && !has_comma(&word("well.")));
    }
}
