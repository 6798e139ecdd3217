//! Asks the engine over its API and turns every answer into data or a fault.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use omniva_contracts::{Code, Fault};
use serde_json::Value;
use ureq::Agent;
use ureq::http::{Method, Request, Response};

use super::{DataFolder, Notice};
use crate::cli::ServerArgs;

/// Largest answer that is read.
const MAX_ANSWER: u64 = 256 << 20;
/// Longest key file.
const MAX_KEY: u64 = 4 << 10;
/// No request of ours takes this long; a page of packets is the largest.
const PATIENCE: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(5);
/// Where an engine listens when nothing says otherwise.
const USUAL: &str = "http://127.0.0.1:7700";

/// Parameters after the question mark; what is `None` is left out.
#[derive(Default)]
pub struct Query(String);

impl Query {
    pub fn with(mut self, name: &str, value: Option<impl std::fmt::Display>) -> Self {
        if let Some(value) = value {
            self.0.push(if self.0.is_empty() { '?' } else { '&' });
            self.0.push_str(name);
            self.0.push('=');
            escape(&mut self.0, &value.to_string());
        }
        self
    }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
fn escape(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// One segment of a path: an id or a name, whatever a user typed.
pub fn segment(text: &str) -> String {
    let mut out = String::new();
    escape(&mut out, text);
    out
}

pub struct Client {
    agent: Agent,
    base: String,
    key: Option<String>,
}

impl Client {
    /// Errors: `usage` for an address that is none, or a key that would leave this machine unencrypted.
    pub fn new(args: &ServerArgs) -> Result<Self, Fault> {
        let var = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let given = args.server.clone().or_else(|| var("OMNIVA_SERVER"));
        let base = match given {
            Some(text) if text.contains("://") => text,
            Some(text) => format!("http://{text}"),
            None => DataFolder::find(&args.data)
                .ok()
                .and_then(|data| Notice::read(&data))
                .map_or_else(|| USUAL.to_owned(), |notice| format!("http://{}", notice.address)),
        };
        let base = base.trim_end_matches('/').to_owned();
        let local = local(&base)?;
        let path = args.key_file.clone().or_else(|| var("OMNIVA_KEY_FILE").map(Into::into));
        let key = path.as_deref().map(read_key).transpose()?;
        if key.is_some() && !local && base.starts_with("http://") {
            return Err(Fault::new(
                Code::Usage,
                format!("the key would travel to {base} for everybody to read"),
                "use https, or a tunnel that ends on this machine",
            ));
        }
        let mut builder = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .timeout_connect(Some(CONNECT))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(concat!("omniva/", env!("CARGO_PKG_VERSION")));
        if local {
            builder = builder.proxy(None);
        }
        Ok(Self { agent: builder.build().new_agent(), base, key })
    }

    pub fn get(&self, path: &str, query: Query) -> Result<Value, Fault> {
        self.ask(Method::GET, &format!("{path}{}", query.0), None)
    }
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, Fault> {
        self.ask(Method::POST, path, Some(body))
    }
    pub fn delete(&self, path: &str) -> Result<Value, Fault> {
        self.ask(Method::DELETE, path, None)
    }

    /// An answer that is no JSON, as it is.
    pub fn text(&self, path: &str) -> Result<String, Fault> {
        let mut response = self.send(Method::GET, path, None)?;
        if !response.status().is_success() {
            return Err(self.read(response).err().unwrap_or_else(|| self.unreachable(&"a refusal without words")));
        }
        let mut text = String::new();
        let mut reader = response.body_mut().as_reader().take(MAX_ANSWER);
        reader.read_to_string(&mut text).map_err(|e| self.unreachable(&e))?;
        Ok(text)
    }

    /// The `data` of the answer.
    fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Fault> {
        self.read(self.send(method, path, body)?)
    }

    fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Response<ureq::Body>, Fault> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base)).header("Accept", "*/*");
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let wrong = |e: &dyn std::fmt::Display| {
            Fault::new(Code::Usage, format!("{} is no address of an engine", self.base), "check --server")
                .with_detail(e)
        };
        let answer = match body {
            None => self.agent.run(request.body(()).map_err(|e| wrong(&e))?),
            Some(body) => {
                let request = request.header("Content-Type", "application/json").body(body.to_string());
                self.agent.run(request.map_err(|e| wrong(&e))?)
            }
        };
        answer.map_err(|e| self.unreachable(&e))
    }

    fn read(&self, mut response: Response<ureq::Body>) -> Result<Value, Fault> {
        let status = response.status();
        let mut text = Vec::new();
        let mut reader = response.body_mut().as_reader().take(MAX_ANSWER + 1);
        reader.read_to_end(&mut text).map_err(|e| self.unreachable(&e))?;
        let strange = |detail: &dyn std::fmt::Display| {
            Fault::new(
                Code::EngineUnreachable,
                format!("what answers at {} is no omniva engine", self.base),
                "check --server; the engine prints its address when it starts",
            )
            .with_detail(detail)
        };
        if text.len() as u64 > MAX_ANSWER {
            return Err(strange(&"an answer of more than 256 MiB"));
        }
        let mut answer: Value =
            serde_json::from_slice(&text).map_err(|e| strange(&format!("status {status}, no JSON: {e}")))?;
        if status.is_success() {
            return answer.get_mut("data").map(Value::take).ok_or_else(|| strange(&"an answer without data"));
        }
        let error =
            answer.get("error").filter(|e| e.is_object()).ok_or_else(|| strange(&format!("status {status}")))?;
        Err(refused(status.as_u16(), error))
    }

    fn unreachable(&self, error: &dyn std::fmt::Display) -> Fault {
        Fault::new(
            Code::EngineUnreachable,
            format!("no engine answers at {}", self.base),
            "start one with: omniva serve (or name another with --server)",
        )
        .with_detail(error)
    }
}

