//! Intro and outro: a still or a short video of the brand kit, fitted to the canvas.

use std::path::Path;

use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;
use omniva_contracts::geometry::{Rect, Span};
use omniva_contracts::jobs::MediaRef;
use omniva_contracts::plan::Keep;
use omniva_contracts::{Code, Fault, Monitor};

use super::compose::{Composer, Shot};
use super::encode::RATE;
use super::source::Source;
use super::tidy::Tidy;
use crate::{ff, master, sniff};

/// How long a still stands, seconds.
const STILL: f64 = 2.0;
/// Videos are cut here: a longer one is no intro, seconds.
const LONGEST: f64 = 15.0;
/// Shapes this close to the canvas fill it; others stand on a blurred copy of themselves.
const SAME_SHAPE: f64 = 0.03;

enum Content {
    Still(Box<frame::Video>),
    Video(Box<Source>),
}

/// One insert: its frames come from [`Insert::frame`], its sound is ready.
pub(crate) struct Insert {
    content: Content,
    pub frames: u64,
    /// Interleaved stereo, exactly as long as the frames.
    pub pcm: Vec<f32>,
    fps: u32,
}

impl Insert {
    pub fn open(path: &Path, fps: u32, monitor: &dyn Monitor) -> Result<Insert, Fault> {
        if image::ImageReader::open(path).and_then(|r| r.with_guessed_format()).is_ok_and(|r| r.format().is_some()) {
            let frames = (STILL * f64::from(fps)).round() as u64;
            let picture = Box::new(tidy_still(path)?);
            return Ok(Insert {
                content: Content::Still(picture),
                frames,
                pcm: vec![0.0; samples(frames, fps) * 2],
                fps,
            });
        }
        let unusable = |fault: Fault| {
            let message = "the intro or outro of the brand kit can't be used";
            Fault::new(Code::ConfigInvalid, message, "give a PNG, a JPEG or a short MP4 in the brand kit")
                .with_detail(format!("{}: {}", fault.message, fault.detail))
        };
        let media = MediaRef { container: sniff::sniff(path).map_err(unusable)?, path: path.to_path_buf() };
        let length = length(&media).map_err(unusable)?;
        let frames = (length.min(LONGEST) * f64::from(fps)).round().max(1.0) as u64;
        let source = Source::open(&media, 0.0, 0.0, 1).map_err(unusable)?;
        let end = frames as f64 / f64::from(fps);
        let keep = [Keep { source: Span::new(0.0, end), out: 0.0 }];
        let total = samples(frames, fps);
        let pcm = master::kept(&media, &keep, 0.01, total, monitor)?.unwrap_or_else(|| vec![0.0; total * 2]);
        Ok(Insert { content: Content::Video(Box::new(source)), frames, pcm, fps })
    }

    pub fn frame(&mut self, index: u64, composer: &mut Composer, monitor: &dyn Monitor) -> Result<frame::Video, Fault> {
        let whole = |picture: &frame::Video, canvas: f64| {
            let ratio = f64::from(picture.width()) / f64::from(picture.height().max(1));
            if (ratio / canvas - 1.0).abs() < SAME_SHAPE { Shot::Single(Rect::FULL) } else { Shot::Fit(Rect::FULL) }
        };
        let canvas = composer.ratio();
        match &mut self.content {
            Content::Still(picture) => composer.compose(picture, whole(picture, canvas)),
            Content::Video(source) => {
                let time = (index as f64 + 0.5) / f64::from(self.fps);
                let shown = source.at(time, monitor)?;
                let shown = shown.ok_or_else(|| Fault::internal("an intro or outro lost its picture"))?;
                composer.compose(shown.picture, whole(shown.picture, canvas))
            }
        }
    }
}

/// Stereo samples that last as long as `frames`.
pub(crate) fn samples(frames: u64, fps: u32) -> usize {
    (u128::from(frames) * u128::from(RATE) / u128::from(fps.max(1))) as usize
}

fn length(media: &MediaRef) -> Result<f64, Fault> {
    let input = ff::open(media)?;
    // SAFETY: reads one integer of an open container.
    let duration = unsafe { (*input.as_ptr()).duration };
    if duration > 0 {
        return Ok(duration as f64 / 1e6);
    }
    Err(Fault::new(Code::InputCorrupt, "its length is unknown", "convert it to MP4 first"))
}

/// A still as the 4:2:0 picture that everything else is.
fn tidy_still(path: &Path) -> Result<frame::Video, Fault> {
    let image = super::paint::still(path, "the intro or outro")?.to_rgb8();
    let (width, height) = (image.width() & !1, image.height() & !1);
    if width < 2 || height < 2 {
        return Err(Fault::new(Code::ConfigInvalid, "the intro or outro is too small", "give a larger picture"));
    }
    let mut rgb = frame::Video::new(Pixel::RGB24, width, height);
    let (stride, row) = (rgb.stride(0), width as usize * 3);
    for (y, line) in image.as_raw().chunks_exact(image.width() as usize * 3).take(height as usize).enumerate() {
        rgb.data_mut(0)[y * stride..y * stride + row].copy_from_slice(&line[..row]);
    }
    let mut tidy = Tidy::default();
    tidy.picture(&rgb, 0)?;
    tidy.into_last().ok_or_else(|| Fault::internal("a still was not converted"))
}
