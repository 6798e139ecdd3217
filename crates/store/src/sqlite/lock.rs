//! One engine at a time on one database: an advisory lock on `<database>.lock`, which the kernel drops with the process.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::trouble::io;
use crate::{StoreFault, Trouble};

/// `<path><suffix>`, whatever extension the path has.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Held until it is dropped.
pub(super) struct Lock {
    _file: File,
}

pub(super) fn take(database: &Path) -> Result<Lock, StoreFault> {
    let path = beside(database, ".lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| io(&path.display().to_string(), &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => {
            Err(StoreFault::new(Trouble::InUse, format!("another engine holds {}", path.display())))
        }
        Err(TryLockError::Error(error)) => Err(io(&path.display().to_string(), &error)),
    }
}
