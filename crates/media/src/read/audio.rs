//! The sound of a source as mono samples.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Input;
use omniva_contracts::jobs::MediaRef;
use omniva_contracts::media::MediaInfo;
use omniva_contracts::streams::AudioSource;
use omniva_contracts::{Code, Fault};

use super::conform::Conform;
use crate::ff::{self, AudioDecoder, PacketReader};

/// Silence that is appended in one block when the sound ends before the picture.
const PADDING: u64 = 16_384;

/// Mono samples at one rate, from second 0 to the source's duration exactly: sample `n` belongs to second `n / rate`.
/// Gaps, damaged packets and a late start are silence; an early end is padded.
pub struct AudioReader {
    input: Input,
    stream: usize,
    time_base: ffi::AVRational,
    origin_us: i64,
    packets: PacketReader,
    decoder: AudioDecoder,
    conform: Conform,
    packet: ffmpeg::Packet,
    frame: ffmpeg::frame::Audio,
    rate: u32,
    /// Samples still to hand out.
    left: u64,
    ended: bool,
    block: Vec<f32>,
}

impl AudioReader {
    /// # Errors
    /// `input_no_streams` without sound, and everything that [`ff::open`] and the decoder can say.
    pub fn open(media: &MediaRef, info: &MediaInfo, rate: u32) -> Result<Self, Fault> {
        let mut input = ff::open(media)?;
        let stream = ff::audio_stream(&input)
            .ok_or_else(|| Fault::new(Code::InputNoStreams, "the source has no sound", "use a source with sound"))?;
        ff::keep_only(&mut input, &[stream]);
        let (decoder, time_base) = {
            let found = input.stream(stream).ok_or_else(|| Fault::internal("a stream vanished after opening"))?;
            (AudioDecoder::open(&found, 1, ff::MAX_PIXELS)?, found.time_base().into())
        };
        let rate = rate.max(1);
        Ok(Self {
            origin_us: ff::origin_us(&input),
            input,
            stream,
            time_base,
            packets: PacketReader::default(),
            decoder,
            conform: Conform::new(rate, 1),
            packet: ffmpeg::Packet::empty(),
            frame: ffmpeg::frame::Audio::empty(),
            rate,
            left: (info.duration.max(0.0) * f64::from(rate)).round() as u64,
            ended: false,
            block: Vec::new(),
        })
    }

    /// Feeds the resampler until it has samples or the stream has ended.
    fn pump(&mut self) -> Result<(), Fault> {
        loop {
            if self.decoder.receive(&mut self.frame)? {
                let time = self.frame.timestamp().map(|at| ff::seconds(at, self.time_base, self.origin_us));
                return self.conform.push(&self.frame, time);
            }
            if !self.packets.next(&mut self.input, &mut self.packet)? {
                self.decoder.send_end();
                while self.decoder.receive(&mut self.frame)? {
                    let time = self.frame.timestamp().map(|at| ff::seconds(at, self.time_base, self.origin_us));
                    self.conform.push(&self.frame, time)?;
                }
                self.ended = true;
                return self.conform.finish();
            }
            if self.packet.stream() == self.stream {
                self.decoder.send(&self.packet)?;
            }
        }
    }
}

impl AudioSource for AudioReader {
    fn sample_rate(&self) -> u32 {
        self.rate
    }

    fn next_block(&mut self) -> Result<Option<&[f32]>, Fault> {
        if self.left == 0 {
            return Ok(None);
        }
        loop {
            if let Some(samples) = self.conform.pull() {
                let count = samples.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.block.clear();
                self.block.extend_from_slice(&samples[..count]);
            } else if self.ended {
                self.block.clear();
                self.block.resize(self.left.min(PADDING) as usize, 0.0);
            } else {
                self.pump()?;
                continue;
            }
            self.left -= self.block.len() as u64;
            return Ok(Some(&self.block));
        }
    }
}
