//! Files that come in piece by piece and outlive the process that receives them: the pieces so far, and a note beside them of
//! whose they are.
//!
//! What the kernel has, it keeps when a process dies; a machine that loses its power keeps only what was made to last. So all
//! bytes count as long as the machine has not started anew, and after that those that a clean end has made to last.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use omniva_contracts::engine::Moment;
use omniva_contracts::{Fault, Monitor};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::receive::Receiving;
use super::shelf::library_fault;
use super::{BLOCK, Library};
use crate::lock::{Lock, Mode};
use crate::write::write_atomic;

/// Changes with each start of the machine.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";
const FORMAT: u32 = 1;
/// A note is some hundred bytes.
const MAX_NOTE: u64 = 64 << 10;
const PART: &str = "part";
const NOTE: &str = "json";

/// What the sender said about a file, without which the rest of it can't be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// ETag or date of change.
    pub validator: String,
    pub total: Option<u64>,
    pub media_type: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    format: u32,
    boot: String,
    /// Bytes that were made to last.
    lasting: u64,
    mark: Mark,
}

/// The note of a file that is being received.
#[derive(Debug)]
pub(super) struct Noted {
    path: PathBuf,
    mark: Mark,
    /// Whether the pieces stay when the file is dropped.
    pub keep: bool,
    pub bytes: u64,
}

impl Noted {
    /// Errors are nobody's here: a note that can't be written means that the file begins anew.
    pub fn leave(&self, file: &File) -> bool {
        let kept = self.keep && self.bytes > 0;
        let lasting = if kept && file.sync_data().is_ok() { self.bytes } else { 0 };
        kept && self.write(lasting).is_ok()
    }

    fn write(&self, lasting: u64) -> Result<(), Fault> {
        let note = Note { format: FORMAT, boot: boot(), lasting, mark: self.mark.clone() };
        let text = serde_json::to_vec(&note).map_err(|e| Fault::internal("a note can't be written").with_detail(e))?;
        write_atomic(&self.path, &text)
    }

    pub fn remove(&self) {
        // A note without its pieces is swept.
        let _ = fs::remove_file(&self.path);
    }
}

/// Where the pieces and the note of `name` lie. A name is hex digits of ours.
pub(super) fn paths(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    (folder.join(name).with_extension(PART), folder.join(name).with_extension(NOTE))
}

fn boot() -> String {
    fs::read_to_string(BOOT).unwrap_or_default().trim().to_owned()
}

fn read_note(path: &Path) -> Option<Note> {
    let about = fs::symlink_metadata(path).ok().filter(|about| about.is_file() && about.len() <= MAX_NOTE)?;
    let mut text = Vec::with_capacity(about.len() as usize);
    File::open(path).ok()?.take(MAX_NOTE).read_to_end(&mut text).ok()?;
    serde_json::from_slice::<Note>(&text).ok().filter(|note| note.format == FORMAT)
}

/// How many of the pieces count: those that are certain, and one byte less than all, so that there is something to ask for.
fn certain(note: &Note, length: u64, boot: &str) -> u64 {
    let lasting = if note.boot == boot && !boot.is_empty() { length } else { note.lasting.min(length) };
    note.mark.total.map_or(lasting, |total| lasting.min(total.saturating_sub(1)))
}

fn hash_first(file: &mut File, mut bytes: u64, monitor: &dyn Monitor) -> Result<Sha256, Fault> {
    let failed = |error: io::Error| library_fault(&error);
    file.set_len(bytes).and_then(|()| file.seek(SeekFrom::Start(0))).map_err(failed)?;
    let (mut hash, mut block) = (Sha256::new(), vec![0u8; BLOCK]);
    while bytes > 0 {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        let count = (BLOCK as u64).min(bytes) as usize;
        let part = block.get_mut(..count).unwrap_or_default();
        file.read_exact(part).map_err(failed)?;
        hash.update(&*part);
        bytes -= count as u64;
    }
    Ok(hash)
}

