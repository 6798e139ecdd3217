//! `make bench` prints every figure; `bench soak` adds the two-hour source; `bench NAME…` runs only some.

use std::process::{Command, ExitCode};

use omniva_benches::{
    Outcome, Place, api, channels, clips, ledger, memory, picture, queue, recognition, render, whole,
};
use omniva_contracts::analysis::Analysis;

fn build_examples() -> Outcome<()> {
    for (package, example) in [("omniva-perception", "recognize"), ("omniva-media", "render_plan")] {
        let status = Command::new("cargo")
            .args(["build", "--release", "--locked", "--quiet", "-p", package, "--example", example])
            .status()?;
        if !status.success() {
            return Err(format!("the example {example} does not build").into());
        }
    }
    Ok(())
}

fn run(wanted: &[String]) -> Outcome<()> {
    let place = Place::find()?;
    let wants = |name: &str| wanted.is_empty() && name != "soak" || wanted.iter().any(|w| w == name);
    if wants("recognition") || wants("render") {
        build_examples()?;
    }
    // Uploads, calendars, copies and feeds have no peers but curl.
    if wanted.iter().all(|name| name == "channels") && !wanted.is_empty() {
        return channels::bench(&place);
    }
    let setup = Command::new(place.here("peers/setup.sh")).arg(&place.peers).arg(&place.models).status()?;
    if !setup.success() {
        return Err("the peers could not be installed".into());
    }
    if wants("whole") || wants("clips") || wants("render") {
        let done = whole::bench(&place)?;
        if wants("clips") {
            clips::bench(&place, &done.folder, &done.record, &words(&place)?)?;
        }
        if wants("render") {
            render::bench(&place, &done)?;
            picture::bench(&place, &done)?;
        }
    }
    if wants("recognition") {
        recognition::bench(&place)?;
    }
    if wants("jobs") {
        queue::bench(&place)?;
    }
    if wants("api") {
        api::bench(&place)?;
    }
    if wants("ledger") {
        ledger::bench(&place)?;
    }
    if wants("channels") {
        channels::bench(&place)?;
    }
    if wants("soak") {
        memory::bench(&place)?;
    }
    Ok(())
}

/// Start and end of every word of the talk show, from an analysis of its own.
fn words(place: &Place) -> Outcome<Vec<(f64, f64)>> {
    let (folder, file) = (place.scratch.path().join("words"), place.scratch.path().join("analysis.json"));
    let path = file.to_str().ok_or("the temporary folder is not UTF-8")?;
    whole::omniva_clip(place, &place.panel(), &folder, &["--dry-run", "--language", "en", "--analysis", path])?;
    let analysis: Analysis = serde_json::from_slice(&std::fs::read(file)?)?;
    Ok(analysis.words().iter().map(|w| (w.start, w.end)).collect())
}

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    match run(&wanted) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
