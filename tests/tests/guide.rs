//! `docs/first-channel.md` as a newcomer follows it: its commands, in their order, in an empty folder, against the emulators.
//!
//! Blocks marked `sh guide` run one after another in one shell. Of the others that are marked, `elsewhere` runs beside them
//! (a second terminal), `emulators` is what starts the emulators (here they run in the test), and of `browser` the address
//! that is printed is opened, as its owner would.

#![allow(clippy::expect_used)] // helpers of tests fail by panicking

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use omniva_emulators::board::Board;
use omniva_tests::{Bench, binary, excerpt, models, one_at_a_time};

const GUIDE: &str = include_str!("../../docs/first-channel.md");
/// The page of the emulators and the engine's address, as the guide has them.
const BOARD: &str = "127.0.0.1:7800";
const ENGINE: &str = "127.0.0.1:7700";
/// Seconds for all of it; nothing but a hang takes that long.
const PATIENCE: &str = "400";

/// What a block is marked with after `sh guide`, and its text.
fn blocks() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = GUIDE.lines();
    while let Some(line) = lines.next() {
        if let Some(mark) = line.strip_prefix("```sh guide") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            found.push((mark.trim().to_owned(), text.join("\n")));
        }
    }
    found
}

/// One script of all blocks. `engine` is where the engine shall listen.
fn script(board: &str, engine: &str) -> String {
    // What runs elsewhere is stopped in order, and waited for.
    let mut script = String::from("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n");
    for (at, (mark, text)) in blocks().into_iter().enumerate() {
        let text = text.replace(BOARD, board).replace(ENGINE, engine);
        let text = text.replace("omniva serve", &format!("omniva serve --listen {engine}"));
        match mark.as_str() {
            "" => script += &format!("{text}\n"),
            "emulators" => assert!(text.ends_with("cargo run --release -p omniva-emulators -- --port 7800"), "{text}"),
            "elsewhere" => script += &format!("( exec {text} ) > {at}.out 2>&1 &\n{}", address(at)),
            "browser" => {
                script += &format!(
                    "( {text} ) > {at}.out 2>&1 & asked=$!\n{}curl -sSfL -o page.txt \"$(grep -o 'http://[^ ]*' {at}.out | \
                     head -n 1)\"\nwait $asked\ncat {at}.out\n",
                    address(at)
                );
            }
            other => panic!("nobody knows what to do with a block that is marked {other}"),
        }
    }
    script
}

/// Waits until a command that runs beside the others has printed an address.
fn address(at: usize) -> String {
    format!("until grep -q 'http://' {at}.out; do kill -0 $! || {{ cat {at}.out; exit 1; }}; sleep 0.1; done\n")
}

fn follow(folder: &Path, script: &str, video: &Path) -> std::process::Output {
    let file = folder.join("guide.sh");
    std::fs::write(&file, script).expect("written");
    let path = std::env::var("PATH").expect("a path");
    let ours = binary().parent().expect("a folder").display().to_string();
    let mut command = Command::new("timeout");
    command.args([PATIENCE, "bash"]).arg(&file).current_dir(folder).stdin(Stdio::null());
    command.env("PATH", format!("{ours}:{path}")).env("VIDEO", video).env("OMNIVA_MODELS", models());
    command.env("NO_PROXY", "127.0.0.1").env("HOME", folder);
    for unwanted in ["OMNIVA_DATA", "OMNIVA_SERVER", "OMNIVA_VAULT_KEY", "OMNIVA_KEY_FILE"] {
        command.env_remove(unwanted);
    }
    command.output().expect("a shell")
}

#[test]
fn the_first_channel_guide_ends_with_a_post() {
    let _gate = one_at_a_time();
    let bench = Bench::default();
    let board = Board::start(0).expect("free ports");
    let free = TcpListener::bind(ENGINE.replace("7700", "0")).and_then(|l| l.local_addr()).expect("a free port");
    let video = excerpt(&bench.path("talk-of-a-newcomer.mp4"), 0.0, 22.0);
    let folder = bench.path("first-channel");
    std::fs::create_dir(&folder).expect("made");
    let host = board.base().replace("http://", "");
    let output = follow(&folder, &script(&host, &free.to_string()), &video);
    let said = String::from_utf8_lossy(&output.stdout);
    let told = format!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{} {told}", output.status);
    let posts = board.state().posts();
    assert_eq!(posts["refused"], serde_json::json!([]), "{posts}");
    assert_eq!(posts["posts"].as_array().map(Vec::len), Some(1), "{posts} {told}");
    assert_eq!((&posts["posts"][0]["platform"], &posts["posts"][0]["privacy"]), (&"youtube".into(), &"private".into()));
    assert!(said.contains("PUBLISHED") && !told.contains("PLANTED"), "{told}");
}
