//! What came out, measured on the finished files with the ffmpeg command line (not with the engine's own checks), and on
//! the decisions against the known borders of the talk show.

use std::path::{Path, PathBuf};
use std::process::Command;

use omniva_contracts::record::{ClipRecord, RunRecord};
use serde::Deserialize;

use crate::table::Table;
use crate::{Outcome, Place};

#[derive(Deserialize)]
struct Segment {
    start: f64,
    end: f64,
}

fn filter_log(file: &Path, filter: &str) -> Outcome<String> {
    let out = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostats", "-i"])
        .arg(file)
        .args(["-af", filter, "-vn", "-f", "null", "-"])
        .output()?;
    Ok(String::from_utf8_lossy(&out.stderr).into_owned())
}

fn value_after(log: &str, name: &str) -> Option<f64> {
    let at = log.rfind(name)?;
    log[at + name.len()..].split_whitespace().next()?.parse().ok()
}

/// Integrated loudness and true peak after AAC (ITU-R BS.1770, ffmpeg's ebur128).
fn loudness(file: &Path) -> Outcome<(f64, f64)> {
    let log = filter_log(file, "ebur128=peak=true")?;
    Ok((value_after(&log, "I:").ok_or("no loudness")?, value_after(&log, "Peak:").ok_or("no peak")?))
}

/// Seconds in pauses longer than 0.6 s.
fn long_pauses(file: &Path) -> Outcome<f64> {
    let log = filter_log(file, "silencedetect=noise=-38dB:d=0.6")?;
    // An empty sum of floats is −0.
    Ok(log.lines().filter_map(|l| value_after(l, "silence_duration: ")).fold(0.0, |sum, seconds: f64| sum + seconds))
}

/// Share of each file that is a pause of over 0.6 s; returns the largest.
pub fn pauses(who: &str, files: &[PathBuf]) -> Outcome<f64> {
    let shares: Vec<f64> =
        files.iter().map(|f| Ok(long_pauses(f)? / crate::whole::seconds_of(f)?)).collect::<Outcome<_>>()?;
    let shown: Vec<String> = shares.iter().map(|s| format!("{:.1} %", s * 100.0)).collect();
    println!("pauses over 0.6 s, {who}: {}", shown.join(", "));
    Ok(shares.iter().copied().fold(0.0, f64::max))
}

/// Difference of the lengths of picture and sound, in frames.
fn drift(file: &Path, fps: f64) -> Outcome<f64> {
    let length = |stream: &str| -> Outcome<f64> {
        let out = Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-select_streams",
                stream,
                "-show_entries",
                "stream=duration,start_time",
                "-of",
                "csv=p=0",
            ])
            .arg(file)
            .output()?;
        let text = String::from_utf8(out.stdout)?;
        Ok(text.trim().split(',').map(str::parse::<f64>).collect::<Result<Vec<_>, _>>()?.iter().sum())
    };
    Ok((length("v:0")? - length("a:0")?).abs() * fps)
}

fn inside_a_word(clip: &ClipRecord, words: &[(f64, f64)]) -> bool {
    let ends = [clip.plan.keep.first().map(|k| k.source.start), clip.plan.keep.last().map(|k| k.source.end)];
    ends.into_iter().flatten().any(|t| words.iter().any(|(start, end)| t > start + 0.005 && t < end - 0.005))
}

pub fn bench(place: &Place, folder: &Path, record: &RunRecord, words: &[(f64, f64)]) -> Outcome<()> {
    let segments: Vec<Segment> = serde_json::from_slice(&std::fs::read(place.media.join("panel.json"))?)?;
    let mut table = Table::default();
    let (mut files, mut worst_drift, mut loud_ok, mut peak_ok) = (Vec::new(), 0.0f64, true, true);
    for clip in &record.clips {
        let file = folder.join(&clip.files.video);
        let ((lufs, peak), frames) = (loudness(&file)?, drift(&file, f64::from(clip.plan.canvas.fps))?);
        worst_drift = worst_drift.max(frames);
        (loud_ok, peak_ok) = (loud_ok && (lufs + 14.0).abs() <= 1.0, peak_ok && peak <= -1.0);
        table.row(
            format!("{} loudness, true peak, drift", clip.files.video),
            format!("{lufs:.1} LUFS, {peak:.1} dBTP, {frames:.2} frames"),
            "",
            None,
        );
        files.push(file);
    }
    table.row("all at −14 ± 1 LUFS", loud_ok.to_string(), "true", Some(loud_ok));
    table.row("all at −1 dBTP or below", peak_ok.to_string(), "true", Some(peak_ok));
    table.row("largest A/V drift", format!("{worst_drift:.2} frames"), "< 1", Some(worst_drift < 1.0));

    let cut_words = record.clips.iter().filter(|c| inside_a_word(c, words)).count();
    table.row("clips that start or end inside a word", cut_words.to_string(), "0", Some(cut_words == 0));
    let at_sentence = record.clips.iter().flat_map(|c| sentence_ends(c, record)).collect::<Vec<_>>();
    let share = at_sentence.iter().filter(|ok| **ok).count() as f64 / at_sentence.len().max(1) as f64;
    table.row("starts and ends at a sentence", format!("{:.0} %", share * 100.0), "≥ 95 %", Some(share >= 0.95));
    let inside = |c: &ClipRecord| {
        segments.iter().any(|s| c.candidate.span.start >= s.start - 0.6 && c.candidate.span.end <= s.end + 3.0)
    };
    let crossing = record.clips.iter().filter(|c| !inside(c)).count();
    table.row("clips that cross a border of the show", crossing.to_string(), "0", Some(crossing == 0));

    let faces = record.clips.iter().map(|c| c.framing.face_in_crop).fold(1.0, f64::min);
    table.row("face in crop, worst clip", format!("{:.1} %", faces * 100.0), "≥ 98 %", Some(faces >= 0.98));
    let reversals = record.clips.iter().map(|c| c.framing.reversals_per_second).fold(0.0, f64::max);
    table.row("camera reversals, worst clip", format!("{reversals:.3} /s"), "≤ 0.13 /s", Some(reversals <= 0.13));
    table.print("The clips");
    let pauses = pauses("omniva", &files)?;
    println!("largest share {:.1} % (goal ≤ 3 %): {}", pauses * 100.0, if pauses <= 0.03 { "met" } else { "MISSED" });
    Ok(())
}

/// Whether the finished clip starts where a sentence starts and ends where one ends, as heard: 0.6 s of room around it.
fn sentence_ends(clip: &ClipRecord, record: &RunRecord) -> [bool; 2] {
    let sentences = &record.decisions.timeline.sentences;
    let near = |a: f64, b: Option<f64>| b.is_some_and(|b| (a - b).abs() < 0.6);
    let first = clip.plan.keep.first().map(|k| k.source.start);
    let last = clip.plan.keep.last().map(|k| k.source.end);
    [sentences.iter().any(|s| near(s.start, first)), sentences.iter().any(|s| near(s.end, last))]
}
