//! The program says where everything is, or why it can't begin.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_omniva-emulators"));
    command.args(arguments).stdin(Stdio::null());
    command
}

#[test]
fn it_tells_the_page_the_configuration_and_the_client() {
    let mut child = program(&["--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines: Vec<String> =
        BufReader::new(child.stdout.take().unwrap()).lines().take(3).collect::<Result<_, _>>().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(lines[0].starts_with("posts") && lines[0].contains("http://127.0.0.1:"), "{lines:?}");
    assert!(lines[1].ends_with("/omniva.toml") && lines[2].contains("client-7"), "{lines:?}");
}

#[test]
fn wrong_arguments_and_taken_ports_are_told() {
    let wrong = program(&["--port", "many"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("--port PORT"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = program(&["--port", &port]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
}
