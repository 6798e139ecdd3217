//! The port to where artifacts lie, and the folder on this machine.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use omniva_contracts::Fault;
use omniva_contracts::engine::Moment;

use super::key::AssetKey;
use super::partial::{self, Noted};
use crate::space::{disk_of, free_space};
use crate::work::{self, WorkDir};
use crate::write::{AtomicFile, folder_of, sync_folder};

const PARTIAL: &str = "partial";

/// One stored file, as listing gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub key: AssetKey,
    pub bytes: u64,
    /// When it was last put here.
    pub put_at: Moment,
}

/// What the library needs of a place. A local folder now; an object store has the same few verbs.
pub trait Shelf: Send + Sync {
    /// Makes the finished file `from` the content of `key`, durably and in one step; `from` is gone afterwards. A key that
    /// is there already keeps its content (it has the same hash) and counts as put now.
    fn put(&self, key: &AssetKey, from: Incoming) -> Result<(), Fault>;
    /// A local file with the content, `None` when there is none. An object store fetches it first.
    fn local(&self, key: &AssetKey) -> Result<Option<PathBuf>, Fault>;
    /// Size, `None` when it is not there.
    fn bytes(&self, key: &AssetKey) -> Result<Option<u64>, Fault>;
    /// True when it was there.
    fn remove(&self, key: &AssetKey) -> Result<bool, Fault>;
    /// Removes it unless it was put at `before` or later; true when it was removed.
    fn remove_older(&self, key: &AssetKey, before: Moment) -> Result<bool, Fault>;
    /// Shows every stored file, in no order, until `visit` says false. What is no artifact is told by its name.
    fn list(&self, visit: &mut dyn FnMut(Result<Stored, String>) -> bool) -> Result<(), Fault>;
    /// Bytes that can still be put.
    fn free(&self) -> Result<u64, Fault>;
    /// The disk that it is on, as [`crate::disk_of`] tells it.
    fn disk(&self) -> Option<u64> {
        None
    }
    /// An empty file that [`Shelf::put`] takes, on the same disk where that matters.
    fn incoming(&self) -> Result<Incoming, Fault>;
    /// An empty folder for work in progress, on the same disk.
    fn work_dir(&self) -> Result<WorkDir, Fault>;
    /// The pieces under `name`, empty where there are none, and where their note lies; `None` when somebody is at them, or
    /// the place keeps none. Without a note they are gone when it is dropped.
    fn partial(&self, _name: &str) -> Result<Option<(Incoming, PathBuf)>, Fault> {
        Ok(None)
    }
    /// Removes pieces that were last written to before; gives the number of files.
    fn sweep_partials(&self, _before: Moment) -> Result<usize, Fault> {
        Ok(0)
    }
    /// Removes what dead processes left; gives the number of files and folders.
    fn sweep_unfinished(&self) -> Result<usize, Fault>;
}

/// A file on its way in: gone when it is dropped, swept when its process died.
#[derive(Debug)]
pub struct Incoming {
    file: AtomicFile,
    _work: Option<WorkDir>,
    /// Of a file that may outlive its process.
    noted: Option<Noted>,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let Some(noted) = &self.noted else { return };
        if noted.leave(self.file.file()) {
            self.file.leave();
        } else {
            noted.remove();
        }
    }
}

impl Incoming {
    /// Where it lies while it is written.
    pub fn path(&self) -> &Path {
        self.file.part()
    }
    pub(crate) fn writer(&mut self) -> &mut AtomicFile {
        &mut self.file
    }
    pub(super) fn note(&mut self, noted: Noted) {
        self.noted = Some(noted);
    }
    pub(super) fn noted(&mut self) -> Option<&mut Noted> {
        self.noted.as_mut()
    }
}

/// A folder of this machine:
///
/// ```text
/// raw/ab/<sha256> …      artifacts
/// incoming/<pid>-<n>/    files in progress
/// partial/<name>.part    downloads that outlive their process, each with a note
/// ```
#[derive(Clone, Debug)]
pub struct FolderShelf {
    root: PathBuf,
}

impl FolderShelf {
    /// Makes the folder where needed (for the owner only) and sweeps what dead processes left.
    ///
    /// # Errors
    /// `no_space`, `output_unwritable`.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        let shelf = Self { root: std::path::absolute(folder).map_err(|e| library_fault(&e))? };
        for name in AssetKey::folders().chain(["incoming", PARTIAL]) {
            make_folder(&shelf.root.join(name)).map_err(|e| library_fault(&e))?;
        }
        shelf.sweep_unfinished()?;
        Ok(shelf)
    }

    fn path(&self, key: &AssetKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn place(&self, key: &AssetKey, mut from: Incoming) -> io::Result<()> {
        let path = self.path(key);
        make_folder(folder_of(&path))?;
        from.file.retarget(path.clone());
        match from.file.commit_new_io() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => touch(&path),
            other => other,
        }
    }
}

