//! A folder into which somebody puts videos.
//!
//! A file is taken when its size and its time of change stood still between two looks and nobody has it open for writing
//! (as far as the file system tells). Links, folders, hidden names and the names of unfinished downloads are left alone;
//! folders below are not entered.

mod complete;
mod glance;
mod url;

pub use glance::{Glance, glance};

use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use omniva_assets::Library;
use omniva_contracts::engine::{FoundItem, Moment, PostDetails};
use omniva_contracts::{Code, Fault, Monitor, hex};
use sha2::{Digest, Sha256};

use crate::shown;
use crate::source::{Fetched, Looked, Source, Window};

/// Entries of a folder that are looked at, at most.
const MAX_ENTRIES: usize = 20_000;
/// Between two questions whether to go on.
const TICK: Duration = Duration::from_millis(50);
/// Ends of names that browsers and downloaders give to what is not complete.
const UNFINISHED: [&str; 12] = [
    ".part",
    ".partial",
    ".tmp",
    ".temp",
    ".crdownload",
    ".download",
    ".filepart",
    ".opdownload",
    ".aria2",
    ".ytdl",
    ".!qb",
    "~",
];

pub struct InboxSource {
    /// Real path: no part of it is a link.
    folder: PathBuf,
    settle: Duration,
}

/// One file of the folder as a look saw it.
struct Seen {
    name: OsString,
    bytes: u64,
    mtime: (i64, i64),
}

impl InboxSource {
    /// # Errors
    /// `source_unavailable` when there is no such folder, it can't be read, or its path is not absolute.
    pub fn open(folder: &str, settle: Duration) -> Result<Self, Fault> {
        let path = Path::new(folder);
        if !path.is_absolute() {
            return Err(unavailable(folder, "its path is not absolute"));
        }
        let real = path.canonicalize().map_err(|e| unavailable(folder, "it is not there").with_detail(e))?;
        if !real.is_dir() {
            return Err(unavailable(folder, "it is no folder"));
        }
        Ok(Self { folder: real, settle })
    }

    fn fault(&self, error: &io::Error) -> Fault {
        unavailable(&shown(self.folder.as_os_str()), "it can't be read").with_detail(error)
    }

    /// The file behind an item, if it is one of this folder and still the same. `Ok(None)`: gone or changed.
    fn seen(&self, item: &FoundItem) -> Result<Option<(PathBuf, Seen)>, Fault> {
        let name = url::file_name_in(&item.url, &self.folder).ok_or_else(|| {
            Fault::internal(format!("{:?} does not lie in the creator's inbox {}", item.url, self.folder.display()))
        })?;
        let path = self.folder.join(&name);
        match fs::symlink_metadata(&path) {
            Ok(about) if about.is_file() => {
                let seen = Seen::new(name, &about);
                Ok((seen.id() == item.platform_post_id).then_some((path, seen)))
            }
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // The whole folder may have gone (a disk that is not mounted): that is another matter.
                fs::read_dir(&self.folder).map_err(|e| self.fault(&e))?;
                Ok(None)
            }
            Err(error) => Err(self.fault(&error)),
        }
    }

    /// True when the file lies outside the window's time.
    fn entry(&self, name: OsString, window: &Window, looked: &mut Looked) -> Result<bool, Fault> {
        let text = shown(&name);
        if let Some(why) = refused_name(&name) {
            if !why.is_empty() {
                looked.skip(text, why);
            }
            return Ok(false);
        }
        let about = match fs::symlink_metadata(self.folder.join(&name)) {
            Ok(about) => about,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(self.fault(&error)),
        };
        if about.is_symlink() {
            looked.skip(text, "is a link: links are not followed");
            return Ok(false);
        }
        Ok(about.is_file() && self.judge(Seen::new(name, &about), text, window, looked))
    }

    fn judge(&self, seen: Seen, text: String, window: &Window, looked: &mut Looked) -> bool {
        let at = seen.moment();
        if window.since.is_some_and(|since| at < since) || window.until.is_some_and(|until| at > until) {
            return true;
        }
        if seen.bytes == 0 {
            looked.skip(text, "is empty");
        } else if seen.bytes > window.max_bytes {
            looked.skip(text, format!("has {} bytes, more than the {} that are allowed", seen.bytes, window.max_bytes));
        } else {
            looked.items.push(seen.item(&self.folder));
        }
        false
    }
}

