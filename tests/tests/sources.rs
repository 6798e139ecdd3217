//! Creators whose videos come from the web, through a running engine: a feed, a single file and a page that yt-dlp reads,
//! all from a server of this machine that the configuration allows; and what it does not allow.

#![allow(clippy::expect_used)] // helpers of tests fail by panicking

use std::collections::BTreeSet;
use std::process::Command;

use omniva_tests::engine::{Engine, json_of, omniva, until};
use omniva_tests::web::Web;
use omniva_tests::{Bench, excerpt, one_at_a_time, status};
use serde_json::{Value, json};

fn feed(web: &Web) -> String {
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Talks</title><item><title>First &amp; best</title>\
         <guid>talk-1</guid><pubDate>{}</pubDate><enclosure url=\"{}\" type=\"video/mp4\" length=\"1\"/></item></channel></rss>",
        // Within the window of a week, by the machine's own clock.
        today(),
        web.url("feed.mp4")
    )
}

fn today() -> String {
    let output = Command::new("date").args(["-uR"]).output().expect("date runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn creator(engine: &Engine, project: &str, handle: &str, source: Value) -> Value {
    let body = json!({ "platform": "other", "handle": handle, "rights": "owned", "source": source });
    engine.post(&format!("/v1/projects/{project}/creators"), &body)
}

/// The project's creators on sources of the web, and the engine that has looked at them.
#[test]
fn a_feed_a_file_and_a_page_become_videos_and_a_private_address_does_not() {
    let _gate = one_at_a_time();
    let bench = Bench::default();
    let (data, site, config) = (bench.path("data"), bench.path("site"), bench.path("web.toml"));
    std::fs::create_dir(&site).expect("made");
    for (at, name) in ["feed.mp4", "file.mp4", "page.mp4"].iter().enumerate() {
        excerpt(&site.join(name), at as f64 * 20.0, 12.0);
    }
    let web = Web::serve(&site);
    std::fs::write(site.join("talks.xml"), feed(&web)).expect("written");
    let text = format!(
        "[engine.network]\nallow = [\"{}\"]\n\n[engine.cron]\ndiscover = {{ every_seconds = 1, misfire = \"run_once\" }}\n",
        web.at
    );
    std::fs::write(&config, text).expect("written");
    let engine = Engine::configured(&data, &config);
    // Fetching is what is looked at here; what becomes of a video has its own test.
    engine.post("/v1/queues/analyze/pause", &json!({ "reason": "test" }));
    let settings = json!({ "clip_min_seconds": 5.0, "clip_max_seconds": 10.0 });
    let project = engine.post("/v1/projects", &json!({ "name": "web", "settings": settings }))["project_id"].clone();
    let project = project.as_str().expect("an id");
    creator(&engine, project, "@feed", json!({ "kind": "feed", "url": web.url("talks.xml") }));
    creator(&engine, project, "@file", json!({ "kind": "url", "url": web.url("file.mp4") }));
    creator(&engine, project, "@page", json!({ "kind": "channel", "url": web.url("page.mp4") }));
    let inside =
        creator(&engine, project, "@inside", json!({ "kind": "feed", "url": "http://169.254.169.254/latest" }));
    engine.post(&format!("/v1/projects/{project}/start"), &json!({ "reason": "test" }));

    let results = until(240, "three videos are taken", || {
        let failed = engine.items("/v1/jobs?kind=scrape&status=ERROR");
        assert!(failed.is_empty(), "{failed:?}");
        let done = engine.items("/v1/jobs?kind=scrape&status=DONE");
        let result = |job: &Value| engine.get(&format!("/v1/jobs/{}", job["job_id"].as_str().expect("an id")));
        (done.len() == 3).then(|| done.iter().map(|job| result(job)["result"].clone()).collect::<Vec<Value>>())
    });
    let titles: BTreeSet<&str> = results.iter().filter_map(|r| r["video"]["title"].as_str()).collect();
    assert_eq!(titles.len(), 3, "{results:?}");
    assert!(titles.contains("First & best"), "the feed's own title: {titles:?}");
    for result in &results {
        let seconds = result["video"]["duration_seconds"].as_f64().expect("a length");
        assert!((11.0..13.0).contains(&seconds), "{result}");
    }

    let refused = until(60, "the private address is refused", || {
        let failed = engine.items("/v1/jobs?kind=discover&status=ERROR");
        failed
            .iter()
            .find(|job| job["subject"].to_string().contains(inside["creator_id"].as_str().expect("an id")))
            .cloned()
    });
    assert_eq!(refused["error"]["code"], "address_refused", "{refused}");
    assert_eq!(engine.stop().0.code(), Some(0));
}

#[test]
fn a_source_that_is_no_address_is_refused_at_once() {
    let bench = Bench::default();
    let data = bench.path("data");
    let engine = Engine::start(&data);
    let project = engine.post("/v1/projects", &json!({ "name": "web" }))["project_id"].clone();
    let path = format!("/v1/projects/{}/creators", project.as_str().expect("an id"));
    for url in ["file:///etc/passwd", "ftp://example.org/a.mp4", "https://me:secret@example.org/a.mp4", "nonsense"] {
        let body =
            json!({ "platform": "other", "handle": "@a", "rights": "owned", "source": { "kind": "url", "url": url } });
        let answer = engine.ask("POST", &path, Some(&body), None).expect("it answers");
        assert!((400..500).contains(&answer.status), "{url}: {answer:?}");
        assert!(!answer.body.to_string().contains("secret"), "{answer:?}");
    }
    let told = omniva(&data, &["--json", "creator", "add", "web", "@a", "--url", "nonsense"]);
    assert_ne!(status(&told), 0);
    assert!(json_of(&told)["fault"]["next_step"].as_str().is_some_and(|s| !s.is_empty()));
}
