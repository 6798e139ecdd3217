//! `run.json` as a page that people want to look at: one self-contained HTML file.
//!
//! Everything in a record may be hostile (titles, spoken words, file names), so text enters the page only through
//! [`escape`], and the page carries a Content-Security-Policy that runs exactly one script and one style sheet, named
//! by their hashes, and fetches nothing from any network. The same record and thumbnails give the same bytes.

#[macro_use]
mod escape;
mod card;
mod council;
mod edit;
mod format;
mod lanes;
mod masthead;
mod page;
mod scores;
mod table;
mod thumbs;
mod timeline;
mod tracks;
mod transcript;
mod view;

use std::path::Path;

use omniva_contracts::Fault;
use omniva_contracts::record::RunRecord;

/// The page. Thumbnails are read from `folder` and embedded (one that can't be read is left out); players refer to the
/// clips beside the page by relative address.
///
/// # Errors
/// `internal` when the page's own data can't be written as JSON.
pub fn html(record: &RunRecord, folder: &Path) -> Result<String, Fault> {
    page::write(&view::View::new(record, folder))
}