impl Source for InboxSource {
    fn look(&self, window: &Window, monitor: &dyn Monitor) -> Result<Looked, Fault> {
        let mut names = Vec::new();
        let mut looked = Looked::default();
        for entry in fs::read_dir(&self.folder).map_err(|e| self.fault(&e))? {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            if names.len() == MAX_ENTRIES {
                looked.skip(
                    "…",
                    format!("the folder has more than {MAX_ENTRIES} entries: move away what has been taken"),
                );
                break;
            }
            names.push(entry.map_err(|e| self.fault(&e))?.file_name());
        }
        names.sort_unstable();
        let mut outside = 0;
        for name in names {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            outside += usize::from(self.entry(name, window, &mut looked)?);
        }
        // One line for all of them: an inbox that is never emptied says the same at every look.
        if outside > 0 {
            looked.skip("…", format!("{outside} files are older or newer than the window"));
        }
        looked.items.sort_by(|a, b| (a.posted_at, &a.url).cmp(&(b.posted_at, &b.url)));
        Ok(looked)
    }

    fn confirm(&self, items: Vec<FoundItem>, monitor: &dyn Monitor) -> Result<Looked, Fault> {
        let mut looked = Looked::default();
        if items.is_empty() {
            return Ok(looked);
        }
        let started = Instant::now();
        while started.elapsed() < self.settle {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            std::thread::sleep(TICK.min(self.settle.saturating_sub(started.elapsed())));
        }
        for item in items {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            match self.seen(&item)? {
                None => looked.skip(item.title, "still changes"),
                Some((path, seen)) => match complete::open_for_writing(&path) {
                    Ok(true) => looked.skip(shown(&seen.name), "is still open for writing"),
                    Ok(false) => looked.items.push(item),
                    Err(error) => looked.skip(shown(&seen.name), format!("can't be read: {error}")),
                },
            }
        }
        Ok(looked)
    }

    fn sample(&self, item: &FoundItem) -> Option<PathBuf> {
        url::file_name_in(&item.url, &self.folder).map(|name| self.folder.join(name))
    }

    fn fetch(&self, item: &FoundItem, library: &Library, monitor: &dyn Monitor) -> Result<Fetched, Fault> {
        let gone = || Fetched::Gone(format!("{} is gone or was changed since it was found", item.title));
        let Some((path, _)) = self.seen(item)? else { return Ok(gone()) };
        let copied = match library.copy_in(&path, monitor) {
            Ok(copied) => copied,
            Err(fault) if fault.code == Code::InputMissing => return Ok(gone()),
            Err(fault) => return Err(fault),
        };
        // What changed while it was read is no copy of anything.
        let same = self.seen(item)?.is_some_and(|(_, seen)| seen.bytes == copied.bytes);
        Ok(if same { Fetched::Copy(Box::new(copied), Box::default()) } else { gone() })
    }
}

impl Seen {
    fn new(name: OsString, about: &Metadata) -> Self {
        Self { name, bytes: about.len(), mtime: (about.mtime(), about.mtime_nsec()) }
    }

    /// SHA-256 over name, size and time of change.
    fn id(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"omniva-inbox-1\0");
        hash.update((self.name.len() as u64).to_be_bytes());
        hash.update(self.name.as_bytes());
        hash.update(self.bytes.to_be_bytes());
        hash.update(self.mtime.0.to_be_bytes());
        hash.update(self.mtime.1.to_be_bytes());
        hex(&hash.finalize())
    }

    fn moment(&self) -> Moment {
        Moment(self.mtime.0.saturating_mul(1_000_000).saturating_add(self.mtime.1 / 1000).max(0))
    }

    fn item(&self, folder: &Path) -> FoundItem {
        FoundItem {
            platform_post_id: self.id(),
            url: url::of(&folder.join(&self.name)),
            title: shown(Path::new(&self.name).file_stem().unwrap_or(&self.name)),
            bytes: Some(self.bytes),
            posted_at: Some(self.moment()),
            details: PostDetails::default(),
        }
    }
}

/// Why a name is not looked at; an empty reason is not worth telling.
fn refused_name(name: &OsStr) -> Option<&'static str> {
    let lower = name.to_string_lossy().to_lowercase();
    if lower.starts_with('.') {
        return Some("");
    }
    if lower.starts_with("~$") || UNFINISHED.iter().any(|end| lower.ends_with(end)) {
        return Some("has the name of an unfinished download");
    }
    None
}

fn unavailable(folder: &str, why: &str) -> Fault {
    Fault::new(
        Code::SourceUnavailable,
        format!("the inbox {folder} can't be used: {why}"),
        "check the folder's name and permissions, and that its disk is there",
    )
}

#[cfg(test)]
mod tests;
