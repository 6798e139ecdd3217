//! Writes the normalised copy: encoders into a Matroska file under a temporary name.

use std::path::PathBuf;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::Rational;
use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Output;
use omniva_contracts::{Code, Fault};

use super::cadence::Rate;
use super::probe::Color;
use crate::ff;

pub const SAMPLE_RATE: u32 = 48_000;

/// Threads of the encoder: fixed, because x264's result depends on their number and must not depend on the machine.
const THREADS: usize = 4;

fn encoder(name: &str) -> Result<ffmpeg::Codec, Fault> {
    ffmpeg::encoder::find_by_name(name).ok_or_else(|| {
        let next = "install FFmpeg's full libraries (Debian: libavcodec59 or libavcodec-extra59)";
        Fault::new(Code::EncoderFailed, format!("this FFmpeg has no encoder {name}"), next)
    })
}

fn refused(error: ffmpeg::Error) -> Fault {
    Fault::new(Code::EncoderFailed, "the encoder of the normalised copy failed", "run the same command again")
        .with_detail(ff::describe(error))
}

pub struct Writer {
    output: Output,
    temporary: PathBuf,
    target: PathBuf,
    committed: bool,
    packet: ffmpeg::Packet,
}

/// An encoder and the place of its packets in the file.
pub struct Lane<E> {
    pub encoder: E,
    stream: usize,
    time_base: Rational,
    /// Set on packets that come without one: the last packet would otherwise have none.
    duration: i64,
}

/// What encoders of picture and sound have in common.
pub trait Encodes {
    fn core(&mut self) -> &mut ffmpeg::codec::encoder::Encoder;
}

impl Encodes for ffmpeg::encoder::Video {
    fn core(&mut self) -> &mut ffmpeg::codec::encoder::Encoder {
        self
    }
}

impl Encodes for ffmpeg::encoder::Audio {
    fn core(&mut self) -> &mut ffmpeg::codec::encoder::Encoder {
        self
    }
}

impl Writer {
    pub fn create(target: PathBuf) -> Result<Self, Fault> {
        let mut temporary = target.clone().into_os_string();
        temporary.push(".part");
        let temporary = PathBuf::from(temporary);
        let mut output = ff::create(&temporary, "matroska")?;
        // SAFETY: sets one field of a context that `output` owns. Without it the muxer writes random ids into the file.
        unsafe { (*output.as_mut_ptr()).flags |= ffi::AVFMT_FLAG_BITEXACT };
        Ok(Self { output, temporary, target, committed: false, packet: ffmpeg::Packet::empty() })
    }

    /// A nearly lossless picture that is quick to write, to read and to enter at any second.
    pub fn add_video(
        &mut self,
        width: u32,
        height: u32,
        rate: Rate,
        color: Color,
    ) -> Result<Lane<ffmpeg::encoder::Video>, Fault> {
        let codec = encoder("libx264")?;
        let mut video = ffmpeg::codec::Context::new_with_codec(codec).encoder().video().map_err(refused)?;
        let time_base = Rational(rate.den, rate.num);
        video.set_width(width);
        video.set_height(height);
        video.set_format(ffmpeg::format::Pixel::YUV420P);
        video.set_time_base(time_base);
        video.set_frame_rate(Some(Rational(rate.num, rate.den)));
        video.set_gop((rate.fps() * 2.0).round() as u32);
        video.set_flags(ffmpeg::codec::Flags::GLOBAL_HEADER);
        video.set_colorspace(color.space);
        video.set_color_range(ffmpeg::color::Range::MPEG);
        video.set_color_primaries(color.primaries);
        video.set_color_transfer_characteristic(color.transfer);
        video.set_threading(ffmpeg::threading::Config {
            kind: ffmpeg::threading::Type::Frame,
            count: THREADS,
            ..Default::default()
        });
        let mut options = ffmpeg::Dictionary::new();
        options.set("preset", "ultrafast");
        options.set("crf", "16");
        let encoder = video.open_with(options).map_err(refused)?;
        let stream = self.add_stream(&encoder, time_base)?;
        Ok(Lane { encoder, stream, time_base, duration: 1 })
    }

