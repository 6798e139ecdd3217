//! Writes the normalised copy of a source: one pass, one decoder per stream, bounded memory.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Input;
use omniva_contracts::jobs::IngestJob;
use omniva_contracts::media::{AudioInfo, VideoInfo};
use omniva_contracts::{Fault, Monitor};

use super::clock::Clock;
use super::picture::Pictures;
use super::scan::{AUDIO, VIDEO, stamp};
use super::sound::Sounds;
use super::writer::{SAMPLE_RATE, Writer};
use super::{NORMALISED, SCAN_SHARE, Source, open};
use crate::ff::{self, AudioDecoder, PacketReader, VideoDecoder};

pub struct Made {
    pub duration: f64,
    pub video: Option<VideoInfo>,
    pub audio: Option<AudioInfo>,
    /// Packets and frames that were skipped.
    pub damaged: u64,
}

/// The pass itself: everything that packets flow through.
struct Pass<'a> {
    source: &'a Source,
    monitor: &'a dyn Monitor,
    bases: [ffi::AVRational; 2],
    video: Option<(VideoDecoder, Pictures)>,
    audio: Option<(AudioDecoder, Sounds)>,
    writer: Writer,
    /// Seconds to write in all.
    seconds: f64,
    picture: ffmpeg::frame::Video,
    sound: ffmpeg::frame::Audio,
}

pub fn normalise(job: &IngestJob, source: &Source, monitor: &dyn Monitor) -> Result<Made, Fault> {
    let mut input = open(job)?;
    ff::keep_only(&mut input, &source.choice.streams());
    let mut pass = Pass::new(job, source, &input, monitor)?;
    let mut clock = Clock::new(source.discontinuous);
    let mut packets = PacketReader::default();
    let mut packet = ffmpeg::Packet::empty();
    let mut corrupt = 0;
    while packets.next(&mut input, &mut packet)? {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        let Some(track) = source.choice.track(packet.stream()) else { continue };
        let base = pass.bases[track];
        let offset = clock.offset(track, stamp(&packet, base));
        let shift = to_units(offset, base);
        packet.set_pts(packet.pts().map(|at| at.saturating_add(shift)));
        packet.set_dts(packet.dts().map(|at| at.saturating_add(shift)));
        // The demuxer also marks the whole packets on both sides of a joint, so the decoder has the last word.
        corrupt += u64::from(packet.is_corrupt());
        pass.take(track, &packet)?;
    }
    pass.finish(packets.errors() + corrupt)
}

fn to_units(us: i64, base: ffi::AVRational) -> i64 {
    let scaled = us as f64 * f64::from(base.den.max(1)) / (1e6 * f64::from(base.num.max(1)));
    scaled.round() as i64
}

impl<'a> Pass<'a> {
    fn new(job: &IngestJob, source: &'a Source, input: &Input, monitor: &'a dyn Monitor) -> Result<Self, Fault> {
        let none = ffi::AVRational { num: 1, den: 1 };
        let mut bases = [none, none];
        let mut writer = Writer::create(job.out_dir.join(NORMALISED))?;
        let seconds = source.seconds();
        let stream = |index: Option<usize>| index.and_then(|index| input.stream(index));
        let mut length = seconds;
        let video = match (stream(source.choice.video), &source.picture) {
            (Some(stream), Some(picture)) => {
                bases[VIDEO] = stream.time_base().into();
                let decoder = VideoDecoder::open(&stream, 0, job.max_pixels)?;
                let rate = source.scan.cadence.rate;
                let pictures = Pictures::new(&mut writer, picture, rate, seconds, job.max_pixels)?;
                // The sound ends with the last frame, exactly.
                length = pictures.ticks() as f64 / rate.fps();
                Some((decoder, pictures))
            }
            _ => None,
        };
        let audio = match (stream(source.choice.audio), &source.sound) {
            (Some(stream), Some(sound)) => {
                bases[AUDIO] = stream.time_base().into();
                let decoder = AudioDecoder::open(&stream, 1, job.max_pixels)?;
                Some((decoder, Sounds::new(&mut writer, sound.channels, length)?))
            }
            _ => None,
        };
        writer.start()?;
        Ok(Self {
            source,
            monitor,
            bases,
            video,
            audio,
            writer,
            seconds: length,
            picture: ffmpeg::frame::Video::empty(),
            sound: ffmpeg::frame::Audio::empty(),
        })
    }

    fn take(&mut self, track: usize, packet: &ffmpeg::Packet) -> Result<(), Fault> {
        if track == VIDEO {
            if let Some((decoder, _)) = &mut self.video {
                decoder.send(packet)?;
            }
            self.receive_pictures()
        } else {
            if let Some((decoder, _)) = &mut self.audio {
                decoder.send(packet)?;
            }
            self.receive_sound()
        }
    }

    fn receive_pictures(&mut self) -> Result<(), Fault> {
        let Some((decoder, pictures)) = &mut self.video else { return Ok(()) };
        while decoder.receive(&mut self.picture)? {
            let at = self.picture.timestamp();
            let time = at.map(|at| ff::seconds(at, self.bases[VIDEO], self.source.origin));
            report(self.monitor, time, self.seconds);
            pictures.push(&mut self.picture, time, &mut self.writer, self.monitor)?;
        }
        Ok(())
    }

    fn receive_sound(&mut self) -> Result<(), Fault> {
        let alone = self.video.is_none();
        let Some((decoder, sounds)) = &mut self.audio else { return Ok(()) };
        while decoder.receive(&mut self.sound)? {
            let at = self.sound.timestamp();
            let time = at.map(|at| ff::seconds(at, self.bases[AUDIO], self.source.origin));
            if alone {
                report(self.monitor, time, self.seconds);
            }
            sounds.push(&self.sound, time, &mut self.writer, self.monitor)?;
        }
        Ok(())
    }

    fn finish(mut self, input_errors: u64) -> Result<Made, Fault> {
        let mut made = Made { duration: self.seconds, video: None, audio: None, damaged: input_errors };
        if let Some((decoder, _)) = &mut self.video {
            decoder.send_end();
        }
        if let Some((decoder, _)) = &mut self.audio {
            decoder.send_end();
        }
        self.receive_pictures()?;
        self.receive_sound()?;
        if let Some((decoder, sounds)) = &mut self.audio {
            sounds.finish(&mut self.writer, self.monitor)?;
            made.damaged += decoder.damaged();
            let channels = sounds.channels();
            made.audio = Some(AudioInfo { codec: "flac".to_owned(), sample_rate: SAMPLE_RATE, channels });
        }
        if let Some((decoder, pictures)) = &mut self.video {
            pictures.finish(&mut self.writer, self.monitor)?;
            made.damaged += decoder.damaged();
            let (width, height) = pictures.size();
            let fps = self.source.scan.cadence.rate.fps();
            made.video = Some(VideoInfo { codec: "h264".to_owned(), width, height, fps });
        }
        self.writer.finish()?;
        Ok(made)
    }
}

/// Progress never goes back, even when times do.
fn report(monitor: &dyn Monitor, time: Option<f64>, seconds: f64) {
    if let Some(time) = time.filter(|_| seconds > 0.0) {
        monitor.progress(SCAN_SHARE + (1.0 - SCAN_SHARE) * (time / seconds).clamp(0.0, 0.999));
    }
}
