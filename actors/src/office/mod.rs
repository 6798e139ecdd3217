//! What operators ask of the engine. A command becomes a plan (rows, packets, answer) by reading only; Zenith seals and
//! commits it. The API and the command line use nothing else to change anything.

mod command;

pub use command::*;
