use omniva_contracts::analysis::{Analysis, Keyword, KeywordKind};
use omniva_contracts::choice::Candidate;
use omniva_contracts::config::Config;

use super::*;
use crate::common::{Said, analysis, analysis_in, said, show_analysis, silent};

fn config(overlay: &str) -> Config {
    Config::load(Some(("test", &format!("[clip]\nmin_seconds = 5\n{overlay}")))).expect("valid")
}

/// A candidate over all sentences of the analysis.
fn whole(a: &Analysis) -> Candidate {
    let choice = crate::choose(&show_analysis(), &config(""));
    let mut c = choice.candidates.first().cloned().expect("at least one candidate");
    (c.first_sentence, c.end_sentence) = (0, a.sentences().len());
    c.span = omniva_contracts::Span::new(0.0, a.duration());
    c
}

fn draft_of(script: &[Said], overlay: &str) -> Draft {
    let a = analysis(script);
    let transcript = script.iter().map(|s| s.text.clone()).collect::<Vec<_>>().join(" ");
    draft(&a, &whole(&a), &transcript, &config(overlay).chorus, "my_talk.mp4")
}

fn script(texts: &[&str]) -> Vec<Said> {
    texts.iter().map(|t| said(0, 0, 0.3, t)).collect()
}

const PLAIN: &str = "The old harbour lay to the west of the town for many years.";

#[test]
fn the_strongest_sentence_becomes_the_title() {
    for (texts, title) in [
        (
            vec![PLAIN, "Why do most people never save a dollar?", "They spent it all."],
            "Why do most people never save a dollar?",
        ),
        (
            vec![PLAIN, "And, um, the the biggest lie is that money makes you happy.", PLAIN],
            "The biggest lie is that money makes you happy",
        ),
        (
            vec!["Hello and welcome to the show!", "Patience is worth more than intelligence."],
            "Patience is worth more than intelligence",
        ),
    ] {
        assert_eq!(draft_of(&script(&texts), "").title, title);
    }
}

#[test]
fn long_sentences_end_at_a_clause_or_a_word_that_can_stand_there() {
    let times =
        "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness.";
    let d = draft_of(&script(&[times, "And so it went on for a long while with them."]), "");
    assert_eq!(d.title, "It was the best of times, it was the worst of times…");
    assert!(d.style_deltas.iter().any(|s| s.field == "title" && s.before == times && s.why.contains("after a clause")));
    let endless = "The harbour master counted every single wooden crate that the great northern ships had carried over the sea to the \
                   small town of his father before the storm.";
    let d = draft_of(&script(&[endless]), "");
    assert!(d.title.chars().count() <= 100 && d.title.ends_with('…'));
    let last = tokens(&d.title).pop().unwrap_or_default();
    assert!(!["the", "of", "to", "over"].contains(&last.as_str()), "{}", d.title);
}

#[test]
fn only_what_is_heard_in_the_finished_clip_is_written() {
    let a = analysis(&script(&[PLAIN, "The secret million is buried under the church!", "Ships came and went."]));
    let d = draft(
        &a,
        &whole(&a),
        "The old harbour lay to the west of the town for many years. Ships came and went.",
        &config("").chorus,
        "x",
    );
    assert!(!d.title.contains("secret") && !d.description.contains("secret"), "{d:?}");
    let changed = draft(&a, &whole(&a), "Totally other words were heard. Indeed!", &config("").chorus, "x");
    assert_eq!(changed.title, "Totally other words were heard");
}

