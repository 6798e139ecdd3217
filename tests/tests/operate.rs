//! What operators do to an engine from the command line: backups and the way back, keys, addresses, signed checkpoints.

#![allow(clippy::expect_used)] // helpers of tests fail by panicking

use std::path::Path;
use std::process::Output;

use omniva_tests::engine::{Engine, json_of, omniva, serve_on, until};
use omniva_tests::{Bench, run, status, stderr};
use serde_json::{Value, json};

fn ok(output: &Output) -> Value {
    assert_eq!(status(output), 0, "{}{}", String::from_utf8_lossy(&output.stdout), stderr(output));
    json_of(output)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn names(engine: &Engine) -> Vec<String> {
    engine.items("/v1/projects").iter().filter_map(|p| p["name"].as_str().map(str::to_owned)).collect()
}

#[test]
fn a_backup_of_a_running_engine_brings_everything_back() {
    let bench = Bench::default();
    let (data, backup) = (bench.path("data"), bench.path("kept.db"));
    let engine = Engine::start(&data);
    engine.post("/v1/projects", &json!({ "name": "kept" }));
    let made = ok(&omniva(&data, &["--json", "backup", text(&backup)]));
    assert!(made["manifest"]["size"].as_u64().is_some_and(|packets| packets > 0), "{made}");
    engine.post("/v1/projects", &json!({ "name": "later" }));

    let again = omniva(&data, &["--json", "backup", text(&backup)]);
    assert_eq!(json_of(&again)["fault"]["code"], "output_exists", "a backup is never replaced");
    let busy = omniva(&data, &["--json", "restore", "--force", text(&backup)]);
    assert_eq!(json_of(&busy)["fault"]["code"], "store_in_use");
    assert_eq!(names(&engine).len(), 2, "the refused restore changed nothing");
    assert_eq!(engine.stop().0.code(), Some(0));

    let there = omniva(&data, &["--json", "restore", text(&backup)]);
    assert_eq!(json_of(&there)["fault"]["code"], "output_exists");
    let restored = ok(&omniva(&data, &["--json", "restore", "--force", text(&backup)]));
    let aside = restored["set_aside"].as_str().expect("the old database is kept");
    assert!(Path::new(aside).exists());
    ok(&omniva(&data, &["--json", "ledger", "verify"]));
    let engine = Engine::start(&data);
    assert_eq!(names(&engine), ["kept"]);
    assert_eq!(engine.stop().0.code(), Some(0));
    ok(&omniva(&data, &["--json", "ledger", "verify"]));

    // On a machine that has nothing but the backup.
    let elsewhere = bench.path("elsewhere");
    ok(&omniva(&elsewhere, &["--json", "restore", text(&backup)]));
    assert_eq!(names(&Engine::start(&elsewhere)), ["kept"]);
}

#[test]
fn a_damaged_backup_replaces_nothing() {
    let bench = Bench::default();
    let (data, backup) = (bench.path("data"), bench.path("kept.db"));
    let engine = Engine::start(&data);
    engine.post("/v1/projects", &json!({ "name": "kept" }));
    ok(&omniva(&data, &["--json", "backup", text(&backup)]));
    assert_eq!(engine.stop().0.code(), Some(0));
    let mut bytes = std::fs::read(&backup).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&backup, bytes).expect("written");
    let refused = omniva(&data, &["--json", "restore", "--force", text(&backup)]);
    assert_eq!(json_of(&refused)["fault"]["code"], "input_corrupt", "{}", stderr(&refused));
    assert_eq!(names(&Engine::start(&data)), ["kept"]);
}

