//! How decoded media reaches the models: pulled, one block at a time, so that memory does not grow with the source.

use crate::Fault;

/// Mono samples, -1..1, at the rate that the reader was opened with.
pub trait AudioSource {
    fn sample_rate(&self) -> u32;
    /// The next block (any length > 0), or `None` at the end.
    fn next_block(&mut self) -> Result<Option<&[f32]>, Fault>;
}

/// A picture scaled down for analysis, as packed BGR, row after row without padding.
pub struct Picture<'a> {
    pub width: usize,
    pub height: usize,
    pub bgr: &'a [u8],
}

/// One decoded frame of the source.
pub struct Frame<'a> {
    /// Seconds on the normalised source.
    pub time: f64,
    /// Small luma picture for shots and motion; every frame has one.
    pub luma_width: usize,
    pub luma_height: usize,
    pub luma: &'a [u8],
    /// The frame for face detection; only on frames that the reader was asked to sample.
    pub picture: Option<Picture<'a>>,
}

pub trait FrameSource {
    /// The next frame, or `None` at the end.
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Fault>;
}
