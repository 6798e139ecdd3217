//! The engine's data: database, ledger, kept files, the engine itself. `--deep` reads everything.

use std::collections::BTreeSet;
use std::path::Path;

use omniva_assets::{AssetKey, Library};
use omniva_contracts::engine::{Artifact, ArtifactKind, Moment};
use omniva_contracts::ports::{Clock, SystemClock};
use omniva_contracts::{Fault, Silent};
use omniva_store::{ArtifactFilter, OpenedReadOnly, Page, Reader};

use super::{Checks, Grade};
use crate::cli::ServerArgs;
use crate::commands::ledger;
use crate::engine::{Client, DataFolder, Notice, Query, open};

/// Rows that are read at once.
const AT_ONCE: u64 = 1_000;
/// Findings that are shown one by one.
const SHOWN: usize = 10;
/// 2025-01-01: no engine of ours ran before.
const EARLIEST: Moment = Moment(1_735_689_600_000_000);
const GIGABYTE: f64 = 1e9;

pub fn check(checks: &mut Checks, data: &DataFolder, deep: bool) -> Result<(), Fault> {
    clock(checks);
    if !data.database().exists() {
        checks.add("engine's data", true, Grade::Ok, format!("none yet in {}", data.path().display()), "");
        return Ok(());
    }
    if let Ok(free) = omniva_assets::free_space(data.path()) {
        let gigabytes = free as f64 / GIGABYTE;
        let next = "free some space: the engine stops taking videos before the disk is full";
        checks.add("engine's disk", gigabytes >= 5.0, Grade::Warning, format!("{gigabytes:.1} GB free"), next);
    }
    let runtime = open::runtime()?;
    match runtime.block_on(open::store_read_only(data)) {
        Err(fault) => checks.fault("database", &fault),
        Ok(store) => runtime.block_on(inside(checks, data, &store, deep)),
    }
    answers(checks, data);
    Ok(())
}

fn clock(checks: &mut Checks) {
    let now = Moment(SystemClock.now_us());
    checks.add(
        "clock",
        now >= EARLIEST,
        Grade::Failed,
        now.to_string(),
        "set the system's clock: schedules depend on it",
    );
}

async fn inside(checks: &mut Checks, data: &DataFolder, store: &OpenedReadOnly, deep: bool) {
    let reader = store.reader.as_ref();
    match reader.describe().await {
        Ok(about) => checks.add("database", true, Grade::Ok, about, ""),
        Err(fault) => checks.fault("database", &fault.into()),
    }
    if let Err(fault) = behind(checks, reader).await {
        checks.fault("ledger", &fault);
    }
    if !deep {
        return;
    }
    match store.upkeep.integrity().await {
        Ok(wrong) => {
            let found = if wrong.is_empty() { "every page reads".to_owned() } else { few(&wrong) };
            checks.add(
                "database pages",
                wrong.is_empty(),
                Grade::Failed,
                found,
                "restore the last backup: omniva restore FILE",
            );
        }
        Err(fault) => checks.fault("database pages", &fault.into()),
    }
    match ledger::verify(data, &data.public_key(), None).await {
        Ok((report, _)) => {
            let found = report.findings.first().map_or_else(
                || format!("{} packets verify, {} of them signed", report.packets, report.covered),
                |first| format!("{} (and {} more)", first.message, report.findings.len() as u64 + report.more - 1),
            );
            let next = "see: omniva ledger verify; keep the data folder as it is for an inquiry";
            checks.add("ledger", report.sound(), Grade::Failed, found, next);
        }
        Err(fault) => checks.fault("ledger", &fault),
    }
    if let Err(fault) = files(checks, data, reader).await {
        checks.fault("kept files", &fault);
    }
}

