//! Cutting text, never inside what a reader sees as one character.

use unicode_segmentation::UnicodeSegmentation;

use super::limits::Unit;

const MORE: &str = "…";

/// At most `max` units of `text`; what is cut ends with `…`, at a word where one ends near.
pub(super) fn cut(text: &str, max: usize, unit: Unit) -> String {
    let text = text.trim();
    if unit.of(text) <= max {
        return text.to_owned();
    }
    let Some(room) = max.checked_sub(unit.of(MORE)) else { return String::new() };
    let (mut used, mut end, mut word) = (0, 0, None);
    for (at, grapheme) in text.grapheme_indices(true) {
        if grapheme.chars().all(char::is_whitespace) {
            word = Some(at);
        }
        used += unit.of(grapheme);
        if used > room {
            break;
        }
        end = at + grapheme.len();
    }
    let end = word.filter(|word| *word <= end && *word * 10 >= end * 6).unwrap_or(end);
    let kept =
        text.get(..end).unwrap_or_default().trim_end_matches(|c: char| c.is_whitespace() || ",;:-–—".contains(c));
    if kept.is_empty() { String::new() } else { format!("{kept}{MORE}") }
}

/// As many of the entries as fit into `max` characters.
pub(super) fn whole(text: &str, parted: &str, max: usize) -> String {
    let mut kept = String::new();
    for entry in text.split(parted) {
        let next = if kept.is_empty() { entry.to_owned() } else { format!("{kept}{parted}{entry}") };
        if next.chars().count() > max {
            break;
        }
        kept = next;
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_one_reads_as_one_character_stays_whole() {
        let family = "👩‍👩‍👧‍👦";
        assert_eq!(cut(&format!("abc {family}"), 6, Unit::Chars), "abc…");
        assert_eq!(cut(&family.repeat(3), 9, Unit::Chars), format!("{family}…"));
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 4, Unit::Chars), "e\u{301}…");
        assert_eq!(cut("🇩🇪🇫🇷🇪🇸", 9, Unit::Utf16), "🇩🇪🇫🇷…");
        assert_eq!(cut("one two three", 9, Unit::Chars), "one two…");
        assert_eq!(cut("one two three", 13, Unit::Bytes), "one two three");
        assert_eq!(cut("abc", 0, Unit::Chars), "");
        assert_eq!(whole("#aa #bb #cc", " ", 8), "#aa #bb");
    }

    proptest! {
        #[test]
        fn no_limit_is_passed_and_no_grapheme_is_parted(text in "(.|👩‍👩‍👧|e\u{301}|🇩🇪|\u{1f44d}\u{1f3fd}){0,30}", max in 0usize..60, n in 0usize..3) {
            let unit = [Unit::Chars, Unit::Bytes, Unit::Utf16][n];
            let out = cut(&text, max, unit);
            prop_assert!(unit.of(&out) <= max);
            if let Some(kept) = out.strip_suffix(MORE).filter(|kept| text.trim().starts_with(kept) && out != text.trim()) {
                let borders: Vec<usize> = text.trim().grapheme_indices(true).map(|(at, _)| at).collect();
                prop_assert!(borders.contains(&kept.len()), "{text:?} → {out:?}");
            }
        }
    }
}
