//! The rescuer: brings back jobs whose worker is gone, whose pause is over, whose time has passed. It sleeps until the
//! next of them is due.

mod msg;
mod perform;
mod shell;

pub use msg::Msg;
pub use shell::Rescuer;
