//! Which streams count as *the* picture and *the* sound, and decoders for them.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::format::stream::Stream;
use omniva_contracts::{Code, Fault};

use super::{DECODERS, fault};

/// Width and height that a stream's header claims; 0 × 0 for sound and when it does not say.
pub fn stream_size(stream: &Stream) -> (u32, u32) {
    // SAFETY: codecpar of a stream of an open container is valid.
    let (width, height) = unsafe {
        let parameters = (*stream.as_ptr()).codecpar;
        ((*parameters).width, (*parameters).height)
    };
    (width.max(0) as u32, height.max(0) as u32)
}

/// The stream that is the picture: the default one, then the largest, then the first. Covers and thumbnails are no picture.
pub fn video_stream(input: &Input) -> Option<usize> {
    choose(input, ffi::AVMediaType::AVMEDIA_TYPE_VIDEO, |stream| {
        let (width, height) = stream_size(stream);
        u64::from(width) * u64::from(height)
    })
}

/// The stream that is the sound: the default one, then the one with most channels, then the first.
pub fn audio_stream(input: &Input) -> Option<usize> {
    // SAFETY: codecpar of a stream of an open container is valid.
    choose(input, ffi::AVMediaType::AVMEDIA_TYPE_AUDIO, |stream| unsafe {
        (*(*stream.as_ptr()).codecpar).ch_layout.nb_channels.max(0) as u64
    })
}

fn choose(input: &Input, kind: ffi::AVMediaType, size: impl Fn(&Stream) -> u64) -> Option<usize> {
    let mut best: Option<((bool, u64), usize)> = None;
    for stream in input.streams() {
        // SAFETY: stream and codecpar belong to the open container.
        let (codec_type, codec_id, disposition) = unsafe {
            let raw = stream.as_ptr();
            ((*(*raw).codecpar).codec_type, (*(*raw).codecpar).codec_id, (*raw).disposition)
        };
        let still = ffi::AV_DISPOSITION_ATTACHED_PIC | ffi::AV_DISPOSITION_TIMED_THUMBNAILS;
        if codec_type != kind || codec_id == ffi::AVCodecID::AV_CODEC_ID_NONE || disposition & still != 0 {
            continue;
        }
        let rank = (disposition & ffi::AV_DISPOSITION_DEFAULT != 0, size(&stream));
        if best.as_ref().is_none_or(|(other, _)| rank > *other) {
            best = Some((rank, stream.index()));
        }
    }
    best.map(|(_, index)| index)
}

/// Opens the decoder of a stream with the allow-list and the limits on it.
fn open(stream: &Stream, threads: usize, max_pixels: u64) -> Result<ffmpeg::codec::decoder::Opened, Fault> {
    let mut context = ffmpeg::codec::Context::from_parameters(stream.parameters())
        .map_err(|error| fault(error, "reading a stream's parameters"))?;
    context.set_threading(ffmpeg::threading::Config {
        kind: ffmpeg::threading::Type::Frame,
        count: threads,
        ..Default::default()
    });
    let mut decoder = context.decoder();
    // Decoders need the clock of the packets to cut an encoder's priming samples and move the timestamps with them.
    decoder.set_packet_time_base(stream.time_base());
    let codec = ffmpeg::decoder::find(decoder.id()).ok_or_else(|| unknown_codec(stream))?;
    let mut options = ffmpeg::Dictionary::new();
    options.set("codec_whitelist", &DECODERS.to_string_lossy());
    options.set("max_pixels", &max_pixels.min(i32::MAX as u64).to_string());
    decoder.open_as_with(codec, options).map_err(|error| match error {
        // The allow-list answers with EINVAL.
        ffmpeg::Error::Other { errno: libc::EINVAL } => unknown_codec(stream).with_detail(super::describe(error)),
        other => fault(other, "opening its decoder"),
    })
}

fn unknown_codec(stream: &Stream) -> Fault {
    let name = stream.parameters().id().name();
    Fault::new(
        Code::InputCodec,
        format!("the codec “{name}” can't be decoded"),
        "convert the video to H.264 and AAC in an mp4 file first",
    )
}

macro_rules! decoder {
    ($(#[$doc:meta])* $name:ident, $frame:ty) => {
        $(#[$doc])*
        pub struct $name {
            inner: ffmpeg::codec::decoder::Opened,
            damaged: u64,
        }

        impl $name {
            /// `threads`: 0 lets FFmpeg take one per core. `max_pixels` limits what the decoder may allocate.
            pub fn open(stream: &Stream, threads: usize, max_pixels: u64) -> Result<Self, Fault> {
                Ok(Self { inner: open(stream, threads, max_pixels)?, damaged: 0 })
            }

            /// False when the packet was damaged and skipped. Memory running out is a fault, damage is not. Receive every frame
            /// before sending the next packet.
            pub fn send(&mut self, packet: &ffmpeg::Packet) -> Result<bool, Fault> {
                match self.inner.send_packet(packet) {
                    Ok(()) => Ok(true),
                    Err(error @ ffmpeg::Error::Other { errno: libc::ENOMEM }) => Err(fault(error, "decoding")),
                    Err(_) => {
                        self.damaged += 1;
                        Ok(false)
                    }
                }
            }

            /// Packets and frames that were skipped so far.
            pub fn damaged(&self) -> u64 {
                self.damaged
            }

            /// Forgets everything, after a seek.
            pub fn flush(&mut self) {
                self.inner.flush();
            }

            /// No more packets will come: the frames still inside can be received.
            pub fn send_end(&mut self) {
                // Can only fail when it was sent before, which changes nothing.
                let _ = self.inner.send_eof();
            }

            /// The next frame into `frame`; false when the decoder needs another packet (or is drained). Frames that the
            /// decoder gives up on are skipped.
            pub fn receive(&mut self, frame: &mut $frame) -> Result<bool, Fault> {
                loop {
                    match self.inner.receive_frame(frame) {
                        Ok(()) => return Ok(true),
                        Err(ffmpeg::Error::Eof | ffmpeg::Error::Other { errno: libc::EAGAIN }) => return Ok(false),
                        Err(error @ ffmpeg::Error::Other { errno: libc::ENOMEM }) => return Err(fault(error, "decoding")),
                        // One call reports one damaged frame and moves on, so this loop ends.
                        Err(_) => self.damaged += 1,
                    }
                }
            }
        }
    };
}

decoder! {
    /// Decodes the picture.
    VideoDecoder, ffmpeg::frame::Video
}

decoder! {
    /// Decodes the sound.
    AudioDecoder, ffmpeg::frame::Audio
}

impl VideoDecoder {
    /// Spares the deblocking of frames that no other frame is built on: for analysis, where the last bit of quality of
    /// those frames does not matter. Reference frames stay exact, so nothing drifts.
    pub fn relax(&mut self) {
        self.inner.skip_loop_filter(ffmpeg::Discard::NonReference);
    }

    /// Spares all deblocking, a quarter of the work: only to see whether a file decodes and roughly what it shows. Pictures
    /// drift a little until the next key frame.
    pub fn relax_all(&mut self) {
        self.inner.skip_loop_filter(ffmpeg::Discard::All);
    }

    /// While true, pictures that no other picture is built on are not decoded: for a run-up that nobody looks at.
    pub fn hurry(&mut self, on: bool) {
        self.inner.skip_frame(if on { ffmpeg::Discard::NonReference } else { ffmpeg::Discard::Default });
    }
}
