//! Cutting text to a platform's limits, never inside what one reads as a character, with a sign that it was cut.

use unicode_segmentation::UnicodeSegmentation;

const MORE: char = '…';

/// At most `max` characters.
pub(crate) fn clip_chars(text: &str, max: usize) -> String {
    clip(text, max, |_| 1)
}

/// At most `max` bytes of UTF-8.
pub(crate) fn clip_bytes(text: &str, max: usize) -> String {
    clip(text, max, char::len_utf8)
}

/// At most `max` units of UTF-16.
pub(crate) fn clip_utf16(text: &str, max: usize) -> String {
    clip(text, max, char::len_utf16)
}

fn clip(text: &str, max: usize, size: fn(char) -> usize) -> String {
    if text.chars().map(size).sum::<usize>() <= max {
        return text.to_owned();
    }
    let mut left = max.saturating_sub(size(MORE));
    let fits = |grapheme: &&str| {
        let size = grapheme.chars().map(size).sum::<usize>();
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    let head: String = text.graphemes(true).take_while(fits).collect();
    mark(&head, max)
}

/// Ends at a blank when one is near.
fn mark(head: &str, max: usize) -> String {
    if max == 0 {
        return String::new();
    }
    let at = head.rfind(char::is_whitespace).filter(|at| *at * 10 >= head.len() * 8).unwrap_or(head.len());
    let mut cut = head.get(..at).unwrap_or(head).trim_end().to_owned();
    cut.push(MORE);
    cut
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_face_is_parted() {
        let family = "👩‍👩‍👧‍👦";
        assert_eq!(clip_chars(&family.repeat(2), 8), format!("{family}…"));
        assert_eq!(clip_utf16(&format!("ab{family}"), 6), "ab…");
        assert_eq!(clip_bytes("e\u{301}e\u{301}", 5), "…");
    }

    #[test]
    fn what_fits_stays_and_what_does_not_ends_at_a_word() {
        assert_eq!(clip_chars("abc", 3), "abc");
        assert_eq!(clip_chars("one two three four five six", 26), "one two three four five…");
        assert_eq!(clip_chars("abcdef", 3), "ab…");
    }

    proptest! {
        #[test]
        fn no_limit_is_passed(text in ".{0,80}", max in 3usize..60) {
            prop_assert!(clip_chars(&text, max).chars().count() <= max);
            prop_assert!(clip_bytes(&text, max).len() <= max);
            prop_assert!(clip_utf16(&text, max).encode_utf16().count() <= max);
        }
    }
}
