//! Where videos come from and where clips go: ports and their adapters. Videos come from a folder, a URL, a feed, or
//! whatever yt-dlp understands; clips go into a folder, to YouTube, TikTok, Instagram or a webhook. A third port reads back
//! what the posts achieved.
//!
//! Invariants: an item keeps its id as long as it is the same item; nothing outside the source that was named is ever
//! read; what is fetched goes through [`Net`], which dials no address that its guard did not see; a clip is published at
//! most once for each upload job, whatever moment the process dies at; no file that is not ours is ever replaced.

mod attempt;
mod call;
mod direct;
mod download;
mod drafter;
mod feed;
mod figures;
mod files;
mod folder;
mod inbox;
mod insights;
mod instagram;
mod link;
mod media;
mod mp4;
mod net;
pub mod oauth;
mod pace;
mod pacific;
mod progress;
mod publisher;
mod secrets;
mod source;
#[cfg(test)]
mod testing;
mod text;
mod tiktok;
mod webhook;
mod youtube;
mod ytdlp;

pub use call::{Body, HttpTransport, Reply, Request, Transport, Trouble};
pub use direct::UrlSource;
pub use drafter::{ChatDrafter, DraftAsk, Drafter};
pub use feed::FeedSource;
pub use figures::{Imported, import_figures};
pub use folder::FolderPublisher;
pub use inbox::{Glance, InboxSource, glance};
pub use insights::{Insights, Missing, PostRef, Pulled};
pub use instagram::{InstagramInsights, InstagramPublisher};
pub use link::{Kit, Meter, Unmetered};
pub use net::{Answer, Ask, Guard, Method, Names, Net, Span, SystemNames};
pub use progress::Progress;
pub use publisher::{Content, Placed, Post, Posted, Publication, PublishFile, Publisher, Receipt};
pub use secrets::check_secret;
pub use source::{Fetched, Looked, Source, Window, source};
pub use tiktok::{TiktokInsights, TiktokPublisher};
pub use webhook::{WebhookPublisher, WebhookTarget, signature};
pub use youtube::{YoutubeInsights, YoutubePublisher};
pub use ytdlp::{Ytdlp, YtdlpSource, ytdlp};

/// A name as it may be shown: no control characters.
pub(crate) fn shown(name: &std::ffi::OsStr) -> String {
    name.to_string_lossy().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
