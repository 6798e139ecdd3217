//! The standard wrapper: `{status, data, error, meta}`.

use omniva_actors::office::Refusal;
use omniva_contracts::engine::Moment;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use warp::http::{HeaderValue, Response, StatusCode, header};
use warp::reply::Reply as _;

use crate::call::Reply;

#[derive(Serialize, JsonSchema)]
pub struct Meta {
    pub request_id: String,
    pub generated_at: Moment,
}

/// One field at fault.
#[derive(Serialize, JsonSchema)]
pub struct FieldFault {
    /// Path within the body (`settings.keywords`), or the name of a parameter.
    pub field: String,
    pub message: String,
}

#[derive(Serialize, JsonSchema)]
pub struct ErrorView {
    /// Stable.
    pub code: String,
    pub message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub fields: Vec<FieldFault>,
}

/// Every refusal looks like this.
#[derive(Serialize, JsonSchema)]
pub struct ErrorWrapper {
    #[schemars(extend("const" = "error"))]
    pub status: &'static str,
    #[schemars(schema_with = "null")]
    pub data: (),
    pub error: ErrorView,
    pub meta: Meta,
}

fn null(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "null" })
}

pub type Answer = warp::reply::Response;

fn with_type(status: u16, content_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(body).into_response();
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::VARY, HeaderValue::from_static("authorization"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    let strict = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.insert(header::CONTENT_SECURITY_POLICY, strict);
    answer
}

const JSON: &str = "application/json";

pub fn good(reply: Reply, request_id: &str, now: Moment) -> Answer {
    match reply {
        Reply::Data { status, data, replayed } => {
            let meta = Meta { request_id: request_id.to_owned(), generated_at: now };
            let body = json!({ "status": "success", "data": data, "error": Value::Null, "meta": meta });
            let mut answer = with_type(status, JSON, body.to_string());
            if replayed {
                answer.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
            }
            answer
        }
        Reply::Raw { status, content_type, body, csp } => {
            let mut answer = with_type(status, content_type, body);
            if let Some(csp) = csp.and_then(|c| HeaderValue::from_str(&c).ok()) {
                answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, csp);
            }
            answer
        }
    }
}

pub fn bad(refusal: &Refusal, request_id: &str, now: Moment) -> Answer {
    let fields = refusal
        .fields
        .iter()
        .map(|(field, message)| FieldFault { field: field.clone(), message: message.clone() })
        .collect();
    let body = ErrorWrapper {
        status: "error",
        data: (),
        error: ErrorView { code: refusal.code.to_owned(), message: refusal.message.clone(), fields },
        meta: Meta { request_id: request_id.to_owned(), generated_at: now },
    };
    let text = json!(body).to_string();
    let mut answer = with_type(refusal.status, JSON, text);
    let headers = answer.headers_mut();
    if let Some(seconds) = refusal.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if refusal.status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"omniva\""));
    }
    answer
}
