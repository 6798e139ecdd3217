//! Memory must not grow with the source: the talk show once, and looped to two hours.

use std::process::Command;

use crate::measure::run;
use crate::table::Table;
use crate::whole::omniva_clip;
use crate::{Outcome, Place};

pub fn bench(place: &Place) -> Outcome<()> {
    let long = place.scratch.path().join("two-hours.mp4");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg
        .args(["-v", "error", "-stream_loop", "29", "-i"])
        .arg(place.panel())
        .args(["-c", "copy", "-t", "7200"])
        .arg(&long);
    run(&mut ffmpeg)?;
    let mut table = Table::default();
    // One layout for both: what a render holds depends on its layout, not on the source.
    let mut peaks = Vec::new();
    for (name, source) in [("4 minutes", place.panel()), ("2 hours", long)] {
        let folder = place.scratch.path().join(name.replace(' ', "-"));
        let (usage, record) =
            omniva_clip(place, &source, &folder, &["--count", "2", "--max", "30", "--layout", "single"])?;
        table.row(
            name,
            format!("{:.2} GB, {:.0} s, {} clips", usage.peak as f64 / 1e9, usage.wall, record.clips.len()),
            "≤ 1.5 GB",
            Some(usage.peak <= 1_500_000_000),
        );
        peaks.push(usage.peak as f64);
    }
    let growth = peaks[1] / peaks[0];
    table.row("ratio", format!("{growth:.2}"), "0.9 to 1.1", Some((0.9..=1.1).contains(&growth)));
    table.print("Memory against the length of the source");
    Ok(())
}
