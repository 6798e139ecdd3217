//! The whole job, from file to finished clips, beside shorts-factory: the same number of clips and the same seconds of
//! finished video, each in a process of its own with nothing cached.

use std::path::{Path, PathBuf};
use std::process::Command;

use omniva_contracts::record::RunRecord;

use crate::measure::{Usage, run};
use crate::table::Table;
use crate::{Outcome, Place};

/// Our clips begin and end at sentences and lose their pauses: what is asked for reaches from so much below the length of
/// the peer's clips to so much above it, seconds.
const SHORTER: f64 = 2.0;
const LONGER: f64 = 5.0;

pub struct Whole {
    pub folder: PathBuf,
    pub record: RunRecord,
}

pub fn omniva_clip(place: &Place, source: &Path, folder: &Path, extra: &[&str]) -> Outcome<(Usage, RunRecord)> {
    let cache = tempfile::tempdir_in(place.scratch.path())?;
    let mut command = Command::new(&place.omniva);
    command.arg("clip").arg(source).arg("-o").arg(folder).args(extra);
    command.arg("--cache").arg(cache.path()).arg("--models").arg(&place.models);
    let usage = run(command.stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null()))?;
    Ok((usage, serde_json::from_slice(&std::fs::read(folder.join("run.json"))?)?))
}

pub fn seconds_of(file: &Path) -> Outcome<f64> {
    let out = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"])
        .arg(file)
        .output()?;
    Ok(String::from_utf8(out.stdout)?.trim().parse()?)
}

fn videos(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?.flatten().map(|e| e.path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "mp4"));
    files.sort();
    Ok(files)
}

fn peer(place: &Place, folder: &Path) -> Outcome<(Usage, f64, usize)> {
    let mut command = Command::new(place.peers.join("python/bin/shorts-factory"));
    command.arg("run").arg(place.panel()).arg("-o").arg(folder).args([
        "--top",
        "3",
        "--min-dur",
        "28",
        "--max-dur",
        "32",
        "--language",
        "en",
        "--no-llm",
        "--model",
    ]);
    command.arg(place.peers.join("whisper-base")).env("HOME", place.peers.join("home")).env("HF_HUB_OFFLINE", "1");
    let usage = run(command.stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null()))?;
    let files = videos_below(folder)?;
    let seconds = files.iter().map(|f| seconds_of(f)).sum::<Outcome<f64>>()?;
    Ok((usage, seconds, files.len()))
}

/// The peer puts its clips into a folder of its own below.
pub fn videos_below(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = videos(folder)?;
    for entry in std::fs::read_dir(folder)?.flatten().filter(|e| e.path().is_dir()) {
        files.extend(videos(&entry.path())?);
    }
    Ok(files)
}

pub fn bench(place: &Place) -> Outcome<Whole> {
    let (ours, theirs) = (place.scratch.path().join("omniva"), place.scratch.path().join("peer"));
    std::fs::create_dir_all(&theirs)?;
    let (peer_usage, peer_seconds, peer_clips) = peer(place, &theirs)?;
    // Ranges of the source around the length of the peer's clips, so that as much comes out of both.
    let length = peer_seconds / peer_clips.max(1) as f64;
    let (least, most) = ((length - SHORTER).floor().to_string(), (length + LONGER).ceil().to_string());
    let extra = ["--count", "3", "--min", &least, "--max", &most, "--language", "en"];
    let (usage, record) = omniva_clip(place, &place.panel(), &ours, &extra)?;
    let seconds: f64 = record.clips.iter().map(|c| c.plan.duration()).sum();
    let ratio = usage.wall / peer_usage.wall;
    let mut table = Table::default();
    let row = |table: &mut Table, who: &str, u: &Usage, clips: usize, seconds: f64| {
        let figure = format!(
            "{:.1} s wall, {:.1} s CPU, {clips} clips, {seconds:.1} s of output, {:.0} MB",
            u.wall,
            u.cpu,
            u.peak as f64 / 1e6
        );
        table.row(who, figure, "", None);
    };
    row(&mut table, "shorts-factory 0.1.1", &peer_usage, peer_clips, peer_seconds);
    row(&mut table, "omniva clip", &usage, record.clips.len(), seconds);
    table.row("wall time, ratio", format!("{ratio:.2}"), "≤ 0.60", Some(ratio <= 0.6));
    let per_second = (usage.wall / seconds) / (peer_usage.wall / peer_seconds);
    table.row("wall time per second of output, ratio", format!("{per_second:.2}"), "≤ 0.60", Some(per_second <= 0.6));
    let peak = usage.peak as f64 / 1e9;
    table.row("peak memory, all processes", format!("{peak:.2} GB"), "≤ 1.5 GB", Some(peak <= 1.5));
    for stage in &record.measured.stages {
        table.row(format!("  {}", stage.stage), format!("{:.1} s", stage.wall_seconds), "", None);
    }
    table.print("The whole job, beside shorts-factory");
    crate::clips::pauses("shorts-factory", &videos_below(&theirs)?)?;
    Ok(Whole { folder: ours, record })
}
