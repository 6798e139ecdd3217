//! What HaloLux says: explanations, insights and lineage, all built from packets alone (reference, Module Interfaces §4.8;
//! Endpoints §10).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EntityRef, Moment, PacketId, TraceId};

/// One sentence for people, and the packets that it rests on: at least one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sentence {
    pub text: String,
    pub packets: Vec<PacketId>,
}

/// One packet of the reasoning chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainNode {
    pub packet: PacketId,
    /// Place in the ledger.
    pub seq: u64,
    pub at: Moment,
    pub kind: String,
    pub source: String,
    pub entity: EntityRef,
    /// Packets of this chain, or missing ones, that it follows from.
    pub parents: Vec<PacketId>,
    pub summary: String,
}

/// Something that was weighed and not taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Discarded {
    pub what: String,
    pub why: String,
    pub packet: PacketId,
}

/// Why something is as it is. The same packets and question give the same explanation, byte for byte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Explanation {
    /// `why`, `why_not`, `why_none`, `failure`, `schedule`
    pub question: String,
    pub subject: EntityRef,
    /// Of the first packet about the subject; empty when there is none.
    pub trace_id: Option<TraceId>,
    /// The answer first, then what led to it, in the order of the ledger.
    pub narrative: Vec<Sentence>,
    /// In the order of the ledger.
    pub chain: Vec<ChainNode>,
    pub discarded: Vec<Discarded>,
    /// 0..1: share of the evidence looked for that was found. Looked for are: the steps that the subject must have gone
    /// through to be where it is, the parents that the packets of the chain name, and the word of every module that was
    /// asked. Four decimals.
    pub completeness: f64,
    /// What was looked for and not found.
    pub missing: Vec<String>,
}

/// `GET /v1/clips/{id}/insights`. Parts that no ruling speaks of are `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipInsights {
    pub clip_id: super::ClipId,
    pub trace_id: TraceId,
    pub insights: Insights,
    /// The rulings in full, by packet, in the order of the ledger.
    pub raw_payload: Value,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Insights {
    pub paradox: Option<ParadoxInsight>,
    pub lattice: Option<LatticeInsight>,
    pub pantheon: Vec<PantheonInsight>,
    pub horizon: Option<HorizonInsight>,
    pub zenith: Option<ZenithInsight>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParadoxInsight {
    /// What Paradox said against it, each with its machine-readable detail.
    pub conflicts: Vec<Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LatticeInsight {
    /// 0..1
    pub priority: f64,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PantheonInsight {
    pub agent: String,
    /// 0..1
    pub vote: f64,
    pub comment: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HorizonInsight {
    /// The goal that it serves; without one, the goal window (ISO 8601 interval) that the advice is for.
    pub goal_alignment: Option<String>,
    /// 0..1
    pub score: f64,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ZenithInsight {
    /// `EDIT_APPROVED`, `EDIT_UPLOAD_APPROVED`, `EDIT_UPLOAD_SCHEDULE_APPROVED`, or the last question with what became of
    /// it: `UPLOAD_REJECTED`, `SELECT_DEFERRED`, `SCHEDULE_QUARANTINED` …
    pub decision: String,
    pub why: String,
}

/// What came from what: creator → post → video → analysis → clip → edit job, schedule → upload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lineage {
    pub nodes: Vec<LineageNode>,
    pub edges: Vec<LineageEdge>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineageNode {
    pub entity: EntityRef,
    /// Kind of the last packet about it.
    pub last: String,
    pub at: Moment,
    pub packets: Vec<PacketId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineageEdge {
    pub from: EntityRef,
    pub to: EntityRef,
    /// The first packet about `to` that says so.
    pub packet: PacketId,
}