impl Library {
    /// Goes on with the file that was begun under `name` (hex digits), by this process or one that died: with what its sender
    /// said then. `None` when there is none, none of it counts, or somebody else is at it.
    ///
    /// # Errors
    /// `no_space` for the rest of it, `output_unwritable`, `cancelled`.
    pub fn resume(&self, name: &str, monitor: &dyn Monitor) -> Result<Option<(Receiving, Mark)>, Fault> {
        let Some((mut incoming, note_path)) = self.shelf.partial(name)? else { return Ok(None) };
        let Some(note) = read_note(&note_path) else { return Ok(None) };
        let mut file = incoming.writer().file().try_clone().map_err(|e| library_fault(&e))?;
        let length = file.metadata().map_err(|e| library_fault(&e))?.len();
        let bytes = certain(&note, length, &boot());
        let mark = note.mark;
        if bytes == 0 {
            fs::remove_file(&note_path).map_err(|e| library_fault(&e))?;
            return Ok(None);
        }
        incoming.note(Noted { path: note_path, mark: mark.clone(), keep: true, bytes });
        let hash = hash_first(&mut file, bytes, monitor)?;
        if let Some(total) = mark.total {
            self.require_space(total.saturating_sub(bytes))?;
        }
        Ok(Some((Receiving::going_on(self, incoming, hash, bytes), mark)))
    }

    /// Begins a file whose pieces stay when the work on it ends before it does; [`Library::resume`] goes on with it. Where
    /// somebody else receives the same, as [`Library::receive`].
    ///
    /// # Errors
    /// `no_space`, `output_unwritable`.
    pub fn receive_marked(&self, name: &str, mark: &Mark) -> Result<Receiving, Fault> {
        let Some((mut incoming, path)) = self.shelf.partial(name)? else { return self.receive(mark.total) };
        let noted = Noted { path, mark: mark.clone(), keep: true, bytes: 0 };
        noted.write(0)?;
        incoming.writer().file().set_len(0).map_err(|e| library_fault(&e))?;
        incoming.note(noted);
        self.begin(incoming, mark.total)
    }

    /// Removes pieces that nobody has added to since `before`; gives the number of files.
    ///
    /// # Errors
    /// `output_unwritable`.
    pub fn sweep_partials(&self, before: Moment) -> Result<usize, Fault> {
        self.shelf.sweep_partials(before)
    }
}

/// See [`Library::sweep_partials`]; `age` tells when a file was written to last.
pub(super) fn sweep(folder: &Path, before: Moment, age: &dyn Fn(&fs::Metadata) -> Moment) -> io::Result<usize> {
    let mut swept = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Ok(about) = fs::symlink_metadata(&path) else { continue };
        if age(&about) >= before {
            continue;
        }
        if path.extension().is_some_and(|extension| extension == PART) {
            let Some(lock) = Lock::take(&path, Mode::Exclusive)? else { continue };
            let _ = fs::remove_file(path.with_extension(NOTE));
            lock.remove(&path)?;
            swept += 1;
        } else if !path.with_extension(PART).exists() {
            fs::remove_file(&path)?;
            swept += 1;
        }
    }
    Ok(swept)
}

#[cfg(test)]
mod tests {
    use omniva_contracts::{Silent, hex};

    use super::*;

    const NAME: &str = "ab12";

    fn mark(total: u64) -> Mark {
        Mark { validator: "\"one\"".into(), total: Some(total), media_type: Some("video/mp4".into()) }
    }

    fn library(folder: &Path) -> Library {
        Library::open(folder, 0).unwrap()
    }

    fn partials(folder: &Path) -> usize {
        fs::read_dir(folder.join("partial")).unwrap().count()
    }

