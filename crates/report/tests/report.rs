//! The page as a whole: what it holds, and that nothing in a record can break it.

#![allow(clippy::expect_used, reason = "a helper of a test may fail it")]

mod support;

use std::path::Path;

use base64::Engine as _;
use omniva_contracts::choice::Verdict;
use omniva_contracts::record::RunRecord;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use support::{NASTY, dry, failed, markup, none, record};

fn page(record: &RunRecord) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    omniva_report::html(record, folder.path()).expect("a page")
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map(|(inner, _)| inner).expect("both marks")
}

#[test]
fn every_variant_is_well_formed() {
    let base = || record(24, 60);
    for (name, r) in [
        ("full", base()),
        ("dry", dry(base())),
        ("none", none(base())),
        ("failed", failed(base())),
        ("bare", none(record(0, 0))),
    ] {
        if let Err(e) = markup::read(&page(&r)) {
            panic!("{name}: {e}");
        }
    }
}

#[test]
fn every_candidate_stands_there_with_its_reason() {
    let r = record(40, 60);
    let html = page(&r);
    let table = between(&html, "<table class=\"candidates\"", "</table></div><p");
    for c in &r.decisions.choice.candidates {
        let row = table.split("<tr id=").find(|row| row.contains(&format!(">{}<", c.id))).expect("a row");
        let reason = match &c.verdict {
            Verdict::Chosen { reason, .. } | Verdict::Rejected { reason, .. } => reason.replace('\'', "&#39;"),
        };
        assert!(row.contains(&reason), "{} lacks its reason", c.id);
        assert!(row.contains(&c.opening), "{} lacks its words", c.id);
    }
    assert_eq!(markup::read(&html).expect("well formed").values("a", "data-row").len(), 40);
    // The one it lost to is linked, and the link leads to that one's row.
    assert!(table.contains("<a href=\"#c0\">See c001</a>"));
}

#[test]
fn players_and_files_lie_beside_the_page() {
    let html = page(&record(10, 20));
    let read = markup::read(&html).expect("well formed");
    assert_eq!(read.values("source", "src")[0], "./01-a%20talk%20%26%20more%20%231.mp4");
    for (_, attribute, value) in &read.attributes {
        if attribute == "src" || attribute == "href" {
            assert!(value.starts_with("./") || value.starts_with('#'), "{value}");
        }
        assert!(!attribute.starts_with("on"), "an inline handler: {attribute}");
        assert_ne!(attribute, "style", "the policy forbids inline style");
    }
}

#[test]
fn thumbnails_are_embedded_and_may_be_missing() {
    let r = record(10, 20);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(&r.clips[0].files.thumbnail), [0xff, 0xd8, 0xff, 0xe0]).expect("written");
    let html = omniva_report::html(&r, folder.path()).expect("a page");
    assert_eq!(
        markup::read(&html).expect("well formed").values("video", "poster"),
        ["data:image/jpeg;base64,/9j/4A=="]
    );
    assert!(omniva_report::html(&r, Path::new("/nonexistent")).is_ok());
}

#[test]
fn the_policy_names_exactly_our_script_and_style() {
    let html = page(&record(10, 20));
    let read = markup::read(&html).expect("well formed");
    let policy = read.values("meta", "content")[0];
    let hash = |text: &str| base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text.as_bytes()));
    let script = html.rsplit_once("<script>").expect("a script").1.split_once("</script>").expect("its end").0;
    let style = between(&html, "<style>", "</style>");
    assert!(policy.contains(&format!("script-src 'sha256-{}'", hash(script))));
    assert!(policy.contains(&format!("style-src 'sha256-{}'", hash(style))));
    assert!(policy.starts_with("default-src 'none'"));
    for word in ["http:", "https:", "unsafe", "*"] {
        assert!(!policy.contains(word), "{word} in the policy");
    }
}

/// Puts `NASTY` wherever a record holds free text.
fn poison(value: &mut Value, key: &str) {
    const FIXED: [&str; 12] = [
        "outcome",
        "by",
        "kind",
        "why_cut",
        "code",
        "container",
        "aspect",
        "encoder",
        "clip_id",
        "video_id",
        "config",
        "color",
    ];
    match value {
        Value::String(s) => *s = format!("{s}{NASTY}"),
        Value::Array(list) => list.iter_mut().for_each(|v| poison(v, key)),
        Value::Object(map) => {
            let cut = map.contains_key("source") && map.contains_key("text");
            for (k, v) in map.iter_mut() {
                let fixed = FIXED.contains(&k.as_str()) && !(k == "encoder" && key == "measured");
                let id = matches!(k.as_str(), "id" | "candidate" | "because_of" | "chosen") && v.is_string();
                if !(fixed || (cut && k == "why") || (id && key == "failures")) {
                    poison(v, k);
                }
            }
        }
        _ => {}
    }
}

