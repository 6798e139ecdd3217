//! What one child may touch and how much of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use omniva_contracts::Fault;
use serde::{Deserialize, Serialize};

use crate::layers::Layer;

/// Everything that is not named here is denied. All paths are absolute; a path that is a link stands for its target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Files, or folders with all that is below, that may be read.
    pub read: Vec<PathBuf>,
    /// The same, and mapped as code: folders of libraries that are loaded late (`dlopen`).
    pub read_execute: Vec<PathBuf>,
    /// Folders in which regular files and folders may be made, changed, renamed and removed (never links, pipes or
    /// devices: the parent reads what the child leaves).
    pub write: Vec<PathBuf>,
    /// Device files that may be opened for reading and writing and take `ioctl` (a graphics card).
    pub devices: Vec<PathBuf>,
    /// Memory of the child's own: RLIMIT_DATA (heap, stacks, private writable maps), and the parent ends a child whose
    /// resident anonymous and shared memory goes above it. Mapped files and libraries don't count.
    pub memory_bytes: u64,
    /// RLIMIT_AS; off by default, because allocators, graphics drivers and libraries reserve far more than they use.
    pub address_space_bytes: Option<u64>,
    /// User and system time of all threads together.
    pub cpu_seconds: u64,
    /// Largest file.
    pub file_bytes: u64,
    pub open_files: u64,
    /// Threads of the child; enforced where the child has a user namespace of its own (always, except for root). New
    /// *processes* are denied altogether.
    pub processes: u64,
    pub wall: Duration,
    /// `FONTCONFIG_FILE` of the child; readable without being listed in `read`.
    pub fontconfig_file: Option<PathBuf>,
    /// Layers without which the child may run, named by the operator.
    pub allow_missing_layers: Vec<Layer>,
}

impl Policy {
    /// No paths; `memory_bytes` of memory, `wall` of time and, for `threads` busy threads, as much CPU time.
    pub fn new(memory_bytes: u64, wall: Duration, threads: usize) -> Self {
        let seconds = wall.as_secs().saturating_add(1);
        Self {
            read: Vec::new(),
            read_execute: Vec::new(),
            write: Vec::new(),
            devices: Vec::new(),
            memory_bytes,
            address_space_bytes: None,
            cpu_seconds: seconds.saturating_mul(threads.max(1) as u64),
            file_bytes: 1 << 40,
            open_files: 256,
            processes: 1024,
            wall,
            fontconfig_file: None,
            allow_missing_layers: Vec::new(),
        }
    }

    /// # Errors
    /// `internal` for a relative path (it would mean another file in the child, which runs elsewhere).
    pub(crate) fn validate(&self) -> Result<(), Fault> {
        let lists = [&self.read, &self.read_execute, &self.write, &self.devices];
        let relative = |path: &&PathBuf| !path.is_absolute();
        let bad = lists.into_iter().flatten().chain(&self.fontconfig_file).find(relative);
        match bad {
            Some(path) => Err(Fault::internal(format!("the sandbox was given the relative path {}", path.display()))),
            None => Ok(()),
        }
    }

    /// Where the child starts: stray relative names then land in a folder that it may write.
    pub(crate) fn working_folder(&self) -> &Path {
        self.write.first().map_or(Path::new("/"), PathBuf::as_path)
    }
}
