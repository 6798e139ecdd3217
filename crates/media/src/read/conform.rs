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
            if result >= 0 {
                // Mixing channels down must not exceed full scale; for float samples swr would let it.
                ffi::av_opt_set_double(this.raw.cast(), c"rematrix_maxval".as_ptr(), 1.0, 0);
            }
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

#[cfg(test)]
mod tests {
    use ffmpeg::format::sample::{Sample, Type};
    use proptest::prelude::*;

    use super::*;

    fn frame(samples: usize, rate: u32, value: f32) -> ffmpeg::frame::Audio {
        let mut frame = ffmpeg::frame::Audio::new(Sample::F32(Type::Planar), samples, ffmpeg::ChannelLayout::STEREO);
        frame.set_rate(rate);
        for plane in 0..2 {
            frame.plane_mut::<f32>(plane).fill(value);
        }
        frame
    }

    fn all(conform: &mut Conform) -> Vec<f32> {
        conform.finish().expect("flushed");
        let mut samples = Vec::new();
        while let Some(block) = conform.pull() {
            assert!(block.len() <= 1 << 17);
            samples.extend_from_slice(block);
        }
        samples
    }

    #[test]
    fn gaps_become_silence_and_overlaps_are_dropped() {
        let mut conform = Conform::new(16_000, 1);
        // 0.5 s late; 0.1 s of sound; 1 s of nothing; 0.1 s; the same 0.1 s once more; 0.1 s with 5 ms of jitter.
        for time in [0.5, 1.6, 1.6, 1.705] {
            conform.push(&frame(4800, 48_000, 0.5), Some(time)).expect("taken");
        }
        let samples = all(&mut conform);
        let loud = |from: f64, to: f64| {
            let part = &samples[(from * 16_000.0) as usize..(to * 16_000.0) as usize];
            part.iter().map(|s| f64::from(*s)).sum::<f64>() / part.len() as f64
        };
        assert_eq!(samples.len(), 28_800, "1.8 s");
        assert!(loud(0.0, 0.499) < 1e-6 && loud(0.602, 1.598) < 1e-6);
        assert!((loud(0.51, 0.59) - 0.5).abs() < 0.01 && (loud(1.61, 1.79) - 0.5).abs() < 0.01);
    }

    #[test]
    fn a_change_of_rate_goes_on_where_it_stood() {
        let mut conform = Conform::new(16_000, 1);
        conform.push(&frame(48_000, 48_000, 0.5), Some(0.0)).expect("taken");
        conform.push(&frame(44_100, 44_100, 0.5), Some(1.0)).expect("taken");
        conform.push(&frame(22_050, 22_050, 0.5), None).expect("taken");
        assert!(all(&mut conform).len().abs_diff(48_000) <= 2);
    }

    proptest! {
        #[test]
        fn whatever_the_times_are_the_end_is_where_they_say(
            frames in proptest::collection::vec((-1.0f64..20.0, 1usize..5000), 1..40),
        ) {
            let mut conform = Conform::new(16_000, 2);
            let mut end = 0.0f64;
            for (time, samples) in frames {
                conform.push(&frame(samples, 16_000, 0.1), Some(time)).expect("taken");
                end = end.max(time + samples as f64 / 16_000.0);
            }
            let seconds = all(&mut conform).len() as f64 / 2.0 / 16_000.0;
            prop_assert!((seconds - end.max(0.0)).abs() <= 2.0 * TOLERANCE + 0.001, "{seconds} {end}");
        }
    }
}
