//! Messages of the store writer.

use std::sync::Arc;

use omniva_contracts::engine::LogRow;
use omniva_store::{Receipt, Refused, Sealed, StoreFault};
use tokio::sync::oneshot;

pub type Answer = oneshot::Sender<Result<Receipt, Refused>>;

pub enum Msg {
    Write(Sealed, Answer),
    Log(Vec<LogRow>),
    /// Answered when everything that came before is written or given up.
    Flush(oneshot::Sender<()>),
    /// What is wrong with the store, if anything.
    Status(oneshot::Sender<Option<Arc<StoreFault>>>),
    /// The running write came back.
    Wrote(super::perform::Written),
    /// The pause after a failure is over.
    Again,
}
