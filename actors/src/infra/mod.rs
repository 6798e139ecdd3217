//! What the others stand on: writing, dispatching orders, logs, checkpoints.

pub mod checkpointer;
pub mod log_writer;
pub mod outbox;
pub mod store_writer;
