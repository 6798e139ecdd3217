//! Everything that is measured on a finished file, in one pass over its packets.

use ffmpeg_next::codec::{Id, Profile};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Packet, Rational, frame};
use omniva_contracts::jobs::MediaRef;
use omniva_contracts::{Code, Fault, Monitor};

use super::motion::{Motion, Stretches};
use crate::ff;
use crate::master::SoundReader;
use crate::master::loudness::Meter;
use crate::render::pool::plane;

/// The picture stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct PictureFacts {
    pub codec: String,
    pub profile: String,
    pub pixel_format: String,
    pub width: u32,
    pub height: u32,
    pub fps: f64,
    pub frames: u64,
    /// Frames that do not follow their neighbour at exactly one frame's distance.
    pub uneven: u64,
    pub damaged: u64,
    pub stretches: Stretches,
}

/// The sound stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct SoundFacts {
    pub codec: String,
    pub rate: u32,
    pub channels: u32,
    pub loudness: f64,
    pub true_peak: f64,
    pub damaged: u64,
}

/// Seconds at which a stream starts and ends, edit lists applied.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extent {
    pub start: f64,
    pub end: f64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub picture: PictureFacts,
    pub sound: Option<SoundFacts>,
    pub picture_extent: Extent,
    pub sound_extent: Extent,
}

/// Share of the progress that the picture takes.
const PICTURE_SHARE: f64 = 0.85;

/// Decodes all of a file. `expected` seconds are only used for progress.
pub(crate) fn gather(media: &MediaRef, expected: f64, monitor: &dyn Monitor) -> Result<Facts, Fault> {
    let mut facts = Facts::default();
    pictures(media, expected, &mut facts, monitor)?;
    facts.sound = sounds(media, expected, monitor)?;
    Ok(facts)
}

fn pictures(media: &MediaRef, expected: f64, facts: &mut Facts, monitor: &dyn Monitor) -> Result<(), Fault> {
    let mut input = ff::open(media)?;
    let lost = || Fault::new(Code::InputNoStreams, "the finished clip has no picture", "render the clip again");
    let index = ff::video_stream(&input).ok_or_else(lost)?;
    let sound = ff::audio_stream(&input);
    let stream = input.stream(index).ok_or_else(lost)?;
    // One thread: clips are checked while others are rendered, and frame threads cost a sixth more.
    let mut decoder = ff::VideoDecoder::open(&stream, 1, ff::MAX_PIXELS)?;
    decoder.relax_all();
    let (time_base, rate) = (stream.time_base(), stream.avg_frame_rate());
    describe(&stream, &mut facts.picture);
    let sound_base = sound.and_then(|i| input.stream(i)).map(|s| s.time_base());
    let mut walk = Walk { motion: Motion::default(), last: None, time_base, step: 1.0 / f64::from(rate).max(1.0) };
    let (mut picture_extent, mut sound_extent) = (None, None);
    let (mut picture, mut packet) = (frame::Video::empty(), Packet::empty());
    while packet.read(&mut input).is_ok() {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        if packet.stream() == index {
            extend(&mut picture_extent, &packet, time_base);
            decoder.send(&packet)?;
            while decoder.receive(&mut picture)? {
                walk.step(&picture, &mut facts.picture);
            }
            let done = walk.last.map_or(0.0, |t| t / expected.max(1e-3));
            monitor.progress(PICTURE_SHARE * done.clamp(0.0, 1.0));
        } else if let (true, Some(base)) = (Some(packet.stream()) == sound, sound_base) {
            extend(&mut sound_extent, &packet, base);
        }
    }
    decoder.send_end();
    while decoder.receive(&mut picture)? {
        walk.step(&picture, &mut facts.picture);
    }
    facts.picture.damaged += decoder.damaged();
    facts.picture.stretches = walk.motion.worst();
    facts.picture_extent = picture_extent.unwrap_or_default();
    facts.sound_extent = sound_extent.unwrap_or_default();
    Ok(())
}

fn describe(stream: &ffmpeg_next::Stream, facts: &mut PictureFacts) {
    let parameters = stream.parameters();
    let (width, height) = ff::stream_size(stream);
    facts.codec = parameters.id().name().to_owned();
    facts.fps = f64::from(stream.avg_frame_rate());
    (facts.width, facts.height) = (width, height);
    // SAFETY: reads two integers of the parameters of an open stream.
    let (profile, format) = unsafe { ((*parameters.as_ptr()).profile, (*parameters.as_ptr()).format) };
    facts.profile = match Profile::from((parameters.id(), profile)) {
        Profile::H264(profile) if parameters.id() == Id::H264 => format!("{profile:?}"),
        _ => format!("profile {profile}"),
    };
    facts.pixel_format = if format == ffmpeg_next::ffi::AVPixelFormat::from(Pixel::YUV420P) as i32 {
        "yuv420p".to_owned()
    } else {
        format!("pixel format {format}")
    };
}

fn extend(extent: &mut Option<Extent>, packet: &Packet, base: Rational) {
    let Some(pts) = packet.pts() else { return };
    let (start, end) = (pts as f64 * f64::from(base), (pts + packet.duration()) as f64 * f64::from(base));
    // What lies before zero is an encoder's run-up, which the edit list hides.
    let (start, end) = (start.max(0.0), end.max(0.0));
    let known = extent.get_or_insert(Extent { start, end });
    known.start = known.start.min(start);
    known.end = known.end.max(end);
}

/// State of the walk over the pictures.
struct Walk {
    motion: Motion,
    last: Option<f64>,
    time_base: Rational,
    step: f64,
}

impl Walk {
    fn step(&mut self, picture: &frame::Video, facts: &mut PictureFacts) {
        facts.frames += 1;
        facts.damaged += u64::from(picture.is_corrupt() || picture.has_decode_errors());
        let time = picture.timestamp().map_or(0.0, |t| t as f64 * f64::from(self.time_base));
        if self.last.is_some_and(|last| (time - last - self.step).abs() > self.step * 0.02) {
            facts.uneven += 1;
        }
        self.last = Some(time);
        if picture.format() == Pixel::YUV420P {
            self.motion.add(plane(picture, 0), time, time + self.step);
        }
    }
}

fn sounds(media: &MediaRef, expected: f64, monitor: &dyn Monitor) -> Result<Option<SoundFacts>, Fault> {
    let Some(mut reader) = SoundReader::open(media)? else { return Ok(None) };
    let (codec, rate, channels) = reader.describe();
    let mut meter = Meter::new(true)?;
    let mut heard = 0usize;
    while let Some(block) = reader.next()? {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        meter.add(&block.samples)?;
        heard += block.samples.len() / 2;
        let done = heard as f64 / f64::from(crate::master::RATE) / expected.max(1e-3);
        monitor.progress(PICTURE_SHARE + (1.0 - PICTURE_SHARE) * done.clamp(0.0, 1.0));
    }
    let (loudness, true_peak) = (meter.integrated()?, meter.true_peak()?);
    Ok(Some(SoundFacts { codec, rate, channels, loudness, true_peak, damaged: reader.damaged() }))
}
