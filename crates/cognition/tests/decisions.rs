//! What must hold for every decision, on scripts made for the purpose.

#![allow(clippy::expect_used, reason = "a helper of a test may fail it")]

mod common;

use common::{Said, analysis, said, show_analysis, silent, varied};
use omniva_cognition::{analysis_result, choose, clip_candidate};
use omniva_contracts::analysis::{Analysis, AudioPeak, Keyword, KeywordKind, PeakKind};
use omniva_contracts::choice::{Choice, Verdict};
use omniva_contracts::config::Config;

fn config(overlay: &str) -> Config {
    Config::load(Some(("test", overlay))).expect("valid")
}

fn codes(choice: &Choice) -> Vec<&str> {
    choice
        .candidates
        .iter()
        .filter_map(|c| if let Verdict::Rejected { code, .. } = &c.verdict { Some(code.as_str()) } else { None })
        .collect()
}

/// Five scenes like those of the development talk show: three monologues, a quick dialogue, a monologue.
fn panel() -> Vec<Said> {
    let mut script = Vec::new();
    for (speaker, topic, pause) in [(0, 0, 0.3), (1, 0, 2.5), (2, 0, 2.0)] {
        for k in 0..9 {
            let s = said(speaker, topic, if k == 0 { pause } else { 0.4 }, &varied(speaker * 20 + k));
            script.push(if k == 0 && speaker > 0 { s.new_shot() } else { s });
        }
    }
    for k in 0..14 {
        let s = said(
            3 + k % 2,
            0,
            if k == 0 { 1.5 } else { 0.5 },
            &format!("{}?", varied(200 + k).split(" the ").next().unwrap_or_default()),
        );
        script.push(if k == 0 { s.new_shot() } else { s });
    }
    for k in 0..9 {
        let s = said(5, 0, if k == 0 { 3.0 } else { 0.4 }, &varied(300 + k));
        script.push(if k == 0 { s.new_shot() } else { s });
    }
    script
}

#[test]
fn no_clip_crosses_a_scene_even_when_everything_seems_one_topic() {
    let a = analysis(&panel());
    let choice = choose(&a, &config("[clip]\nmin_seconds = 8\nmax_seconds = 40\ncount = 10\n"));
    assert!(choice.chosen.len() >= 4, "{:?}", choice.notes);
    let scene = |speaker: u32| if speaker == 4 { 3 } else { speaker };
    for c in &choice.candidates {
        let scenes: std::collections::BTreeSet<u32> = c.speakers.iter().map(|s| scene(*s)).collect();
        assert_eq!(scenes.len(), 1, "{} {:?}", c.id, c.speakers);
        let inside =
            a.seen.shots.iter().filter(|s| s.start > c.span.start + 1e-6 && s.start < c.span.end - 1e-6).count();
        assert_eq!(inside, 0, "{} runs over a scene border", c.id);
    }
    assert!(choice.candidates.iter().any(|c| c.speakers == [3, 4]), "dialogue stays allowed");
}

#[test]
fn scores_spread_and_no_two_are_equal() {
    let choice = choose(&show_analysis(), &config("[clip]\nmin_seconds = 8\nmax_seconds = 40\n"));
    for (name, score) in [
        ("virality", choice.candidates.iter().map(|c| c.scores.virality).collect::<Vec<_>>()),
        ("relevance", choice.candidates.iter().map(|c| c.scores.relevance).collect()),
        ("rank", choice.candidates.iter().map(|c| c.rank_score).collect()),
    ] {
        let mut sorted = score.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|w| w[0] < w[1]), "two {name} scores are equal");
        let range = sorted[sorted.len() - 1] - sorted[0];
        assert!(range >= 0.3, "{name} scores crowd in {range:.2}");
    }
    for c in &choice.candidates {
        for (score, parts) in
            [(c.scores.virality, &c.scores.virality_parts), (c.scores.relevance, &c.scores.relevance_parts)]
        {
            assert!((parts.iter().map(|p| p.points).sum::<f64>() - score).abs() < 1e-9, "{}", c.id);
        }
    }
}

#[test]
fn a_story_told_twice_is_clipped_once() {
    let choice = choose(&show_analysis(), &config("[clip]\nmin_seconds = 12\nmax_seconds = 40\ncount = 8\n"));
    let tells = |c: &omniva_contracts::choice::Candidate| {
        (c.first_sentence..c.end_sentence).filter(|k| [17, 18, 21, 34, 35, 37].contains(k)).count() >= 3
    };
    assert_eq!(choice.candidates.iter().filter(|c| c.chosen() && tells(c)).count(), 1);
    assert!(codes(&choice).contains(&"repeats"));
}

