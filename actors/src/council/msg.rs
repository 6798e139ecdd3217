//! Messages of a module.

use std::sync::Arc;

use omniva_cognition::council::Brief;
use omniva_contracts::engine::Advisory;
use tokio::sync::oneshot;

pub enum Msg {
    /// `None` when the module has no say in this question.
    Advise(Arc<Brief>, oneshot::Sender<Option<Advisory>>),
}
