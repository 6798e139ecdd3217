use omniva_contracts::analysis::{AudioPeak, PeakKind, Shot};
use omniva_contracts::geometry::Span;
use omniva_contracts::plan::CutReason;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{analysis, candidate, config, speech, word};

fn cut(analysis: &Analysis, span: Span) -> CutPlan {
    plan(analysis, &candidate(analysis, span), &config().edit, 30).expect("plans")
}

/// Removed texts with their reasons.
fn removed(plan: &CutPlan) -> Vec<(CutReason, &str)> {
    plan.cuts.iter().map(|c| (c.why, c.text.as_str())).collect()
}

#[test]
fn a_long_pause_is_shortened_and_keeps_more_breath_after_than_before() {
    let a = analysis(8.0, speech(&[("One", 0.1), ("two", 2.0), ("three", 0.1), ("four", 0.0)], 1.0, 0.5));
    let p = cut(&a, Span::new(0.0, 8.0));
    assert_eq!(removed(&p), [(CutReason::Silence, "")]);
    let (two, three) = (a.words()[1].end, a.words()[2].start);
    let (after, before) = (p.cuts[0].source.start - two, three - p.cuts[0].source.end);
    assert!(after > before && (0.2..0.4).contains(&(after + before)), "{after} {before}");
    assert!((a.words()[0].start - p.span.start - 0.15).abs() < 0.04, "lead-in of {:?}", p.span);
    assert!((p.span.end - a.words()[3].end - 0.35).abs() < 0.04, "lead-out of {:?}", p.span);
}

#[test]
fn laughter_in_a_pause_stays() {
    let mut a = analysis(9.0, speech(&[("So", 0.1), ("funny", 3.0), ("right", 0.1), ("yes", 0.0)], 1.0, 0.5));
    let silent = cut(&a, Span::new(0.0, 9.0));
    a.heard.peaks.push(AudioPeak { start: 2.6, end: 4.4, kind: PeakKind::Laughter, strength: 0.8 });
    let laughing = cut(&a, Span::new(0.0, 9.0));
    let laugh = Span::new(2.6, 4.4);
    assert!(silent.cuts.iter().any(|c| c.source.overlap(&laugh) > 1.0));
    assert!(laughing.cuts.iter().all(|c| c.source.overlap(&laugh) < 1e-9), "{:?}", laughing.cuts);
}

#[test]
fn a_loud_sound_that_no_word_names_stays() {
    let mut a = analysis(9.0, speech(&[("So", 0.1), ("loud", 3.0), ("right", 0.1), ("yes", 0.0)], 1.0, 0.5));
    a.heard.loudness.values[30..40].fill(-22.0);
    let p = cut(&a, Span::new(0.0, 9.0));
    assert!(p.cuts.iter().all(|c| c.source.overlap(&Span::new(3.0, 4.0)) < 1e-9), "{:?}", p.cuts);
}

#[test]
fn hesitations_go_and_meaningful_words_stay() {
    let set_off = speech(
        &[("I", 0.05), ("was,", 0.2), ("like,", 0.2), ("very", 0.05), ("tired", 0.2), ("um", 0.2), ("yesterday.", 0.0)],
        1.0,
        0.3,
    );
    let p = cut(&analysis(6.0, set_off), Span::new(0.0, 6.0));
    assert_eq!(removed(&p), [(CutReason::Filler, "like,"), (CutReason::Filler, "um")]);
    let meant = speech(&[("People", 0.05), ("like", 0.05), ("you", 0.05), ("know", 0.05), ("things.", 0.0)], 1.0, 0.3);
    assert_eq!(removed(&cut(&analysis(4.0, meant), Span::new(0.0, 4.0))), []);
}

