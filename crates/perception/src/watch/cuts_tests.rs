//! Hard cuts and gradual transitions on drawn sequences.

use super::super::soft::{SoftCuts, Transition};
use super::super::timeline::Borders;
use super::*;

const W: usize = 160;
const H: usize = 90;
const FPS: f64 = 25.0;

/// Textured scenes; `camera` moves them, `tone` lights them.
fn scene(number: u32, camera: f64) -> Vec<f64> {
    let k = f64::from(number);
    (0..H)
        .flat_map(|y| (0..W).map(move |x| (x as f64 + camera, y as f64)))
        .map(|(x, y)| {
            let coarse = ((x / (11.0 + 3.0 * k) + k).sin() * (y / (9.0 + 2.0 * k) - k).cos()) * 50.0;
            let fine = ((x * (0.31 + 0.07 * k)).sin() + (y * (0.43 + 0.05 * k)).cos()) * 14.0;
            120.0 + coarse + fine
        })
        .collect()
}

fn bytes(picture: &[f64], noise: u64) -> Vec<u8> {
    let mut state = noise.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    picture
        .iter()
        .map(|v| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (v + (state % 5) as f64 - 2.0).round().clamp(0.0, 255.0) as u8
        })
        .collect()
}

/// Borders of a sequence, as the watcher finds them.
fn borders(fps: f64, frames: impl IntoIterator<Item = Vec<f64>>) -> Vec<f64> {
    let (mut hard, mut soft, mut borders) = (HardCuts::new(fps), SoftCuts::default(), Borders::default());
    let mut transitions: Vec<Transition> = Vec::new();
    for (i, picture) in frames.into_iter().enumerate() {
        let time = i as f64 / fps;
        let structure = Structure::new(&bytes(&picture, i as u64 + 1), W, H);
        if soft.wants(time) {
            transitions.extend(soft.push(time, &structure));
        }
        if let Some(cut) = hard.push(time, structure) {
            borders.add(cut);
        }
    }
    hard.finish().into_iter().for_each(|cut| borders.add(cut));
    transitions.extend(soft.finish());
    transitions.into_iter().for_each(|transition| borders.add_soft(transition));
    std::iter::from_fn(|| borders.next(f64::INFINITY)).collect()
}

fn lit(picture: &[f64], gain: f64, shift: f64) -> Vec<f64> {
    picture.iter().map(|v| v * gain + shift).collect()
}

fn mix(a: &[f64], b: &[f64], f: f64) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a * (1.0 - f) + b * f).collect()
}

fn near(found: &[f64], expected: &[f64], tolerance: f64) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| (f - e).abs() <= tolerance)
}

#[test]
fn a_cut_is_found_at_its_first_frame_at_every_rate() {
    for fps in [5.0, 12.0, 25.0, 60.0] {
        let cut = (3.0 * fps) as usize;
        let found = borders(fps, (0..cut * 2).map(|i| scene(u32::from(i >= cut), i as f64 * 0.1)));
        assert!(near(&found, &[3.0], 1e-9), "{found:?} at {fps}");
    }
}

