//! Quality control: a finished file is decoded whole and compared with what it must be.

mod boxes;
mod facts;
pub(crate) mod motion;

use std::io::Read;
use std::path::Path;

use omniva_contracts::jobs::{CheckJob, MediaRef};
use omniva_contracts::media::Container;
use omniva_contracts::qc::{QcCheck, QcReport};
use omniva_contracts::{Fault, Monitor, hex};
use sha2::{Digest, Sha256};

use facts::{Facts, gather};

/// Longest black stretch that passes, seconds.
const BLACK: f64 = 0.5;
/// Longest stretch without motion that passes when the source moves, seconds.
const FROZEN: f64 = 3.0;
/// Tolerance of the loudness after AAC, LU.
const LOUDNESS: f64 = 1.0;

/// Checks a finished clip. What is wrong with the clip is in the report; a fault means that the file could not even be
/// opened, or that the check was stopped.
///
/// Checks by name: `decodes`, `picture`, `duration`, `size`, `faststart`, `loudness`, `true_peak`, `av_offset`, `black`,
/// `frozen`.
pub fn check(job: &CheckJob, monitor: &dyn Monitor) -> Result<QcReport, Fault> {
    let media = MediaRef { path: job.file.clone(), container: Container::Mov };
    let unreadable = |e: std::io::Error| Fault::writing("the finished clip", &e);
    let bytes = std::fs::metadata(&job.file).map_err(unreadable)?.len();
    let sha256 = digest(&job.file, monitor)?;
    let index_first = boxes::index_first(&job.file).map_err(unreadable)?;
    let facts = gather(&media, job.expected_duration, monitor)?;
    let (start, end) =
        (facts.picture_extent.start - facts.sound_extent.start, facts.picture_extent.end - facts.sound_extent.end);
    let sound = facts.sound.clone().unwrap_or_default();
    let mut checks = vec![decodes(&facts), picture(job, &facts), duration(job, &facts)];
    checks.push(size(job, bytes));
    checks.push(faststart(index_first));
    checks.extend(loudness(job, &facts));
    checks.push(offset(job, &facts, start, end));
    checks.extend(stretches(job, &facts));
    monitor.progress(1.0);
    Ok(QcReport {
        checks,
        sha256,
        bytes,
        duration: facts.picture_extent.end - facts.picture_extent.start,
        frames: facts.picture.frames,
        integrated_lufs: sound.loudness,
        true_peak_dbtp: sound.true_peak,
        av_offset_ms: start * 1000.0,
        av_drift_ms: (end - start) * 1000.0,
        repairs: Vec::new(),
    })
}

fn entry(name: &str, passed: bool, measured: String, limit: String) -> QcCheck {
    QcCheck { name: name.to_owned(), passed, measured, limit }
}

fn decodes(facts: &Facts) -> QcCheck {
    let damaged = facts.picture.damaged + facts.sound.as_ref().map_or(0, |s| s.damaged);
    let passed = damaged == 0 && facts.picture.frames > 0 && facts.sound.is_some();
    let sound = if facts.sound.is_some() { "with sound" } else { "no sound stream" };
    let measured = format!("{} frames, {sound}, {damaged} errors", facts.picture.frames);
    entry("decodes", passed, measured, "picture and sound, 0 errors".to_owned())
}

fn picture(job: &CheckJob, facts: &Facts) -> QcCheck {
    let p = &facts.picture;
    let (codec, rate, channels) =
        facts.sound.as_ref().map_or((String::new(), 0, 0), |s| (s.codec.clone(), s.rate, s.channels));
    let passed = p.codec == "h264"
        && p.profile == "High"
        && p.pixel_format == "yuv420p"
        && (p.width, p.height) == (job.width, job.height)
        && (p.fps - f64::from(job.fps)).abs() < 0.01
        && p.uneven == 0
        && (codec.as_str(), rate, channels) == ("aac", 48_000, 2);
    let measured = format!(
        "{} {} {} {}×{} at {:.2} fps, {} uneven frames; {codec} {rate} Hz, {channels} channels",
        p.codec, p.profile, p.pixel_format, p.width, p.height, p.fps, p.uneven
    );
    let limit = format!(
        "h264 High yuv420p {}×{} at {:.2} fps, 0 uneven frames; aac 48000 Hz, 2 channels",
        job.width,
        job.height,
        f64::from(job.fps)
    );
    entry("picture", passed, measured, limit)
}

