//! From bytes to text: which encoding a document is in, and that it is in it.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use omniva_contracts::Fault;

use super::invalid;

/// Where an XML declaration ends, at the latest.
const DECLARATION: usize = 256;

/// Decodes a document by its byte order mark, its XML declaration, the server's word, or as UTF-8, in this order.
///
/// # Errors
/// `feed_invalid` for an encoding that is not known, and for bytes that are not in it.
pub(super) fn decoded(bytes: &[u8], charset: Option<&str>) -> Result<String, Fault> {
    let (encoding, skip) = match Encoding::for_bom(bytes) {
        Some((encoding, length)) => (encoding, length),
        None => (unmarked(bytes, charset)?, 0),
    };
    let body = bytes.get(skip..).unwrap_or_default();
    let text = encoding
        .decode_without_bom_handling_and_without_replacement(body)
        .ok_or_else(|| invalid(&format!("its bytes are not {}, as which it is announced", encoding.name())))?;
    if text.contains('\0') {
        return Err(invalid("it holds characters that no XML may hold"));
    }
    Ok(text.into_owned())
}

fn unmarked(bytes: &[u8], charset: Option<&str>) -> Result<&'static Encoding, Fault> {
    match bytes {
        [b'<', 0, ..] => return Ok(UTF_16LE),
        [0, b'<', ..] => return Ok(UTF_16BE),
        _ => {}
    }
    let head = bytes.get(..DECLARATION.min(bytes.len())).unwrap_or_default();
    let head = String::from_utf8_lossy(head);
    let label = declared(&head).or(charset.map(str::to_owned));
    let Some(label) = label else { return Ok(UTF_8) };
    Encoding::for_label_no_replacement(label.trim().as_bytes())
        .ok_or_else(|| invalid(&format!("its encoding {:?} is not known", label.chars().take(40).collect::<String>())))
}

/// `encoding="…"` of an XML declaration.
fn declared(head: &str) -> Option<String> {
    let declaration = head.trim_start().strip_prefix("<?xml")?.split_once("?>")?.0;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    Some(value.get(1..)?.split_once(quote)?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encodings_are_found_and_wrong_ones_refused() {
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xfc</a>";
        assert!(decoded(latin, None).unwrap().contains('ü'));
        assert!(decoded(b"<a>\xc3\xbc</a>", None).unwrap().contains('ü'));
        assert!(decoded(b"\xef\xbb\xbf<a>\xc3\xbc</a>", Some("latin1")).unwrap().contains('ü'));
        assert!(decoded(b"<a>\xfc</a>", Some("iso-8859-1")).unwrap().contains('ü'));
        let wide: Vec<u8> = "<a>ü</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decoded(&wide, None).unwrap(), "<a>ü</a>");
        for (bytes, charset) in [
            (b"<a>\xfc</a>".as_slice(), None),
            (b"<?xml version='1.0' encoding='klingon'?><a/>", None),
            (b"<?xml version='1.0' encoding='utf-7'?><a/>", None),
            (b"<a>\0</a>", None),
            (b"<a/>", Some("ucs-4")),
        ] {
            assert!(decoded(bytes, charset).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = decoded(&bytes, None);
        }
    }
}
