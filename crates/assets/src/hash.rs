//! SHA-256 of files (FIPS 180-4), streamed.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use omniva_contracts::{Code, Fault, Monitor, hex};
use sha2::{Digest, Sha256};

use crate::shown;

const BLOCK: usize = 1 << 20;

/// Lower-case hex digest and length of a regular file. Memory is one block, whatever the length.
///
/// # Errors
/// `input_missing`, `input_unreadable` (no regular file, no permission, I/O error, or it changed meanwhile), `cancelled`.
pub fn hash_file(path: &Path, monitor: &dyn Monitor) -> Result<(String, u64), Fault> {
    let unreadable = |error: &io::Error| {
        let (code, message) = match error.kind() {
            io::ErrorKind::NotFound => (Code::InputMissing, format!("there is no file {}", shown(path))),
            _ => (Code::InputUnreadable, format!("{} can't be read", shown(path))),
        };
        Fault::new(code, message, "check the name and the permissions of the file").with_detail(error)
    };
    // Without O_NONBLOCK a named pipe would be waited for.
    let opened = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let mut file = opened.map_err(|error| unreadable(&error))?;
    let before = file.metadata().map_err(|error| unreadable(&error))?;
    if !before.is_file() {
        let message = format!("{} is not a regular file", shown(path));
        return Err(Fault::new(Code::InputUnreadable, message, "give the name of a video or sound file"));
    }
    let hashed = digest(&mut file, before.len(), monitor).map_err(|error| unreadable(&error))?;
    let Some((hex, bytes)) = hashed else { return Err(Fault::cancelled()) };
    let after = file.metadata().map_err(|error| unreadable(&error))?;
    if bytes != before.len() || (before.mtime(), before.mtime_nsec()) != (after.mtime(), after.mtime_nsec()) {
        let message = format!("{} changes while it is read", shown(path));
        return Err(Fault::new(
            Code::InputUnreadable,
            message,
            "wait until the file is complete, then run the same command again",
        ));
    }
    Ok((hex, bytes))
}

/// `None` when it was cancelled. `length` is only for the progress.
pub(crate) fn digest(input: &mut dyn Read, length: u64, monitor: &dyn Monitor) -> io::Result<Option<(String, u64)>> {
    let mut hash = Sha256::new();
    let mut block = vec![0u8; BLOCK];
    let mut total = 0u64;
    loop {
        if monitor.cancelled() {
            return Ok(None);
        }
        let count = match input.read(&mut block) {
            Ok(0) => return Ok(Some((hex(&hash.finalize()), total))),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(block.get(..count).unwrap_or_default());
        total += count as u64;
        if length > 0 {
            monitor.progress((total as f64 / length as f64).min(1.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use omniva_contracts::Silent;
    use tempfile::tempdir;

    use super::*;

    struct StopsAfter(AtomicUsize);
    impl Monitor for StopsAfter {
        fn progress(&self, fraction: f64) {
            assert!((0.0..=1.0).contains(&fraction));
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
        fn cancelled(&self) -> bool {
            self.0.load(Ordering::Relaxed) == 0
        }
    }

    #[test]
    fn known_digests() {
        let folder = tempdir().unwrap();
        let file = folder.path().join("abc");
        std::fs::write(&file, "abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash_file(&file, &Silent), Ok((abc.into(), 3)));
        std::fs::write(&file, "").unwrap();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hash_file(&file, &Silent), Ok((empty.into(), 0)));
        std::fs::write(&file, vec![0u8; 3 * BLOCK + 7]).unwrap();
        assert_eq!(hash_file(&file, &Silent).unwrap().1, 3 * BLOCK as u64 + 7);
        let stops = StopsAfter(AtomicUsize::new(2));
        assert_eq!(hash_file(&file, &stops).unwrap_err().code, Code::Cancelled);
    }

    #[test]
    fn what_is_no_file_is_refused_without_waiting() {
        let folder = tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let name = std::ffi::CString::new(pipe.to_str().unwrap()).unwrap();
        // SAFETY: a valid name.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        for path in [&pipe, folder.path(), Path::new("/dev/zero")] {
            assert_eq!(hash_file(path, &Silent).unwrap_err().code, Code::InputUnreadable, "{path:?}");
        }
        let fault = hash_file(&folder.path().join("no\n"), &Silent).unwrap_err();
        assert_eq!(fault.code, Code::InputMissing);
        assert!(!fault.message.contains('\n'));
    }
}
