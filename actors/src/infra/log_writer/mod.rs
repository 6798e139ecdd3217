//! Log rows on their way from the tracing layer to the store: gathered, written in groups, dropped when the store is away
//! for long. Telemetry, not state.

mod msg;
mod shell;

pub use msg::Msg;
pub use shell::LogWriter;
