//! Decoded sound of any rate, layout and format as one gapless run of samples that starts at second 0.

use std::collections::VecDeque;
use std::ptr;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;
use omniva_contracts::Fault;

use crate::ff;

/// A timestamp that is off by less than this (seconds) is jitter: samples are simply counted. Beyond it the difference is
/// a gap, filled with silence, or an overlap, dropped. Matroska rounds to 1 ms and Flash to whole frames of up to 26 ms.
pub const TOLERANCE: f64 = 0.030;
/// Longest block handed out, in samples per channel.
const BLOCK: usize = 16_384;

/// One `SwrContext` for one kind of input.
struct Resampler {
    raw: *mut ffi::SwrContext,
    layout: ffi::AVChannelLayout,
    format: ffi::AVSampleFormat,
    rate: i32,
}

// SAFETY: the context is owned and used from one thread at a time.
unsafe impl Send for Resampler {}

impl Resampler {
    /// Takes the input's format from `frame`; gives interleaved `f32`.
    fn new(frame: &ffmpeg::frame::Audio, rate: u32, channels: u32) -> Result<Self, Fault> {
        // SAFETY: layouts are initialised before use and released in drop; swr copies what it needs.
        unsafe {
            let source = &*frame.as_ptr();
            let mut this = Self {
                raw: ptr::null_mut(),
                layout: std::mem::zeroed(),
                format: frame.format().into(),
                rate: source.sample_rate,
            };
            if source.ch_layout.order == ffi::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC {
                ffi::av_channel_layout_default(&mut this.layout, source.ch_layout.nb_channels);
            } else {
                ffi::av_channel_layout_copy(&mut this.layout, &source.ch_layout);
            }
            let mut target: ffi::AVChannelLayout = std::mem::zeroed();
            ffi::av_channel_layout_default(&mut target, channels as i32);
            let result = ffi::swr_alloc_set_opts2(
                &mut this.raw,
                &mut target,
                ffi::AVSampleFormat::AV_SAMPLE_FMT_FLT,
                rate as i32,
                &mut this.layout,
                this.format,
                this.rate,
                0,
                ptr::null_mut(),
            );
            let result = if result < 0 { result } else { ffi::swr_init(this.raw) };
            if result < 0 {
                return Err(ff::fault(ffmpeg::Error::from(result), "converting its sound"));
            }
            Ok(this)
        }
    }

    fn fits(&self, frame: &ffmpeg::frame::Audio) -> bool {
        // SAFETY: both layouts are initialised.
        unsafe {
            let source = &*frame.as_ptr();
            let unspecified = source.ch_layout.order == ffi::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC;
            let same_layout = if unspecified {
                source.ch_layout.nb_channels == self.layout.nb_channels
            } else {
                ffi::av_channel_layout_compare(&self.layout, &source.ch_layout) == 0
            };
            same_layout && self.rate == source.sample_rate && self.format == frame.format().into()
        }
    }

    /// Converts the frame from sample `skip` on, or flushes what is inside with `None`. Appends interleaved samples.
    fn convert(
        &mut self,
        from: Option<(&ffmpeg::frame::Audio, usize)>,
        channels: usize,
        out: &mut Vec<f32>,
    ) -> Result<(), Fault> {
        let mut planes: Vec<*const u8> = Vec::new();
        let mut count = 0;
        if let Some((frame, skip)) = from {
            // SAFETY: extended_data holds one pointer per plane, each with nb_samples samples; skip < nb_samples.
            unsafe {
                let source = &*frame.as_ptr();
                let width = ffi::av_get_bytes_per_sample(self.format).max(0) as usize;
                let inputs = self.layout.nb_channels.max(1) as usize;
                let planar = ffi::av_sample_fmt_is_planar(self.format) != 0;
                let (number, step) = if planar { (inputs, width) } else { (1, width * inputs) };
                planes
                    .extend((0..number).map(|plane| (*source.extended_data.add(plane)).add(skip * step).cast_const()));
                count = source.nb_samples - skip as i32;
            }
        }
        let start = out.len();
        // SAFETY: `out` is grown to what swr says it may write, and cut back to what it wrote.
        let written = unsafe {
            let room = ffi::swr_get_out_samples(self.raw, count).max(0) as usize + 32;
            out.resize(start + room * channels, 0.0);
            let mut target = out.as_mut_ptr().add(start).cast::<u8>();
            let input = if planes.is_empty() { ptr::null_mut() } else { planes.as_mut_ptr() };
            ffi::swr_convert(self.raw, &mut target, room as i32, input, count)
        };
        out.truncate(start + written.max(0) as usize * channels);
        if written < 0 {
            return Err(ff::fault(ffmpeg::Error::from(written), "converting its sound"));
        }
        Ok(())
    }
}

