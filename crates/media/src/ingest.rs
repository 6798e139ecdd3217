//! Takes a source in: looks at it, refuses what can't be used, and normalises it once when later stages could not rely on
//! it (reference, Clipfarm Pipeline §2.1).
//!
//! A source is used as it is when its frame rate is constant, its timestamps run on from (almost) 0, its picture is
//! upright with square pixels and even sides, and its sound is mono or stereo. Everything else is written anew as
//! `normalised.mkv`, nearly without loss.

mod cadence;
mod clock;
mod normalise;
mod picture;
mod probe;
mod scan;
mod sound;
mod writer;

use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Input;
use omniva_contracts::jobs::{IngestJob, MediaRef};
use omniva_contracts::media::{AudioInfo, Container, MediaInfo, Repair, VideoInfo};
use omniva_contracts::{Code, Fault, Monitor};

use crate::ff;
use probe::{Picture, Sound};
use scan::{Choice, Scan};

/// Name of the normalised copy in the job's output folder.
pub const NORMALISED: &str = "normalised.mkv";

/// Seconds by which picture or sound may start late: priming of encoders and a few reordered frames. Readers honour it.
const START_SLACK: f64 = 0.15;
/// Seconds by which the picture may end before the sound.
const END_SLACK: f64 = 0.5;
/// Seconds that may be missing from what the header promised.
const MISSING_SLACK: f64 = 1.0;
/// Part of the progress that the scan takes when a copy is written after it.
const SCAN_SHARE: f64 = 0.05;

/// What is known of a source before it is normalised.
struct Source {
    choice: Choice,
    picture: Option<Picture>,
    sound: Option<Sound>,
    scan: Scan,
    /// Start of the timeline, microseconds of the repaired clock.
    origin: i64,
    discontinuous: bool,
}

impl Source {
    fn seconds(&self) -> f64 {
        (self.scan.range().1 - self.origin).max(0) as f64 / 1e6
    }
}

/// Looks at a source and normalises it if needed.
///
/// # Errors
/// `input_*` codes for what the source can't give, `output_unwritable` and `no_space` for the copy, `encoder_failed`,
/// `cancelled`. Nothing half-written is left behind.
pub fn ingest(job: &IngestJob, monitor: &dyn Monitor) -> Result<MediaInfo, Fault> {
    let source = examine(job, monitor)?;
    let mut repairs = repairs(&source, job);
    if repairs.is_empty() {
        monitor.progress(1.0);
        return Ok(as_it_is(job, &source));
    }
    let made = normalise::normalise(job, &source, monitor)?;
    if made.damaged > 0 && !repairs.contains(&Repair::DamagedPackets) {
        repairs.push(Repair::DamagedPackets);
    }
    monitor.progress(1.0);
    Ok(MediaInfo {
        sha256: job.sha256.clone(),
        bytes: job.bytes,
        container: Container::Matroska,
        duration: made.duration,
        video: made.video,
        audio: made.audio,
        repairs,
        normalised: true,
        inside_bars: None,
    })
}

fn open(job: &IngestJob) -> Result<Input, Fault> {
    ff::open_limited(&job.source, job.max_pixels).map_err(|fault| probe::explain_open(fault, &job.source))
}

fn examine(job: &IngestJob, monitor: &dyn Monitor) -> Result<Source, Fault> {
    let mut input = open(job)?;
    let mut choice = probe::choose(&input)?;
    let promised = promised_seconds(&input);
    if let Some(seconds) = promised {
        check_length(seconds, job)?;
    }
    let (picture, sound) = probe::prove(&mut input, &mut choice, job.max_pixels, monitor)?;
    // The proof has read on; the scan starts afresh.
    let mut input = open(job)?;
    let discontinuous = matches!(job.source.container, Container::Mpegts | Container::Mpegps | Container::Flv);
    let mut scan = scan::scan(&mut input, choice, discontinuous, job.bytes, monitor, SCAN_SHARE)?;
    let start = scan.range().0;
    let container_start = ff::origin_us(&input);
    // The container's own start knows of priming samples that are cut off; with a broken clock it means nothing.
    let trusted = scan.jumps == 0 && (container_start - start).abs() as f64 <= START_SLACK * 1e6;
    let origin = if trusted { container_start } else { start };
    let missing = promised.is_some_and(|seconds| seconds - scan.seconds() > MISSING_SLACK.max(seconds * 0.01));
    // A bit rate or a header after jumps tells nothing about what is missing.
    if missing && scan.jumps == 0 {
        scan.read_errors += 1;
    }
    let source = Source { choice, picture, sound, scan, origin, discontinuous };
    check_length(source.seconds(), job)?;
    if source.seconds() <= 0.0 {
        return Err(ff::fault(ffmpeg_next::Error::InvalidData, "measuring its length"));
    }
    Ok(source)
}

