//! Sound besides words: levels, peaks, and who holds the turn.
//!
//! Everything here streams: samples come in blocks of any size, and what is kept grows by less than a kilobyte a second.

pub mod levels;
mod mel;
mod moments;
pub mod peaks;
mod pieces;
mod speakers;
pub mod turns;
mod voice;

pub use levels::Levels;
pub use peaks::Peaks;
pub use turns::Turns;

#[cfg(test)]
pub(crate) mod real;
