//! `doctor --deep`: SQLite's own check, references, and the ledger recomputed from its packets.

use omniva_ledger::{Frontier, canonical, leaf_hash};
use sea_orm::{ConnectionTrait, DbErr, Value};

use crate::sql::packets;
use crate::sql::query::{all, frontier_of};

/// Findings of one kind that are worth telling.
const AT_MOST: usize = 20;
const PIECE: u64 = 2_000;

pub(super) async fn check(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let mut wrong = Vec::new();
    for row in all(db, format!("PRAGMA integrity_check({AT_MOST})"), vec![]).await? {
        let line: String = row.try_get_by_index(0)?;
        if line != "ok" {
            wrong.push(format!("database: {line}"));
        }
    }
    for row in all(db, "PRAGMA foreign_key_check", vec![]).await?.iter().take(AT_MOST) {
        let (table, parent): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(2)?);
        wrong.push(format!("a row of {table} points at a row of {parent} that is not there"));
    }
    ledger(db, &mut wrong).await?;
    Ok(wrong)
}

async fn ledger(db: &impl ConnectionTrait, wrong: &mut Vec<String>) -> Result<(), DbErr> {
    let (_, kept) = frontier_of(db).await?;
    let mut frontier = Frontier::new();
    let sql = format!(
        r#"SELECT {} FROM "stardust_metadata" WHERE "seq" >= $1 ORDER BY "seq" LIMIT {PIECE}"#,
        packets::COLUMNS
    );
    let mut from = 0u64;
    let mut found = 0;
    loop {
        let rows = all(db, sql.as_str(), vec![Value::BigInt(i64::try_from(from).ok())]).await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            let packet = packets::read(row)?;
            let (place, hash) = (frontier.push(packet.hash), leaf_hash(&canonical(&packet.draft)));
            from = packet.seq + 1;
            if (packet.seq != place || packet.hash != hash) && found < AT_MOST {
                found += 1;
                let what =
                    if packet.seq == place { "does not have the hash of its content" } else { "is out of place" };
                wrong.push(format!("ledger: packet {} {what}", packet.seq));
            }
        }
    }
    if (frontier.size(), frontier.root()) != (kept.size(), kept.root()) {
        wrong.push("ledger: the packets do not add up to its kept end".to_owned());
    }
    Ok(())
}
