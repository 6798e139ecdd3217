//! Speech recognition: Whisper in ONNX Runtime (Radford et al., "Robust Speech Recognition via Large-Scale Weak
//! Supervision", 2022), one window of at most 30 s at a time.
//!
//! sound → [`mel`] → [`model`] (encoder) → [`decode`] (token by token, with [`rules`]) → [`align`] (when each token was
//! said) → [`words`] → segments. [`whisper`] ties them together and decides when to try again.

pub mod align;
pub mod decode;
mod gaps;
pub mod guard;
pub mod mel;
pub mod model;
mod resume;
pub mod rules;
pub mod tokens;
pub mod whisper;
pub mod words;

use omniva_contracts::Fault;
use omniva_contracts::analysis::Segment;

use crate::windows::Window;

/// Seconds between two positions of the encoder, and between two time tokens.
pub const STEP: f64 = 0.02;
/// Positions of the encoder in a window of 30 s.
pub const TIME_STEPS: usize = 1500;

/// Anything that turns a window of speech into text with times on the source.
pub trait Recognizer {
    /// Segments in order; their words never overlap. A window without speech gives none.
    fn recognize(&mut self, window: &Window) -> Result<Vec<Segment>, Fault>;
}