#[test]
fn a_passage_nobody_understood_is_never_quoted() {
    let choice = choose(&show_analysis(), &config("[clip]\nmin_seconds = 8\nmax_seconds = 40\ncount = 20\n"));
    let chosen = choice.candidates.iter().filter(|c| c.chosen());
    assert!(chosen.clone().count() > 0 && chosen.clone().all(|c| c.first_sentence >= 27 || c.end_sentence <= 24));
    assert!(codes(&choice).contains(&"low_confidence"));
}

#[test]
fn one_topic_does_not_take_every_place_while_others_have_something_to_say() {
    let mut script: Vec<Said> = (0..30).map(|k| said(0, 0, 0.6, &varied(k))).collect();
    script.extend((0..8).map(|k| said(0, 1, if k == 0 { 2.0 } else { 0.6 }, &varied(100 + k))));
    let a = analysis(&script);
    let both = choose(&a, &config("[clip]\nmin_seconds = 10\nmax_seconds = 20\ncount = 3\n[choose]\nper_topic = 2\n"));
    let topics: Vec<Option<u32>> = both.chosen.iter().filter_map(|id| both.get(id)).map(|c| c.topic).collect();
    assert_eq!(topics.len(), 3);
    assert!(topics.contains(&Some(1)), "{topics:?}");
    let alone = choose(
        &analysis(&script[..30]),
        &config("[clip]\nmin_seconds = 10\nmax_seconds = 20\ncount = 4\n[choose]\nper_topic = 2\n"),
    );
    assert_eq!(alone.chosen.len(), 4, "a limit leaves no place empty");
}

#[test]
fn a_mix_reserves_places_and_says_what_it_could_not_get() {
    let mix = "[clip]\nmin_seconds = 12\nmax_seconds = 40\ncount = 2\n[horizon]\nmix = [{ label = \"home\", keywords = [\"bread\"], share = 0.5 }, \
               { label = \"space\", keywords = [\"rocket\"], share = 0.5 }]\n";
    let choice = choose(&show_analysis(), &config(mix));
    assert_eq!(choice.chosen.len(), 2, "the unmet place goes to somebody else");
    assert!(choice.chosen.iter().filter_map(|id| choice.get(id)).any(|c| c.tags.contains(&"bread".into())));
    assert!(choice.notes.iter().any(|n| n.contains("“space”") && n.contains("gave 0")), "{:?}", choice.notes);
}

#[test]
fn the_order_of_keywords_peaks_and_personas_does_not_matter() {
    let (a, cfg) = (show_analysis(), config("[clip]\nmin_seconds = 12\nmax_seconds = 40\n"));
    let (mut b, mut other) = (a.clone(), cfg.clone());
    b.read.keywords.reverse();
    b.heard.peaks.reverse();
    other.personas.reverse();
    let (one, two) = (choose(&a, &cfg), choose(&b, &other));
    assert_eq!(one.chosen, two.chosen);
    let ranks = |c: &Choice| c.candidates.iter().map(|c| c.rank_score).collect::<Vec<_>>();
    // Sums of floats in another order may differ in the last of six digits.
    assert!(ranks(&one).iter().zip(ranks(&two)).all(|(a, b)| (a - b).abs() < 3e-6));
}

#[test]
fn sources_that_give_nothing_say_why() {
    let none = |a: &Analysis, overlay: &str| choose(a, &config(overlay)).why_none.unwrap_or_default();
    let short = analysis(&[said(0, 0, 0.0, "Too short.")]);
    assert!(none(&short, "").contains("a clip must have at least 15 s"));
    let pieces: Vec<Said> = (0..12).map(|k| said(0, k, 2.0, "A piece of four seconds, no more than that.")).collect();
    assert!(none(&analysis(&pieces), "").contains("no topic or scene holds 15 s of speech"));
    let unsure: Vec<Said> =
        (0..12).map(|k| said(0, 0, 0.3, &format!("Some mumbled words number {k} of somebody.")).unsure()).collect();
    assert!(none(&analysis(&unsure), "").contains("× low_confidence"));
    let strict = config("[choose]\nfloor = 1.0\n[clip]\nmin_seconds = 10\n");
    assert!(codes(&choose(&show_analysis(), &strict)).contains(&"below_floor"));
}

