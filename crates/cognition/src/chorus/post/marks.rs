//! What platforms make more of than text: addresses, mentions, hashtags. Found by one function, for the rules and for those
//! who keep them.

use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Link,
    Mention,
    Hashtag,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub kind: Kind,
    /// In the text.
    pub at: Range<usize>,
    /// To compare: lower case, without the sign, scheme and `www.`.
    pub name: String,
}

/// Signs that are read as `@`, `#` and `.` in addresses.
fn is_at(c: char) -> bool {
    matches!(c, '@' | '＠' | '﹫')
}
fn is_hash(c: char) -> bool {
    matches!(c, '#' | '＃' | '﹟')
}
fn is_dot(c: char) -> bool {
    matches!(c, '.' | '。' | '．' | '｡')
}

/// What a hashtag or a handle goes on with.
fn goes_on(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Nobody sees these, and some of them hide what a text says.
pub(super) fn is_hidden(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}

/// All of them, in order.
pub(super) fn marks(text: &str) -> Vec<Mark> {
    let mut found = Vec::new();
    for piece in pieces(text) {
        let part = text.get(piece.clone()).unwrap_or_default();
        if let Some(name) = link(part) {
            found.push(Mark { kind: Kind::Link, at: piece, name });
            continue;
        }
        signs(part, piece.start, &mut found);
    }
    found
}

/// Stretches between white space and what never stands in an address, without the marks around them.
fn pieces(text: &str) -> Vec<Range<usize>> {
    let parts = |c: char| c.is_whitespace() || "()[]{}\"“”„«»‘’<>|,;…".contains(c);
    let mut found = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        if parts(c) {
            let piece = text.get(start..at).unwrap_or_default();
            let kept = piece.trim_matches(|c: char| ".!?:'`*~-–—/".contains(c));
            if !kept.is_empty() {
                let lead = piece.len() - piece.trim_start_matches(|c: char| ".!?:'`*~-–—/".contains(c)).len();
                found.push(start + lead..start + lead + kept.len());
            }
            start = at + c.len_utf8();
        }
    }
    found
}

/// An address: with a scheme, or something that would be read as a host.
fn link(piece: &str) -> Option<String> {
    let plain: String = piece
        .chars()
        .filter(|c| !is_hidden(*c) && !matches!(c, '\u{200d}' | '\u{fe0e}' | '\u{fe0f}'))
        .map(|c| if is_dot(c) { '.' } else { c })
        .flat_map(char::to_lowercase)
        .collect();
    if let Some((_, rest)) = plain.split_once("://") {
        return Some(rest.strip_prefix("www.").unwrap_or(rest).trim_end_matches('/').to_owned());
    }
    let hosts = plain.split(|c: char| !(c.is_alphanumeric() || c == '.' || c == '-'));
    let named = hosts.into_iter().any(is_host);
    named.then(|| plain.strip_prefix("www.").unwrap_or(&plain).trim_end_matches('/').to_owned())
}

/// `example.org`: labels with dots between, the last of two or more letters.
fn is_host(text: &str) -> bool {
    let text = text.trim_matches(|c| c == '.' || c == '-');
    let Some((head, last)) = text.rsplit_once('.') else { return false };
    let top = (2..=24).contains(&last.len()) && last.bytes().all(|b| b.is_ascii_alphabetic());
    top && head.split('.').all(|label| !label.is_empty())
}

fn signs(part: &str, start: usize, found: &mut Vec<Mark>) {
    let mut before = None;
    for (at, c) in part.char_indices() {
        let kind = if is_at(c) { Kind::Mention } else { Kind::Hashtag };
        let free = before.is_none_or(|c: char| !goes_on(c));
        before = Some(c);
        if !(is_at(c) || is_hash(c)) || !free {
            continue;
        }
        let from = at + c.len_utf8();
        let rest = part.get(from..).unwrap_or_default();
        let inside = |c: char| goes_on(c) || is_hidden(c) || (kind == Kind::Mention && c == '.');
        let length = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        let name: String = rest.get(..length).unwrap_or_default().chars().filter(|c| !is_hidden(*c)).collect();
        let name = name.trim_matches('.').to_lowercase();
        if !name.is_empty() {
            found.push(Mark { kind, at: start + at..start + from + length, name });
        }
    }
}

/// What may stand in a text although it is more than text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Allowed {
    /// As [`Mark::name`]; what lies below one is allowed with it.
    pub links: Vec<String>,
    pub mentions: Vec<String>,
    pub hashtags: Vec<String>,
}

impl Allowed {
    pub fn has(&self, mark: &Mark) -> bool {
        match mark.kind {
            Kind::Mention => self.mentions.contains(&mark.name),
            Kind::Hashtag => self.hashtags.contains(&mark.name),
            Kind::Link => self.links.iter().any(|link| {
                let below = mark.name.strip_prefix(link.as_str());
                below.is_some_and(|rest| rest.is_empty() || link.ends_with('/') || rest.starts_with(['/', '?', '#']))
            }),
        }
    }

