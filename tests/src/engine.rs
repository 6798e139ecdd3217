//! A real engine in a process of its own: started, asked, stopped or killed.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;

use crate::{binary, models};

/// Far above what any start or stop takes; a hang fails the test instead of the whole run.
const PATIENCE: Duration = Duration::from_secs(60);

/// `omniva serve` on a free port. Dropped: killed.
pub struct Engine {
    child: Child,
    /// Kept open: the engine writes to it.
    _stdout: BufReader<ChildStdout>,
    /// The machine-readable line it prints when it is ready.
    pub ready: Value,
    pub data: PathBuf,
    /// From the start of the process to that line.
    pub took: Duration,
    agent: Agent,
}

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub headers: ureq::http::HeaderMap,
}

impl Answer {
    /// The `data` of a successful answer.
    pub fn data(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.body);
        self.body["data"].clone()
    }
    /// The code of a refusal.
    pub fn code(&self) -> String {
        self.body["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// `omniva serve` with what every test needs; add what one test needs.
pub fn serve(data: &Path) -> Command {
    serve_on(data, "127.0.0.1:0")
}

pub fn serve_on(data: &Path, address: &str) -> Command {
    let mut command = Command::new(binary());
    command
        .args(["--json", "--models"])
        .arg(models())
        .args(["serve", "--listen", address, "--data"])
        .arg(data)
        .stdin(Stdio::null())
        .env_remove("RUST_BACKTRACE")
        .env_remove("OMNIVA_DATA")
        .env_remove("OMNIVA_SERVER");
    command
}

/// Any other command, on the same data folder.
pub fn omniva(data: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(binary());
    command.arg("--models").arg(models()).args(arguments).env("OMNIVA_DATA", data).env_remove("OMNIVA_SERVER");
    command.stdin(Stdio::null()).output().expect("omniva starts")
}

/// The one JSON line that a command printed with `--json`.
pub fn json_of(output: &std::process::Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line)
        .unwrap_or_else(|e| panic!("no JSON ({e}): {text}\n{}", String::from_utf8_lossy(&output.stderr)))
}

impl Engine {
    pub fn start(data: &Path) -> Self {
        Self::run(serve(data), data)
    }

    /// With a configuration on top of the shipped one.
    pub fn configured(data: &Path, config: &Path) -> Self {
        let mut command = serve(data);
        command.arg("--config").arg(config);
        Self::run(command, data)
    }

    pub fn run(command: Command, data: &Path) -> Self {
        Self::try_run(command, data).unwrap_or_else(|(status, said)| panic!("the engine ended with {status}: {said}"))
    }

    /// Errors: it ended before it was ready; its status and all that it wrote.
    pub fn try_run(mut command: Command, data: &Path) -> Result<Self, (ExitStatus, String)> {
        let log = data.with_extension("log");
        let stderr = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log");
        let started = Instant::now();
        #[allow(clippy::zombie_processes)] // the engine that is returned is waited for when it is stopped or dropped
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("omniva starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut said = String::new();
        loop {
            let mut line = String::new();
            if stdout.read_line(&mut line).unwrap_or(0) == 0 {
                let status = child.wait().expect("ends");
                let errors = std::fs::read_to_string(&log).unwrap_or_default();
                return Err((status, format!("{said}{errors}")));
            }
            let value: Value = serde_json::from_str(&line).unwrap_or_default();
            if value["event"] == "ready" {
                let agent = Agent::config_builder()
                    .timeout_global(Some(PATIENCE))
                    .http_status_as_error(false)
                    .proxy(None)
                    .build()
                    .new_agent();
                let took = started.elapsed();
                return Ok(Self { child, _stdout: stdout, ready: value, data: data.to_owned(), took, agent });
            }
            said.push_str(&line);
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
    pub fn address(&self) -> String {
        self.ready["address"].as_str().expect("an address").to_owned()
    }
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// `None` when nobody answers (it was killed).
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>, key: Option<&str>) -> Option<Answer> {
        self.ask_at(&format!("http://{}", self.address()), method, path, body, key)
    }

    /// The same, at another of its addresses.
    pub fn ask_at(
        &self,
        at: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Option<Answer> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{at}{path}"));
        if let Some(key) = key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let answer = match body {
            None => self.agent.run(request.body(()).expect("a request")),
            Some(body) => {
                let request = request.header("Content-Type", "application/json").body(body.to_string());
                self.agent.run(request.expect("a request"))
            }
        };
        let mut answer = answer.ok()?;
        let text = answer.body_mut().with_config().limit(64 << 20).read_to_string().ok()?;
        Some(Answer {
            status: answer.status().as_u16(),
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
            headers: answer.headers().clone(),
        })
    }
    pub fn get(&self, path: &str) -> Value {
        self.ask("GET", path, None, None).unwrap_or_else(|| panic!("nobody answers GET {path}")).data()
    }
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", path, Some(body), None).unwrap_or_else(|| panic!("nobody answers POST {path}")).data()
    }
    pub fn items(&self, path: &str) -> Vec<Value> {
        self.get(path)["items"].as_array().cloned().unwrap_or_default()
    }

    /// A project with one creator whose videos come from `inbox`, started; its id.
    pub fn project(&self, name: &str, inbox: &Path, settings: Value) -> String {
        let project = self.post("/v1/projects", &json!({ "name": name, "settings": settings }));
        let id = project["project_id"].as_str().expect("an id").to_owned();
        let creator = json!({ "platform": "other", "handle": format!("@{name}"), "rights": "owned",
            "source": { "kind": "inbox", "folder": inbox } });
        self.post(&format!("/v1/projects/{id}/creators"), &creator);
        self.post(&format!("/v1/projects/{id}/start"), &json!({ "reason": "test" }));
        id
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: sends a signal to a process of ours.
        unsafe { libc::kill(self.child.id() as i32, signal) };
    }

    /// SIGTERM, and how it ended after how long.
    pub fn stop(mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        self.signal(libc::SIGTERM);
        let status = self.wait();
        (status, asked.elapsed())
    }

    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                return status;
            }
            assert!(Instant::now() < deadline, "the engine does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGKILL, at once.
    pub fn kill(mut self) {
        self.signal(libc::SIGKILL);
        self.wait();
    }

    /// All that it wrote to standard error, over all its starts on this data.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.with_extension("log")).unwrap_or_default()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Fails only when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again until there is an answer. Fails the test with `what` after `seconds`.
pub fn until<T>(seconds: u64, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {seconds} s: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
