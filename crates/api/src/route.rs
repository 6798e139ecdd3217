//! One route as data.

use futures::future::BoxFuture;
use omniva_actors::office::Refusal;
use omniva_contracts::engine::Role;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::call::{Call, Reply};
use crate::params::Param;
use crate::table;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    Get,
    Post,
    Patch,
    Delete,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
    /// HEAD is answered as GET.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "GET" | "HEAD" => Some(Method::Get),
            "POST" => Some(Method::Post),
            "PATCH" => Some(Method::Patch),
            "DELETE" => Some(Method::Delete),
            _ => None,
        }
    }
    pub fn changes(self) -> bool {
        self != Method::Get
    }
}

/// Who may call a route. Roles contain one another: viewer < operator < admin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Without a key, for probes.
    Open,
    From(Role),
}

impl Access {
    pub fn allows(self, role: Role) -> bool {
        match self {
            Access::Open => true,
            Access::From(least) => role >= least,
        }
    }
}

/// A type on the wire: its schema and an example (JSON).
#[derive(Clone, Copy)]
pub struct Shape {
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    pub example: &'static str,
}

pub fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

pub const fn shape<T: JsonSchema>(example: &'static str) -> Shape {
    Shape { schema: schema_of::<T>, example }
}

pub type Handler = for<'a> fn(&'a Call) -> BoxFuture<'a, Result<Reply, Refusal>>;

/// What an answer holds.
#[derive(Clone, Copy)]
pub enum Answer {
    /// `data` of the wrapper.
    Data(Shape),
    /// Not JSON in the wrapper: its content type.
    Raw(&'static str),
    /// A WebSocket.
    Socket,
}

#[derive(Clone, Copy)]
pub struct Route {
    pub method: Method,
    /// `/v1/clips/{clip_id}`
    pub path: &'static str,
    pub summary: &'static str,
    pub group: &'static str,
    pub access: Access,
    pub query: &'static [Param],
    pub body: Option<Shape>,
    /// Whether a body may be left out, which stands for `{}`.
    pub body_optional: bool,
    /// Status of the good answer.
    pub status: u16,
    pub answer: Answer,
    /// Codes of its own; those that every route has are added where they are shown.
    pub errors: &'static [(u16, &'static str)],
    /// Takes an `Idempotency-Key`.
    pub idempotent: bool,
    /// Not written down: probes and documents.
    pub silent: bool,
    pub handler: Handler,
}

impl Route {
    const fn new(method: Method, path: &'static str, summary: &'static str, role: Role, handler: Handler) -> Self {
        Self {
            method,
            path,
            summary,
            group: "",
            access: Access::From(role),
            query: &[],
            body: None,
            body_optional: false,
            status: 200,
            answer: Answer::Raw("application/json"),
            errors: &[],
            idempotent: matches!(method, Method::Post),
            silent: false,
            handler,
        }
    }
    pub const fn get(path: &'static str, summary: &'static str, handler: Handler) -> Self {
        Self::new(Method::Get, path, summary, Role::Viewer, handler)
    }
    pub const fn post(path: &'static str, summary: &'static str, handler: Handler) -> Self {
        Self::new(Method::Post, path, summary, Role::Operator, handler)
    }
    pub const fn patch(path: &'static str, summary: &'static str, handler: Handler) -> Self {
        Self::new(Method::Patch, path, summary, Role::Operator, handler)
    }
    pub const fn delete(path: &'static str, summary: &'static str, handler: Handler) -> Self {
        Self::new(Method::Delete, path, summary, Role::Operator, handler)
    }
    pub const fn in_group(mut self, group: &'static str) -> Self {
        self.group = group;
        self
    }
    pub const fn admin(mut self) -> Self {
        self.access = Access::From(Role::Admin);
        self
    }
    /// Anyone, and not written down.
    pub const fn open(mut self) -> Self {
        self.access = Access::Open;
        self.silent = true;
        self
    }
    pub const fn silent(mut self) -> Self {
        self.silent = true;
        self
    }
    pub const fn query(mut self, query: &'static [Param]) -> Self {
        self.query = query;
        self
    }
    pub const fn takes(mut self, body: Shape) -> Self {
        self.body = Some(body);
        self
    }
    pub const fn may_take(mut self, body: Shape) -> Self {
        self.body = Some(body);
        self.body_optional = true;
        self
    }
    pub const fn gives(mut self, status: u16, shape: Shape) -> Self {
        self.status = status;
        self.answer = Answer::Data(shape);
        self
    }
    pub const fn raw(mut self, content_type: &'static str) -> Self {
        self.answer = Answer::Raw(content_type);
        self
    }
    pub const fn socket(mut self) -> Self {
        self.status = 101;
        self.answer = Answer::Socket;
        self
    }
    pub const fn errors(mut self, errors: &'static [(u16, &'static str)]) -> Self {
        self.errors = errors;
        self
    }
    pub fn segments(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').skip(1)
    }
    /// Names of the parameters in the path, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.segments().filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// Every route there is.
pub fn routes() -> &'static [Route] {
    static ROUTES: std::sync::LazyLock<Vec<Route>> = std::sync::LazyLock::new(|| {
        let parts: [&[Route]; 16] = [
            table::projects::ROUTES,
            table::creators::ROUTES,
            table::scraping::ROUTES,
            table::analysis::ROUTES,
            table::clips::ROUTES,
            table::uploads::ROUTES,
            table::schedules::ROUTES,
            table::engagement::ROUTES,
            table::logs::ROUTES,
            table::insights::ROUTES,
            table::jobs::ROUTES,
            table::queues::ROUTES,
            table::orders::ROUTES,
            table::ledger::ROUTES,
            table::keys::ROUTES,
            table::system::ROUTES,
        ];
        parts.concat()
    });
    &ROUTES
}

/// What a path and a method lead to.
pub enum Found {
    Route(&'static Route, Vec<(&'static str, String)>),
    /// The path is known, the method is not: those that are.
    Methods(Vec<&'static str>),
    Nothing,
}

pub fn find(method: &str, path: &str) -> Found {
    let given: Vec<&str> = path.split('/').skip(1).collect();
    let mut methods: Vec<&'static str> = Vec::new();
    let wanted = Method::parse(method);
    for route in routes() {
        let Some(params) = matches(route, &given) else { continue };
        if wanted == Some(route.method) {
            return Found::Route(route, params);
        }
        methods.push(route.method.as_str());
        if route.method == Method::Get {
            methods.push("HEAD");
        }
    }
    if methods.is_empty() {
        return Found::Nothing;
    }
    methods.sort_unstable();
    methods.dedup();
    Found::Methods(methods)
}

fn matches(route: &Route, given: &[&str]) -> Option<Vec<(&'static str, String)>> {
    let mut params = Vec::new();
    let mut rest = given.iter();
    for segment in route.segments() {
        let text = rest.next()?;
        match segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
            Some(name) if !text.is_empty() => params.push((name, (*text).to_owned())),
            None if segment == *text => {}
            _ => return None,
        }
    }
    rest.next().is_none().then_some(params)
}
