//! The frames of a source for analysis: a small luma picture of each, a colour picture of some.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Input;
use omniva_contracts::jobs::MediaRef;
use omniva_contracts::media::MediaInfo;
use omniva_contracts::streams::{Frame, FrameSource, Picture};
use omniva_contracts::{Code, Fault};

use super::luma::LumaBox;
use super::picture::Packer;
use crate::ff::{self, FrameGrid, PacketReader, VideoDecoder};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameOptions {
    /// Seconds between frames that also get a colour picture; 0 gives every frame one, infinity none.
    pub sample_step: f64,
    /// Longest side of the colour picture in pixels; sources are never enlarged.
    pub picture_max: usize,
    /// Width of the luma picture; its height follows the source's shape.
    pub luma_width: usize,
    /// Threads of the decoder; 0: one per core.
    pub threads: usize,
}

impl Default for FrameOptions {
    fn default() -> Self {
        Self { sample_step: 0.2, picture_max: 640, luma_width: 96, threads: 0 }
    }
}

/// Frames in order of time, each on the exact grid of the source's frame rate.
pub struct FrameReader {
    input: Input,
    stream: usize,
    time_base: ffi::AVRational,
    origin_us: i64,
    packets: PacketReader,
    decoder: VideoDecoder,
    packet: ffmpeg::Packet,
    frame: ffmpeg::frame::Video,
    fps: f64,
    grid: Option<FrameGrid>,
    /// Grid number of the frame handed out last.
    last: i64,
    step: f64,
    next_sample: f64,
    luma: LumaBox,
    gray: Option<Packer>,
    picture: Packer,
    draining: bool,
}

impl FrameReader {
    /// # Errors
    /// `input_no_streams` without a picture, and everything that [`ff::open`] and the decoder can say.
    pub fn open(media: &MediaRef, info: &MediaInfo, options: FrameOptions) -> Result<Self, Fault> {
        let missing = || Fault::new(Code::InputNoStreams, "the source has no picture", "use a source with a picture");
        let video = info.video.as_ref().ok_or_else(missing)?;
        let mut input = ff::open(media)?;
        let stream = ff::video_stream(&input).ok_or_else(missing)?;
        ff::keep_only(&mut input, &[stream]);
        let (mut decoder, time_base) = {
            let found = input.stream(stream).ok_or_else(|| Fault::internal("a stream vanished after opening"))?;
            (VideoDecoder::open(&found, options.threads, ff::MAX_PIXELS)?, found.time_base().into())
        };
        decoder.relax();
        let (width, height) = (video.width.max(1) as usize, video.height.max(1) as usize);
        let luma_width = options.luma_width.clamp(1, width);
        let luma_height = (luma_width * height).div_ceil(width).clamp(1, height);
        let (picture_width, picture_height) = picture_size(width, height, options.picture_max);
        Ok(Self {
            origin_us: ff::origin_us(&input),
            input,
            stream,
            time_base,
            packets: PacketReader::default(),
            decoder,
            packet: ffmpeg::Packet::empty(),
            frame: ffmpeg::frame::Video::empty(),
            fps: video.fps,
            grid: None,
            last: i64::MIN,
            step: if options.sample_step.is_nan() { 0.0 } else { options.sample_step.max(0.0) },
            next_sample: if options.sample_step.is_infinite() { f64::INFINITY } else { 0.0 },
            luma: LumaBox::new(luma_width, luma_height),
            gray: None,
            picture: Packer::bgr(picture_width, picture_height),
            draining: false,
        })
    }

    /// Leaves out the pictures that no other picture is built on, and all deblocking: for whoever looks at two pictures a
    /// second and not closely. Less than half of the work.
    pub fn hurried(mut self) -> Self {
        self.decoder.hurry(true);
        self.decoder.relax_all();
        self
    }

    /// Decodes the next frame into `self.frame`; false at the end.
    fn decode(&mut self) -> Result<bool, Fault> {
        loop {
            if self.decoder.receive(&mut self.frame)? {
                return Ok(true);
            }
            if self.draining {
                return Ok(false);
            }
            if !self.packets.next(&mut self.input, &mut self.packet)? {
                self.draining = true;
                self.decoder.send_end();
            } else if self.packet.stream() == self.stream {
                self.decoder.send(&self.packet)?;
            }
        }
    }

    /// Exact time of the decoded frame; `None` for one that repeats or goes back, which only damage causes.
    fn place(&mut self) -> Option<f64> {
        let time = self.frame.timestamp().map(|at| ff::seconds(at, self.time_base, self.origin_us));
        let grid = *self.grid.get_or_insert_with(|| FrameGrid::new(time.unwrap_or(0.0), self.fps));
        let index = time.map_or(self.last.saturating_add(1).max(0), |time| grid.index(time));
        if index <= self.last {
            return None;
        }
        self.last = index;
        Some(grid.time(index))
    }

    fn sample(&mut self, time: f64) -> bool {
        // Half a frame of grace, so that a step of a whole number of frames hits the same frames despite rounding.
        if time + 0.5 / self.fps.max(1.0) < self.next_sample {
            return false;
        }
        if self.step > 0.0 {
            let passed = ((time + 0.5 / self.fps.max(1.0)) / self.step).floor() + 1.0;
            self.next_sample = passed * self.step;
        }
        true
    }
}

/// Size of the colour picture: the source's shape, the longest side at most `longest`. The width is a multiple of 8
/// because libswscale's vector code works on whole groups.
fn picture_size(width: usize, height: usize, longest: usize) -> (usize, usize) {
    let scale = (longest.max(8) as f64 / width.max(height) as f64).min(1.0);
    let scaled_width = ((width as f64 * scale / 8.0).round() as usize * 8).max(8);
    let scaled_height = ((height as f64 * scale / 2.0).round() as usize * 2).max(2);
    (scaled_width, scaled_height)
}

impl FrameSource for FrameReader {
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Fault> {
        let time = loop {
            if !self.decode()? {
                return Ok(None);
            }
            if let Some(time) = self.place() {
                break time;
            }
        };
        let sampled = self.sample(time);
        let (luma_width, luma_height) = (self.luma.width, self.luma.height);
        let luma = if self.luma.reduce(&self.frame) {
            &self.luma.pixels[..]
        } else {
            self.gray.get_or_insert_with(|| Packer::gray(luma_width, luma_height)).pack(&self.frame)?
        };
        let picture = if sampled {
            let (width, height) = (self.picture.width, self.picture.height);
            Some(Picture { width, height, bgr: self.picture.pack(&self.frame)? })
        } else {
            None
        };
        Ok(Some(Frame { time, luma_width, luma_height, luma, picture }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_shape_and_are_never_enlarged() {
        assert_eq!(picture_size(1280, 720, 640), (640, 360));
        assert_eq!(picture_size(1080, 1920, 640), (360, 640));
        assert_eq!(picture_size(320, 240, 640), (320, 240));
        assert_eq!(picture_size(2, 2, 640), (8, 2));
    }
}
