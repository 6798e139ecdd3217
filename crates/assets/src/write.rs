//! Whole files or none: written under another name in the same folder, flushed to the disk, then renamed (rename(2) is
//! atomic, fsync(2) of file and folder make it last).

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use omniva_contracts::{Code, Fault};

use crate::lock::{Lock, Mode};
use crate::shown;

const PREFIX: &str = ".omniva-";
const SUFFIX: &str = ".part";

/// A file that appears under its name when it is committed, and never otherwise. Dropped without commit it leaves
/// nothing; a process that dies leaves the part, which [`sweep_unfinished`] removes.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    part: PathBuf,
    /// Tells sweepers that the writer lives.
    lock: Lock,
    committed: bool,
    /// Whether the part stays when this is dropped.
    left: bool,
}

impl AtomicFile {
    /// # Errors
    /// `no_space`, `output_unwritable` (also when there is no such folder).
    pub fn create(target: &Path) -> Result<Self, Fault> {
        Self::create_io(target).map_err(|error| Fault::writing(&shown(target), &error))
    }

    pub(crate) fn create_io(target: &Path) -> io::Result<Self> {
        if target.file_name().is_none() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"));
        }
        loop {
            let part = folder_of(target).join(part_name());
            if let Some(lock) = Lock::make(&part)? {
                return Ok(Self { target: target.to_path_buf(), part, lock, committed: false, left: false });
            }
        }
    }

    /// Makes the content last and gives it its name, in place of an older file of that name.
    ///
    /// # Errors
    /// `no_space`, `output_unwritable`; the older file is then unchanged.
    pub fn commit(mut self) -> Result<(), Fault> {
        let done = self.commit_io();
        done.map_err(|error| Fault::writing(&shown(&self.target), &error))
    }

    pub(crate) fn commit_io(&mut self) -> io::Result<()> {
        self.lock.file().sync_all()?;
        fs::rename(&self.part, &self.target)?;
        self.committed = true;
        sync_folder(folder_of(&self.target))
    }

    /// The same, but never in place of another file.
    ///
    /// # Errors
    /// `output_exists` when the name is taken, and those of [`AtomicFile::commit`]; nothing is changed then.
    pub fn commit_new(mut self) -> Result<(), Fault> {
        self.commit_new_io().map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Fault::new(
                Code::OutputExists,
                format!("{} exists already", shown(&self.target)),
                "move that file away, or choose another folder",
            ),
            _ => Fault::writing(&shown(&self.target), &error),
        })
    }

    pub(crate) fn commit_new_io(&mut self) -> io::Result<()> {
        self.lock.file().sync_all()?;
        rename_new(&self.part, &self.target)?;
        self.committed = true;
        sync_folder(folder_of(&self.target))
    }

    /// A part of another name, as somebody has left it; `None` when somebody is at it. It has no target yet.
    pub(crate) fn go_on(part: &Path) -> io::Result<Option<Self>> {
        let lock = Lock::take(part, Mode::Exclusive)?;
        let of = |lock| Self { target: part.to_owned(), part: part.to_owned(), lock, committed: false, left: false };
        Ok(lock.map(of))
    }

    /// The part stays for somebody who goes on with it.
    pub(crate) fn leave(&mut self) {
        self.left = true;
    }

    /// Where the content lies until it is committed.
    pub(crate) fn part(&self) -> &Path {
        &self.part
    }

    /// Another name for the finished file; it must be on the same file system.
    pub(crate) fn retarget(&mut self, target: PathBuf) {
        self.target = target;
    }

    pub(crate) fn file(&self) -> &File {
        self.lock.file()
    }
}

/// rename(2) that fails with `AlreadyExists` instead of replacing. File systems that can't do it in one step are served
/// by a second name for the file, and those without second names by looking first.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    let name = |path: &Path| CString::new(path.as_os_str().as_bytes());
    let (from_name, to_name) = (name(from)?, name(to)?);
    let here = libc::AT_FDCWD;
    // SAFETY: both names are valid for the call.
    let renamed = unsafe { libc::renameat2(here, from_name.as_ptr(), here, to_name.as_ptr(), libc::RENAME_NOREPLACE) };
    if renamed == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if !matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS | libc::ENOTSUP)) {
        return Err(error);
    }
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EPERM | libc::ENOTSUP | libc::ENOSYS)) => {
            if fs::symlink_metadata(to).is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)
        }
        Err(error) => Err(error),
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock.file().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.committed && !self.left {
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Replaces or makes a file in one step.
///
/// # Errors
/// `no_space`, `output_unwritable`; an older file is then unchanged.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    write_io(path, bytes).map_err(|error| Fault::writing(&shown(path), &error))
}

