use omniva_contracts::analysis::{AudioPeak, FaceTrack};
use omniva_contracts::config::Config;

use super::*;
use crate::common::{Said, analysis, analysis_in, said, show_analysis};
use omniva_contracts::analysis::{Analysis, Keyword, KeywordKind};

/// Features of the window over sentences `first..end`.
fn features(a: &Analysis, first: usize, end: usize) -> Features {
    let config = Config::load(None).expect("valid");
    let m = Material::new(a, &config);
    let mut run = Running::new(&m);
    run.reset();
    (first..end).for_each(|k| run.add(&m, k));
    let span = Span::new(a.read.sentences[first].start - 0.1, a.read.sentences[end - 1].end + 0.2);
    of_speech(&m, first, end, &span, &run)
}

fn script(n: u32) -> Vec<Said> {
    (0..n).map(|k| said(0, 0, 0.3, &format!("Number {k} tells of farmers, wheat and barley in the north."))).collect()
}

#[test]
fn everything_stays_within_its_bounds() {
    let a = show_analysis();
    for first in 0..a.read.sentences.len() {
        for end in first + 1..=(first + 6).min(a.read.sentences.len()) {
            let f = features(&a, first, end);
            assert!(
                NAMES.iter().filter_map(|n| value(&f, n)).all(|v| (0.0..=1.0).contains(&v)),
                "{first}..{end} {f:?}"
            );
        }
    }
    assert!(
        NAMES.iter().all(|n| value(&Features::default(), n) == Some(0.0)) && value(&Features::default(), "x").is_none()
    );
}

#[test]
fn the_users_keywords_lead() {
    let mut a = analysis(&script(8));
    let at = a.read.sentences[1].start;
    let keyword = |kind, weight| Keyword { term: "wheat".into(), kind, weight, mentions: vec![at] };
    assert_eq!(features(&a, 0, 4).keywords, UNKNOWN);
    a.read.keywords = vec![keyword(KeywordKind::Extracted, 1.0)];
    let extracted = features(&a, 0, 4).keywords;
    a.read.keywords = vec![keyword(KeywordKind::User, 1.0)];
    let own = features(&a, 0, 4).keywords;
    assert!(own > 0.6 && extracted > 0.55, "{own} {extracted}");
    assert!(features(&a, 4, 8).keywords < 0.2, "the user's subject is not mentioned there");
}

#[test]
fn laughter_and_feeling_move() {
    let a = analysis(&script(6));
    let flat = features(&a, 0, 4).emotion;
    let mut moved = analysis(&{
        let mut s = script(6);
        s[1] = s[1].clone().feeling(-0.8);
        s[3] = s[3].clone().feeling(0.8);
        s
    });
    let feeling = features(&moved, 0, 4).emotion;
    let start = moved.read.sentences[3].end;
    moved.heard.peaks.push(AudioPeak { start, end: start + 1.0, kind: PeakKind::Laughter, strength: 1.0 });
    let laughing = features(&moved, 0, 4).emotion;
    assert!(feeling > flat + 0.1 && laughing > feeling + 0.1, "{flat} {feeling} {laughing}");
}

#[test]
fn faces_are_the_share_of_time_with_one() {
    let mut a = analysis(&script(8));
    assert!(features(&a, 0, 4).faces > 0.85);
    let middle = a.read.sentences[2].start;
    a.seen.faces = vec![FaceTrack {
        id: 0,
        samples: a.seen.faces[0].samples.iter().filter(|s| s.time < middle).cloned().collect(),
    }];
    let half = features(&a, 0, 4).faces;
    assert!((0.3..0.7).contains(&half), "{half}");
    assert_eq!(features(&a, 4, 8).faces, 0.0);
    a.media.video = None;
    assert_eq!(features(&a, 0, 4).faces, UNKNOWN);
}

#[test]
fn a_repeated_passage_is_less_novel() {
    let a = show_analysis();
    let (bread, again) = (features(&a, 27, 33).novelty, features(&a, 34, 39).novelty);
    assert!(bread > again, "{bread} {again}");
    let mut blind = a.clone();
    blind.read.sentences.iter_mut().for_each(|s| s.embedding.clear());
    assert_eq!(features(&blind, 27, 33).novelty, UNKNOWN);
}

#[test]
fn dead_air_and_haste_cost_pace() {
    let even = features(&analysis(&script(6)), 0, 5).pace;
    let mut slow = script(6);
    slow.iter_mut().for_each(|s| s.pause = 2.0);
    assert!(features(&analysis(&slow), 0, 5).pace < even - 0.1);
}

#[test]
fn doubt_costs_clarity() {
    let mut s = script(6);
    let clear = features(&analysis(&s), 0, 5).clarity;
    s[2] = s[2].clone().unsure();
    let doubtful = features(&analysis(&s), 0, 5).clarity;
    assert!(clear > 0.85 && doubtful < clear - 0.2, "{clear} {doubtful}");
}

#[test]
fn louder_than_the_source_is_more_energy() {
    let mut a = analysis(&script(12));
    let middle = a.read.sentences[6].start;
    for (k, v) in a.heard.loudness.values.iter_mut().enumerate() {
        *v += if k as f64 * 0.1 >= middle { 6.0 } else { -6.0 };
    }
    assert!(features(&a, 7, 12).energy > features(&a, 0, 5).energy + 0.1);
}

#[test]
fn a_language_without_lists_is_judged_near_the_middle() {
    let a = analysis_in("fi", &script(8));
    let f = features(&a, 2, 6);
    for name in ["hook", "stands_alone", "payoff", "emotion"] {
        let v = value(&f, name).expect("known");
        assert!((0.25..=0.75).contains(&v), "{name} {v}");
    }
}
