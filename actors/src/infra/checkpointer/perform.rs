//! Signing the head.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use omniva_contracts::engine::{Checkpoint, Commit, Row};
use omniva_contracts::fault::Fault;
use omniva_ledger::write_checkpoint;

use super::Seal;
use crate::kit::Kit;
use crate::zenith::{Unwritten, commit};

/// Bytes at the end of the file that hold its last line, and more.
const TAIL: u64 = 64 << 10;

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
    let change = Commit { rows: vec![Row::Checkpoint(checkpoint)], ..Commit::default() };
    match commit(&kit, change).await {
        Ok(_) | Err(Unwritten::Overtaken(_)) => {}
        Err(Unwritten::Store(fault)) => return Err(store(fault)),
    }
    let Some(file) = seal.file.clone() else { return Ok(()) };
    // Only after the store has it: a kill between the two must not leave a line that the store knows nothing of.
    let stored = kit.reader.checkpoints().await.map_err(store)?;
    // A short append, but to a disk: not on a thread that messages are handled on.
    let written = tokio::task::spawn_blocking(move || append(&file, &stored)).await;
    written.map_err(|e| Fault::internal("appending a checkpoint broke off").with_detail(e))?
}

/// Appends every checkpoint that the file lacks, which is more than one after a kill; a line that was cut off goes first.
fn append(path: &Path, stored: &[Checkpoint]) -> Result<(), Fault> {
    let write = || -> std::io::Result<()> {
        let mut log = File::options().create(true).read(true).append(true).open(path)?;
        let (known, whole) = end(&mut log)?;
        log.set_len(whole)?;
        let text: String = stored.iter().filter(|c| c.size > known).map(write_checkpoint).collect();
        log.write_all(text.as_bytes())?;
        log.sync_data()
    };
    write().map_err(|e| Fault::writing("the file of checkpoints", &e))
}

/// Size that the last whole line names, and the file's length up to its end.
fn end(log: &mut File) -> std::io::Result<(u64, u64)> {
    let length = log.seek(SeekFrom::End(0))?;
    log.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes)?;
    let torn = bytes.iter().rev().take_while(|byte| **byte != b'\n').count();
    let whole = bytes.len() - torn;
    let text = String::from_utf8_lossy(&bytes[..whole]);
    let last = text.lines().rev().find_map(|line| serde_json::from_str::<Checkpoint>(line).ok());
    Ok((last.map_or(0, |c| c.size), length - torn as u64))
}

#[cfg(test)]
mod tests {
    use omniva_contracts::engine::Moment;
    use omniva_ledger::{Signer, read_checkpoints};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_file_catches_up_after_a_kill_at_any_byte() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("checkpoints.log");
        let signer = Signer::from_secret(&[7; 32]);
        let stored: Vec<Checkpoint> =
            (1..=4).map(|size| signer.sign(Uuid::nil(), size * 10, &[size as u8; 32], Moment(size as i64))).collect();
        append(&path, &stored[..2]).expect("written");
        let whole = std::fs::read(&path).expect("read");
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).expect("cut");
            append(&path, &stored).expect("written");
            let log = read_checkpoints(&std::fs::read_to_string(&path).expect("read")).expect("whole lines");
            assert_eq!((log.checkpoints, log.torn), (stored.clone(), false), "cut at {cut}");
        }
    }
}
