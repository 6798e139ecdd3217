//! The pinned files of yt-dlp.

use std::path::PathBuf;

use omniva_assets::hash_file;
use omniva_contracts::config::{ToolFile, ToolManifest, YtdlpConfig};
use omniva_contracts::{Code, Fault, Monitor};

/// Says where the files lie when the configuration does not.
const FOLDER: &str = "OMNIVA_YTDLP";

/// Files that are what the manifest says, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tool {
    pub python: PathBuf,
    pub files: Vec<PathBuf>,
}

/// Where the files have to lie.
///
/// # Errors
/// `tool_missing` when nobody says.
pub(super) fn folder(config: &YtdlpConfig) -> Result<PathBuf, Fault> {
    let named = if config.folder.is_empty() { std::env::var_os(FOLDER) } else { Some(config.folder.clone().into()) };
    named.map(PathBuf::from).filter(|path| path.is_absolute()).ok_or_else(|| {
        missing("nobody says where yt-dlp lies", "run `make ytdlp`, and set engine.network.ytdlp.folder to its folder")
    })
}

/// Hashes every file: one that is not the pinned one is never run.
///
/// # Errors
/// `tool_missing` naming the file, `cancelled`.
pub(super) fn verified(config: &YtdlpConfig, monitor: &dyn Monitor) -> Result<Tool, Fault> {
    let folder = folder(config)?;
    let manifest = ToolManifest::shipped()?;
    let check = |file: &ToolFile| {
        let path = folder.join(&file.name);
        let next_step = "run `make ytdlp`, which fetches the pinned files";
        match hash_file(&path, monitor) {
            Ok((sha256, bytes)) if sha256 == file.sha256 && bytes == file.bytes => Ok(path),
            Ok(_) => Err(missing(&format!("{} is not the pinned file", path.display()), next_step)),
            Err(fault) if fault.code == Code::Cancelled => Err(fault),
            Err(fault) => Err(missing(&format!("{} can't be read", path.display()), next_step).with_detail(fault)),
        }
    };
    let files = manifest.ytdlp.iter().map(check).collect::<Result<_, _>>()?;
    let python = PathBuf::from(&config.python);
    if !python.is_file() {
        return Err(missing(
            &format!("{} is not there", python.display()),
            "install Python 3.10 or newer, or set engine.network.ytdlp.python",
        ));
    }
    Ok(Tool { python, files })
}

fn missing(what: &str, next_step: &str) -> Fault {
    Fault::new(Code::ToolMissing, format!("yt-dlp can't be run: {what}"), next_step)
}
