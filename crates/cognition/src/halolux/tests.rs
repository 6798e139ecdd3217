use omniva_contracts::choice::Choice;
use omniva_contracts::config::Config;
use omniva_contracts::record::{Decisions, RunMeasured, RunRecord, SentenceLine, Timeline};
use proptest::prelude::*;

use super::*;
use crate::common::show_analysis;

fn record(overlay: &str) -> RunRecord {
    let config = Config::load(Some(("test", overlay))).expect("valid");
    let a = show_analysis();
    let choice: Choice = crate::choose(&a, &config);
    let line = |s: &omniva_contracts::analysis::Sentence| SentenceLine {
        start: s.start,
        end: s.end,
        speaker: s.speaker,
        topic: s.topic,
        text: s.text.clone(),
        sentiment: s.sentiment,
        confidence: s.confidence,
    };
    RunRecord {
        schema_version: omniva_contracts::SCHEMA_VERSION.into(),
        omniva_version: "0.1.0".into(),
        source_name: "show.mp4".into(),
        dry_run: true,
        decisions: Decisions {
            media: a.media.clone(),
            config_sha256: config.sha256(),
            models: vec![],
            language: a.heard.language.clone(),
            timeline: Timeline {
                sentences: a.sentences().iter().map(line).collect(),
                topics: a.read.topics.clone(),
                ..Timeline::default()
            },
            analysis_result: crate::analysis_result(&a, &choice, Default::default()),
            choice,
            clips: vec![],
            warnings: vec!["the picture is dark".into()],
            config,
        },
        clips: vec![],
        failures: vec![],
        measured: RunMeasured::default(),
    }
}

const SMALL: &str = "[clip]\nmin_seconds = 12\nmax_seconds = 40\ncount = 3\n";

fn questions(run: &RunRecord) -> Vec<Question> {
    let mut all = vec![Question::Summary, Question::WhyNone];
    all.extend((1..=run.decisions.choice.chosen.len() as u32).map(Question::WhyClip));
    all.extend(run.decisions.choice.candidates.iter().map(|c| Question::WhyNot(c.id.clone())));
    all.extend([0.0, 20.0, 105.0, 150.0].map(Question::WhyNotAt));
    all
}

#[test]
fn every_sentence_rests_on_something_that_is_in_the_record() {
    let run = record(SMALL);
    let value = serde_json::to_value(&run).expect("serialises");
    for question in questions(&run) {
        let e = explain(&run, &question).expect("answered");
        assert!(e.narrative.len() >= 2, "{question:?}");
        let steps = e.reasoning.iter().flat_map(|s| &s.evidence).chain(e.narrative.iter().flat_map(|s| &s.evidence));
        for path in steps.chain(e.discarded.iter().map(|a| &a.evidence)) {
            assert!(resolve(&value, path).is_some(), "{question:?}: {path}");
        }
        assert!(e.narrative.iter().all(|s| !s.evidence.is_empty()));
        assert_eq!(e.completeness, 1.0, "{question:?} {:?}", e.missing);
    }
}

#[test]
fn the_summary_names_every_clip_and_every_kind_of_rejection() {
    let run = record(SMALL);
    let text = render_text(&explain(&run, &Question::Summary).expect("answered"));
    for needle in [
        "3 were chosen",
        "Clip 1 is",
        "Clip 3 is",
        "a better clip already says the same",
        "Warned: the picture is dark.",
        "Completeness: 100 %",
    ] {
        assert!(text.contains(needle), "{needle} in\n{text}");
    }
    assert!(
        text.lines().all(|l| l.chars().count() <= 100 || !l.trim_start_matches(['←', ' ']).contains(' ')),
        "{text}"
    );
}

#[test]
fn a_loser_is_compared_with_its_winner() {
    let run = record(SMALL);
    let choice = &run.decisions.choice;
    let loser = choice
        .candidates
        .iter()
        .find_map(|c| match &c.verdict {
            omniva_contracts::choice::Verdict::Rejected { code, because_of: Some(w), .. } if code == "overlaps" => {
                Some((c.id.clone(), w.clone()))
            }
            _ => None,
        })
        .expect("something overlaps");
    let e = explain(&run, &Question::WhyNot(loser.0)).expect("answered");
    let told: String = e.narrative.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join("\n");
    assert!(told.contains("Paradox rejected it (overlaps)") && told.contains(&format!("{} is ", loser.1)), "{told}");
}

#[test]
fn a_run_without_clips_says_why() {
    let run = record("[choose]\nfloor = 1.0\n[clip]\nmin_seconds = 12\nmax_seconds = 40\n");
    let e = explain(&run, &Question::WhyNone).expect("answered");
    let told: String = e.narrative.iter().map(|s| s.text.as_str()).collect::<Vec<_>>().join("\n");
    assert!(told.contains("Nothing was chosen: all") && told.contains("came closest"), "{told}");
    assert!(!e.discarded.is_empty());
}

#[test]
fn what_is_not_recorded_is_said_and_costs_completeness() {
    let mut run = record(SMALL);
    run.dry_run = false;
    run.decisions.choice.candidates.iter_mut().for_each(|c| c.votes.clear());
    let e = explain(&run, &Question::WhyClip(1)).expect("answered");
    assert!(
        e.completeness < 1.0
            && e.missing.iter().any(|m| m.contains("votes"))
            && e.missing.contains(&"clips[1]".to_owned())
    );
    assert!(render_text(&e).contains("Not in the record"));
    run.decisions.choice.why_none = None;
    run.decisions.choice.chosen.clear();
    assert!(
        explain(&run, &Question::WhyNone).expect("answered").missing.contains(&"decisions.choice.why_none".to_owned())
    );
}

#[test]
fn questions_about_what_does_not_exist_are_refused_with_advice() {
    let run = record(SMALL);
    for (question, message) in [
        (Question::WhyClip(0), "there is no clip 0"),
        (Question::WhyClip(9), "this run chose 3"),
        (Question::WhyNot("c999".into()), "no candidate c999"),
        (Question::WhyNotAt(1e9), "outside of the source"),
        (Question::WhyNotAt(f64::NAN), "outside of the source"),
    ] {
        let fault = explain(&run, &question).expect_err("refused");
        assert_eq!(fault.code, Code::Usage);
        assert!(fault.message.contains(message) && !fault.next_step.is_empty(), "{fault}");
    }
}

#[test]
fn a_hostile_source_does_not_steer_the_terminal() {
    let mut run = record(SMALL);
    run.source_name = "a\u{1b}[2Jb\u{202e}.mp4".into();
    let text = render_text(&explain(&run, &Question::Summary).expect("answered"));
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
}

#[test]
fn paths_pick_by_name_number_and_index() {
    let value = serde_json::json!({ "a": [{ "id": "c1", "v": [1, 2] }, { "rank": 2, "v": null }] });
    assert_eq!(resolve(&value, "a[c1].v[#1]"), Some(&serde_json::json!(2)));
    assert_eq!(resolve(&value, "a[2].rank"), Some(&serde_json::json!(2)));
    for absent in ["a[c2]", "a[2].v", "a[", "a[#9]", "", "b.c", "a[#x]"] {
        assert_eq!(resolve(&value, absent), None, "{absent}");
    }
}

proptest! {
    #[test]
    fn any_path_is_safe(path in "[a-z\\[\\]#.0-9é]{0,24}") {
        let value = serde_json::json!({ "a": [{ "id": "b" }], "é": [1] });
        let _ = resolve(&value, &path);
    }
}
