use omniva_contracts::analysis::AudioPeak;

use super::*;
use crate::common::{Said, analysis, said, show_analysis};

fn walls(script: &[Said]) -> Vec<bool> {
    let a = analysis(script);
    find(&a, &Peaks::default()).wall
}

const LONG: &str = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen \
                    seventeen eighteen nineteen twenty more words to fill a whole long turn of some twenty seconds or so \
                    and then a few of them again until the time is up.";

#[test]
fn a_topic_border_is_a_wall_and_the_end_is_one() {
    assert_eq!(
        walls(&[said(0, 0, 0.0, "One."), said(0, 1, 0.3, "Two."), said(0, 1, 0.3, "Three.")]),
        [true, false, true]
    );
}

#[test]
fn quick_dialogue_has_no_walls() {
    let script: Vec<Said> = (0..8).map(|k| said(k % 2, 0, 0.4, "A short line, is it not.")).collect();
    assert!(walls(&script)[..7].iter().all(|w| !w));
}

#[test]
fn two_monologues_are_parted_but_a_question_keeps_its_answer() {
    assert!(walls(&[said(0, 0, 0.0, LONG), said(1, 0, 0.5, LONG)])[0]);
    let asks = format!("{LONG} And so the question is, why?");
    assert!(!walls(&[said(0, 0, 0.0, &asks), said(1, 0, 0.5, LONG)])[0]);
}

#[test]
fn a_pause_with_a_new_picture_parts_scenes() {
    let scene = |pause| walls(&[said(0, 0, 0.0, "One."), said(0, 0, pause, "Two.").new_shot()])[0];
    assert!(scene(1.4) && !scene(0.6));
    let voice = |pause| walls(&[said(0, 0, 0.0, "One."), said(1, 0, pause, "Two.").new_shot()])[0];
    assert!(voice(0.9) && !voice(0.5));
    assert!(walls(&[said(0, 0, 0.0, "One."), said(0, 0, 7.0, "Two.")])[0], "six seconds of nothing");
}

#[test]
fn a_sentence_that_runs_through_a_scene_border_is_broken() {
    let mut a = analysis(&[said(0, 0, 0.0, "One two."), said(1, 0, 2.0, "Three four.").new_shot()]);
    let second = a.read.sentences.remove(1);
    a.read.sentences[0].end = second.end;
    a.read.sentences[0].end_word = second.end_word;
    assert_eq!(find(&a, &Peaks::default()).broken, [true]);
}

#[test]
fn cuts_lie_in_the_silence_beside_the_words() {
    let a = show_analysis();
    let b = find(&a, &Peaks::new(&a.heard.peaks));
    for (k, s) in a.read.sentences.iter().enumerate() {
        let (start, end) = (b.start[k].expect("room"), b.end[k].expect("room"));
        assert!(start.at <= s.start && s.start - start.at <= 1.0, "{k}");
        assert!(end.at >= s.end && end.at - s.end <= LAUGHTER, "{k}");
        assert!(a.words().iter().all(|w| !(start.at > w.start && start.at < w.end)), "start {k}");
        assert!(a.words().iter().all(|w| !(end.at > w.start && end.at < w.end)), "end {k}");
    }
}

#[test]
fn a_cut_of_the_picture_in_the_silence_wins() {
    let a = analysis(&[said(0, 0, 0.0, "One."), said(0, 0, 1.0, "Two.").new_shot()]);
    let b = find(&a, &Peaks::default());
    let shot = a.seen.shots[1].start;
    assert_eq!((b.end[0].expect("room").at, b.start[1].expect("room").at), (shot, shot));
}

#[test]
fn laughter_after_the_last_word_stays_in() {
    let a = analysis(&[said(0, 0, 0.0, "One."), said(0, 0, 3.0, "Two.")]);
    let end = a.read.sentences[0].end;
    let laugh = AudioPeak { start: end + 0.2, end: end + 1.4, kind: PeakKind::Laughter, strength: 0.8 };
    let b = find(&a, &Peaks::new(&[laugh]));
    assert!((b.end[0].expect("room").at - (end + 1.5)).abs() < 0.002);
}

#[test]
fn the_detector_keeps_a_soft_onset_inside() {
    let mut a = analysis(&[said(0, 0, 0.0, "One."), said(0, 0, 1.0, "Two.")]);
    let first = a.read.sentences[1].start;
    a.heard.speech[1].start = first - 0.25;
    let at = find(&a, &Peaks::default()).start[1].expect("room").at;
    assert!((at - (first - 0.45)).abs() < 0.002, "{at} for a word at {first}");
}

#[test]
fn words_that_overlap_leave_no_room() {
    let mut a = analysis(&[said(0, 0, 0.0, "One."), said(1, 0, 0.2, "Two.")]);
    a.read.words[0].end = a.read.words[1].start + 0.05;
    let b = find(&a, &Peaks::default());
    assert_eq!((b.end[0], b.start[1]), (None, None));
}

#[test]
fn rounding_never_leaves_the_silence() {
    assert_eq!(inside_ms(1.00049, 1.0004, 1.0009), 1.00049);
    assert_eq!(inside_ms(1.0004, 1.0001, 1.2), 1.001);
}
