//! The data folder: one place for the database, the key, the media and the notice of the running engine.

use std::path::{Path, PathBuf};

use omniva_contracts::{Code, Fault};

use crate::cli::DataArgs;

#[derive(Clone, Debug)]
pub struct DataFolder(PathBuf);

impl DataFolder {
    /// `--data`, `$OMNIVA_DATA`, `$XDG_DATA_HOME/omniva/data`, `~/.local/share/omniva/data`: the first that is given.
    pub fn find(args: &DataArgs) -> Result<Self, Fault> {
        let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let folder = args
            .data
            .clone()
            .or_else(|| var("OMNIVA_DATA"))
            .or_else(|| var("XDG_DATA_HOME").map(|d| d.join("omniva/data")))
            .or_else(|| var("HOME").map(|d| d.join(".local/share/omniva/data")))
            .ok_or_else(|| Fault::new(Code::Usage, "there is no data folder", "set HOME or pass --data DIR"))?;
        // Whatever is done later in other folders, the data stays where it was named.
        let folder = std::path::absolute(&folder)
            .map_err(|e| Fault::new(Code::Usage, "the data folder has no name", "pass --data DIR").with_detail(e))?;
        Ok(Self(folder))
    }

    /// A folder that is known already.
    pub fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
    pub fn database(&self) -> PathBuf {
        self.0.join("omniva.db")
    }
    /// Signs checkpoints of the ledger; readable by its owner only.
    pub fn signing_key(&self) -> PathBuf {
        self.0.join("ledger.key")
    }
    /// What `omniva ledger verify` needs, and nothing else: copy it elsewhere.
    pub fn public_key(&self) -> PathBuf {
        self.0.join("ledger.pub")
    }
    /// Signed checkpoints outside the database: they tell when an older copy of it was put back.
    pub fn checkpoints(&self) -> PathBuf {
        self.0.join("checkpoints.log")
    }
    /// Where the running engine can be found.
    pub fn notice(&self) -> PathBuf {
        self.0.join("engine.json")
    }
    /// Media: raw material, analyses, renders.
    pub fn library(&self) -> PathBuf {
        self.0.join("library")
    }
    /// Finished clips of projects that name no folder of their own.
    pub fn output(&self) -> PathBuf {
        self.0.join("output")
    }
    pub fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }
    /// Secrets, sealed.
    pub fn vault(&self) -> PathBuf {
        self.0.join("vault.json")
    }
    /// What opens the vault, unless the environment has it; readable by its owner only.
    pub fn vault_key(&self) -> PathBuf {
        self.0.join("vault.key")
    }
    /// Uploads to platforms that are under way.
    pub fn uploads(&self) -> PathBuf {
        self.0.join("uploads")
    }
    pub fn backups(&self) -> PathBuf {
        self.0.join("backups")
    }

    /// A fault unless an engine has worked here.
    pub fn require_database(&self) -> Result<PathBuf, Fault> {
        let database = self.database();
        if database.is_file() {
            return Ok(database);
        }
        Err(Fault::new(
            Code::StoreUnavailable,
            format!("there is no database in {}", self.0.display()),
            "pass the engine's folder with --data DIR, or start one: omniva serve",
        ))
    }
}
