//! Text files: playlists of every kind that some player or FFmpeg would follow, and other text.

use super::Looks;

/// Words that open a playlist, lower-case, after a byte order mark and white space.
const OPENINGS: &[(&str, &str)] = &[
    ("#extm3u", "an HLS or M3U playlist"),
    ("#ext-x-", "an HLS playlist"),
    ("#extinf", "an M3U playlist"),
    ("ffconcat", "an FFmpeg concat script"),
    ("[playlist]", "a PLS playlist"),
    ("[reference]", "a Windows Media playlist"),
    ("[default]\r\nbaseurl", "an internet shortcut"),
    ("[internetshortcut]", "an internet shortcut"),
    ("rtsptext", "a QuickTime link"),
    ("smiltext", "a QuickTime link"),
];

/// Elements that make an XML document a playlist, lower-case, with or without a name space prefix.
const ELEMENTS: &[(&str, &str)] = &[
    ("mpd", "a DASH manifest"),
    ("smoothstreamingmedia", "a Smooth Streaming manifest"),
    ("asx", "an ASX playlist"),
    ("compositionplaylist", "an IMF composition playlist"),
    ("assetmap", "an IMF asset map"),
    ("packinglist", "an IMF packing list"),
    ("playlist", "an XSPF playlist"),
    ("smil", "a SMIL presentation"),
    ("wpl", "a Windows Media playlist"),
];

const SCHEMES: &[&str] = &[
    "http://", "https://", "rtsp://", "rtsps://", "rtmp://", "rtmps://", "mms://", "mmsh://", "ftp://", "sftp://",
    "udp://", "rtp://", "srt://", "tcp://", "file://", "concat:", "subfile,", "data:", "crypto:", "hls+", "async:",
    "cache:",
];

const MEDIA_ENDINGS: &[&str] = &[
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".ts", ".m2ts", ".avi", ".flv", ".wmv", ".mp3", ".m4a", ".wav", ".flac",
    ".ogg", ".aac",
];

pub(super) fn recognise(head: &[u8]) -> Option<Looks> {
    let text = as_text(head)?;
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
    let playlist =
        opening(text).or_else(|| session_description(text)).or_else(|| manifest(text)).or_else(|| list(text));
    Some(playlist.map_or_else(|| Looks::Other(plain(text)), Looks::Playlist))
}

/// The head as lower-case text when it is text: UTF-8, Latin-1 or UTF-16 with hardly any control characters. A playlist
/// signature is found even when binary rubbish follows it.
fn as_text(head: &[u8]) -> Option<String> {
    let bytes: Vec<u8> = match head {
        [0xFF, 0xFE, rest @ ..] => rest.iter().step_by(2).copied().collect(),
        [0xFE, 0xFF, rest @ ..] => rest.iter().skip(1).step_by(2).copied().collect(),
        [0xEF, 0xBB, 0xBF, rest @ ..] => rest.to_vec(),
        _ => head.to_vec(),
    };
    let control = bytes.iter().filter(|&&b| b < 0x20 && !b"\t\n\r\x0c\x1b".contains(&b)).count();
    let ascii = bytes.iter().filter(|&&b| b.is_ascii_graphic() || b == b' ' || b == b'\n').count();
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    let valid = std::str::from_utf8(&bytes).map_or_else(|error| error.error_len().is_none(), |_| true);
    // Latin-1 text has some high bytes; random data has half of them high and one in nine a control character.
    let textual = control * 50 <= bytes.len() && (valid || ascii * 10 >= bytes.len() * 7);
    (textual || opening(text.trim_start()).is_some()).then_some(text)
}

fn opening(text: &str) -> Option<&'static str> {
    OPENINGS.iter().find(|(words, _)| text.starts_with(words)).map(|(_, kind)| *kind)
}

/// SDP (RFC 8866 §5): version, origin and session lines first.
fn session_description(text: &str) -> Option<&'static str> {
    let mut lines = text.lines().map(str::trim);
    let versioned = lines.next().is_some_and(|line| line.starts_with("v=0"));
    let described = lines.take(20).any(|line| ["o=", "c=in", "m=audio", "m=video"].iter().any(|p| line.starts_with(p)));
    (versioned && described).then_some("a session description (SDP)")
}

fn manifest(text: &str) -> Option<&'static str> {
    if !text.starts_with('<') {
        return None;
    }
    text.split('<').skip(1).find_map(|tag| {
        let name: &str = tag.split(|c: char| c.is_whitespace() || c == '>' || c == '/').next().unwrap_or_default();
        let local = name.rsplit(':').next().unwrap_or_default();
        ELEMENTS.iter().find(|(element, _)| *element == local).map(|(_, kind)| *kind)
    })
}

/// Lines that are addresses, `file` directives of a concat script, or names of media files.
fn list(text: &str) -> Option<&'static str> {
    let mut lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).take(20).peekable();
    let first = *lines.peek()?;
    if SCHEMES.iter().any(|scheme| first.starts_with(scheme)) {
        return Some("a list of addresses");
    }
    if first.starts_with("file ") || first.starts_with("file\t") {
        return Some("an FFmpeg concat script");
    }
    lines.all(|line| MEDIA_ENDINGS.iter().any(|ending| line.ends_with(ending))).then_some("a list of media files")
}

fn plain(text: &str) -> &'static str {
    match text {
        t if t.starts_with("<!doctype html") || t.starts_with("<html") => {
            "a web page; was the download a sign-in page?"
        }
        t if t.starts_with("<svg") || (t.starts_with("<?xml") && t.contains("<svg")) => "an SVG picture",
        t if t.starts_with('<') => "an XML document",
        t if t.starts_with('{') || t.starts_with('[') => "a JSON document or a settings file",
        t if t.starts_with("#!") => "a script",
        t if t.starts_with("webvtt") || t.contains(" --> ") => "a subtitle file",
        _ => "a text file",
    }
}
