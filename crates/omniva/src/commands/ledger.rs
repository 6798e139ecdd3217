//! `omniva ledger`

use std::path::Path;

use omniva_contracts::engine::{Checkpoint, EntityType};
use omniva_contracts::{Code, Fault};
use omniva_ledger::{Audit, AuditReport, Expected, read_checkpoints};
use omniva_store::examine_all;
use serde_json::{Value, json};

use super::remote::{show_list, show_one, table};
use super::why::entity;
use crate::cli::{LedgerCommand, ServerArgs};
use crate::engine::{Client, DataFolder, Query, open, segment};
use crate::progress::print_line;
use crate::style;

/// Largest list of checkpoints that is read.
const MAX_CHECKPOINTS: u64 = 1 << 30;
/// Findings that are shown on a terminal.
const SHOWN: usize = 20;

pub fn run(command: LedgerCommand, as_json: bool) -> Result<u8, Fault> {
    match command {
        LedgerCommand::Verify { data, public_key, checkpoint } => {
            let data = DataFolder::find(&data)?;
            let key = public_key.unwrap_or_else(|| data.public_key());
            let witnessed = checkpoint.as_deref().map(witnessed).transpose()?;
            let (report, newest) = open::runtime()?.block_on(verify(&data, &key, witnessed))?;
            told(&report, newest.as_ref(), as_json)
        }
        LedgerCommand::Show { server, entity: about, kind, from, limit } => {
            let mut query = Query::default().with("from_seq", Some(from)).with("limit", Some(limit)).with("kind", kind);
            if let Some(about) = about {
                let (name, id) = entity(&about, EntityType::Clip)?;
                query = query.with("entity_type", Some(name)).with("entity_id", Some(id));
            }
            let heads = [
                ("SEQ", "seq"),
                ("AT", "at"),
                ("KIND", "kind"),
                ("SOURCE", "source"),
                ("ABOUT", "entity.entity_type"),
                ("ID", "entity.entity_id"),
                ("PACKET", "stardust_id"),
            ];
            show_list(&Client::new(&server)?.get("/v1/ledger/packets", query)?, &heads, as_json);
            Ok(0)
        }
        LedgerCommand::Prove { server, packet } => prove(&server, &packet, as_json),
        LedgerCommand::Lineage { server, entity: about } => lineage(&server, &about, as_json),
    }
}

/// A checkpoint that somebody kept elsewhere.
fn witnessed(path: &Path) -> Result<Checkpoint, Fault> {
    let unreadable = |e: &dyn std::fmt::Display| {
        Fault::new(
            Code::InputMissing,
            format!("{} is no checkpoint", path.display()),
            "give one line of a checkpoints.log, or what omniva ledger verify --json calls newest_checkpoint",
        )
        .with_detail(e)
    };
    let text = std::fs::read_to_string(path).map_err(|e| unreadable(&e))?;
    serde_json::from_str(&text).map_err(|e| unreadable(&e))
}

/// Reads the whole ledger and checks it against every checkpoint that is there.
pub async fn verify(
    data: &DataFolder,
    public_key: &Path,
    witnessed: Option<Checkpoint>,
) -> Result<(AuditReport, Option<Checkpoint>), Fault> {
    let key = open::verifier(public_key)?;
    let store = open::store_read_only(data).await?;
    let reader = store.reader.as_ref();
    // In this order, since an engine at work adds to the packets, then signs them, then writes the log: what is read
    // first never knows more than what is read later.
    let log = checkpoint_log(data)?;
    let mut checkpoints = reader.checkpoints().await?;
    let head = reader.head().await?;
    let newest = checkpoints.last().cloned();
    // One that the store has too counts once: only the newest of the store may be missing from the log.
    if let Some(one) = witnessed.filter(|one| !checkpoints.contains(one)) {
        checkpoints.insert(checkpoints.partition_point(|c| c.size <= one.size), one);
    }
    let mut audit = Audit::new(&Expected { origin: Some(head.origin), keys: vec![key], checkpoints, log });
    examine_all(&store.reader, head.size, |packet| audit.take(packet)).await?;
    Ok((audit.finish(), newest))
}

