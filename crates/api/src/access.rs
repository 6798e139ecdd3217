//! Who calls.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use omniva_actors::office::{Caller, Refusal};
use omniva_contracts::engine::{ApiKey, Moment, Role};
use warp::http::{HeaderMap, header};

use crate::call::OrRefuse;
use crate::keytext::{hash_of, is_key, same};
use crate::shared::Shared;

/// All keys, as of one place of the ledger: a key is made and revoked with a packet, so that while no packet came the
/// list is the list. A revoked key is refused from the next request on.
#[derive(Default)]
pub struct KeyRing(RwLock<Option<(u64, Arc<Vec<ApiKey>>)>>);

impl KeyRing {
    async fn keys(&self, shared: &Shared) -> Result<Arc<Vec<ApiKey>>, Refusal> {
        let now = *shared.committed.borrow();
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, keys)) = held
            && at == now
        {
            return Ok(keys);
        }
        let keys = Arc::new(shared.reader.api_keys().await.or_refuse()?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&keys)));
        Ok(keys)
    }
}

fn unauthorized(why: &str) -> Refusal {
    Refusal::new(401, "UNAUTHORIZED", why)
}

/// The caller of a request. Without any key in the store, a server on loopback takes everyone for its administrator.
///
/// Errors: `UNAUTHORIZED`; `TOO_MANY_FAILURES` for an address that failed too often.
pub async fn caller(shared: &Shared, headers: &HeaderMap, from: IpAddr, now: Moment) -> Result<Caller, Refusal> {
    let keys = shared.keys.keys(shared).await?;
    if keys.is_empty() && shared.config.bind.ip().is_loopback() {
        return Ok(Caller { name: "loopback".into(), role: Role::Admin });
    }
    let Some(given) = headers.get(header::AUTHORIZATION) else {
        return Err(unauthorized("send an API key as `Authorization: Bearer omv_…`"));
    };
    if let Some(wait) = shared.throttle.blocked(from, now) {
        let message = "too many wrong keys came from this address: wait before the next try";
        return Err(Refusal::new(429, "TOO_MANY_FAILURES", message).retry_after(wait));
    }
    let text = given.to_str().unwrap_or_default();
    let key = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, k)| k.trim());
    match key.filter(|k| is_key(k)).and_then(|k| known(&keys, &hash_of(k), now)) {
        Some(key) => Ok(Caller { name: key.api_key_id.to_string(), role: key.role }),
        None => {
            shared.throttle.failed(from, now);
            Err(unauthorized("this key is not valid: it may be mistyped, revoked or expired"))
        }
    }
}

/// Looks at every key, whichever fits.
fn known<'a>(keys: &'a [ApiKey], hash: &str, now: Moment) -> Option<&'a ApiKey> {
    let fits = |key: &ApiKey| {
        let equal = same(&key.hash, hash);
        equal && key.revoked_at.is_none() && key.expires_at.is_none_or(|at| at > now)
    };
    keys.iter().fold(None, |found, key| if fits(key) { Some(key) } else { found })
}
