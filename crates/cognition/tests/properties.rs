//! Properties of every choice, over generated analyses.

#![allow(clippy::expect_used, reason = "a helper of a test may fail it")]

mod common;

use common::{Said, analysis, analysis_in, said};
use omniva_contracts::analysis::Analysis;
use omniva_contracts::choice::Choice;
use omniva_contracts::config::Config;
use proptest::prelude::*;

const WORDS: [&str; 24] = [
    "and", "so", "you", "never", "why", "secret", "money", "he", "it", "the", "of", "because", "house", "river",
    "bread", "that's", "um", "welcome", "twenty", "3", "bridge", "they", "suddenly", "old",
];

fn sentence() -> impl Strategy<Value = Said> {
    let text = (prop::collection::vec(0..WORDS.len(), 1..18), prop::sample::select(vec![".", "?", "!", "", ","]));
    let pause = prop::sample::select(vec![0.0, 0.05, 0.3, 0.5, 0.9, 1.6, 3.0, 9.0]);
    let rest = (0u32..3, 0u32..8, -0.9..0.9f64, prop::bool::weighted(0.08), prop::bool::weighted(0.15));
    (text, pause, rest).prop_map(|((words, mark), pause, (speaker, new_topic, feeling, unsure, shot))| {
        let text = words.iter().map(|w| WORDS[*w]).collect::<Vec<_>>().join(" ") + mark;
        let mut s = said(speaker, u32::from(new_topic == 0), pause, &text).feeling(feeling);
        s.confidence = if unsure { 0.3 } else { 0.9 };
        if shot { s.new_shot() } else { s }
    })
}

fn source() -> impl Strategy<Value = Analysis> {
    (prop::collection::vec(sentence(), 0..70), prop::sample::select(vec!["en", "de", "fi"])).prop_map(
        |(mut script, language)| {
            // Topics only ever count up.
            let mut topic = 0;
            for s in &mut script {
                topic += s.topic;
                s.topic = topic;
            }
            if language == "en" { analysis(&script) } else { analysis_in(language, &script) }
        },
    )
}

fn settings() -> impl Strategy<Value = Config> {
    (5.0..20.0f64, 5.0..60.0f64, 1u32..8, 20u32..200).prop_map(|(min, more, count, candidates)| {
        let max = (min + more).min(120.0);
        let overlay = format!(
            "[clip]\nmin_seconds = {min}\nmax_seconds = {max}\ncount = {count}\n[choose]\nmax_candidates = {candidates}\n"
        );
        Config::load(Some(("test", &overlay))).expect("valid")
    })
}

fn check(a: &Analysis, config: &Config, choice: &Choice) -> Result<(), TestCaseError> {
    prop_assert!(choice.candidates.len() <= config.choose.max_candidates as usize);
    prop_assert!(choice.chosen.len() <= config.clip.count as usize);
    prop_assert_eq!(choice.chosen.is_empty(), choice.why_none.is_some());
    let mut ranks: Vec<f64> = choice.candidates.iter().map(|c| c.rank_score).collect();
    ranks.sort_by(f64::total_cmp);
    prop_assert!(ranks.windows(2).all(|w| w[0] < w[1]), "rank scores are unique");
    for c in &choice.candidates {
        let length = c.span.end - c.span.start;
        prop_assert!(c.span.start >= 0.0 && c.span.end <= a.duration() + 1e-9);
        prop_assert!(length >= config.clip.min_seconds - 1e-9 && length <= config.clip.max_seconds + 1e-9);
        for t in [c.span.start, c.span.end] {
            prop_assert!(
                !a.words().iter().any(|w| t > w.start + 1e-9 && t < w.end - 1e-9),
                "{} cuts a word at {t}",
                c.id
            );
        }
        if let omniva_contracts::choice::Verdict::Rejected { code, reason, .. } = &c.verdict {
            prop_assert!(code != "undecided" && !reason.is_empty(), "{} has no verdict", c.id);
        }
        edges(a, c)?;
    }
    chosen(config, choice)
}

/// Speech begins and ends at its sentences: no word of another one is inside, none of its own is missing.
fn edges(a: &Analysis, c: &omniva_contracts::choice::Candidate) -> Result<(), TestCaseError> {
    let inside = |t: f64| t >= c.span.start - 1e-9 && t <= c.span.end + 1e-9;
    let heard: Vec<usize> =
        (0..a.words().len()).filter(|k| inside(a.words()[*k].start) && inside(a.words()[*k].end)).collect();
    if c.first_sentence == c.end_sentence {
        prop_assert!(heard.is_empty(), "{} is said to hold no speech", c.id);
        return Ok(());
    }
    let (first, last) = (&a.sentences()[c.first_sentence], &a.sentences()[c.end_sentence - 1]);
    prop_assert_eq!(heard.first(), Some(&first.first_word));
    prop_assert_eq!(heard.last(), Some(&(last.end_word - 1)));
    let topics = a.sentences()[c.first_sentence..c.end_sentence].iter().map(|s| s.topic);
    prop_assert_eq!(topics.collect::<std::collections::BTreeSet<_>>().len(), 1, "one topic");
    Ok(())
}

fn chosen(config: &Config, choice: &Choice) -> Result<(), TestCaseError> {
    let chosen: Vec<_> = choice.chosen.iter().filter_map(|id| choice.get(id)).collect();
    prop_assert_eq!(chosen.len(), choice.candidates.iter().filter(|c| c.chosen()).count());
    prop_assert!(chosen.windows(2).all(|w| w[0].rank_score > w[1].rank_score), "best first");
    for (k, a) in chosen.iter().enumerate() {
        prop_assert!(a.consensus >= config.choose.floor);
        for b in &chosen[k + 1..] {
            let shorter = a.span.length().min(b.span.length());
            prop_assert!(a.span.overlap(&b.span) <= config.choose.max_overlap * shorter + 1e-6);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_choice_keeps_the_rules(a in source(), config in settings()) {
        let choice = omniva_cognition::choose(&a, &config);
        check(&a, &config, &choice)?;
        let again = omniva_cognition::choose(&a, &config);
        let bytes = |c: &Choice| serde_json::to_vec(c).expect("serialises");
        prop_assert_eq!(bytes(&choice), bytes(&again), "the same input gives the same bytes");
    }
}
