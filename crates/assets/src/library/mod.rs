//! What the engine keeps: raw material and everything made of it, by the hash of its content.
//!
//! Invariants: what lies under a key has the hash that the key names, or reading it fails; a file appears whole and
//! durable or not at all; no key is made from a title; a file without a row is an orphan and is swept after a time of
//! grace, because a worker puts files first and Zenith commits their rows after.

mod key;
mod partial;
mod receive;
mod shelf;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use omniva_contracts::engine::{ArtifactKind, Moment};
use omniva_contracts::{Code, Fault, Monitor, hex};
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub use key::AssetKey;
pub use partial::Mark;
pub use receive::Receiving;
pub use shelf::{FolderShelf, Incoming, Shelf, Stored};

use crate::hash::hash_file;
use crate::room::{self, Following};
use crate::space::{disk_of, too_little};
use crate::work::WorkDir;
use shelf::library_fault;

const BLOCK: usize = 1 << 20;

/// A file that is in the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub key: AssetKey,
    pub bytes: u64,
}

/// A copy that is on its way in: complete, hashed, not yet under its key.
#[derive(Debug)]
pub struct Copied {
    incoming: Incoming,
    pub sha256: String,
    pub bytes: u64,
}

impl Copied {
    /// Where it lies meanwhile.
    pub fn path(&self) -> &Path {
        self.incoming.path()
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Library {
    shelf: Arc<dyn Shelf>,
    /// Bytes that must stay free on the disk, whatever is put.
    reserve: u64,
    /// Putting a file that is there already and removing an orphan exclude each other.
    gate: Arc<Mutex<()>>,
    following: Following,
}

impl Library {
    /// A library in a folder of this machine, which is made where needed; `reserve` bytes of its disk stay free.
    ///
    /// # Errors
    /// `no_space`, `output_unwritable`.
    pub fn open(folder: &Path, reserve: u64) -> Result<Self, Fault> {
        Ok(Self::on(Arc::new(FolderShelf::open(folder)?), reserve))
    }

    pub fn on(shelf: Arc<dyn Shelf>, reserve: u64) -> Self {
        Self { shelf, reserve, gate: Arc::default(), following: Following::default() }
    }

    /// Asks for room before work begins.
    ///
    /// # Errors
    /// `no_space` when fewer than `bytes` and the reserve are free.
    pub fn require_space(&self, bytes: u64) -> Result<(), Fault> {
        let (free, needed) = (self.shelf.free()?, bytes.saturating_add(self.reserve));
        if free >= needed { Ok(()) } else { Err(too_little("the engine's library", needed, free)) }
    }

    /// The same library, for videos of which this is made.
    pub fn followed_by(&self, following: Following) -> Self {
        Self { following, ..self.clone() }
    }

    /// Asks for room for a whole video, before a byte of it is fetched: the file, and all that is made of it.
    ///
    /// # Errors
    /// `no_space`, part by part.
    pub fn require_video(&self, name: &str, bytes: Option<u64>, seconds: Option<f64>) -> Result<(), Fault> {
        room::require(name, room::parts(&self.following, bytes, seconds), self.reserve, self.shelf.free()?)
    }

    /// Whether `path` is on the library's disk, as far as that can be known.
    pub fn shares_disk(&self, path: &Path) -> bool {
        self.shelf.disk().zip(disk_of(path)).is_none_or(|(own, other)| own == other)
    }

    /// Bytes free on the disk.
    pub fn free(&self) -> Result<u64, Fault> {
        self.shelf.free()
    }

    /// Bytes free beyond the reserve.
    pub fn room(&self) -> Result<u64, Fault> {
        Ok(self.shelf.free()?.saturating_sub(self.reserve))
    }

    /// Copies and hashes the regular file `from` (a link is refused) without giving it a key yet.
    ///
    /// # Errors
    /// `input_missing`, `input_unreadable`, `cancelled`, `no_space`, `output_unwritable`.
    pub fn copy_in(&self, from: &Path, monitor: &dyn Monitor) -> Result<Copied, Fault> {
        let unreadable = |error: &io::Error| unreadable(from, error);
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let mut file = File::options().read(true).custom_flags(flags).open(from).map_err(|e| unreadable(&e))?;
        let about = file.metadata().map_err(|e| unreadable(&e))?;
        if !about.is_file() {
            return Err(unreadable(&io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
        }
        self.require_space(about.len())?;
        let mut incoming = self.shelf.incoming()?;
        let (mut hash, mut block, mut bytes) = (Sha256::new(), vec![0u8; BLOCK], 0u64);
        loop {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            let count = match file.read(&mut block) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(&error)),
            };
            let read = block.get(..count).unwrap_or_default();
            hash.update(read);
            incoming.writer().write_all(read).map_err(|e| library_fault(&e))?;
            bytes += count as u64;
            if about.len() > 0 {
                monitor.progress((bytes as f64 / about.len() as f64).min(1.0));
            }
        }
        Ok(Copied { incoming, sha256: hex(&hash.finalize()), bytes })
    }

    /// Gives a copy its key.
    pub fn keep(
        &self,
        copied: Copied,
        kind: ArtifactKind,
        owner: Option<Uuid>,
        extension: &str,
    ) -> Result<Kept, Fault> {
        let key = AssetKey::new(kind, &copied.sha256, owner, extension)?;
        let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        self.shelf.put(&key, copied.incoming)?;
        Ok(Kept { key, bytes: copied.bytes })
    }

    /// [`Library::copy_in`] and [`Library::keep`].
    pub fn put_file(
        &self,
        from: &Path,
        kind: ArtifactKind,
        owner: Option<Uuid>,
        extension: &str,
        monitor: &dyn Monitor,
    ) -> Result<Kept, Fault> {
        let copied = self.copy_in(from, monitor)?;
        self.keep(copied, kind, owner, extension)
    }

    /// # Errors
    /// `no_space`, `output_unwritable`.
    pub fn put_bytes(
        &self,
        bytes: &[u8],
        kind: ArtifactKind,
        owner: Option<Uuid>,
        extension: &str,
    ) -> Result<Kept, Fault> {
        self.require_space(bytes.len() as u64)?;
        let mut incoming = self.shelf.incoming()?;
        incoming.writer().write_all(bytes).map_err(|e| library_fault(&e))?;
        let sha256 = hex(&Sha256::digest(bytes));
        self.keep(Copied { incoming, sha256, bytes: bytes.len() as u64 }, kind, owner, extension)
    }

    /// A local file with the content of `key`, whose bytes are hashed first.
    ///
    /// # Errors
    /// `not_found`; `input_corrupt` when the bytes are not those that were put; `cancelled`.
    pub fn verified(&self, key: &str, monitor: &dyn Monitor) -> Result<PathBuf, Fault> {
        let (key, path) = self.local(key)?;
        let (sha256, _) = hash_file(&path, monitor)?;
        if sha256 == key.sha256() { Ok(path) } else { Err(changed(&key)) }
    }

    /// A local file with the content of `key`; its bytes are *not* looked at, because the caller hashes them itself.
    ///
    /// # Errors
    /// `not_found`.
    pub fn unverified(&self, key: &str) -> Result<PathBuf, Fault> {
        self.local(key).map(|(_, path)| path)
    }

    /// The content, at most `max_bytes`, verified.
    ///
    /// # Errors
    /// `not_found`, `input_corrupt`, `input_unreadable`.
    pub fn read(&self, key: &str, max_bytes: u64) -> Result<Vec<u8>, Fault> {
        let (key, path) = self.local(key)?;
        let mut bytes = Vec::new();
        let file = File::open(&path).map_err(|e| unreadable(&path, &e))?;
        file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| unreadable(&path, &e))?;
        if bytes.len() as u64 > max_bytes || hex(&Sha256::digest(&bytes)) != key.sha256() {
            return Err(changed(&key));
        }
        Ok(bytes)
    }

    /// Size of what lies under `key`, `None` when nothing does (or the text is no key).
    pub fn bytes(&self, key: &str) -> Result<Option<u64>, Fault> {
        AssetKey::parse(key).map_or(Ok(None), |key| self.shelf.bytes(&key))
    }

    /// True when it was there.
    pub fn remove(&self, key: &str) -> Result<bool, Fault> {
        AssetKey::parse(key).map_or(Ok(false), |key| self.shelf.remove(&key))
    }

    /// Removes an orphan unless it was put at `before` or later; true when it was removed.
    pub fn remove_orphan(&self, key: &AssetKey, before: Moment) -> Result<bool, Fault> {
        let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        self.shelf.remove_older(key, before)
    }

    /// See [`Shelf::list`].
    pub fn list(&self, visit: &mut dyn FnMut(Result<Stored, String>) -> bool) -> Result<(), Fault> {
        self.shelf.list(visit)
    }

    /// Removes what dead processes left; gives the number of files and folders.
    pub fn sweep_unfinished(&self) -> Result<usize, Fault> {
        self.shelf.sweep_unfinished()
    }

    /// An empty folder for work in progress.
    pub fn work_dir(&self) -> Result<WorkDir, Fault> {
        self.shelf.work_dir()
    }

    fn local(&self, text: &str) -> Result<(AssetKey, PathBuf), Fault> {
        let missing = || {
            Fault::new(
                Code::NotFound,
                format!("{text:?} is not in the engine's library"),
                "it was removed or lost: scrape and analyse the video again",
            )
        };
        let key = AssetKey::parse(text).ok_or_else(missing)?;
        let path = self.shelf.local(&key)?.ok_or_else(missing)?;
        Ok((key, path))
    }
}

fn changed(key: &AssetKey) -> Fault {
    Fault::new(
        Code::InputCorrupt,
        format!("{key} in the engine's library is not what was put there"),
        "the disk or somebody else changed it: restore the file, or scrape and analyse the video again",
    )
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    let (code, what) = match error.kind() {
        io::ErrorKind::NotFound => (Code::InputMissing, "is not there any more"),
        _ => (Code::InputUnreadable, "can't be read"),
    };
    Fault::new(code, format!("{} {what}", crate::shown(path)), "check the name and the permissions of the file")
        .with_detail(error)
}

#[cfg(test)]
mod tests;