#[test]
fn hostile_text_stays_text() {
    for r in [record(12, 20), failed(record(12, 20)), none(record(12, 20))] {
        let mut value = serde_json::to_value(&r).expect("is JSON");
        poison(&mut value, "");
        let hostile: RunRecord = serde_json::from_value(value).expect("still a record");
        assert!(hostile.source_name.contains("<script>"));
        let html = page(&hostile);
        let read = markup::read(&html).expect("well formed");
        assert_eq!(html.matches("<script").count(), 2, "one script of data, one of code");
        assert_eq!(html.matches("</script").count(), 2);
        assert!(!html.contains("<img"));
        assert!(!html.contains('\u{202e}'));
        assert!(!between(&html, "id=\"data\">", "</script>").contains(['\u{2028}', '<']));
        assert!(!read.attributes.iter().any(|(_, a, _)| a == "onerror"));
        let data: Value = serde_json::from_str(between(&html, "id=\"data\">", "</script>")).expect("reads back");
        assert_eq!(data["clips"].as_array().map(Vec::len), Some(hostile.decisions.clips.len()));
    }
}

#[test]
fn hostile_file_names_are_never_followed() {
    let mut r = record(10, 20);
    r.clips[0].files.video = "../../etc/passwd".into();
    r.clips[0].files.thumbnail = "/etc/passwd".into();
    r.clips[1].files.video = "javascript:alert(1)".into();
    let html = page(&r);
    let read = markup::read(&html).expect("well formed");
    assert!(!html.contains("href=\"javascript"));
    assert_eq!(read.values("source", "src")[0], "./javascript%3Aalert%281%29");
    assert!(!read.values("a", "href").iter().any(|h| h.contains("etc")));
}

#[test]
fn a_dry_run_says_so_and_shows_the_plans() {
    let html = page(&dry(record(10, 20)));
    assert!(html.contains("<h2>Dry run</h2>"));
    assert!(html.contains("Title of clip 1") && !html.contains("<video"));
    assert!(html.contains("1:1 instead of what was asked for."));
}

#[test]
fn why_there_is_none_comes_first() {
    let html = page(&none(record(10, 20)));
    let why = html.find("the best reaches 0.21").expect("the reason");
    assert!(why < html.find("id=\"timeline\"").expect("the timeline"));
    assert!(!html.contains("id=\"clips\""));
}

#[test]
fn failures_tell_code_and_next_step() {
    let html = page(&failed(record(10, 20)));
    let notice = between(&html, "class=\"faults\"", "</ul>");
    assert!(
        notice.contains("clip_refused")
            && notice.contains("raise the gain and run again")
            && notice.contains("ebur128")
    );
    let card = between(&html, "id=\"clip-2\"", "</article>");
    assert!(card.contains("the clip is too quiet") && card.contains(">fail</span>") && card.contains("not delivered"));
    assert_eq!(html.matches("<video").count(), 2);
}

#[test]
fn a_damaged_record_still_gives_a_page() {
    let mut r = record(10, 20);
    r.decisions.media.duration = f64::NAN;
    r.decisions.timeline.waveform.step = 0.0;
    let c = &mut r.decisions.choice.candidates[4];
    (c.span.start, c.span.end, c.rank_score) = (f64::INFINITY, f64::NAN, f64::NAN);
    r.decisions.clips[0].plan.keep.clear();
    let html = page(&r);
    markup::read(&html).expect("well formed");
    assert!(!html.contains("NaN") && !html.contains("inf%"));
}

#[test]
fn the_page_of_a_ten_hour_source_stays_small() {
    let html = page(&record(400, 10_000));
    assert!(html.len() < 5_000_000, "{} bytes", html.len());
    let read = markup::read(&html).expect("well formed");
    assert_eq!(read.values("tr", "data-row").len(), 400);
    // Tracks are thinned: ten thousand turns do not become ten thousand shapes.
    assert!(read.values("rect", "class").iter().filter(|c| c.starts_with("voice")).count() <= 1500);
    let more = record(900, 100);
    let html = page(&more);
    assert_eq!(markup::read(&html).expect("well formed").values("tr", "data-row").len(), 400);
    assert!(html.contains("500 more stand in run.json"));
    assert!(html.contains("id=\"clip-3\""), "the chosen are always shown");
}

#[test]
fn the_same_record_gives_the_same_bytes() {
    let r = record(60, 100);
    assert_eq!(page(&r), page(&r));
}
