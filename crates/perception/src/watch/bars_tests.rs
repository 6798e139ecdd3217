use super::*;

const W: usize = 640;
const H: usize = 360;

/// Deterministic noise, -1..1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as f64 / (1u64 << 30) as f64) - 1.0
    }
}

/// A picture drawn by a function of place, with noise of this size on it.
fn picture(noise: f64, seed: u64, tone: impl Fn(usize, usize) -> [f64; 3]) -> Vec<u8> {
    let mut source = Noise(seed);
    let mut bgr = Vec::with_capacity(W * H * 3);
    for y in 0..H {
        for x in 0..W {
            let shift = source.next() * noise;
            bgr.extend(tone(x, y).map(|v| (v + shift).round().clamp(0.0, 255.0) as u8));
        }
    }
    bgr
}

/// A lively scene at time `t`.
fn scene(x: usize, y: usize, t: usize) -> [f64; 3] {
    let wave = |k: f64| 128.0 + 90.0 * ((x as f64 + 7.0 * t as f64) / 23.0 + k).sin() * ((y as f64) / 17.0 + k).cos();
    [wave(0.3), wave(1.1), wave(2.0) * 0.9 + 20.0]
}

fn verdict(pictures: impl IntoIterator<Item = Vec<u8>>) -> Bars {
    let mut shot = ShotBars::default();
    for bgr in pictures {
        shot.add(&Look::new(&Picture { width: W, height: H, bgr: &bgr }));
    }
    shot.finish()
}

/// A scene inside bars of this tone: top, bottom, left, right.
fn barred(bars: [usize; 4], tone: [f64; 3], noise: f64) -> Bars {
    let [top, bottom, left, right] = bars;
    verdict((0..5).map(|t| {
        picture(noise, t as u64, |x, y| {
            let inside = y >= top && y < H - bottom && x >= left && x < W - right;
            if inside { scene(x, y, t) } else { tone }
        })
    }))
}

fn close(found: [usize; 4], expected: [usize; 4]) -> bool {
    found.iter().zip(expected).all(|(&cut, bar)| if bar == 0 { cut == 0 } else { (bar..=bar + 2).contains(&cut) })
}

#[test]
fn bars_of_every_shape_and_tone_are_found() {
    for bars in [[60, 60, 0, 0], [0, 0, 95, 95], [40, 40, 80, 80], [30, 50, 0, 0], [4, 4, 0, 0], [0, 0, 219, 219]] {
        for tone in [[0.0; 3], [32.0; 3], [200.0, 30.0, 90.0], [255.0; 3]] {
            let noise = tone[1] / 50.0;
            let found = barred(bars, tone, noise);
            assert!(close(found.cut, bars), "{bars:?} in {tone:?} with noise {noise}: {:?}", found.cut);
        }
    }
}

#[test]
fn a_scene_that_fills_the_picture_has_no_bars() {
    assert_eq!(barred([0; 4], [0.0; 3], 2.0).cut, [0; 4]);
}

#[test]
fn one_bar_alone_is_part_of_the_scene() {
    for bars in [[60, 0, 0, 0], [0, 60, 0, 0], [0, 0, 90, 0], [90, 20, 0, 0]] {
        assert_eq!(barred(bars, [0.0; 3], 0.0).cut, [0; 4], "{bars:?}");
    }
}

#[test]
fn dark_scenes_and_black_ones_have_no_bars() {
    let black = verdict((0..12).map(|t| picture(1.0, t, |_, _| [1.0; 3])));
    assert_eq!(black.cut, [0; 4]);
    // A lamp in the middle of a black room, moving.
    let lamp = verdict((0..12).map(|t| {
        picture(1.0, t, |x, y| {
            let far = (x as f64 - 280.0 - 8.0 * t as f64).hypot(y as f64 - 180.0);
            if far < 70.0 { [180.0, 200.0, 220.0] } else { [2.0; 3] }
        })
    }));
    assert_eq!(lamp.cut, [0; 4]);
}

