//! Stardust's seal: signs the ledger's head now and then and on stop, keeps the checkpoint in the store and in a file of
//! its own, so that a ledger that was rolled back is told from one that was not.

mod msg;
mod perform;
mod shell;

pub use msg::Msg;
pub use shell::{Checkpointer, Seal};