#[test]
fn a_false_start_goes_and_emphasis_stays() {
    let start = speech(&[("Then", 0.1), ("the", 0.2), ("the", 0.1), ("door", 0.1), ("opened.", 0.0)], 1.0, 0.3);
    assert_eq!(removed(&cut(&analysis(4.0, start), Span::new(0.0, 4.0))), [(CutReason::Repetition, "the")]);
    let emphasis = speech(&[("It", 0.1), ("was", 0.1), ("very", 0.2), ("very", 0.1), ("good.", 0.0)], 1.0, 0.3);
    assert_eq!(removed(&cut(&analysis(4.0, emphasis), Span::new(0.0, 4.0))), []);
}

/// When the frame of the source that is on screen at `time` begins, in a source of 25 frames per second whose first frame
/// is shown at `late`.
fn frame_at(time: f64, late: f64) -> f64 {
    ((time + 5e-4 - late) * 25.0).floor() / 25.0 + late
}

#[test]
fn no_frame_of_a_neighbouring_shot_shows_at_the_ends() {
    // Wherever the frames of the source lie against those of the clip.
    for late in (0..40).map(|ms| f64::from(ms) / 1000.0) {
        let mut a = analysis(8.0, speech(&[("One", 0.1), ("two", 0.1), ("three", 0.0)], 2.0, 0.8));
        let end = a.words()[2].end;
        let shot = |start: f64, end: f64| Shot { start, end, motion: 0.0 };
        // The lead-in begins around the first border.
        for first in [1.80, 1.84, 1.88, 1.92] {
            let (from, to) = (first + late, 4.72 + late);
            a.seen.shots = vec![shot(0.0, from), shot(from, to), shot(to, 8.0)];
            let p = cut(&a, Span::new(1.0, 6.0));
            let half = 0.5 / 30.0;
            let (shown, last) = (frame_at(p.span.start + half, late), frame_at(p.span.end - half, late));
            assert!(shown >= from - 1e-6 || p.span.start + 0.25 < from, "{late}: {shown} of the shot before {from}");
            assert!(last < to - 1e-6, "{late}: {last} of the shot after {to}");
            assert!(p.span.start <= 2.0 && p.span.end >= end, "{late}: {:?}", p.span);
        }
    }
}

#[test]
fn no_frame_of_a_shot_that_ended_in_a_cut_pause_flashes_up() {
    for late in (0..40).map(|ms| f64::from(ms) / 1000.0) {
        for steps in 0..8 {
            let mut a = analysis(9.0, speech(&[("One", 0.1), ("two.", 2.0), ("Three", 0.1), ("four.", 0.0)], 1.0, 0.5));
            // Around either edge of the cut in the pause from 2.1 to 4.1.
            for near in [2.12, 3.8] {
                let border = near + f64::from(steps) * 0.04 + late;
                a.seen.shots =
                    [(0.0, border), (border, 9.0)].map(|(start, end)| Shot { start, end, motion: 0.0 }).into();
                let p = cut(&a, Span::new(0.0, 9.0));
                let (before, after) = (&p.keep[0].source, &p.keep[1].source);
                let (last, first) = (frame_at(before.end - 0.5 / 30.0, late), frame_at(after.start + 0.5 / 30.0, late));
                assert!(
                    last < border - 1e-6 || before.start >= border || before.end > border + FLASH - 0.04,
                    "{last} {border} {before:?}"
                );
                assert!(first >= border - 1e-6 || after.start + FLASH - 0.04 <= border, "{first} {border} {after:?}");
            }
        }
    }
}

#[test]
fn without_words_nothing_is_cut() {
    let a = analysis(20.0, Vec::new());
    let p = cut(&a, Span::new(3.0, 14.0));
    assert_eq!((p.keep.len(), p.cuts.len()), (1, 0));
    assert!((p.span.start - 3.0).abs() < 0.034 && (p.span.end - 14.0).abs() < 0.034);
}

#[test]
fn an_empty_range_is_refused() {
    let a = analysis(20.0, Vec::new());
    let refused = plan(&a, &candidate(&a, Span::new(3.0, 3.2)), &config().edit, 30).expect_err("refused");
    assert_eq!(refused.code, Code::ClipRefused);
}

