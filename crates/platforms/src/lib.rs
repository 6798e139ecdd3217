//! Where videos come from and where clips go: two ports and their adapters. Videos come from a folder, a URL, a feed, or
//! whatever yt-dlp understands; clips go into a folder.
//!
//! Invariants: an item keeps its id as long as it is the same item; nothing outside the source that was named is ever
//! read; all that goes out goes through [`Net`], which dials no address that its guard did not see; a clip is published at most once for each upload job, whatever moment the process dies at; no file that is not
//! ours is ever replaced.

mod direct;
mod download;
mod feed;
mod folder;
mod inbox;
mod media;
mod net;
mod pace;
mod publisher;
mod source;
#[cfg(test)]
mod testing;
mod ytdlp;

pub use direct::UrlSource;
pub use feed::FeedSource;
pub use folder::FolderPublisher;
pub use inbox::InboxSource;
pub use net::{Answer, Ask, Guard, Method, Names, Net, Span, SystemNames};
pub use publisher::{Content, Placed, Publication, PublishFile, Publisher, Receipt};
pub use source::{Fetched, Looked, Source, Window, source};
pub use ytdlp::YtdlpSource;

/// SHA-256 as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String can't fail
        text
    })
}

/// A name as it may be shown: no control characters.
pub(crate) fn shown(name: &std::ffi::OsStr) -> String {
    name.to_string_lossy().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
