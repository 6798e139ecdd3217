//! The port to where a creator's videos come from.

use std::path::PathBuf;
use std::time::Duration;

use omniva_assets::{Copied, Library};
use omniva_contracts::engine::{FoundItem, Moment, SourceSpec};
use omniva_contracts::{Fault, Monitor};

use crate::inbox::InboxSource;

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
    Copy(Copied),
    /// It is not there any more, or not the same as when it was found: the next look tells anew.
    Gone(String),
}

/// A source. Its functions block, and ask the monitor whether to go on.
pub trait Source: Send + Sync {
    /// Everything that is there now, as far as the window reaches.
    ///
    /// # Errors
    /// `source_unavailable`, `cancelled`.
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
    /// can not be of this source.
    fn fetch(&self, item: &FoundItem, library: &Library, monitor: &dyn Monitor) -> Result<Fetched, Fault>;
}

/// The adapter for what an operator has set. `settle` is how long an item must stand still before it is taken.
///
/// # Errors
/// `source_unavailable`.
pub fn source(spec: &SourceSpec, settle: Duration) -> Result<Box<dyn Source>, Fault> {
    match spec {
        SourceSpec::Inbox { folder } => Ok(Box::new(InboxSource::open(folder, settle)?)),
    }
}
