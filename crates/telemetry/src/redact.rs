//! Takes secrets out of what is about to be written: fields by their name, and what looks like a secret inside text.

use std::borrow::Cow;

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// Names that hold a secret, as the whole name or its last word (`upload_token`, `session.cookie`).
const NAMES: &[&str] = &[
    "authorization",
    "bearer",
    "cookie",
    "set_cookie",
    "password",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "private_key",
    "signing_key",
    "credential",
    "credentials",
];

/// Whether a field of this name is never written.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    NAMES
        .iter()
        .any(|secret| name.strip_suffix(secret).is_some_and(|before| before.is_empty() || before.ends_with(['_', '.'])))
}

/// The text without API keys (`omv_…`), credentials of an `Authorization` header, cookies, and passwords in addresses.
pub fn text(text: &str) -> Cow<'_, str> {
    if !suspicious(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let at_word = !out.ends_with(is_name);
        match secret_at(rest, at_word) {
            Some((kept, hidden)) => {
                out.push_str(kept);
                out.push_str(REDACTED);
                rest = &rest[kept.len() + hidden..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    Cow::Owned(out)
}

/// A cheap look before the careful one: most lines hold nothing.
fn suspicious(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(4).any(|w| {
        w.eq_ignore_ascii_case(b"omv_")
            || w.eq_ignore_ascii_case(b"bear")
            || w.eq_ignore_ascii_case(b"basi")
            || w.eq_ignore_ascii_case(b"auth")
            || w.eq_ignore_ascii_case(b"cook")
            || w.eq_ignore_ascii_case(b"oken")
            || w.eq_ignore_ascii_case(b"cret")
            || w.eq_ignore_ascii_case(b"_key")
            || w.eq_ignore_ascii_case(b"pass")
            || w.starts_with(b"://")
    })
}

/// A secret that begins here: the part that stays, and how many bytes after it go.
fn secret_at(rest: &str, at_word: bool) -> Option<(&str, usize)> {
    if let Some(tail) = rest.strip_prefix("://") {
        // user:password@host
        let authority = tail.find(['/', '?', '#', ' ', '"']).map_or(tail, |end| &tail[..end]);
        return authority.rfind('@').filter(|at| *at > 0).map(|at| (&rest[..3], at));
    }
    if starts_with(rest, "omv_") {
        let hidden = length_of(&rest[4..], |c| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.');
        return (hidden > 0).then(|| (&rest[..4], hidden));
    }
    if !at_word {
        return None;
    }
    for scheme in ["bearer ", "basic "] {
        if starts_with(rest, scheme) {
            let hidden = length_of(&rest[scheme.len()..], |c| !c.is_whitespace() && !matches!(c, '"' | '\'' | ','));
            // "basic checks" is no header; credentials are longer than words of prose or hold other signs.
            let credential = &rest[scheme.len()..scheme.len() + hidden];
            let prose = scheme == "basic " && credential.len() < 12;
            return (hidden > 0 && !prose).then(|| (&rest[..scheme.len()], hidden));
        }
    }
    named_value(rest)
}

/// `access_token=…`, `"client_secret": "…"`, `Cookie: …`: the value of a secret name inside text.
fn named_value(rest: &str) -> Option<(&str, usize)> {
    let length = length_of(rest, is_name);
    let name = &rest[..length];
    if length == 0 || !is_secret_name(name) {
        return None;
    }
    let kept = length + separator(&rest[length..])?;
    let value = &rest[kept..];
    let lower = name.to_ascii_lowercase();
    let hidden = if lower.ends_with("authorization") || lower.ends_with("cookie") {
        // A header: to its end, because such values hold spaces and semicolons.
        length_of(value, |c| !matches!(c, '\r' | '\n' | '"' | '\''))
    } else {
        length_of(value, |c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '&' | ',' | ';' | ')' | '}'))
    };
    (hidden > 0).then(|| (&rest[..kept], hidden))
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Length of `: `, `=`, `": "` and the like.
fn separator(text: &str) -> Option<usize> {
    let length = length_of(text, |c| matches!(c, ':' | '=' | '"' | '\'' | ' ' | '\\'));
    text[..length].contains([':', '=']).then_some(length)
}

fn length_of(text: &str, of: impl Fn(char) -> bool) -> usize {
    text.find(|c| !of(c)).unwrap_or(text.len())
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.as_bytes().get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names() {
        for secret in
            ["authorization", "Authorization", "Set-Cookie", "upload_token", "session.cookie", "api-key", "db_password"]
        {
            assert!(is_secret_name(secret), "{secret}");
        }
        for plain in ["tokens", "token_count", "key", "author", "cookies_eaten", "secretary", "passed", "detoken"] {
            assert!(!is_secret_name(plain), "{plain}");
        }
    }

    #[test]
    fn secrets_inside_text() {
        for (given, written) in [
            ("key omv_ab12CD_ef-9 used", "key omv_[redacted] used"),
            ("Authorization: Bearer abc.def-ghi\nnext", "Authorization: [redacted]\nnext"),
            ("sent bearer abc.def, ok", "sent bearer [redacted], ok"),
            ("cookie: a=b; c=d", "cookie: [redacted]"),
            ("Proxy-Authorization: Basic dXNlcg== x", "Proxy-Authorization: [redacted]"),
            (r#"{"authorization":"Bearer ab cd","n":1}"#, r#"{"authorization":"[redacted]","n":1}"#),
            ("x=basic dXNlcjpwYXNz", "x=basic [redacted]"),
            ("GET https://x.test/?access_token=abc&b=1", "GET https://x.test/?access_token=[redacted]&b=1"),
            (r#"{"client_secret": "s3", "a": 1}"#, r#"{"client_secret": "[redacted]", "a": 1}"#),
            ("postgres://omniva:pa@ss@db:5432/x", "postgres://[redacted]@db:5432/x"),
        ] {
            assert_eq!(text(given), written);
            assert_eq!(text(written).matches(REDACTED).count(), 1, "{written}");
        }
        for plain in [
            "the basic checks of 12 tokens passed",
            "12 cookies were eaten",
            "https://x.test/a@b",
            "token: ",
            "a bearer",
            "omv_",
            "",
        ] {
            assert_eq!(text(plain), plain);
        }
    }

    proptest! {
        #[test]
        fn a_key_never_survives(before in ".{0,20}", key in "[A-Za-z0-9]{8,40}", after in "[ \",.;)].{0,20}") {
            let hidden = text(&format!("{before}omv_{key}{after}")).into_owned();
            prop_assert!(!hidden.contains(&key), "{}", hidden);
        }
        #[test]
        fn any_text_is_answered(given in "\\PC{0,80}") {
            let _ = text(&given);
        }
    }
}
