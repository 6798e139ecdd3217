//! Stardust: packets, as they are written and as they are read back (reference, Cognitive Architecture §2.3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Moment, PacketId, ProjectId, TraceId};

/// Points at a row of any table: `stardust_metadata.entity_type` is the table's canonical name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityRef {
    pub entity_type: EntityType,
    pub entity_id: Uuid,
}

impl EntityRef {
    pub fn new(entity_type: EntityType, entity_id: impl Into<Uuid>) -> Self {
        Self { entity_type, entity_id: entity_id.into() }
    }
}

macro_rules! entity_types {
    ($($name:ident = $text:literal),+ $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum EntityType { $(#[serde(rename = $text)] $name),+ }
        impl EntityType {
            pub const ALL: &'static [EntityType] = &[$(EntityType::$name),+];
            pub fn as_str(self) -> &'static str { match self { $(EntityType::$name => $text),+ } }
            pub fn parse(text: &str) -> Option<Self> { match text { $($text => Some(EntityType::$name),)+ _ => None } }
        }
    };
}

entity_types! {
    Project = "projects", Creator = "creators", Post = "posts", Video = "videos", Analysis = "analysis", Clip = "clips",
    EditJob = "edit_jobs", UploadJob = "upload_jobs", Schedule = "schedules", Artifact = "artifacts", Job = "jobs",
    Queue = "queues", Directive = "directives", ApiKey = "api_keys", Request = "requests", Engine = "engine",
    Model = "models",
}

/// A packet before it has its place in the ledger. Lean: references, never blobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PacketDraft {
    pub stardust_id: PacketId,
    /// `noun.past_tense`: `job.claimed`, `clip.chosen`, `deliberation.ruled`, `api.answered` …
    pub kind: String,
    pub entity: EntityRef,
    pub project_id: Option<ProjectId>,
    pub trace_id: TraceId,
    /// Who says so: an actor (`zenith`, `editor`), or `operator:<key id>`.
    pub source: String,
    #[serde(rename = "_meta_parents")]
    pub meta_parents: Vec<PacketId>,
    pub at: Moment,
    pub body: Value,
    /// Reasoning nodes, where this packet records a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_chain: Option<Value>,
}

/// A packet at its place. `seq` counts from 0 without gaps; `hash` is the RFC 6962 leaf hash over the canonical JSON
/// (RFC 8785) of the draft.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    pub seq: u64,
    pub hash: [u8; 32],
    pub draft: PacketDraft,
}

/// A signed statement that the ledger had `size` packets with Merkle root `root`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Names the ledger: random, made when the database is made.
    pub origin: Uuid,
    pub size: u64,
    /// Hex.
    pub root: String,
    pub at: Moment,
    /// Hex Ed25519 signature over [`Checkpoint::signed_text`].
    pub signature: String,
    /// First 8 bytes of SHA-256 of the public key, hex.
    pub key_id: String,
}

impl Checkpoint {
    pub fn signed_text(&self) -> String {
        format!("omniva checkpoint v1\n{}\n{}\n{}\n{}\n", self.origin, self.size, self.root, self.at)
    }
}

/// Version of [`ProofBundle`] that is written.
pub const PROOF_VERSION: u32 = 1;

/// Everything needed to check, with the public key and nothing else, that a packet is in the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofBundle {
    /// 1
    pub version: u32,
    pub packet: PacketDraft,
    /// Place of the packet, counted from 0.
    pub seq: u64,
    /// RFC 6962 inclusion proof in the tree of the checkpoint's size: hex hashes, from the leaf's sibling upwards.
    pub path: Vec<String>,
    /// Signed with the key that its `key_id` names.
    pub checkpoint: Checkpoint,
}
