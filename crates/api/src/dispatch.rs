//! The way of every request: name and origin, route, caller, role, parameters, body, handler, wrapper, note.

use std::net::SocketAddr;
use std::sync::Arc;

use futures::Stream;
use omniva_actors::office::{Caller, Refusal, RequestNote};
use omniva_contracts::engine::{Moment, RequestId, Role};
use omniva_contracts::hex;
use omniva_telemetry::meter;
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use uuid::Uuid;
use warp::Buf;
use warp::http::{HeaderMap, HeaderValue, header};
use warp::ws::Ws;

use crate::call::{Call, Reply};
use crate::params::Query;
use crate::route::{Access, Answer as Shown, Found, Route, find};
use crate::shared::Shared;
use crate::wrapper::{self, Answer};
use crate::{access, body, events, keytext, notes, origin};

const MAX_PATH: usize = 2_048;
const MAX_KEY: usize = 128;

/// A request as warp hands it over.
pub struct Arrived<S> {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub ws: Option<Ws>,
    pub body: S,
    pub from: SocketAddr,
}

/// What is known of a request by the time that it is answered.
struct Trail {
    request_id: RequestId,
    route: Option<&'static Route>,
    caller: Option<Caller>,
    allow: Option<String>,
}

enum Outcome {
    Reply(Reply),
    Socket(Answer),
}

pub async fn answer<S, B>(shared: Arc<Shared>, arrived: Arrived<S>) -> Answer
where
    S: Stream<Item = Result<B, warp::Error>> + Send,
    B: Buf,
{
    let began = Instant::now();
    let request_id = request_id(&shared, &arrived.headers);
    let mut trail = Trail { request_id, route: None, caller: None, allow: None };
    let (method, path) = (arrived.method.clone(), arrived.path.clone());
    let work = go(Arc::clone(&shared), arrived, &mut trail);
    let result = match tokio::time::timeout(shared.config.request_time, work).await {
        Ok(result) => result,
        Err(_) => {
            Err(Refusal::new(504, "TIMEOUT", "this took too long: what was begun may still be done").retry_after(5))
        }
    };
    let now = shared.now();
    let id = request_id.to_string();
    let replayed = matches!(&result, Ok(Outcome::Reply(Reply::Data { replayed: true, .. })));
    let code = result.as_ref().err().map(|r| r.code);
    let mut answer = match result {
        Ok(Outcome::Reply(reply)) => wrapper::good(reply, &id, now),
        Ok(Outcome::Socket(answer)) => answer,
        Err(refusal) => wrapper::bad(&refusal, &id, now),
    };
    if let Ok(value) = HeaderValue::from_str(&id) {
        answer.headers_mut().insert("x-request-id", value);
    }
    if let Some(allow) = trail.allow.as_deref().and_then(|a| HeaderValue::from_str(a).ok()) {
        answer.headers_mut().insert(header::ALLOW, allow);
    }
    let status = answer.status().as_u16();
    note(&shared, &trail, (&method, &path), (status, code, replayed), now);
    measure(&trail, status, began);
    answer
}

/// The caller's own id when it is a UUID, a new one otherwise.
fn request_id(shared: &Shared, headers: &HeaderMap) -> RequestId {
    let given = headers.get("x-request-id").and_then(|v| v.to_str().ok()).and_then(|t| Uuid::try_parse(t).ok());
    given.filter(|id| !id.is_nil()).map_or_else(|| shared.id(), RequestId)
}

