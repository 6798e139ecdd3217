//! Messages of the dispatcher.

use std::sync::Arc;

use omniva_contracts::engine::{JobKind, QueueControl};
use tokio::sync::oneshot;

use crate::kit::News;

pub enum Msg {
    /// A group of commits was written.
    Written(Arc<News>),
    /// A place of this pool came back.
    Freed(JobKind),
    /// Something may have become ready.
    Look,
    /// As [`Msg::Look`], for one queue.
    LookAt(JobKind),
    /// First phase of stopping: no more claims. Answered when none is on its way.
    Halt(oneshot::Sender<()>),
    /// The queues as they are run now; `None` when the store did not say.
    Controls(Option<Vec<QueueControl>>),
    Claimed {
        queue: JobKind,
        found: super::perform::Found,
    },
}
