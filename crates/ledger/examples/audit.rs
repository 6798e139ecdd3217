//! Measures the ledger on this machine: `cargo run --release -p omniva-ledger --example audit [PACKETS]`.

use std::hint::black_box;
use std::time::Instant;

use omniva_contracts::engine::{EntityRef, EntityType, Moment, PacketDraft};
use omniva_ledger::{
    Audit, Content, Entry, Expected, Frontier, Hash, ProofFault, Signer, Tree, canonical, leaf_hash,
    verify_consistency, verify_inclusion,
};
use serde_json::json;
use uuid::Uuid;

/// As large as the packets of a busy engine: about 750 bytes in canonical form.
fn draft(n: u64) -> PacketDraft {
    let id = |n: u64| Uuid::from_u128(u128::from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 32 | u128::from(n));
    PacketDraft {
        stardust_id: id(n + 1).into(),
        kind: "job.claimed".into(),
        entity: EntityRef::new(EntityType::Job, id(n / 8)),
        project_id: Some(id(7).into()),
        trace_id: id(n / 40).into(),
        source: "dispatcher".into(),
        meta_parents: if n == 0 { Vec::new() } else { vec![id(n).into()] },
        at: Moment(1_760_000_000_000_000 + n as i64),
        body: json!({ "worker": "editor-1", "attempt": 1, "fence": n, "progress": n as f64 / 7.0, "state": "RUNNING",
            "why": "editor-1 took it for attempt 1 of 5, and this is as long as such a sentence gets",
            "lease_until": "2026-11-21T18:00:00.000000Z", "version": 3 }),
        decision_chain: None,
    }
}

fn rate(what: &str, count: u64, from: Instant) {
    let seconds = from.elapsed().as_secs_f64();
    println!("{what}: {:.0} a second ({:.2} us each)", count as f64 / seconds, seconds * 1e6 / count as f64);
}

fn main() -> Result<(), ProofFault> {
    let count: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let drafts: Vec<PacketDraft> = (0..count).map(draft).collect();

    let from = Instant::now();
    let bytes: Vec<Vec<u8>> = drafts.iter().map(canonical).collect();
    rate("canonical form", count, from);
    println!("bytes a packet: {}", bytes.iter().map(Vec::len).sum::<usize>() as u64 / count);
    let from = Instant::now();
    let hashes: Vec<Hash> = bytes.iter().map(|b| leaf_hash(b)).collect();
    rate("leaf hash", count, from);
    let from = Instant::now();
    let mut frontier = Frontier::new();
    let mut checkpoints = Vec::new();
    let signer = Signer::from_secret(&[7; 32]);
    for hash in &hashes {
        if frontier.push(*hash) % 1000 == 999 {
            checkpoints.push(signer.sign(Uuid::from_u128(5), frontier.size(), &frontier.root(), Moment(0)));
        }
    }
    rate("append with a checkpoint every 1000", count, from);

    let expected =
        Expected { origin: None, keys: vec![signer.verifier()], log: Some(checkpoints.clone()), checkpoints };
    for (what, by_bytes, threads) in [
        ("audit of bytes, 1 thread", true, 1),
        ("audit of bytes, 2 threads", true, 2),
        ("audit of drafts, 2 threads", false, 2),
    ] {
        let from = Instant::now();
        let mut audit = Audit::new(&expected);
        let entries = (0..count as usize).map(|n| Entry {
            seq: n as u64,
            content: if by_bytes { Content::Canonical(&bytes[n]) } else { Content::Draft(&drafts[n]) },
            hash: hashes[n],
            links: Some(&drafts[n].meta_parents),
        });
        if threads == 1 {
            entries.for_each(|entry| audit.push(&entry));
        } else {
            let entries: Vec<Entry<'_>> = entries.collect();
            entries.chunks(4096).for_each(|chunk| audit.push_all(chunk));
        }
        let report = audit.finish();
        assert!(report.sound(), "{:?}", report.findings.first());
        rate(what, count, from);
    }

    let from = Instant::now();
    let tree = Tree::from_leaves(hashes.iter().copied());
    rate("tree from leaf hashes", count, from);
    let root = tree.root();
    let from = Instant::now();
    let proofs = 10_000;
    for n in 0..proofs {
        let index = n * 7919 % count;
        black_box(tree.inclusion(index, count, hashes.as_slice())?);
    }
    rate("inclusion proof", proofs, from);
    let proof = tree.inclusion(count / 3, count, hashes.as_slice())?;
    let from = Instant::now();
    for _ in 0..proofs {
        verify_inclusion(&hashes[(count / 3) as usize], count / 3, count, &proof, &root)?;
    }
    rate("inclusion check", proofs, from);
    let from = Instant::now();
    for n in 0..proofs {
        black_box(tree.consistency(1 + n * 7919 % count, count, hashes.as_slice())?);
    }
    rate("consistency proof", proofs, from);
    let old = tree.root_at(count / 3, hashes.as_slice())?;
    let proof = tree.consistency(count / 3, count, hashes.as_slice())?;
    verify_consistency(count / 3, &old, count, &root, &proof)?;
    Ok(())
}