prop_compose! {
    fn some_words()(
        from in 0.0..3.0f64,
        parts in prop::collection::vec((0.02..0.9f64, prop_oneof![Just(0.0), 0.0..0.2f64, 0.2..3.0f64], 0usize..9), 4..60),
    ) -> Vec<Word> {
        const TEXTS: [&str; 9] = ["one", "um", "the", "the", "like,", "done.", "you", "know,", "Really?"];
        let mut t = from;
        parts.iter().map(|(length, pause, text)| {
            let w = word(TEXTS[*text], t, t + length);
            t += length + pause;
            w
        }).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn cuts_respect_words_spacing_and_frames(
        words in some_words(), fps in prop_oneof![Just(30u32), Just(60u32)], seen in prop::collection::vec(0.0..90.0f64, 0..6),
    ) {
        let duration = words.last().map_or(1.0, |w| w.end) + 0.5;
        let mut a = analysis(duration, words);
        let mut borders: Vec<f64> = seen.into_iter().filter(|b| *b < duration).collect();
        borders.sort_by(f64::total_cmp);
        borders.insert(0, 0.0);
        a.seen.shots = borders.iter().map(|b| Shot { start: *b, end: duration, motion: 0.1 }).collect();
        let edit = config().edit;
        let Ok(p) = plan(&a, &candidate(&a, Span::new(0.0, duration)), &edit, fps) else { return Ok(()) };
        let frame = 1.0 / f64::from(fps);
        let mut out = 0.0;
        for k in &p.keep {
            let frames = k.source.length() / frame;
            prop_assert!((frames - frames.round()).abs() < 1e-4 && frames >= 0.5, "whole frames: {k:?}");
            prop_assert!((k.out - out).abs() < 1e-6, "contiguous in the output");
            prop_assert!(k.source.start >= p.span.start - 1e-6 && k.source.end <= p.span.end + 1e-6);
            out += k.source.length();
        }
        for (pair, c) in p.keep.windows(2).zip(&p.cuts) {
            prop_assert!(pair[0].source.end < pair[1].source.start, "in order");
            prop_assert!((c.source.start - pair[0].source.end).abs() < 1e-6 && (c.source.end - pair[1].source.start).abs() < 1e-6);
        }
        for middle in p.keep.iter().skip(1).take(p.keep.len().saturating_sub(2)) {
            prop_assert!(middle.source.length() >= edit.min_cut_spacing - 2.0 * frame, "spacing: {middle:?}");
        }
        for w in a.words() {
            for edge in p.cuts.iter().flat_map(|c| [c.source.start, c.source.end]) {
                let gone = p.cuts.iter().any(|c| c.source.start <= w.start + 1e-6 && c.source.end >= w.end - 1e-6);
                let margin = if gone { -1e-6 } else { 0.025 };
                prop_assert!(edge <= w.start - margin || edge >= w.end + margin, "{edge} touches {w:?}");
            }
        }
        let kept: f64 = p.keep.iter().map(|k| k.source.length()).sum();
        let gone: f64 = p.cuts.iter().map(|c| c.source.length()).sum();
        prop_assert!((kept + gone - p.span.length()).abs() < 1e-5, "kept and cut parts make up the span");
        prop_assert!(p.span.start <= a.words()[0].start + 1e-9);
        prop_assert!(p.span.end >= a.words().last().map_or(0.0, |w| w.end) - 1e-6);
    }

    #[test]
    fn impossible_times_do_no_harm(
        times in prop::collection::vec((-5.0..50.0f64, -5.0..50.0f64), 0..30), from in -5.0..40.0f64, length in -1.0..40.0f64,
    ) {
        let words: Vec<Word> = times.iter().map(|(a, b)| word("x", *a, *b)).chain([word("nan", f64::NAN, 1.0)]).collect();
        let mut a = analysis(30.0, Vec::new());
        a.read.words = words;
        let _ = plan(&a, &candidate(&a, Span::new(from, from + length)), &config().edit, 30);
    }
}
