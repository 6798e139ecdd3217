//! Whether a folder is as it was: cheaper than a look, so that an inbox in which nothing happens makes no work.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use omniva_contracts::engine::{Moment, SourceSpec};
use sha2::{Digest, Sha256};

use super::MAX_ENTRIES;

/// What a glance saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Names, sizes and times of everything in the folder; or why it could not be read.
    pub digest: [u8; 32],
    /// The last change of any of them.
    pub newest: Moment,
}

/// `None` for sources that are no folder.
pub fn glance(spec: &SourceSpec) -> Option<Glance> {
    let SourceSpec::Inbox { folder } = spec else { return None };
    Some(entries(Path::new(folder)).unwrap_or_else(|error| Glance {
        digest: Sha256::digest(format!("unreadable: {}", error.kind())).into(),
        newest: Moment(0),
    }))
}

fn entries(folder: &Path) -> std::io::Result<Glance> {
    let mut seen = Vec::new();
    let mut newest = 0;
    for entry in fs::read_dir(folder)?.take(MAX_ENTRIES) {
        let entry = entry?;
        // Gone between listing and asking: the next glance differs.
        let Ok(about) = entry.metadata() else { continue };
        // The time of a change of state moves with every write, whatever times a copy has been given.
        let changed = about.ctime().saturating_mul(1_000_000).saturating_add(about.ctime_nsec() / 1000);
        newest = newest.max(changed);
        seen.push((entry.file_name(), about.len(), about.mtime(), about.mtime_nsec(), changed));
    }
    seen.sort_unstable();
    let mut hash = Sha256::new();
    for (name, bytes, seconds, nanoseconds, changed) in seen {
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name.as_encoded_bytes());
        hash.update(bytes.to_be_bytes());
        for number in [seconds, nanoseconds, changed] {
            hash.update(number.to_be_bytes());
        }
    }
    Ok(Glance { digest: hash.finalize().into(), newest: Moment(newest) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_the_same_until_something_in_it_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let spec = SourceSpec::Inbox { folder: folder.path().display().to_string() };
        let empty = glance(&spec).expect("a folder");
        assert_eq!(empty.newest, Moment(0));
        fs::write(folder.path().join("a.mp4"), b"1").expect("written");
        let one = glance(&spec).expect("a folder");
        assert_ne!(one, empty);
        assert_eq!(glance(&spec), Some(one.clone()));
        fs::write(folder.path().join("a.mp4"), b"12").expect("written");
        assert_ne!(glance(&spec), Some(one));
        let gone = SourceSpec::Inbox { folder: "/nowhere/at/all".into() };
        assert_eq!(glance(&gone), glance(&gone));
        assert_eq!(glance(&SourceSpec::Url { url: "https://example.org/a.mp4".into() }), None);
    }
}
