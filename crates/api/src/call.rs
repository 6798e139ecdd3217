//! One request on its way through a handler, and what a handler answers.

use std::sync::Arc;

use omniva_actors::office::{Asked, Caller, Command, Granted, Refusal, store_refusal};
use omniva_contracts::engine::{Moment, Project, ProjectId, RequestId, Role, TraceId};
use omniva_store::{Answered, Reader};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::params::Query;
use crate::route::Route;
use crate::shared::Shared;

pub struct Call {
    pub shared: Arc<Shared>,
    pub route: &'static Route,
    pub params: Vec<(&'static str, String)>,
    pub query: Query,
    pub body: Value,
    pub caller: Caller,
    pub request_id: RequestId,
    pub trace_id: TraceId,
    pub path: String,
    /// Stored key and hash of the body.
    pub idempotency: Option<(String, String)>,
    pub now: Moment,
}

pub enum Reply {
    Data { status: u16, data: Value, replayed: bool },
    Raw { status: u16, content_type: &'static str, body: String, csp: Option<String> },
}

impl Call {
    pub fn reader(&self) -> &dyn Reader {
        self.shared.reader.as_ref()
    }

    /// An id of the path. One that is no UUID names nothing, so that it is answered like one that is not there.
    pub fn id<T: From<Uuid>>(&self, name: &str, code: &'static str) -> Result<T, Refusal> {
        let text = self.param(name);
        Uuid::try_parse(text).map(T::from).map_err(|_| missing(code, text))
    }
    pub fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v.as_str())
    }

    pub fn project_id(&self) -> Result<ProjectId, Refusal> {
        self.id("project_id", "PROJECT_NOT_FOUND")
    }
    /// The project of the path, which must be there.
    pub async fn project(&self) -> Result<Project, Refusal> {
        let id = self.project_id()?;
        self.reader().project(id).await.or_refuse()?.ok_or_else(|| missing("PROJECT_NOT_FOUND", &id.to_string()))
    }

    /// The body, which fits its schema already; what only the type itself can tell is still refused by name.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        T::deserialize(&self.body).map_err(|e| Refusal::new(400, "VALIDATION_ERROR", e.to_string()))
    }

    pub async fn ask(&self, command: Command) -> Result<Granted, Refusal> {
        let asked = Asked {
            command,
            caller: self.caller.clone(),
            request_id: self.request_id,
            trace_id: self.trace_id,
            method: self.route.method.as_str().to_owned(),
            path: self.path.clone(),
            idempotency: self.idempotency.clone(),
        };
        self.shared.office.ask(asked).await
    }
    pub async fn order(&self, command: Command) -> Result<Reply, Refusal> {
        let Granted { status, data, replayed, .. } = self.ask(command).await?;
        Ok(Reply::Data { status, data, replayed })
    }
    pub fn is_admin(&self) -> bool {
        self.caller.role == Role::Admin
    }
}

pub fn data<T: Serialize>(data: T) -> Result<Reply, Refusal> {
    let data = serde_json::to_value(data)
        .map_err(|e| Refusal::new(500, "INTERNAL", format!("the answer can't be written: {e}")))?;
    Ok(Reply::Data { status: 200, data, replayed: false })
}

pub fn missing(code: &'static str, what: &str) -> Refusal {
    let what: String = what.chars().filter(|c| !c.is_control()).take(60).collect();
    Refusal::new(404, code, format!("there is no {what}"))
}

/// A store fault in the words of the API, so that `?` works on reads.
pub trait OrRefuse<T> {
    fn or_refuse(self) -> Result<T, Refusal>;
}

impl<T> OrRefuse<T> for Answered<T> {
    fn or_refuse(self) -> Result<T, Refusal> {
        self.map_err(|fault| store_refusal(&fault))
    }
}