    #[test]
    fn pieces_outlive_their_process_and_become_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = library(folder.path()).receive_marked(NAME, &mark(6)).unwrap();
        file.write(b"abc").unwrap();
        // As a process that is killed leaves it: nothing is dropped, the lock is gone.
        std::mem::forget(file);
        let (part, _) = paths(&folder.path().join("partial"), NAME);
        let copy = fs::read(&part).unwrap();
        fs::remove_file(&part).unwrap();
        fs::write(&part, copy).unwrap();

        let again = library(folder.path());
        let (mut file, told) = again.resume(NAME, &Silent).unwrap().unwrap();
        assert_eq!((file.bytes(), told), (3, mark(6)));
        assert!(again.resume(NAME, &Silent).unwrap().is_none(), "somebody is at it");
        file.write(b"def").unwrap();
        let copied = file.finish();
        assert_eq!((copied.sha256.clone(), copied.bytes), (hex(&Sha256::digest(b"abcdef")), 6));
        let kept = again.keep(copied, omniva_contracts::engine::ArtifactKind::Raw, None, "").unwrap();
        assert_eq!(again.read(kept.key.as_str(), 6).unwrap(), b"abcdef");
        assert_eq!(partials(folder.path()), 0);
    }

    #[test]
    fn what_is_dropped_stays_and_what_is_discarded_or_finished_goes() {
        let folder = tempfile::tempdir().unwrap();
        let library = library(folder.path());
        let begun = || {
            let mut file = library.receive_marked(NAME, &mark(6)).unwrap();
            file.write(b"abc").unwrap();
            file
        };
        drop(begun());
        assert_eq!(library.resume(NAME, &Silent).unwrap().unwrap().0.bytes(), 3);
        begun().discard();
        assert_eq!(partials(folder.path()), 0);
        drop(library.receive_marked(NAME, &mark(6)).unwrap());
        assert_eq!(partials(folder.path()), 0, "no piece yet");
        drop(begun().finish());
        assert_eq!(partials(folder.path()), 0, "a copy that nobody wanted");
        // Whole, but not yet taken: one byte is asked for again.
        let mut file = begun();
        file.write(b"def").unwrap();
        drop(file);
        assert_eq!(library.resume(NAME, &Silent).unwrap().unwrap().0.bytes(), 5);
        let (_, note) = paths(&folder.path().join("partial"), NAME);
        fs::write(note, "{}").unwrap();
        assert!(library.resume(NAME, &Silent).unwrap().is_none(), "whose it is, nobody knows");
        assert!(!folder.path().join("partial").join(NAME).with_extension(PART).exists());
    }

    #[test]
    fn after_a_start_of_the_machine_only_what_was_made_to_last_counts() {
        let note = |boot: &str, lasting| Note { format: 1, boot: boot.into(), lasting, mark: mark(100) };
        assert_eq!(certain(&note("a", 0), 70, "a"), 70);
        assert_eq!(certain(&note("a", 0), 70, "b"), 0);
        assert_eq!(certain(&note("a", 40), 70, "b"), 40);
        assert_eq!(certain(&note("a", 90), 70, "b"), 70);
        assert_eq!(certain(&note("", 40), 70, ""), 40, "the system does not tell");
        assert_eq!(certain(&note("a", 0), 100, "a"), 99);
    }

    #[test]
    fn old_pieces_are_swept_and_those_in_work_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let library = library(folder.path());
        for name in ["aa", "bb"] {
            let mut file = library.receive_marked(name, &mark(6)).unwrap();
            file.write(b"abc").unwrap();
        }
        fs::write(folder.path().join("partial/cc.json"), "{}").unwrap();
        assert_eq!(library.sweep_partials(Moment(0)).unwrap(), 0);
        let (working, _) = library.resume("bb", &Silent).unwrap().unwrap();
        assert_eq!(library.sweep_partials(Moment(i64::MAX)).unwrap(), 2);
        drop(working);
        assert!(library.resume("aa", &Silent).unwrap().is_none());
        assert!(library.resume("bb", &Silent).unwrap().is_some());
    }
}
