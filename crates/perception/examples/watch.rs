//! Prints what watching a file gives, as JSON: `watch FILE MODELS`. Frames come through the ffmpeg command line.

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::PathBuf;

use omniva_contracts::Silent;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args_os().skip(1);
    let (Some(file), Some(models)) = (args.next().map(PathBuf::from), args.next().map(PathBuf::from)) else {
        return Err("usage: watch FILE MODELS".into());
    };
    let (size, fps, duration) = support::probe(&file);
    let job = support::job(&file, &models, size, fps, duration);
    let mut frames = support::Pipe::open(&file, job.faces_per_second, duration + 1.0);
    let seen = omniva_perception::watch::watch(&job, &mut frames, &Silent)?;
    println!("{}", serde_json::to_string(&seen)?);
    Ok(())
}