/// A clock that was set back makes leases and schedules wrong.
async fn behind(checks: &mut Checks, reader: &dyn Reader) -> Result<(), Fault> {
    let head = reader.head().await?;
    let Some(last) = head.size.checked_sub(1) else { return Ok(()) };
    let filter = omniva_store::PacketFilter { from_seq: last, ..Default::default() };
    let last = reader.packets(&filter, 1).await?.first().map(|p| p.draft.at);
    let now = Moment(SystemClock.now_us());
    let ahead = last.is_some_and(|last| last > now.after(std::time::Duration::from_secs(60)));
    let found =
        format!("{} packets, root {}", head.size, omniva_ledger::hex::write(&head.root).get(..16).unwrap_or_default());
    checks.add("ledger", true, Grade::Ok, found, "");
    if ahead {
        let found = format!("the last packet is of {}", last.unwrap_or_default());
        checks.add(
            "clock",
            false,
            Grade::Warning,
            found,
            "the clock was set back: set it right before the engine starts",
        );
    }
    Ok(())
}

fn few(lines: &[String]) -> String {
    let shown = lines.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    if lines.len() > SHOWN { format!("{shown}; and {} more", lines.len() - SHOWN) } else { shown }
}

/// Each row's file is there with its content, and each file belongs to a row.
async fn files(checks: &mut Checks, data: &DataFolder, reader: &dyn Reader) -> Result<(), Fault> {
    let folder = data.library();
    if !folder.exists() {
        return Ok(());
    }
    let library = Library::open(&folder, 0)?;
    let (mut known, mut damaged, mut gone, mut offset, mut bytes) = (BTreeSet::new(), vec![], vec![], 0, 0u64);
    loop {
        let page = reader.artifacts(&ArtifactFilter::default(), Page { limit: AT_ONCE, offset }).await?.items;
        for artifact in &page {
            bytes += artifact.bytes;
            if let Err(why) = intact(&library, artifact) {
                let list = if artifact.kind == ArtifactKind::Delivered { &mut gone } else { &mut damaged };
                list.push(format!("{}: {why}", artifact.path));
            }
            known.insert(artifact.path.clone());
        }
        offset += page.len() as u64;
        if page.is_empty() {
            break;
        }
    }
    let mut orphans = Vec::new();
    library.list(&mut |found| {
        match found {
            Ok(stored) if !known.contains(stored.key.as_str()) => orphans.push(stored.key.as_str().to_owned()),
            Ok(_) => {}
            Err(name) => orphans.push(name),
        }
        true
    })?;
    let all = format!("{} files, {:.1} MB", known.len(), bytes as f64 / 1e6);
    let tell = |list: &[String]| if list.is_empty() { all.clone() } else { few(list) };
    let again = "the clips' sources are needed to make them again: restore these files from a copy";
    checks.add("kept files", damaged.is_empty(), Grade::Failed, tell(&damaged), again);
    checks.add(
        "delivered files",
        gone.is_empty(),
        Grade::Warning,
        tell(&gone),
        "somebody moved or changed delivered clips",
    );
    let sweep = "the engine's orphan sweep removes them after a while";
    checks.add("files of nobody", orphans.is_empty(), Grade::Warning, tell(&orphans), sweep);
    Ok(())
}

fn intact(library: &Library, artifact: &Artifact) -> Result<(), String> {
    if AssetKey::parse(&artifact.path).is_some() {
        return library.verified(&artifact.path, &Silent).map(|_| ()).map_err(|fault| fault.message);
    }
    let path = artifact.path.strip_prefix("file://").unwrap_or(&artifact.path);
    let (sha256, _) = omniva_assets::hash_file(Path::new(path), &Silent).map_err(|fault| fault.message)?;
    if sha256 == artifact.sha256 { Ok(()) } else { Err("its content changed".to_owned()) }
}

/// Whether the engine that says it runs does answer.
fn answers(checks: &mut Checks, data: &DataFolder) {
    let Some(notice) = Notice::read(data) else {
        checks.add("engine", true, Grade::Ok, "not running", "");
        return;
    };
    let server = ServerArgs { server: Some(format!("http://{}", notice.address)), ..ServerArgs::default() };
    let asked = Client::new(&server).and_then(|client| client.get("/version", Query::default()));
    let found = format!("{} at {}", if asked.is_ok() { "answers" } else { "silent" }, notice.address);
    // One that wants a key, or speaks in another way, is there all the same.
    let there = !asked.is_err_and(|fault| fault.code == omniva_contracts::Code::EngineUnreachable);
    checks.add("engine", there, Grade::Warning, found, "it ended without saying so: start it again with omniva serve");
}