#[test]
fn without_speech_sound_and_picture_decide() {
    let borders = [0.0, 20.0, 40.0, 60.0, 80.0, 100.0];
    let busy = |t: f64| (60.0..80.0).contains(&t);
    let mut a =
        silent(120.0, &borders, |t| if busy(t) { -14.0 } else { -32.0 }, |t| if busy(t) { 0.08 } else { 0.012 });
    a.heard.peaks = (0..4)
        .map(|k| AudioPeak {
            start: 62.0 + 4.5 * f64::from(k),
            end: 63.0 + 4.5 * f64::from(k),
            kind: PeakKind::Burst,
            strength: 0.9,
        })
        .collect();
    let choice = choose(&a, &config("[clip]\ncount = 1\nmax_seconds = 30\n"));
    let best = choice.get(&choice.chosen[0]).expect("chosen");
    assert!(best.span.start >= 57.0 && best.span.end <= 92.0, "{:?}", best.span);
    assert!(best.first_sentence == best.end_sentence && best.tags.contains(&"no speech".to_owned()));
    assert_eq!(clip_candidate(&a, best, None).subject_focus, "face");
}

#[test]
fn a_dark_and_silent_recording_is_refused() {
    let choice = choose(&silent(60.0, &[0.0], |_| -90.0, |_| 0.0), &config(""));
    assert!(choice.chosen.is_empty() && codes(&choice).contains(&"nothing_happens"));
    assert!(choice.why_none.is_some());
}

#[test]
fn damaged_analyses_never_panic() {
    let base = show_analysis();
    let mut cases = Vec::new();
    let mut case = |change: &dyn Fn(&mut Analysis)| {
        let mut a = base.clone();
        change(&mut a);
        cases.push(a);
    };
    case(&|a| a.read.words.clear());
    case(&|a| a.read.sentences.iter_mut().for_each(|s| (s.first_word, s.end_word) = (9999, 3)));
    case(&|a| a.read.sentences.iter_mut().for_each(|s| s.embedding = "not base64!".into()));
    case(&|a| a.read.sentences[3].embedding.truncate(8));
    case(&|a| a.read.sentences[5].end = f64::NAN);
    case(&|a| a.heard.loudness.values.iter_mut().for_each(|v| *v = f32::NAN));
    case(&|a| a.heard.loudness.step = 0.0);
    case(&|a| a.seen.shots.iter_mut().for_each(|s| s.start = f64::NAN));
    case(&|a| a.heard.language = None);
    case(&|a| a.media.duration = 0.0);
    case(&|a| a.read.sentences.reverse());
    case(&|a| {
        a.read.keywords.push(Keyword {
            term: "x".into(),
            kind: KeywordKind::User,
            weight: f64::NAN,
            mentions: vec![f64::NAN, -1.0, 1e12],
        })
    });
    for a in cases {
        let choice = choose(&a, &config("[clip]\nmin_seconds = 8\nmax_seconds = 40\n"));
        assert!(choice.candidates.iter().all(|c| c.rank_score.is_finite()));
    }
}

#[test]
fn the_documents_hold_their_bounds() {
    let a = show_analysis();
    let choice = choose(&a, &config("[clip]\nmin_seconds = 12\nmax_seconds = 40\n"));
    let result = analysis_result(&a, &choice, Default::default());
    assert_eq!(result.clip_candidates.len(), choice.candidates.len());
    assert!(
        result.transcript.starts_with("Hello and welcome") && result.keywords_detected.contains(&"sleep".to_owned())
    );
    let best = choice.candidates.iter().filter(|c| c.chosen()).map(|c| c.scores.virality).fold(0.0, f64::max);
    assert_eq!(result.virality_score, best);
    for (c, wire) in choice.candidates.iter().zip(&result.clip_candidates) {
        assert!(wire.end_time > wire.start_time && (0.0..=1.0).contains(&wire.confidence));
        assert_eq!(wire.pantheon_votes.len(), c.votes.len());
        assert_eq!(wire.faces_detected, 1);
        let expected = match c.speakers.as_slice() {
            [one] => format!("speaker_{}", one + 1),
            _ => "two_speakers".into(),
        };
        assert_eq!(wire.subject_focus, expected);
    }
}
