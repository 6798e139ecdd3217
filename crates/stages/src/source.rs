//! The source file: what it is, by its bytes, and a name for it that no part of the engine can misread.

use std::path::{Path, PathBuf};

use omniva_assets::{Entry, WorkDir};
use omniva_contracts::config::Limits;
use omniva_contracts::jobs::{ChildJob, IngestJob, MediaRef};
use omniva_contracts::media::MediaInfo;
use omniva_contracts::{Code, Fault};
use serde_json::json;

use crate::reporter::{Stage, StageMonitor};
use crate::workshop::{Access, Made, Workshop};

/// File name of a repaired copy inside the output folder of ingest.
const NORMALISED: &str = "normalised.mkv";
/// A part of every cache key: raise it when ingest learns to repair something else.
const VERSION: u32 = 1;

/// A source that every later stage can open.
pub struct Source {
    /// File name without its folder, for people.
    pub name: String,
    pub info: MediaInfo,
    /// What later stages open: the file itself or its repaired copy, under a plain name.
    pub media: MediaRef,
    /// Keeps the plain name alive.
    _names: WorkDir,
    /// Keeps a repaired copy from being pruned.
    _entry: Entry,
}

/// Recognises, hashes, probes and, where needed, repairs the file.
pub fn ingest(workshop: &Workshop<'_>, input: &Path) -> Result<Source, Fault> {
    ingest_as(workshop, input, &display_name(input))
}

/// The same for a file whose own name says nothing (a content address): `name` is what people and drafts call it.
pub fn ingest_as(workshop: &Workshop<'_>, input: &Path, name: &str) -> Result<Source, Fault> {
    let timer = workshop.begin(Stage::Ingest, "");
    let container = omniva_media::sniff::sniff(input)?;
    let real = input.canonicalize().map_err(|e| unreadable(input).with_detail(e))?;
    let bytes = std::fs::metadata(&real).map_err(|e| unreadable(input).with_detail(e))?.len();
    check_size(bytes, &workshop.config.limits)?;
    let monitor = StageMonitor::new(workshop.reporter, Stage::Ingest, "");
    let (sha256, _) = omniva_assets::hash_file(&real, &monitor)?;

    let names = workshop.work_dir()?;
    let plain = names.path().join("source");
    std::os::unix::fs::symlink(&real, &plain).map_err(|e| Fault::writing("a work folder", &e))?;
    let limits = &workshop.config.limits;
    let key = json!({ "source": sha256, "hours": limits.max_source_hours, "megapixels": limits.max_megapixels });
    let source = MediaRef { path: plain, container };
    let made = workshop.cached::<MediaInfo>(Stage::Ingest, VERSION, &key, |out_dir| {
        // A repaired copy may be larger than the source; the file system is asked before, not when it is full.
        omniva_assets::require_space(out_dir, omniva_assets::repair_space(bytes))?;
        let job = IngestJob {
            source: source.clone(),
            sha256: sha256.clone(),
            bytes,
            out_dir: out_dir.to_owned(),
            max_seconds: limits.max_source_hours * 3600.0,
            max_pixels: (limits.max_megapixels * 1e6) as u64,
        };
        // The length is not known yet: the largest that is allowed bounds the time.
        let access = Access { read: vec![real.clone()], ..Access::new(limits.max_source_hours * 3600.0) };
        workshop.child(Stage::Ingest, "", ChildJob::Ingest(job), access, out_dir)
    })?;
    let media = if made.value.normalised {
        MediaRef { path: made.folder.join(NORMALISED), container: made.value.container }
    } else {
        source
    };
    workshop.end(timer, made.from_cache);
    let Made { value: info, entry, .. } = made;
    Ok(Source { name: name.to_owned(), info, media, _names: names, _entry: entry })
}

impl Source {
    /// The real file behind the plain name: what the sandbox must be allowed to read.
    pub fn readable(&self) -> Vec<PathBuf> {
        vec![self.media.path.canonicalize().unwrap_or_else(|_| self.media.path.clone())]
    }
    /// True for containers that hold only sound as far as the engine is concerned.
    pub fn audio_only(&self) -> bool {
        self.info.video.is_none()
    }
}

fn check_size(bytes: u64, limits: &Limits) -> Result<(), Fault> {
    let gigabytes = bytes as f64 / 1e9;
    if gigabytes <= limits.max_source_gigabytes {
        return Ok(());
    }
    Err(Fault::new(
        Code::InputTooLong,
        format!("the source has {gigabytes:.1} GB, more than the {} GB that are allowed", limits.max_source_gigabytes),
        "raise limits.max_source_gigabytes in the configuration, or cut the file",
    ))
}

fn unreadable(input: &Path) -> Fault {
    Fault::new(
        Code::InputUnreadable,
        format!("{} can't be read", display_name(input)),
        "check the name and the permissions of the file",
    )
}

/// File names are hostile too: control characters are shown, not performed.
pub fn display_name(path: &Path) -> String {
    let name = path.file_name().map_or_else(|| path.to_string_lossy(), |n| n.to_string_lossy());
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_without_control_characters() {
        assert_eq!(display_name(Path::new("/a/b\nc\u{1b}[31m.mp4")), "b\u{fffd}c\u{fffd}[31m.mp4");
        assert_eq!(display_name(Path::new("-rf")), "-rf");
    }
}
