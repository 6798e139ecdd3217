//! How foreign text enters the page: as HTML text or attribute, as JSON inside a script element, as a relative address.

use std::fmt;

use omniva_contracts::Fault;
use serde_json::Value;

/// Appends formatted text to a `String` (which can't fail).
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {{
        use std::fmt::Write as _;
        let _ = write!($out, $($arg)*);
    }};
}

/// Foreign text, safe as HTML text and inside a double-quoted attribute. Control characters and those that reverse the
/// direction of what follows (U+202A..U+202E) show as U+FFFD.
pub struct E<'a>(pub &'a str);

impl fmt::Display for E<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        put(f, self.0.chars())
    }
}

/// Like [`E`], cut after the given number of characters.
pub struct Short<'a>(pub &'a str, pub usize);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        put(f, self.0.chars().take(self.1))?;
        if self.0.chars().nth(self.1).is_some() { f.write_str("…") } else { Ok(()) }
    }
}

fn put(f: &mut fmt::Formatter<'_>, text: impl Iterator<Item = char>) -> fmt::Result {
    use fmt::Write as _;
    for c in text {
        match c {
            '&' => f.write_str("&amp;")?,
            '<' => f.write_str("&lt;")?,
            '>' => f.write_str("&gt;")?,
            '"' => f.write_str("&quot;")?,
            '\'' => f.write_str("&#39;")?,
            '\n' | '\t' => f.write_char(c)?,
            '\u{202a}'..='\u{202e}' => f.write_char('\u{fffd}')?,
            c if c.is_control() => f.write_char('\u{fffd}')?,
            c => f.write_char(c)?,
        }
    }
    Ok(())
}

/// JSON that can stand inside a `<script>` element: no `<`, `>`, `&`, U+2028 or U+2029 appears as itself.
pub fn json(value: &Value) -> Result<String, Fault> {
    let plain = serde_json::to_string(value)
        .map_err(|e| Fault::internal("the report's data can't be written as JSON").with_detail(e))?;
    let mut safe = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' => {
                put!(safe, "\\u{:04x}", u32::from(c))
            }
            c => safe.push(c),
        }
    }
    Ok(safe)
}

/// Relative address of a file beside the page. Every byte but the unreserved ones of RFC 3986 is percent-encoded, so
/// that no name can be read as a scheme, a query, a fragment or a folder. `None` for what is no plain file name.
pub fn address(name: &str) -> Option<String> {
    if !plain_name(name) {
        return None;
    }
    let mut out = String::from("./");
    for b in name.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(b)),
            b => put!(out, "%{b:02X}"),
        }
    }
    Some(out)
}

/// A file directly beside the page: not empty, no folder in it, not a step upwards.
pub fn plain_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nasty_text_is_inert() {
        assert_eq!(E("<script>'\"&").to_string(), "&lt;script&gt;&#39;&quot;&amp;");
        assert_eq!(E("a\u{202e}b\u{0}c\u{1b}[31m").to_string(), "a\u{fffd}b\u{fffd}c\u{fffd}[31m");
        assert_eq!(Short("äöü<x", 3).to_string(), "äöü…");
        assert_eq!(Short("äöü", 3).to_string(), "äöü");
    }

    #[test]
    fn json_never_closes_its_script() {
        let text = json(&serde_json::json!({ "t": "</script><!--\u{2028}&\u{2029}" })).expect("is JSON");
        assert_eq!(text, "{\"t\":\"\\u003c/script\\u003e\\u003c!--\\u2028\\u0026\\u2029\"}");
    }

    #[test]
    fn addresses_stay_beside_the_page() {
        assert_eq!(address("01-a b#?.mp4").as_deref(), Some("./01-a%20b%23%3F.mp4"));
        assert_eq!(address("javascript:alert(1)").as_deref(), Some("./javascript%3Aalert%281%29"));
        assert_eq!(address("ä\".mp4").as_deref(), Some("./%C3%A4%22.mp4"));
        for bad in ["", ".", "..", "../x.mp4", "/etc/passwd", "a\\b", "//host/x"] {
            assert_eq!(address(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn escaped_text_holds_no_markup(text in "\\PC*") {
            let safe = E(&text).to_string();
            prop_assert!(!safe.contains(['<', '>', '"', '\'']));
        }

        #[test]
        fn json_reads_back(text in "\\PC*") {
            let value = serde_json::json!([text]);
            let safe = json(&value).expect("is JSON");
            let raw = safe.contains(['<', '>', '&', '\u{2028}']);
            prop_assert!(!raw);
            prop_assert_eq!(serde_json::from_str::<Value>(&safe).expect("reads"), value);
        }
    }
}
