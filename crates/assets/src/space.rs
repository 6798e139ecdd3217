//! Room on the disk, asked for before it is needed.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use omniva_contracts::{Code, Fault};

use crate::shown;

/// Bytes that this user may still write where `path` is, or will be: the nearest folder above it that exists counts.
///
/// # Errors
/// `output_unwritable` when the file system does not answer.
pub fn free_space(path: &Path) -> Result<u64, Fault> {
    free_io(path).map_err(|error| Fault::writing(&shown(path), &error))
}

fn free_io(path: &Path) -> io::Result<u64> {
    let path = std::path::absolute(path)?;
    let existing = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let name = CString::new(existing.as_os_str().as_bytes())?;
    // SAFETY: zeroed is a valid `statvfs`; both pointers are valid for the call.
    let (result, found) = unsafe {
        let mut found: libc::statvfs = std::mem::zeroed();
        (libc::statvfs(name.as_ptr(), &mut found), found)
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    #[allow(clippy::unnecessary_cast)] // the types differ between architectures
    let (blocks, size) = (found.f_bavail as u64, found.f_frsize as u64);
    Ok(blocks.saturating_mul(size))
}

/// Which disk `path` is on, or will be: the number of its file system. `None` when the system does not tell.
pub fn disk_of(path: &Path) -> Option<u64> {
    let path = std::path::absolute(path).ok()?;
    path.ancestors().find_map(|path| std::fs::metadata(path).ok()).map(|about| about.dev())
}

/// # Errors
/// `no_space` with both figures when fewer than `bytes` are free.
pub fn require_space(path: &Path, bytes: u64) -> Result<(), Fault> {
    let free = free_space(path)?;
    if free >= bytes { Ok(()) } else { Err(too_little(&shown(path), bytes, free)) }
}

pub(crate) fn too_little(place: &str, needed: u64, free: u64) -> Fault {
    let missing = needed.saturating_sub(free);
    Fault::new(
        Code::NoSpace,
        format!("{place} needs {} of free space and has {}", amount(needed), amount(free)),
        format!(
            "free at least {} on that disk, or choose another one, then run the same command again",
            amount(missing)
        ),
    )
}

/// Three digits are enough for people.
pub(crate) fn amount(bytes: u64) -> String {
    let units = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let bytes = bytes as f64;
    match units.into_iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.1} {unit}", bytes / size),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_space_is_told_with_figures() {
        let place = std::env::temp_dir().join("not there/yet");
        assert!(free_space(&place).unwrap() > 0);
        assert!(disk_of(&place).is_some() && disk_of(&place) == disk_of(&std::env::temp_dir()));
        assert_eq!(require_space(&place, 1), Ok(()));
        let fault = require_space(&place, u64::MAX).unwrap_err();
        assert_eq!(fault.code, Code::NoSpace);
        assert!(fault.message.contains("18446744.1 TB") && fault.next_step.contains("TB"), "{fault:?}");
        assert_eq!(amount(999), "999 bytes");
        assert_eq!(amount(2_140_000_000), "2.1 GB");
    }
}
