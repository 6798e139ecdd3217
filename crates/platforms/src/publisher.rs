//! The port to where finished clips go.

use std::path::PathBuf;

use omniva_contracts::engine::{ClipId, Moment, UploadJobId};
use omniva_contracts::wire::PrivacyStatus;
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

/// What a platform is told about a clip. A folder has it in its text file.
#[derive(Clone, Debug, PartialEq)]
pub struct Post {
    pub title: String,
    pub description: String,
    pub tags: Vec<String>,
    /// Never more open than this, whatever a platform's default is.
    pub privacy: PrivacyStatus,
    /// When the platform itself makes it public, where it can.
    pub publish_at: Option<Moment>,
    /// The platform's id of a category.
    pub category: Option<String>,
    /// BCP 47
    pub language: Option<String>,
    /// The platform's id of a playlist that the video joins.
    pub playlist: Option<String>,
    pub made_for_kids: bool,
    /// Made or changed by a model so that it could be taken for real.
    pub synthetic: bool,
    /// Milliseconds into the video where the cover is taken, where a platform can.
    pub cover_ms: Option<u64>,
}

impl Post {
    /// Private, and without any wish.
    pub fn new(title: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            description: description.into(),
            tags: Vec::new(),
            privacy: PrivacyStatus::Private,
            publish_at: None,
            category: None,
            language: None,
            playlist: None,
            made_for_kids: false,
            synthetic: false,
            cover_ms: None,
        }
    }
}

/// What is to be published, once.
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    /// The key of the effect: whatever is asked again with it is done at most once.
    pub upload_job_id: UploadJobId,
    pub clip_id: ClipId,
    /// The video first.
    pub files: Vec<PublishFile>,
    pub post: Post,
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
    /// For platforms: the post as they showed it when it was read back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<Posted>,
}

/// A post on a platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posted {
    pub account: String,
    /// The platform's id; empty where it gave none although the post is there.
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// In the platform's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish_at: Option<Moment>,
    /// What did not come out as it was asked for, though the post is there: a cover that was refused, another privacy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A target. Its functions block, and ask the monitor whether to go on.
pub trait Publisher: Send + Sync {
    /// `folder`, or a platform's name: what upload jobs call it.
    fn target(&self) -> &'static str;
    /// Makes sure that publishing can begin.
    ///
    /// # Errors
    /// `output_unwritable`, `no_space`; for platforms `platform_reconnect` naming the account, `platform_unavailable`,
    /// `vault_locked`, `vault_corrupt`.
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
    /// file of ours is not what it should be, `conflict` when another attempt is under way, `cancelled`; for platforms
    /// `platform_pending` and `platform_limited` (neither is a failure: ask again at `not_before_us`),
    /// `platform_unavailable`, `platform_refused`, `platform_reconnect`, and `unconfirmed` when nobody can say whether it
    /// was posted: asked again, it only reads.
    fn publish(&self, publication: &Publication, monitor: &dyn Monitor) -> Result<Receipt, Fault>;
    /// Reads back what was published just now.
    ///
    /// # Errors
    /// `output_unwritable` naming what is missing or differs, `cancelled`; for platforms `platform_pending` while it is being
    /// processed, `platform_refused` with the reason when it was taken down or can't be processed.
    fn verify(&self, receipt: &Receipt, monitor: &dyn Monitor) -> Result<(), Fault>;
}
