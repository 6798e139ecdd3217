//! The vault of a data folder: `vault.json`, opened with the key in `$OMNIVA_VAULT_KEY` or in `vault.key` beside it.

use std::sync::Arc;

use omniva_contracts::Fault;
use omniva_vault::{Key, Keyring, OsEntropy, Secret, Secrets, Vault};

use super::DataFolder;

const VARIABLE: &str = "OMNIVA_VAULT_KEY";

/// Opened anew for each question: accounts that are connected while the engine runs are there at once.
pub struct DataVault(DataFolder);

impl DataVault {
    pub fn of(data: &DataFolder) -> Self {
        Self(data.clone())
    }

    /// `None` when there is no key yet: then there are no secrets either.
    fn open(&self) -> Result<Option<Vault>, Fault> {
        let key = if std::env::var_os(VARIABLE).is_some() {
            Key::from_env(VARIABLE)?
        } else if self.0.vault_key().exists() || self.0.vault().exists() {
            Key::from_file(&self.0.vault_key())?
        } else {
            return Ok(None);
        };
        Vault::open(&self.0.vault(), Keyring::of(key), Arc::new(OsEntropy)).map(Some)
    }

    /// The vault as it is; `None` when there is no key yet.
    ///
    /// # Errors
    /// Those of the key and of the vault.
    pub fn there(&self) -> Result<Option<Vault>, Fault> {
        self.open()
    }

    /// With a key drawn where there is none.
    ///
    /// # Errors
    /// Those of the key and of the vault.
    pub fn made(&self) -> Result<Vault, Fault> {
        if let Some(vault) = self.open()? {
            return Ok(vault);
        }
        let key = Key::create_file(&self.0.vault_key(), &OsEntropy)?;
        Vault::open(&self.0.vault(), Keyring::of(key), Arc::new(OsEntropy))
    }
}

impl Secrets for DataVault {
    fn get(&self, name: &str) -> Result<Option<Secret>, Fault> {
        self.open()?.map_or(Ok(None), |vault| vault.get(name))
    }
    fn put(&self, name: &str, value: &Secret) -> Result<(), Fault> {
        self.made()?.put(name, value)
    }
    fn remove(&self, name: &str) -> Result<bool, Fault> {
        self.open()?.map_or(Ok(false), |vault| vault.remove(name))
    }
}
