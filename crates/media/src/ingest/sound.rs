//! The sound on its way into the normalised copy: 48 kHz, mono or stereo, without gaps, as FLAC.

use ffmpeg_next as ffmpeg;
use omniva_contracts::{Fault, Monitor};

use super::writer::{Lane, SAMPLE_RATE, Writer};
use crate::read::conform::Conform;

/// Samples per encoder frame when the encoder does not care.
const FRAME: usize = 4096;

pub struct Sounds {
    channels: usize,
    conform: Conform,
    lane: Lane<ffmpeg::encoder::Audio>,
    /// Interleaved samples that do not fill a frame yet.
    waiting: Vec<i16>,
    frame_size: usize,
    /// Samples per channel, written and to write in all.
    written: u64,
    taken: u64,
    total: u64,
}

impl Sounds {
    pub fn new(writer: &mut Writer, channels: u32, seconds: f64) -> Result<Self, Fault> {
        let channels = channels.clamp(1, 2);
        let lane = writer.add_audio(channels)?;
        let frame_size = match lane.encoder.frame_size() as usize {
            0 => FRAME,
            size => size,
        };
        Ok(Self {
            channels: channels as usize,
            conform: Conform::new(SAMPLE_RATE, channels),
            lane,
            waiting: Vec::new(),
            frame_size,
            written: 0,
            taken: 0,
            total: (seconds * f64::from(SAMPLE_RATE)).round().max(1.0) as u64,
        })
    }

    pub fn channels(&self) -> u32 {
        self.channels as u32
    }

    pub fn push(
        &mut self,
        frame: &ffmpeg::frame::Audio,
        time: Option<f64>,
        writer: &mut Writer,
        monitor: &dyn Monitor,
    ) -> Result<(), Fault> {
        self.conform.push(frame, time)?;
        self.pump(writer, monitor)
    }

    fn pump(&mut self, writer: &mut Writer, monitor: &dyn Monitor) -> Result<(), Fault> {
        while let Some(samples) = self.conform.pull() {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            let room = usize::try_from((self.total - self.taken).min(1 << 40)).unwrap_or(usize::MAX);
            let count = (samples.len() / self.channels).min(room);
            self.waiting.extend(samples[..count * self.channels].iter().map(|&s| quantise(s)));
            self.taken += count as u64;
            self.write_full(writer)?;
        }
        Ok(())
    }

    fn write_full(&mut self, writer: &mut Writer) -> Result<(), Fault> {
        let size = self.frame_size * self.channels;
        let full = self.waiting.len() / size * size;
        for at in (0..full).step_by(size) {
            self.write(at, size, writer)?;
        }
        self.waiting.drain(..full);
        Ok(())
    }

    fn write(&mut self, at: usize, size: usize, writer: &mut Writer) -> Result<(), Fault> {
        let samples = size / self.channels;
        let layout = ffmpeg::ChannelLayout::default(self.channels as i32);
        let format = ffmpeg::format::Sample::I16(ffmpeg::format::sample::Type::Packed);
        let mut frame = ffmpeg::frame::Audio::new(format, samples, layout);
        frame.set_rate(SAMPLE_RATE);
        frame.set_pts(Some(self.written as i64));
        for (bytes, sample) in frame.data_mut(0).chunks_exact_mut(2).zip(&self.waiting[at..at + size]) {
            bytes.copy_from_slice(&sample.to_ne_bytes());
        }
        self.written += samples as u64;
        writer.send(&mut self.lane, &frame)
    }

    /// No more frames: silence up to the end, and the last, shorter frame.
    pub fn finish(&mut self, writer: &mut Writer, monitor: &dyn Monitor) -> Result<(), Fault> {
        self.conform.finish()?;
        self.pump(writer, monitor)?;
        while self.taken < self.total {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            let count = (self.total - self.taken).min(FRAME as u64);
            self.waiting.resize(self.waiting.len() + count as usize * self.channels, 0);
            self.taken += count;
            self.write_full(writer)?;
        }
        if !self.waiting.is_empty() {
            self.write(0, self.waiting.len(), writer)?;
            self.waiting.clear();
        }
        writer.end(&mut self.lane)
    }
}

fn quantise(sample: f32) -> i16 {
    // `as` saturates and takes NaN, which a damaged float stream can hold, as 0.
    (sample * 32_768.0).round() as i16
}
