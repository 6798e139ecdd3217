use omniva_contracts::analysis::Analysis;
use omniva_contracts::config::Config;
use omniva_contracts::geometry::{Rect, Span};
use omniva_contracts::plan::{Aspect, CaptionPage, EditPlan};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::fixtures::{analysis, candidate, config, face, fonts, speech, word};

fn planned(a: &Analysis, change: impl FnOnce(&mut Config)) -> EditPlan {
    let mut config = config();
    change(&mut config);
    crate::plan(a, &candidate(a, Span::new(0.0, a.duration())), &config, Uuid::nil(), &fonts()).expect("plans")
}

fn pages(p: &EditPlan) -> &[CaptionPage] {
    p.captions.as_ref().map_or(&[], |c| &c.pages)
}

fn texts(p: &EditPlan) -> Vec<String> {
    let line = |l: &Vec<CaptionWord>| l.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ");
    pages(p).iter().map(|p| p.lines.iter().map(line).collect::<Vec<_>>().join(" / ")).collect()
}

fn sentence(text: &str) -> Analysis {
    let words: Vec<(&str, f64)> =
        text.split(' ').map(|w| (w, if w.ends_with(['.', '?', '!']) { 0.5 } else { 0.05 })).collect();
    let words = speech(&words, 0.5, 0.3);
    let end = words.last().map_or(1.0, |w| w.end) + 1.0;
    analysis(end, words)
}

#[test]
fn pages_end_with_sentences_and_do_not_lean_on_the_next() {
    let a = sentence("Keep it short. The best way to win is to begin. Are you ready?");
    let got = texts(&planned(&a, |c| c.clip.captions = "clean".into()));
    assert_eq!(got[0], "Keep it short.");
    assert!(got.iter().any(|p| p == "Are you ready?"), "{got:?}");
    assert!(got.iter().all(|p| !p.ends_with(" the") && !p.ends_with(" to")), "{got:?}");
}

#[test]
fn captions_stay_off_a_face_in_the_lower_third() {
    let mut a = sentence("Look at me while I am talking to you about this and that.");
    let usual = pages(&planned(&a, |_| ()))[0].area;
    assert!(usual.y > 0.55, "{usual:?}");
    a.seen.faces = vec![face(1, 0.0, a.duration(), 0.5, 0.1, |_| (0.5, 0.62))];
    let p = planned(&a, |_| ());
    for page in pages(&p) {
        let face = Rect::new(0.0, 0.40, 1.0, 0.45);
        assert!(page.area.intersect(&face).is_none(), "{:?} stands on the face", page.area);
    }
}

#[test]
fn a_split_carries_its_captions_on_the_seam() {
    let mut a = sentence("Both of us are talking here at the same time.");
    let end = a.duration();
    a.seen.faces = vec![face(1, 0.0, end, 0.3, 0.1, |_| (0.25, 0.4)), face(2, 0.0, end, 0.3, 0.1, |_| (0.75, 0.4))];
    let p = planned(&a, |_| ());
    assert!(pages(&p).iter().all(|p| (p.area.center().1 - 0.5).abs() < 0.05), "{:?}", pages(&p)[0].area);
}

#[test]
fn a_very_long_word_is_shrunk_or_broken_and_never_lost() {
    let long = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz";
    let p = planned(&sentence(&format!("Das {long} gilt.")), |_| ());
    let shown: String = pages(&p).iter().flat_map(|p| p.lines.iter().flatten()).map(|w| w.text.as_str()).collect();
    assert_eq!(shown.replace('-', ""), format!("Das{long}gilt."));
    assert!(pages(&p).iter().all(|p| p.area.x >= 0.07 - 1e-6), "{:?}", texts(&p));
}

#[test]
fn a_script_without_glyphs_is_said_so() {
    let p = planned(&sentence("これは 日本語 です。"), |_| ());
    assert!(p.notes.iter().any(|n| n.contains("Lato")), "{:?}", p.notes);
    assert!(!pages(&p).is_empty());
}

#[test]
fn hostile_words_never_become_markup() {
    let a = sentence("{\\an8\\fs200} <script>alert(1)</script> \\N{\\p1}m --> &amp; a\nb.");
    for style in ["bold", "clean", "box", "poster", "typewriter"] {
        let p = planned(&a, |c| c.clip.captions = style.into());
        let script = ass(&p);
        for line in script.lines().filter(|l| l.starts_with("Dialogue: 1")) {
            let text = line.splitn(10, ',').nth(9).expect("ten fields");
            let spoken = text.split_once('}').expect("our own tags").1;
            assert!(!spoken.contains(['{', '}', '\\']), "{line}");
        }
        assert!(script.lines().all(|l| l.is_empty() || l.starts_with('[') || l.contains(": ")), "a line of its own");
        let web = vtt(&p);
        assert!(!web.contains("<script") && web.matches("-->").count() == web.matches("\n00:").count(), "{web}");
        assert!(!srt(&p).contains('<') && !srt(&p).contains('{'));
    }
}

