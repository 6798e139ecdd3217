//! Pulling sound and pictures out of a *normalised* source (or one that ingest accepted as it is), block by block.
//!
//! Both readers use one clock: second 0 is [`crate::ff::origin_us`]. Memory does not grow with the source.

mod audio;
pub(crate) mod conform;
mod frames;
mod luma;
mod picture;

pub use audio::AudioReader;
pub use frames::{FrameOptions, FrameReader};
