//! Keeping the cache within its size, least recently used first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::cache::remove_entry;
use crate::entry::{MANIFEST, Manifest};
use crate::lock::{Lock, Mode};

/// What was removed and what is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    pub removed_entries: usize,
    pub removed_bytes: u64,
    pub kept_bytes: u64,
}

struct Candidate {
    /// Last use; `None` for a folder without a readable manifest, which is no entry.
    used: Option<SystemTime>,
    name: String,
    folder: PathBuf,
    bytes: u64,
}

pub(crate) fn prune(entries: &Path, locks: &Path, limit_bytes: u64) -> io::Result<Pruned> {
    let mut candidates = Vec::new();
    for entry in fs::read_dir(entries)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        candidates.push(candidate(name, entry.path()));
    }
    // `None` sorts first; the name settles ties.
    candidates.sort_by(|a, b| (a.used, &a.name).cmp(&(b.used, &b.name)));
    let mut kept: u64 = candidates.iter().map(|candidate| candidate.bytes).sum();
    let mut pruned = Pruned::default();
    for candidate in candidates {
        if candidate.used.is_some() && kept <= limit_bytes {
            break;
        }
        let lock_path = locks.join(format!("{}.lock", candidate.name));
        // In use, or being built anew.
        let Some(lock) = Lock::take(&lock_path, Mode::Exclusive)? else { continue };
        // Built anew or used since it was looked at: it is not the oldest any more.
        if used(&candidate.folder) == candidate.used {
            remove_entry(&candidate.folder)?;
            kept -= candidate.bytes;
            pruned.removed_entries += 1;
            pruned.removed_bytes += candidate.bytes;
            lock.remove(&lock_path)?;
        }
    }
    pruned.kept_bytes = kept;
    Ok(pruned)
}

fn candidate(name: String, folder: PathBuf) -> Candidate {
    let manifest = Manifest::read(&folder).ok();
    let used = manifest.as_ref().and_then(|_| used(&folder));
    let bytes = manifest.map_or(0, |manifest| manifest.bytes());
    Candidate { used, name, folder, bytes }
}

fn used(folder: &Path) -> Option<SystemTime> {
    fs::symlink_metadata(folder.join(MANIFEST)).and_then(|about| about.modified()).ok()
}
