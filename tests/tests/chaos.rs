//! Killed again and again on the same data: no job is lost, none has its effect twice, the ledger verifies after every
//! restart, and no file is left over. `OMNIVA_CHAOS_KILLS` sets how often, `OMNIVA_CHAOS_SEED` which points.

#![allow(clippy::expect_used)] // helpers of tests fail by panicking

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use omniva_contracts::ports::{Dice, Seeded};
use omniva_tests::engine::{Engine, json_of, omniva, until};
use omniva_tests::{Bench, excerpt, one_at_a_time, run, status, stderr};
use serde_json::{Value, json};

const KILLS: u32 = 200;
/// Kills while a real video is worked on; the others hit a stream of jobs that do nothing.
const KILLS_WITH_MEDIA: u32 = 8;
/// Jobs that are asked for between two kills.
const JOBS: u32 = 24;
/// Longest life in the stream of jobs, seconds: from the middle of the start to some hundred commits.
const LIFE: f64 = 0.35;

struct Chaos {
    dice: Seeded,
    data: PathBuf,
    config: PathBuf,
    /// Key of each job that the engine has promised to do.
    promised: Vec<String>,
    /// The last checkpoint that was seen: no later ledger may lack it.
    witnessed: PathBuf,
    restarts: Vec<Duration>,
}

fn number(variable: &str, otherwise: u32) -> u32 {
    std::env::var(variable).ok().and_then(|v| v.parse().ok()).unwrap_or(otherwise)
}

impl Chaos {
    fn start(&mut self) -> Engine {
        let engine = Engine::configured(&self.data, &self.config);
        self.restarts.push(engine.took);
        self.verify();
        engine
    }

    /// Offline, beside the running engine, against the last checkpoint that was seen.
    fn verify(&self) {
        let mut arguments = vec!["--json", "ledger", "verify"];
        let witnessed = self.witnessed.to_str().expect("UTF-8").to_owned();
        if self.witnessed.exists() {
            arguments.extend(["--checkpoint", &witnessed]);
        }
        let output = omniva(&self.data, &arguments);
        assert_eq!(status(&output), 0, "{}", String::from_utf8_lossy(&output.stdout));
        let newest = json_of(&output)["newest_checkpoint"].clone();
        if newest.is_object() {
            std::fs::write(&self.witnessed, newest.to_string()).expect("written");
        }
    }

    /// Asks for jobs under names of their own until the engine is killed under it.
    fn stream(&mut self, engine: Engine, round: u32) {
        let life = Duration::from_secs_f64(self.dice.roll() * LIFE);
        let pid = engine.pid();
        let killer = std::thread::spawn(move || {
            std::thread::sleep(life);
            // SAFETY: sends a signal to a process of ours, which is not waited for before this thread has ended.
            unsafe { libc::kill(pid as i32, libc::SIGKILL) };
        });
        for batch in 0..JOBS / 4 {
            let keys: Vec<String> = (0..4).map(|i| format!("chaos-{round}-{batch}-{i}")).collect();
            match engine.ask("POST", "/v1/jobs/noop", Some(&json!({ "count": keys.len(), "unique_keys": keys })), None)
            {
                Some(answer) if answer.status < 300 => self.promised.extend(keys.iter().map(|k| format!("noop:{k}"))),
                Some(answer) => panic!("refused: {answer:?}"),
                None => break,
            }
        }
        killer.join().expect("slept");
        engine.kill();
    }
}

