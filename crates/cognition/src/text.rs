//! Words as the modules compare them: lower case, without punctuation, apostrophes made plain.

/// Lower-case words of a text. Inner apostrophes and hyphens stay (`don't`, `well-known`), digits count as words.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '—' | '–' | '/'))
        .filter_map(|raw| {
            let word: String = raw
                .trim_matches(|c: char| !c.is_alphanumeric())
                .chars()
                .map(|c| if c == '’' { '\'' } else { c })
                .flat_map(char::to_lowercase)
                .collect();
            (!word.is_empty()).then_some(word)
        })
        .collect()
}

/// True when `tokens` begins with `phrase` (words parted by one space).
pub(crate) fn begins_with(tokens: &[String], phrase: &str) -> bool {
    let mut n = 0;
    for part in phrase.split(' ') {
        if tokens.get(n).is_none_or(|t| t != part) {
            return false;
        }
        n += 1;
    }
    n > 0
}

/// True when `phrase` stands anywhere in `tokens`, on word borders.
pub(crate) fn holds(tokens: &[String], phrase: &str) -> bool {
    (0..tokens.len()).any(|at| begins_with(&tokens[at..], phrase))
}

/// The longest of `phrases` that `tokens` begins with, as a number of words; 0 when none does.
pub(crate) fn longest_opening(tokens: &[String], phrases: &[&str]) -> usize {
    phrases.iter().filter(|p| begins_with(tokens, p)).map(|p| p.split(' ').count()).max().unwrap_or(0)
}

/// Overlap of two texts as the Jaccard index of their word triples, 0..1; 0 for texts under three words.
pub(crate) fn triple_overlap(a: &[String], b: &[String]) -> f64 {
    let (a, b) = (triples(a), triples(b));
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let shared = a.intersection(&b).count();
    shared as f64 / (a.len() + b.len() - shared) as f64
}

fn triples(tokens: &[String]) -> std::collections::BTreeSet<(&str, &str, &str)> {
    tokens.windows(3).map(|w| (w[0].as_str(), w[1].as_str(), w[2].as_str())).collect()
}

/// True when the text closes like a question, closing quotes and brackets apart.
pub(crate) fn is_question(text: &str) -> bool {
    last_mark(text) == Some('?')
}

/// The mark that closes the text (`.`, `!`, `?`, `…`), closing quotes and brackets apart.
pub(crate) fn last_mark(text: &str) -> Option<char> {
    let last = text.trim_end_matches(|c: char| c.is_whitespace() || "\"'”’»)]".contains(c)).chars().next_back()?;
    match last {
        '？' => Some('?'),
        '！' => Some('!'),
        '。' => Some('.'),
        '.' | '!' | '?' | '…' => Some(last),
        _ => None,
    }
}

/// Cuts a text to at most `max` characters at a word border, with an ellipsis; never inside a word or a character.
pub(crate) fn shorten(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut out = String::new();
    for word in text.split_whitespace() {
        let room = out.chars().count() + usize::from(!out.is_empty()) + word.chars().count() + 1;
        if room > max {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    if out.is_empty() {
        out = text.chars().take(max.saturating_sub(1)).collect();
    }
    let kept = out.trim_end_matches(|c: char| !c.is_alphanumeric() && !")]”’\"".contains(c)).len();
    out.truncate(kept);
    out.push('…');
    out
}

/// `1:05`, `1:02:03`: how people write a time in a video.
pub(crate) fn clock(seconds: f64) -> String {
    let total = if seconds.is_finite() { seconds.max(0.0) as u64 } else { 0 };
    let (h, m, s) = (total / 3600, total / 60 % 60, total % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_case_and_punctuation_but_keep_their_inside() {
        assert_eq!(tokens("“Don’t — stop”, said well-known N°5!"), ["don't", "stop", "said", "well-known", "n°5"]);
        assert!(tokens(" … — ").is_empty());
    }

    #[test]
    fn phrases_match_on_word_borders_only() {
        let t = tokens("As I said, the hereafter");
        assert!(begins_with(&t, "as i said"));
        assert!(!begins_with(&t, "as i sa"));
        assert!(!holds(&t, "here"));
        assert!(holds(&t, "the hereafter"));
        assert_eq!(longest_opening(&t, &["as", "as i said", "i"]), 3);
    }

    #[test]
    fn near_copies_overlap_and_other_texts_do_not() {
        let (a, b) = (tokens("it was the best of times it was"), tokens("It was the best of times, it is"));
        assert!(triple_overlap(&a, &b) > 0.6);
        assert_eq!(triple_overlap(&a, &tokens("press one for the office")), 0.0);
        assert_eq!(triple_overlap(&a[..2], &a[..2]), 0.0);
    }

    #[test]
    fn shortening_keeps_whole_words_and_characters() {
        assert_eq!(shorten("ein schöner Tag, sagte er", 17), "ein schöner Tag…");
        assert_eq!(shorten("kurz", 10), "kurz");
        assert_eq!(shorten("äöüäöüäöü", 4), "äöü…");
    }

    #[test]
    fn the_closing_mark_is_seen_behind_quotes() {
        assert_eq!(last_mark("“Really?”"), Some('?'));
        assert_eq!(last_mark("and then"), None);
        assert!(is_question("本当？"));
    }

    #[test]
    fn times_read_like_a_player() {
        assert_eq!((clock(65.9), clock(3723.0), clock(-1.0)), ("1:05".into(), "1:02:03".into(), "0:00".into()));
    }
}
