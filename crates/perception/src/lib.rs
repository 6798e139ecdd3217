//! What a source sounds, looks and reads like: models behind plain functions.
//!
//! Invariants: nothing here decodes media, spawns a process or, apart from [`http`], touches the network. Every model
//! file comes out of one folder, through [`runtime::Runtime`], and is refused when it points at other files.

pub mod asr;
pub mod http;
pub mod listen;
pub mod onnx;
pub mod read;
pub mod runtime;
pub mod sound;
pub mod vad;
pub mod watch;
pub mod wav;
pub mod windows;