    pub fn add_audio(&mut self, channels: u32) -> Result<Lane<ffmpeg::encoder::Audio>, Fault> {
        let codec = encoder("flac")?;
        let mut audio = ffmpeg::codec::Context::new_with_codec(codec).encoder().audio().map_err(refused)?;
        let time_base = Rational(1, SAMPLE_RATE as i32);
        audio.set_rate(SAMPLE_RATE as i32);
        audio.set_format(ffmpeg::format::Sample::I16(ffmpeg::format::sample::Type::Packed));
        audio.set_channel_layout(ffmpeg::ChannelLayout::default(channels as i32));
        audio.set_time_base(time_base);
        audio.set_flags(ffmpeg::codec::Flags::GLOBAL_HEADER);
        let mut options = ffmpeg::Dictionary::new();
        options.set("compression_level", "2");
        let encoder = audio.open_with(options).map_err(refused)?;
        let stream = self.add_stream(&encoder, time_base)?;
        Ok(Lane { encoder, stream, time_base, duration: 0 })
    }

    fn add_stream(&mut self, encoder: &ffmpeg::codec::Context, time_base: Rational) -> Result<usize, Fault> {
        let mut stream = self.output.add_stream_with(encoder).map_err(refused)?;
        stream.set_time_base(time_base);
        Ok(stream.index())
    }

    pub fn start(&mut self) -> Result<(), Fault> {
        self.output.write_header().map(drop).map_err(|error| self.write_fault(error))
    }

    /// Writes what the encoder has ready.
    pub fn drain<E: Encodes>(&mut self, lane: &mut Lane<E>) -> Result<(), Fault> {
        loop {
            match lane.encoder.core().receive_packet(&mut self.packet) {
                Ok(()) => {}
                Err(ffmpeg::Error::Eof | ffmpeg::Error::Other { errno: libc::EAGAIN }) => return Ok(()),
                Err(error) => return Err(refused(error)),
            }
            self.packet.set_stream(lane.stream);
            if self.packet.duration() == 0 {
                self.packet.set_duration(lane.duration);
            }
            let base = self.output.stream(lane.stream).map_or(lane.time_base, |stream| stream.time_base());
            self.packet.rescale_ts(lane.time_base, base);
            let written = self.packet.write_interleaved(&mut self.output);
            written.map_err(|error| self.write_fault(error))?;
        }
    }

    pub fn send<E: Encodes>(&mut self, lane: &mut Lane<E>, frame: &ffmpeg::Frame) -> Result<(), Fault> {
        lane.encoder.core().send_frame(frame).map_err(refused)?;
        self.drain(lane)
    }

    pub fn end<E: Encodes>(&mut self, lane: &mut Lane<E>) -> Result<(), Fault> {
        lane.encoder.core().send_eof().map_err(refused)?;
        self.drain(lane)
    }

    /// Completes the file and gives it its name.
    pub fn finish(mut self) -> Result<(), Fault> {
        self.output.write_trailer().map_err(|error| self.write_fault(error))?;
        // SAFETY: flushes and reads a context that `output` owns; errors of buffered writes show only here.
        let error = unsafe {
            let io = (*self.output.as_mut_ptr()).pb;
            ffi::avio_flush(io);
            (*io).error
        };
        if error < 0 {
            return Err(self.write_fault(ffmpeg::Error::from(error)));
        }
        std::fs::rename(&self.temporary, &self.target)
            .map_err(|error| Fault::writing("the normalised copy", &error))?;
        self.committed = true;
        Ok(())
    }

    fn write_fault(&self, error: ffmpeg::Error) -> Fault {
        ff::write_fault(error, "the normalised copy")
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing more can be done about a file that can't be removed either.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}
