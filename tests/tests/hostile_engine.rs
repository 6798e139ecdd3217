//! What goes wrong around a running engine: no space, no rights, a database of the future, a ledger that somebody
//! changed, an address that is taken, keys or models that are missing, being told to stop in the middle of a render.
//! Each has its code and next step, and nothing is lost.

#![allow(clippy::expect_used)] // helpers of tests fail by panicking

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use omniva_tests::engine::{Engine, json_of, omniva, serve, serve_on, until};
use omniva_tests::{Bench, excerpt, names, one_at_a_time, run, status, stderr};
use serde_json::{Value, json};

/// The fault of a command that failed, as `--json` prints it.
fn fault(output: &Output) -> Value {
    let fault = json_of(output)["fault"].clone();
    assert!(fault["next_step"].as_str().is_some_and(|s| !s.is_empty()), "{fault}");
    fault
}

/// SQL on the database of a stopped engine.
fn sql(data: &Path, statements: &str) {
    let script = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2]); c.commit()";
    let output = run(Command::new("python3").args(["-c", script]).arg(data.join("omniva.db")).arg(statements));
    assert!(output.status.success(), "{}", stderr(&output));
}

/// An engine that has worked, with some packets in its ledger.
fn worked(data: &Path) {
    let engine = Engine::start(data);
    engine.post("/v1/projects", &json!({ "name": "kept" }));
    assert_eq!(engine.stop().0.code(), Some(0));
}

/// `omniva serve` in mount and user namespaces of its own, after `setup` (shell; `$D` is the data folder).
fn serve_within(data: &Path, setup: &str) -> Command {
    let inner = serve(data);
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-ec", &format!("D=\"$1\"; shift; {setup}; exec \"$@\""), "sh"]).arg(data);
    command.arg(inner.get_program()).args(inner.get_args()).env_remove("OMNIVA_DATA").env_remove("OMNIVA_SERVER");
    command.stdin(std::process::Stdio::null());
    command
}

#[test]
fn an_address_that_is_taken_or_open_to_everyone_is_refused() {
    let bench = Bench::default();
    let data = bench.path("data");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let refused = run(&mut serve_on(&data, &address));
    assert_eq!(status(&refused), 10, "{}", stderr(&refused));
    let said = fault(&refused);
    assert_eq!(said["code"], "address_in_use");
    assert!(said["message"].as_str().is_some_and(|m| m.contains(&address)), "{said}");

    let open = run(&mut serve_on(&data, "0.0.0.0:0"));
    assert_eq!(status(&open), 10, "{}", stderr(&open));
    assert_eq!(fault(&open)["code"], "keys_missing");
}

#[test]
fn two_engines_do_not_work_on_one_store() {
    let bench = Bench::default();
    let data = bench.path("data");
    let engine = Engine::start(&data);
    let second = run(&mut serve(&data));
    assert_eq!(status(&second), 8, "{}", stderr(&second));
    assert_eq!(fault(&second)["code"], "store_in_use");
    // The first one is not disturbed, and is still found.
    assert_eq!(engine.get("/v1/projects")["pagination"]["total"], 0);
    assert_eq!(status(&omniva(&data, &["project", "list"])), 0);
}

#[test]
fn nobody_there_is_said_with_the_address_and_the_command() {
    let bench = Bench::default();
    let output = omniva(&bench.path("data"), &["project", "--server", "127.0.0.1:9", "list"]);
    assert_eq!(status(&output), 10);
    let text = stderr(&output);
    assert!(
        text.contains("127.0.0.1:9") && text.contains("omniva serve") && text.contains("engine_unreachable"),
        "{text}"
    );
}

#[test]
fn a_missing_model_is_named_before_anything_starts() {
    let bench = Bench::default();
    let (data, empty) = (bench.path("data"), bench.path("models"));
    std::fs::create_dir(&empty).expect("made");
    let output = run(bench
        .omniva()
        .args(["--json", "serve", "--listen", "127.0.0.1:0", "--models"])
        .arg(&empty)
        .arg("--data")
        .arg(&data));
    assert_eq!(status(&output), 4, "{}", stderr(&output));
    let said = fault(&output);
    assert_eq!(said["code"], "model_missing");
    assert!(said["next_step"].as_str().is_some_and(|s| s.contains("omniva models fetch")), "{said}");
}

#[test]
fn a_database_of_the_future_or_without_rights_is_left_alone() {
    let bench = Bench::default();
    let data = bench.path("data");
    worked(&data);
    let read_only = run(&mut serve_within(&data, "mount --bind \"$D\" \"$D\"; mount -o remount,ro,bind \"$D\""));
    assert_eq!(status(&read_only), 8, "{}", stderr(&read_only));
    assert_eq!(fault(&read_only)["code"], "store_read_only");

    sql(&data, "insert into seaql_migrations(version, applied_at) values('m99991231_000000_future', 1)");
    let before = std::fs::read(data.join("omniva.db")).expect("read");
    let newer = run(&mut serve(&data));
    assert_eq!(status(&newer), 8, "{}", stderr(&newer));
    assert_eq!(fault(&newer)["code"], "store_newer");
    assert_eq!(before, std::fs::read(data.join("omniva.db")).expect("read"), "it was written to");
}

#[test]
fn a_damaged_database_is_told_apart_from_a_changed_ledger() {
    let bench = Bench::default();
    let data = bench.path("data");
    std::fs::create_dir(&data).expect("made");
    std::fs::write(data.join("omniva.db"), vec![7u8; 8192]).expect("written");
    let output = run(&mut serve(&data));
    assert_eq!(status(&output), 8, "{}", stderr(&output));
    assert_eq!(fault(&output)["code"], "store_corrupt");
}