    /// All that stands in a text of the operator's.
    pub fn all_of(&mut self, text: &str) {
        for mark in marks(text) {
            match mark.kind {
                Kind::Link => self.links.push(mark.name),
                Kind::Mention => self.mentions.push(mark.name),
                Kind::Hashtag => self.hashtags.push(mark.name),
            }
        }
    }

    pub fn link(&mut self, text: &str) {
        let text = text.to_lowercase();
        let text = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
        let text = text.strip_prefix("www.").unwrap_or(text).trim_end_matches('/');
        if !text.is_empty() {
            self.links.push(text.to_owned());
        }
    }

    pub fn hashtag(&mut self, text: &str) {
        self.hashtags.push(text.trim_start_matches('#').to_lowercase());
    }

    pub fn mention(&mut self, text: &str) {
        self.mentions.push(text.trim_start_matches('@').to_lowercase());
    }
}

/// The text with everything that is not allowed made plain: addresses go, or come apart where they were two sentences
/// without a blank; the signs before names go.
pub(super) fn plain(text: &str, allowed: &Allowed) -> String {
    let mut text = text.to_owned();
    // What was parted by a mark may be one afterwards ("a@#b"): each round takes at least one sign or dot away.
    for _ in 0..16 {
        let wrong: Vec<Mark> = marks(&text).into_iter().filter(|mark| !allowed.has(mark)).collect();
        if wrong.is_empty() {
            return text;
        }
        for mark in wrong.into_iter().rev() {
            let found = text.get(mark.at.clone()).unwrap_or_default();
            let instead = match mark.kind {
                Kind::Link if is_sentence(found) => found.replace(is_dot, ". "),
                Kind::Link => String::new(),
                Kind::Mention => found.chars().filter(|c| !is_at(*c)).collect(),
                Kind::Hashtag => found.chars().filter(|c| !is_hash(*c)).collect(),
            };
            text.replace_range(mark.at, &instead);
        }
    }
    let bare = |c: char| if is_dot(c) || is_at(c) || is_hash(c) || c == ':' { ' ' } else { c };
    text.chars().map(bare).collect()
}

/// "the end.Next": words, and no sign of an address.
fn is_sentence(found: &str) -> bool {
    found.chars().all(|c| c.is_alphabetic() || is_dot(c) || c == '\'' || c == '-')
        && !found.to_lowercase().starts_with("www")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(text: &str) -> Vec<(Kind, String)> {
        marks(text).into_iter().map(|m| (m.kind, m.name)).collect()
    }

    #[test]
    fn addresses_mentions_and_hashtags_are_found_however_they_are_written() {
        for (text, name) in [
            ("see https://www.Example.org/a?b.", "example.org/a?b"),
            ("(example.org)", "example.org"),
            ("go to example.org/x, now", "example.org/x"),
            ("mail me@example.org!", "me@example.org"),
            ("exa\u{200b}mple。org", "example.org"),
            ("tg://resolve", "resolve"),
            ("the end.Next", "end.next"),
            ("x:example.co.uk", "x:example.co.uk"),
        ] {
            assert_eq!(names(text), [(Kind::Link, name.to_owned())], "{text}");
        }
        for (text, name) in [("@a_b", "a_b"), ("hi @Joe.", "joe"), ("(@x.y)", "x.y"), ("＠wide", "wide")] {
            assert_eq!(names(text), [(Kind::Mention, name.to_owned())], "{text}");
        }
        for (text, name) in [("#Sea", "sea"), ("a,#b!", "b"), ("＃été", "été")] {
            assert_eq!(names(text), [(Kind::Hashtag, name.to_owned())], "{text}");
        }
        assert_eq!(names("#a#b @c").len(), 2, "a sign in the middle of a word begins nothing");
        for text in ["e.g. 3.5 km", "wait...what", "and/or", "U.S.", "C# is a language", "a @ b # c", "12:30", "p. 7"] {
            assert_eq!(names(text), [], "{text}");
        }
    }

    #[test]
    fn what_is_allowed_stays_and_the_rest_becomes_plain() {
        let mut allowed = Allowed::default();
        allowed.link("https://example.org/shop/");
        allowed.hashtag("#sea");
        allowed.mention("joe");
        let text = "https://example.org/shop/1 #sea @joe https://evil.example/x #spam @eve the end.Next";
        assert_eq!(plain(text, &allowed), "https://example.org/shop/1 #sea @joe  spam eve the end. Next");
        assert_eq!(plain("example.org/shopping example.org", &allowed), " example. org");
    }

    proptest! {
        #[test]
        fn plain_text_has_no_marks(text in "([@#.:/＃。 a-zA-Z0-9_-]|\\PC|https://|www\\.|\u{200b}){0,40}") {
            let out = plain(&text, &Allowed::default());
            prop_assert_eq!(marks(&out), vec![], "{:?} → {:?}", text, out);
        }
    }
}
