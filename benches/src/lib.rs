//! Figures, printed beside those of peers on the same machine in the same run. Nothing here is asserted: a figure that
//! misses its goal is printed as missed.

pub mod api;
pub mod channels;
pub mod clips;
pub mod ledger;
pub mod load;
pub mod measure;
pub mod memory;
pub mod picture;
pub mod queue;
pub mod recognition;
pub mod render;
pub mod serve;
pub mod table;
pub mod whole;

use std::path::{Path, PathBuf};

/// Where everything is: given by the Makefile through the environment.
pub struct Place {
    pub omniva: PathBuf,
    pub models: PathBuf,
    pub media: PathBuf,
    pub peers: PathBuf,
    pub scratch: tempfile::TempDir,
}

pub type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

impl Place {
    pub fn find() -> Outcome<Place> {
        let var =
            |name: &str| std::env::var_os(name).map(PathBuf::from).ok_or(format!("{name} is not set: use make bench"));
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let home = var("HOME")?;
        let omniva = root
            .join("target/release/omniva")
            .canonicalize()
            .map_err(|_| "target/release/omniva is missing: make build")?;
        Ok(Place {
            omniva,
            models: var("OMNIVA_MODELS")?,
            media: var("OMNIVA_TEST_MEDIA")?,
            peers: std::env::var_os("OMNIVA_PEERS").map_or_else(|| home.join(".cache/omniva-peers"), PathBuf::from),
            scratch: tempfile::tempdir()?,
        })
    }
    pub fn panel(&self) -> PathBuf {
        self.media.join("panel.mp4")
    }
    pub fn here(&self, file: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
    }
    pub fn peer_python(&self) -> PathBuf {
        self.peers.join("python/bin/python")
    }
}
