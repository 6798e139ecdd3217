//! API keys: made (only the hash comes here) and revoked. The last way in is never closed.

use std::collections::BTreeMap;
use std::time::Duration;

use omniva_contracts::engine::*;
use serde_json::json;

use super::Refusal;
use super::check::Faults;
use super::desk::{Deed, Desk, OrRefuse};
use super::plan::Done;

const MOST_KEYS: usize = 1_000;
/// How exactly a key's row tells when it was used last: a write for every request would tell no more.
const USED_EVERY: Duration = Duration::from_secs(3_600);

fn entity(id: ApiKeyId) -> EntityRef {
    EntityRef::new(EntityType::ApiKey, id)
}

/// An administrator's key that does not end by itself.
fn lasting_admin(key: &ApiKey) -> bool {
    key.role == Role::Admin && key.revoked_at.is_none() && key.expires_at.is_none()
}

pub(super) async fn create(
    desk: &mut Desk<'_>,
    name: &str,
    role: Role,
    expires_at: Option<Moment>,
    hash: &str,
) -> Done {
    let mut faults = Faults::default();
    faults.name("name", name);
    faults.unless(expires_at.is_none_or(|at| at > desk.now), "expires_at", "lies in the past");
    faults.unless(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "hash", "is no SHA-256 in hex");
    faults.verdict()?;
    let keys = desk.reader.api_keys().await.or_refuse()?;
    if keys.len() >= MOST_KEYS {
        return Err(Refusal::new(409, "TOO_MANY_KEYS", "there are 1000 keys: none can be added"));
    }
    if !keys.iter().any(lasting_admin) && (role != Role::Admin || expires_at.is_some()) {
        return Err(Refusal::new(
            409,
            "ADMIN_KEY_FIRST",
            "the first key must be an administrator's that does not expire: with any key in place, requests without one \
             are refused",
        ));
    }
    if keys.iter().any(|k| k.name == name && k.revoked_at.is_none()) {
        return Err(Refusal::new(409, "KEY_EXISTS", format!("a key named “{name}” exists already")));
    }
    let id: ApiKeyId = desk.id();
    let body = json!({ "name": name, "role": role, "expires_at": expires_at });
    let packet = desk.record(Deed::new("api_key.created", entity(id), None, body));
    desk.rows.push(Row::ApiKey(ApiKey {
        api_key_id: id,
        name: name.to_owned(),
        role,
        hash: hash.to_owned(),
        created_at: desk.now,
        expires_at,
        revoked_at: None,
        last_used_at: None,
        version: 1,
    }));
    let data = json!({
        "api_key_id": id, "name": name, "role": role, "created_at": desk.now, "expires_at": expires_at, "key": null,
    });
    Ok((201, data, packet))
}

pub(super) async fn revoke(desk: &mut Desk<'_>, id: ApiKeyId) -> Done {
    let keys = desk.reader.api_keys().await.or_refuse()?;
    let found = keys.iter().find(|k| k.api_key_id == id);
    let Some(key) = found else {
        return Err(Refusal::new(404, "KEY_NOT_FOUND", format!("there is no key {id}")));
    };
    if key.revoked_at.is_some() {
        return Err(Refusal::new(409, "ALREADY_REVOKED", format!("key {id} is revoked already")));
    }
    let last = lasting_admin(key) && keys.iter().filter(|k| lasting_admin(k)).count() == 1;
    if last {
        let message = "this is the last administrator's key that does not expire: make another one first";
        return Err(Refusal::new(409, "LAST_ADMIN_KEY", message));
    }
    let before = desk.last_of(&entity(id)).await?;
    let packet = desk.record(Deed::new("api_key.revoked", entity(id), None, json!({ "name": key.name })).after(before));
    let revoked = ApiKey { revoked_at: Some(desk.now), version: key.version + 1, ..key.clone() };
    let data =
        json!({ "api_key_id": id, "name": revoked.name, "role": revoked.role, "revoked_at": revoked.revoked_at });
    desk.rows.push(Row::ApiKey(revoked));
    Ok((200, data, packet))
}

/// Notes on the keys among these callers when they were used; names that are no key's are left out.
pub(super) async fn used(desk: &mut Desk<'_>, callers: impl Iterator<Item = (&str, Moment)>) -> Result<(), Refusal> {
    let mut latest: BTreeMap<ApiKeyId, Moment> = BTreeMap::new();
    for (name, at) in callers {
        if let Ok(id) = name.parse() {
            let seen = latest.entry(ApiKeyId(id)).or_insert(at);
            *seen = at.max(*seen);
        }
    }
    // A key that this very commit changes keeps its change.
    let changed = |row: &Row, id: ApiKeyId| matches!(row, Row::ApiKey(key) if key.api_key_id == id);
    latest.retain(|id, _| !desk.rows.iter().any(|row| changed(row, *id)));
    if latest.is_empty() {
        return Ok(());
    }
    for key in desk.reader.api_keys().await.or_refuse()? {
        let Some(at) = latest.get(&key.api_key_id) else { continue };
        if key.last_used_at.is_none_or(|last| at.since(last) >= USED_EVERY) {
            desk.rows.push(Row::ApiKey(ApiKey { last_used_at: Some(*at), version: key.version + 1, ..key }));
        }
    }
    Ok(())
}
