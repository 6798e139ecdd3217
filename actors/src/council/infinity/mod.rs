//! Infinity: reads how busy the machine is. Telemetry for Eclipse, Lattice and the control cycle; not an authority.

mod msg;
mod perform;
mod shell;

pub use msg::Msg;
pub use shell::Infinity;
