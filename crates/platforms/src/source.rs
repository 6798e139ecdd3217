//! The port to where a creator's videos come from.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use omniva_assets::{Copied, Library};
use omniva_contracts::engine::{FoundItem, Moment, PostDetails, SourceSpec};
use omniva_contracts::{Fault, Monitor};

use crate::direct::UrlSource;
use crate::feed::FeedSource;
use crate::inbox::InboxSource;
use crate::net::Net;
use crate::ytdlp::YtdlpSource;

/// What a look at a source is limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Items that are older are left out.
    pub since: Option<Moment>,
    /// Items that are newer are left out.
    pub until: Option<Moment>,
    /// Larger ones are left out and told.
    pub max_bytes: u64,
}

/// What one look found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Looked {
    /// Oldest first.
    pub items: Vec<FoundItem>,
    /// What is there and is not taken: name and reason, at most [`Looked::MAX_SKIPPED`].
    pub skipped: Vec<(String, String)>,
}

impl Looked {
    pub const MAX_SKIPPED: usize = 50;

    pub fn skip(&mut self, name: impl Into<String>, why: impl Into<String>) {
        if self.skipped.len() < Self::MAX_SKIPPED {
            self.skipped.push((name.into(), why.into()));
        }
    }
}

/// What became of fetching an item.
#[derive(Debug)]
pub enum Fetched {
    /// The file, and what was learnt about the item while it was fetched.
    Copy(Box<Copied>, Box<PostDetails>),
    /// It is not there any more, or not the same as when it was found: the next look tells anew.
    Gone(String),
}

/// A source. Its functions block, and ask the monitor whether to go on.
pub trait Source: Send + Sync {
    /// Everything that is there now, as far as the window reaches.
    ///
    /// # Errors
    /// `source_unavailable`, `cancelled`; of a network source also `address_refused`, `network_timeout`, `rate_limited`,
    /// `auth_failed`, `unavailable`, `too_large`, `feed_invalid`, `not_a_bot_check`, `tool_missing`, `tool_failed`.
    fn look(&self, window: &Window, monitor: &dyn Monitor) -> Result<Looked, Fault>;
    /// A second look at items that are wanted: those that are complete and did not change since the first one.
    ///
    /// # Errors
    /// Those of [`Source::look`].
    fn confirm(&self, items: Vec<FoundItem>, monitor: &dyn Monitor) -> Result<Looked, Fault>;
    /// A local file to look into before an item is fetched, where the source has one.
    fn sample(&self, _item: &FoundItem) -> Option<PathBuf> {
        None
    }
    /// Copies an item into the library.
    ///
    /// # Errors
    /// `source_unavailable`, `input_unreadable`, `no_space`, `output_unwritable`, `cancelled`; `internal` for an item that
    /// can not be of this source; of a network source also those of [`Source::look`], `input_playlist`, `input_not_media`,
    /// `input_empty`, `too_long`.
    fn fetch(&self, item: &FoundItem, library: &Library, monitor: &dyn Monitor) -> Result<Fetched, Fault>;
}

/// The adapter for what an operator has set. `settle` is how long a file of an inbox must stand still before it is taken.
///
/// # Errors
/// `source_unavailable`, `url_invalid`, `address_refused`, `usage`, `tool_missing`.
pub fn source(spec: &SourceSpec, settle: Duration, net: &Arc<Net>) -> Result<Box<dyn Source>, Fault> {
    net.check(spec)?;
    let Some(url) = spec.url()? else {
        let SourceSpec::Inbox { folder } = spec else {
            return Err(Fault::internal("a source without a URL is no folder"));
        };
        return Ok(Box::new(InboxSource::open(folder, settle)?));
    };
    let most = |own: &Option<u32>| own.unwrap_or(net.config().max_items);
    Ok(match spec {
        SourceSpec::Feed { max_items, .. } => Box::new(FeedSource::new(net.clone(), url, most(max_items))),
        SourceSpec::Channel { max_items, .. } | SourceSpec::Handle { max_items, .. } => {
            Box::new(YtdlpSource::new(net.clone(), url, most(max_items), spec.access())?)
        }
        SourceSpec::Url { .. } | SourceSpec::Inbox { .. } => Box::new(UrlSource::new(net.clone(), url)),
    })
}
