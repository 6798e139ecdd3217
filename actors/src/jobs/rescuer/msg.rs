//! Messages of the rescuer.

use std::sync::Arc;

use omniva_contracts::engine::Moment;

use crate::kit::News;

pub enum Msg {
    /// A group of commits was written that makes something due.
    Written(Arc<News>),
    /// Jobs of an engine that is no more.
    Adopt,
    Adopted,
    /// The alarm that was set as number so and so.
    Alarm(u64),
    Swept(Swept),
    Halt,
}

/// What a sweep says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// When the next is due; `None` when nothing is.
    pub next: Option<Moment>,
    /// The store did not answer, or there was more than one sweep takes.
    pub again: bool,
}
