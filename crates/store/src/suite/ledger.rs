//! Packets: gapless places, exact content, the head of the tree.

use omniva_contracts::engine::*;
use omniva_ledger::{Frontier, canonical, leaf_hash};
use serde_json::json;
use uuid::Uuid;

use super::rows::*;
use super::{ORIGIN, Store, of};
use crate::*;

pub(crate) fn packet(n: u128) -> PacketDraft {
    PacketDraft {
        stardust_id: id(20, n),
        kind: if n.is_multiple_of(3) { "job.claimed".into() } else { "clip.chosen".into() },
        entity: EntityRef::new(EntityType::Job, id::<Uuid>(7, n % 4)),
        project_id: n.is_multiple_of(2).then(|| id(1, 1)),
        trace_id: id(30, n % 5),
        source: "zenith".into(),
        meta_parents: if n == 0 { vec![] } else { vec![id(20, n - 1), id(20, 0), id(20, 0)] },
        at: at(n as i64),
        body: json!({"score": 0.1 + 0.2, "text": "„ü“ \u{0} \u{2028}", "nested": {"b": 1, "a": [null, true, -0.0, 1e300]}}),
        decision_chain: (n == 2).then(|| json!([{"node": 1}])),
    }
}

fn said(row: Option<Row>, packets: Vec<PacketDraft>) -> Commit {
    Commit { rows: row.into_iter().collect(), packets, purges: vec![] }
}

async fn everything(store: &Store) -> Vec<Packet> {
    store.opened.reader.packets(&PacketFilter::default(), 10_000).await.expect("answered")
}

pub(super) async fn packets_are_gapless_under_refusals(mut store: Store) {
    let bad = |n| said(Some(Row::Creator(creator(n, 99))), vec![packet(1000 + n)]);
    let good = |n| said(Some(Row::Project(project(n))), vec![packet(2 * n), packet(2 * n + 1)]);
    let mut seqs = Vec::new();
    for round in 0..4u128 {
        let commits = (0..10).map(|n| if (n + round) % 3 == 0 { bad(n) } else { good(round * 10 + n) });
        for answer in store.batch(commits.collect()).await {
            seqs.extend(answer.map(|receipt| receipt.seqs).unwrap_or_default());
        }
    }
    assert_eq!(seqs, (0..seqs.len() as u64).collect::<Vec<_>>());
    let packets = everything(&store).await;
    assert_eq!(packets.iter().map(|p| p.seq).collect::<Vec<_>>(), seqs);
    assert!(packets.iter().all(|p| p.draft.stardust_id.0.as_u128() & 0xffff < 1000));
    let head = store.opened.reader.head().await.expect("answered");
    let leaves = store.opened.reader.leaf_hashes(0, 10_000).await.expect("answered");
    assert_eq!((head.origin, head.size), (ORIGIN, seqs.len() as u64));
    assert_eq!(head.root, Frontier::from_leaves(leaves).root());
    assert_eq!(store.opened.upkeep.integrity().await, Ok(vec![]));
}

pub(super) async fn packets_read_as_they_were_written(mut store: Store) {
    let drafts: Vec<PacketDraft> = (0..5).map(packet).collect();
    store.commit(said(None, drafts.clone())).await.expect("is written");
    for (n, found) in everything(&store).await.into_iter().enumerate() {
        assert_eq!(found.draft, drafts[n]);
        // What is read back has the hash that was taken when it was written.
        assert_eq!(found.hash, leaf_hash(&canonical(&found.draft)));
        assert_eq!(store.opened.reader.packet(id(20, n as u128)).await, Ok(Some(found)));
    }
    let leaves = store.opened.reader.leaf_hashes(3, 1).await.expect("answered");
    assert_eq!(leaves, [leaf_hash(&canonical(&drafts[3]))]);
    assert_eq!(store.opened.reader.packet(id(20, 99)).await, Ok(None));
}

