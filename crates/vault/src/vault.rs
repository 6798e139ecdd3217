//! The store of secrets: read from the file at each call, so that the command line and a running engine share one truth.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use omniva_contracts::{Code, Fault};

use crate::envelope::Envelope;
use crate::file::{Content, lock};
use crate::{Entropy, Key, Keyring, Secret};

/// Secrets in one vault.
const MAX_SECRETS: usize = 20_000;
/// Bytes of one secret: a token, a cookie jar.
const MAX_VALUE: usize = 256 << 10;
const MAX_NAME: usize = 200;

/// What adapters need of a vault.
pub trait Secrets: Send + Sync {
    /// # Errors
    /// `vault_locked`, `vault_corrupt`.
    fn get(&self, name: &str) -> Result<Option<Secret>, Fault>;
    /// Kept for good when this returns.
    ///
    /// # Errors
    /// `usage` for an empty or oversized value or a bad name, `vault_locked`, `vault_corrupt`, `output_unwritable`,
    /// `no_space`; the older value is then unchanged.
    fn put(&self, name: &str, value: &Secret) -> Result<(), Fault>;
    /// Whether there was one.
    ///
    /// # Errors
    /// As for [`Secrets::put`].
    fn remove(&self, name: &str) -> Result<bool, Fault>;
}

/// What may be said about a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    /// Counts the values that the name has had, from 1.
    pub version: u64,
}

pub struct Vault {
    path: PathBuf,
    keys: Keyring,
    entropy: Arc<dyn Entropy>,
}

impl Vault {
    /// Makes sure that the keys open what is there; a vault that is not there yet is made by the first secret.
    ///
    /// # Errors
    /// `vault_locked` when it was sealed with another key, `vault_corrupt`.
    pub fn open(path: &Path, keys: Keyring, entropy: Arc<dyn Entropy>) -> Result<Self, Fault> {
        let vault = Self { path: path.to_owned(), keys, entropy };
        if let Some(content) = Content::read(path)? {
            vault.key_of(&content)?;
        }
        Ok(vault)
    }

    /// Names and versions, sorted by name.
    ///
    /// # Errors
    /// `vault_corrupt`.
    pub fn list(&self) -> Result<Vec<Entry>, Fault> {
        let content = Content::read(&self.path)?;
        let secrets = content.map(|content| content.secrets).unwrap_or_default();
        Ok(secrets.into_iter().map(|(name, envelope)| Entry { name, version: envelope.version }).collect())
    }

    /// Seals all data keys with the current key; gives their number. A crash leaves the vault under the old key or under
    /// the new one, whole: keep both in the ring until this has returned.
    ///
    /// # Errors
    /// `vault_locked`, `vault_corrupt` (then nothing was changed), `output_unwritable`, `no_space`.
    pub fn rotate(&self) -> Result<usize, Fault> {
        let _lock = lock(&self.path)?;
        let Some(mut content) = Content::read(&self.path)? else { return Ok(0) };
        let (from, to) = (self.key_of(&content)?.clone(), &self.keys.current);
        for (name, envelope) in &mut content.secrets {
            *envelope = envelope.rewrap(name, &from, to, &*self.entropy)?;
        }
        content.key_id = to.id();
        content.write(&self.path)?;
        Ok(content.secrets.len())
    }

    fn key_of(&self, content: &Content) -> Result<&Key, Fault> {
        self.keys.find(&content.key_id).ok_or_else(|| {
            Fault::new(
                Code::VaultLocked,
                format!("the vault {} was sealed with another key ({})", self.path.display(), content.key_id),
                "give the key that it was made with, or the older one besides the new one",
            )
        })
    }
}

impl Secrets for Vault {
    fn get(&self, name: &str) -> Result<Option<Secret>, Fault> {
        let Some(content) = Content::read(&self.path)? else { return Ok(None) };
        let Some(envelope) = content.secrets.get(name) else { return Ok(None) };
        envelope.open(name, self.key_of(&content)?).map(Some)
    }

    fn put(&self, name: &str, value: &Secret) -> Result<(), Fault> {
        check(name, value)?;
        let _lock = lock(&self.path)?;
        let mut content = Content::read(&self.path)?.unwrap_or_else(|| Content::empty(self.keys.current.id()));
        let key = self.key_of(&content)?;
        let old = content.secrets.get(name);
        if old.is_none() && content.secrets.len() >= MAX_SECRETS {
            return Err(refused("the vault holds too many secrets", "remove secrets that nobody needs"));
        }
        let version = old.map_or(1, |old| old.version.saturating_add(1));
        let envelope = Envelope::seal(name, version, value.expose(), key, &*self.entropy)?;
        content.secrets.insert(name.to_owned(), envelope);
        content.write(&self.path)
    }

    fn remove(&self, name: &str) -> Result<bool, Fault> {
        let _lock = lock(&self.path)?;
        let Some(mut content) = Content::read(&self.path)? else { return Ok(false) };
        self.key_of(&content)?;
        if content.secrets.remove(name).is_none() {
            return Ok(false);
        }
        content.write(&self.path).map(|()| true)
    }
}

fn check(name: &str, value: &Secret) -> Result<(), Fault> {
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(refused("a secret's name has 1 to 200 visible ASCII characters", "choose another name"));
    }
    if value.expose().iter().all(u8::is_ascii_whitespace) {
        return Err(refused(
            &format!("the secret {name} was not replaced by an empty one"),
            "give the value, or remove the secret",
        ));
    }
    if value.expose().len() > MAX_VALUE {
        return Err(refused(&format!("the secret {name} is larger than {MAX_VALUE} bytes"), "give a smaller value"));
    }
    Ok(())
}

fn refused(message: &str, next_step: &str) -> Fault {
    Fault::new(Code::Usage, message, next_step)
}
