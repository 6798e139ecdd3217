//! What the header says about the two streams, and the proof that they decode.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::format::stream::Stream;
use omniva_contracts::jobs::MediaRef;
use omniva_contracts::media::Container;
use omniva_contracts::{Code, Fault, Monitor};

use super::scan::{AUDIO, Choice, VIDEO};
use crate::ff::{self, AudioDecoder, PacketReader, VideoDecoder};

/// Packets of one stream after which it must have given a frame.
const PATIENCE: u64 = 300;

/// How decoded pictures must be turned to stand upright.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Quarter turns clockwise, 0..4.
    pub quarters: u8,
    /// Mirrored upside down before turning.
    pub flip: bool,
}

impl Turn {
    pub fn swaps_sides(self) -> bool {
        self.quarters % 2 == 1
    }
}

/// Facts about the picture, from its first decoded frame and the header.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    pub codec: String,
    /// Stored size.
    pub width: u32,
    pub height: u32,
    pub turn: Turn,
    /// Width of a pixel divided by its height.
    pub aspect: f64,
    pub interlaced: bool,
    pub color: Color,
}

/// How the numbers of a frame mean colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Color {
    pub space: ffmpeg::color::Space,
    pub primaries: ffmpeg::color::Primaries,
    pub transfer: ffmpeg::color::TransferCharacteristic,
}

