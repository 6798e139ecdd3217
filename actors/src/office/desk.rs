//! Where one command's commit is put together.

use std::time::Duration;

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use omniva_contracts::ports::Ids;
use omniva_store::{Reader, StoreFault};
use serde_json::{Value, json};

use super::{Asked, Granted, Refusal, store_refusal};

/// How long the answer to an idempotency key is kept.
const ANSWER_KEPT: Duration = Duration::from_secs(24 * 3600);

/// A store fault as a refusal, so that `?` works on reads.
pub(super) trait OrRefuse<T> {
    fn or_refuse(self) -> Result<T, Refusal>;
}

impl<T> OrRefuse<T> for Result<T, StoreFault> {
    fn or_refuse(self) -> Result<T, Refusal> {
        self.map_err(|fault| store_refusal(&fault))
    }
}

/// What a domain change says of itself.
pub(super) struct Deed {
    pub kind: &'static str,
    pub entity: EntityRef,
    pub project: Option<ProjectId>,
    pub trace: Option<TraceId>,
    pub parents: Vec<PacketId>,
    pub body: Value,
}

impl Deed {
    pub fn new(kind: &'static str, entity: EntityRef, project: Option<ProjectId>, body: Value) -> Self {
        Self { kind, entity, project, trace: None, parents: Vec::new(), body }
    }
    pub fn trace(mut self, trace: TraceId) -> Self {
        self.trace = Some(trace);
        self
    }
    pub fn after(mut self, parent: Option<PacketId>) -> Self {
        self.parents.extend(parent);
        self
    }
}

pub(super) struct Desk<'a> {
    pub asked: &'a Asked,
    pub now: Moment,
    pub reader: &'a dyn Reader,
    pub config: &'a EngineConfig,
    pub ids: &'a mut (dyn Ids + Send + Sync),
    pub rows: Vec<Row>,
    packets: Vec<PacketDraft>,
    request_packet: PacketId,
}

impl<'a> Desk<'a> {
    pub fn new(
        asked: &'a Asked,
        now: Moment,
        reader: &'a dyn Reader,
        config: &'a EngineConfig,
        ids: &'a mut (dyn Ids + Send + Sync),
    ) -> Self {
        let request_packet = PacketId(ids.next());
        Self { asked, now, reader, config, ids, rows: Vec::new(), packets: Vec::new(), request_packet }
    }

    pub fn id<T: From<uuid::Uuid>>(&mut self) -> T {
        T::from(self.ids.next())
    }

    pub fn source(&self) -> String {
        format!("operator:{}", self.asked.caller.name)
    }

    /// The packet that records the request itself; everything that it causes has it as a parent.
    pub fn request_packet(&self) -> PacketId {
        self.request_packet
    }

    /// Writes down what was done and gives the id of its packet.
    pub fn record(&mut self, deed: Deed) -> PacketId {
        let id: PacketId = self.id();
        let mut parents = vec![self.request_packet];
        for parent in deed.parents {
            if !parents.contains(&parent) {
                parents.push(parent);
            }
        }
        self.packets.push(PacketDraft {
            stardust_id: id,
            kind: deed.kind.to_owned(),
            entity: deed.entity,
            project_id: deed.project,
            trace_id: deed.trace.unwrap_or(self.asked.trace_id),
            source: self.source(),
            meta_parents: parents,
            at: self.now,
            body: deed.body,
            decision_chain: None,
        });
        id
    }

    /// The last packet about an entity, as a parent.
    pub async fn last_of(&self, entity: &EntityRef) -> Result<Option<PacketId>, Refusal> {
        Ok(self.reader.last_packet_of(entity).await.or_refuse()?.map(|p| p.draft.stardust_id))
    }

    pub fn directive(&mut self, order: Order, reason: &str, rollback: &str, evidence: PacketId) -> DirectiveId {
        let directive_id: DirectiveId = self.id();
        self.rows.push(Row::Directive(Directive {
            directive_id,
            order,
            state: DirectiveState::Pending,
            source: DecisionSource::OperatorOverride,
            reason: reason.to_owned(),
            evidence: vec![evidence],
            rollback: rollback.to_owned(),
            trace_id: self.asked.trace_id,
            created_at: self.now,
            dispatched_at: None,
            version: 1,
        }));
        directive_id
    }

    /// Closes the commit: the packet of the request (first, for it is the cause), the audit row, the saved answer.
    pub async fn close(mut self, status: u16, data: Value, packet: PacketId) -> Result<(Commit, Granted), Refusal> {
        let request = EntityRef::new(EntityType::Request, self.asked.request_id);
        // A request id that a caller chose may have been used before; the audit's key is then drawn anew, and the packet
        // still names the request.
        let used = self.last_of(&request).await?.is_some();
        let audit_id = if used { self.id() } else { self.asked.request_id };
        let asked = self.asked;
        let project = self.packets.iter().find_map(|p| p.project_id);
        let touched: Vec<Value> = self.packets.iter().map(|p| json!(p.entity)).take(64).collect();
        let answered = PacketDraft {
            stardust_id: self.request_packet,
            kind: "api.answered".into(),
            entity: request,
            project_id: project,
            trace_id: asked.trace_id,
            source: self.source(),
            meta_parents: Vec::new(),
            at: self.now,
            body: json!({
                "method": asked.method, "path": asked.path, "status": status, "actor": asked.caller.name,
                "role": asked.caller.role, "entities": touched,
            }),
            decision_chain: None,
        };
        self.packets.insert(0, answered);
        if let Some((key, body_hash)) = &asked.idempotency {
            self.rows.push(Row::Answer(IdempotentAnswer {
                key: key.clone(),
                body_hash: body_hash.clone(),
                status,
                answer: json!({ "data": data, "packet": packet }),
                created_at: self.now,
                expires_at: self.now.after(ANSWER_KEPT),
            }));
        }
        self.rows.push(Row::Audit(AuditRow {
            request_id: audit_id,
            actor: asked.caller.name.clone(),
            role: asked.caller.role,
            method: asked.method.clone(),
            path: asked.path.clone(),
            status,
            packet_id: Some(packet),
            at: self.now,
        }));
        let commit = Commit { rows: self.rows, packets: self.packets, purges: Vec::new() };
        Ok((commit, Granted { status, data, packet: Some(packet), replayed: false }))
    }

    /// Without a request behind it: packets and rows as they are.
    pub fn close_plain(self, data: Value, packet: Option<PacketId>) -> (Commit, Granted) {
        let commit = Commit { rows: self.rows, packets: self.packets, purges: Vec::new() };
        (commit, Granted { status: 200, data, packet, replayed: false })
    }

    pub fn push_packet(&mut self, packet: PacketDraft) {
        self.packets.push(packet);
    }
}
