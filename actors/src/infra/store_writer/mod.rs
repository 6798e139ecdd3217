//! The one writer: takes sealed commits, writes those that wait together in one durable transaction, answers each.
//! While one group is being written the next one gathers.

mod msg;
mod perform;
mod shell;

pub use msg::{Answer, Msg};
pub use perform::Hand;
pub use shell::StoreWriter;
