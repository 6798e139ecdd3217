//! What came from what, as the packets say it: an edge is there when a packet about one thing follows from a packet about
//! the other, through nothing but jobs, rulings and requests in between.

use std::collections::{BTreeMap, BTreeSet};

use omniva_contracts::engine::{EntityRef, EntityType, Lineage, LineageEdge, LineageNode, Packet};

use super::facts::{Body, Facts};
use super::story::concerning;

/// Place on the way from a creator to a publication; `None` for what is not a station of it.
fn station(entity: EntityType) -> Option<u8> {
    match entity {
        EntityType::Creator => Some(0),
        EntityType::Post => Some(1),
        EntityType::Video => Some(2),
        EntityType::Analysis => Some(3),
        EntityType::Clip => Some(4),
        EntityType::EditJob => Some(5),
        EntityType::Schedule => Some(6),
        EntityType::UploadJob => Some(7),
        _ => None,
    }
}

/// Everything that the entity came from and that came from it. Nodes and edges are in the order of the way, then of the
/// ledger.
pub fn lineage(entity: &EntityRef, packets: &[Packet]) -> Lineage {
    let facts = Facts::new(packets);
    let story = concerning(&facts, entity);
    let mut nodes: BTreeMap<(u8, u64), LineageNode> = BTreeMap::new();
    let mut place: BTreeMap<EntityRef, (u8, u64)> = BTreeMap::new();
    let mut edges: BTreeMap<(EntityRef, EntityRef), &Packet> = BTreeMap::new();
    for packet in &story {
        let own = packet.draft.entity.clone();
        let named = ["edit_job_id"].into_iter().filter_map(|key| Body::of(packet).id(key));
        let named: Vec<EntityRef> = named.map(|id| EntityRef::new(EntityType::EditJob, id)).collect();
        for about in std::iter::once(&own).chain(&named) {
            let Some(station) = station(about.entity_type) else { continue };
            let key = *place.entry(about.clone()).or_insert((station, packet.seq));
            let node = nodes.entry(key).or_insert_with(|| LineageNode {
                entity: about.clone(),
                last: String::new(),
                at: packet.draft.at,
                packets: Vec::new(),
            });
            node.last.clone_from(&packet.draft.kind);
            node.at = packet.draft.at;
            node.packets.push(packet.draft.stardust_id);
        }
        for job in &named {
            edges.entry((own.clone(), job.clone())).or_insert(packet);
        }
        for from in sources(packet, &facts) {
            edges.entry((from, own.clone())).or_insert(packet);
        }
    }
    let forward = |from: &EntityRef, to: &EntityRef| match (station(from.entity_type), station(to.entity_type)) {
        (Some(from), Some(to)) => from < to,
        _ => false,
    };
    let mut edges: Vec<LineageEdge> = edges
        .into_iter()
        .filter(|((from, to), _)| forward(from, to) && place.contains_key(from) && place.contains_key(to))
        .map(|((from, to), packet)| LineageEdge { from, to, packet: packet.draft.stardust_id })
        .collect();
    edges.sort_by_key(|edge| (place.get(&edge.from).copied(), place.get(&edge.to).copied()));
    Lineage { nodes: nodes.into_values().collect(), edges }
}

/// The stations that a packet follows from directly.
fn sources(packet: &Packet, facts: &Facts<'_>) -> BTreeSet<EntityRef> {
    let mut found = BTreeSet::new();
    if station(packet.draft.entity.entity_type).is_none() {
        return found;
    }
    let mut seen = BTreeSet::new();
    let mut todo = packet.draft.meta_parents.clone();
    while let Some(id) = todo.pop() {
        let Some(parent) = facts.get(id).filter(|_| seen.insert(id)) else { continue };
        let entity = &parent.draft.entity;
        if station(entity.entity_type).is_none() {
            todo.extend(&parent.draft.meta_parents);
        } else if *entity != packet.draft.entity {
            found.insert(entity.clone());
        }
    }
    found
}

/// The lineage as a Mermaid flowchart. Ids are cut to eight digits; nothing in it comes from foreign text.
pub fn mermaid(lineage: &Lineage) -> String {
    let mut out = String::from("flowchart LR\n");
    let mut names: BTreeMap<&EntityRef, String> = BTreeMap::new();
    for (n, node) in lineage.nodes.iter().enumerate() {
        let id = node.entity.entity_id.simple().to_string();
        let id = id.get(..8).unwrap_or_default();
        let kind: String = node.last.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_')).collect();
        out.push_str(&format!("  n{n}[\"{} {id}<br/>{kind}\"]\n", node.entity.entity_type.as_str()));
        names.insert(&node.entity, format!("n{n}"));
    }
    for edge in &lineage.edges {
        if let (Some(from), Some(to)) = (names.get(&edge.from), names.get(&edge.to)) {
            out.push_str(&format!("  {from} --> {to}\n"));
        }
    }
    out
}