#[test]
fn keys_open_an_engine_that_listens_beyond_loopback_and_a_revoked_one_does_not() {
    let bench = Bench::default();
    let data = bench.path("data");
    let engine = Engine::start(&data);
    let file = bench.path("key");
    let key = |name: &str, role: &str| {
        // As soon as there is a key, loopback wants one too.
        let with: &[&str] = if file.exists() { &["--key-file", text(&file)] } else { &[] };
        let made = ok(&omniva(&data, &[&["--json", "key", "create", name, "--role", role], with].concat()));
        let of = |field: &str| made[field].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        (of("key"), of("api_key_id"))
    };
    let (admin, _) = key("boss", "admin");
    std::fs::write(&file, &admin).expect("written");
    let (viewer, viewer_id) = key("board", "viewer");
    assert_eq!(engine.stop().0.code(), Some(0));

    let engine = Engine::run(serve_on(&data, "0.0.0.0:0"), &data);
    let port = engine.address().rsplit(':').next().expect("a port").to_owned();
    let address = format!("http://127.0.0.1:{port}");
    let ask = |method: &str, path: &str, body: Option<Value>, key: Option<&str>| {
        engine.ask_at(&address, method, path, body.as_ref(), key).expect("it answers").status
    };
    assert_eq!(ask("GET", "/v1/projects", None, None), 401);
    assert_eq!(ask("GET", "/v1/projects", None, Some(&viewer)), 200);
    assert_eq!(ask("POST", "/v1/projects", Some(json!({ "name": "mine" })), Some(&viewer)), 403);
    assert_eq!(ask("POST", "/v1/projects", Some(json!({ "name": "mine" })), Some(&admin)), 201);

    // The command line with a key, its options after the subcommand.
    let elsewhere = bench.path("elsewhere");
    let options = ["--server", &address, "--key-file", text(&file)];
    let listed = ok(&omniva(&elsewhere, &[&["--json", "project", "list"][..], &options].concat()));
    assert!(listed.to_string().contains("mine"), "{listed}");
    ok(&omniva(&elsewhere, &[&["--json", "key", "revoke", &viewer_id][..], &options].concat()));
    assert_eq!(ask("GET", "/v1/projects", None, Some(&viewer)), 401);
    assert_eq!(engine.stop().0.code(), Some(0));
    let secret = viewer.as_bytes();
    for kept in ["omniva.db", "omniva.db-wal"] {
        let bytes = std::fs::read(data.join(kept)).unwrap_or_default();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret), "{kept} holds a key");
    }
}

#[test]
fn the_ledger_is_signed_by_the_clock_and_each_packet_can_be_proved() {
    let bench = Bench::default();
    let (data, config) = (bench.path("data"), bench.path("quick.toml"));
    std::fs::write(&config, "[engine.cron]\ncheckpoint = { every_seconds = 1, misfire = \"run_once\" }\n")
        .expect("written");
    let engine = Engine::configured(&data, &config);
    engine.post("/v1/projects", &json!({ "name": "signed" }));
    let packet = until(30, "the packet is there", || {
        let packets = engine.items("/v1/ledger/packets?kind=project.created&limit=1");
        packets.first().and_then(|p| p["stardust_id"].as_str().map(str::to_owned))
    });
    until(30, "it is covered by a signed checkpoint", || {
        let proved = omniva(&data, &["--json", "ledger", "prove", &packet]);
        (status(&proved) == 0).then_some(())
    });
    let log = std::fs::read_to_string(data.join("checkpoints.log")).expect("a log");
    assert!(!log.trim().is_empty());
    assert_eq!(engine.stop().0.code(), Some(0));
}

#[test]
fn cron_that_was_missed_runs_once_after_the_start() {
    let bench = Bench::default();
    let (data, config) = (bench.path("data"), bench.path("quick.toml"));
    std::fs::write(&config, "[engine.cron]\naudit = { every_seconds = 3600, misfire = \"run_once\" }\n")
        .expect("written");
    let audits = |engine: &Engine| {
        let jobs = engine.items("/v1/jobs?kind=maintain&limit=50");
        let ids = jobs.iter().filter_map(|job| job["job_id"].as_str());
        ids.filter(|id| engine.get(&format!("/v1/jobs/{id}"))["unique_key"] == "maintain:audit").count()
    };
    let engine = Engine::configured(&data, &config);
    until(30, "the first audit is done", || (audits(&engine) == 1).then_some(()));
    assert_eq!(engine.stop().0.code(), Some(0));

    // Ten hours go by: ten were missed.
    let hours = 10 * 3_600 * 1_000_000_i64;
    let script = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); \
        n=c.execute('update cron set next_at=next_at-'+sys.argv[2]).rowcount; c.commit(); assert n>0";
    let mut python = std::process::Command::new("python3");
    let moved = run(python.args(["-c", script]).arg(data.join("omniva.db")).arg(hours.to_string()));
    assert!(moved.status.success(), "{}", stderr(&moved));
    let engine = Engine::configured(&data, &config);
    until(30, "the missed audit is made up for", || (audits(&engine) == 2).then_some(()));
    assert_eq!(engine.stop().0.code(), Some(0));
    let engine = Engine::configured(&data, &config);
    assert_eq!(audits(&engine), 2, "once, and not again at the next start");
    assert_eq!(engine.stop().0.code(), Some(0));
}