/// The engine's own code and words, with what a person at the command line can do about it.
fn refused(status: u16, error: &Value) -> Fault {
    let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let (code, mut message) = (text("code"), text("message").to_owned());
    for field in error.get("fields").and_then(Value::as_array).into_iter().flatten() {
        let part = |name: &str| field.get(name).and_then(Value::as_str).unwrap_or_default();
        // Writing to a String can't fail.
        let _ = write!(message, "; {}: {}", part("field"), part("message"));
    }
    let (fault, next) = match status {
        401 => (Code::EngineRefused, "pass a key: --key-file FILE (omniva key create makes one)"),
        403 => (Code::EngineRefused, "use a key with a higher role"),
        404 => (Code::NotFound, "check the name or id; the list commands show what is there"),
        409 => (Code::Conflict, "look at its present state with the show or list command"),
        429 | 503 => (Code::EngineRefused, "the engine is busy, starting or stopping: try again in a moment"),
        500..=599 => (Code::EngineRefused, "look at the engine's log"),
        _ => (Code::EngineRefused, "correct what is named"),
    };
    Fault::new(fault, format!("{message} ({code})"), next)
}

/// True when the host is this machine. Errors for what is no http(s) address.
fn local(base: &str) -> Result<bool, Fault> {
    let host = base.parse::<ureq::http::Uri>().ok().and_then(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")).then(|| uri.host().map(str::to_owned)).flatten()
    });
    let host = host.ok_or_else(|| {
        Fault::new(Code::Usage, format!("{base:?} is no address of an engine"), "use a form like http://127.0.0.1:7700")
    })?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    Ok(host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

fn read_key(path: &Path) -> Result<String, Fault> {
    let unreadable = |e: &dyn std::fmt::Display| {
        Fault::new(
            Code::Usage,
            format!("the key file {} can't be read", path.display()),
            "check the name after --key-file, or $OMNIVA_KEY_FILE",
        )
        .with_detail(e)
    };
    let meta = std::fs::metadata(path).map_err(|e| unreadable(&e))?;
    if !meta.is_file() || meta.len() > MAX_KEY {
        return Err(unreadable(&"no file of at most 4 KiB"));
    }
    let key = std::fs::read_to_string(path).map_err(|e| unreadable(&e))?.trim().to_owned();
    if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(unreadable(&"it holds no key"));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_query_holds_any_text() {
        let query = Query::default().with("a", Some("x y&z=ä")).with("b", None::<u8>).with("c", Some(7));
        assert_eq!(query.0, "?a=x%20y%26z%3D%C3%A4&c=7");
        assert_eq!(segment("../../v1/keys?x"), "..%2F..%2Fv1%2Fkeys%3Fx");
    }

    #[test]
    fn addresses_of_this_machine_are_known() {
        for here in ["http://127.0.0.1:1", "http://localhost", "http://[::1]:7700", "https://127.8.0.1"] {
            assert_eq!(local(here), Ok(true), "{here}");
        }
        assert_eq!(local("http://192.0.2.1:7700"), Ok(false));
        for bad in ["ftp://127.0.0.1", "nonsense", "http://"] {
            assert!(local(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn refusals_keep_the_engines_code_and_fields() {
        let error = json!({ "code": "VALIDATION_ERROR", "message": "the request is not valid",
            "fields": [{ "field": "name", "message": "missing" }] });
        let fault = refused(400, &error);
        assert_eq!(fault.code, Code::EngineRefused);
        assert_eq!(fault.message, "the request is not valid; name: missing (VALIDATION_ERROR)");
        assert_eq!(refused(404, &error).code, Code::NotFound);
    }

    #[test]
    fn nobody_at_the_address_is_said_with_the_address() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let client =
            Client::new(&ServerArgs { server: Some(address.to_string()), ..ServerArgs::default() }).expect("ok");
        let fault = client.get("/v1/projects", Query::default()).expect_err("nobody is there");
        assert_eq!(fault.code, Code::EngineUnreachable);
        assert!(fault.message.contains(&address.to_string()) && fault.next_step.contains("omniva serve"));
    }

    #[test]
    fn a_key_does_not_travel_in_the_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("key");
        std::fs::write(&file, "omv_x\n").expect("written");
        let to = |server: &str| {
            Client::new(&ServerArgs {
                server: Some(server.into()),
                key_file: Some(file.clone()),
                ..ServerArgs::default()
            })
        };
        assert!(to("http://192.0.2.1:7700").is_err());
        assert!(to("https://192.0.2.1:7700").is_ok());
        assert_eq!(to("http://127.0.0.1:7700").expect("fine").key.as_deref(), Some("omv_x"));
    }
}
