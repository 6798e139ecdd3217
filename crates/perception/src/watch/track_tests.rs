use omniva_contracts::streams::Picture;
use proptest::prelude::*;

use super::super::yunet::Detection;
use super::*;

const STEP: f64 = 0.25;

fn patches() -> Patches {
    let at = Detection { rect: Rect::new(2.0, 2.0, 8.0, 8.0), score: 0.9, eyes: (5.0, 4.0), mouth: (5.0, 8.0) };
    Patches::new(&Picture { width: 12, height: 12, bgr: &[90; 12 * 12 * 3] }, &at)
}

fn at(x: f64, y: f64, size: f64, score: f64) -> Sighting {
    Sighting { rect: Rect::new(x - size / 2.0, y - size / 2.0, size, size), score, patches: patches() }
}

/// Tracks of one shot, `faces` giving what sample `i` shows.
fn shot(samples: usize, faces: impl Fn(usize) -> Vec<Sighting>) -> Vec<Vec<FaceSample>> {
    let mut tracker = Tracker::new(STEP);
    (0..samples).for_each(|i| tracker.sample(i as f64 * STEP, &faces(i)));
    tracker.end_shot()
}

#[test]
fn two_people_are_two_tracks_whatever_the_order_of_detection() {
    let tracks = shot(40, |i| {
        let sway = (i as f64 * 0.7).sin() * 0.02;
        let mut faces = vec![at(0.27 + sway, 0.5, 0.18, 0.95), at(0.73 - sway, 0.5, 0.12, 0.9)];
        if i.is_multiple_of(2) {
            faces.reverse();
        }
        faces
    });
    assert_eq!(tracks.iter().map(Vec::len).collect::<Vec<_>>(), [40, 40]);
    assert!(tracks[0].iter().all(|s| s.rect.center().0 < 0.4), "from left to right");
    assert!(tracks[1].iter().all(|s| s.rect.center().0 > 0.6));
}

#[test]
fn short_gaps_are_bridged_on_a_line_and_marked() {
    let tracks =
        shot(20, |i| if (8..11).contains(&i) { vec![] } else { vec![at(0.3 + 0.01 * i as f64, 0.5, 0.2, 0.9)] });
    let [track] = tracks.as_slice() else { panic!("one track, not {}", tracks.len()) };
    assert_eq!(track.len(), 20);
    for (i, sample) in track.iter().enumerate() {
        assert!((sample.rect.center().0 - (0.3 + 0.01 * i as f64)).abs() < 1e-4, "{sample:?}");
        assert_eq!(sample.score < CONFIDENT, (8..11).contains(&i), "{sample:?}");
    }
}

#[test]
fn long_gaps_end_a_track() {
    let tracks = shot(40, |i| if (15..22).contains(&i) { vec![] } else { vec![at(0.3, 0.5, 0.2, 0.9)] });
    assert_eq!(tracks.iter().map(Vec::len).collect::<Vec<_>>(), [15, 18]);
}

#[test]
fn doubtful_detections_continue_a_track_but_never_start_one() {
    let score = |i: usize| if i > 5 && !i.is_multiple_of(3) { 0.4 } else { 0.9 };
    let tracks = shot(20, |i| vec![at(0.3, 0.5, 0.2, score(i)), at(0.8, 0.2, 0.1, 0.5)]);
    assert_eq!(tracks.iter().map(Vec::len).collect::<Vec<_>>(), [20]);
}

#[test]
fn what_flickers_up_is_dropped_unless_the_shot_is_that_short() {
    assert_eq!(
        shot(20, |i| if i == 7 || i == 8 { vec![at(0.5, 0.5, 0.1, 0.8)] } else { vec![] }),
        Vec::<Vec<_>>::new()
    );
    assert_eq!(shot(2, |_| vec![at(0.5, 0.5, 0.1, 0.8)]).len(), 1);
    assert_eq!(shot(1, |_| vec![at(0.5, 0.5, 0.1, 0.8)]).len(), 1);
    assert_eq!(shot(0, |_| vec![]).len(), 0);
}

#[test]
fn a_face_elsewhere_or_of_another_size_is_another_face() {
    let tracks = shot(20, |i| vec![if i < 10 { at(0.2, 0.5, 0.1, 0.9) } else { at(0.7, 0.5, 0.1, 0.9) }]);
    assert_eq!(tracks.len(), 2);
    let tracks = shot(20, |i| vec![at(0.5, 0.5, if i < 10 { 0.1 } else { 0.35 }, 0.9)]);
    assert_eq!(tracks.len(), 2);
}

#[test]
fn smoothing_calms_trembling_and_does_not_lag() {
    let tremble = |i: usize| if i.is_multiple_of(2) { 0.004 } else { -0.004 };
    let still = shot(30, |i| vec![at(0.5 + tremble(i), 0.5, 0.2, 0.9)]);
    let spread = still[0][1..29].iter().map(|s| (s.rect.center().0 - 0.5).abs()).fold(0.0, f64::max);
    assert!(spread < 0.001, "{spread}");
    // A jump of more than a tremble keeps its moment.
    let jump = shot(30, |i| vec![at(if i < 15 { 0.4 } else { 0.5 }, 0.5, 0.2, 0.9)]);
    assert!((jump[0][14].rect.center().0 - 0.4).abs() < 1e-4 && (jump[0][15].rect.center().0 - 0.5).abs() < 1e-4);
}

#[test]
fn a_shot_leaves_nothing_to_the_next() {
    let mut tracker = Tracker::new(STEP);
    for round in 0..2 {
        for i in 0..10 {
            tracker.sample((round * 10 + i) as f64 * STEP, &[at(0.5, 0.5, 0.2, 0.9)]);
        }
        let tracks = tracker.end_shot();
        assert_eq!(tracks.iter().map(Vec::len).collect::<Vec<_>>(), [10]);
    }
}

proptest! {
    #[test]
    fn tracks_are_in_order_inside_the_picture_and_share_no_detection(
        faces in prop::collection::vec(
            prop::collection::vec((0.05..0.95f64, 0.05..0.95f64, 0.05..0.5f64, 0.35..1.0f64), 0..5), 0..40)
    ) {
        let sights = |i: usize| faces[i].iter().map(|&(x, y, size, score)| at(x, y, size, score)).collect::<Vec<_>>();
        let tracks = shot(faces.len(), sights);
        for track in &tracks {
            prop_assert!(track.windows(2).all(|w| (w[1].time - w[0].time - STEP).abs() < 1e-9), "every sample has its place");
            for sample in track {
                let r = sample.rect;
                prop_assert!(r.x >= 0.0 && r.y >= 0.0 && r.x + r.w <= 1.0 + 1e-9 && r.y + r.h <= 1.0 + 1e-9, "{r:?}");
                prop_assert!((0.0..=1.0).contains(&sample.score) && (0.0..=1.0).contains(&sample.mouth));
            }
        }
        for (i, shown) in faces.iter().enumerate() {
            let time = ms(i as f64 * STEP);
            let seen = tracks.iter().flatten().filter(|s| s.time == time && s.score >= CONFIDENT).count();
            prop_assert!(seen <= shown.len(), "{seen} faces out of {} at {time}", shown.len());
        }
        prop_assert_eq!(shot(faces.len(), sights), tracks);
    }
}
