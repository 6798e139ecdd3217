//! Orders, packets and how they hang together.

use omniva_contracts::engine::*;
use omniva_ledger::hex;
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Serialize, JsonSchema)]
pub struct DirectiveGiven {
    pub directive_id: DirectiveId,
    pub state: DirectiveState,
    pub order: Order,
    pub reason: String,
    pub requested_at: Moment,
}

#[derive(Serialize, JsonSchema)]
pub struct DirectiveView {
    pub directive_id: DirectiveId,
    pub order: Order,
    pub state: DirectiveState,
    pub source: DecisionSource,
    pub reason: String,
    pub evidence: Vec<PacketId>,
    pub rollback: String,
    pub trace_id: TraceId,
    pub created_at: Moment,
    pub dispatched_at: Option<Moment>,
}

impl From<Directive> for DirectiveView {
    fn from(d: Directive) -> Self {
        Self {
            directive_id: d.directive_id,
            order: d.order,
            state: d.state,
            source: d.source,
            reason: d.reason,
            evidence: d.evidence,
            rollback: d.rollback,
            trace_id: d.trace_id,
            created_at: d.created_at,
            dispatched_at: d.dispatched_at,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct OverrideView {
    pub packet_id: PacketId,
    pub question: Question,
    pub subject: EntityRef,
    pub approve: bool,
    pub reason: String,
    pub operator: String,
    pub imposed_at: Moment,
}

/// A packet at its place.
#[derive(Serialize, JsonSchema)]
pub struct PacketView {
    pub seq: u64,
    /// RFC 6962 leaf hash over the canonical JSON (RFC 8785) of the packet without `seq` and `hash`, hex.
    pub hash: String,
    #[serde(flatten)]
    pub packet: PacketDraft,
}

impl From<Packet> for PacketView {
    fn from(p: Packet) -> Self {
        Self { seq: p.seq, hash: hex::write(&p.hash), packet: p.draft }
    }
}

/// Packets in the order of the ledger.
#[derive(Serialize, JsonSchema)]
pub struct PacketList {
    pub items: Vec<PacketView>,
    /// `from_seq` of the next page; `null` at the end.
    pub next_seq: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
pub struct HeadView {
    /// Names the ledger.
    pub origin: uuid::Uuid,
    /// Packets in it.
    pub size: u64,
    /// Merkle root (RFC 6962), hex.
    pub root: String,
}

#[derive(Serialize, JsonSchema)]
pub struct PacketEdge {
    /// Cause.
    pub from: PacketId,
    /// What followed from it.
    pub to: PacketId,
}

/// Causes and effects among packets.
#[derive(Serialize, JsonSchema)]
pub struct PacketGraph {
    pub root: PacketId,
    /// In the order of the ledger.
    pub nodes: Vec<PacketView>,
    pub edges: Vec<PacketEdge>,
    /// Parents that are not in the ledger.
    pub missing: Vec<PacketId>,
    /// The graph goes on beyond the limit.
    pub truncated: bool,
}
