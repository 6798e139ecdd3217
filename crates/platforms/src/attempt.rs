//! One attempt at one upload, the same on every platform: the record is read, steps are taken until one holds a receipt, and
//! each step is kept before what it announces is done.

use omniva_contracts::engine::UploadJobId;
use omniva_contracts::{Fault, Monitor};
use omniva_vault::Secret;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::files::Video;
use crate::link::Link;
use crate::progress::Record;
use crate::publisher::{Publication, Receipt};

/// Where an upload stands.
pub(crate) trait Stage: Clone + Serialize + DeserializeOwned {
    /// Nothing is on the platform.
    const NEW: Self;
    /// What the platform has, once it has it all.
    fn receipt(&self) -> Option<&Receipt>;
}

pub(crate) struct Attempt<'a, S> {
    pub id: UploadJobId,
    pub publication: &'a Publication,
    pub video: Video<'a>,
    pub monitor: &'a dyn Monitor,
    link: &'a Link,
    record: Record<S>,
}

fn load<S: Stage>(link: &Link, id: UploadJobId) -> Result<Option<Record<S>>, Fault> {
    Record::load(&*link.kit.progress, id, &link.account.platform, &link.account.name)
}

/// What an upload has published, when it is done.
pub(crate) fn find<S: Stage>(link: &Link, id: UploadJobId) -> Result<Option<Receipt>, Fault> {
    Ok(load::<S>(link, id)?.and_then(|record| record.step.receipt().cloned()))
}

/// Goes on where the record stands, one step at a time. `go` takes the step that it is given, and either announces another
/// or gives up for now.
///
/// # Errors
/// `output_exists` when the record is of another file, `unconfirmed` when it can't be read; those of `go`.
pub(crate) fn run<'a, S: Stage>(
    link: &'a Link,
    publication: &'a Publication,
    monitor: &'a dyn Monitor,
    go: impl Fn(&mut Attempt<'a, S>, S) -> Result<(), Fault>,
) -> Result<Receipt, Fault> {
    let id = publication.upload_job_id;
    let video = Video::of(publication)?;
    let record = match load::<S>(link, id)? {
        Some(record) => record,
        None => Record::new(&link.account.platform, &link.account.name, video.sha256, video.bytes, S::NEW),
    };
    if record.step.receipt().is_none() {
        record.same_video(video.sha256, video.bytes)?;
    }
    let mut attempt = Attempt { id, publication, video, monitor, link, record };
    loop {
        if let Some(receipt) = attempt.record.step.receipt() {
            return Ok(receipt.clone());
        }
        let step = attempt.record.step.clone();
        go(&mut attempt, step)?;
    }
}

impl<S: Stage> Attempt<'_, S> {
    /// Kept for good when this returns: what it announces may be done now.
    pub fn step(&mut self, step: S) -> Result<(), Fault> {
        self.record.step = step;
        self.record.save(&*self.link.kit.progress, self.id)
    }

    /// Where the platform takes the bytes is as good as a password: it lies in the vault, beside the record.
    pub fn keep_session(&self, address: &str) -> Result<(), Fault> {
        self.link.kit.accounts.secrets().put(&self.session_name(), &Secret::from(address))
    }

    pub fn session(&self) -> Result<Option<Secret>, Fault> {
        self.link.kit.accounts.secrets().get(&self.session_name())
    }

    /// The address is worth nothing any more.
    pub fn forget_session(&self) -> Result<(), Fault> {
        self.link.kit.accounts.secrets().remove(&self.session_name()).map(|_| ())
    }

    fn session_name(&self) -> String {
        format!("session/{}/{}", self.link.account.platform, self.id)
    }
}
