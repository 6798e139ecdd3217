//! The dispatcher: claims ready jobs for free places, in batches, and hands them to their pools. It wakes on news of
//! commits, on places that come back and on the rescuer's clock; it never polls.

mod msg;
mod perform;
mod shell;

pub use msg::Msg;
pub use shell::Dispatcher;
