use omniva_contracts::analysis::{Analysis, FaceTrack, Shot};
use omniva_contracts::config::{Config, LayoutChoice};
use omniva_contracts::geometry::{Rect, Span};
use omniva_contracts::plan::{Aspect, EditPlan, Layout, Scene};
use proptest::prelude::*;
use uuid::Uuid;

use super::geometry::crop_at;
use crate::fixtures::{analysis, candidate, config, face, fonts};

fn planned(a: &Analysis, change: impl FnOnce(&mut Config)) -> EditPlan {
    let mut config = config();
    config.clip.captions = "none".into();
    change(&mut config);
    crate::plan(a, &candidate(a, Span::new(0.0, a.duration())), &config, Uuid::nil(), &fonts()).expect("plans")
}

fn with_faces(seconds: f64, faces: Vec<FaceTrack>) -> Analysis {
    let mut a = analysis(seconds, Vec::new());
    a.seen.faces = faces;
    a
}

fn shifting(scene: &Scene) -> f64 {
    let Layout::Single { keys } = &scene.layout else { panic!("{scene:?} is no single crop") };
    let xs = keys.iter().map(|k| k.rect.center().0);
    xs.clone().fold(f64::NEG_INFINITY, f64::max) - xs.fold(f64::INFINITY, f64::min)
}

#[test]
fn a_nodding_head_gets_a_still_camera_and_a_slow_zoom() {
    let a = with_faces(20.0, vec![face(1, 0.0, 20.0, 0.3, 0.1, |t| (0.5 + 0.015 * (t * 3.0).sin(), 0.4))]);
    let p = planned(&a, |_| ());
    assert_eq!(p.scenes.len(), 1);
    assert!(shifting(&p.scenes[0]) < 1e-6, "{:?}", p.scenes);
    let Layout::Single { keys } = &p.scenes[0].layout else { panic!("single") };
    assert!((keys[0].rect.w / keys[1].rect.w - 1.06).abs() < 1e-3, "zooms by the most that is allowed");
    let still = planned(&a, |c| c.edit.zoom_per_second = 0.0);
    assert!(matches!(&still.scenes[0].layout, Layout::Single { keys } if keys.len() == 1));
}

#[test]
fn a_walk_is_one_move_with_the_face_in_the_crop() {
    let walk = |t: f64| (0.25 + 0.5 * ((t - 5.0) / 8.0).clamp(0.0, 1.0), 0.4);
    let a = with_faces(20.0, vec![face(1, 0.0, 20.0, 0.3, 0.1, walk)]);
    let p = planned(&a, |_| ());
    assert!(shifting(&p.scenes[0]) > 0.35);
    let measured = crate::framing(&p, &a);
    assert_eq!((measured.reversals_per_second, measured.face_in_crop), (0.0, 1.0), "{measured:?}");
    assert!(measured.face_samples >= 79);
    let Layout::Single { keys } = &p.scenes[0].layout else { panic!("single") };
    assert!(keys.len() <= 120 && keys.windows(2).all(|k| k[1].out - k[0].out > 0.0999), "{} keys", keys.len());
}

#[test]
fn two_people_are_split_and_each_crop_keeps_to_its_side() {
    let left = face(1, 0.0, 10.0, 0.3, 0.1, |_| (0.27, 0.4));
    let right = face(2, 0.0, 10.0, 0.26, 0.1, |_| (0.76, 0.45));
    let a = with_faces(10.0, vec![right, left]);
    let p = planned(&a, |_| ());
    let [Scene { layout: Layout::Split { first, second }, .. }] = p.scenes.as_slice() else { panic!("{:?}", p.scenes) };
    let (f, s) = (first[0].rect, second[0].rect);
    assert!(f.x + f.w <= 0.5 + 1e-6 && s.x >= 0.5 - 1e-6, "{f:?} {s:?}");
    assert!((f.center().0 - 0.27).abs() < 0.12 && (s.center().0 - 0.76).abs() < 0.12);
    assert_eq!(crate::framing(&p, &a).face_in_crop, 1.0);
}

#[test]
fn the_one_who_speaks_for_long_gets_the_picture() {
    let left = face(1, 0.0, 20.0, 0.3, 0.02, |_| (0.25, 0.4));
    let mut right = face(2, 0.0, 20.0, 0.3, 0.02, |_| (0.75, 0.4));
    right.samples.iter_mut().filter(|s| s.time < 10.0).for_each(|s| s.mouth = 0.3);
    let p = planned(&with_faces(20.0, vec![left, right]), |_| ());
    assert!(matches!(&p.scenes[0].layout, Layout::Single { keys } if keys[0].rect.center().0 > 0.6), "{:?}", p.scenes);
    assert!(matches!(p.scenes[1].layout, Layout::Split { .. }), "unsure afterwards");
    assert!(p.scenes.iter().all(|s| s.out.length() >= 2.0));
}

