//! The encoders: H.264 High through x264 or NVENC, and AAC-LC.

use ffmpeg_next::{
    ChannelLayout, Dictionary, Packet, Rational, codec, color, encoder, ffi, format::Pixel, format::Sample, frame,
};
use omniva_contracts::Fault;
use omniva_contracts::plan::{EncodePlan, EncoderChoice};

use super::faults::{drained, encoding};

/// Samples a second of every clip.
pub(crate) const RATE: u32 = 48_000;

/// What the video encoder must know about the clip.
#[derive(Clone, Debug)]
pub(crate) struct VideoSettings {
    pub width: u32,
    pub height: u32,
    pub fps: u32,
    /// Whole duration, intro and outro included, seconds.
    pub duration: f64,
    pub threads: usize,
    pub plan: EncodePlan,
    /// Whether the bit rate is capped so that the size limit holds whatever the picture shows. Rate control costs time
    /// and, where it bites, quality; most clips stay far below the limit without it.
    pub capped: bool,
}

impl VideoSettings {
    /// True when an ordinary picture could reach the size limit, so that the cap belongs on from the start.
    pub fn tight(&self) -> bool {
        let pixels = f64::from(self.width) * f64::from(self.height) * f64::from(self.fps);
        (highest_rate(self) as f64) < ORDINARY_BITS * pixels
    }
}

/// Bits a pixel that ordinary pictures stay below at the qualities used here.
const ORDINARY_BITS: f64 = 0.11;

pub(crate) struct VideoEncoder {
    inner: encoder::video::Encoder,
    pub name: &'static str,
    /// Why it isn't NVENC, when NVENC was possible.
    pub note: String,
}

impl VideoEncoder {
    pub fn open(settings: &VideoSettings, global_header: bool) -> Result<VideoEncoder, Fault> {
        let nvenc = || open_named("h264_nvenc", nvenc_options(settings), settings, global_header);
        let x264 = |note: String| {
            open_named("libx264", x264_options(settings), settings, global_header)
                .map(|inner| VideoEncoder { inner, name: "libx264", note })
                .map_err(|e| encoding("opening the H.264 encoder libx264", e))
        };
        match settings.plan.encoder {
            EncoderChoice::X264 => x264(String::new()),
            EncoderChoice::Nvenc => nvenc()
                .map(|inner| VideoEncoder { inner, name: "h264_nvenc", note: String::new() })
                .map_err(|e| encoding("opening the H.264 encoder NVENC", e)),
            EncoderChoice::Auto => match nvenc() {
                Ok(inner) => Ok(VideoEncoder { inner, name: "h264_nvenc", note: String::new() }),
                Err(e) => x264(format!("NVENC did not open ({e}), so the processor encodes")),
            },
        }
    }

    pub fn context(&self) -> &codec::Context {
        &self.inner
    }

    /// `None` ends the stream. Every packet that comes out goes to `sink`, in decoding order.
    pub fn push(
        &mut self,
        picture: Option<&frame::Video>,
        mut sink: impl FnMut(Packet) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let failed = |e| encoding("encoding the picture", e);
        match picture {
            Some(picture) => self.inner.send_frame(picture).map_err(failed)?,
            None => self.inner.send_eof().map_err(failed)?,
        }
        loop {
            let mut packet = Packet::empty();
            match self.inner.receive_packet(&mut packet) {
                Ok(()) => {
                    // x264 leaves the duration open; without it the last frame would not count.
                    packet.set_duration(1);
                    sink(packet)?;
                }
                Err(e) if drained(&e) => return Ok(()),
                Err(e) => return Err(failed(e)),
            }
        }
    }
}

/// Highest video bit rate that keeps the file under `max_bytes` however busy the picture is, bit/s: what is left after
/// the sound and 4 % for the container and for the buffer that rate control may overdraw at the end.
fn highest_rate(s: &VideoSettings) -> u64 {
    let duration = s.duration.max(1.0);
    let all = s.plan.max_bytes as f64 * 8.0 * 0.96 / duration;
    let video = (all - f64::from(s.plan.audio_kbps) * 1000.0) * duration / (duration + 1.0);
    // Level 4.2, which every phone decodes, ends at 50 Mbit/s; nothing here needs more than 25.
    video.clamp(200_000.0, 25_000_000.0) as u64
}

fn rate_limits(options: &mut Dictionary, s: &VideoSettings) {
    if !s.capped {
        return;
    }
    let rate = highest_rate(s);
    options.set("maxrate", &rate.to_string());
    options.set("bufsize", &rate.to_string());
}

fn x264_options(s: &VideoSettings) -> Dictionary<'static> {
    let mut o = Dictionary::new();
    o.set("preset", &s.plan.preset);
    o.set("crf", &s.plan.crf.to_string());
    o.set("profile", "high");
    o.set("x264-params", &format!("{}{}", s.plan.x264_params(), instructions()));
    rate_limits(&mut o, s);
    o
}

/// x264's macroblock tree in AVX-512 (Debian 12's core 164) reads memory that nobody has written: the same pictures become
/// other bytes, and some macroblocks get another quality. With AVX2 it takes a twentieth more time and is what it should be.
fn instructions() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") {
        return ":asm=avx2";
    }
    ""
}

fn nvenc_options(s: &VideoSettings) -> Dictionary<'static> {
    let mut o = Dictionary::new();
    o.set("preset", "p5");
    o.set("rc", "vbr");
    o.set("cq", &s.plan.crf.to_string());
    o.set("profile", "high");
    o.set("strict_gop", "1");
    rate_limits(&mut o, s);
    o
}