impl Picture {
    /// Upright size with square pixels, both sides even, within `max_pixels`.
    pub fn display_size(&self, max_pixels: u64) -> (u32, u32) {
        let (mut width, mut height) = (f64::from(self.width), f64::from(self.height));
        // Stretching, not shrinking, keeps all detail.
        if self.aspect > 1.0 {
            width *= self.aspect;
        } else {
            height /= self.aspect;
        }
        let shrink = (max_pixels as f64 / (width * height)).sqrt().min(1.0);
        let (width, height) = (width * shrink, height * shrink);
        let (width, height) = if self.turn.swaps_sides() { (height, width) } else { (width, height) };
        let even = |side: f64| ((side + 1e-6) as u32 & !1).max(2);
        (even(width), even(height))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    pub codec: String,
    pub sample_rate: u32,
    pub channels: u32,
}

/// Picks the streams and refuses what can't be used.
pub fn choose(input: &Input) -> Result<Choice, Fault> {
    let choice = Choice { video: ff::video_stream(input), audio: ff::audio_stream(input) };
    for index in choice.streams() {
        if input.stream(index).is_some_and(|stream| encrypted(&stream)) {
            return Err(locked());
        }
    }
    if choice.video.is_none() && choice.audio.is_none() {
        let unknown = input.streams().any(|stream| {
            let medium = stream.parameters().medium();
            let media = medium == ffmpeg::media::Type::Video || medium == ffmpeg::media::Type::Audio;
            media && stream.parameters().id() == ffmpeg::codec::Id::None
        });
        return Err(if unknown {
            let next = "convert it to H.264 and AAC in an mp4 file first";
            Fault::new(Code::InputCodec, "picture and sound use a codec that nothing here knows", next)
        } else {
            let next = "check the file in a player; a cover picture or subtitles alone can't be clipped";
            Fault::new(Code::InputNoStreams, "the file holds neither moving pictures nor sound", next)
        });
    }
    Ok(choice)
}

fn locked() -> Fault {
    Fault::new(
        Code::InputEncrypted,
        "the video is encrypted (DRM): without its key there is nothing to see or hear",
        "use a file that you recorded or exported yourself, without copy protection",
    )
}

/// Common Encryption (ISO/IEC 23001-7) leaves its boxes as side data; Matroska names the key in the metadata.
fn encrypted(stream: &Stream) -> bool {
    let tag = |name: &[u8; 4]| u32::from_le_bytes(*name);
    // SAFETY: the stream belongs to an open container; a null size pointer is allowed.
    unsafe {
        let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_ENCRYPTION_INIT_INFO;
        let side = ffi::av_stream_get_side_data(stream.as_ptr(), kind, std::ptr::null_mut());
        let codec_tag = (*(*stream.as_ptr()).codecpar).codec_tag;
        let tagged = [b"encv", b"enca", b"drmi", b"drms", b"p608"].iter().any(|name| codec_tag == tag(name));
        !side.is_null() || tagged || stream.metadata().get("enc_key_id").is_some()
    }
}

fn turn(stream: &Stream) -> Turn {
    // SAFETY: a display matrix is nine i32; its size is checked.
    unsafe {
        let mut size = 0usize;
        let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX;
        let data = ffi::av_stream_get_side_data(stream.as_ptr(), kind, &mut size);
        if data.is_null() || size < 36 {
            return Turn::default();
        }
        let matrix = std::slice::from_raw_parts(data.cast::<i32>(), 9);
        let [a, b, c, d] = [matrix[0], matrix[1], matrix[3], matrix[4]].map(f64::from);
        // x' = a·x + c·y, y' = b·x + d·y with y downwards: (a, b) is where the right edge points. A negative determinant
        // is a mirror, taken as a flip upside down before the turn.
        let angle = b.atan2(a).to_degrees();
        let flip = a * d - b * c < 0.0;
        if !angle.is_finite() {
            return Turn::default();
        }
        Turn { quarters: (angle / 90.0).round().rem_euclid(4.0) as u8, flip }
    }
}

fn aspect(input: &mut Input, index: usize) -> f64 {
    // SAFETY: both pointers belong to the open container.
    let ratio = unsafe {
        let context = input.as_mut_ptr();
        let stream = *(*context).streams.add(index);
        ffi::av_guess_sample_aspect_ratio(context, stream, std::ptr::null_mut())
    };
    let ratio = f64::from(ratio.num) / f64::from(ratio.den);
    // Absent, square but for rounding, or absurd.
    if !ratio.is_finite() || !(0.1..=10.0).contains(&ratio) || (ratio - 1.0).abs() < 0.004 { 1.0 } else { ratio }
}

/// Decodes until each stream gave a frame. Faults: `input_codec`, `input_dimensions`, `input_corrupt`.
///
/// A stream that the header names but that has no packet at all is taken out of `choice`.
pub fn prove(
    input: &mut Input,
    choice: &mut Choice,
    max_pixels: u64,
    monitor: &dyn Monitor,
) -> Result<(Option<Picture>, Option<Sound>), Fault> {
    ff::keep_only(input, &choice.streams());
    let decoder = |index: Option<usize>| index.and_then(|index| input.stream(index));
    let mut video = decoder(choice.video).map(|s| VideoDecoder::open(&s, 1, max_pixels)).transpose()?;
    let mut audio = decoder(choice.audio).map(|s| AudioDecoder::open(&s, 1, max_pixels)).transpose()?;
    let (mut picture, mut sound) = (ffmpeg::frame::Video::empty(), ffmpeg::frame::Audio::empty());
    let (mut seen, mut heard) = (video.is_none(), audio.is_none());
    let mut sent = [0u64; 2];
    let mut packets = PacketReader::default();
    let mut packet = ffmpeg::Packet::empty();
    let mut more = true;
    while more && !(seen && heard) {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        more = packets.next(input, &mut packet)?;
        let track = if more { choice.track(packet.stream()) } else { None };
        let sealed = ffmpeg::codec::packet::side_data::Type::EncryptionInfo;
        if more && packet.side_data().any(|side| side.kind() == sealed) {
            return Err(locked());
        }
        if let Some(decoder) = video.as_mut().filter(|_| !seen && (!more || track == Some(VIDEO))) {
            if more {
                decoder.send(&packet)?;
            } else {
                decoder.send_end();
            }
            seen = decoder.receive(&mut picture)?;
            sent[VIDEO] += 1;
        }
        if let Some(decoder) = audio.as_mut().filter(|_| !heard && (!more || track == Some(AUDIO))) {
            if more {
                decoder.send(&packet)?;
            } else {
                decoder.send_end();
            }
            heard = decoder.receive(&mut sound)? && sound.samples() > 0;
            sent[AUDIO] += 1;
        }
        if (!seen && sent[VIDEO] > PATIENCE) || (!heard && sent[AUDIO] > PATIENCE) {
            break;
        }
    }
    // The end marker counts as one.
    if !seen && !more && sent[VIDEO] <= 1 {
        (choice.video, seen) = (None, true);
    }
    if !heard && !more && sent[AUDIO] <= 1 {
        (choice.audio, heard) = (None, true);
    }
    if choice.video.is_none() && choice.audio.is_none() {
        return Err(ff::fault(ffmpeg::Error::Eof, "looking for its first packet"));
    }
    if !seen || !heard {
        let what = if seen { "sound" } else { "picture" };
        return Err(ff::fault(ffmpeg::Error::InvalidData, "decoding").with_detail(format!("the {what} gave no frame")));
    }
    let facts = match choice.video {
        Some(index) => Some(picture_facts(input, index, &picture, max_pixels)?),
        None => None,
    };
    let sound = choice.audio.and_then(|index| input.stream(index)).map(|stream| Sound {
        codec: stream.parameters().id().name().to_owned(),
        sample_rate: sound.rate(),
        channels: u32::from(sound.channels()),
    });
    Ok((facts, sound))
}

fn picture_facts(
    input: &mut Input,
    index: usize,
    frame: &ffmpeg::frame::Video,
    max_pixels: u64,
) -> Result<Picture, Fault> {
    ff::check_size(frame.width(), frame.height(), max_pixels)?;
    if frame.width() == 0 || frame.height() == 0 {
        return Err(ff::fault(ffmpeg::Error::InvalidData, "decoding its first frame"));
    }
    let aspect = aspect(input, index);
    let stream = input.stream(index).ok_or_else(|| Fault::internal("a stream vanished after opening"))?;
    // SAFETY: codecpar of a stream of an open container is valid.
    let order = unsafe { (*(*stream.as_ptr()).codecpar).field_order };
    use ffi::AVFieldOrder as F;
    Ok(Picture {
        codec: stream.parameters().id().name().to_owned(),
        width: frame.width(),
        height: frame.height(),
        turn: turn(&stream),
        aspect,
        interlaced: frame.is_interlaced()
            || matches!(order, F::AV_FIELD_TT | F::AV_FIELD_BB | F::AV_FIELD_TB | F::AV_FIELD_BT),
        color: Color {
            space: frame.color_space(),
            primaries: frame.color_primaries(),
            transfer: frame.color_transfer_characteristic(),
        },
    })
}

/// A clearer word for the commonest damage: an mp4 whose recording or download stopped before its index was written.
pub fn explain_open(fault: Fault, media: &MediaRef) -> Fault {
    if fault.code != Code::InputCorrupt || media.container != Container::Mov || has_index(&media.path) {
        return fault;
    }
    let detail = fault.detail.clone();
    Fault::new(
        Code::InputCorrupt,
        "the file has no index (moov): its recording or download stopped before the end",
        "download it again; a recording can often be rescued with a tool such as untrunc",
    )
    .with_detail(detail)
}

/// Walks the top-level boxes (ISO/IEC 14496-12 §4.2) in search of `moov`.
fn has_index(path: &Path) -> bool {
    let Ok(mut file) = File::open(path) else { return true };
    let mut at = 0u64;
    for _ in 0..10_000 {
        let mut header = [0u8; 16];
        if file.seek(SeekFrom::Start(at)).is_err() || file.read_exact(&mut header[..8]).is_err() {
            return false;
        }
        let [a, b, c, d, kind @ .., _, _, _, _, _, _, _, _] = header;
        if &kind == b"moov" {
            return true;
        }
        let mut size = u64::from(u32::from_be_bytes([a, b, c, d]));
        if size == 1 {
            if file.read_exact(&mut header[8..]).is_err() {
                return false;
            }
            size = header[8..].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        }
        if size < 8 {
            return false;
        }
        at = at.saturating_add(size);
    }
    false
}
