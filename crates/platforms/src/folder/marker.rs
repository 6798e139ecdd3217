//! The record of one upload job in the output folder.

use std::fs;
use std::io;
use std::path::Path;

use omniva_assets::write_atomic;
use omniva_contracts::engine::{ClipId, UploadJobId};
use omniva_contracts::{Code, Fault};
use serde::{Deserialize, Serialize};

use crate::publisher::{Placed, Publication};

/// A record is a few lines.
const MAX: u64 = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Some of the files may be there.
    Placing,
    /// All of them were.
    Placed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    pub format: u32,
    pub upload_job_id: UploadJobId,
    pub clip_id: ClipId,
    pub state: State,
    pub files: Vec<Placed>,
}

impl Marker {
    pub fn new(publication: &Publication, files: Vec<Placed>, state: State) -> Self {
        let (upload_job_id, clip_id) = (publication.upload_job_id, publication.clip_id);
        Self { format: 1, upload_job_id, clip_id, state, files }
    }

    /// `None` when there is none. One that can't be read is a fault: without it nobody knows whether files were placed.
    pub fn read(path: &Path, id: UploadJobId) -> Result<Option<Self>, Fault> {
        let broken = |detail: String| {
            Fault::new(
                Code::OutputUnwritable,
                format!("the record {} can't be read, so that nobody knows what was published", path.display()),
                "look which of the clip's files are in the output folder, remove them and the record, then retry the job",
            )
            .with_detail(detail)
        };
        match fs::symlink_metadata(path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(broken(error.to_string())),
            Ok(about) if !about.is_file() || about.len() > MAX => return Err(broken("no small file".into())),
            Ok(_) => {}
        }
        let bytes = fs::read(path).map_err(|e| broken(e.to_string()))?;
        let marker: Self = serde_json::from_slice(&bytes).map_err(|e| broken(e.to_string()))?;
        if marker.upload_job_id != id || marker.format != 1 {
            return Err(broken("it belongs to something else".into()));
        }
        Ok(Some(marker))
    }

    pub fn write(&self, path: &Path) -> Result<(), Fault> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|e| Fault::internal("a record can't be written as JSON").with_detail(e))?;
        write_atomic(path, &text)
    }
}
