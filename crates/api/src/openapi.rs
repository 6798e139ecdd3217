//! OpenAPI 3.1 from the table of routes and the types.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::params::Kind;
use crate::route::{Access, Answer, Route, Shape, routes, schema_of};
use crate::wrapper::{ErrorWrapper, Meta};

/// Named schemas, and those of each route that point at them.
pub struct Schemas {
    named: Map<String, Value>,
    inline: BTreeMap<usize, Value>,
}

impl Schemas {
    pub fn collect() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|s| {
            s.definitions_path = "/components/schemas".into();
            s.meta_schema = None;
        });
        let mut generator = settings.into_generator();
        let mut inline = BTreeMap::new();
        let mut add = |generator: &mut SchemaGenerator, shape: &Shape| {
            let schema = (shape.schema)(generator);
            inline.insert(shape.schema as usize, Value::from(schema));
        };
        for route in routes() {
            if let Some(body) = &route.body {
                add(&mut generator, body);
            }
            if let Answer::Data(answer) = &route.answer {
                add(&mut generator, answer);
            }
        }
        for schema in [schema_of::<ErrorWrapper>, schema_of::<Meta>] {
            schema(&mut generator);
        }
        let named = generator.take_definitions(true);
        Self { named, inline }
    }

    /// The schema of a shape: as a rule a reference into `components`.
    pub fn inline(&self, shape: &Shape) -> Value {
        self.inline.get(&(shape.schema as usize)).cloned().unwrap_or(Value::Bool(true))
    }
    pub fn components(&self) -> &Map<String, Value> {
        &self.named
    }
}

/// The whole document.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(build);
    &DOCUMENT
}

/// As text.
pub fn text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());
    &TEXT
}

fn build() -> Value {
    let schemas = Schemas::collect();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes() {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.as_str().to_lowercase(), operation(route, &schemas));
        }
    }
    let mut groups: Vec<&str> = Vec::new();
    for route in routes() {
        if !groups.contains(&route.group) {
            groups.push(route.group);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "omniva",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": groups.iter().map(|g| json!({ "name": g })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas.components(),
            "securitySchemes": {
                "key": { "type": "http", "scheme": "bearer", "description": "An API key: `omv_<role>_…`. Not needed on \
                    loopback while no key exists." },
            },
        },
    })
}

const ABOUT: &str = "Every JSON answer is wrapped: `status`, `data`, `error`, `meta`. Errors have a stable `code`; requests \
    that are not valid name every field at fault. Creating requests take an `Idempotency-Key`: the same key and body get \
    the same answer for 24 hours, another body is refused. `X-Request-Id` (a UUID) is taken over when it is given, and \
    stands on every answer. Instants are RFC 3339 in UTC.";

fn operation(route: &Route, schemas: &Schemas) -> Value {
    let mut parameters: Vec<Value> = route.names().map(path_parameter).collect();
    parameters.extend(route.query.iter().map(|p| {
        json!({ "name": p.name, "in": "query", "required": p.required, "description": p.about, "schema": p.schema() })
    }));
    if route.idempotent {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Makes repeating this request safe.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 128 },
        }));
    }
    let mut out = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [route.group],
        "parameters": parameters,
        "responses": responses(route, schemas),
    });
    let Some(map) = out.as_object_mut() else { return out };
    match route.access {
        Access::Open => map.insert("security".into(), json!([])),
        Access::From(role) => {
            map.insert("x-role".into(), json!(role));
            map.insert("security".into(), json!([{ "key": [] }, {}]))
        }
    };
    if let Some(body) = &route.body {
        map.insert(
            "requestBody".into(),
            json!({
                "required": !route.body_optional,
                "content": { "application/json": { "schema": schemas.inline(body), "example": example(body) } },
            }),
        );
    }
    out
}

/// `post_projects_project_id_start`
pub fn operation_id(route: &Route) -> String {
    let mut id = route.method.as_str().to_lowercase();
    for segment in route.segments().filter(|s| *s != "v1") {
        id.push('_');
        id.extend(segment.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).filter(|c| *c != '{'));
    }
    id.replace("__", "_").trim_end_matches('_').to_owned()
}

