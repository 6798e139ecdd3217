//! One pass over all packets, without decoding, to see what the timestamps are like.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::packet::Ref;
use omniva_contracts::{Fault, Monitor};

use super::cadence::{Cadence, Verdict};
use super::clock::{Clock, Stamp};
use crate::ff::{PacketReader, keep_only};
use crate::read::conform::TOLERANCE;

/// Largest timestamp taken seriously, in microseconds: 100 years.
const LIMIT: f64 = 3.2e15;

/// The two streams that matter, with the numbers that the rest of ingest calls them by.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Choice {
    pub video: Option<usize>,
    pub audio: Option<usize>,
}

pub const VIDEO: usize = 0;
pub const AUDIO: usize = 1;

impl Choice {
    pub fn track(&self, stream: usize) -> Option<usize> {
        if self.video == Some(stream) {
            Some(VIDEO)
        } else if self.audio == Some(stream) {
            Some(AUDIO)
        } else {
            None
        }
    }

    pub fn streams(&self) -> Vec<usize> {
        self.video.into_iter().chain(self.audio).collect()
    }
}

/// Packet times in microseconds.
pub fn stamp(packet: &ffmpeg::Packet, base: ffi::AVRational) -> Stamp {
    let us = |at: i64| {
        let scaled = at as f64 * 1e6 * f64::from(base.num) / f64::from(base.den.max(1));
        scaled.clamp(-LIMIT, LIMIT).round() as i64
    };
    Stamp { pts: packet.pts().map(us), dts: packet.dts().map(us), duration: us(packet.duration().max(0)) }
}

/// Frames that an edit list cuts off are decoded but never shown.
pub fn discarded(packet: &ffmpeg::Packet) -> bool {
    // SAFETY: reads one field of a packet that we own.
    unsafe { (*packet.as_ptr()).flags & ffi::AV_PKT_FLAG_DISCARD != 0 }
}

/// What one stream's packets say, in microseconds of the repaired clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrackTimes {
    pub packets: u64,
    pub first: Option<i64>,
    pub end: i64,
    pub corrupt: u64,
    pub gaps: u64,
}

#[derive(Debug)]
pub struct Scan {
    pub video: TrackTimes,
    pub audio: TrackTimes,
    pub cadence: Verdict,
    pub jumps: u64,
    pub read_errors: u64,
}

impl Scan {
    /// Start and end of everything, microseconds of the repaired clock.
    pub fn range(&self) -> (i64, i64) {
        let start = self.video.first.into_iter().chain(self.audio.first).min().unwrap_or(0);
        (start, self.video.end.max(self.audio.end).max(start))
    }

    pub fn seconds(&self) -> f64 {
        let (start, end) = self.range();
        (end - start) as f64 / 1e6
    }
}

/// Reads all packets. `bytes` is the file's size, for progress, which goes from 0 to `share`.
pub fn scan(
    input: &mut Input,
    choice: Choice,
    discontinuous: bool,
    bytes: u64,
    monitor: &dyn Monitor,
    share: f64,
) -> Result<Scan, Fault> {
    keep_only(input, &choice.streams());
    let mut shown = Cadence::new(&claimed_rates(input, choice));
    // Program streams give most frames no presentation time; the times of decoding run as evenly.
    let mut decoded = Cadence::new(&claimed_rates(input, choice));
    let mut silent = 0u64;
    let mut offsets = [0i64; 2];
    let mut clock = Clock::new(discontinuous);
    let mut tracks = [TrackTimes::default(); 2];
    let mut expected: Option<i64> = None;
    let mut packets = PacketReader::default();
    let mut packet = ffmpeg::Packet::empty();
    while packets.next(input, &mut packet)? {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        let Some(track) = choice.track(packet.stream()) else { continue };
        if packet.position() > 0 {
            monitor.progress(share * (packet.position() as f64 / bytes.max(1) as f64).min(1.0));
        }
        let base = input.stream(packet.stream()).map_or(ffi::AVRational { num: 1, den: 1 }, |s| s.time_base().into());
        let stamp = stamp(&packet, base);
        let offset = clock.offset(track, stamp);
        let moved = std::mem::replace(&mut offsets[track], offset) != offset;
        let times = &mut tracks[track];
        times.packets += 1;
        times.corrupt += u64::from(packet.is_corrupt());
        let Some(pts) = stamp.pts.or(stamp.dts).map(|pts| pts + offset) else { continue };
        times.end = times.end.max(pts + stamp.duration);
        if discarded(&packet) {
            continue;
        }
        times.first = Some(times.first.map_or(pts, |first| first.min(pts)));
        if track == VIDEO {
            if moved {
                shown.split();
                decoded.split();
            }
            silent += u64::from(stamp.pts.is_none());
            shown.push(pts);
            decoded.push(stamp.dts.map_or(pts, |dts| dts + offset));
        } else {
            let off = expected.filter(|_| !moved).map_or(0, |expected| (pts - expected).abs());
            times.gaps += u64::from(off as f64 > TOLERANCE * 1e6);
            expected = (stamp.duration > 0).then_some(pts + stamp.duration);
        }
    }
    let cadence = if silent > 0 { decoded.finish() } else { shown.finish() };
    let [video, audio] = tracks;
    Ok(Scan { video, audio, cadence, jumps: clock.jumps(), read_errors: packets.errors() })
}

fn claimed_rates(input: &Input, choice: Choice) -> Vec<(i32, i32)> {
    let Some(stream) = choice.video.and_then(|index| input.stream(index)) else { return Vec::new() };
    let rates = [stream.avg_frame_rate(), stream.rate()];
    rates.iter().map(|rate| (rate.numerator(), rate.denominator())).collect()
}
