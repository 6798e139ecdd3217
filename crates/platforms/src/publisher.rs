//! The port to where finished clips go.

use std::path::PathBuf;

use omniva_contracts::engine::{ClipId, UploadJobId};
use omniva_contracts::{Fault, Monitor};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A finished file of ours; its bytes must hash to `sha256`.
    File {
        path: PathBuf,
        sha256: String,
    },
    Text(String),
}

/// One file of a publication.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishFile {
    /// Plain file name, without a folder.
    pub name: String,
    pub content: Content,
    pub bytes: u64,
}

/// What is to be published, once.
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    /// The key of the effect: whatever is asked again with it is done at most once.
    pub upload_job_id: UploadJobId,
    pub clip_id: ClipId,
    /// The video first.
    pub files: Vec<PublishFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placed {
    pub name: String,
    pub sha256: String,
    pub bytes: u64,
}

/// What the target has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Where: a folder, or a platform's name of the post.
    pub place: String,
    pub files: Vec<Placed>,
}

/// A target. Its functions block, and ask the monitor whether to go on.
pub trait Publisher: Send + Sync {
    /// `folder`, or a platform's name: what upload jobs call it.
    fn target(&self) -> &'static str;
    /// Makes sure that publishing can begin.
    ///
    /// # Errors
    /// `output_unwritable`, `no_space`.
    fn authorise(&self) -> Result<(), Fault>;
    /// What an upload job has published already; `None` when nothing, or not all of it.
    ///
    /// # Errors
    /// `output_unwritable` when what it remembers can't be read.
    fn find(&self, upload_job_id: UploadJobId) -> Result<Option<Receipt>, Fault>;
    /// Publishes, or goes on where an interrupted attempt of the same upload job stopped.
    ///
    /// # Errors
    /// `output_exists` when something that is not ours has the name, `output_unwritable`, `no_space`, `input_corrupt` when a
    /// file of ours is not what it should be, `conflict` when another attempt is under way, `cancelled`.
    fn publish(&self, publication: &Publication, monitor: &dyn Monitor) -> Result<Receipt, Fault>;
    /// Reads back what was published just now.
    ///
    /// # Errors
    /// `output_unwritable` naming what is missing or differs, `cancelled`.
    fn verify(&self, receipt: &Receipt, monitor: &dyn Monitor) -> Result<(), Fault>;
}