fn open_named(
    name: &str,
    options: Dictionary,
    s: &VideoSettings,
    global_header: bool,
) -> Result<encoder::video::Encoder, ffmpeg_next::Error> {
    let codec = encoder::find_by_name(name).ok_or(ffmpeg_next::Error::EncoderNotFound)?;
    let mut context = codec::context::Context::new_with_codec(codec);
    context.set_threading(codec::threading::Config {
        kind: codec::threading::Type::Frame,
        count: s.threads.max(1),
        ..Default::default()
    });
    let mut video = context.encoder().video()?;
    video.set_width(s.width);
    video.set_height(s.height);
    video.set_format(Pixel::YUV420P);
    video.set_time_base(Rational(1, s.fps as i32));
    video.set_frame_rate(Some(Rational(s.fps as i32, 1)));
    video.set_aspect_ratio(Rational(1, 1));
    video.set_gop(2 * s.fps);
    video.set_colorspace(color::Space::BT709);
    video.set_color_range(color::Range::MPEG);
    video.set_color_primaries(color::Primaries::BT709);
    video.set_color_transfer_characteristic(color::TransferCharacteristic::BT709);
    let mut flags = codec::Flags::CLOSED_GOP;
    if global_header {
        flags |= codec::Flags::GLOBAL_HEADER;
    }
    video.set_flags(flags);
    // SAFETY: the context is ours and not yet open.
    unsafe { (*video.as_mut_ptr()).chroma_sample_location = ffi::AVChromaLocation::AVCHROMA_LOC_LEFT };
    video.open_as_with(codec, options)
}

/// AAC of a whole clip.
pub(crate) struct Sound {
    pub encoder: encoder::audio::Encoder,
    /// In order; time base 1/48000. The first starts before zero: the encoder's own delay, which the edit list hides.
    pub packets: Vec<Packet>,
}

/// Encodes interleaved stereo samples.
pub(crate) fn encode_sound(pcm: &[f32], kbps: u32, global_header: bool) -> Result<Sound, Fault> {
    let failed = |e| encoding("encoding the sound", e);
    let mut encoder = open_aac(kbps, global_header).map_err(failed)?;
    let chunk = (encoder.frame_size() as usize).max(1);
    let mut packets = Vec::with_capacity(pcm.len() / 2 / chunk + 4);
    for (i, samples) in pcm.chunks(2 * chunk).enumerate() {
        let n = samples.len() / 2;
        let mut f = frame::Audio::new(Sample::F32(ffmpeg_next::format::sample::Type::Planar), n, ChannelLayout::STEREO);
        f.set_rate(RATE);
        f.set_pts(Some((i * chunk) as i64));
        for channel in 0..2 {
            for (to, from) in f.plane_mut::<f32>(channel).iter_mut().zip(samples.chunks_exact(2)) {
                *to = from[channel];
            }
        }
        encoder.send_frame(&f).map_err(failed)?;
        receive(&mut encoder, &mut packets).map_err(failed)?;
    }
    encoder.send_eof().map_err(failed)?;
    receive(&mut encoder, &mut packets).map_err(failed)?;
    Ok(Sound { encoder, packets })
}

fn receive(encoder: &mut encoder::audio::Encoder, packets: &mut Vec<Packet>) -> Result<(), ffmpeg_next::Error> {
    loop {
        let mut packet = Packet::empty();
        match encoder.receive_packet(&mut packet) {
            Ok(()) => packets.push(packet),
            Err(e) if drained(&e) => return Ok(()),
            Err(e) => return Err(e),
        }
    }
}

fn open_aac(kbps: u32, global_header: bool) -> Result<encoder::audio::Encoder, ffmpeg_next::Error> {
    let codec = encoder::find_by_name("aac").ok_or(ffmpeg_next::Error::EncoderNotFound)?;
    let mut audio = codec::context::Context::new_with_codec(codec).encoder().audio()?;
    audio.set_rate(RATE as i32);
    audio.set_format(Sample::F32(ffmpeg_next::format::sample::Type::Planar));
    audio.set_channel_layout(ChannelLayout::STEREO);
    audio.set_bit_rate(kbps as usize * 1000);
    audio.set_time_base(Rational(1, RATE as i32));
    if global_header {
        audio.set_flags(codec::Flags::GLOBAL_HEADER);
    }
    audio.open_as_with(codec, Dictionary::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(duration: f64, max_bytes: u64) -> VideoSettings {
        let plan =
            EncodePlan { encoder: EncoderChoice::X264, preset: "veryfast".into(), crf: 20, audio_kbps: 192, max_bytes };
        VideoSettings { width: 1080, height: 1920, fps: 30, duration, threads: 1, plan, capped: true }
    }

    #[test]
    fn the_bit_rate_leaves_room_for_the_sound_and_the_container() {
        for duration in [5.0, 30.0, 59.0, 120.0, 300.0] {
            let max = 60_000_000;
            let s = settings(duration, max);
            let rate = highest_rate(&s) as f64;
            let worst = (rate * (duration + 1.0) + 192_000.0 * duration) / 8.0;
            assert!(worst < max as f64 * 0.965, "{duration} s: {worst}");
        }
        assert_eq!(highest_rate(&settings(5.0, 60_000_000)), 25_000_000);
        assert!(!settings(30.0, 60_000_000).tight() && settings(110.0, 60_000_000).tight());
    }
}