#[test]
fn subtitle_files_are_read_by_ffmpeg() {
    let a = sentence("Keep it short. The best way to win is to begin & never <stop>. Are you ready?");
    let p = planned(&a, |_| ());
    let dir = tempfile::tempdir().expect("a folder");
    for (name, text) in [("c.srt", srt(&p)), ("c.vtt", vtt(&p)), ("c.ass", ass(&p))] {
        std::fs::write(dir.path().join(name), &text).expect("written");
        let out = std::process::Command::new("ffmpeg")
            .args(["-v", "warning", "-i", name, "-f", "srt", "-"])
            .current_dir(&dir)
            .output()
            .expect("ffmpeg is installed");
        let read = String::from_utf8_lossy(&out.stdout);
        assert!(out.status.success() && out.stderr.is_empty(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
        assert!(read.to_lowercase().contains("short"), "{name}: {read}");
    }
    let words = srt(&p).split_whitespace().filter(|w| w.chars().all(char::is_alphabetic)).count();
    assert!(words >= 12, "{}", srt(&p));
}

#[test]
fn every_style_draws_something_different() {
    let a = sentence("Keep it short and simple.");
    let scripts: Vec<String> =
        config().captions.styles.iter().map(|s| ass(&planned(&a, |c| c.clip.captions.clone_from(&s.name)))).collect();
    for (i, one) in scripts.iter().enumerate() {
        assert!(one.contains("\\pos") || one.contains("\\move"));
        assert!(scripts.iter().skip(i + 1).all(|other| other != one));
    }
}

prop_compose! {
    fn some_words()(
        parts in prop::collection::vec(("[a-zA-Zäß{}\\\\'<&]{1,18}[.,?!]?", 0.1..0.8f64, prop_oneof![Just(0.0), 0.0..1.5f64]), 8..50),
    ) -> Vec<omniva_contracts::analysis::Word> {
        let mut t = 0.5;
        parts.iter().map(|(text, length, pause)| {
            let w = word(text, t, t + length);
            t += length + pause;
            w
        }).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn pages_hold_every_word_once_inside_the_safe_area(
        words in some_words(),
        style in prop::sample::select(vec!["bold", "clean", "box", "poster", "typewriter"]),
        aspect in prop_oneof![Just(Aspect::Portrait), Just(Aspect::Square), Just(Aspect::Feed), Just(Aspect::Wide)],
        at in (0.1..0.9f64, 0.1..0.9f64),
    ) {
        let duration = words.last().map_or(1.0, |w| w.end) + 0.6;
        let mut a = analysis(duration, words);
        a.seen.faces = vec![face(1, 0.0, duration, 0.3, 0.1, move |_| at)];
        let p = planned(&a, |c| { c.clip.captions = style.into(); c.clip.aspect = aspect; });
        let safe = config().captions;
        let shown: String = pages(&p).iter().flat_map(|p| p.lines.iter().flatten()).map(|w| w.text.as_str()).collect();
        let heard = crate::transcript(&p, &a);
        let bare = |s: &str| s.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>();
        prop_assert_eq!(bare(&shown), bare(&heard), "each kept word once");
        let mut until = 0.0;
        for page in pages(&p) {
            prop_assert!(page.out.start >= until - 1e-9 && page.out.end >= page.out.start, "pages overlap");
            until = page.out.end;
            prop_assert!((1..=2).contains(&page.lines.len()));
            let (r, b) = (page.area.x + page.area.w, page.area.y + page.area.h);
            prop_assert!(page.area.x >= safe.safe_side - 1e-5 && r <= 1.0 - safe.safe_side + 1e-5, "{:?}", page.area);
            prop_assert!(page.area.y >= safe.safe_top - 1e-5 && b <= 1.0 - safe.safe_bottom + 1e-5, "{:?}", page.area);
            for word in page.lines.iter().flatten() {
                let area = word.area.expect("laid out");
                prop_assert!(area.x >= page.area.x - 1e-5 && area.x + area.w <= r + 1e-5);
                prop_assert!(word.out.start >= page.out.start - 2e-3 && word.out.end <= page.out.end + 2e-3, "{:?} in {:?}", word.out, page.out);
            }
        }
        prop_assert!(until <= p.duration() + 1e-3);
    }
}
