//! The fingerprint of a source, by which copies of it are known again (`omniva_likeness`).
//!
//! Where a source is decoded for something else, [`Listened`] and [`Watched`] take the print from what passes and no
//! second pass is needed; [`print`] decodes a source for its print alone.

use omniva_contracts::jobs::{MediaRef, PrintJob, Printed};
use omniva_contracts::media::MediaInfo;
use omniva_contracts::streams::{AudioSource, Frame, FrameSource};
use omniva_contracts::{Fault, Monitor};
use omniva_likeness::sound::RATE;
use omniva_likeness::{Hearing, Print, Sight};

use crate::read::{AudioReader, FrameOptions, FrameReader};

/// Name of the print in the output folder of a job that makes one; its bytes are [`Print::to_bytes`].
pub const PRINT: &str = "likeness.print";
/// Width of the small pictures that are hashed, as watching has them too.
const LUMA_WIDTH: usize = 96;
/// Part of the progress that the sound takes when there is a picture too.
const SOUND_SHARE: f64 = 0.2;

/// A source of sound that keeps a print of what it hands out.
pub struct Listened<S> {
    source: S,
    hearing: Hearing,
}

impl<S: AudioSource> Listened<S> {
    /// # Errors
    /// `internal` when the source has another rate than [`RATE`].
    pub fn new(source: S) -> Result<Self, Fault> {
        match source.sample_rate() {
            RATE => Ok(Self { source, hearing: Hearing::new() }),
            other => Err(Fault::internal(format!("a print of sound needs {RATE} Hz, not {other}"))),
        }
    }

    /// The print of what was handed out so far.
    pub fn print(self) -> Print {
        self.hearing.finish()
    }
}

impl<S: AudioSource> AudioSource for Listened<S> {
    fn sample_rate(&self) -> u32 {
        self.source.sample_rate()
    }

    fn next_block(&mut self) -> Result<Option<&[f32]>, Fault> {
        let block = self.source.next_block()?;
        if let Some(samples) = block {
            self.hearing.push(samples);
        }
        Ok(block)
    }
}

/// A source of frames that keeps a print of what it hands out.
pub struct Watched<S> {
    source: S,
    sight: Sight,
}

impl<S: FrameSource> Watched<S> {
    pub fn new(source: S) -> Self {
        Self { source, sight: Sight::new() }
    }

    /// The print of what was handed out so far.
    pub fn print(self) -> Print {
        self.sight.finish()
    }
}

impl<S: FrameSource> FrameSource for Watched<S> {
    fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Fault> {
        let frame = self.source.next_frame()?;
        if let Some(frame) = &frame {
            self.sight.push(frame.time, frame.luma, frame.luma_width, frame.luma_height);
        }
        Ok(frame)
    }
}

/// Does the job: [`print`], and its bytes as the file [`PRINT`].
///
/// # Errors
/// Those of [`print`]; `output_unwritable`, `no_space` for the file. Nothing half-written is left behind.
pub fn make(job: &PrintJob, monitor: &dyn Monitor) -> Result<Printed, Fault> {
    let made = print(&job.media, &job.info, job.threads, monitor)?;
    let bytes = made.to_bytes();
    let (part, path) = (job.out_dir.join("likeness.part"), job.out_dir.join(PRINT));
    let written = std::fs::write(&part, &bytes).and_then(|()| std::fs::rename(&part, &path));
    if let Err(error) = written {
        // What was written of it is of no use; that it can't be removed either adds nothing to the fault.
        std::fs::remove_file(&part).ok();
        return Err(Fault::writing("the fingerprint of the source", &error));
    }
    Ok(Printed { bytes: bytes.len() as u64, landmarks: made.landmarks().len() as u64, runs: made.runs().len() as u64 })
}

/// Decodes a source (that ingest has seen: `info` is its answer) for its print: all of the sound, and the pictures that
/// others are built on. Memory does not grow with the source but for the print.
///
/// # Errors
/// What the readers say; `cancelled`.
pub fn print(media: &MediaRef, info: &MediaInfo, threads: usize, monitor: &dyn Monitor) -> Result<Print, Fault> {
    let mut sound = Print::default();
    let mut share = 0.0;
    if info.audio.is_some() {
        share = if info.video.is_some() { SOUND_SHARE } else { 1.0 };
        sound = of_sound(media, info, share, monitor)?;
    }
    let mut picture = Print::default();
    if info.video.is_some() {
        picture = of_picture(media, info, threads, share, monitor)?;
    }
    monitor.progress(1.0);
    Ok(Print::joined(info.duration, sound, picture))
}

fn of_sound(media: &MediaRef, info: &MediaInfo, share: f64, monitor: &dyn Monitor) -> Result<Print, Fault> {
    let mut source = Listened::new(AudioReader::open(media, info, RATE)?)?;
    let (mut samples, total) = (0u64, (info.duration * f64::from(RATE)).max(1.0));
    while let Some(block) = source.next_block()? {
        samples += block.len() as u64;
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        monitor.progress(share * (samples as f64 / total).min(1.0));
    }
    Ok(source.print())
}

fn of_picture(
    media: &MediaRef,
    info: &MediaInfo,
    threads: usize,
    done: f64,
    monitor: &dyn Monitor,
) -> Result<Print, Fault> {
    // No colour pictures: the grey ones are all that is hashed.
    let options = FrameOptions { sample_step: f64::INFINITY, picture_max: 8, luma_width: LUMA_WIDTH, threads };
    let mut source = Watched::new(FrameReader::open(media, info, options)?.hurried());
    while let Some(frame) = source.next_frame()? {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        if info.duration > 0.0 {
            monitor.progress(done + (1.0 - done) * (frame.time / info.duration).clamp(0.0, 1.0));
        }
    }
    Ok(source.print())
}