#[test]
fn banned_words_appear_nowhere() {
    let overlay = "[chorus]\nbanned_words = [\"Kill\", \"the worst\"]\nhashtags = [\"#shorts\", \"#kill\"]\n";
    let mut a = analysis(&script(&["They kill to save the secret million!", PLAIN, "It was the worst day."]));
    a.read.keywords.push(Keyword { term: "kill".into(), kind: KeywordKind::User, weight: 1.0, mentions: vec![1.0] });
    let c = whole(&a);
    let d = draft(&a, &c, "", &config(overlay).chorus, "kill bill.mp4");
    let all = format!("{} {} {}", d.title, d.description, d.keywords.join(" ")).to_lowercase();
    assert!(!all.contains("kill") && !all.contains("the worst"), "{d:?}");
    assert!(d.style_deltas.iter().any(|s| s.why.contains("banned")));
    let nothing = analysis(&script(&["They kill them all today."]));
    let d = draft(&nothing, &whole(&nothing), "", &config(overlay).chorus, "kill bill.mp4");
    assert!(d.title.starts_with("Clip, 0:00 to"), "{}", d.title);
}

#[test]
fn the_description_tells_more_than_the_title_and_has_no_empty_quotes() {
    let d = draft_of(
        &script(&[PLAIN, "Why do most people never save a dollar?", "A dollar is spent before it is earned."]),
        "",
    );
    assert_eq!(
        d.description,
        format!(
            "{PLAIN} A dollar is spent before it is earned.\n\n“Why do most people never save a dollar?”\n\n#shorts"
        )
    );
    let silent = silent(30.0, &[0.0], |_| -20.0, |_| 0.05);
    let c = crate::choose(&silent, &config("")).candidates[0].clone();
    let d = draft(&silent, &c, "", &config("").chorus, "/in/holiday_2024.mp4");
    assert_eq!(d.description, "#shorts");
    assert!(d.title.starts_with("holiday 2024, 0:0"), "{}", d.title);
}

#[test]
fn keywords_stay_within_count_and_length() {
    let mut a = show_analysis();
    let long = |k: usize| format!("keyword number {k} of the show");
    for k in 0..40 {
        a.read.keywords.push(Keyword { term: long(k), kind: KeywordKind::User, weight: 0.9, mentions: vec![5.0] });
    }
    let d = draft(&a, &whole(&a), "", &config("").chorus, "x");
    let cost: usize = d.keywords.iter().map(|k| k.chars().count() + 2).sum::<usize>() + d.keywords.len() - 1;
    assert!(d.keywords.len() <= 15 && cost <= 500 && d.keywords.len() > 10, "{} {cost}", d.keywords.len());
    assert!(draft(&a, &whole(&a), "", &config("[chorus]\nkeywords_max = 2\n").chorus, "x").keywords.len() == 2);
}

#[test]
fn every_limit_holds_for_text_in_any_script() {
    for (language, text) in [
        ("ja", "昨日の夜、彼は大きな声で笑いながら長い長い話をしてくれましたが、その話の終わりを知っている人は誰もいませんでした。".repeat(3)),
        ("ru", "Почему никто не говорит правду о деньгах и о времени, которое мы теряем каждый день на пустые разговоры? ".repeat(3)),
        ("en", "<script>alert('x')</script> \u{202e}naïve café ".repeat(20)),
    ] {
        let a = analysis_in(language, &[said(0, 0, 0.0, &text), said(0, 0, 0.3, &text)]);
        let mut c = crate::choose(&show_analysis(), &config("")).candidates[0].clone();
        (c.first_sentence, c.end_sentence) = (0, 2);
        for (title_max, description_max) in [(100, 5000), (20, 60), (1, 1)] {
            let overlay = format!("[chorus]\ntitle_max = {title_max}\ndescription_max = {description_max}\n");
            let d = draft(&a, &c, "", &config(&overlay).chorus, "x.mp4");
            assert!(d.title.chars().count() <= title_max && !d.title.is_empty(), "{language} {title_max}: {}", d.title);
            assert!(d.description.len() <= description_max);
            assert!(!d.title.contains(['<', '>']) && !d.description.contains(['<', '>']));
        }
    }
}

#[test]
fn a_draft_is_the_same_every_time() {
    let a = show_analysis();
    let c = whole(&a);
    assert_eq!(draft(&a, &c, "", &config("").chorus, "x"), draft(&a, &c, "", &config("").chorus, "x"));
}
