//! Whether the mouth moves on its own: small patches of the face, compared from sample to sample.

use omniva_contracts::streams::Picture;

use super::yunet::Detection;

/// Size of a patch.
const WIDTH: usize = 24;
const HEIGHT: usize = 16;
/// Size of what a patch shows, in widths of the face.
const SPAN_X: f64 = 0.62;
const SPAN_Y: f64 = 0.42;
/// The detector's points tremble by a pixel or so: patches are compared at the best of these shifts.
const SHIFT: isize = 2;
/// Movement that compression noise alone makes, grey levels after normalising contrast.
const NOISE: f64 = 4.0;

/// The mouth and, for comparison, the eyes of one face.
#[derive(Clone, Debug)]
pub struct Patches {
    mouth: Vec<f32>,
    eyes: Vec<f32>,
}

impl Patches {
    pub fn new(picture: &Picture<'_>, face: &Detection) -> Patches {
        Patches { mouth: patch(picture, face.mouth, face.rect.w), eyes: patch(picture, face.eyes, face.rect.w) }
    }

    /// Share of the face's movement that is the mouth's, 0..1: 0 when nothing moves, about a half when the whole face
    /// does, near 1 when only the mouth does.
    pub fn mouth_movement(&self, before: &Patches) -> f64 {
        let (mouth, eyes) = (movement(&self.mouth, &before.mouth), movement(&self.eyes, &before.eyes));
        mouth / (mouth + eyes + NOISE)
    }
}

/// Luma around `centre`, with its mean taken out and its contrast brought to a common level.
fn patch(picture: &Picture<'_>, centre: (f64, f64), face_width: f64) -> Vec<f32> {
    let (span_x, span_y) = (face_width * SPAN_X, face_width * SPAN_Y);
    let mut values = Vec::with_capacity(WIDTH * HEIGHT);
    for row in 0..HEIGHT {
        let y = centre.1 + ((row as f64 + 0.5) / HEIGHT as f64 - 0.5) * span_y;
        for column in 0..WIDTH {
            let x = centre.0 + ((column as f64 + 0.5) / WIDTH as f64 - 0.5) * span_x;
            values.push(luma_at(picture, x, y));
        }
    }
    let n = values.len() as f32;
    let mean = values.iter().sum::<f32>() / n;
    let deviation = (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / n).sqrt();
    // Dark or flat patches are not blown up: their noise would look like speech.
    let gain = 32.0 / deviation.max(8.0);
    values.iter().map(|v| (v - mean) * gain).collect()
}

/// Bilinear; points outside take the border's value.
fn luma_at(picture: &Picture<'_>, x: f64, y: f64) -> f32 {
    let (x, y) = (
        (x - 0.5).clamp(0.0, (picture.width.max(1) - 1) as f64),
        (y - 0.5).clamp(0.0, (picture.height.max(1) - 1) as f64),
    );
    let (left, top) = (x.floor() as usize, y.floor() as usize);
    let (fx, fy) = ((x - left as f64) as f32, (y - top as f64) as f32);
    let at = |column: usize, row: usize| -> f32 {
        let (column, row) = (column.min(picture.width.max(1) - 1), row.min(picture.height.max(1) - 1));
        let start = (row * picture.width + column) * 3;
        match picture.bgr.get(start..start + 3) {
            Some(&[b, g, r]) => 0.114 * f32::from(b) + 0.587 * f32::from(g) + 0.299 * f32::from(r),
            _ => 0.0,
        }
    };
    let upper = at(left, top) * (1.0 - fx) + at(left + 1, top) * fx;
    let lower = at(left, top + 1) * (1.0 - fx) + at(left + 1, top + 1) * fx;
    upper * (1.0 - fy) + lower * fy
}

/// Mean absolute difference at the shift where it is least.
fn movement(a: &[f32], b: &[f32]) -> f64 {
    let mut least = f64::INFINITY;
    for dy in -SHIFT..=SHIFT {
        for dx in -SHIFT..=SHIFT {
            least = least.min(shifted_difference(a, b, dx, dy));
        }
    }
    least
}

fn shifted_difference(a: &[f32], b: &[f32], dx: isize, dy: isize) -> f64 {
    let margin = SHIFT as usize;
    let mut sum = 0.0f32;
    for row in margin..HEIGHT - margin {
        let other_row = row.wrapping_add_signed(dy);
        let start = other_row * WIDTH + margin.wrapping_add_signed(dx);
        let length = WIDTH - 2 * margin;
        let (Some(line), Some(other)) =
            (a.get(row * WIDTH + margin..).and_then(|l| l.get(..length)), b.get(start..start + length))
        else {
            return f64::INFINITY;
        };
        sum += line.iter().zip(other).map(|(x, y)| (x - y).abs()).sum::<f32>();
    }
    f64::from(sum) / ((HEIGHT - 2 * margin) * (WIDTH - 2 * margin)) as f64
}

#[cfg(test)]
mod tests {
    use omniva_contracts::Rect;

    use super::*;

    const SIDE: usize = 120;

    /// A textured face; the mouth is a dark bar that is `open` pixels high, the whole is shifted by `dx`.
    fn face(open: usize, dx: usize) -> (Vec<u8>, Detection) {
        let mut bgr = vec![0; SIDE * SIDE * 3];
        for y in 0..SIDE {
            for x in 0..SIDE {
                let u = (x + SIDE - dx) % SIDE;
                let mut tone = 120 + ((u * 7 + y * 3) % 23) as u8;
                if (40..44).contains(&y) && (35..50).contains(&u) || (40..44).contains(&y) && (70..85).contains(&u) {
                    tone = 30;
                }
                if (85 - open / 2..86 + open / 2).contains(&y) && (45..75).contains(&u) {
                    tone = 40;
                }
                bgr[(y * SIDE + x) * 3..][..3].fill(tone);
            }
        }
        let at = dx as f64;
        let rect = Rect::new(20.0 + at, 15.0, 80.0, 95.0);
        (bgr, Detection { rect, score: 0.9, eyes: (60.0 + at, 42.0), mouth: (60.0 + at, 85.0) })
    }

    fn patches((bgr, detection): &(Vec<u8>, Detection)) -> Patches {
        Patches::new(&Picture { width: SIDE, height: SIDE, bgr }, detection)
    }

    #[test]
    fn only_a_mouth_that_moves_by_itself_counts() {
        let still = patches(&face(2, 0));
        assert_eq!(patches(&face(2, 0)).mouth_movement(&still), 0.0);
        let speaking = patches(&face(16, 0)).mouth_movement(&still);
        let moved = patches(&face(2, 6)).mouth_movement(&still);
        assert!(speaking > 0.6, "speaking {speaking}");
        assert!(moved < 0.3, "a head that moved {moved}");
    }

    #[test]
    fn a_tremble_of_the_points_is_forgiven() {
        let still = patches(&face(8, 0));
        let mut trembling = face(8, 0);
        trembling.1.mouth.0 += 2.0;
        trembling.1.mouth.1 -= 1.5;
        assert!(patches(&trembling).mouth_movement(&still) < 0.5);
    }

    #[test]
    fn faces_at_the_border_and_empty_pictures_do_no_harm() {
        let (bgr, mut detection) = face(4, 0);
        detection.mouth = (-50.0, 400.0);
        let picture = Picture { width: SIDE, height: SIDE, bgr: &bgr };
        let a = Patches::new(&picture, &detection);
        assert!(a.mouth_movement(&a).is_finite());
        let nothing = Picture { width: 0, height: 0, bgr: &[] };
        assert!(Patches::new(&nothing, &detection).mouth_movement(&a).is_finite());
    }
}
