//! Pictures of a file by time, read forwards once.

use ffmpeg_next::format::context::Input;
use ffmpeg_next::{Packet, Rational, frame};
use omniva_contracts::jobs::MediaRef;
use omniva_contracts::{Code, Fault, Monitor};

use super::tidy::Tidy;
use crate::ff;

/// A picture and when it is shown, in seconds.
struct Timed {
    start: f64,
    picture: frame::Video,
}

/// Reads the picture stream of a file. Memory: two pictures and what the decoder holds.
pub(crate) struct Source {
    input: Input,
    decoder: ff::VideoDecoder,
    stream: usize,
    time_base: Rational,
    origin: i64,
    /// Length of a frame, seconds.
    pub frame_length: f64,
    current: Option<Timed>,
    next: Option<Timed>,
    spare: Vec<frame::Video>,
    ended: bool,
    tidy: Tidy,
    serial: u64,
}

/// The picture that is on screen at some time.
pub(crate) struct Shown<'a> {
    pub picture: &'a frame::Video,
    /// Start in source seconds.
    pub start: f64,
    pub length: f64,
    /// Changes whenever the picture does.
    pub serial: u64,
}

/// Jumps ahead longer than this are done by seeking, shorter ones by decoding.
const SEEK_AHEAD: f64 = 12.0;

/// Pictures nearer than this to the wanted one are all decoded, so that the right one is among them, seconds.
const RUN_UP: f64 = 0.5;

impl Source {
    /// Opens the file at the last keyframe before `start`. `fps` is the nominal rate, used when the stream tells none.
    pub fn open(media: &MediaRef, start: f64, fps: f64, threads: usize) -> Result<Source, Fault> {
        let input = ff::open(media)?;
        let no_picture = || {
            Fault::new(
                Code::InputNoStreams,
                "the video has no picture to render",
                "choose a file with a picture stream",
            )
        };
        let stream = ff::video_stream(&input).ok_or_else(no_picture)?;
        let (decoder, time_base, rate) = {
            let s = input.stream(stream).ok_or_else(no_picture)?;
            (ff::VideoDecoder::open(&s, threads, ff::MAX_PIXELS)?, s.time_base(), f64::from(s.avg_frame_rate()))
        };
        let rate = if fps.is_finite() && fps > 1.0 { fps } else { rate };
        let frame_length = if rate.is_finite() && rate > 1.0 { 1.0 / rate } else { 0.04 };
        let origin = ff::origin_us(&input);
        let mut source = Source {
            input,
            decoder,
            stream,
            time_base,
            origin,
            frame_length,
            current: None,
            next: None,
            spare: Vec::new(),
            ended: false,
            tidy: Tidy::default(),
            serial: 0,
        };
        source.seek(start)?;
        Ok(source)
    }

    fn seek(&mut self, to: f64) -> Result<(), Fault> {
        let at = ((to - 0.001).max(0.0) * 1e6) as i64 + self.origin;
        if to > 0.05 {
            // A file that can't seek is read from where it stands, which is slower but right.
            let _ = self.input.seek(at, ..at);
            self.decoder.flush();
        }
        self.current = None;
        self.next = None;
        self.ended = false;
        Ok(())
    }

    /// The picture on screen at `time`; times must not go back. Before the first picture of the file its first picture
    /// is shown, after the last the last. `None` when nothing at all can be decoded.
    pub fn at(&mut self, time: f64, monitor: &dyn Monitor) -> Result<Option<Shown<'_>>, Fault> {
        let reached = self.next.as_ref().or(self.current.as_ref()).map(|t| t.start);
        if reached.is_some_and(|r| time - r > SEEK_AHEAD) {
            self.seek(time)?;
        }
        // Half a millisecond forgives the rounding of timestamps in the container.
        let due = time + 5e-4;
        loop {
            match &self.next {
                Some(next) if next.start <= due || self.current.is_none() => self.advance(),
                Some(_) => break,
                None if self.ended => break,
                None => {
                    if monitor.cancelled() {
                        return Err(Fault::cancelled());
                    }
                    self.decode_next(due)?;
                }
            }
        }
        let Some(current) = &self.current else { return Ok(None) };
        let picture = self.tidy.picture(&current.picture, self.serial)?;
        Ok(Some(Shown { picture, start: current.start, length: self.frame_length, serial: self.serial }))
    }

    fn advance(&mut self) {
        if let Some(next) = self.next.take() {
            if let Some(old) = self.current.replace(next) {
                self.spare.push(old.picture);
            }
            self.serial += 1;
        }
    }

    /// Decodes one more picture into `next`, or marks the end. Of what lies well before `due` only the pictures that
    /// others are built on are decoded.
    fn decode_next(&mut self, due: f64) -> Result<(), Fault> {
        let mut picture = self.spare.pop().unwrap_or_else(frame::Video::empty);
        let mut packet = Packet::empty();
        loop {
            if self.decoder.receive(&mut picture)? {
                let Some(stamp) = picture.timestamp() else { continue };
                let start = ff::seconds(stamp, self.time_base.into(), self.origin);
                self.next = Some(Timed { start, picture });
                return Ok(());
            }
            if self.ended {
                return Ok(());
            }
            match packet.read(&mut self.input) {
                Ok(()) if packet.stream() == self.stream => {
                    let start = packet.pts().map(|t| ff::seconds(t, self.time_base.into(), self.origin));
                    let run_up = RUN_UP.max(4.0 * self.frame_length);
                    self.decoder.hurry(start.is_some_and(|s| due - s > run_up));
                    self.decoder.send(&packet)?;
                }
                Ok(()) => {}
                // A damaged end is an end: what could be read was shown.
                Err(_) => {
                    self.ended = true;
                    self.decoder.send_end();
                }
            }
        }
    }
}
