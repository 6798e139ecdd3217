//! The picture on its way into the normalised copy: upright, square, even, one frame for every tick of the clock.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;
use ffmpeg_next::filter;
use omniva_contracts::{Code, Fault, Monitor};

use super::cadence::Rate;
use super::probe::Picture;
use super::writer::{Lane, Writer};
use crate::ff;

/// Filter graph for frames of one size and format.
struct Straighten {
    graph: filter::Graph,
    source: (u32, u32, ffmpeg::format::Pixel),
}

impl Straighten {
    fn new(frame: &ffmpeg::frame::Video, picture: &Picture, size: (u32, u32)) -> Result<Self, Fault> {
        let source = (frame.width(), frame.height(), frame.format());
        let full = frame.color_range() == ffmpeg::color::Range::JPEG;
        Self::build(source, &chain(picture, size, full)).map(|graph| Self { graph, source }).map_err(failed)
    }

    fn build(source: (u32, u32, ffmpeg::format::Pixel), chain: &str) -> Result<filter::Graph, ffmpeg::Error> {
        let mut graph = filter::Graph::new();
        let format: ffi::AVPixelFormat = source.2.into();
        let arguments = format!(
            "video_size={}x{}:pix_fmt={}:time_base=1/1000000:pixel_aspect=1/1",
            source.0, source.1, format as i32
        );
        let find = |name: &str| filter::find(name).ok_or(ffmpeg::Error::FilterNotFound);
        graph.add(&find("buffer")?, "in", &arguments)?;
        graph.add(&find("buffersink")?, "out", "")?;
        graph.output("in", 0)?.input("out", 0)?.parse(chain)?;
        graph.validate()?;
        Ok(graph)
    }

    fn push(&mut self, frame: &ffmpeg::frame::Video) -> Result<(), Fault> {
        self.graph.get("in").map_or(Err(ffmpeg::Error::Bug), |mut node| node.source().add(frame)).map_err(failed)
    }

    fn end(&mut self) {
        // Fails only when it was ended before.
        let _ = self.graph.get("in").map_or(Err(ffmpeg::Error::Bug), |mut node| node.source().flush());
    }

