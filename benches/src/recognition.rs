//! Speech recognition beside faster-whisper (base, int8, beams 1 and 5) on the same files: error rate, speed, word starts.

use std::path::PathBuf;
use std::process::Command;

use crate::table::Table;
use crate::{Outcome, Place};

/// Recordings with a known text; five of them also have word alignments. The talk show and one voice of it lie in the
/// scratch folder, beside what is known to be said in them.
fn recordings(place: &Place) -> Outcome<Vec<PathBuf>> {
    let folder = place.here("../tests/media/speech");
    let sound = |p: &PathBuf| p.extension().is_some_and(|e| e == "wav" || e == "mp3");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?.flatten().map(|e| e.path()).filter(sound).collect();
    files.sort();
    let cities = place.scratch.path().join("two_cities.wav");
    std::fs::copy(place.media.join("work/two_cities.wav"), &cities)?;
    std::fs::copy(place.here("../tests/media/speech/two_cities.txt"), cities.with_extension("txt"))?;
    let panel = place.scratch.path().join("panel.wav");
    let status = Command::new("ffmpeg")
        .args(["-y", "-v", "error", "-i"])
        .arg(place.panel())
        .args(["-ac", "1", "-ar", "16000"])
        .arg(&panel)
        .status()?;
    if !status.success() {
        return Err("ffmpeg could not read the talk show".into());
    }
    std::fs::copy(place.media.join("panel.json"), panel.with_extension("json"))?;
    files.extend([cities, panel]);
    Ok(files)
}

#[derive(Clone, Copy, Default)]
struct Score {
    wer: f64,
    speed: f64,
    start_error: f64,
}

/// Runs a recogniser and scores what it printed; the score's own lines are shown too.
fn score(place: &Place, name: &str, command: &mut Command) -> Outcome<Score> {
    let output = command.output().map_err(|e| format!("{name}: {e}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let results = place.scratch.path().join(format!("{name}.jsonl"));
    std::fs::write(&results, &output.stdout)?;
    let scored = Command::new("python3").arg(place.here("peers/asr_score.py")).arg(&results).output()?;
    let text = String::from_utf8(scored.stdout)?;
    let number = |after: &str| -> Option<f64> {
        text[text.rfind(after)? + after.len()..].split_whitespace().next()?.parse().ok()
    };
    let missing = || format!("{name}: no score in {text}");
    Ok(Score {
        wer: number("word error rate ").ok_or_else(missing)?,
        speed: number("%, ").ok_or_else(missing)?,
        start_error: number("median error ").unwrap_or(f64::NAN),
    })
}

pub fn bench(place: &Place) -> Outcome<()> {
    let files = recordings(place)?;
    let peer = |beam: &str| {
        let mut command = Command::new(place.peer_python());
        command.arg(place.here("peers/recognition.py")).arg("--model").arg(place.peers.join("whisper-base"));
        command.args(["--threads", "1", "--beams", beam]).args(&files);
        command
    };
    let one = score(place, "faster-whisper-beam-1", &mut peer("1"))?;
    let five = score(place, "faster-whisper-beam-5", &mut peer("5"))?;
    let mut ours = Command::new(place.here("../target/release/examples/recognize"));
    let ours = score(place, "omniva", ours.env("OMNIVA_MODELS", &place.models).args(&files))?;
    let mut table = Table::default();
    for (name, s) in
        [("faster-whisper base int8, beam 1", one), ("faster-whisper base int8, beam 5", five), ("omniva", ours)]
    {
        let figure = format!(
            "{:.1} % words wrong, {:.3} × real time, word starts {:.0} ms off (median)",
            s.wer, s.speed, s.start_error
        );
        table.row(name, figure, "", None);
    }
    table.row(
        "word error rate against beam 5",
        format!("{:+.1} points", ours.wer - five.wer),
        "≤ +0.5",
        Some(ours.wer <= five.wer + 0.5),
    );
    table.row("time against beam 1", format!("{:.2}", ours.speed / one.speed), "≤ 1.00", Some(ours.speed <= one.speed));
    table.row(
        "word starts, median error",
        format!("{:.0} ms", ours.start_error),
        "≤ 80 ms",
        Some(ours.start_error <= 80.0),
    );
    table.print("Speech recognition, one thread each");
    Ok(())
}
