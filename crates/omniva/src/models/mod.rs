//! The folder of models: what should be there (`config/models.toml`), what is, and how to get the rest.

mod fetch;

use std::path::{Path, PathBuf};

use omniva_contracts::config::{ModelFile, ModelManifest};
use omniva_contracts::{Code, Fault, Monitor};
use serde::Serialize;

pub use fetch::fetch;

/// `--models`, `$OMNIVA_MODELS`, `$XDG_DATA_HOME/omniva/models`, `~/.local/share/omniva/models`: the first that is given.
pub fn folder(flag: Option<&Path>) -> PathBuf {
    let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    flag.map(Path::to_owned)
        .or_else(|| var("OMNIVA_MODELS"))
        .or_else(|| var("XDG_DATA_HOME").map(|d| d.join("omniva/models")))
        .or_else(|| var("HOME").map(|d| d.join(".local/share/omniva/models")))
        .unwrap_or_else(|| PathBuf::from("models"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Ok,
    Missing,
    /// There, with other bytes than the manifest names.
    Differs,
}

#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    pub role: String,
    pub path: String,
    pub bytes: u64,
    pub licence: String,
    pub state: State,
}

/// Hashes every file of the manifest.
pub fn verify(folder: &Path, manifest: &ModelManifest, monitor: &dyn Monitor) -> Result<Vec<Checked>, Fault> {
    manifest.files.iter().map(|file| Ok(checked(file, state(folder, file, monitor)?))).collect()
}

/// Looks at names and sizes only.
pub fn list(folder: &Path, manifest: &ModelManifest) -> Vec<Checked> {
    let look = |file: &ModelFile| match std::fs::metadata(folder.join(&file.path)) {
        Ok(meta) if meta.len() == file.bytes => State::Ok,
        Ok(_) => State::Differs,
        Err(_) => State::Missing,
    };
    manifest.files.iter().map(|file| checked(file, look(file))).collect()
}

/// Ends with a fault unless every file is there with the right bytes. Cheap after the first time: the result is
/// remembered beside the models, keyed by size and modification time of every file.
pub fn require(folder: &Path, manifest: &ModelManifest, monitor: &dyn Monitor) -> Result<(), Fault> {
    let stamp = stamp(folder, manifest);
    let remembered = folder.join(".verified");
    if stamp.is_some() && std::fs::read_to_string(&remembered).ok() == stamp {
        return Ok(());
    }
    for file in verify(folder, manifest, monitor)? {
        let (code, what) = match file.state {
            State::Ok => continue,
            State::Missing => (Code::ModelMissing, "is missing"),
            State::Differs => (Code::ModelMismatch, "is not the file that config/models.toml names (its hash differs)"),
        };
        return Err(Fault::new(
            code,
            format!("the model {} in {} {what}", file.path, folder.display()),
            "run: omniva models fetch",
        ));
    }
    if let Some(stamp) = stamp {
        // Only a saving of time: a folder that can't be written to is verified again the next time.
        let _ = omniva_assets::write_atomic(&remembered, stamp.as_bytes());
    }
    Ok(())
}

fn stamp(folder: &Path, manifest: &ModelManifest) -> Option<String> {
    let mut lines = Vec::new();
    for file in &manifest.files {
        let meta = std::fs::metadata(folder.join(&file.path)).ok()?;
        let modified = meta.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?.as_nanos();
        lines.push(format!("{} {} {} {modified}", file.path, file.sha256, meta.len()));
    }
    Some(lines.join("\n"))
}

fn state(folder: &Path, file: &ModelFile, monitor: &dyn Monitor) -> Result<State, Fault> {
    let path = folder.join(&file.path);
    match std::fs::metadata(&path) {
        Err(_) => return Ok(State::Missing),
        Ok(meta) if meta.len() != file.bytes => return Ok(State::Differs),
        Ok(_) => {}
    }
    let (sha256, _) = omniva_assets::hash_file(&path, monitor)?;
    Ok(if sha256 == file.sha256 { State::Ok } else { State::Differs })
}

fn checked(file: &ModelFile, state: State) -> Checked {
    Checked {
        role: file.role.clone(),
        path: file.path.clone(),
        bytes: file.bytes,
        licence: file.licence.clone(),
        state,
    }
}
