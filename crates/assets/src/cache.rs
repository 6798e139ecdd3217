//! Finished stages by the content that they were made from.
//!
//! ```text
//! entries/<key>/         the stage's files and manifest.json (names, sizes, SHA-256); appears complete, by rename
//! locks/<key>.lock       shared while an entry is in use, exclusive while it is built or removed
//! work/<pid>-<n>[.lock]  folders in progress
//! ```

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use omniva_contracts::{Fault, Monitor, hex};
use sha2::{Digest, Sha256};

use crate::entry::{Building, Entry, Examined, MANIFEST, examine};
use crate::lock::{Lock, Mode};
use crate::prune::{self, Pruned};
use crate::work::{self, WorkDir};
use crate::write::write_io;

/// Between two looks at a lock that another process holds.
const WAIT: Duration = Duration::from_millis(50);
/// Backup programs leave folders alone that hold this file (bford.info/cachedir).
const TAG: (&str, &str) = (
    "CACHEDIR.TAG",
    "Signature: 8a477f597d28d172789f06886806bc55\n# Finished stages of omniva; safe to delete while it does not run.\n",
);

/// What a stage's result follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    stage: String,
    digest: String,
}

impl Key {
    /// `version` is that of the stage's code: raise it when the same inputs give another result. `inputs` are digests
    /// of files and options as canonical JSON, always in the same order.
    pub fn new(stage: &str, version: u32, inputs: &[&str]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"omniva-stage-1\0");
        hash.update(version.to_be_bytes());
        // Lengths keep ("ab", "c") apart from ("a", "bc").
        for part in std::iter::once(&stage).chain(inputs) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self { stage: stage.to_owned(), digest: hex(&hash.finalize()) }
    }
    pub fn stage(&self) -> &str {
        &self.stage
    }
    /// 64 hex digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// What [`Cache::claim`] found.
#[derive(Debug)]
pub enum Claim {
    /// Computed before, and checked.
    Ready(Entry),
    /// To be computed now, by the caller.
    Build(Building),
}

/// A folder that several processes may share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
    limit_bytes: u64,
}

impl Cache {
    /// Makes the folder where needed (for the owner only) and sweeps what dead processes left.
    ///
    /// # Errors
    /// `no_space`, `output_unwritable`.
    pub fn open(folder: &Path, limit_bytes: u64) -> Result<Self, Fault> {
        let cache = Self { root: std::path::absolute(folder).map_err(|error| cache_fault(&error))?, limit_bytes };
        cache.prepare().map_err(|error| cache_fault(&error))?;
        Ok(cache)
    }

