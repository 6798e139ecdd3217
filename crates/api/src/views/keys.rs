//! Keys, and who asked for what.

use omniva_contracts::engine::*;
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Serialize, JsonSchema)]
pub struct KeyView {
    pub api_key_id: ApiKeyId,
    pub name: String,
    pub role: Role,
    pub created_at: Moment,
    pub expires_at: Option<Moment>,
    pub revoked_at: Option<Moment>,
    /// To the hour.
    pub last_used_at: Option<Moment>,
}

impl From<ApiKey> for KeyView {
    fn from(k: ApiKey) -> Self {
        Self {
            api_key_id: k.api_key_id,
            name: k.name,
            role: k.role,
            created_at: k.created_at,
            expires_at: k.expires_at,
            revoked_at: k.revoked_at,
            last_used_at: k.last_used_at,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct KeyCreated {
    pub api_key_id: ApiKeyId,
    pub name: String,
    pub role: Role,
    pub created_at: Moment,
    pub expires_at: Option<Moment>,
    /// Shown this once; `null` when the answer is repeated for an Idempotency-Key.
    pub key: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct KeyRevoked {
    pub api_key_id: ApiKeyId,
    pub name: String,
    pub role: Role,
    pub revoked_at: Moment,
}

#[derive(Serialize, JsonSchema)]
pub struct AuditItem {
    pub request_id: RequestId,
    /// `loopback`, or the id of a key.
    pub actor: String,
    pub role: Role,
    pub method: String,
    pub path: String,
    pub status: u16,
    pub packet_id: Option<PacketId>,
    pub at: Moment,
}

impl From<AuditRow> for AuditItem {
    fn from(a: AuditRow) -> Self {
        Self {
            request_id: a.request_id,
            actor: a.actor,
            role: a.role,
            method: a.method,
            path: a.path,
            status: a.status,
            packet_id: a.packet_id,
            at: a.at,
        }
    }
}
