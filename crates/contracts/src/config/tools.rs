//! `config/tools.toml`: programs that the engine starts, pinned by version and hash.

use serde::{Deserialize, Serialize};

use crate::fault::{Code, Fault};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolFile {
    /// Name inside the tool's folder.
    pub name: String,
    /// Lower-case hex.
    pub sha256: String,
    pub bytes: u64,
    /// PyPI package with exact version.
    pub package: String,
    pub licence: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolManifest {
    /// The program itself first, then what it needs.
    pub ytdlp: Vec<ToolFile>,
}

impl ToolManifest {
    pub fn shipped() -> Result<Self, Fault> {
        toml::from_str(include_str!("../../../../config/tools.toml")).map_err(|e| {
            Fault::new(Code::ConfigInvalid, format!("config/tools.toml: {e}"), "restore the file from the release")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_pinned() {
        let manifest = ToolManifest::shipped().expect("loads");
        assert!(manifest.ytdlp.first().is_some_and(|file| file.name.starts_with("yt_dlp-")));
        for file in &manifest.ytdlp {
            assert!(file.sha256.len() == 64 && file.sha256.bytes().all(|b| b.is_ascii_hexdigit()), "{}", file.name);
            assert!(file.package.contains("==") && file.bytes > 0 && !file.name.contains('/'));
        }
    }
}
