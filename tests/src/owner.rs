//! The owner of an account, with a browser.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use omniva_emulators::oauth::{CLIENT_ID, CLIENT_SECRET};
use serde_json::Value;

use crate::{Bench, binary};

/// `omniva auth PLATFORM`, with an owner whose browser goes where it is sent and who agrees: the account `main`.
pub fn connect(bench: &Bench, data: &Path, config: &Path, platform: &str) {
    let secret = bench.path("client-secret");
    std::fs::write(&secret, CLIENT_SECRET).expect("written");
    let mut command = Command::new(binary());
    command.args(["--json", "auth", platform, "--account", "main", "--client-id", CLIENT_ID, "--client-secret-file"]);
    command.arg(&secret).arg("--config").arg(config).env("OMNIVA_DATA", data).env_remove("OMNIVA_VAULT_KEY");
    let mut child = command.stdout(Stdio::piped()).spawn().expect("omniva starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut line = || -> Value {
        let line = lines.next().expect("a line").expect("UTF-8");
        serde_json::from_str(&line).expect("JSON")
    };
    let shown = line();
    assert_eq!(shown["event"], "consent", "{shown}");
    let browser = ureq::Agent::config_builder().proxy(None).http_status_as_error(false).build().new_agent();
    browser.get(shown["url"].as_str().expect("an address")).call().expect("the page, and the way back");
    let connected = line();
    assert_eq!(connected["account"], format!("{platform}/main"), "{connected}");
    assert!(child.wait().expect("ends").success());
}
