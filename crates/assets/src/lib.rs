//! Files that the engine owns: hashing what comes in, writing what goes out so that a reader only ever sees whole files,
//! the content-addressed cache of finished stages, and the library of artifacts that the engine keeps.
//!
//! Invariants: a name that is visible has its final content, whatever moment the process or the machine dies at; no file
//! name is made from a title except through [`slug`]; nothing is kept that a dead process left behind.

mod cache;
mod entry;
mod hash;
mod library;
mod lock;
mod place;
mod prune;
mod publish;
mod room;
mod slug;
mod space;
mod work;
mod write;

pub use cache::{Cache, Claim, Key};
pub use entry::{Building, Entry};
pub use hash::hash_file;
pub use library::{AssetKey, Copied, FolderShelf, Incoming, Kept, Library, Mark, Receiving, Shelf, Stored};
pub use lock::FileLock;
pub use place::default_cache_dir;
pub use prune::Pruned;
pub use publish::publish;
pub use room::{Following, repair_space};
pub use slug::slug;
pub use space::{disk_of, free_space, require_space};
pub use work::WorkDir;
pub use write::{AtomicFile, sweep_unfinished, write_atomic};

/// The name of a file as it may be shown: no control characters.
pub(crate) fn shown(path: &std::path::Path) -> String {
    path.to_string_lossy().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