    fn pull(&mut self) -> Result<Option<ffmpeg::frame::Video>, Fault> {
        let mut frame = ffmpeg::frame::Video::empty();
        match self.graph.get("out").map_or(Err(ffmpeg::Error::Bug), |mut node| node.sink().frame(&mut frame)) {
            Ok(()) => Ok(Some(frame)),
            Err(ffmpeg::Error::Eof | ffmpeg::Error::Other { errno: libc::EAGAIN }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}

fn failed(error: ffmpeg::Error) -> Fault {
    Fault::new(
        Code::EncoderFailed,
        "straightening the picture failed",
        "convert the video to H.264 in an mp4 file first",
    )
    .with_detail(ff::describe(error))
}

/// The filters that a picture needs, in FFmpeg's notation. `full`: its levels use the whole range of numbers.
fn chain(picture: &Picture, (width, height): (u32, u32), full: bool) -> String {
    let mut filters = Vec::new();
    if picture.interlaced {
        // Its output counts in half units.
        filters.push("yadif=mode=send_frame:deint=interlaced,settb=1/1000000".to_owned());
    }
    if picture.turn.flip {
        filters.push("vflip".to_owned());
    }
    filters.extend(match picture.turn.quarters {
        1 => vec!["transpose=clock".to_owned()],
        2 => vec!["hflip".to_owned(), "vflip".to_owned()],
        3 => vec!["transpose=cclock".to_owned()],
        _ => Vec::new(),
    });
    let range = if full { ":out_range=tv" } else { "" };
    let matrix = if picture.color.space == ffmpeg::color::Space::RGB { ":out_color_matrix=bt709" } else { "" };
    filters.push(format!("scale={width}:{height}:flags=bicubic+accurate_rnd{range}{matrix}"));
    filters.push("setsar=1".to_owned());
    filters.push("format=yuv420p".to_owned());
    filters.join(",")
}

/// Gives every tick of a constant clock one frame: repeats over gaps, drops what comes twice.
pub struct Pictures {
    picture: Picture,
    straighten: Option<Straighten>,
    size: (u32, u32),
    rate: Rate,
    lane: Lane<ffmpeg::encoder::Video>,
    /// The frame that was seen last, not yet written, and its tick.
    pending: Option<(ffmpeg::frame::Video, i64)>,
    /// Ticks written.
    written: i64,
    /// Ticks to write in all.
    total: i64,
    last_time: f64,
}

impl Pictures {
    pub fn new(
        writer: &mut Writer,
        picture: &Picture,
        rate: Rate,
        seconds: f64,
        max_pixels: u64,
    ) -> Result<Self, Fault> {
        let size = picture.display_size(max_pixels);
        let mut color = picture.color;
        if color.space == ffmpeg::color::Space::RGB {
            color.space = ffmpeg::color::Space::BT709;
        }
        Ok(Self {
            picture: picture.clone(),
            straighten: None,
            size,
            rate,
            lane: writer.add_video(size.0, size.1, rate, color)?,
            pending: None,
            written: 0,
            // A sliver of a frame, from rounded timestamps, is no frame.
            total: ((seconds * rate.fps() - 0.1).ceil() as i64).max(1),
            last_time: 0.0,
        })
    }

    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Frames to write in all.
    pub fn ticks(&self) -> i64 {
        self.total
    }

    /// Takes a decoded frame; `time` in seconds from the origin.
    pub fn push(
        &mut self,
        frame: &mut ffmpeg::frame::Video,
        time: Option<f64>,
        writer: &mut Writer,
        monitor: &dyn Monitor,
    ) -> Result<(), Fault> {
        let time = time.unwrap_or(self.last_time + 1.0 / self.rate.fps());
        self.last_time = time;
        frame.set_pts(Some((time * 1e6).round() as i64));
        frame.set_kind(ffmpeg::picture::Type::None);
        let same = |s: &Straighten| s.source == (frame.width(), frame.height(), frame.format());
        if self.straighten.as_ref().is_some_and(|s| !same(s)) {
            self.drain(true, writer, monitor)?;
        }
        let straighten = match &mut self.straighten {
            Some(straighten) => straighten,
            none => none.insert(Straighten::new(frame, &self.picture, self.size)?),
        };
        straighten.push(frame)?;
        self.drain(false, writer, monitor)
    }

    fn drain(&mut self, end: bool, writer: &mut Writer, monitor: &dyn Monitor) -> Result<(), Fault> {
        let Some(mut straighten) = self.straighten.take() else { return Ok(()) };
        if end {
            straighten.end();
        }
        while let Some(frame) = straighten.pull()? {
            let time = frame.pts().unwrap_or(0) as f64 / 1e6;
            self.place(frame, time, writer, monitor)?;
        }
        if !end {
            self.straighten = Some(straighten);
        }
        Ok(())
    }

    fn place(
        &mut self,
        frame: ffmpeg::frame::Video,
        time: f64,
        writer: &mut Writer,
        monitor: &dyn Monitor,
    ) -> Result<(), Fault> {
        let tick = ((time * self.rate.fps()).round() as i64).max(0);
        match &self.pending {
            // Two frames for one tick: the first stays.
            Some((_, held)) if tick <= *held => return Ok(()),
            Some(_) => self.write_until(tick, writer, monitor)?,
            None => {}
        }
        self.pending = Some((frame, tick));
        Ok(())
    }

    /// Repeats the pending frame on every tick before `tick`.
    fn write_until(&mut self, tick: i64, writer: &mut Writer, monitor: &dyn Monitor) -> Result<(), Fault> {
        let Some((frame, _)) = &mut self.pending else { return Ok(()) };
        while self.written < tick.min(self.total) {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            frame.set_pts(Some(self.written));
            frame.set_kind(ffmpeg::picture::Type::None);
            writer.send(&mut self.lane, frame)?;
            self.written += 1;
        }
        Ok(())
    }

    /// No more frames: the last one stands until the end.
    pub fn finish(&mut self, writer: &mut Writer, monitor: &dyn Monitor) -> Result<(), Fault> {
        self.drain(true, writer, monitor)?;
        self.write_until(self.total, writer, monitor)?;
        if self.written < self.total {
            return Err(ff::fault(ffmpeg::Error::InvalidData, "decoding its picture"));
        }
        writer.end(&mut self.lane)
    }
}
