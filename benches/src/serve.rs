//! A real engine on a throw-away data folder.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Outcome, Place};

/// Killed when dropped.
pub struct Engine {
    child: Child,
    /// Kept open: the engine writes to it.
    _stdout: BufReader<ChildStdout>,
    pub address: SocketAddr,
    /// From the start of the process to "ready", seconds.
    pub ready: f64,
}

impl Engine {
    pub fn start(place: &Place, data: &Path, config: Option<&Path>) -> Outcome<Self> {
        let mut command = Command::new(&place.omniva);
        command.arg("--json").arg("--models").arg(&place.models);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        if let Some(config) = config {
            command.arg("--config").arg(config);
        }
        let started = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        loop {
            let mut line = String::new();
            if stdout.read_line(&mut line)? == 0 {
                return Err(format!("the engine ended with {}", child.wait()?).into());
            }
            let value: Value = serde_json::from_str(&line)?;
            if value["event"] == "ready" {
                let address = value["address"].as_str().ok_or("no address")?.parse()?;
                return Ok(Self { child, _stdout: stdout, address, ready: started.elapsed().as_secs_f64() });
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Outcome<Value> {
        let agent =
            ureq::Agent::config_builder().proxy(None).timeout_global(Some(Duration::from_secs(60))).build().new_agent();
        let request = ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        let mut answer = if body.is_null() {
            agent.run(request.body(())?)?
        } else {
            agent.run(request.header("Content-Type", "application/json").body(body.to_string())?)?
        };
        let text = answer.body_mut().read_to_string()?;
        Ok(serde_json::from_str::<Value>(&text)?["data"].take())
    }

    pub fn kill(mut self) -> Outcome<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Fails only when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
