//! Backups: a consistent copy made while the engine runs, with a manifest that says what is in it, and the way back.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, Value};
use sha2::{Digest, Sha256};

use super::integrity;
use super::lock;
pub(super) use super::lock::beside;
use super::open::open_sqlite_read_only;
use super::records::{self, records_path};
use super::trouble::{explain, io};
use crate::{Answered, Manifest, StoreFault, Trouble, Upkeep};

pub(super) struct SqliteUpkeep {
    db: DatabaseConnection,
}

impl SqliteUpkeep {
    pub fn new(db: DatabaseConnection) -> Self {
        Self { db }
    }
}

pub(super) fn fault(path: &Path) -> impl Fn(std::io::Error) -> StoreFault {
    move |error| io(&path.display().to_string(), &error)
}

pub(super) fn corrupt(message: impl Into<String>) -> StoreFault {
    StoreFault::new(Trouble::Corrupt, message)
}

fn occupied(path: &Path) -> StoreFault {
    StoreFault::new(Trouble::InUse, format!("{} exists already", path.display()))
}

pub(super) fn manifest_path(backup: &Path) -> PathBuf {
    beside(backup, ".json")
}

/// Size and SHA-256 of a file, read to its end.
pub(super) fn measure(path: &Path) -> Result<(u64, String), StoreFault> {
    let mut file = File::open(path).map_err(fault(path))?;
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0u64, vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut buffer).map_err(fault(path))?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
        bytes += read as u64;
    }
    Ok((bytes, omniva_ledger::hex::write(&hash.finalize())))
}

/// Makes names in a folder survive a power cut.
pub(super) fn sync_folder(of: &Path) -> Result<(), StoreFault> {
    let folder = of.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault(folder))
}

fn sync(path: &Path) -> Result<(), StoreFault> {
    File::open(path).and_then(|file| file.sync_all()).map_err(fault(path))
}

/// Gives `from` the name `to`, which must be free: a link refuses where a rename would replace.
fn publish(from: &Path, to: &Path) -> Result<(), StoreFault> {
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from).map_err(fault(from)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(occupied(to)),
        // File systems without links.
        Err(_) if !to.exists() => fs::rename(from, to).map_err(fault(to)),
        Err(error) => Err(fault(to)(error)),
    }
}

fn remove(path: &Path) -> Result<(), StoreFault> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(fault(path)(error)),
        _ => Ok(()),
    }
}

async fn describe(part: &Path) -> Result<Manifest, StoreFault> {
    let opened = open_sqlite_read_only(part).await?;
    let head = opened.reader.head().await?;
    drop(opened);
    let (bytes, sha256) = measure(part)?;
    let root = omniva_ledger::hex::write(&head.root);
    Ok(Manifest { format: 1, bytes, sha256, origin: head.origin, size: head.size, root, records: None })
}

async fn copy(db: &DatabaseConnection, part: &Path) -> Result<Manifest, StoreFault> {
    let name = part.to_str().ok_or_else(|| StoreFault::new(Trouble::Unavailable, "a backup's name has to be UTF-8"))?;
    let values = vec![Value::String(Some(name.to_owned()))];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), "VACUUM INTO $1", values);
    db.execute_raw(statement).await.map_err(explain)?;
    sync(part)?;
    describe(part).await
}

fn write_manifest(manifest: &Manifest, to: &Path) -> Result<(), StoreFault> {
    let text = serde_json::to_string_pretty(manifest).map_err(|e| StoreFault::new(Trouble::Bug, e.to_string()))?;
    let mut file = File::create(to).map_err(fault(to))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fault(to))
}

#[async_trait]
impl Upkeep for SqliteUpkeep {
    async fn backup(&self, to: &Path, records: Option<&Path>) -> Answered<Manifest> {
        if to.exists() {
            return Err(occupied(to));
        }
        if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(fault(folder))?;
        }
        // Left over from a backup that was killed.
        let (part, part_manifest) = (beside(to, ".part"), beside(to, ".json.part"));
        let part_records = beside(to, ".uploads.part");
        remove(&part)?;
        let made = copy(&self.db, &part).await.and_then(|mut manifest| {
            if let Some(folder) = records {
                manifest.records = Some(records::collect(folder, &part_records)?);
                fs::rename(&part_records, records_path(to)).map_err(fault(to))?;
            }
            write_manifest(&manifest, &part_manifest)?;
            // The manifest first: a backup without one does not count.
            fs::rename(&part_manifest, manifest_path(to)).map_err(fault(to))?;
            publish(&part, to)?;
            sync_folder(to)?;
            Ok(manifest)
        });
        if made.is_err() {
            for left in [&part, &beside(&part, "-wal"), &beside(&part, "-shm"), &part_manifest, &part_records] {
                remove(left)?;
            }
        }
        made
    }

    async fn integrity(&self) -> Answered<Vec<String>> {
        integrity::check(&self.db).await.map_err(explain)
    }
}

/// Checks a backup against its manifest and its content against itself; answers the manifest.
///
/// Errors: [`Trouble::Corrupt`] with what is wrong.
pub async fn verify_backup(backup: &Path) -> Result<Manifest, StoreFault> {
    let manifest = manifest_path(backup);
    let text = fs::read_to_string(&manifest).map_err(fault(&manifest))?;
    let told: Manifest =
        serde_json::from_str(&text).map_err(|e| corrupt(format!("{} is no manifest: {e}", manifest.display())))?;
    let (bytes, sha256) = measure(backup)?;
    if (bytes, &sha256) != (told.bytes, &told.sha256) {
        return Err(corrupt(format!("{} is not the file that its manifest describes", backup.display())));
    }
    if let Some(records) = &told.records {
        records::verify(backup, records)?;
    }
    let opened = open_sqlite_read_only(backup).await?;
    let head = opened.reader.head().await?;
    if (head.origin, head.size, omniva_ledger::hex::write(&head.root)) != (told.origin, told.size, told.root.clone()) {
        return Err(corrupt("the ledger in the backup is not the one of its manifest"));
    }
    match opened.upkeep.integrity().await?.as_slice() {
        [] => Ok(told),
        [first, rest @ ..] => Err(corrupt(format!("{first} (and {} more)", rest.len()))),
    }
}

/// Puts a verified backup at `to`, where no database may be, and its records into the folder `records`; those that lie there
/// already stay as they are.
///
/// Errors: [`Trouble::Corrupt`] when the backup is not whole, [`Trouble::InUse`] when `to` exists or an engine uses it.
pub async fn restore(from: &Path, to: &Path, records: &Path) -> Result<Manifest, StoreFault> {
    let manifest = verify_backup(from).await?;
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(fault(folder))?;
    }
    let _lock = lock::take(to)?;
    for path in [to.to_owned(), beside(to, "-wal")] {
        if path.exists() {
            return Err(occupied(&path));
        }
    }
    let part = beside(to, ".part");
    remove(&part)?;
    fs::copy(from, &part).map_err(fault(&part))?;
    sync(&part)?;
    let (bytes, sha256) = measure(&part)?;
    if (bytes, &sha256) != (manifest.bytes, &manifest.sha256) {
        remove(&part)?;
        return Err(corrupt("the copy differs from the backup: check the disk"));
    }
    // Before the rows: an engine never sees a row without the record of what was sent.
    if manifest.records.is_some() {
        records::put_back(from, records)?;
    }
    publish(&part, to)?;
    sync_folder(to)?;
    Ok(manifest)
}
