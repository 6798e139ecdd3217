//! Recognises sound files and prints one JSON line for each: text, seconds taken, words, segments. For measurements:
//!
//!     OMNIVA_MODELS=models cargo run --release -p omniva-perception --example recognize -- [--language en] [--no-words] FILE…
//!
//! `--no-words` leaves recognition out, to see what the rest costs. Files of any kind are decoded with the `ffmpeg` command.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use omniva_contracts::jobs::{ListenJob, MediaRef};
use omniva_contracts::media::{Container, MediaInfo};
use omniva_contracts::streams::AudioSource;
use omniva_contracts::{Fault, Silent};
use omniva_perception::listen::listen;

struct Samples(Vec<f32>, usize);

impl AudioSource for Samples {
    fn sample_rate(&self) -> u32 {
        16_000
    }
    fn next_block(&mut self) -> Result<Option<&[f32]>, Fault> {
        let from = self.1.min(self.0.len());
        self.1 = (from + 4096).min(self.0.len());
        Ok((from < self.1).then(|| &self.0[from..self.1]))
    }
}

fn decode(file: &str) -> Vec<f32> {
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-i", file, "-ac", "1", "-ar", "16000", "-f", "f32le", "-"])
        .output()
        .unwrap_or_else(|e| panic!("ffmpeg: {e}"));
    out.stdout.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

fn job(file: &str, models: &Path, duration: f64, language: Option<String>) -> ListenJob {
    let info = MediaInfo {
        sha256: String::new(),
        bytes: 0,
        container: Container::Wav,
        duration,
        video: None,
        audio: None,
        repairs: Vec::new(),
        normalised: false,
        inside_bars: None,
    };
    ListenJob {
        media: MediaRef { path: PathBuf::from(file), container: Container::Wav },
        info,
        models: models.to_owned(),
        out_dir: std::env::temp_dir(),
        language,
        recognize: true,
        low_confidence: 0.55,
        threads: 1,
    }
}

fn main() {
    let models = PathBuf::from(std::env::var("OMNIVA_MODELS").unwrap_or_else(|_| "models".into()));
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    let mut language = None;
    let recognize = !files.iter().any(|f| f == "--no-words");
    files.retain(|f| f != "--no-words");
    if files.first().is_some_and(|f| f == "--language") && files.len() > 1 {
        language = Some(files.remove(1));
        files.remove(0);
    }
    for file in &files {
        let samples = decode(file);
        let duration = samples.len() as f64 / 16_000.0;
        let job = ListenJob { recognize, ..job(file, &models, duration, language.clone()) };
        let begun = Instant::now();
        match listen(&job, &mut Samples(samples, 0), &Silent) {
            Ok(heard) => {
                let text: Vec<&str> = heard.segments.iter().map(|s| s.text.as_str()).collect();
                let words: Vec<_> = heard.segments.iter().flat_map(|s| &s.words).collect();
                let line = serde_json::json!({
                    "file": file, "duration": duration, "seconds": begun.elapsed().as_secs_f64(),
                    "language": heard.language, "text": text.join(" "), "words": words,
                    "segments": heard.segments, "speech": heard.speech, "warnings": heard.warnings,
                });
                println!("{line}");
            }
            Err(fault) => {
                eprintln!("{file}: {fault}: {}", fault.detail);
                std::process::exit(1);
            }
        }
    }
}