    fn prepare(&self) -> io::Result<()> {
        for folder in [self.entries(), self.locks(), self.work()] {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let tag = self.root.join(TAG.0);
        if !tag.exists() {
            write_io(&tag, TAG.1.as_bytes())?;
        }
        work::sweep(&self.work()).map(drop)
    }

    pub fn folder(&self) -> &Path {
        &self.root
    }

    /// A folder for a child job that nothing is kept of.
    ///
    /// # Errors
    /// `no_space`, `output_unwritable`.
    pub fn work_dir(&self) -> Result<WorkDir, Fault> {
        WorkDir::make(&self.work()).map_err(|error| cache_fault(&error))
    }

    /// The finished stage, or the right to compute it. While another process computes the same this waits for it.
    /// Files are hashed before they are given out; a damaged entry is thrown away and [`Building::discarded`] says why.
    ///
    /// # Errors
    /// `cancelled`, `no_space`, `output_unwritable`.
    pub fn claim(&self, key: &Key, monitor: &dyn Monitor) -> Result<Claim, Fault> {
        let quiet = OnlyCancel(monitor);
        loop {
            let mut wait = WAIT;
            if let Some(lock) = self.lock(key, Mode::Shared)? {
                match examine(&self.entry(key), key, &quiet)? {
                    Examined::Good(manifest) => return Ok(Claim::Ready(Entry::open(self.entry(key), manifest, lock))),
                    Examined::Absent => {}
                    // Others may use what was whole when they came; hashing it again at once would find nothing new.
                    Examined::Damaged(_) => wait *= 20,
                }
            }
            if let Some(lock) = self.lock(key, Mode::Exclusive)?
                && let Some(claim) = self.settle(key, lock, &quiet)?
            {
                return Ok(claim);
            }
            pause(wait, monitor)?;
        }
    }

    /// The right to compute a stage anew, whatever is there.
    ///
    /// # Errors
    /// `cancelled`, `no_space`, `output_unwritable`.
    pub fn rebuild(&self, key: &Key, monitor: &dyn Monitor) -> Result<Building, Fault> {
        loop {
            if let Some(lock) = self.lock(key, Mode::Exclusive)? {
                remove_entry(&self.entry(key)).map_err(|error| cache_fault(&error))?;
                return Ok(Building::new(self.work_dir()?, self.entry(key), key, lock, None));
            }
            pause(WAIT, monitor)?;
        }
    }

    /// Removes the least recently used entries until the rest is within the limit; entries in use stay. Waits for
    /// nobody.
    ///
    /// # Errors
    /// `output_unwritable`.
    pub fn prune(&self) -> Result<Pruned, Fault> {
        prune::prune(&self.entries(), &self.locks(), self.limit_bytes).map_err(|error| cache_fault(&error))
    }

    /// Nobody else has the entry now: another process may have finished it since it was looked at. `None`: look again.
    fn settle(&self, key: &Key, lock: Lock, monitor: &dyn Monitor) -> Result<Option<Claim>, Fault> {
        let folder = self.entry(key);
        let discarded = match examine(&folder, key, monitor)? {
            Examined::Good(manifest) => {
                // A lock that can't be converted is lost (flock(2)): then everything is looked at again.
                let shared = lock.set(Mode::Shared).map_err(|error| cache_fault(&error))?;
                return Ok(shared.then(|| Claim::Ready(Entry::open(folder, manifest, lock))));
            }
            Examined::Absent => None,
            Examined::Damaged(why) => {
                remove_entry(&folder).map_err(|error| cache_fault(&error))?;
                Some(format!("the finished stage `{}` in the cache was damaged and is made again: {why}", key.stage()))
            }
        };
        Ok(Some(Claim::Build(Building::new(self.work_dir()?, folder, key, lock, discarded))))
    }

    fn lock(&self, key: &Key, mode: Mode) -> Result<Option<Lock>, Fault> {
        let path = self.locks().join(format!("{}.lock", key.digest()));
        Lock::take(&path, mode).map_err(|error| cache_fault(&error))
    }

    fn entry(&self, key: &Key) -> PathBuf {
        self.entries().join(key.digest())
    }
    fn entries(&self) -> PathBuf {
        self.root.join("entries")
    }
    fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }
    fn work(&self) -> PathBuf {
        self.root.join("work")
    }
}

/// The manifest goes first: what is left when the process dies meanwhile is no entry any more.
pub(crate) fn remove_entry(folder: &Path) -> io::Result<()> {
    let absent_is_fine = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    absent_is_fine(fs::remove_file(folder.join(MANIFEST)))?;
    absent_is_fine(fs::remove_dir_all(folder))
}

fn pause(time: Duration, monitor: &dyn Monitor) -> Result<(), Fault> {
    for _ in 0..time.as_millis().div_ceil(WAIT.as_millis()) {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        std::thread::sleep(WAIT);
    }
    Ok(())
}

pub(crate) fn cache_fault(error: &io::Error) -> Fault {
    let mut fault = Fault::writing("the cache of finished stages", error);
    fault.next_step = "free some space there, or name another folder in OMNIVA_CACHE or with --cache".into();
    fault
}

/// Checking an entry is no part of a stage's progress.
struct OnlyCancel<'a>(&'a dyn Monitor);

impl Monitor for OnlyCancel<'_> {
    fn progress(&self, _fraction: f64) {}
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
