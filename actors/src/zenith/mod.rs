//! Zenith: the one authority. It takes commands, events and questions, thinks about each in a task of its own, seals what
//! comes of it and hands it to the writer. It never waits itself.
//!
//! Invariants: nobody else holds a mandate; every change has its packets in the same commit; deliberations on one subject
//! run one after another, on different subjects side by side; a commit that was overtaken is thought through again, a
//! bounded number of times.

mod advance;
mod ask;
mod cycle;
mod deliberate;
mod msg;
mod shell;
mod sweep;
mod write;

pub use msg::{Advanced, Inquiry, Move, Msg, WhyNot};
pub use shell::Zenith;
pub(crate) use write::{Unwritten, commit, commit_what_can_be};

/// How often a commit that was overtaken is thought through again.
pub(crate) const TRIES: u32 = 6;