#[test]
fn quick_cuts_are_all_found_and_too_quick_ones_are_merged() {
    let found = borders(FPS, (0..100).map(|i| scene(i / 15, 0.0)));
    assert!(near(&found, &[0.6, 1.2, 1.8, 2.4, 3.0, 3.6], 1e-9), "{found:?}");
    // Three scenes of 0.16 s each.
    let found = borders(FPS, (0..100).map(|i| scene((i.clamp(48, 59) - 48) / 4, 0.0)));
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn flashes_are_not_cuts() {
    for length in [1, 2, 5] {
        let still = borders(
            FPS,
            (0..100).map(|i| lit(&scene(0, 0.0), 1.0, if (50..50 + length).contains(&i) { 200.0 } else { 0.0 })),
        );
        assert_eq!(still, [0.0; 0], "{length} frames of light");
        let moving = borders(
            FPS,
            (0..100)
                .map(|i| lit(&scene(0, i as f64 * 0.3), 1.0, if (50..50 + length).contains(&i) { 150.0 } else { 0.0 })),
        );
        assert_eq!(moving, [0.0; 0], "{length} frames of light on a moving scene");
    }
    // A flash that fades away.
    let fading = borders(
        FPS,
        (0..100).map(|i: i32| lit(&scene(0, 0.0), 1.0, if i >= 50 { 200.0 * 0.6f64.powi(i - 50) } else { 0.0 })),
    );
    assert_eq!(fading, [0.0; 0]);
}

#[test]
fn a_change_of_exposure_is_not_a_cut() {
    let found = borders(FPS, (0..100).map(|i| lit(&scene(0, 0.0), 1.0, if i >= 50 { 35.0 } else { 0.0 })));
    assert_eq!(found, [0.0; 0]);
}

#[test]
fn pans_and_shaking_are_not_cuts() {
    for speed in [1.0, 4.0, 9.0] {
        // Still, then a pan that begins and ends at once, then still.
        let camera = |i: i32| f64::from((i - 40).clamp(0, 30)) * speed;
        let found = borders(FPS, (0..120).map(|i| scene(1, camera(i))));
        assert_eq!(found, [0.0; 0], "a pan of {speed} pixels a frame");
    }
    let shaking = borders(FPS, (0..120).map(|i| scene(1, if i % 3 == 0 { 5.0 } else { 0.0 })));
    assert_eq!(shaking, [0.0; 0]);
}

#[test]
fn a_source_that_repeats_frames_does_not_cut_at_every_new_one() {
    for repeat in [2, 3, 5] {
        let found = borders(FPS, (0..200).map(|i| scene(0, (i / repeat * repeat) as f64 * 0.8)));
        assert_eq!(found, [0.0; 0], "every picture {repeat} times");
    }
}

#[test]
fn a_jump_inside_a_quiet_scene_is_a_cut() {
    let found = borders(FPS, (0..150).map(|i| scene(0, if i >= 75 { 6.0 } else { 0.0 })));
    assert!(near(&found, &[3.0], 1e-9), "{found:?}");
}

#[test]
fn dissolves_are_one_cut_in_their_middle() {
    for length in [10, 20, 40] {
        let share = |i: i32| (f64::from(i - 100) / f64::from(length)).clamp(0.0, 1.0);
        let found = borders(FPS, (0..250).map(|i| mix(&scene(0, 0.0), &scene(2, 0.0), share(i))));
        let middle = (100.0 + f64::from(length) / 2.0) / FPS;
        assert!(near(&found, &[middle], 0.25), "{found:?} for {middle} ({length} frames)");
    }
}

#[test]
fn fades_through_black_are_one_cut() {
    let light = |i: i32| match i {
        ..75 => 1.0,
        75..100 => 1.0 - f64::from(i - 75) / 25.0,
        100..110 => 0.0,
        110..135 => f64::from(i - 110) / 25.0,
        _ => 1.0,
    };
    let found = borders(FPS, (0..250).map(|i| lit(&scene(u32::from(i >= 105), 0.0), light(i), 0.0)));
    assert!(near(&found, &[4.2], 0.3), "{found:?}");
    // From black at the beginning, to black at the end: nothing before, nothing after.
    let ends = |i: i32| (f64::from(i) / 25.0).min(f64::from(199 - i) / 25.0).clamp(0.0, 1.0);
    let found = borders(FPS, (0..200).map(|i| lit(&scene(0, 0.0), ends(i), 0.0)));
    assert_eq!(found, [0.0; 0]);
}

#[test]
fn long_black_between_hard_cuts_is_a_shot_of_its_own() {
    let black = vec![16.0; W * H];
    let found = borders(
        FPS,
        (0..300).map(|i| match i {
            100..200 => black.clone(),
            i => scene(u32::from(i >= 200), 0.0),
        }),
    );
    assert!(near(&found, &[4.0, 8.0], 1e-9), "{found:?}");
}

#[test]
fn silence_of_the_picture_is_one_shot() {
    assert_eq!(borders(FPS, (0..200).map(|_| vec![16.0; W * H])), [0.0; 0]);
    assert_eq!(borders(FPS, (0..200).map(|_| scene(0, 0.0))), [0.0; 0]);
    assert_eq!(borders(FPS, []), [0.0; 0]);
    assert_eq!(borders(FPS, [scene(0, 0.0)]), [0.0; 0]);
}
