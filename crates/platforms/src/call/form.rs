//! Forms and queries (application/x-www-form-urlencoded, with `%20` for a blank so that the same text serves in both).

use std::fmt::Write as _;

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub(crate) fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte as char);
        } else {
            let _ = write!(encoded, "%{byte:02X}"); // writing to a String can't fail
        }
        encoded
    })
}

pub(crate) fn query(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_a_query_is_encoded() {
        assert_eq!(query(&[("a", "b c&d=é"), ("x", "~.-_")]), "a=b%20c%26d%3D%C3%A9&x=~.-_");
        assert_eq!(query(&[]), "");
    }
}
