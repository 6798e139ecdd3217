//! Directives that are committed are dispatched here: at least once, so every order is carried out such that twice is as
//! good as once. A lost wake-up is found by the sweep.

mod msg;
mod perform;
mod shell;

pub use msg::Msg;
pub use shell::Outbox;
