//! Stardust: packets, proofs, lineage.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use omniva_actors::office::Refusal;
use omniva_contracts::engine::{Checkpoint, EntityRef, EntityType, Packet, PacketId, ProofBundle};
use omniva_ledger::{Hash, ProofFault, Runs, bundle, verify_inclusion};
use omniva_store::PacketFilter;
use uuid::Uuid;

use super::clips::find;
use super::{BAD_PAGE, NO_CLIP};
use crate::call::{Call, OrRefuse, Reply, data, missing};
use crate::params::{Kind, LIMIT, Param};
use crate::route::{Route, shape};
use crate::views::{All, HeadView, PacketEdge, PacketGraph, PacketList, PacketView};

const G: &str = "Ledger";
const NO_PACKET: (u16, &str) = (404, "PACKET_NOT_FOUND");
pub(crate) const ENTITY_TYPES: &[&str] = &[
    "projects",
    "creators",
    "posts",
    "videos",
    "analysis",
    "clips",
    "edit_jobs",
    "upload_jobs",
    "schedules",
    "artifacts",
    "jobs",
    "queues",
    "directives",
    "api_keys",
    "requests",
    "engine",
    "models",
];
const KIND: Param =
    Param::new("kind", Kind::Text { max: 80 }, "Only this kind; with a dot at the end everything below it: `job.`");
const ENTITY_TYPE: Param =
    Param::new("entity_type", Kind::OneOf(ENTITY_TYPES), "Only about this entity; together with `entity_id`.");
const ENTITY_ID: Param = Param::new("entity_id", Kind::Id, "Together with `entity_type`.");
const TRACE: Param = Param::new("trace_id", Kind::Id, "Only of this workflow.");
const PROJECT: Param = Param::new("project_id", Kind::Id, "Only of this project.");
const LIST: &[Param] = &[
    Param::new("from_seq", Kind::Int { min: 0, max: i64::MAX as u64 }, "From this place; 0 when left out."),
    KIND,
    ENTITY_TYPE,
    ENTITY_ID,
    TRACE,
    PROJECT,
    LIMIT,
];
/// Query of `/v1/events`.
pub(crate) const EVENTS: &[Param] = &[
    Param::new(
        "after",
        Kind::Int { min: 0, max: i64::MAX as u64 },
        "Resume after this place; only what is new when left out.",
    ),
    Param::new("from_start", Kind::Flag, "`true`: from the very first packet."),
    KIND,
    ENTITY_TYPE,
    ENTITY_ID,
    TRACE,
    PROJECT,
];
const GRAPH: &[Param] = &[
    Param::new("depth", Kind::Int { min: 1, max: 50 }, "Steps up and down; 10 when left out."),
    Param::new("nodes", Kind::Int { min: 1, max: 1_000 }, "Packets at most; 200 when left out."),
];
const PROOF: &str = r#"{"version":1,"packet":{"stardust_id":"0a1b2c3d-4e5f-4a6b-8c7d-9e8f7a6b5c4d","kind":"project.created","entity":{"entity_type":"projects","entity_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7"},"project_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","trace_id":"4e3f2a1b-0c9d-4e8f-9a7b-6c5d4e3f2a1b","source":"operator:loopback","_meta_parents":[],"at":"2024-05-07T12:05:00.000000Z","body":{}},"seq":0,"path":[],"checkpoint":{"origin":"5f6a7b8c-9d0e-4f1a-8b2c-3d4e5f6a7b8c","size":1,"root":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","at":"2024-05-07T12:10:00.000000Z","signature":"00","key_id":"0011223344556677"}}"#;
const GRAPH_EXAMPLE: &str =
    r#"{"root":"0a1b2c3d-4e5f-4a6b-8c7d-9e8f7a6b5c4d","nodes":[],"edges":[],"missing":[],"truncated":false}"#;

