//! schemathesis against the OpenAPI document of a real engine: no 500, no answer that is not documented. The Makefile
//! installs it and names it in `OMNIVA_SCHEMATHESIS`.

#![allow(clippy::expect_used)] // helpers of tests fail by panicking

use std::process::Command;

use omniva_tests::engine::Engine;
use omniva_tests::{Bench, run};
use serde_json::json;

#[test]
fn generated_requests_find_no_crash_and_nothing_undocumented() {
    let program = std::env::var_os("OMNIVA_SCHEMATHESIS").expect("OMNIVA_SCHEMATHESIS is not set: run make test");
    let bench = Bench::default();
    let engine = Engine::start(&bench.path("data"));
    engine.post("/v1/projects", &json!({ "name": "known" }));
    let mut fuzz = Command::new(program);
    fuzz.args(["run", &engine.url("/v1/openapi.json"), "--url", &engine.url("")]);
    fuzz.args([
        "--checks",
        "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
    ]);
    fuzz.args(["--max-examples", "12", "--seed", "1", "--max-time", "100", "--request-timeout", "20", "--no-color"]);
    // A restart of everything, asked for at random, is tested elsewhere; so are keys, the first of which would shut out
    // every request after it.
    fuzz.args(["--exclude-path-regex", "/v1/(directives|events|keys)"]).current_dir(bench.folder.path());
    let output = run(&mut fuzz);
    let said = String::from_utf8_lossy(&output.stdout);
    let tail: String = said.chars().rev().take(12_000).collect::<Vec<_>>().into_iter().rev().collect();
    assert!(output.status.success(), "{tail}");
    assert_eq!(engine.ask("GET", "/healthz", None, None).expect("it lives").status, 200);
    assert_eq!(engine.stop().0.code(), Some(0));
}
