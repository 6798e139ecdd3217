//! Folders for work in progress, removed when they are dropped and swept when their process has died.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::lock::{Lock, Mode};

const LOCK: &str = "lock";

/// An empty folder of one's own, readable by nobody else. Its path is absolute.
///
/// Beside the folder lies a file with the same name and `.lock`, made before and removed after it and locked all its
/// life: a folder whose lock can be taken, or that has none, belongs to a dead process.
#[derive(Debug)]
pub struct WorkDir {
    path: PathBuf,
    lock: Option<Lock>,
}

impl WorkDir {
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn make(parent: &Path) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = parent.join(format!("{}-{number}", std::process::id()));
            // A name of a process with the same number, in another container or before: the next one.
            if let Some(lock) = Lock::make(&path.with_extension(LOCK))? {
                let work = Self { path, lock: Some(lock) };
                match DirBuilder::new().mode(0o700).create(&work.path) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::remove_dir_all(&work.path)?,
                    Err(error) => return Err(error),
                    Ok(()) => return Ok(work),
                }
            }
        }
    }
}

impl Drop for WorkDir {
    /// What can't be removed now is swept later.
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
        if let Some(lock) = self.lock.take() {
            let _ = lock.remove(&self.path.with_extension(LOCK));
        }
    }
}

/// Removes what dead processes left in `parent`; gives the number of folders.
pub(crate) fn sweep(parent: &Path) -> io::Result<usize> {
    let mut swept = 0;
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        let is_lock = path.extension().is_some_and(|extension| extension == LOCK);
        let lock_path = path.with_extension(LOCK);
        // Folders whose lock exists are handled when that is met; the others are rests of an interrupted sweep.
        if !is_lock && fs::symlink_metadata(&lock_path).is_ok() {
            continue;
        }
        let Some(lock) = Lock::take(&lock_path, Mode::Exclusive)? else { continue };
        let folder = path.with_extension("");
        match fs::remove_dir_all(&folder) {
            Ok(()) => swept += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        lock.remove(&lock_path)?;
    }
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    #[test]
    fn a_work_folder_lives_as_long_as_its_owner() {
        let parent = tempdir().unwrap();
        let (one, two) = (WorkDir::make(parent.path()).unwrap(), WorkDir::make(parent.path()).unwrap());
        assert_ne!(one.path(), two.path());
        fs::write(one.path().join("x"), "x").unwrap();
        fs::create_dir_all(two.path().join("deep/er")).unwrap();
        assert_eq!(sweep(parent.path()).unwrap(), 0);
        drop(one);
        assert!(two.path().exists());
        drop(two);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_dead_processes_left_is_swept() {
        let parent = tempdir().unwrap();
        let living = WorkDir::make(parent.path()).unwrap();
        for name in ["1-0", "1-1"] {
            fs::create_dir_all(parent.path().join(name).join("sub")).unwrap();
        }
        fs::write(parent.path().join("1-0.lock"), "").unwrap();
        fs::write(parent.path().join("1-2.lock"), "").unwrap();
        assert_eq!(sweep(parent.path()).unwrap(), 2);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 2);
        assert!(living.path().exists());
    }
}
