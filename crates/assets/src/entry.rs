//! One finished stage in the cache: its files and a manifest that proves them.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use omniva_contracts::{Code, Fault, Monitor};
use serde::{Deserialize, Serialize};

use crate::cache::{Key, cache_fault};
use crate::hash::digest;
use crate::lock::{Lock, Mode};
use crate::work::WorkDir;
use crate::write::{sync_folder, write_atomic};

pub(crate) const MANIFEST: &str = "manifest.json";
const FORMAT: u32 = 1;
/// A manifest is a few lines; more is damage.
const MAX_MANIFEST: u64 = 1 << 20;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub format: u32,
    pub stage: String,
    pub key: String,
    /// In the order of their names.
    pub files: Vec<Listed>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listed {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

impl Manifest {
    pub fn read(folder: &Path) -> io::Result<Self> {
        let path = folder.join(MANIFEST);
        let about = fs::symlink_metadata(&path)?;
        if !about.is_file() || about.len() > MAX_MANIFEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the manifest is no small file"));
        }
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// A finished stage. While this lives nobody removes the files; they must not be changed.
#[derive(Debug)]
pub struct Entry {
    folder: PathBuf,
    manifest: Manifest,
    _lock: Lock,
}

impl Entry {
    /// Absolute path of the folder with the stage's files.
    pub fn path(&self) -> &Path {
        &self.folder
    }
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
    /// Size of all files together.
    pub fn bytes(&self) -> u64 {
        self.manifest.bytes()
    }

    /// Marks the entry as just used.
    pub(crate) fn open(folder: PathBuf, manifest: Manifest, lock: Lock) -> Self {
        if let Ok(file) = File::open(folder.join(MANIFEST)) {
            // SAFETY: a valid descriptor; null asks for the current time. Should it fail, the entry only seems older.
            unsafe { libc::futimens(file.as_raw_fd(), std::ptr::null()) };
        }
        Self { folder, manifest, _lock: lock }
    }
}

/// Whether the files in `folder` are what the manifest says; otherwise why not.
pub(crate) enum Examined {
    Good(Manifest),
    Absent,
    Damaged(String),
}

pub(crate) fn examine(folder: &Path, key: &Key, monitor: &dyn Monitor) -> Result<Examined, Fault> {
    if !folder.exists() {
        return Ok(Examined::Absent);
    }
    let manifest = match Manifest::read(folder) {
        Ok(manifest) => manifest,
        Err(error) => return Ok(Examined::Damaged(format!("its manifest can't be read: {error}"))),
    };
    if (manifest.format, manifest.key.as_str()) != (FORMAT, key.digest()) {
        return Ok(Examined::Damaged("its manifest belongs to something else".into()));
    }
    for listed in &manifest.files {
        let name = &listed.name;
        match measure(folder, name, monitor) {
            Ok(None) => return Err(Fault::cancelled()),
            Ok(Some(found)) if found == *listed => {}
            Ok(Some(_)) => return Ok(Examined::Damaged(format!("{name} was changed"))),
            Err(error) => return Ok(Examined::Damaged(format!("{name} can't be read: {error}"))),
        }
    }
    Ok(Examined::Good(manifest))
}

/// Length and digest of a regular file that is in the folder itself; `None` when it was cancelled.
fn measure(folder: &Path, name: &str, monitor: &dyn Monitor) -> io::Result<Option<Listed>> {
    let mut file = open_own(folder, name)?;
    let hashed = digest(&mut file, 0, monitor)?;
    Ok(hashed.map(|(sha256, bytes)| Listed { name: name.to_owned(), bytes, sha256 }))
}

fn open_own(folder: &Path, name: &str) -> io::Result<File> {
    let plain = Path::new(name).file_name().is_some_and(|found| found == name);
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file =
        if plain { File::options().read(true).custom_flags(flags).open(folder.join(name))? } else { not_plain()? };
    if file.metadata()?.is_file() { Ok(file) } else { not_plain() }
}

fn not_plain<T>() -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file of the entry"))
}

/// A stage that is being computed: the caller writes its files into [`Building::path`] and calls
/// [`Building::finish`]. Dropped without that it leaves nothing. No other process computes the same meanwhile.
#[derive(Debug)]
pub struct Building {
    work: WorkDir,
    folder: PathBuf,
    key: Key,
    lock: Lock,
    /// Why an older entry was thrown away, for the user to see.
    pub discarded: Option<String>,
}

impl Building {
    pub(crate) fn new(work: WorkDir, folder: PathBuf, key: &Key, lock: Lock, discarded: Option<String>) -> Self {
        Self { work, folder, key: key.clone(), lock, discarded }
    }

    /// Absolute path of the folder to write to.
    pub fn path(&self) -> &Path {
        self.work.path()
    }

    /// Measures and flushes the files, then makes the entry visible in one step.
    ///
    /// # Errors
    /// `no_space`, `output_unwritable`, `cancelled`; `internal` when something lies there that is no regular file.
    pub fn finish(self, monitor: &dyn Monitor) -> Result<Entry, Fault> {
        let files = self.list(monitor)?;
        let manifest =
            Manifest { format: FORMAT, stage: self.key.stage().into(), key: self.key.digest().into(), files };
        let text = serde_json::to_vec(&manifest).map_err(|e| Fault::internal("a manifest failed").with_detail(e))?;
        write_atomic(&self.path().join(MANIFEST), &text)?;
        self.show().map_err(|error| cache_fault(&error))?;
        // Downgrading can let another process in for a moment, which then finds the entry and wants to share it too.
        while !self.lock.set(Mode::Shared).map_err(|error| cache_fault(&error))? {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        if !self.folder.join(MANIFEST).exists() {
            return Err(Fault::internal("a finished stage vanished from the cache"));
        }
        Ok(Entry::open(self.folder, manifest, self.lock))
    }

    fn list(&self, monitor: &dyn Monitor) -> Result<Vec<Listed>, Fault> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path()).map_err(|error| cache_fault(&error))? {
            let name = entry.map_err(|error| cache_fault(&error))?.file_name();
            names.push(name.into_string().map_err(|name| odd(&name.to_string_lossy()))?);
        }
        names.sort_unstable();
        let mut files = Vec::new();
        for name in names.iter().filter(|name| *name != MANIFEST) {
            let file = open_own(self.path(), name).map_err(|error| odd(name).with_detail(error))?;
            file.sync_all().map_err(|error| cache_fault(&error))?;
            let listed = measure(self.path(), name, monitor).map_err(|error| cache_fault(&error))?;
            files.push(listed.ok_or_else(Fault::cancelled)?);
        }
        Ok(files)
    }

    fn show(&self) -> io::Result<()> {
        sync_folder(self.path())?;
        fs::rename(self.path(), &self.folder)?;
        self.folder.parent().map_or(Ok(()), sync_folder)
    }
}

fn odd(name: &str) -> Fault {
    let message = "a stage left something that is not a regular file";
    Fault::new(Code::Internal, message, "please report it with the run's log").with_detail(name.escape_debug())
}
