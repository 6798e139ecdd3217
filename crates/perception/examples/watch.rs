//! Prints what watching a file gives, as JSON: `watch FILE MODELS [FACES_PER_SECOND]`.

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;

use omniva_contracts::Silent;
use omniva_contracts::media::Container;
use omniva_media::read::{FrameOptions, FrameReader};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args_os().skip(1);
    let (Some(file), Some(models)) = (args.next().map(PathBuf::from), args.next().map(PathBuf::from)) else {
        return Err("usage: watch FILE MODELS [FACES_PER_SECOND]".into());
    };
    let (size, fps, duration) = support::probe(&file);
    let mut job = support::job(&file, &models, size, fps, duration);
    if let Some(rate) = args.next().and_then(|rate| rate.to_str()?.parse().ok()) {
        job.faces_per_second = rate;
    }
    if file.extension().is_some_and(|e| e == "mkv") {
        (job.media.container, job.info.container) = (Container::Matroska, Container::Matroska);
    }
    let options = FrameOptions { sample_step: 1.0 / job.faces_per_second, threads: 1, ..FrameOptions::default() };
    let mut frames = FrameReader::open(&job.media, &job.info, options)?;
    let seen = omniva_perception::watch::watch(&job, &mut frames, &Silent)?;
    println!("{}", serde_json::to_string(&seen)?);
    Ok(())
}
