use omniva_contracts::config::Config;

use crate::common::{Said, analysis, said, show_analysis};
use crate::material::Material;

fn lines<R>(script: &[Said], look: impl Fn(&Material<'_>) -> R) -> R {
    let config = Config::load(None).expect("valid");
    let a = analysis(script);
    look(&Material::new(&a, &config))
}

fn opening(text: &str) -> f64 {
    lines(&[said(0, 0, 0.0, "Something came before this one."), said(0, 0, 0.3, text)], |m| m.lines[1].opening)
}

#[test]
fn a_sentence_that_leans_on_others_does_not_stand_alone() {
    let plain = opening("The farmers sold their wheat in spring.");
    for text in [
        "He sold the wheat in spring.",
        "They sold the wheat in spring.",
        "And the farmers sold their wheat in spring.",
        "As I said, the farmers sold their wheat.",
        "Because of that the farmers sold their wheat.",
    ] {
        assert!(opening(text) < plain - 0.1, "{text}: {} of {plain}", opening(text));
    }
    let impersonal = opening("It was the best of times.");
    assert!(impersonal > opening("He was the best of men.") && impersonal < plain);
}

#[test]
fn a_new_topic_or_turn_begins_something() {
    let at =
        |second: Said| lines(&[said(0, 0, 0.0, "Something came before this one."), second], |m| m.lines[1].opening);
    let plain = at(said(0, 0, 0.3, "The farmers sold their wheat."));
    assert!(at(said(0, 1, 0.3, "The farmers sold their wheat.")) > plain + 0.1);
    assert!(at(said(1, 0, 0.3, "The farmers sold their wheat.")) > plain + 0.05);
}

#[test]
fn an_answer_needs_its_question() {
    let answer = |before: &str| {
        lines(&[said(0, 0, 0.0, before), said(1, 0, 0.3, "Forty farmers sold their wheat.")], |m| m.lines[1].opening)
    };
    assert!(answer("How many sold it?") < answer("Many sold it.") - 0.15);
}

#[test]
fn endings_are_ordered_as_an_editor_would() {
    let ending = |text: &str, next: &str| {
        let script = [
            said(0, 0, 0.0, "The first sentence of this story is rather long and slow."),
            said(0, 0, 0.3, text),
            said(0, 0, 0.3, next),
        ];
        lines(&script, |m| m.lines[1].ending)
    };
    let other = "Wheat grows in the north.";
    let conclusion = ending("That's why patience is worth more.", other);
    let plain = ending("The market was open in the morning, as on all other days of that week.", other);
    let trailing =
        ending("The market was open in the morning, as on all other days of that week.", "And then it closed.");
    let question = ending("The market was open in the morning, as on all other days of that week?", other);
    let unfinished = ending("The market was open in the morning, as on all other days of the", other);
    assert!(conclusion > plain + 0.1, "{conclusion} {plain}");
    assert!(plain > trailing && plain > question && plain > unfinished + 0.1);
}

#[test]
fn laughter_after_a_line_is_a_payoff() {
    let config = Config::load(None).expect("valid");
    let with = show_analysis();
    let mut without = with.clone();
    without.heard.peaks.clear();
    let ending = |a| Material::new(a, &config).lines[22].ending;
    assert!(ending(&with) > ending(&without) + 0.1);
}

#[test]
fn unfinished_sentences_are_named() {
    let script = [
        said(0, 0, 0.0, "One sentence is finished."),
        said(0, 0, 0.3, "Another one breaks off in the"),
        said(0, 0, 0.1, "middle of what it says."),
        said(0, 0, 0.3, "A third one is finished too."),
        said(0, 0, 0.3, "The last words before a long silence"),
        said(0, 1, 2.0, "A new topic begins."),
    ];
    let (ends, starts) = lines(&script, |m| {
        let ends: Vec<bool> = m.lines.iter().map(|l| l.cut_off_end.is_some()).collect();
        (ends, m.lines.iter().map(|l| l.cut_off_start.is_some()).collect::<Vec<_>>())
    });
    assert_eq!(ends, [false, true, false, false, false, false]);
    assert_eq!(starts, [false, false, true, false, false, false]);
}

#[test]
fn a_transcript_without_marks_is_judged_by_its_pauses() {
    let script: Vec<Said> =
        (0..6).map(|k| said(0, 0, if k == 3 { 0.1 } else { 0.9 }, "words without any mark at all")).collect();
    let ends: Vec<bool> = lines(&script, |m| m.lines.iter().map(|l| l.cut_off_end.is_some()).collect());
    assert_eq!(ends, [false, false, true, false, false, false]);
}
