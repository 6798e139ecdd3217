//! `config/models.toml`: every model file, pinned by hash, and where it can be had.

use serde::{Deserialize, Serialize};

use crate::fault::{Code, Fault};

/// One place from which a file can be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSource {
    /// PyPI package with exact version, e.g. `silero-vad==6.2.3`.
    pub package: String,
    /// Path of the file inside the wheel.
    pub member: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// What it is for: `speech_recognition`, `voice_activity`, `faces`, `speaker`, `embedding`, `sentiment`, `runtime`.
    pub role: String,
    /// Path inside the models folder.
    pub path: String,
    pub sha256: String,
    pub bytes: u64,
    pub licence: String,
    /// Tried in order. Empty for files that are built from others (the Whisper graphs).
    #[serde(default)]
    pub sources: Vec<ModelSource>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelManifest {
    pub files: Vec<ModelFile>,
    pub whisper: WhisperBuild,
}

/// One set of packages that together hold the Whisper weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Of the joined parts.
    pub sha256: String,
    pub parts: Vec<ModelSource>,
}

/// How the Whisper graphs are built from published weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhisperBuild {
    /// Path of the model's own configuration inside the models folder.
    pub config: String,
    /// Folder of the graphs inside the models folder.
    pub out: String,
    /// Python packages that the converter needs.
    pub tools: Vec<String>,
    /// Tried in order.
    pub weights: Vec<Weights>,
}

impl ModelManifest {
    pub fn shipped() -> Result<Self, Fault> {
        toml::from_str(include_str!("../../../../config/models.toml")).map_err(|e| {
            Fault::new(Code::ConfigInvalid, format!("config/models.toml: {e}"), "restore the file from the release")
        })
    }
    pub fn role<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a ModelFile> {
        self.files.iter().filter(move |f| f.role == role)
    }
}
