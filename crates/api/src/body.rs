//! Bodies: bounded, JSON, and checked against the schema that the documentation shows, so that every field at fault is
//! named at once.

use std::collections::BTreeMap;

use futures::{Stream, StreamExt};
use jsonschema::{ValidationError, Validator};
use omniva_actors::office::Refusal;
use omniva_contracts::Fault;
use serde_json::{Map, Value, json};
use warp::Buf;
use warp::http::{HeaderMap, header};

use crate::openapi;
use crate::route::{Route, routes};

/// Faults that one answer names.
const MOST_FAULTS: usize = 50;

/// Reads at most `most` bytes.
///
/// Errors: `BODY_TOO_LARGE`, `BODY_INCOMPLETE`.
pub async fn read<S, B>(headers: &HeaderMap, stream: S, most: usize) -> Result<Vec<u8>, Refusal>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    let large = || Refusal::new(413, "BODY_TOO_LARGE", format!("the body has more than {most} bytes"));
    let told = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if told.is_some_and(|n| n > most as u64) {
        return Err(large());
    }
    let mut out = Vec::new();
    let mut stream = std::pin::pin!(stream);
    while let Some(part) = stream.next().await {
        let mut part = part.map_err(|_| Refusal::new(400, "BODY_INCOMPLETE", "the body ended before its time"))?;
        if out.len() + part.remaining() > most {
            return Err(large());
        }
        while part.has_remaining() {
            let chunk = part.chunk();
            out.extend_from_slice(chunk);
            let read = chunk.len();
            part.advance(read);
        }
    }
    Ok(out)
}

/// One validator a route that takes a body.
pub struct Bodies(BTreeMap<(&'static str, &'static str), Validator>);

impl Bodies {
    /// Errors: a schema of ours is wrong.
    pub fn new() -> Result<Self, Fault> {
        let schemas = openapi::Schemas::collect();
        let mut out = BTreeMap::new();
        for route in routes() {
            let Some(body) = &route.body else { continue };
            let mut schema = schemas.inline(body);
            let named = json!(reached(&schema, schemas.components()));
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("components".into(), json!({ "schemas": named }));
            }
            let validator = jsonschema::options()
                .should_validate_formats(true)
                .build(&schema)
                .map_err(|e| Fault::internal(format!("the schema of {} is wrong", route.path)).with_detail(e))?;
            out.insert((route.method.as_str(), route.path), validator);
        }
        Ok(Self(out))
    }

    /// Errors: `UNSUPPORTED_MEDIA_TYPE`, `INVALID_JSON`, `VALIDATION_ERROR`.
    pub fn check(&self, route: &Route, headers: &HeaderMap, bytes: &[u8]) -> Result<Value, Refusal> {
        if route.body.is_none() {
            return if bytes.is_empty() {
                Ok(Value::Null)
            } else {
                Err(Refusal::new(400, "VALIDATION_ERROR", "this route takes no body").field("", "must be empty"))
            };
        }
        if bytes.is_empty() && route.body_optional {
            return Ok(json!({}));
        }
        is_json(headers)?;
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|e| Refusal::new(400, "INVALID_JSON", format!("the body is no JSON: {e}")))?;
        let Some(validator) = self.0.get(&(route.method.as_str(), route.path)) else {
            return Err(Refusal::new(500, "INTERNAL", "this route has no schema"));
        };
        let faults: Vec<(String, String)> =
            validator.iter_errors(&value).flat_map(|e| named(&e)).take(MOST_FAULTS).collect();
        if faults.is_empty() {
            return Ok(value);
        }
        let names: Vec<&str> = faults.iter().map(|(n, _)| n.as_str()).collect();
        let message = format!("not valid: {}", names.join(", "));
        Err(Refusal { fields: faults, ..Refusal::new(400, "VALIDATION_ERROR", message) })
    }
}

/// The components that a schema names, and those that they name: a validator keeps a copy of all that it is given.
fn reached<'a>(schema: &'a Value, components: &'a Map<String, Value>) -> BTreeMap<&'a str, &'a Value> {
    let mut found: BTreeMap<&str, &Value> = BTreeMap::new();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(map) => {
                open.extend(map.values());
                let name =
                    map.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix("#/components/schemas/"));
                if let Some((name, component)) = name.and_then(|name| Some((name, components.get(name)?)))
                    && found.insert(name, component).is_none()
                {
                    open.push(component);
                }
            }
            _ => {}
        }
    }
    found
}

fn is_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let refused = |why: &str| Err(Refusal::new(415, "UNSUPPORTED_MEDIA_TYPE", why));
    let text = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let mut parts = text.split(';').map(|p| p.trim().to_ascii_lowercase());
    let json = parts.next().is_some_and(|t| t == "application/json");
    let plain =
        parts.all(|p| !p.starts_with("charset=") || matches!(p.as_str(), "charset=utf-8" | "charset=\"utf-8\""));
    if !(json && plain) {
        return refused("send the body as application/json in UTF-8");
    }
    let encoded = headers.get(header::CONTENT_ENCODING).is_some_and(|v| v != "identity");
    if encoded { refused("send the body without content encoding") } else { Ok(()) }
}

/// Field and fault; unknown and missing fields are named themselves, not the object that they are in.
fn named(error: &ValidationError<'_>) -> Vec<(String, String)> {
    use jsonschema::error::ValidationErrorKind as K;
    let place = path(error.instance_path().as_str());
    let inside = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    match error.kind() {
        K::AdditionalProperties { unexpected } | K::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|name| (inside(&short(name)), "is no field of this request".to_owned())).collect()
        }
        K::Required { property } => {
            vec![(inside(property.as_str().unwrap_or_default()), "is missing".to_owned())]
        }
        _ => vec![(place, short(&error.masked_with("the value").to_string()))],
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(160).collect()
}

/// `/settings/keywords/0` as `settings.keywords.0`.
fn path(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".").replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validator_gets_the_components_that_it_can_reach_and_no_others() {
        let Value::Object(components) = json!({
            "a": { "items": { "$ref": "#/components/schemas/b" } },
            "b": { "anyOf": [{ "$ref": "#/components/schemas/a" }, { "type": "null" }] },
            "c": { "type": "string" },
        }) else {
            panic!("an object")
        };
        let schema = json!({ "properties": { "x": { "$ref": "#/components/schemas/a" } } });
        assert_eq!(reached(&schema, &components).into_keys().collect::<Vec<_>>(), ["a", "b"]);
        assert!(reached(&json!({ "type": "object" }), &components).is_empty());
        let whole: usize = Bodies::new().expect("sound schemas").0.len();
        assert_eq!(whole, routes().iter().filter(|route| route.body.is_some()).count());
    }
}