#[test]
fn people_close_together_share_one_crop() {
    let a = with_faces(
        8.0,
        vec![face(1, 0.0, 8.0, 0.12, 0.1, |_| (0.46, 0.4)), face(2, 0.0, 8.0, 0.12, 0.1, |_| (0.56, 0.4))],
    );
    assert!(matches!(planned(&a, |_| ()).scenes[0].layout, Layout::Single { .. }));
}

#[test]
fn nobody_means_the_whole_picture_and_no_picture_a_waveform() {
    let mut a = analysis(6.0, Vec::new());
    assert!(matches!(planned(&a, |_| ()).scenes[0].layout, Layout::Fit { .. }));
    assert!(matches!(planned(&a, |c| c.clip.aspect = Aspect::Wide).scenes[0].layout, Layout::Single { .. }));
    a.media.video = None;
    assert!(matches!(planned(&a, |_| ()).scenes[0].layout, Layout::Waveform));
}

#[test]
fn the_configuration_forces_a_layout() {
    let a =
        with_faces(8.0, vec![face(1, 0.0, 8.0, 0.3, 0.1, |_| (0.3, 0.4)), face(2, 0.0, 8.0, 0.3, 0.1, |_| (0.7, 0.4))]);
    let layout = |choice| planned(&a, |c| c.clip.layout = choice).scenes[0].layout.clone();
    assert!(matches!(layout(LayoutChoice::Fit), Layout::Fit { .. }));
    assert!(matches!(layout(LayoutChoice::Single), Layout::Single { .. }));
    assert!(matches!(layout(LayoutChoice::Split), Layout::Split { .. }));
    let alone = with_faces(8.0, vec![face(1, 0.0, 8.0, 0.3, 0.1, |_| (0.3, 0.4))]);
    let p = planned(&alone, |c| c.clip.layout = LayoutChoice::Split);
    assert!(matches!(p.scenes[0].layout, Layout::Single { .. }) && !p.notes.is_empty());
}

#[test]
fn a_face_too_wide_for_a_tall_crop_makes_the_clip_square_and_says_so() {
    let a = with_faces(8.0, vec![face(1, 0.0, 8.0, 0.8, 0.1, |_| (0.5, 0.5))]);
    let p = planned(&a, |_| ());
    assert_eq!(p.canvas.aspect, Aspect::Square);
    let why = p.canvas.fallback.clone().expect("a reason");
    assert!(why.contains("1:1") && p.notes.contains(&why), "{why}");
}

#[test]
fn a_racing_subject_makes_the_clip_square() {
    let dash = |t: f64| (0.5 + 0.22 * (t * 1.9).sin().signum() * ((t * 1.9).sin().abs()).sqrt(), 0.4);
    let a = with_faces(12.0, vec![face(1, 0.0, 12.0, 0.2, 0.1, dash)]);
    let p = planned(&a, |_| ());
    assert_eq!(p.canvas.aspect, Aspect::Square, "{:?}", crate::framing(&p, &a));
    assert!(crate::framing(&p, &a).face_in_crop >= 0.98);
}

#[test]
fn a_shot_border_is_a_hard_cut_and_bars_are_left_out() {
    let mut a = with_faces(
        10.0,
        vec![face(1, 0.0, 5.0, 0.3, 0.1, |_| (0.35, 0.4)), face(2, 5.0, 10.0, 0.3, 0.1, |_| (0.6, 0.5))],
    );
    // The first frame of a source whose picture begins 21 ms after its sound: it is on no multiple of a frame's length.
    a.seen.shots = [(0.0, 5.021), (5.021, 10.0)].map(|(start, end)| Shot { start, end, motion: 0.1 }).into();
    let inner = Rect::new(0.15, 0.1, 0.7, 0.8);
    a.seen.inside_bars = vec![Some(inner), None];
    let p = planned(&a, |_| ());
    assert_eq!(p.scenes.iter().map(|s| s.out).collect::<Vec<_>>(), [Span::new(0.0, 5.021), Span::new(5.021, 10.0)]);
    let Layout::Single { keys } = &p.scenes[0].layout else { panic!("single") };
    let r = keys[0].rect;
    assert!(r.y >= inner.y - 1e-6 && r.y + r.h <= inner.y + inner.h + 1e-6 && r.x >= inner.x - 1e-6, "{r:?}");
    let Layout::Single { keys } = &p.scenes[1].layout else { panic!("single") };
    assert!((keys[0].rect.h - 1.0).abs() < 1e-6);
}

