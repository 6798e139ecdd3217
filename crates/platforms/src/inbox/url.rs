//! `file:` URLs (RFC 8089) of files in one folder.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

const PREFIX: &str = "file://";

/// Every byte that is not unreserved (RFC 3986) or a slash is escaped.
pub fn of(path: &Path) -> String {
    let mut url = String::from(PREFIX);
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => url.push(char::from(*byte)),
            other => url.push_str(&format!("%{other:02X}")),
        }
    }
    url
}

/// The plain name of a file that lies directly in `folder`; `None` for every other URL.
pub fn file_name_in(url: &str, folder: &Path) -> Option<OsString> {
    let path = OsString::from_vec(unescape(url.strip_prefix(PREFIX)?)?);
    let path = Path::new(&path);
    let name = path.file_name()?;
    let rebuilt = folder.join(name);
    let plain = !name.as_bytes().contains(&0) && name != OsStr::new("..");
    (plain && rebuilt.as_os_str() == path.as_os_str()).then(|| name.to_owned())
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push((high * 16 + low) as u8);
        } else {
            bytes.push(byte);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_survive_and_others_are_refused() {
        let folder = Path::new("/in box/ü");
        let url = of(&folder.join("a %20\n#?.mp4"));
        assert_eq!(url, "file:///in%20box/%C3%BC/a%20%2520%0A%23%3F.mp4");
        assert_eq!(file_name_in(&url, folder), Some(OsString::from("a %20\n#?.mp4")));
        for bad in [
            "file:///etc/passwd",
            "file:///in%20box/%C3%BC/..",
            "file:///in%20box/%C3%BC/../x",
            "file:///in%20box/%C3%BC/sub/x",
            "file:///in%20box/%C3%BC/",
            "file:///in%20box/%C3%BC",
            "https:///in%20box/%C3%BC/x",
            "file:///in%20box/%C3%BC/%zz",
            "file:///in%20box/%C3%BC//x",
            "",
        ] {
            assert_eq!(file_name_in(bad, folder), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_name_comes_back(name in proptest::collection::vec(1u8..=255, 1..40)) {
            let name = OsString::from_vec(name.into_iter().filter(|b| *b != b'/').collect());
            prop_assume!(!name.is_empty() && name != "." && name != "..");
            let folder = Path::new("/inbox");
            prop_assert_eq!(file_name_in(&of(&folder.join(&name)), folder), Some(name));
        }
        #[test]
        fn no_url_leads_out(url in "file://(/inbox)?[/.a%2FfE0]{0,20}") {
            if let Some(name) = file_name_in(&url, Path::new("/inbox")) {
                prop_assert!(!name.as_bytes().contains(&b'/') && name != ".." && name != ".");
            }
        }
    }
}