pub(super) async fn packets_by_filter(mut store: Store) {
    store.commit(said(None, (0..12).map(packet).collect())).await.expect("is written");
    let reader = &store.opened.reader;
    let list = async |filter: PacketFilter, limit: u64| -> Vec<u64> {
        reader.packets(&filter, limit).await.expect("answered").iter().map(|p| p.seq).collect()
    };
    let entity = packet(1).entity;
    assert_eq!(list(PacketFilter { entity: Some(entity.clone()), ..Default::default() }, 99).await, [1, 5, 9]);
    assert_eq!(list(PacketFilter { trace: Some(id(30, 4)), ..Default::default() }, 99).await, [4, 9]);
    assert_eq!(list(PacketFilter { project: Some(id(1, 1)), from_seq: 5, ..Default::default() }, 2).await, [6, 8]);
    assert_eq!(list(PacketFilter { kind: Some("job.claimed".into()), ..Default::default() }, 99).await, [0, 3, 6, 9]);
    assert_eq!(list(PacketFilter { kind: Some("job.".into()), ..Default::default() }, 99).await, [0, 3, 6, 9]);
    assert_eq!(list(PacketFilter { kind: Some("JOB.".into()), ..Default::default() }, 99).await, [] as [u64; 0]);
    assert_eq!(list(PacketFilter { kind: Some("job".into()), ..Default::default() }, 99).await, [] as [u64; 0]);
    assert_eq!(reader.last_packet_of(&entity).await.expect("answered").map(|p| p.seq), Some(9));
    let nobody = EntityRef::new(EntityType::Clip, entity.entity_id);
    assert_eq!(reader.last_packet_of(&nobody).await, Ok(None));
    assert_eq!(reader.children(id(20, 0), 3).await, Ok(vec![id(20, 1), id(20, 2), id(20, 3)]));
    assert_eq!(reader.children(id(20, 5), 99).await, Ok(vec![id(20, 6)]));
}

pub(super) async fn packets_are_examined_as_they_are_read(mut store: Store) {
    store.commit(said(None, (0..12).map(packet).collect())).await.expect("is written");
    let reader = store.opened.reader.as_ref();
    for (from, until) in [(0, 12), (0, 5), (5, 12), (3, 4), (4, 4), (12, 99), (0, u64::MAX)] {
        let found = reader.examined(from, until).await.expect("answered");
        assert_eq!(Ok(&found), examined_one_by_one(reader, from, until).await.as_ref());
        let places: Vec<u64> = found.iter().map(|packet| packet.seq()).collect();
        assert_eq!(places, (from..until.min(12)).collect::<Vec<_>>());
        let mut audit = omniva_ledger::Audit::new(&omniva_ledger::Expected::default());
        found.into_iter().for_each(|packet| audit.take(packet));
        assert_eq!(audit.finish().sound(), from == 0 || places.is_empty(), "{from} {until}");
    }
}

pub(super) async fn a_packet_twice_is_refused(mut store: Store) {
    store.commit(said(None, vec![packet(1)])).await.expect("is written");
    let refused = store.commit(said(Some(Row::Project(project(1))), vec![packet(2), packet(1)])).await;
    let key = packet(1).stardust_id.to_string();
    assert_eq!(refused, Err(Refused::Duplicate { table: Table::Packets, key }));
    assert_eq!(store.opened.reader.project(id(1, 1)).await, Ok(None));
    assert_eq!(everything(&store).await.len(), 1);
    let receipt = store.commit(said(None, vec![packet(2)])).await.expect("is written");
    assert_eq!(receipt.seqs, [1]);
}

pub(super) async fn checkpoints_and_health(mut store: Store) {
    let checkpoint = |size| Checkpoint {
        origin: ORIGIN,
        size,
        root: "ab".into(),
        at: at(1),
        signature: "cd".into(),
        key_id: "ef".into(),
    };
    store.put(vec![Row::Checkpoint(checkpoint(20)), Row::Checkpoint(checkpoint(3))]).await;
    let reader = &store.opened.reader;
    assert_eq!(reader.checkpoints().await, Ok(vec![checkpoint(3), checkpoint(20)]));
    assert_eq!(reader.health().await, Ok(()));
    assert!(!reader.describe().await.expect("answered").is_empty());
    let empty = of(vec![]);
    assert_eq!(store.commit(empty).await, Ok(Receipt::default()));
}
