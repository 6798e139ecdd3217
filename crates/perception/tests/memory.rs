//! What recognition holds between two windows. A process of its own: nothing else may come and go meanwhile. Needs
//! OMNIVA_MODELS (`make test` sets it).

#![cfg(target_os = "linux")]

use std::error::Error;
use std::path::Path;

use omniva_perception::asr::mel::{LogMel, WINDOW};
use omniva_perception::asr::model::Model;
use omniva_perception::asr::tokens::Tokens;
use omniva_perception::runtime::Runtime;

/// A field of `/proc/self/status`, MB.
fn megabytes(field: &str) -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).ok_or("no such field")?;
    let kib: u64 = line.trim_matches([':', '\t', ' ']).trim_end_matches(" kB").parse()?;
    Ok(kib * 1024 / 1_000_000)
}

#[test]
fn the_encoders_working_memory_goes_back_after_each_window() -> Result<(), Box<dyn Error>> {
    let models = std::env::var("OMNIVA_MODELS").map_err(|_| "set OMNIVA_MODELS, or run make test")?;
    let runtime = Runtime::load(Path::new(&models))?;
    let tokens = Tokens::load(&runtime)?;
    let mut model = Model::load(&runtime, &tokens, 1)?;
    let tone: Vec<f32> = (0..WINDOW).map(|i| (i as f32 * 0.2).sin() * 0.3).collect();
    let mel = LogMel::new().compute(&tone)?;
    for window in 0..3 {
        drop(model.encode(&mel)?);
        let (peak, held) = (megabytes("VmHWM")?, megabytes("VmRSS")?);
        assert!(held + 80 < peak, "window {window}: {held} MB are held, {peak} MB at most");
    }
    Ok(())
}