fn path_parameter(name: &str) -> Value {
    let schema = if name == "queue" {
        json!({ "type": "string", "enum": crate::table::jobs::KINDS })
    } else if name == "entity_type" {
        json!({ "type": "string", "enum": crate::table::ledger::ENTITY_TYPES })
    } else {
        json!({ "type": "string", "format": "uuid" })
    };
    json!({ "name": name, "in": "path", "required": true, "schema": schema })
}

fn example(shape: &Shape) -> Value {
    serde_json::from_str(shape.example).unwrap_or(Value::Null)
}

/// Codes that a route has besides its own.
pub fn common_errors(route: &Route) -> Vec<(u16, &'static str)> {
    let mut out = vec![(403, "HOST_REFUSED"), (500, "INTERNAL"), (503, "OVERLOADED"), (504, "TIMEOUT")];
    if let Access::From(_) = route.access {
        out.extend([(401, "UNAUTHORIZED"), (403, "FORBIDDEN"), (429, "TOO_MANY_FAILURES"), (503, "STORE_UNAVAILABLE")]);
    }
    out.push((400, "VALIDATION_ERROR"));
    if route.method.changes() {
        out.extend([(403, "ORIGIN_REFUSED"), (409, "CONFLICT"), (413, "BODY_TOO_LARGE"), (400, "BODY_INCOMPLETE")]);
        out.extend([(503, "ENGINE_UNAVAILABLE"), (503, "ENGINE_STOPPING")]);
    }
    if route.body.is_some() {
        out.extend([(415, "UNSUPPORTED_MEDIA_TYPE"), (400, "INVALID_JSON")]);
    }
    if route.idempotent {
        out.push((422, "IDEMPOTENCY_MISMATCH"));
    }
    let paging = |k: Kind| matches!(k, Kind::Int { .. });
    if route.query.iter().any(|p| paging(p.kind) && matches!(p.name, "limit" | "offset")) {
        out.push((400, "INVALID_PAGINATION"));
    }
    out
}

fn responses(route: &Route, schemas: &Schemas) -> Value {
    let mut out: Map<String, Value> = Map::new();
    let good = match &route.answer {
        Answer::Data(shape) => json!({
            "description": "Done.",
            "content": { "application/json": {
                "schema": wrapper(schemas.inline(shape)),
                "example": {
                    "status": "success", "data": example(shape), "error": null,
                    "meta": { "request_id": "4e3f2a1b-0c9d-4e8f-9a7b-6c5d4e3f2a1b", "generated_at": "2024-05-07T15:00:00.000000Z" },
                },
            } },
        }),
        Answer::Raw(kind) => json!({
            "description": "Done.",
            "content": { kind.split(';').next().unwrap_or(kind): { "schema": {} } },
        }),
        Answer::Socket => {
            json!({ "description": "Switching to WebSocket. Messages are JSON: `hello` once, then `packet` with \
            `id` (its place in the ledger) and `packet`." })
        }
    };
    out.insert(route.status.to_string(), good);
    let mut codes: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for (status, code) in route.errors.iter().chain(&common_errors(route)) {
        let list = codes.entry(*status).or_default();
        if !list.contains(code) {
            list.push(code);
        }
    }
    for (status, list) in codes {
        out.insert(
            status.to_string(),
            json!({
                "description": list.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", "),
                "content": { "application/json": { "schema": {
                    "allOf": [
                        { "$ref": "#/components/schemas/ErrorWrapper" },
                        { "properties": { "error": { "properties": { "code": { "enum": list } } } } },
                    ],
                } } },
            }),
        );
    }
    Value::Object(out)
}

fn wrapper(data: Value) -> Value {
    json!({
        "type": "object",
        "required": ["status", "data", "error", "meta"],
        "additionalProperties": false,
        "properties": {
            "status": { "const": "success" },
            "data": data,
            "error": { "type": "null" },
            "meta": { "$ref": "#/components/schemas/Meta" },
        },
    })
}