async fn go<S, B>(shared: Arc<Shared>, arrived: Arrived<S>, trail: &mut Trail) -> Result<Outcome, Refusal>
where
    S: Stream<Item = Result<B, warp::Error>> + Send,
    B: Buf,
{
    origin::host(&arrived.headers, &shared.config)?;
    if arrived.path.len() > MAX_PATH {
        return Err(Refusal::new(414, "URI_TOO_LONG", "the path is too long"));
    }
    let (route, params) = match find(&arrived.method, &arrived.path) {
        Found::Route(route, params) => (route, params),
        Found::Methods(methods) => {
            let allow = methods.join(", ");
            let message = format!("{} is not for this path: use {allow}", short(&arrived.method));
            trail.allow = Some(allow);
            return Err(Refusal::new(405, "METHOD_NOT_ALLOWED", message));
        }
        Found::Nothing => return Err(Refusal::new(404, "NOT_FOUND", "there is nothing at this path: see /v1/docs")),
    };
    trail.route = Some(route);
    if route.method.changes() || arrived.ws.is_some() {
        origin::origin(&arrived.headers, &shared.config)?;
    }
    let Ok(_permit) = Arc::clone(&shared.requests).try_acquire_owned() else {
        return Err(Refusal::new(503, "OVERLOADED", "too many requests at the same time").retry_after(1));
    };
    let now = shared.now();
    let caller = allowed(&shared, route, &arrived, now).await?;
    trail.caller = Some(caller.clone());
    let query = Query::read(&arrived.query, route.query)?;
    let call = |body, idempotency| Call {
        shared: Arc::clone(&shared),
        route,
        params,
        query,
        body,
        caller,
        request_id: trail.request_id,
        trace_id: shared.id(),
        path: arrived.path.clone(),
        idempotency,
        now,
    };
    if matches!(route.answer, Shown::Socket) {
        let upgrade = arrived.ws.ok_or_else(|| {
            Refusal::new(426, "UPGRADE_REQUIRED", "this is a WebSocket: connect with an upgrade to websocket")
        })?;
        let call = call(serde_json::Value::Null, None);
        return events::open(call, upgrade, arrived.headers, arrived.from.ip()).map(Outcome::Socket);
    }
    let bytes = body::read(&arrived.headers, arrived.body, shared.config.max_body).await?;
    let body = shared.bodies.check(route, &arrived.headers, &bytes)?;
    let caller_name = trail.caller.as_ref().map_or("", |c| c.name.as_str());
    let idempotency = idempotency(route, &arrived.headers, (caller_name, &arrived.path), &bytes)?;
    let call = call(body, idempotency);
    (route.handler)(&call).await.map(Outcome::Reply)
}

/// Authentication, then authorisation.
async fn allowed<S>(shared: &Shared, route: &Route, arrived: &Arrived<S>, now: Moment) -> Result<Caller, Refusal> {
    if route.access == Access::Open {
        return Ok(Caller { name: "anyone".into(), role: Role::Viewer });
    }
    let caller = access::caller(shared, &arrived.headers, arrived.from.ip(), now).await?;
    if !route.access.allows(caller.role) {
        let message = format!("a {} may not do this", caller.role.as_str());
        return Err(Refusal::new(403, "FORBIDDEN", message));
    }
    Ok(caller)
}

/// Errors: `VALIDATION_ERROR` for a key that is none.
fn idempotency(
    route: &Route,
    headers: &HeaderMap,
    (caller, path): (&str, &str),
    body: &[u8],
) -> Result<Option<(String, String)>, Refusal> {
    let Some(given) = headers.get("idempotency-key").filter(|_| route.idempotent) else { return Ok(None) };
    let key = given.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > MAX_KEY {
        let wrong = "must be 1 to 128 visible ASCII characters";
        let refusal = Refusal::new(400, "VALIDATION_ERROR", format!("Idempotency-Key {wrong}"));
        return Err(refusal.field("Idempotency-Key", wrong));
    }
    let name = format!("{caller}:{} {path}:{key}", route.method.as_str());
    Ok(Some((keytext::hash_of(&name), hex(&Sha256::digest(body)))))
}

/// Changes are in the ledger with their commit; everything else is noted.
fn note(
    shared: &Shared,
    trail: &Trail,
    (method, path): (&str, &str),
    answered: (u16, Option<&str>, bool),
    now: Moment,
) {
    let (status, code, replayed) = answered;
    let changes = trail.route.is_some_and(|r| r.method.changes());
    let committed = changes && status < 300 && !replayed;
    if committed || trail.route.is_some_and(|r| r.silent && status < 400) {
        return;
    }
    notes::put(
        shared,
        RequestNote {
            request_id: trail.request_id,
            actor: trail.caller.as_ref().map_or_else(|| "unknown".to_owned(), |c| c.name.clone()),
            role: trail.caller.as_ref().map(|c| c.role),
            method: short(method),
            path: trail.route.map_or_else(|| short(path), |r| r.path.to_owned()),
            status,
            code: code.map(str::to_owned),
            at: now,
            audit: changes && status >= 400 && trail.caller.is_some(),
        },
    );
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

fn measure(trail: &Trail, status: u16, began: Instant) {
    // Only known words become labels, so that callers can't make series without end.
    meter::http_answered(trail.route.map_or("none", |r| r.path), status, began.elapsed());
}
