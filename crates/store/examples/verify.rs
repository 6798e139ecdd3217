//! Measures reading and checking a whole ledger on this machine, page by page as whole packets and as examined ones:
//! `cargo run --release -p omniva-store --example verify [PACKETS]`.

use std::error::Error;
use std::time::Instant;

use omniva_contracts::engine::*;
use omniva_ledger::{Audit, Content, Entry, Expected};
use omniva_store::{Opened, PacketFilter, examine_all, open_sqlite, open_sqlite_read_only};
use serde_json::json;
use uuid::Uuid;

const PAGE: u64 = 5_000;

fn draft(n: u64) -> PacketDraft {
    let id = |n: u64| Uuid::from_u128(u128::from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 32 | u128::from(n));
    PacketDraft {
        stardust_id: id(n + 1).into(),
        kind: "job.done".into(),
        entity: EntityRef::new(EntityType::Job, id(n / 3)),
        project_id: None,
        trace_id: id(n / 40).into(),
        source: "zenith".into(),
        meta_parents: if n == 0 { Vec::new() } else { vec![id(n).into()] },
        at: Moment(1_760_000_000_000_000 + n as i64),
        body: json!({ "attempt": 1, "fence": 1, "from": "RUNNING", "to": "DONE", "why": "it is done" }),
        decision_chain: None,
    }
}

/// Seconds of CPU that this process took.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect();
    fields.get(13..15).map_or(0.0, |ticks| ticks.iter().sum::<f64>() / 100.0)
}

fn told(what: &str, count: u64, from: (Instant, f64), audit: Audit) {
    let (wall, cpu) = (from.0.elapsed().as_secs_f64(), cpu() - from.1);
    let report = audit.finish();
    assert!(report.sound() && report.packets == count, "{:?}", report.findings.first());
    println!("{what}: {:.0} packets/s, {:.2} us of CPU each", count as f64 / wall, cpu * 1e6 / count as f64);
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let count: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(200_000);
    let path = std::env::temp_dir().join(format!("omniva-verify-{}", std::process::id())).join("omniva.db");
    let Opened { mut writer, mandate, .. } = open_sqlite(&path, Uuid::from_u128(1)).await?;
    for from in (0..count).step_by(1000) {
        let packets = (from..count.min(from + 1000)).map(draft).collect();
        for receipt in writer.write(&[mandate.seal(Commit { packets, ..Commit::default() })]).await? {
            receipt?;
        }
    }
    drop(writer);
    let reader = open_sqlite_read_only(&path).await?.reader;
    for _ in 0..3 {
        let (from, mut audit, mut next) = ((Instant::now(), cpu()), Audit::new(&Expected::default()), 0);
        let page = |from_seq: u64| {
            let reader = reader.clone();
            let filter = PacketFilter { from_seq, ..PacketFilter::default() };
            tokio::spawn(async move { reader.packets(&filter, PAGE).await })
        };
        let mut reading = page(0);
        while next < count {
            let packets = reading.await??;
            next += PAGE;
            reading = page(next);
            let entries: Vec<Entry<'_>> = packets
                .iter()
                .map(|p| Entry { seq: p.seq, content: Content::Draft(&p.draft), hash: p.hash, links: None })
                .collect();
            audit.push_all(&entries);
        }
        reading.await??;
        told("as packets", count, from, audit);

        let (from, mut audit) = ((Instant::now(), cpu()), Audit::new(&Expected::default()));
        examine_all(&reader, count, |packet| audit.take(packet)).await?;
        told("as examined", count, from, audit);
    }
    if let Some(folder) = path.parent() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(())
}