/// Length of one frame, seconds.
fn frame(job: &CheckJob) -> f64 {
    1.0 / f64::from(job.fps.max(1))
}

fn duration(job: &CheckJob, facts: &Facts) -> QcCheck {
    let length = facts.picture_extent.end - facts.picture_extent.start;
    // A plan's length need not be a whole number of frames: half a frame of rounding on top of the one allowed.
    let tolerance = 1.5 * frame(job);
    let passed = (length - job.expected_duration).abs() <= tolerance;
    let limit = format!("{:.3} ± {tolerance:.3} s", job.expected_duration);
    entry("duration", passed, format!("{length:.3} s"), limit)
}

fn size(job: &CheckJob, bytes: u64) -> QcCheck {
    let mb = |b: u64| format!("{:.2} MB", b as f64 / 1e6);
    entry("size", bytes <= job.max_bytes, mb(bytes), format!("at most {}", mb(job.max_bytes)))
}

fn faststart(index_first: bool) -> QcCheck {
    let measured = if index_first { "index before media data" } else { "index behind media data" };
    entry("faststart", index_first, measured.to_owned(), "index before media data".to_owned())
}

fn loudness(job: &CheckJob, facts: &Facts) -> [QcCheck; 2] {
    let (lufs, peak) = facts.sound.as_ref().map_or((f64::NEG_INFINITY, 0.0), |s| (s.loudness, s.true_peak));
    let close = (lufs - job.target_lufs).abs() <= LOUDNESS;
    // A source without sound worth a loudness must at least not be louder than others.
    let quiet_enough = facts.sound.is_some() && lufs <= job.target_lufs + LOUDNESS;
    let passed = if job.expect_sound { close } else { quiet_enough };
    let limit = if job.expect_sound {
        format!("{:.1} ± {LOUDNESS:.1} LUFS", job.target_lufs)
    } else {
        format!("at most {:.1} LUFS (the source is nearly silent)", job.target_lufs + LOUDNESS)
    };
    let measured = if lufs <= crate::master::SILENCE { "silence".to_owned() } else { format!("{lufs:.1} LUFS") };
    [
        entry("loudness", passed, measured, limit),
        entry(
            "true_peak",
            peak <= job.ceiling_dbtp,
            format!("{peak:.2} dBTP"),
            format!("at most {:.1} dBTP", job.ceiling_dbtp),
        ),
    ]
}

fn offset(job: &CheckJob, facts: &Facts, start: f64, end: f64) -> QcCheck {
    let passed = facts.sound.is_some() && start.abs() < frame(job) && end.abs() < frame(job);
    let measured = format!("{:+.1} ms at the start, {:+.1} ms at the end", start * 1000.0, end * 1000.0);
    entry("av_offset", passed, measured, format!("under {:.1} ms (one frame)", frame(job) * 1000.0))
}

fn stretches(job: &CheckJob, facts: &Facts) -> [QcCheck; 2] {
    let worst = facts.picture.stretches;
    // The frame that ends a still of the source can fall either way.
    let still = FROZEN.max(job.still_seconds + 0.5);
    let limit = if still > FROZEN {
        format!("under {still:.2} s (the source itself stands still for {:.2} s)", job.still_seconds)
    } else {
        format!("under {FROZEN:.2} s without motion")
    };
    [
        entry(
            "black",
            worst.black < BLACK,
            format!("longest {:.2} s", worst.black),
            format!("under {BLACK:.2} s black"),
        ),
        entry("frozen", worst.frozen < still, format!("longest {:.2} s", worst.frozen), limit),
    ]
}

/// SHA-256 of a file as lower-case hex.
fn digest(path: &Path, monitor: &dyn Monitor) -> Result<String, Fault> {
    let failed = |e: std::io::Error| Fault::writing("the finished clip", &e);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0u8; 1 << 18];
    loop {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        match file.read(&mut buffer).map_err(failed)? {
            0 => break,
            n => hash.update(&buffer[..n]),
        }
    }
    Ok(hex(&hash.finalize()))
}
