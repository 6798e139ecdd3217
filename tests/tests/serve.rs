//! The way of one video through a running engine, seen over the API alone: dropped into an inbox, analysed, discussed,
//! cut, checked, delivered, explained, proved. Then the engine is stopped and started, and everything is still there.

#![allow(clippy::expect_used)] // helpers of tests fail by panicking

use std::path::{Path, PathBuf};

use omniva_telemetry::METRICS;
use omniva_tests::engine::{Engine, json_of, omniva, until};
use omniva_tests::{Bench, excerpt, one_at_a_time, status, stderr};
use serde_json::{Value, json};

/// Whole run of a minute of video on two busy cores, with a margin.
const PATIENCE: u64 = 400;

/// A watched folder is looked at every second and the ledger is signed every other one, so that tests do not wait.
fn quick(bench: &Bench) -> PathBuf {
    let path = bench.path("quick.toml");
    let text = "[engine.cron]\ndiscover = { every_seconds = 1, misfire = \"run_once\" }\n\
                checkpoint = { every_seconds = 2, misfire = \"run_once\" }\n";
    std::fs::write(&path, text).expect("written");
    path
}

fn clips(engine: &Engine, project: &str) -> Vec<Value> {
    engine.items(&format!("/v1/projects/{project}/clips?limit=200"))
}

fn with_status<'a>(clips: &'a [Value], status: &str) -> Vec<&'a str> {
    clips.iter().filter(|c| c["status"] == status).filter_map(|c| c["clip_id"].as_str()).collect()
}

fn failed_jobs(engine: &Engine) -> Vec<Value> {
    ["ERROR", "QUARANTINED"].iter().flat_map(|s| engine.items(&format!("/v1/jobs?status={s}"))).collect()
}

#[test]
fn a_video_in_the_inbox_becomes_finished_clips_that_explain_themselves() {
    let _gate = one_at_a_time();
    let bench = Bench::default();
    let (data, inbox, output) = (bench.path("data"), bench.path("inbox"), bench.path("out"));
    std::fs::create_dir(&inbox).expect("made");
    let engine = Engine::configured(&data, &quick(&bench));
    assert!(engine.took.as_secs_f64() < 2.0, "ready after {:?}", engine.took);

    let settings = json!({ "clips_per_video": 2, "clip_min_seconds": 10.0, "clip_max_seconds": 20.0, "language": "en",
        "output_folder": output });
    let project = engine.project("talk", &inbox, settings);
    let source = excerpt(&bench.path("talk.mp4"), 0.0, 50.0);
    std::fs::rename(source, inbox.join("talk.mp4")).expect("moved");

    let published = until(PATIENCE, "a clip is published", || {
        let failed = failed_jobs(&engine);
        assert!(failed.is_empty(), "{failed:?}");
        let clips = clips(&engine, &project);
        let waiting: usize = ["READY_FOR_EDIT", "EDITING", "READY", "SCHEDULED", "UPLOADING"]
            .iter()
            .map(|s| with_status(&clips, s).len())
            .sum();
        let published = with_status(&clips, "PUBLISHED");
        (waiting == 0 && !published.is_empty())
            .then(|| published.into_iter().map(str::to_owned).collect::<Vec<String>>())
    });
    delivered(&output, published.len());
    told(&engine, &data, &project, &published);
    measured(&engine);

    let (before, packets) = (clips(&engine, &project), engine.get("/v1/ledger/head"));
    let (ended, took) = engine.stop();
    assert_eq!(ended.code(), Some(0));
    assert!(took.as_secs_f64() < 15.0, "took {took:?} to stop");
    assert!(!data.join("engine.json").exists(), "the notice is taken back");
    proved(&data);

    // Everything is still there, the ledger has only grown, and the video is not taken a second time.
    let engine = Engine::configured(&data, &quick(&bench));
    assert_eq!(clips(&engine, &project), before);
    assert!(engine.get("/v1/ledger/head")["size"].as_u64() >= packets["size"].as_u64());
    assert_eq!(engine.get(&format!("/v1/projects/{project}"))["status"], "RUNNING");
}