/// What the database itself says of each named job: its states, and how many packets say that it was done.
fn jobs_by_name(data: &Path) -> BTreeMap<String, Vec<(String, u64)>> {
    let script = "import json,sqlite3,sys\nc=sqlite3.connect('file:'+sys.argv[1]+'?mode=ro',uri=True)\nfound={}\n\
        rows=c.execute(\"select unique_key,state,(select count(*) from stardust_metadata where entity_id=j.id and kind='job.done')\"\
        \" from jobs j where kind='noop'\")\nfor k,s,n in rows: found.setdefault(k,[]).append([s,n])\nprint(json.dumps(found))";
    let output = run(Command::new("python3").args(["-c", script]).arg(data.join("omniva.db")));
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// One job for each name, each done, each with one packet that says so.
fn nothing_lost_nothing_twice(engine: &Engine, promised: &[String]) {
    until(60, "every job is done", || {
        let open: usize = ["QUEUED", "RUNNING", "WAITING_RETRY"]
            .iter()
            .map(|s| engine.items(&format!("/v1/jobs?kind=noop&status={s}&limit=1")).len())
            .sum();
        (open == 0).then_some(())
    });
    let jobs = jobs_by_name(&engine.data);
    let lost: Vec<&String> = promised.iter().filter(|name| !jobs.contains_key(*name)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let wrong: Vec<_> = jobs.iter().filter(|(_, found)| **found != [("DONE".to_owned(), 1)]).take(5).collect();
    assert!(wrong.is_empty(), "not done exactly once: {wrong:?}");
}

/// Each chosen clip was delivered once, and each file in the folder belongs to one.
fn delivered_once(engine: &Engine, project: &str, output: &Path) {
    let clips = engine.items(&format!("/v1/projects/{project}/clips?limit=200"));
    let published = clips.iter().filter(|c| c["status"] == "PUBLISHED").count();
    assert!(published > 0, "{clips:?}");
    let uploads = engine.items(&format!("/v1/projects/{project}/uploads?limit=200"));
    assert_eq!(uploads.len(), published, "{uploads:?}");
    let mut spans: Vec<String> =
        clips.iter().map(|c| format!("{} {} {}", c["video_id"], c["start_time"], c["end_time"])).collect();
    spans.sort();
    spans.dedup();
    assert_eq!(spans.len(), clips.len(), "a candidate was written twice");
    let videos = walk(output).into_iter().filter(|f| f.extension().is_some_and(|e| e == "mp4")).count();
    assert_eq!(videos, published, "{:?}", walk(output));
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() { found.extend(walk(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

#[test]
fn killed_hundreds_of_times_it_loses_nothing_and_does_nothing_twice() {
    let _gate = one_at_a_time();
    let bench = Bench::default();
    let (kills, seed) = (number("OMNIVA_CHAOS_KILLS", KILLS), number("OMNIVA_CHAOS_SEED", 1));
    eprintln!("{kills} kills, seed {seed}");
    let config = bench.path("chaos.toml");
    // Leases are short, so that what a killed engine held is found again within the test.
    let text = "[engine.jobs]\nlease_seconds = 1.5\nheartbeat_seconds = 0.4\nmax_crashes = 100\n\n\
                [engine.queues]\nscrape = { limit = 2, max_attempts = 100, depth = 200 }\n\
                analyze = { limit = 1, max_attempts = 100, depth = 20 }\nedit = { limit = 1, max_attempts = 100, depth = 60 }\n\
                noop = { limit = 64, max_attempts = 100, depth = 100000 }\n\n[engine.cron]\n\
                discover = { every_seconds = 1, misfire = \"run_once\" }\ncheckpoint = { every_seconds = 2, misfire = \"run_once\" }\n";
    std::fs::write(&config, text).expect("written");
    let mut chaos = Chaos {
        dice: Seeded::new(&seed.to_be_bytes()),
        data: bench.path("data"),
        config,
        promised: Vec::new(),
        witnessed: bench.path("witnessed.json"),
        restarts: Vec::new(),
    };

    let with_media = KILLS_WITH_MEDIA.min(kills);
    for round in 0..kills - with_media {
        let engine = chaos.start();
        chaos.stream(engine, round);
    }

    let (inbox, output) = (bench.path("inbox"), bench.path("out"));
    std::fs::create_dir(&inbox).expect("made");
    excerpt(&inbox.join("v.mp4"), 0.0, 30.0);
    let mut engine = chaos.start();
    nothing_lost_nothing_twice(&engine, &chaos.promised);
    let settings = json!({ "clips_per_video": 2, "clip_min_seconds": 5.0, "clip_max_seconds": 12.0, "language": "en",
        "output_folder": output });
    let project = engine.project("chaos", &inbox, settings);
    for _ in 0..with_media {
        // From the first look into the folder to the middle of a render.
        std::thread::sleep(Duration::from_secs_f64(0.2 + chaos.dice.roll() * 6.0));
        engine.kill();
        engine = chaos.start();
    }
    until(400, "every clip is through", || {
        let clips = engine.items(&format!("/v1/projects/{project}/clips?limit=200"));
        let through = clips.iter().all(|c| matches!(c["status"].as_str(), Some("PUBLISHED" | "REJECTED")));
        (!clips.is_empty() && through).then_some(())
    });
    delivered_once(&engine, &project, &output);
    assert_eq!(engine.stop().0.code(), Some(0));
    chaos.verify();
    let doctor = omniva(&chaos.data, &["--json", "doctor", "--deep"]);
    let checks = json_of(&doctor)["checks"].clone();
    let failed: Vec<&Value> = checks.as_array().into_iter().flatten().filter(|c| c["grade"] == "failed").collect();
    assert!(failed.is_empty(), "{failed:?}");

    let mut took = chaos.restarts;
    took.sort();
    eprintln!(
        "{} jobs; restarts: median {:?}, longest {:?}",
        chaos.promised.len(),
        took[took.len() / 2],
        took[took.len() - 1]
    );
}
