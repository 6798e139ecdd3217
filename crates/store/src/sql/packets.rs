//! Packets as rows of `stardust_metadata`. What the leaf hash covers is not stored a second time: it follows from the
//! columns.

use omniva_contracts::engine::*;
use sea_orm::{DbErr, QueryResult, Value};
use serde::{Deserialize, Serialize};

use super::field::{Cells, Field, document, from_document, misread};

pub(crate) const COLUMNS: &str = r#""seq", "stardust_id", "kind", "entity_type", "entity_id", "project_id", "trace_id", "source", "lineage", "body", "decision_chain", "leaf_hash", "created_at""#;
pub(crate) const WIDTH: usize = 13;
pub(crate) const LINK_COLUMNS: &str = r#""parent_id", "child_seq", "child_id""#;
pub(crate) const LINK_WIDTH: usize = 3;

/// What a packet follows from.
#[derive(Serialize, Deserialize)]
struct Lineage {
    trace_id: TraceId,
    #[serde(rename = "_meta_parents")]
    meta_parents: Vec<PacketId>,
}

pub(crate) fn values(seq: u64, hash: &[u8; 32], draft: &PacketDraft, out: &mut Vec<Value>) {
    let lineage = Lineage { trace_id: draft.trace_id, meta_parents: draft.meta_parents.clone() };
    seq.put(out);
    draft.stardust_id.put(out);
    draft.kind.put(out);
    draft.entity.put(out);
    draft.project_id.put(out);
    draft.trace_id.put(out);
    draft.source.put(out);
    out.push(Value::String(document(&lineage)));
    draft.body.put(out);
    draft.decision_chain.put(out);
    out.push(Value::Bytes(Some(hash.to_vec())));
    draft.at.put(out);
}

pub(crate) fn read(row: &QueryResult) -> Result<Packet, DbErr> {
    let mut cells = Cells::new(row);
    let seq = Field::take(&mut cells)?;
    let (stardust_id, kind, entity) = (Field::take(&mut cells)?, cells.next()?, Field::take(&mut cells)?);
    let (project_id, trace_id, source) = (Field::take(&mut cells)?, Field::take(&mut cells)?, cells.next()?);
    let lineage: Lineage = from_document(&cells.next::<String>()?)?;
    let (body, decision_chain) = (Field::take(&mut cells)?, Field::take(&mut cells)?);
    let hash = hash(cells.next()?)?;
    let at = Field::take(&mut cells)?;
    let meta_parents = lineage.meta_parents;
    let draft =
        PacketDraft { stardust_id, kind, entity, project_id, trace_id, source, meta_parents, at, body, decision_chain };
    Ok(Packet { seq, hash, draft })
}

pub(crate) fn hash(bytes: Vec<u8>) -> Result<[u8; 32], DbErr> {
    <[u8; 32]>::try_from(bytes).map_err(|_| misread("a leaf hash is not 32 bytes long"))
}