impl Drop for Resampler {
    fn drop(&mut self) {
        // SAFETY: both were set up in `new`; freeing a null context is allowed.
        unsafe {
            ffi::swr_free(&mut self.raw);
            ffi::av_channel_layout_uninit(&mut self.layout);
        }
    }
}

enum Chunk {
    Samples(Vec<f32>),
    /// Samples per channel.
    Silence(u64),
}

/// Turns decoded frames with their times into samples whose index is their time: sample `n` (per channel) is second
/// `n / rate`.
pub struct Conform {
    rate: u32,
    channels: usize,
    resampler: Option<Resampler>,
    /// Time of the first sample that the present resampler got, and how many it got.
    base: f64,
    fed: u64,
    /// Samples per channel that went into the queue.
    queued: u64,
    queue: VecDeque<Chunk>,
    block: Vec<f32>,
}

impl Conform {
    pub fn new(rate: u32, channels: u32) -> Self {
        Self {
            rate,
            channels: channels.max(1) as usize,
            resampler: None,
            base: 0.0,
            fed: 0,
            queued: 0,
            queue: VecDeque::new(),
            block: Vec::new(),
        }
    }

    /// Takes a frame that starts at `time`; `None` when it does not say, and then it follows the one before.
    pub fn push(&mut self, frame: &ffmpeg::frame::Audio, time: Option<f64>) -> Result<(), Fault> {
        let (samples, rate) = (frame.samples(), f64::from(frame.rate()));
        if samples == 0 || rate < 1.0 || frame.channels() == 0 {
            return Ok(());
        }
        if self.resampler.as_ref().is_some_and(|resampler| !resampler.fits(frame)) {
            self.drain()?;
        }
        let expected = match &self.resampler {
            Some(resampler) => self.base + self.fed as f64 / f64::from(resampler.rate),
            None => self.queued as f64 / f64::from(self.rate),
        };
        let off = time.map_or(0.0, |time| time - expected);
        let mut skip = 0;
        if off > TOLERANCE || (self.resampler.is_none() && off > 0.0) {
            self.drain()?;
            let target = ((expected + off) * f64::from(self.rate)).round() as u64;
            if target > self.queued {
                self.queue.push_back(Chunk::Silence(target - self.queued));
                self.queued = target;
            }
        } else if off < -TOLERANCE || (self.resampler.is_none() && off < 0.0) {
            skip = (-off * rate).round() as usize;
            if skip >= samples {
                return Ok(());
            }
        }
        if self.resampler.is_none() {
            self.resampler = Some(Resampler::new(frame, self.rate, self.channels as u32)?);
            (self.base, self.fed) = (self.queued as f64 / f64::from(self.rate), 0);
        }
        let mut out = Vec::new();
        if let Some(resampler) = &mut self.resampler {
            resampler.convert(Some((frame, skip)), self.channels, &mut out)?;
        }
        self.fed += (samples - skip) as u64;
        self.enqueue(out);
        Ok(())
    }

    /// No more frames: what the resampler still holds goes into the queue.
    pub fn finish(&mut self) -> Result<(), Fault> {
        self.drain()
    }

    fn drain(&mut self) -> Result<(), Fault> {
        let Some(mut resampler) = self.resampler.take() else { return Ok(()) };
        let mut out = Vec::new();
        resampler.convert(None, self.channels, &mut out)?;
        self.enqueue(out);
        Ok(())
    }

    fn enqueue(&mut self, samples: Vec<f32>) {
        if !samples.is_empty() {
            self.queued += (samples.len() / self.channels) as u64;
            self.queue.push_back(Chunk::Samples(samples));
        }
    }

    /// The next interleaved samples, at most a block; `None` when another frame is needed.
    pub fn pull(&mut self) -> Option<&[f32]> {
        match self.queue.pop_front()? {
            Chunk::Samples(samples) => self.block = samples,
            Chunk::Silence(left) => {
                let count = left.min(BLOCK as u64);
                if left > count {
                    self.queue.push_front(Chunk::Silence(left - count));
                }
                self.block.clear();
                self.block.resize(count as usize * self.channels, 0.0);
            }
        }
        Some(&self.block)
    }
}
