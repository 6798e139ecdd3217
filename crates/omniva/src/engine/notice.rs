//! `engine.json`: what a running engine tells the other commands about itself.

use std::net::SocketAddr;

use omniva_contracts::Fault;
use serde::{Deserialize, Serialize};

use super::DataFolder;

/// Largest notice that is read.
const MAX_NOTICE: u64 = 64 << 10;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Where the API answers.
    pub address: SocketAddr,
    pub pid: u32,
    /// Differs with every start.
    pub boot_id: String,
    pub version: String,
    /// SHA-256 of the ledger's public key starts with this, hex.
    pub ledger_key_id: String,
}

impl Notice {
    pub fn write(&self, data: &DataFolder) -> Result<(), Fault> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Fault::internal(e.to_string()))?;
        omniva_assets::write_atomic(&data.notice(), &text)
    }

    /// What the last engine wrote; it may be gone without having taken it back.
    pub fn read(data: &DataFolder) -> Option<Self> {
        let path = data.notice();
        if std::fs::metadata(&path).ok()?.len() > MAX_NOTICE {
            return None;
        }
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    /// Takes it back, unless another engine has written its own meanwhile.
    pub fn withdraw(&self, data: &DataFolder) {
        if Self::read(data).is_some_and(|there| there.boot_id == self.boot_id) {
            // Only advice for other commands: one that finds it stale is told that nobody answers.
            let _ = std::fs::remove_file(data.notice());
        }
    }
}