/// `None` when there is no log, as in a folder that was only copied for its database.
fn checkpoint_log(data: &DataFolder) -> Result<Option<Vec<Checkpoint>>, Fault> {
    let path = data.checkpoints();
    let corrupt = |e: &dyn std::fmt::Display| {
        Fault::new(
            Code::LedgerCorrupt,
            format!("{} can't be read", path.display()),
            "restore the file from a copy, or verify a copy of the folder without it",
        )
        .with_detail(e)
    };
    match std::fs::metadata(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(corrupt(&e)),
        Ok(meta) if meta.len() > MAX_CHECKPOINTS => return Err(corrupt(&"it is larger than 1 GiB")),
        Ok(_) => {}
    }
    let text = std::fs::read_to_string(&path).map_err(|e| corrupt(&e))?;
    read_checkpoints(&text).map(|log| Some(log.checkpoints)).map_err(|e| corrupt(&e))
}

fn told(report: &AuditReport, newest: Option<&Checkpoint>, as_json: bool) -> Result<u8, Fault> {
    if !report.sound() {
        if as_json {
            print_line(&json!({ "event": "ledger", "sound": false, "report": report }));
        } else {
            for finding in report.findings.iter().take(SHOWN) {
                remark!("{} {} [{}]", style::bad("✗"), finding.message, finding.code.as_str());
            }
        }
        let more = report.findings.len() as u64 + report.more;
        return Err(Fault::new(
            Code::LedgerCorrupt,
            format!("the ledger does not verify: {more} findings in {} packets", report.packets),
            "keep the data folder as it is for an inquiry, and restore the last backup that verifies",
        )
        .with_detail(report.findings.first().map_or("", |f| f.message.as_str())));
    }
    if as_json {
        print_line(&json!({
            "event": "ledger",
            "sound": true,
            "packets": report.packets,
            "covered": report.covered,
            "checkpoints": report.checkpoints,
            "root": report.root,
            "newest_checkpoint": newest,
        }));
    } else {
        say!(
            "{} {} packets verify; {} signed checkpoints cover the first {}",
            style::good("✓"),
            report.packets,
            report.checkpoints,
            report.covered
        );
        say!("root {}", report.root);
    }
    Ok(0)
}

fn prove(server: &ServerArgs, id: &str, as_json: bool) -> Result<u8, Fault> {
    let client = Client::new(server)?;
    let of = |what: &str| client.get(&format!("/v1/{what}/{}/proof", segment(id)), Query::default());
    let proof = match of("ledger/packets") {
        // No packet of this id: perhaps it is a clip's.
        Err(fault) if fault.code == Code::NotFound => of("clips"),
        other => other,
    };
    show_one(&proof?, as_json);
    Ok(0)
}

fn lineage(server: &ServerArgs, about: &str, as_json: bool) -> Result<u8, Fault> {
    let (name, id) = entity(about, EntityType::Clip)?;
    let data = Client::new(server)?.get(&format!("/v1/lineage/{name}/{id}"), Query::default())?;
    if as_json {
        print_line(&data);
        return Ok(0);
    }
    let list = |name: &str| data.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let name = |of: Option<&Value>| {
        of.map_or_else(String::new, |e| format!("{}/{}", table::cell(e, "entity_type"), table::cell(e, "entity_id")))
    };
    for node in list("nodes") {
        let last = table::cell(&node, "last");
        say!("{}  {}", name(node.get("entity")), style::dim(&format!("{last} at {}", table::cell(&node, "at"))));
    }
    for edge in list("edges") {
        say!("{} → {}", name(edge.get("from")), name(edge.get("to")));
    }
    Ok(0)
}