/// Files of each published clip lie in the project's folder, whole.
fn delivered(output: &Path, clips: usize) {
    let files: Vec<PathBuf> = walk(output);
    let videos: Vec<&PathBuf> = files.iter().filter(|f| f.extension().is_some_and(|e| e == "mp4")).collect();
    assert_eq!(videos.len(), clips, "{files:?}");
    for video in videos {
        assert!(video.metadata().expect("there").len() > 100_000, "{video:?}");
        let with = |extension: &str| video.with_extension(extension).exists();
        assert!(with("jpg") && with("srt") && with("json"), "{files:?}");
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() { found.extend(walk(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

/// Insights, explanation and lineage of every clip, chosen or not; the same through the command line.
fn told(engine: &Engine, data: &Path, project: &str, published: &[String]) {
    for clip in published {
        let insights = engine.get(&format!("/v1/clips/{clip}/insights"));
        assert!(insights["insights"]["pantheon"].as_array().is_some_and(|v| v.len() >= 3), "{insights}");
        assert!(insights["insights"]["zenith"]["decision"].is_string(), "{insights}");
        let why = json_of(&omniva(data, &["--json", "why", clip]));
        assert_eq!(why["completeness"].as_f64(), Some(1.0), "{why}");
        let sentences = why["narrative"].as_array().expect("sentences");
        assert!(sentences.len() >= 5, "{why}");
        assert!(sentences.iter().all(|s| s["packets"].as_array().is_some_and(|p| !p.is_empty())), "{why}");
        let lineage = json_of(&omniva(data, &["--json", "ledger", "lineage", &format!("clips/{clip}")]));
        assert!(lineage["nodes"].as_array().is_some_and(|n| n.len() >= 5), "{lineage}");
        // Signed every few seconds: the last packet may have to wait for it.
        let proof = until(60, "the clip's last packet is signed", || {
            let proof = json_of(&omniva(data, &["--json", "ledger", "prove", clip]));
            proof["checkpoint"]["signature"].is_string().then_some(proof)
        });
        assert!(proof["path"].as_array().is_some_and(|p| !p.is_empty()), "{proof}");
    }
    let all = clips(engine, project);
    if let Some(rejected) = with_status(&all, "REJECTED").first() {
        let text = omniva(data, &["why", "--not", rejected]);
        assert_eq!(status(&text), 0, "{}", stderr(&text));
        assert!(!text.stdout.is_empty());
    }
    let listed = omniva(data, &["project", "list"]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("talk"), "{}", stderr(&listed));
    let doctor = omniva(data, &["--json", "doctor"]);
    assert_eq!(status(&doctor), 0, "{}", String::from_utf8_lossy(&doctor.stdout));
}

/// What the engine has only when something went wrong; everything else is there after a whole way.
const FAULTS: [&str; 13] = [
    "omniva_jobs_failed_total",
    "omniva_jobs_retried_total",
    "omniva_jobs_quarantined_total",
    "omniva_jobs_cancelled_total",
    "omniva_leases_expired_total",
    "omniva_leases_refused_total",
    "omniva_actor_restarts_total",
    "omniva_actor_escalations_total",
    "omniva_actor_killed_total",
    "omniva_ledger_verify_failures_total",
    "omniva_child_killed_total",
    "omniva_log_",
    "omniva_invariant_violations_total",
];

/// A live scrape and the declared registry: every series is declared, with its labels, and every metric that a healthy
/// engine has is there.
fn measured(engine: &Engine) {
    let scrape = engine.ask("GET", "/metrics", None, None).expect("it answers").body;
    let scrape = scrape.as_str().expect("text");
    let mut seen = std::collections::BTreeSet::new();
    for line in scrape.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        let series = line.rsplit_once(' ').expect("a value").0;
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let plain = ["_bucket", "_sum", "_count"].iter().find_map(|s| name.strip_suffix(s)).unwrap_or(name);
        let metric = METRICS.iter().find(|m| m.name == name || m.name == plain);
        let metric = metric.unwrap_or_else(|| panic!("{name} is not declared"));
        for label in labels.trim_end_matches('}').split("\",").filter(|l| !l.is_empty()) {
            let label = label.split('=').next().expect("a name").trim();
            assert!(label == "le" || metric.labels.contains(&label), "{name} has the undeclared label {label}");
        }
        seen.insert(metric.name);
    }
    let expected = METRICS.iter().map(|m| m.name).filter(|n| !FAULTS.iter().any(|f| n.starts_with(f)));
    let missing: Vec<&str> = expected.filter(|n| !seen.contains(n) && !n.starts_with("omniva_event")).collect();
    assert!(missing.is_empty(), "never measured: {missing:?}");
}

/// Offline, with the public key alone; then with one byte of the database changed.
fn proved(data: &Path) {
    let verified = json_of(&omniva(data, &["--json", "ledger", "verify"]));
    assert!(verified["packets"].as_u64().is_some_and(|n| n > 50), "{verified}");
    assert!(verified["checkpoints"].as_u64().is_some_and(|n| n > 0), "{verified}");
}
