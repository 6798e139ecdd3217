//! Signing the head.

use std::io::Write;
use std::sync::Arc;

use omniva_contracts::engine::{Checkpoint, Commit, Row};
use omniva_contracts::fault::Fault;

use super::Seal;
use crate::kit::Kit;
use crate::zenith::{Unwritten, commit};

/// Signs the head as it is, if it grew since the last checkpoint.
///
/// # Errors
/// The store or the file does not take it; the next checkpoint covers what this one would have.
pub(super) async fn sign(kit: Arc<Kit>, seal: Arc<Seal>) -> Result<(), Fault> {
    let store = |fault: omniva_store::StoreFault| {
        Fault::new(omniva_contracts::fault::Code::StoreUnavailable, fault.to_string(), "the next checkpoint covers it")
    };
    let head = kit.reader.head().await.map_err(store)?;
    let last = kit.reader.checkpoints().await.map_err(store)?.into_iter().map(|c| c.size).max();
    if head.size == 0 || last.is_some_and(|size| size >= head.size) {
        return Ok(());
    }
    let checkpoint = seal.signer.sign(head.origin, head.size, &head.root, kit.now());
    if let Some(file) = seal.file.clone() {
        let line = checkpoint.clone();
        // A short append, but to a disk: not on a thread that messages are handled on.
        let written = tokio::task::spawn_blocking(move || append(&file, &line)).await;
        written.map_err(|e| Fault::internal("appending a checkpoint broke off").with_detail(e))??;
    }
    let change = Commit { rows: vec![Row::Checkpoint(checkpoint)], ..Commit::default() };
    match commit(&kit, change).await {
        Ok(_) | Err(Unwritten::Overtaken(_)) => Ok(()),
        Err(Unwritten::Store(fault)) => Err(store(fault)),
    }
}

fn append(file: &std::path::Path, checkpoint: &Checkpoint) -> Result<(), Fault> {
    let mut line = serde_json::to_string(checkpoint)
        .map_err(|e| Fault::internal("a checkpoint can't be written as JSON").with_detail(e))?;
    line.push('\n');
    let write = || -> std::io::Result<()> {
        let mut log = std::fs::OpenOptions::new().create(true).append(true).open(file)?;
        log.write_all(line.as_bytes())?;
        log.sync_data()
    };
    write().map_err(|e| Fault::writing("the file of checkpoints", &e))
}
