//! `omniva backup` and `omniva restore`

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use omniva_contracts::{Code, Fault};
use omniva_store::{Manifest, restore as put_back};
use serde_json::json;

use crate::cli::{BackupArgs, RestoreArgs};
use crate::engine::{DataFolder, open};
use crate::progress::print_line;

/// Copies that a restore has set aside and that are still there, at most.
const ASIDE: u32 = 1000;

pub fn run(args: &BackupArgs, as_json: bool) -> Result<u8, Fault> {
    let data = DataFolder::find(&args.data)?;
    if args.to.exists() {
        return Err(Fault::new(
            Code::OutputExists,
            format!("{} exists already", args.to.display()),
            "name a file that does not exist",
        ));
    }
    let manifest = open::runtime()?.block_on(async {
        let store = open::store_read_only(&data).await?;
        store.upkeep.backup(&args.to, Some(&data.uploads())).await.map_err(|e| match e.trouble {
            omniva_store::Trouble::NoSpace | omniva_store::Trouble::ReadOnly => Fault::new(
                if e.trouble == omniva_store::Trouble::NoSpace { Code::NoSpace } else { Code::OutputUnwritable },
                format!("{} can't be written", args.to.display()),
                "name a file in another folder",
            )
            .with_detail(&e.message),
            _ => Fault::from(e),
        })
    })?;
    tell("backup", &args.to, &manifest, None, as_json);
    Ok(0)
}

pub fn restore(args: &RestoreArgs, as_json: bool) -> Result<u8, Fault> {
    let data = DataFolder::find(&args.data)?;
    open::make_folder(&data)?;
    let runtime = open::runtime()?;
    // Looked at before anything is moved.
    runtime.block_on(omniva_store::verify_backup(&args.from)).map_err(|e| {
        Fault::new(Code::InputCorrupt, format!("{} is no whole backup", args.from.display()), "use another backup")
            .with_detail(e.message)
    })?;
    let aside = set_aside(&data, args.force)?;
    let manifest = runtime.block_on(put_back(&args.from, &data.database(), &data.uploads()))?;
    tell("restore", &data.database(), &manifest, aside.as_deref(), as_json);
    Ok(0)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Moves the present database, and the checkpoints that speak of what came after the backup, out of the way. Nothing is
/// deleted.
fn set_aside(data: &DataFolder, force: bool) -> Result<Option<PathBuf>, Fault> {
    let database = data.database();
    if !database.exists() {
        return Ok(None);
    }
    if !force {
        return Err(Fault::new(
            Code::OutputExists,
            format!("there is a database in {}", data.path().display()),
            "pass --force to replace it; it is kept beside the new one",
        ));
    }
    let failed = |e: std::io::Error| Fault::writing("the database", &e);
    // As the store does it: whoever holds this lock is the one engine.
    let lock =
        File::options().create(true).truncate(false).write(true).open(beside(&database, ".lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Fault::new(
                Code::StoreInUse,
                format!("an engine works in {}", data.path().display()),
                "stop it, then restore",
            ));
        }
        Err(TryLockError::Error(e)) => return Err(failed(e)),
    }
    let suffix = (1..=ASIDE)
        .map(|n| format!(".replaced-{n}"))
        .find(|suffix| !beside(&database, suffix).exists())
        .ok_or_else(|| {
            let message = format!("{} holds too many databases that were set aside", data.path().display());
            Fault::new(Code::OutputExists, message, "move the files *.replaced-* elsewhere")
        })?;
    for part in ["-wal", "-shm", ""] {
        let from = beside(&database, part);
        if from.exists() {
            std::fs::rename(&from, beside(&beside(&database, &suffix), part)).map_err(failed)?;
        }
    }
    let log = data.checkpoints();
    if log.exists() {
        std::fs::rename(&log, beside(&log, &suffix)).map_err(failed)?;
    }
    Ok(Some(beside(&database, &suffix)))
}

fn tell(event: &str, path: &Path, manifest: &Manifest, aside: Option<&Path>, as_json: bool) {
    if as_json {
        print_line(&json!({ "event": event, "path": path, "manifest": manifest, "set_aside": aside }));
        return;
    }
    say!("{} · {:.1} MB · {} packets", path.display(), manifest.bytes as f64 / 1e6, manifest.size);
    match &manifest.records {
        Some(records) => say!("with {} records of uploads, so that nothing is posted twice", records.count),
        None => remark!(
            "This backup holds no records of uploads: before the engine starts, look on the platforms what was posted \
             since, and cancel those jobs."
        ),
    }
    remark!(
        "Not in it: the library's media, the ledger's key (ledger.key, ledger.pub), and the vault with its key (vault.json, \
         vault.key), which belong into backups of their own. Without the vault accounts have to be connected again."
    );
    if let Some(aside) = aside {
        say!("what was there before: {}", aside.display());
    }
}
