//! Copying a finished file to where the user looks for it.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use omniva_contracts::Fault;

use crate::shown;
use crate::write::AtomicFile;

/// Copies the regular file `from` to `to`, in one step for everybody who looks at `to`. The sandboxed child made `from`,
/// so links are refused; `to` gets the permissions of a new file. `from` stays: it belongs to the cache.
///
/// # Errors
/// `no_space`, `output_unwritable`; `to` is then unchanged.
pub fn publish(from: &Path, to: &Path) -> Result<(), Fault> {
    publish_io(from, to).map_err(|error| Fault::writing(&shown(to), &error))
}

fn publish_io(from: &Path, to: &Path) -> io::Result<()> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut file = File::options().read(true).custom_flags(flags).open(from)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut target = AtomicFile::create_io(to)?;
    let copied = io::copy(&mut file, &mut target.file())?;
    if copied != about.len() {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("{copied} of {} bytes were copied", about.len()),
        ));
    }
    target.commit_io()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use omniva_contracts::Code;
    use tempfile::{tempdir, tempdir_in};

    use super::*;

    #[test]
    fn a_file_is_copied_and_replaces() {
        let folder = tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("b"));
        for content in ["one", "two"] {
            fs::write(&from, content).unwrap();
            fs::set_permissions(&from, fs::Permissions::from_mode(0o4755)).unwrap();
            publish(&from, &to).unwrap();
            assert_eq!((fs::read_to_string(&to).unwrap().as_str(), from.exists()), (content, true));
            assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o7111, 0);
        }
    }

    #[test]
    fn across_file_systems_too() {
        let (here, there) = (tempdir().unwrap(), tempdir_in("/dev/shm").unwrap());
        let device = |path: &Path| fs::metadata(path).unwrap().dev();
        assert_ne!(device(here.path()), device(there.path()), "this test needs two file systems");
        let (from, to) = (here.path().join("a"), there.path().join("b"));
        fs::write(&from, vec![7u8; 3 << 20]).unwrap();
        publish(&from, &to).unwrap();
        assert_eq!((fs::read(&to).unwrap(), from.exists()), (vec![7u8; 3 << 20], true));
        assert_eq!(fs::read_dir(there.path()).unwrap().count(), 1);
    }

    #[test]
    fn links_and_folders_are_not_published() {
        let folder = tempdir().unwrap();
        let to = folder.path().join("to");
        let link = folder.path().join("link");
        symlink("/etc/passwd", &link).unwrap();
        for from in [&link, folder.path()] {
            assert_eq!(publish(from, &to).unwrap_err().code, Code::OutputUnwritable);
        }
        assert!(!to.exists());
    }
}
