//! Key-encryption keys: 32 bytes as 64 hex digits, in a file that only its owner may read or in an environment variable.

use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use omniva_contracts::{Code, Fault, hex};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Entropy;

pub(crate) const KEY: usize = 32;
/// Longest key file: the digits and some white space.
const MAX: u64 = 256;
const NEXT: &str =
    "keep the key where it was, or restore it from a backup: without it the accounts must be connected anew";

/// Overwritten when dropped; shows its id only.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; KEY]>);

impl Key {
    /// # Errors
    /// `vault_locked` when the file is missing, is no small regular file, may be read by others, or holds no key.
    pub fn from_file(path: &Path) -> Result<Self, Fault> {
        let locked = |why: &str, next: &str| {
            Fault::new(Code::VaultLocked, format!("the vault's key {}: {why}", path.display()), next)
        };
        // The descriptor is looked at, not the name, so that nobody changes it in between; neither a link nor a pipe is taken.
        let file = File::options()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path)
            .map_err(|e| locked("can't be read", NEXT).with_detail(e))?;
        let about = file.metadata().map_err(|e| locked("can't be read", NEXT).with_detail(e))?;
        if !about.is_file() || about.len() > MAX {
            return Err(locked("is no small file", NEXT));
        }
        if about.mode() & 0o077 != 0 {
            return Err(locked("may be read by others", "take the rights away: chmod 600"));
        }
        let mut text = Zeroizing::new(String::with_capacity(MAX as usize));
        let read = file.take(MAX).read_to_string(&mut text);
        read.map_err(|e| locked("can't be read", NEXT).with_detail(e))?;
        Self::parse(&text).ok_or_else(|| locked("does not hold 64 hex digits", NEXT))
    }

    /// # Errors
    /// `vault_locked` when the variable is not set or holds no key.
    pub fn from_env(variable: &str) -> Result<Self, Fault> {
        let text = std::env::var(variable).map(Zeroizing::new);
        text.ok().and_then(|text| Self::parse(&text)).ok_or_else(|| {
            Fault::new(Code::VaultLocked, format!("{variable} does not hold the vault's key (64 hex digits)"), NEXT)
        })
    }

    /// Draws a key into a new file of mode 0600; a file of that name is never replaced.
    ///
    /// # Errors
    /// `output_exists`, `output_unwritable`, `no_space`, `internal`.
    pub fn create_file(path: &Path, entropy: &dyn Entropy) -> Result<Self, Fault> {
        let mut bytes = Zeroizing::new([0u8; KEY]);
        entropy.fill(&mut *bytes)?;
        // Long enough from the beginning: a string that grows leaves its old bytes behind.
        let mut text = Zeroizing::new(String::with_capacity(KEY * 2 + 1));
        text.push_str(&Zeroizing::new(hex(&*bytes)));
        text.push('\n');
        let opened = File::options().write(true).create_new(true).mode(0o600).open(path);
        let mut file = opened.map_err(|e| match e.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Fault::new(Code::OutputExists, format!("the key {} exists already", path.display()), "use that key")
            }
            _ => Fault::writing("the vault's key", &e),
        })?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        let written = written.and_then(|()| crate::file::sync_folder(path));
        if let Err(error) = written {
            // Half a key must not be taken for one later on.
            let _ = fs::remove_file(path);
            return Err(Fault::writing("the vault's key", &error));
        }
        Ok(Self(bytes))
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().as_bytes();
        if digits.len() != KEY * 2 {
            return None;
        }
        let mut bytes = Zeroizing::new([0u8; KEY]);
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |c: &u8| (*c as char).to_digit(16);
            let [high, low] = pair else { return None };
            *byte = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
        }
        Some(Self(bytes))
    }

    /// Tells keys apart without giving anything away: 16 hex digits of a hash.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"omniva vault key id");
        hash.update(*self.0);
        hex(&hash.finalize()[..8])
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY] {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn of(byte: u8) -> Self {
        Self(Zeroizing::new([byte; KEY]))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id())
    }
}

/// The key that seals, and older ones that may still open: a rotation that was interrupted leaves a vault of either.
#[derive(Clone, Debug)]
pub struct Keyring {
    pub current: Key,
    pub older: Vec<Key>,
}

impl Keyring {
    pub fn of(current: Key) -> Self {
        Self { current, older: Vec::new() }
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Key> {
        std::iter::once(&self.current).chain(&self.older).find(|key| key.id() == id)
    }
}
