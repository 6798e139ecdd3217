//! Requests that changed nothing, written down in groups: every request is in the ledger, and reading stays fast.

use std::collections::{BTreeMap, BTreeSet};

use omniva_contracts::engine::*;
use serde_json::{Value, json};

use super::desk::{Desk, OrRefuse};
use super::{Granted, Refusal, RequestNote, keys};

/// Request ids in one packet: keeps a packet below 20 kB.
const IN_A_PACKET: usize = 400;
/// Notes of one command.
const MOST: usize = 20_000;

type Group<'a> = (&'a str, &'a str, u16, &'a str, &'a str);

pub(super) async fn record(mut desk: Desk<'_>, notes: &[RequestNote]) -> Result<(Commit, Granted), Refusal> {
    if notes.len() > MOST {
        return Err(Refusal::new(500, "INTERNAL", "too many requests in one record"));
    }
    let mut last = None;
    for chunk in notes.chunks(IN_A_PACKET) {
        let packet = packet(&mut desk, chunk);
        let id = packet.stardust_id;
        desk.push_packet(packet);
        audit_rows(&mut desk, chunk, id).await?;
        last = Some(id);
    }
    keys::used(&mut desk, notes.iter().filter(|n| n.status != 401).map(|n| (n.actor.as_str(), n.at))).await?;
    Ok(desk.close_plain(json!({ "recorded": notes.len() }), last))
}

fn packet(desk: &mut Desk<'_>, notes: &[RequestNote]) -> PacketDraft {
    let mut groups: BTreeMap<Group<'_>, Vec<RequestId>> = BTreeMap::new();
    for n in notes {
        let group = (n.method.as_str(), n.path.as_str(), n.status, n.code.as_deref().unwrap_or(""), n.actor.as_str());
        groups.entry(group).or_default().push(n.request_id);
    }
    let groups: Vec<Value> = groups
        .into_iter()
        .map(|((method, path, status, code, actor), ids)| {
            let mut group =
                json!({ "method": method, "path": path, "status": status, "actor": actor, "requests": ids });
            if let (false, Some(group)) = (code.is_empty(), group.as_object_mut()) {
                group.insert("code".into(), json!(code));
            }
            group
        })
        .collect();
    let first = notes.iter().map(|n| n.at).min().unwrap_or(desk.now);
    let last = notes.iter().map(|n| n.at).max().unwrap_or(desk.now);
    PacketDraft {
        stardust_id: desk.id(),
        kind: "api.read".into(),
        entity: EntityRef::new(EntityType::Engine, uuid::Uuid::nil()),
        project_id: None,
        trace_id: desk.asked.trace_id,
        source: "api".into(),
        meta_parents: Vec::new(),
        at: desk.now,
        body: json!({ "from": first, "to": last, "groups": groups }),
        decision_chain: None,
    }
}

async fn audit_rows(desk: &mut Desk<'_>, notes: &[RequestNote], packet: PacketId) -> Result<(), Refusal> {
    let mut used = BTreeSet::new();
    for n in notes.iter().filter(|n| n.audit) {
        let request = EntityRef::new(EntityType::Request, n.request_id);
        let known = desk.reader.last_packet_of(&request).await.or_refuse()?.is_some();
        let fresh = used.insert(n.request_id) && !known;
        let request_id = if fresh { n.request_id } else { desk.id() };
        desk.rows.push(Row::Audit(AuditRow {
            request_id,
            actor: n.actor.clone(),
            role: n.role.unwrap_or(Role::Viewer),
            method: n.method.clone(),
            path: n.path.clone(),
            status: n.status,
            packet_id: Some(packet),
            at: n.at,
        }));
    }
    Ok(())
}
