//! How a word is written in a caption, and kept from being more than text.

use omniva_contracts::plan::CaptionStyle;

/// A word as the style shows it.
pub(crate) fn shown(text: &str, style: &CaptionStyle) -> String {
    let clean = plain(text);
    if !style.uppercase {
        return clean;
    }
    let trimmed = clean.trim_end_matches([',', '.', ';', ':']);
    // An ellipsis is said, a full stop is not.
    let kept = if trimmed.is_empty() || clean.ends_with("...") { clean.as_str() } else { trimmed };
    kept.to_uppercase()
}

/// One line of visible text: control characters go, white space becomes single spaces.
pub(crate) fn plain(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_whitespace() || is_control(c) { ' ' } else { c }).collect();
    visible.split(' ').filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Characters that could turn what follows around or hide it.
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Safe inside an ASS event. The format has no escape that every player knows, so its control characters are replaced
/// by ones that look alike.
pub(crate) fn for_ass(text: &str) -> String {
    plain(text).replace('\\', "/").replace('{', "(").replace('}', ")")
}

/// Safe inside an SRT cue, where players read `<…>` and `{\…}` as markup.
pub(crate) fn for_srt(text: &str) -> String {
    for_ass(text).replace('<', "‹").replace('>', "›")
}

/// Safe inside a WebVTT cue (W3C WebVTT, cue text).
pub(crate) fn for_vtt(text: &str) -> String {
    plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

pub(crate) fn ends_sentence(text: &str) -> bool {
    text.trim_end_matches(['"', '”', '’', '\'', ')', '»']).ends_with(['.', '!', '?', '…'])
}

pub(crate) fn ends_clause(text: &str) -> bool {
    ends_sentence(text) || text.ends_with([',', ';', ':', '—', '–', '-'])
}

/// Words that belong to what follows: a line or page should not end with one.
pub(crate) fn leans_forward(text: &str) -> bool {
    const LEANING: &[&str] = &[
        "a", "an", "the", "of", "to", "in", "on", "at", "by", "for", "and", "or", "but", "with", "from", "as", "if",
        "my", "your", "his", "her", "our", "their", "its", "i", "is", "was", "der", "die", "das", "ein", "eine", "und",
        "zu", "von", "le", "la", "les", "un", "une", "et", "de", "des", "el", "los", "las", "y", "que",
    ];
    LEANING.contains(&text.to_lowercase().as_str())
}

/// True for scripts that run from right to left.
pub(crate) fn right_to_left(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{0590}'..='\u{08ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text() {
        assert_eq!(for_ass("{\\an8}a\\Nb\r\nc"), "(/an8)a/Nb c");
        assert_eq!(for_vtt("<b>&-->"), "&lt;b&gt;&amp;--&gt;");
        assert_eq!(for_srt("<i>{x}"), "‹i›(x)");
        assert_eq!(plain("a\u{202e}b\u{0}"), "a b");
    }
}
