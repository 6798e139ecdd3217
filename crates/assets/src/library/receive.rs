//! A file that comes in piece by piece, from a network.

use std::io::Write;

use omniva_contracts::{Fault, hex};
use sha2::{Digest, Sha256};

use super::shelf::{Incoming, library_fault};
use super::{Copied, Library};

/// Bytes between two looks at how much room is left.
const LOOK: u64 = 64 << 20;

/// Gone when it is dropped unfinished, unless it was begun with [`Library::receive_marked`].
pub struct Receiving {
    library: Library,
    incoming: Incoming,
    hash: Sha256,
    bytes: u64,
    /// Where room is asked for again.
    next_look: u64,
}

impl Library {
    /// Begins a file of `expected` bytes, as far as that is known.
    ///
    /// # Errors
    /// `no_space`, `output_unwritable`.
    pub fn receive(&self, expected: Option<u64>) -> Result<Receiving, Fault> {
        self.begin(self.shelf.incoming()?, expected)
    }

    pub(super) fn begin(&self, incoming: Incoming, expected: Option<u64>) -> Result<Receiving, Fault> {
        self.require_space(expected.unwrap_or(LOOK))?;
        let next_look = expected.unwrap_or(LOOK).max(LOOK);
        Ok(Receiving { library: self.clone(), incoming, hash: Sha256::new(), bytes: 0, next_look })
    }
}

impl Receiving {
    pub(super) fn going_on(library: &Library, incoming: Incoming, hash: Sha256, bytes: u64) -> Self {
        Self { library: library.clone(), incoming, hash, bytes, next_look: bytes.saturating_add(LOOK) }
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// # Errors
    /// `no_space`, `output_unwritable`.
    pub fn write(&mut self, block: &[u8]) -> Result<(), Fault> {
        if self.bytes >= self.next_look {
            self.library.require_space(LOOK)?;
            self.next_look = self.bytes.saturating_add(LOOK);
        }
        self.incoming.writer().write_all(block).map_err(|e| library_fault(&e))?;
        self.hash.update(block);
        self.bytes += block.len() as u64;
        if let Some(noted) = self.incoming.noted() {
            noted.bytes = self.bytes;
        }
        Ok(())
    }

    /// Nothing of it is wanted any more.
    pub fn discard(mut self) {
        if let Some(noted) = self.incoming.noted() {
            noted.keep = false;
        }
    }

    /// The finished copy, not yet under a key.
    pub fn finish(mut self) -> Copied {
        // From here on it goes under its key or nowhere; a process that dies meanwhile still finds the pieces.
        if let Some(noted) = self.incoming.noted() {
            noted.keep = false;
        }
        Copied { incoming: self.incoming, sha256: hex(&self.hash.finalize()), bytes: self.bytes }
    }
}

#[cfg(test)]
mod tests {
    use omniva_contracts::engine::ArtifactKind;
    use omniva_contracts::{Code, Silent};

    use super::*;

    #[test]
    fn pieces_become_one_file_with_the_hash_of_all() {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::open(folder.path(), 0).unwrap();
        let mut file = library.receive(None).unwrap();
        for piece in [b"ab".as_slice(), b"", b"c"] {
            file.write(piece).unwrap();
        }
        assert_eq!(file.bytes(), 3);
        let copied = file.finish();
        assert_eq!(copied.sha256, hex(&Sha256::digest(b"abc")));
        let kept = library.keep(copied, ArtifactKind::Raw, None, "").unwrap();
        let path = library.verified(kept.key.as_str(), &Silent).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"abc");
    }

    #[test]
    fn room_is_asked_for_before_the_first_byte_and_what_is_dropped_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::open(folder.path(), 0).unwrap();
        assert_eq!(library.receive(Some(u64::MAX)).err().unwrap().code, Code::NoSpace);
        let mut file = library.receive(Some(3)).unwrap();
        file.write(b"abc").unwrap();
        drop(file);
        assert_eq!(std::fs::read_dir(folder.path().join("incoming")).unwrap().count(), 0);
    }
}