pub const ROUTES: &[Route] = &[
    Route::get("/v1/ledger/head", "Size and Merkle root of the ledger", |c| Box::pin(head(c))).in_group(G).gives(
        200,
        shape::<HeadView>(
            r#"{"origin":"5f6a7b8c-9d0e-4f1a-8b2c-3d4e5f6a7b8c","size":1,"root":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}"#,
        ),
    ),
    Route::get("/v1/ledger/packets", "List packets in the order of the ledger", |c| Box::pin(list(c)))
        .in_group(G)
        .query(LIST)
        .gives(200, shape::<PacketList>(r#"{"items":[],"next_seq":null}"#))
        .errors(&[BAD_PAGE]),
    Route::get("/v1/ledger/packets/{packet_id}", "Show a packet", |c| Box::pin(show(c)))
        .in_group(G)
        .gives(
            200,
            shape::<PacketView>(
                r#"{"seq":0,"hash":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","stardust_id":"0a1b2c3d-4e5f-4a6b-8c7d-9e8f7a6b5c4d","kind":"project.created","entity":{"entity_type":"projects","entity_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7"},"project_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","trace_id":"4e3f2a1b-0c9d-4e8f-9a7b-6c5d4e3f2a1b","source":"operator:loopback","_meta_parents":[],"at":"2024-05-07T12:05:00.000000Z","body":{}}"#,
            ),
        )
        .errors(&[NO_PACKET]),
    Route::get("/v1/ledger/packets/{packet_id}/proof", "Prove that a packet is in the signed ledger", |c| {
        Box::pin(proof(c))
    })
    .in_group(G)
    .gives(200, shape::<ProofBundle>(PROOF))
    .errors(&[NO_PACKET, (409, "CHECKPOINT_PENDING")]),
    Route::get("/v1/ledger/packets/{packet_id}/lineage", "Causes and effects of a packet", |c| Box::pin(lineage(c)))
        .in_group(G)
        .query(GRAPH)
        .gives(200, shape::<PacketGraph>(GRAPH_EXAMPLE))
        .errors(&[NO_PACKET]),
    Route::get("/v1/ledger/checkpoints", "List signed checkpoints, oldest first", |c| Box::pin(checkpoints(c)))
        .in_group(G)
        .gives(200, shape::<All<Checkpoint>>(r#"{"items":[]}"#)),
    Route::get("/v1/clips/{clip_id}/proof", "Prove the last packet about a clip", |c| Box::pin(clip_proof(c)))
        .in_group(G)
        .gives(200, shape::<ProofBundle>(PROOF))
        .errors(&[NO_CLIP, NO_PACKET, (409, "CHECKPOINT_PENDING")]),
    Route::get("/v1/clips/{clip_id}/lineage", "Causes and effects of the last packet about a clip", |c| {
        Box::pin(clip_lineage(c))
    })
    .in_group(G)
    .query(GRAPH)
    .gives(200, shape::<PacketGraph>(GRAPH_EXAMPLE))
    .errors(&[NO_CLIP, NO_PACKET]),
];

async fn head(c: &Call) -> Result<Reply, Refusal> {
    let head = c.reader().head().await.or_refuse()?;
    data(HeadView { origin: head.origin, size: head.size, root: omniva_ledger::hex::write(&head.root) })
}

/// What the query asks for. Errors: one of `entity_type` and `entity_id` without the other.
pub(crate) fn filter(c: &Call, from_seq: u64) -> Result<PacketFilter, Refusal> {
    let q = &c.query;
    let entity = match (q.word("entity_type", EntityType::parse), q.id::<Uuid>("entity_id")) {
        (Some(kind), Some(id)) => Some(EntityRef::new(kind, id)),
        (None, None) => None,
        _ => {
            let wrong = "must come together with the other";
            let refusal = Refusal::new(400, "VALIDATION_ERROR", "entity_type and entity_id come together");
            return Err(refusal.field("entity_type", wrong).field("entity_id", wrong));
        }
    };
    Ok(PacketFilter { entity, trace: q.id("trace_id"), project: q.id("project_id"), kind: q.owned("kind"), from_seq })
}

async fn list(c: &Call) -> Result<Reply, Refusal> {
    let limit = c.query.page().limit;
    let filter = filter(c, c.query.int("from_seq").unwrap_or(0))?;
    let packets = c.reader().packets(&filter, limit).await.or_refuse()?;
    let next_seq = packets.last().filter(|_| packets.len() as u64 == limit).map(|p| p.seq + 1);
    data(PacketList { items: packets.into_iter().map(PacketView::from).collect(), next_seq })
}

async fn packet(c: &Call) -> Result<Packet, Refusal> {
    let id: PacketId = c.id("packet_id", "PACKET_NOT_FOUND")?;
    c.reader().packet(id).await.or_refuse()?.ok_or_else(|| missing("PACKET_NOT_FOUND", &id.to_string()))
}

async fn show(c: &Call) -> Result<Reply, Refusal> {
    data(PacketView::from(packet(c).await?))
}

async fn checkpoints(c: &Call) -> Result<Reply, Refusal> {
    data(All { items: c.reader().checkpoints().await.or_refuse()? })
}

async fn proof(c: &Call) -> Result<Reply, Refusal> {
    let packet = packet(c).await?;
    prove(c, packet).await
}

async fn last_of_clip(c: &Call) -> Result<Packet, Refusal> {
    let clip = find(c).await?;
    let entity = EntityRef::new(EntityType::Clip, clip.clip_id);
    let found = c.reader().last_packet_of(&entity).await.or_refuse()?;
    found.ok_or_else(|| missing("PACKET_NOT_FOUND", &format!("packet about {}", clip.clip_id)))
}

async fn clip_proof(c: &Call) -> Result<Reply, Refusal> {
    let packet = last_of_clip(c).await?;
    prove(c, packet).await
}

/// Against the first checkpoint that covers the packet. The proof is checked before it is given out.
async fn prove(c: &Call, packet: Packet) -> Result<Reply, Refusal> {
    let checkpoints = c.reader().checkpoints().await.or_refuse()?;
    let covering = checkpoints.into_iter().filter(|k| k.size > packet.seq).min_by_key(|k| k.size);
    let Some(checkpoint) = covering else {
        let message = "no checkpoint covers this packet yet: one is signed now and then";
        return Err(Refusal::new(409, "CHECKPOINT_PENDING", message).retry_after(30));
    };
    data(path(c, packet, checkpoint).await?)
}

/// Leaf hashes that are read at once while the kept tree grows.
const RUN: u64 = 8_192;

/// The kept tree takes in what was written since the last proof, once; then a proof reads a few hundred leaves, however
/// long the ledger is.
async fn path(c: &Call, packet: Packet, checkpoint: Checkpoint) -> Result<ProofBundle, Refusal> {
    let broken = |_: ProofFault| corrupt();
    let mut tree = c.shared.tree.lock().await;
    while tree.size() < checkpoint.size {
        for leaf in run(c, tree.size()..checkpoint.size.min(tree.size() + RUN)).await? {
            tree.push(leaf);
        }
    }
    let mut wanted = tree.wanted_for_inclusion(packet.seq, checkpoint.size).map_err(broken)?;
    wanted.extend(tree.wanted_for_root(checkpoint.size).map_err(broken)?);
    let mut runs = Runs::default();
    for range in wanted {
        runs.add(range.start, run(c, range).await?);
    }
    let path = tree.inclusion(packet.seq, checkpoint.size, &runs).map_err(broken)?;
    let root = tree.root_at(checkpoint.size, &runs).map_err(broken)?;
    verify_inclusion(&packet.hash, packet.seq, checkpoint.size, &path, &root).map_err(broken)?;
    if omniva_ledger::hex::write(&root) != checkpoint.root {
        return Err(corrupt());
    }
    Ok(bundle(packet, &path, checkpoint))
}

async fn run(c: &Call, range: Range<u64>) -> Result<Vec<Hash>, Refusal> {
    let count = range.end - range.start;
    let leaves = c.reader().leaf_hashes(range.start, count).await.or_refuse()?;
    if leaves.len() as u64 == count { Ok(leaves) } else { Err(corrupt()) }
}

fn corrupt() -> Refusal {
    Refusal::new(500, "LEDGER_CORRUPT", "the ledger does not fit its checkpoint: run `omniva ledger verify`")
}

async fn lineage(c: &Call) -> Result<Reply, Refusal> {
    let packet = packet(c).await?;
    graph(c, packet).await
}

async fn clip_lineage(c: &Call) -> Result<Reply, Refusal> {
    let packet = last_of_clip(c).await?;
    graph(c, packet).await
}

/// Breadth first: causes of causes, and effects of the root alone and of what follows from it.
async fn graph(c: &Call, start: Packet) -> Result<Reply, Refusal> {
    let depth = c.query.int("depth").unwrap_or(10);
    let most = usize::try_from(c.query.int("nodes").unwrap_or(200)).unwrap_or(200);
    let root = start.draft.stardust_id;
    let mut walk = Walk { most, ..Walk::default() };
    walk.queue.push_back((start.draft.meta_parents.clone(), 1, true));
    walk.queue.push_back((vec![root], 0, false));
    walk.nodes.insert(root, start);
    while let Some((ids, level, up)) = walk.queue.pop_front() {
        if level > depth {
            walk.truncated |= !ids.is_empty();
            continue;
        }
        for id in ids {
            if up { walk.climb(c, id, level).await? } else { walk.descend(c, id, level).await? }
        }
    }
    data(walk.done(root))
}

#[derive(Default)]
struct Walk {
    most: usize,
    nodes: BTreeMap<PacketId, Packet>,
    missing: BTreeSet<PacketId>,
    queue: VecDeque<(Vec<PacketId>, u64, bool)>,
    truncated: bool,
}

impl Walk {
    fn full(&mut self) -> bool {
        self.truncated |= self.nodes.len() >= self.most;
        self.nodes.len() >= self.most
    }
    async fn climb(&mut self, c: &Call, id: PacketId, level: u64) -> Result<(), Refusal> {
        if self.nodes.contains_key(&id) || self.missing.contains(&id) || self.full() {
            return Ok(());
        }
        match c.reader().packet(id).await.or_refuse()? {
            Some(packet) => {
                self.queue.push_back((packet.draft.meta_parents.clone(), level + 1, true));
                self.nodes.insert(id, packet);
            }
            None => {
                self.missing.insert(id);
            }
        }
        Ok(())
    }
    async fn descend(&mut self, c: &Call, id: PacketId, level: u64) -> Result<(), Refusal> {
        let children = c.reader().children(id, 200).await.or_refuse()?;
        let mut fresh = Vec::new();
        for child in children {
            if self.nodes.contains_key(&child) || self.full() {
                continue;
            }
            if let Some(packet) = c.reader().packet(child).await.or_refuse()? {
                self.nodes.insert(child, packet);
                fresh.push(child);
            }
        }
        self.queue.push_back((fresh, level + 1, false));
        Ok(())
    }
    fn done(self, root: PacketId) -> PacketGraph {
        let mut edges = Vec::new();
        for (id, packet) in &self.nodes {
            for parent in packet.draft.meta_parents.iter().filter(|p| self.nodes.contains_key(p)) {
                edges.push(PacketEdge { from: *parent, to: *id });
            }
        }
        let mut nodes: Vec<PacketView> = self.nodes.into_values().map(PacketView::from).collect();
        nodes.sort_by_key(|n| n.seq);
        PacketGraph { root, nodes, edges, missing: self.missing.into_iter().collect(), truncated: self.truncated }
    }
}