pub(crate) fn write_io(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create_io(path)?;
    file.write_all(bytes)?;
    file.commit_io()
}

/// Removes parts of files in `folder` whose writers are dead; gives their number. A folder that is not there has none.
///
/// # Errors
/// `output_unwritable` when the folder can't be read.
pub fn sweep_unfinished(folder: &Path) -> Result<usize, Fault> {
    sweep_io(folder).map_err(|error| Fault::writing(&shown(folder), &error))
}

fn sweep_io(folder: &Path) -> io::Result<usize> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        // A part that vanishes meanwhile was finished or swept by another process.
        if ours
            && entry.file_type().is_ok_and(|kind| kind.is_file())
            && let Ok(file) = File::options().read(true).write(true).open(entry.path())
            && let Ok(Some(lock)) = Lock::own(file, &entry.path())
            && lock.set(Mode::Exclusive)?
        {
            removed += usize::from(lock.remove(&entry.path()).is_ok());
        }
    }
    Ok(removed)
}

/// Unique among the living processes of a machine; a name that is taken is tried again with the next number.
fn part_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{PREFIX}{}-{}{SUFFIX}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Some file systems can't flush a folder and say so with EINVAL; they order renames by themselves.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("a \n'ü.json");
        write_atomic(&path, b"one").unwrap();
        let mut second = AtomicFile::create(&path).unwrap();
        second.write_all(b"twotwo").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(names(folder.path()).len(), 2);
        drop(second);
        assert_eq!((fs::read(&path).unwrap().as_slice(), names(folder.path()).len()), (b"one".as_slice(), 1));
        let mut third = AtomicFile::create(&path).unwrap();
        third.write_all(b"3").unwrap();
        third.commit().unwrap();
        assert_eq!((fs::read(&path).unwrap().as_slice(), names(folder.path()).len()), (b"3".as_slice(), 1));
    }

    #[test]
    fn a_name_that_is_taken_stays_with_its_file() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("a");
        let write = |text: &[u8]| {
            let mut file = AtomicFile::create(&path).unwrap();
            file.write_all(text).unwrap();
            file.commit_new()
        };
        assert_eq!(write(b"one"), Ok(()));
        assert_eq!(write(b"two").unwrap_err().code, Code::OutputExists);
        assert_eq!((fs::read(&path).unwrap().as_slice(), names(folder.path()).len()), (b"one".as_slice(), 1));
        std::os::unix::fs::symlink("/nowhere", folder.path().join("b")).unwrap();
        let mut file = AtomicFile::create(&folder.path().join("b")).unwrap();
        file.write_all(b"x").unwrap();
        assert_eq!(file.commit_new().unwrap_err().code, Code::OutputExists, "a link is a name too");
    }

    #[test]
    fn long_names_leave_room_for_the_part() {
        let folder = tempdir().unwrap();
        write_atomic(&folder.path().join("n".repeat(255)), b"x").unwrap();
    }

    #[test]
    fn a_place_that_takes_no_file_is_said_so() {
        let folder = tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        for bad in
            [file.join("below"), folder.path().join("none/x"), folder.path().join(".."), PathBuf::from("/proc/x")]
        {
            assert_eq!(write_atomic(&bad, b"x").unwrap_err().code, Code::OutputUnwritable, "{bad:?}");
        }
        // A folder in the way: the part is removed again.
        fs::create_dir(folder.path().join("sub")).unwrap();
        assert_eq!(write_atomic(&folder.path().join("sub"), b"x").unwrap_err().code, Code::OutputUnwritable);
        assert_eq!(names(folder.path()), ["file", "sub"]);
    }

    #[test]
    fn only_parts_of_dead_writers_are_swept() {
        let folder = tempdir().unwrap();
        let living = AtomicFile::create(&folder.path().join("x")).unwrap();
        fs::write(folder.path().join(".omniva-1-0.part"), "half").unwrap();
        fs::write(folder.path().join(".omniva-1-0.party"), "other").unwrap();
        assert_eq!(sweep_unfinished(folder.path()), Ok(1));
        assert_eq!(names(folder.path()).len(), 2);
        living.commit().unwrap();
        assert_eq!(names(folder.path()), [".omniva-1-0.party", "x"]);
        assert_eq!(sweep_unfinished(&folder.path().join("none")), Ok(0));
    }
}