impl Shelf for FolderShelf {
    fn put(&self, key: &AssetKey, from: Incoming) -> Result<(), Fault> {
        self.place(key, from).map_err(|e| library_fault(&e))
    }

    fn local(&self, key: &AssetKey) -> Result<Option<PathBuf>, Fault> {
        Ok(self.bytes(key)?.map(|_| self.path(key)))
    }

    fn bytes(&self, key: &AssetKey) -> Result<Option<u64>, Fault> {
        match fs::symlink_metadata(self.path(key)) {
            Ok(about) if about.is_file() => Ok(Some(about.len())),
            Ok(_) => Err(odd(&self.path(key))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(library_fault(&error)),
        }
    }

    fn remove(&self, key: &AssetKey) -> Result<bool, Fault> {
        match fs::remove_file(self.path(key)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(library_fault(&error)),
        }
    }

    fn remove_older(&self, key: &AssetKey, before: Moment) -> Result<bool, Fault> {
        match fs::symlink_metadata(self.path(key)) {
            Ok(about) if put_at(&about) < before => self.remove(key),
            Ok(_) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(library_fault(&error)),
        }
    }

    fn list(&self, visit: &mut dyn FnMut(Result<Stored, String>) -> bool) -> Result<(), Fault> {
        for kind in AssetKey::folders() {
            if !list_kind(&self.root.join(kind), kind, visit).map_err(|e| library_fault(&e))? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn disk(&self) -> Option<u64> {
        disk_of(&self.root)
    }

    fn free(&self) -> Result<u64, Fault> {
        free_space(&self.root)
    }

    fn incoming(&self) -> Result<Incoming, Fault> {
        let work = self.work_dir()?;
        let file = AtomicFile::create(&work.path().join("file"))?;
        Ok(Incoming { file, _work: Some(work), noted: None })
    }

    fn work_dir(&self) -> Result<WorkDir, Fault> {
        WorkDir::make(&self.root.join("incoming")).map_err(|e| library_fault(&e))
    }

    fn partial(&self, name: &str) -> Result<Option<(Incoming, PathBuf)>, Fault> {
        let plain = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_hexdigit());
        if !plain {
            return Err(Fault::internal("pieces of a file have a name of hex digits"));
        }
        let (part, note) = partial::paths(&self.root.join(PARTIAL), name);
        let file = AtomicFile::go_on(&part).map_err(|e| library_fault(&e))?;
        Ok(file.map(|file| (Incoming { file, _work: None, noted: None }, note)))
    }

    fn sweep_partials(&self, before: Moment) -> Result<usize, Fault> {
        partial::sweep(&self.root.join(PARTIAL), before, &put_at).map_err(|e| library_fault(&e))
    }

    fn sweep_unfinished(&self) -> Result<usize, Fault> {
        work::sweep(&self.root.join("incoming")).map_err(|e| library_fault(&e))
    }
}

/// False when `visit` had enough.
fn list_kind(folder: &Path, kind: &str, visit: &mut dyn FnMut(Result<Stored, String>) -> bool) -> io::Result<bool> {
    for shard in fs::read_dir(folder)? {
        let shard = shard?;
        let shard_name = shard.file_name().to_string_lossy().into_owned();
        if !shard.file_type()?.is_dir() {
            if !visit(Err(format!("{kind}/{shard_name}"))) {
                return Ok(false);
            }
            continue;
        }
        for entry in fs::read_dir(shard.path())? {
            let entry = entry?;
            let name = format!("{kind}/{shard_name}/{}", entry.file_name().to_string_lossy());
            let about = match fs::symlink_metadata(entry.path()) {
                Ok(about) => about,
                // Removed meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let found = match AssetKey::parse(&name) {
                Some(key) if about.is_file() => Ok(Stored { key, bytes: about.len(), put_at: put_at(&about) }),
                _ => Err(crate::shown(Path::new(&name))),
            };
            if !visit(found) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn put_at(about: &fs::Metadata) -> Moment {
    use std::os::unix::fs::MetadataExt;
    Moment(about.mtime().saturating_mul(1_000_000).saturating_add(about.mtime_nsec() / 1000))
}

/// Makes a file count as put now.
fn touch(path: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let file = fs::File::options().write(true).open(path)?;
    // SAFETY: a valid descriptor; null asks for the current time.
    if unsafe { libc::futimens(file.as_raw_fd(), std::ptr::null()) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// For the owner only; its name is made to last too.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    folder.parent().map_or(Ok(()), sync_folder)
}

pub(crate) fn library_fault(error: &io::Error) -> Fault {
    let mut fault = Fault::writing("the engine's library", error);
    fault.next_step = "free some space on its disk, or check the permissions of the data folder".into();
    fault
}

fn odd(path: &Path) -> Fault {
    library_fault(&io::Error::new(io::ErrorKind::InvalidData, format!("{} is not a regular file", crate::shown(path))))
}
