//! What can be said about a file before it is opened: by its name, its announced type and its first bytes.

use omniva_contracts::{Code, Fault};
use url::Url;

/// Types that say nothing: the bytes decide.
const UNTYPED: [&str; 7] = [
    "application/octet-stream",
    "binary/octet-stream",
    "application/mp4",
    "application/ogg",
    "application/x-matroska",
    "application/force-download",
    "application/x-download",
];
const PLAYLIST_TYPES: [&str; 6] = [
    "application/vnd.apple.mpegurl",
    "application/x-mpegurl",
    "audio/mpegurl",
    "audio/x-mpegurl",
    "video/mpegurl",
    "application/dash+xml",
];
const PLAYLIST_ENDS: [&str; 4] = [".m3u8", ".m3u", ".mpd", ".pls"];

/// Why an announced type or name is no media file, if so.
pub fn refused(content_type: Option<&str>, path: &str, place: &str) -> Option<Fault> {
    let lower = path.to_ascii_lowercase();
    let kind = content_type.map(|kind| kind.trim().to_ascii_lowercase());
    let kind = kind.as_deref().filter(|kind| !kind.is_empty());
    if PLAYLIST_ENDS.iter().any(|end| lower.ends_with(end)) || kind.is_some_and(|kind| PLAYLIST_TYPES.contains(&kind)) {
        return Some(playlist(place));
    }
    let media =
        kind.is_none_or(|kind| kind.starts_with("video/") || kind.starts_with("audio/") || UNTYPED.contains(&kind));
    (!media).then(|| {
        Fault::new(
            Code::InputNotMedia,
            format!("{place} is announced as {}, which is no video or sound", kind.unwrap_or_default()),
            "give the address of the media file itself; for a page that shows a video, use a channel source",
        )
    })
}

/// Why the first bytes are no media file, if that can be said from them.
pub fn refused_bytes(first: &[u8], place: &str) -> Option<Fault> {
    let text = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
    let start = text.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(text.len());
    let text = text.get(start..).unwrap_or_default();
    let begins = |with: &str| text.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with.as_bytes()));
    if begins("#EXTM3U") || begins("<MPD") || begins("ffconcat version") || begins("[playlist]") {
        return Some(playlist(place));
    }
    (begins("<!doctype html") || begins("<html") || begins("<?xml") || begins("<head")).then(|| {
        Fault::new(
            Code::InputNotMedia,
            format!("{place} is a page, not a media file"),
            "give the address of the media file itself; for a page that shows a video, use a channel source",
        )
    })
}

fn playlist(place: &str) -> Fault {
    Fault::new(
        Code::InputPlaylist,
        format!(
            "{place} is a playlist (HLS, DASH or the like), not a file: it would have to be followed to other addresses"
        ),
        "give the address of a whole media file, or use a channel source, which understands streams",
    )
}

/// A title from the last part of a URL's path, or its host.
pub fn title(url: &Url) -> String {
    let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    let name = unescaped(last);
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem).trim();
    let found = if stem.is_empty() { url.host_str().unwrap_or("video") } else { stem };
    tidy(found, 200)
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let digits =
            more.get(..2).and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| u8::from_str_radix(d, 16).ok());
        match (*first, digits) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = more.get(2..).unwrap_or_default();
            }
            (byte, _) => {
                bytes.push(byte);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A text of strangers as it may be shown and kept: no control characters, white space joined, at most `most` characters.
pub fn tidy(text: &str, most: usize) -> String {
    let mut found = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !found.is_empty() {
            found.push(' ');
        }
        found.push_str(word);
        if found.len() > most.saturating_mul(4) {
            break;
        }
    }
    // Marks that turn the direction of writing hide what a name really is.
    found.chars().filter(|c| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn playlists_and_pages_are_known_by_type_name_and_bytes() {
        for (kind, path) in [
            (Some("application/vnd.apple.mpegurl"), "/x"),
            (Some("Application/X-MpegURL"), "/x.mp4"),
            (None, "/live.M3U8"),
            (Some("video/mp4"), "/a.mpd"),
            (Some("application/dash+xml"), "/x"),
        ] {
            assert_eq!(refused(kind, path, "x").map(|f| f.code), Some(Code::InputPlaylist), "{kind:?} {path}");
        }
        for kind in ["text/html", "image/png", "application/json", "application/zip", "application/pdf"] {
            assert_eq!(refused(Some(kind), "/a.mp4", "x").map(|f| f.code), Some(Code::InputNotMedia), "{kind}");
        }
        for kind in [None, Some(""), Some("video/mp4"), Some("AUDIO/mpeg"), Some("application/octet-stream")] {
            assert_eq!(refused(kind, "/a.mp4", "x"), None, "{kind:?}");
        }
        for bytes in [b"#EXTM3U\n".as_slice(), b"\xef\xbb\xbf #extm3u", b"<MPD xmlns", b"ffconcat version 1.0"] {
            assert_eq!(refused_bytes(bytes, "x").map(|f| f.code), Some(Code::InputPlaylist));
        }
        for bytes in [b"\n <!DOCTYPE html>".as_slice(), b"<HTML>", b"<?xml version"] {
            assert_eq!(refused_bytes(bytes, "x").map(|f| f.code), Some(Code::InputNotMedia));
        }
        assert_eq!(refused_bytes(b"\0\0\0\x18ftypmp42", "x"), None);
        assert_eq!(refused_bytes(b"", "x"), None);
    }

    #[test]
    fn titles_come_from_names_and_hold_nothing_that_controls() {
        let of = |text: &str| title(&Url::parse(text).unwrap());
        assert_eq!(of("https://example.org/a/My%20talk.final.mp4?x=1"), "My talk.final");
        assert_eq!(of("https://example.org/"), "example.org");
        assert_eq!(of("https://example.org/%0a%00x%zz.mp4"), "x%zz");
        assert_eq!(
            of("https://example.org/..%2f..%2fetc"),
            "..%2f..%2fetc".replace("%2f", "/").rsplit_once('.').unwrap().0
        );
        assert_eq!(tidy(" a\u{202e}b \n c ", 3), "ab ");
    }
}
