//! The file of the vault: JSON, mode 0600, written beside itself, flushed and renamed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use omniva_contracts::{Code, Fault};
use serde::{Deserialize, Serialize};

use crate::envelope::Envelope;

const FORMAT: u32 = 1;
/// Largest file that is read.
pub(crate) const MAX_FILE: u64 = 64 << 20;
const WHAT: &str = "the vault";

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    format: u32,
    /// Id of the key-encryption key that all data keys are sealed with.
    pub key_id: String,
    pub secrets: BTreeMap<String, Envelope>,
}

impl Content {
    pub fn empty(key_id: String) -> Self {
        Self { format: FORMAT, key_id, secrets: BTreeMap::new() }
    }

    /// `None` when there is no vault yet.
    pub fn read(path: &Path) -> Result<Option<Self>, Fault> {
        let corrupt = |why: String| {
            Fault::new(
                Code::VaultCorrupt,
                format!("the vault {} can't be read", path.display()),
                "restore it from a backup, or move it away and connect the accounts again",
            )
            .with_detail(why)
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(corrupt(error.to_string())),
        };
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|e| corrupt(e.to_string()))?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(corrupt(format!("it is larger than {MAX_FILE} bytes")));
        }
        let content: Self = serde_json::from_slice(&bytes).map_err(|e| corrupt(e.to_string()))?;
        if content.format != FORMAT {
            return Err(corrupt(format!("format {} is not known", content.format)));
        }
        Ok(Some(content))
    }

    /// Replaces the file. The caller holds the lock, so that the name of the part is free: a part that lies there was left
    /// by a process that died.
    pub fn write(&self, path: &Path) -> Result<(), Fault> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|e| Fault::internal("the vault can't be written as JSON").with_detail(e))?;
        if text.len() as u64 > MAX_FILE {
            return Err(Fault::new(Code::Usage, "the vault is full", "remove secrets that nobody needs"));
        }
        let part = stage(path, &text).map_err(|e| Fault::writing(WHAT, &e))?;
        publish(&part, path).map_err(|e| Fault::writing(WHAT, &e))
    }
}

pub(crate) fn stage(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let part = beside(path, ".part");
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(part)
}

fn publish(part: &Path, path: &Path) -> io::Result<()> {
    fs::rename(part, path)?;
    sync_folder(path)
}

/// Held until dropped, or until its process ends. Others wait.
pub(crate) fn lock(path: &Path) -> Result<File, Fault> {
    let open = || File::options().create(true).truncate(false).write(true).mode(0o600).open(beside(path, ".lock"));
    open().and_then(|file| file.lock().map(|()| file)).map_err(|e| Fault::writing(WHAT, &e))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes a rename in the folder of `path` last.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match File::open(folder)?.sync_all() {
        // Some file systems can't flush a folder; they order renames by themselves.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        other => other,
    }
}
