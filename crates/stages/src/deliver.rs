//! Finished work → the user's folder: every file appears whole or not at all, and what an earlier run of the same
//! source left behind is taken away.

use std::collections::BTreeSet;
use std::path::Path;

use omniva_contracts::plan::EditPlan;
use omniva_contracts::record::{ClipFiles, ClipRecord, RunRecord};
use omniva_contracts::{Code, Fault};
use serde::Serialize;

pub const RUN_JSON: &str = "run.json";
pub const REPORT: &str = "report.html";

/// Makes sure that a file can be written to where the folder is or will be. It makes nothing that stays.
pub fn writable(folder: &Path) -> Result<(), Fault> {
    // A relative path's last ancestor is empty: the current folder.
    let mut folders = folder.ancestors().map(|a| if a.as_os_str().is_empty() { Path::new(".") } else { a });
    // What can't even be asked for, such as a path through a file, is left to the probe.
    let nearest = folders.find(|a| !matches!(a.try_exists(), Ok(false))).unwrap_or(folder);
    let probe = tempfile::Builder::new().prefix(".omniva-").tempfile_in(nearest).and_then(|probe| probe.close());
    probe.map_err(|e| Fault::writing(&folder.display().to_string(), &e))
}

/// Makes sure that the folder is there, can be written, and does not hold another source's clips.
pub fn prepare(folder: &Path, source_sha256: &str, replace: bool) -> Result<Option<RunRecord>, Fault> {
    let shown = folder.display().to_string();
    std::fs::create_dir_all(folder).map_err(|e| Fault::writing(&shown, &e))?;
    writable(folder)?;
    let earlier = earlier(folder);
    // What a killed run left under its temporary names.
    omniva_assets::sweep_unfinished(folder)?;
    match &earlier {
        Some(run) if run.decisions.media.sha256 != source_sha256 && !replace => Err(Fault::new(
            Code::OutputExists,
            format!("{shown} already holds the clips of {}", run.source_name),
            "choose another folder with -o, or pass --force to replace them",
        )),
        _ => Ok(earlier),
    }
}

/// The record of an earlier run, if the folder holds a readable one.
fn earlier(folder: &Path) -> Option<RunRecord> {
    serde_json::from_slice(&std::fs::read(folder.join(RUN_JSON)).ok()?).ok()
}

/// Names of one clip's files; `base` is their name without extension.
pub fn names(base: &str, captions: bool) -> ClipFiles {
    let subtitle = |extension: &str| captions.then(|| format!("{base}.{extension}"));
    ClipFiles {
        video: format!("{base}.mp4"),
        thumbnail: format!("{base}.jpg"),
        record: format!("{base}.json"),
        srt: subtitle("srt"),
        vtt: subtitle("vtt"),
        ass: subtitle("ass"),
    }
}

/// Puts one finished clip's files in place, its record last; when one of them can't be written, none of them stays.
pub fn clip(folder: &Path, record: &ClipRecord, video: &Path, thumbnail: &Path) -> Result<(), Fault> {
    let placed = place(folder, record, video, thumbnail);
    if placed.is_err() {
        for name in listed(&record.files) {
            // What can't be removed was not written, or the folder is gone: the first fault says so.
            let _ = std::fs::remove_file(folder.join(name));
        }
    }
    placed
}

fn place(folder: &Path, record: &ClipRecord, video: &Path, thumbnail: &Path) -> Result<(), Fault> {
    let files = &record.files;
    omniva_assets::publish(video, &folder.join(&files.video))?;
    omniva_assets::publish(thumbnail, &folder.join(&files.thumbnail))?;
    let plan = &record.plan;
    for (name, text) in subtitles(files, plan) {
        omniva_assets::write_atomic(&folder.join(name), text.as_bytes())?;
    }
    json(&folder.join(&files.record), record)
}

/// The subtitle files of a clip: name and text, none without captions.
pub fn subtitles(files: &ClipFiles, plan: &EditPlan) -> Vec<(String, String)> {
    let all = [
        (&files.srt, omniva_editing::srt as fn(&EditPlan) -> String),
        (&files.vtt, omniva_editing::vtt),
        (&files.ass, omniva_editing::ass),
    ];
    all.into_iter().filter_map(|(name, write)| Some((name.clone()?, write(plan)))).collect()
}

pub fn json<T: Serialize>(path: &Path, value: &T) -> Result<(), Fault> {
    omniva_assets::write_atomic(path, &json_bytes(value)?)
}

/// A document as people read it: indented, with a line end.
pub fn json_bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, Fault> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|e| Fault::internal(format!("a record can't be written as JSON: {e}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Removes the files of an earlier run that this one did not write again. Only names that the earlier run's own record
/// lists, and only plain file names, are ever removed.
pub fn remove_stale(folder: &Path, earlier: &RunRecord, run: &RunRecord) -> Result<(), Fault> {
    let kept: BTreeSet<String> = run.clips.iter().flat_map(|c| listed(&c.files)).collect();
    for name in earlier.clips.iter().flat_map(|c| listed(&c.files)).filter(|n| !kept.contains(n)) {
        if Path::new(&name).file_name().is_some_and(|n| n == name.as_str()) {
            match std::fs::remove_file(folder.join(&name)) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Fault::writing(&name, &e)),
                _ => {}
            }
        }
    }
    Ok(())
}

pub fn listed(files: &ClipFiles) -> Vec<String> {
    let optional = [&files.srt, &files.vtt, &files.ass].into_iter().flatten().cloned();
    [files.video.clone(), files.thumbnail.clone(), files.record.clone()].into_iter().chain(optional).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_can_not_be_made_is_told_with_its_code() {
        let root = tempfile::tempdir().expect("a folder");
        let file = root.path().join("file");
        std::fs::write(&file, b"x").expect("written");
        let fault = prepare(&file.join("below"), "abc", false).expect_err("a file is no folder");
        assert_eq!(fault.code, Code::OutputUnwritable);
    }

    #[test]
    fn a_folder_to_be_made_is_probed_and_not_made() {
        let root = tempfile::tempdir().expect("a folder");
        let wanted = root.path().join("a/b/c");
        writable(&wanted).expect("it could be made");
        assert_eq!(std::fs::read_dir(root.path()).expect("there").count(), 0);
        writable(Path::new("some/relative/folder")).expect("below the current one");
        std::fs::write(root.path().join("a"), b"x").expect("written");
        assert_eq!(writable(&wanted).expect_err("through a file").code, Code::OutputUnwritable);
    }

    #[test]
    fn names_are_numbered_and_captions_optional() {
        let files = names("03-why-we-stop", false);
        assert_eq!((files.video.as_str(), files.srt), ("03-why-we-stop.mp4", None));
        assert_eq!(names("03-why-we-stop", true).ass.as_deref(), Some("03-why-we-stop.ass"));
    }
}
