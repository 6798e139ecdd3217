//! What a publisher has to remember between attempts, and the port through which it does.
//!
//! The rule of all publishers: the record says what is about to happen *before* it happens. After a death the next attempt
//! reads the record, asks the platform what became of it, and goes on from there.

use omniva_contracts::engine::UploadJobId;
use omniva_contracts::{Code, Fault};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where records are kept, one for each upload job. It must be as safe as the job itself.
pub trait Progress: Send + Sync {
    /// # Errors
    /// Those of the store.
    fn load(&self, id: UploadJobId) -> Result<Option<Value>, Fault>;
    /// Kept for good when this returns.
    ///
    /// # Errors
    /// Those of the store; the older record is then unchanged.
    fn save(&self, id: UploadJobId, record: &Value) -> Result<(), Fault>;
}

/// One upload. Holds no secret: addresses of sessions are kept in the vault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record<S> {
    pub format: u32,
    pub platform: String,
    pub account: String,
    /// Of the video: another one is another upload.
    pub sha256: String,
    pub bytes: u64,
    pub step: S,
}

const FORMAT: u32 = 1;

impl<S: Serialize + DeserializeOwned> Record<S> {
    pub fn new(platform: &str, account: &str, sha256: &str, bytes: u64, step: S) -> Self {
        let (platform, account, sha256) = (platform.to_owned(), account.to_owned(), sha256.to_owned());
        Self { format: FORMAT, platform, account, sha256, bytes, step }
    }

    /// # Errors
    /// `unconfirmed` when the record can't be read or belongs to another target: nobody then knows what was sent.
    pub fn load(port: &dyn Progress, id: UploadJobId, platform: &str, account: &str) -> Result<Option<Self>, Fault> {
        let Some(value) = port.load(id)? else { return Ok(None) };
        let broken = |why: String| {
            Fault::new(
                Code::Unconfirmed,
                format!("the record of upload {id} can't be used, so that nobody knows what {platform} has"),
                format!("look on {platform} whether the clip is there; then cancel the job, or make a new upload"),
            )
            .with_detail(why)
        };
        let record: Self = serde_json::from_value(value).map_err(|e| broken(e.to_string()))?;
        if record.format != FORMAT || record.platform != platform || record.account != account {
            return Err(broken(format!("it is of {} and account {}", record.platform, record.account)));
        }
        Ok(Some(record))
    }

    /// # Errors
    /// Those of the port.
    pub fn save(&self, port: &dyn Progress, id: UploadJobId) -> Result<(), Fault> {
        let value = serde_json::to_value(self)
            .map_err(|e| Fault::internal("the record of an upload can't be written as JSON").with_detail(e))?;
        port.save(id, &value)
    }

    /// # Errors
    /// `conflict` when the clip was rendered anew after its upload began.
    pub fn same_video(&self, sha256: &str, bytes: u64) -> Result<(), Fault> {
        if self.sha256 == sha256 && self.bytes == bytes {
            return Ok(());
        }
        Err(Fault::new(
            Code::OutputExists,
            "the upload began with another file: the clip was edited meanwhile",
            "make a new upload for the new file, and cancel this one",
        ))
    }
}