#[test]
fn long_pauses_are_measured_through_the_cuts() {
    let words = crate::fixtures::speech(&[("One", 0.1), ("two", 5.0), ("three", 0.1), ("four.", 0.0)], 1.0, 0.5);
    let mut a = analysis(10.0, words);
    assert_eq!(crate::framing(&planned(&a, |_| ()), &a).long_pause_share, 0.0);
    let uncut = planned(&a, |c| (c.edit.max_pause, c.edit.pause_keep) = (5.0, 5.0));
    // Words that were edited away from the sound leave the pause to be measured.
    a.read.words.remove(2);
    a.read.words.remove(2);
    let share = crate::framing(&uncut, &a).long_pause_share;
    assert!(share > 0.6, "{share}");
}

prop_compose! {
    fn wandering()(
        seed in prop::collection::vec((0.05..0.95f64, 0.1..0.9f64), 3..12), h in 0.06..0.6f64, speed in 0.5..6.0f64,
    ) -> FaceTrack {
        face(1, 0.0, 24.0, h, 0.1, move |t| {
            let at = t / speed;
            let (i, f) = ((at as usize) % seed.len(), at.fract());
            let (a, b) = (seed[i], seed[(i + 1) % seed.len()]);
            (a.0 + (b.0 - a.0) * f, a.1 + (b.1 - a.1) * f)
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn crops_are_valid_and_the_camera_is_calm(
        tracks in prop::collection::vec(wandering(), 0..4),
        cuts in prop::collection::vec(1.0..23.0f64, 0..5),
        bars in prop_oneof![Just(None), Just(Some(Rect::new(0.1, 0.0, 0.8, 1.0))), Just(Some(Rect::new(0.0, 0.15, 1.0, 0.7)))],
        aspect in prop_oneof![Just(Aspect::Portrait), Just(Aspect::Square), Just(Aspect::Feed), Just(Aspect::Wide)],
    ) {
        let mut a = with_faces(24.0, tracks);
        a.media.inside_bars = bars;
        let mut borders = cuts;
        borders.extend([0.0, 24.0]);
        borders.sort_by(f64::total_cmp);
        a.seen.shots = borders.windows(2).map(|b| Shot { start: b[0], end: b[1], motion: 0.005 }).collect();
        let p = planned(&a, |c| c.clip.aspect = aspect);
        let inner = bars.unwrap_or(Rect::FULL);
        let mut out = 0.0;
        for s in &p.scenes {
            prop_assert!((s.out.start - out).abs() < 1e-6 && s.out.length() > 0.0, "scenes cover the output");
            out = s.out.end;
            let (w, h) = (f64::from(p.canvas.width), f64::from(p.canvas.height));
            let cells: Vec<(f64, _)> = match &s.layout {
                Layout::Single { keys } => vec![(w / h, keys)],
                Layout::Split { first, second } if w > h => vec![(w / 2.0 / h, first), (w / 2.0 / h, second)],
                Layout::Split { first, second } => vec![(w / (h / 2.0), first), (w / (h / 2.0), second)],
                _ => Vec::new(),
            };
            for (shape, keys) in cells {
                prop_assert!(!keys.is_empty() && keys[0].out <= s.out.start + 1e-6);
                prop_assert!(keys.windows(2).all(|k| k[1].out > k[0].out));
                for k in keys {
                    let r = k.rect;
                    prop_assert!((r.w * 1280.0 / (r.h * 720.0) / shape - 1.0).abs() < 1e-4, "shape of {r:?}");
                    prop_assert!(r.x >= inner.x - 1e-6 && r.y >= inner.y - 1e-6, "{r:?} inside {inner:?}");
                    prop_assert!(r.x + r.w <= inner.x + inner.w + 1e-6 && r.y + r.h <= inner.y + inner.h + 1e-6, "{r:?}");
                }
                prop_assert!(crop_at(keys, s.out.middle()).is_some());
            }
        }
        prop_assert!((out - p.duration()).abs() < 1e-6);
        let measured = crate::framing(&p, &a);
        prop_assert!(measured.reversals_per_second <= 0.13, "{measured:?}");
    }
}
