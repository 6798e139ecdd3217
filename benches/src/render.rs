//! One render in process, beside the ffmpeg command line with the equivalent graph: CPU time of the whole process.

use std::path::Path;
use std::process::{Command, Stdio};

use omniva_contracts::jobs::{MediaRef, RenderJob};
use omniva_contracts::media::Container;

use crate::measure::{Usage, run};
use crate::table::Table;
use crate::whole::Whole;
use crate::{Outcome, Place};

/// The job that renders the first clip of `whole` into `folder`.
pub fn job(place: &Place, whole: &Whole, folder: &Path) -> Outcome<RenderJob> {
    let clip = whole.record.clips.first().ok_or("no clip to render")?;
    std::fs::create_dir_all(folder)?;
    let ass = folder.join("captions.ass");
    if let Some(name) = &clip.files.ass {
        std::fs::copy(whole.folder.join(name), &ass)?;
    }
    Ok(RenderJob {
        media: MediaRef { path: place.panel(), container: Container::Mov },
        info: whole.record.decisions.media.clone(),
        plan: clip.plan.clone(),
        ass: clip.files.ass.is_some().then_some(ass),
        fonts: "/usr/share/fonts/truetype/lato".into(),
        out_dir: folder.to_owned(),
        gain_db: 0.0,
        ceiling_offset_db: 0.0,
        threads: 2,
        thumbnail_times: vec![1.0],
    })
}

/// Runs a job in a process of its own.
pub fn render(place: &Place, job: &RenderJob) -> Outcome<Usage> {
    let description = job.out_dir.join("job.json");
    std::fs::write(&description, serde_json::to_vec(job)?)?;
    run(Command::new(place.here("../target/release/examples/render_plan")).arg(&description).stdout(Stdio::null()))
}

pub fn bench(place: &Place, whole: &Whole) -> Outcome<()> {
    let clip = whole.record.clips.first().ok_or("no clip to render")?;
    let folder = place.scratch.path().join("render");
    let ours = render(place, &job(place, whole, &folder)?)?;

    // The command names its files relative to the folder it runs in.
    std::os::unix::fs::symlink(place.panel(), folder.join(&whole.record.source_name))?;
    let line = clip.edit_job.ffmpeg_commands.last().ok_or("no equivalent command")?;
    let theirs = run(Command::new("sh")
        .arg("-c")
        .arg(line)
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null()))?;
    let ratio = ours.cpu / theirs.cpu;
    let mut table = Table::default();
    let seconds = clip.plan.duration();
    for (name, u) in [("ffmpeg command line", theirs), ("omniva, in process", ours)] {
        table.row(name, format!("{:.1} s CPU, {:.1} s wall for {seconds:.1} s of video", u.cpu, u.wall), "", None);
    }
    table.row("CPU time, ratio", format!("{ratio:.2}"), "≤ 1.05", Some(ratio <= 1.05));
    table.print("Rendering one clip");
    Ok(())
}