#[test]
fn walls_and_gradients_are_not_eaten() {
    // Someone in the middle of a plain wall, perfectly clean: shoulders reach the bottom.
    let wall = verdict((0..12).map(|t| {
        picture(0.0, t, |x, y| {
            let dx = (x as f64 - 320.0 - (t % 3) as f64 * 5.0).abs();
            let head = dx.hypot(y as f64 - 150.0) < 60.0;
            let body = y > 230 && dx < 110.0 + (y as f64 - 230.0);
            if head || body { scene(x, y, 1) } else { [180.0, 185.0, 190.0] }
        })
    }));
    assert_eq!(wall.cut, [0; 4]);
    let gradient = verdict((0..12).map(|t| picture(0.0, t, |x, _| [x as f64 * 0.3, 60.0, 250.0 - x as f64 * 0.3])));
    assert_eq!(gradient.cut, [0; 4]);
    // Darker towards every border, as with a strong vignette.
    let vignette = verdict((0..12).map(|t| {
        picture(1.0, t as u64, |x, y| {
            let near = x.min(W - 1 - x).min(y).min(H - 1 - y) as f64 / 90.0;
            scene(x, y, t).map(|v| v * near.min(1.0).powi(2))
        })
    }));
    assert_eq!(vignette.cut, [0; 4]);
}

#[test]
fn frames_that_come_and_go_are_not_bars() {
    // Bars that grow during the shot: a transition, not a format.
    let growing = verdict((0..12).map(|t| {
        let bar = 10 + t * 6;
        picture(0.0, 1, |x, y| if y < bar || y >= H - bar { [0.0; 3] } else { scene(x, y, t) })
    }));
    assert_eq!(growing.cut, [0; 4]);
    // Bars whose tone pulses.
    let pulsing = verdict((0..12).map(|t| {
        let tone = [(t * 12) as f64; 3];
        picture(0.0, 1, |x, y| if !(60..300).contains(&y) { tone } else { scene(x, y, t) })
    }));
    assert_eq!(pulsing.cut, [0; 4]);
    // Two pictures prove nothing.
    let short = verdict(
        (0..2).map(|t| picture(0.0, 1, |x, y| if !(60..300).contains(&y) { [0.0; 3] } else { scene(x, y, t) })),
    );
    assert_eq!(short.cut, [0; 4]);
}

#[test]
fn bars_survive_dark_moments_and_one_bad_frame() {
    let found = verdict((0..60).map(|t| {
        picture(1.0, t as u64, |x, y| match t {
            // A cut to black inside the shot, a fade in, and one frame that something covers.
            0..=9 => [0.0; 3],
            10..=20 => {
                if (60..300).contains(&y) {
                    scene(x, y, t).map(|v| v * (t - 9) as f64 / 11.0)
                } else {
                    [0.0; 3]
                }
            }
            30 if y < 100 => [255.0; 3],
            _ => {
                if (60..300).contains(&y) {
                    scene(x, y, t)
                } else {
                    [0.0; 3]
                }
            }
        })
    }));
    assert!(close(found.cut, [60, 60, 0, 0]), "{:?}", found.cut);
}

#[test]
fn shots_too_dark_to_tell_take_the_common_bars_unless_they_contradict() {
    let film = barred([60, 60, 0, 0], [0.0; 3], 0.0);
    let dark = verdict((0..12).map(|t| picture(1.0, t, |_, _| [1.0; 3])));
    let full = barred([0; 4], [0.0; 3], 0.0);
    let found = inside(&[(30.0, film), (5.0, dark), (5.0, full), (30.0, film)]);
    assert!(found[0].is_some() && found[0] == found[1] && found[0] == found[3], "{found:?}");
    assert_eq!(found[2], None);
    assert_eq!(inside(&[(2.0, film), (60.0, full), (5.0, dark)])[2], None, "bars of a small part are not common");
}

#[test]
fn pictures_that_contradict_their_size_are_ignored() {
    assert_eq!(Look::new(&Picture { width: W, height: H, bgr: &[0; 12] }).size, (0, 0));
    assert_eq!(ShotBars::default().finish().cut, [0; 4]);
    assert_eq!(inside(&[]), []);
}
