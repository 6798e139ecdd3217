//! Every type that crosses a boundary of the engine: the contracts of the reference, what one stage hands to the next,
//! faults with stable codes, and the ports through which time, randomness and ids come in.
//!
//! Invariants: this crate performs no I/O, reads no clock and draws no random number outside the adapters of
//! [`ports`]. Times are seconds as `f64` on the *normalised* source (monotonic, starting at 0) unless a name says
//! otherwise; rectangles are fractions of the picture (0..1) unless a name says pixels.

pub mod analysis;
pub mod choice;
pub mod config;
mod digits;
pub mod engine;
pub mod fault;
pub mod geometry;
pub mod jobs;
pub mod media;
pub mod monitor;
pub mod plan;
pub mod ports;
pub mod qc;
pub mod record;
pub mod schemas;
pub mod streams;
pub mod wire;

pub use digits::hex;
pub use fault::{Code, Fault, FaultClass};
pub use geometry::{Rect, Span};
pub use monitor::{Monitor, Silent};

/// Version of every document this build writes (`schema_version` of the reference, §2). Readers refuse another major.
pub const SCHEMA_VERSION: &str = "1.0.0";