#[test]
fn a_changed_packet_is_found_offline_with_the_public_key_alone() {
    let bench = Bench::default();
    let data = bench.path("data");
    worked(&data);
    let good = omniva(&data, &["--json", "ledger", "verify"]);
    assert_eq!(status(&good), 0, "{}", stderr(&good));
    // Somebody with the file and without the key: past the triggers that keep honest programs from it.
    let change = "update stardust_metadata set body = replace(body, 'kept', 'bent')";
    let drop = "select 'drop trigger ' || name from sqlite_master where type = 'trigger'";
    let script = format!(
        "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1])\nfor (s,) in c.execute(\"{drop}\").fetchall(): c.execute(s)\n\
         n=c.execute(\"{change}\").rowcount\nc.commit()\nassert n>0"
    );
    let output = run(Command::new("python3").args(["-c", &script]).arg(data.join("omniva.db")));
    assert!(output.status.success(), "{}", stderr(&output));
    let bad = omniva(&data, &["--json", "ledger", "verify"]);
    assert_eq!(status(&bad), 9, "{}", stderr(&bad));
    assert_eq!(fault(&bad)["code"], "ledger_corrupt");
}

#[test]
fn a_full_disk_refuses_what_it_cannot_keep_and_recovers() {
    let bench = Bench::default();
    let data = bench.path("data");
    std::fs::create_dir(&data).expect("made");
    let engine = Engine::run(serve_within(&data, "mount -t tmpfs -o size=12m none \"$D\""), &data);
    engine.post("/v1/projects", &json!({ "name": "before" }));
    // The engine's own view of the folder.
    let inside =
        Path::new("/proc").join(engine.pid().to_string()).join("root").join(data.strip_prefix("/").expect("absolute"));
    let filler = inside.join("filler");
    let mut file = std::fs::File::create(&filler).expect("made");
    let block = vec![0u8; 64 << 10];
    while std::io::Write::write_all(&mut file, &block).is_ok() {}
    drop(file);
    // What is written may still fit into pages that are there; soon it does not.
    let refused = until(30, "a write is refused", || {
        let name = format!("p{}", engine.get("/v1/projects")["pagination"]["total"]);
        let body = json!({ "name": name, "description": "x".repeat(900) });
        let answer = engine.ask("POST", "/v1/projects", Some(&body), None).expect("it lives");
        (answer.status >= 400).then_some(answer)
    });
    assert!(matches!(refused.status, 503 | 507), "{refused:?}");
    let kept = engine.get("/v1/projects")["pagination"]["total"].as_u64().expect("a number");
    std::fs::remove_file(&filler).expect("removed");
    until(40, "writes work again", || {
        let answer = engine.ask("POST", "/v1/projects", Some(&json!({ "name": "after" })), None).expect("it lives");
        (answer.status < 300).then_some(())
    });
    assert_eq!(engine.get("/v1/projects")["pagination"]["total"].as_u64(), Some(kept + 1), "nothing is lost");
    assert_eq!(engine.stop().0.code(), Some(0));
}

#[test]
fn told_to_stop_while_it_renders_it_gives_the_attempt_back_and_goes_on_later() {
    let _gate = one_at_a_time();
    let bench = Bench::default();
    let (data, inbox) = (bench.path("data"), bench.path("inbox"));
    std::fs::create_dir(&inbox).expect("made");
    let config = bench.path("quick.toml");
    std::fs::write(&config, "[engine.cron]\ndiscover = { every_seconds = 1, misfire = \"run_once\" }\n")
        .expect("written");
    let settings = json!({ "clips_per_video": 1, "clip_min_seconds": 8.0, "clip_max_seconds": 15.0, "language": "en" });
    let engine = Engine::configured(&data, &config);
    excerpt(&bench.path("v.mp4"), 0.0, 30.0);
    std::fs::rename(bench.path("v.mp4"), inbox.join("v.mp4")).expect("moved");
    let project = engine.project("stopped", &inbox, settings);
    let job = until(300, "a clip is rendered", || {
        let jobs = engine.items("/v1/jobs?kind=edit&status=RUNNING");
        jobs.first().map(|j| j["job_id"].as_str().expect("an id").to_owned())
    });
    std::thread::sleep(Duration::from_millis(500));
    let (ended, took) = engine.stop();
    assert_eq!(ended.code(), Some(0));
    assert!(took < Duration::from_secs(15), "took {took:?}");
    assert!(!names(&data).iter().any(|n| n == "engine.json"));

    let engine = Engine::configured(&data, &config);
    until(300, "the clip is published", || {
        let clips = engine.items(&format!("/v1/projects/{project}/clips?limit=200"));
        clips.iter().any(|c| c["status"] == "PUBLISHED").then_some(())
    });
    let done = engine.get(&format!("/v1/jobs/{job}"));
    assert_eq!(done["status"], "DONE", "{done}");
    assert_eq!(done["attempt"], 1, "an attempt that was given back does not count: {done}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let bench = Bench::default();
    let mut engine = Engine::start(&bench.path("data"));
    engine.signal(libc::SIGTERM);
    engine.signal(libc::SIGINT);
    let ended = engine.wait();
    assert!(ended.code() == Some(130) || ended.code() == Some(0), "{ended}");
}
