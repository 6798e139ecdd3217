use omniva_contracts::engine::{Checkpoint, EntityRef, EntityType, Moment, Packet, PacketDraft, PacketId};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use crate::*;

const ORIGIN: Uuid = Uuid::from_u128(5);

pub fn draft(n: u64, salt: u64) -> PacketDraft {
    let id = |n: u64| Uuid::from_u128(u128::from(n) << 64 | u128::from(salt));
    PacketDraft {
        stardust_id: id(n).into(),
        kind: "clip.proposed".into(),
        entity: EntityRef::new(EntityType::Clip, id(n / 2)),
        project_id: None,
        trace_id: id(n / 5).into(),
        source: "analyzer".into(),
        meta_parents: match n {
            0 => Vec::new(),
            1 | 2 => vec![id(n - 1).into()],
            _ => vec![id(n / 2).into(), id(n - 1).into()],
        },
        at: Moment(n as i64 * 1000),
        body: json!({ "start": n as f64 / 3.0, "reason": format!("candidate {n}"), "salt": salt }),
        decision_chain: None,
    }
}

pub fn ledger(count: u64, salt: u64) -> Vec<Packet> {
    (0..count)
        .map(|seq| {
            let draft = draft(seq, salt);
            Packet { seq, hash: leaf_hash(&canonical(&draft)), draft }
        })
        .collect()
}

/// A stored row.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    seq: u64,
    bytes: Vec<u8>,
    hash: Hash,
    links: Vec<PacketId>,
}

#[derive(Clone, Debug, PartialEq)]
struct Store {
    rows: Vec<Row>,
    checkpoints: Vec<Checkpoint>,
    log: Vec<Checkpoint>,
}

fn signer(secret: u8) -> Signer {
    Signer::from_secret(&[secret; 32])
}

fn sign_at(rows: &[Row], sizes: impl IntoIterator<Item = u64>, secret: u8) -> Vec<Checkpoint> {
    let leaves: Vec<Hash> = rows.iter().map(|row| row.hash).collect();
    sizes
        .into_iter()
        .map(|size| signer(secret).sign(ORIGIN, size, &root_of(&leaves[..size as usize]), Moment(size as i64)))
        .collect()
}

/// Checkpoints every `step` packets and at the end.
fn store(count: u64, step: u64) -> Store {
    let rows: Vec<Row> = ledger(count, 1)
        .into_iter()
        .map(|p| Row { seq: p.seq, bytes: canonical(&p.draft), hash: p.hash, links: p.draft.meta_parents })
        .collect();
    let checkpoints = sign_at(&rows, (1..=count).filter(|n| n % step == 0 || *n == count), 7);
    Store { rows, log: checkpoints.clone(), checkpoints }
}

fn audit(store: &Store) -> AuditReport {
    let expected = Expected {
        origin: Some(ORIGIN),
        keys: vec![signer(7).verifier()],
        checkpoints: store.checkpoints.clone(),
        log: Some(store.log.clone()),
    };
    let mut audit = Audit::new(&expected);
    let entries: Vec<Entry<'_>> = store
        .rows
        .iter()
        .map(|row| Entry {
            seq: row.seq,
            content: Content::Canonical(&row.bytes),
            hash: row.hash,
            links: Some(&row.links),
        })
        .collect();
    audit.push_all(&entries);
    audit.finish()
}

fn codes(report: &AuditReport) -> Vec<FindingCode> {
    report.findings.iter().map(|finding| finding.code).collect()
}

fn rehash(row: &mut Row) {
    row.hash = leaf_hash(&row.bytes);
}

#[test]
fn a_sound_ledger_has_no_findings() {
    let store = store(50, 16);
    let report = audit(&store);
    assert_eq!(report.findings, []);
    assert_eq!((report.packets, report.covered, report.checkpoints), (50, 50, 4));
    assert_eq!(report.root, store.checkpoints[3].root);
    let empty = Audit::new(&Expected::default()).finish();
    assert!(empty.sound() && empty.covered == 0);
}

#[test]
fn drafts_and_bytes_say_the_same() {
    let packets = ledger(20, 1);
    let mut by_draft = Audit::new(&Expected::default());
    for p in &packets {
        by_draft.push(&Entry { seq: p.seq, content: Content::Draft(&p.draft), hash: p.hash, links: None });
    }
    let by_bytes = audit(&Store { checkpoints: Vec::new(), log: Vec::new(), ..store(20, 5) });
    assert_eq!(by_draft.finish(), by_bytes);
}

#[test]
fn the_place_of_a_change_is_named() {
    let mut changed = store(50, 16);
    let byte = changed.rows[20].bytes.iter().position(|b| *b == b'c').expect("a c");
    changed.rows[20].bytes[byte] = b'd';
    let report = audit(&changed);
    assert_eq!(codes(&report), [FindingCode::Changed]);
    assert_eq!((report.findings[0].seq, report.covered), (Some(20), 16));

    rehash(&mut changed.rows[20]);
    let report = audit(&changed);
    assert_eq!(codes(&report), [FindingCode::Rewritten]);
    assert_eq!((report.findings[0].seq, report.findings[0].until, report.covered), (Some(16), Some(31), 16));
}