/// The duration in the header. Formats without one only have guesses: from the bit rate, or from the last timestamps,
/// which a jumping clock falsifies.
fn promised_seconds(input: &Input) -> Option<f64> {
    // SAFETY: reads fields of a context that `input` owns.
    let (duration, method) = unsafe { ((*input.as_ptr()).duration, (*input.as_ptr()).duration_estimation_method) };
    let stated = method == ffi::AVDurationEstimationMethod::AVFMT_DURATION_FROM_STREAM;
    (duration > 0 && stated).then_some(duration as f64 / 1e6)
}

fn check_length(seconds: f64, job: &IngestJob) -> Result<(), Fault> {
    // A second of grace: a limit of an hour takes a one-hour video with its last frame.
    if seconds <= job.max_seconds + 1.0 {
        return Ok(());
    }
    let hours = |seconds: f64| format!("{:.1} h", seconds / 3600.0);
    Err(Fault::new(
        Code::InputTooLong,
        format!("the video lasts {}, longer than the limit of {}", hours(seconds), hours(job.max_seconds)),
        "cut it into parts first, or raise limits.max_source_hours in the configuration",
    ))
}

/// Everything that keeps the source from being used as it is, in the order of [`Repair`].
fn repairs(source: &Source, job: &IngestJob) -> Vec<Repair> {
    let Source { picture, sound, scan, origin, choice, .. } = source;
    let late = |first: Option<i64>| first.is_some_and(|first| (first - origin).abs() as f64 > START_SLACK * 1e6);
    let has_video = choice.video.is_some();
    let ends_early = has_video && (scan.range().1 - scan.video.end) as f64 > END_SLACK * 1e6;
    let rate = &scan.cadence;
    let start_offset = late(scan.video.first) || late(scan.audio.first) || origin.abs() as f64 > START_SLACK * 1e6;
    let odd = picture.as_ref().is_some_and(|p| p.width % 2 != 0 || p.height % 2 != 0);
    let damaged = scan.read_errors + scan.video.corrupt + scan.audio.corrupt > 0;
    let found = [
        (Repair::VariableFrameRate, has_video && !rate.constant),
        (Repair::HighFrameRate, has_video && rate.too_high),
        (Repair::TimestampGap, scan.audio.gaps > 0 || (has_video && rate.pauses > 0) || ends_early),
        (Repair::TimestampBackward, scan.jumps > 0),
        (Repair::StartOffset, start_offset),
        (Repair::Rotation, picture.as_ref().is_some_and(|p| p.turn != probe::Turn::default())),
        (Repair::OddSize, odd),
        (Repair::NonSquarePixels, picture.as_ref().is_some_and(|p| p.aspect != 1.0)),
        (Repair::SurroundSound, sound.as_ref().is_some_and(|s| s.channels > 2)),
        (Repair::DamagedPackets, damaged),
        (Repair::Interlaced, picture.as_ref().is_some_and(|p| p.interlaced)),
        (Repair::NoIndex, matches!(job.source.container, Container::Mpegts | Container::Mpegps)),
    ];
    found.into_iter().filter(|(_, needed)| *needed).map(|(repair, _)| repair).collect()
}

fn as_it_is(job: &IngestJob, source: &Source) -> MediaInfo {
    MediaInfo {
        sha256: job.sha256.clone(),
        bytes: job.bytes,
        container: job.source.container,
        duration: source.seconds(),
        video: source.picture.as_ref().map(|picture| VideoInfo {
            codec: picture.codec.clone(),
            width: picture.width,
            height: picture.height,
            fps: source.scan.cadence.rate.fps(),
        }),
        audio: source.sound.as_ref().map(|sound| AudioInfo {
            codec: sound.codec.clone(),
            sample_rate: sound.sample_rate,
            channels: sound.channels,
        }),
        repairs: Vec::new(),
        normalised: false,
        inside_bars: None,
    }
}

/// What later stages open: the normalised copy in `out_dir`, or the source itself.
pub fn media_after(job: &IngestJob, info: &MediaInfo) -> MediaRef {
    if info.normalised {
        MediaRef { path: job.out_dir.join(NORMALISED), container: info.container }
    } else {
        job.source.clone()
    }
}
