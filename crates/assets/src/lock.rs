//! Locks on files (flock(2)), which the kernel gives back when their process dies.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use omniva_contracts::Fault;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    Shared,
    Exclusive,
}

/// Held until dropped. The descriptor closes at exec, so no child keeps it.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// `None` when somebody else holds it. The file is made if need be; should it be removed between opening and
    /// locking (by [`Lock::remove`] of another process), a lock on it would exclude nobody, so it is taken anew.
    pub fn take(path: &Path, mode: Mode) -> io::Result<Option<Self>> {
        loop {
            let file = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
            let lock = Self { file };
            if !lock.set(mode)? {
                return Ok(None);
            }
            if lock.names(path)? {
                return Ok(Some(lock));
            }
        }
    }

    /// A lock on a file that must not exist yet; `None` when it does, or when it was swept away at once.
    pub fn make(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::options().create_new(true).read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(error) => return Err(error),
        };
        Self::own(file, path)
    }

    /// A lock on a file that this process has just made and opened.
    pub fn own(file: File, path: &Path) -> io::Result<Option<Self>> {
        let lock = Self { file };
        Ok((lock.set(Mode::Exclusive)? && lock.names(path)?).then_some(lock))
    }

    /// Changes the mode of a lock that is held; false when others prevent it.
    pub fn set(&self, mode: Mode) -> io::Result<bool> {
        let result = match mode {
            Mode::Shared => self.file.try_lock_shared(),
            Mode::Exclusive => self.file.try_lock(),
        };
        match result {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Removes the file of an exclusive lock, then lets go.
    pub fn remove(self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn names(&self, path: &Path) -> io::Result<bool> {
        let own = self.file.metadata()?;
        match std::fs::symlink_metadata(path) {
            Ok(found) => Ok((found.dev(), found.ino()) == (own.dev(), own.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// An exclusive lock on a file of its own, held until dropped; the file stays.
#[derive(Debug)]
pub struct FileLock(#[allow(dead_code)] Lock);

impl FileLock {
    /// `None` when somebody else holds it.
    ///
    /// # Errors
    /// `no_space`, `output_unwritable`.
    pub fn take(path: &Path) -> Result<Option<Self>, Fault> {
        let lock = Lock::take(path, Mode::Exclusive);
        lock.map(|lock| lock.map(Self)).map_err(|error| Fault::writing(&crate::shown(path), &error))
    }
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    #[test]
    fn one_writer_or_many_readers() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("l");
        let take = |mode| Lock::take(&path, mode).unwrap();
        let writer = take(Mode::Exclusive).unwrap();
        assert!(take(Mode::Exclusive).is_none() && take(Mode::Shared).is_none());
        assert!(writer.set(Mode::Shared).unwrap());
        let reader = take(Mode::Shared).unwrap();
        assert!(take(Mode::Exclusive).is_none());
        drop((writer, reader));
        take(Mode::Exclusive).unwrap().remove(&path).unwrap();
        assert!(!path.exists());
        assert!(Lock::make(&path).unwrap().is_some());
        assert!(Lock::make(&path).unwrap().is_none(), "the file exists");
    }
}