#[test]
fn a_database_put_back_to_an_older_copy_is_told_by_the_log() {
    let mut old = store(50, 16);
    old.rows.truncate(32);
    old.checkpoints.retain(|checkpoint| checkpoint.size <= 32);
    let report = audit(&old);
    assert!(codes(&report).contains(&FindingCode::RolledBack), "{report:?}");
    assert_eq!(report.covered, 32);
    // Without the log it is a ledger as good as any.
    let alone =
        Expected { keys: vec![signer(7).verifier()], checkpoints: old.checkpoints.clone(), ..Expected::default() };
    let mut audit = Audit::new(&alone);
    for row in &old.rows {
        audit.push(&Entry { seq: row.seq, content: Content::Canonical(&row.bytes), hash: row.hash, links: None });
    }
    assert!(audit.finish().sound());
}

#[test]
fn a_fork_signed_with_the_same_key_is_told_by_the_log() {
    let mut fork = store(50, 16);
    for row in &mut fork.rows[40..] {
        row.bytes = canonical(&PacketDraft {
            source: "someone".into(),
            ..serde_json::from_slice(&row.bytes).expect("a packet")
        });
        rehash(row);
    }
    fork.checkpoints = sign_at(&fork.rows, [16, 32, 48, 50], 7);
    let report = audit(&fork);
    assert!(codes(&report).contains(&FindingCode::Forked), "{report:?}");
    assert_eq!(report.findings.iter().find(|f| f.code == FindingCode::Forked).and_then(|f| f.seq), Some(48));
}

#[test]
fn the_newest_checkpoint_may_not_be_in_the_log_yet() {
    let mut behind = store(50, 16);
    behind.log.pop();
    assert!(audit(&behind).sound());
    // Somebody who saw it brings it along.
    let mut witnessed = behind.clone();
    witnessed.checkpoints.extend(behind.checkpoints.last().cloned());
    assert!(audit(&witnessed).sound());
    behind.log.pop();
    assert_eq!(codes(&audit(&behind)), [FindingCode::LogCut]);
}

#[test]
fn findings_have_a_limit() {
    let mut rows = store(1300, 1300);
    for row in &mut rows.rows {
        row.links.clear();
        row.hash = [0; 32];
    }
    let report = audit(&rows);
    assert_eq!((report.findings.len(), report.more), (1000, 1300 + 1299 - 1000));
}

/// What someone who can write everything but has not the private key can do to one place.
fn mutate(store: &mut Store, how: u8, at: usize, other: usize, bit: usize) {
    let n = store.rows.len();
    let (at, other) = (at % n, other % n);
    let c = at % store.checkpoints.len();
    match how {
        // Content, with and without its hash.
        0 | 1 => {
            let place = bit % store.rows[at].bytes.len();
            store.rows[at].bytes[place] ^= 1 << (bit % 8);
            if how == 1 {
                rehash(&mut store.rows[at]);
            }
        }
        2 => store.rows[at].hash[bit % 32] ^= 1 << (bit % 8),
        // Removed, with a gap and with the rest moved up.
        3 => drop(store.rows.remove(at)),
        4 => {
            store.rows.remove(at);
            for (n, row) in store.rows.iter_mut().enumerate() {
                row.seq = n as u64;
            }
        }
        // Reordered: rows as they are, and with their places exchanged.
        5 => store.rows.swap(at, other),
        6 => {
            store.rows.swap(at, other);
            store.rows[at].seq = at as u64;
            store.rows[other].seq = other as u64;
        }
        7 => store.rows.truncate(at),
        8 => {
            let copy = store.rows[at].clone();
            store.rows.insert(other, copy);
        }
        9 => drop(store.rows[at].links.pop()),
        10 => store.rows[at].links.push(Uuid::from_u128(bit as u128 + 77).into()),
        // An older copy of everything but the log.
        11 => {
            let size = store.checkpoints[c].size;
            store.rows.truncate(size as usize);
            store.checkpoints.truncate(c + 1);
        }
        // Another history with another key.
        12 => {
            let row = &mut store.rows[at];
            row.bytes = canonical(&draft(at as u64, 2));
            row.hash = leaf_hash(&row.bytes);
            row.links = draft(at as u64, 2).meta_parents;
            let sizes: Vec<u64> = store.checkpoints.iter().map(|checkpoint| checkpoint.size).collect();
            store.checkpoints = sign_at(&store.rows, sizes, 8);
        }
        13 => drop(store.checkpoints.remove(c)),
        14 => store.checkpoints[c].size += 1,
        15 => store.checkpoints[c].at.0 ^= 1 << (bit % 40),
        16 => store.checkpoints[c].root = hex::write(&[bit as u8; 32]),
        17 => store.checkpoints.swap(c, other % c.max(1)),
        18 => store.checkpoints[c].origin = Uuid::from_u128(bit as u128 + 1000),
        19 => drop(store.log.remove(c)),
        20 => store.log[c].size += 1,
        _ => store.rows[at].seq ^= 1 << (bit % 63),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn every_single_mutation_is_found(count in 1u64..40, step in 1u64..20, how in 0u8..22, at in any::<usize>(), other in any::<usize>(), bit in any::<usize>()) {
        let good = store(count, step);
        let mut bad = good.clone();
        mutate(&mut bad, how, at, other, bit);
        let report = audit(&bad);
        // The newest line may be missing from the log, after a crash; some mutations change nothing.
        let allowed = bad == good || (bad.rows == good.rows && bad.checkpoints == good.checkpoints && bad.log[..] == good.log[..good.log.len() - 1]);
        prop_assert_eq!(report.sound(), allowed, "mutation {}: {:?}", how, report);
    }
}
