//! Fitting pictures into the detector's square input: one picture, or two flat ones on top of each other.

use omniva_contracts::streams::Picture;

/// Width and height of the detector's input.
pub const SIDE: usize = 640;
/// Two pictures share an input when that makes each at most this much smaller.
const PAIR_SHRINK: f64 = 0.85;

/// Where the pictures of one size lie in the input. All tiles have the same size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layout {
    /// Size of the pictures.
    pub picture: (usize, usize),
    /// Size of a picture in the input.
    pub tile: (usize, usize),
    /// Left upper corners; `count` of them are used.
    pub corners: [(usize, usize); 2],
    pub count: usize,
}

impl Layout {
    /// `None` for pictures without pixels.
    pub fn new(width: usize, height: usize) -> Option<Layout> {
        if width == 0 || height == 0 {
            return None;
        }
        let (w, h) = (width as f64, height as f64);
        let (side, half) = (SIDE as f64, SIDE as f64 / 2.0);
        let alone = (side / w).min(side / h);
        let stacked = (side / w).min(half / h);
        let beside = (half / w).min(side / h);
        let (scale, corners, count) = if stacked >= PAIR_SHRINK * alone {
            (stacked, [(0, 0), (0, SIDE / 2)], 2)
        } else if beside >= PAIR_SHRINK * alone {
            (beside, [(0, 0), (SIDE / 2, 0)], 2)
        } else {
            (alone, [(0, 0), (0, 0)], 1)
        };
        let fit = |length: f64| ((length * scale).round() as usize).clamp(1, SIDE);
        Some(Layout { picture: (width, height), tile: (fit(w), fit(h)), corners, count })
    }

    /// The tile whose area holds a point of the input.
    pub fn tile_at(&self, x: f64, y: f64) -> usize {
        let half = (SIDE / 2) as f64;
        let second = match self.corners[1] {
            (0, 0) => false,
            (0, _) => y >= half,
            _ => x >= half,
        };
        usize::from(second && self.count == 2)
    }
}

/// Converts pictures of one size into planes of the input, bilinear.
pub struct Scaler {
    layout: Layout,
    /// Per column of the tile: source column and weight (0..=256) of its right neighbour.
    columns: Vec<(usize, u32)>,
    rows: Vec<(usize, u32)>,
    line: Vec<u32>,
}

impl Scaler {
    pub fn new(layout: Layout) -> Scaler {
        let taps = |source: usize, target: usize| -> Vec<(usize, u32)> {
            (0..target)
                .map(|i| {
                    let at = ((i as f64 + 0.5) * source as f64 / target as f64 - 0.5).clamp(0.0, source as f64 - 1.0);
                    let first = (at.floor() as usize).min(source.saturating_sub(2));
                    (first, ((at - first as f64) * 256.0).round() as u32)
                })
                .collect()
        };
        Scaler {
            columns: taps(layout.picture.0, layout.tile.0),
            rows: taps(layout.picture.1, layout.tile.1),
            line: Vec::new(),
            layout,
        }
    }

    /// Writes `picture` as tile `index` into `input` (3 planes of `SIDE` × `SIDE`, B, G, R, 0..255).
    /// A picture of another size than the layout's is left out and gives `false`.
    pub fn write(&mut self, picture: &Picture<'_>, index: usize, input: &mut [f32]) -> bool {
        let (width, height) = self.layout.picture;
        let Some(&(left, top)) = self.layout.corners.get(index) else { return false };
        let fits = (picture.width, picture.height) == (width, height) && picture.bgr.len() == width * height * 3;
        if !fits || input.len() != 3 * SIDE * SIDE {
            return false;
        }
        let (tile_width, _) = self.layout.tile;
        for (y, &(row, weight)) in self.rows.iter().enumerate() {
            let upper = &picture.bgr[row * width * 3..(row + 1) * width * 3];
            let next = (row + 1).min(height - 1);
            let lower = &picture.bgr[next * width * 3..(next + 1) * width * 3];
            self.line.clear();
            let blend = |(&a, &b): (&u8, &u8)| u32::from(a) * (256 - weight) + u32::from(b) * weight;
            self.line.extend(upper.iter().zip(lower).map(blend));
            // A picture one pixel wide has no right neighbour: it is its own.
            self.line.extend_from_within(self.line.len() - 3..);
            let start = (top + y) * SIDE + left;
            let (blue, rest) = input.split_at_mut(SIDE * SIDE);
            let (green, red) = rest.split_at_mut(SIDE * SIDE);
            let tile = start..start + tile_width;
            let (Some(blue), Some(green), Some(red)) =
                (blue.get_mut(tile.clone()), green.get_mut(tile.clone()), red.get_mut(tile))
            else {
                return false;
            };
            let out = blue.iter_mut().zip(green).zip(red);
            for (((blue, green), red), &(column, weight)) in out.zip(&self.columns) {
                // The pixel and its right neighbour, looked up at once.
                let pair = &self.line[column * 3..column * 3 + 6];
                let mix = |c: usize| (pair[c] * (256 - weight) + pair[c + 3] * weight + (1 << 15)) >> 16;
                (*blue, *green, *red) = (mix(0) as f32, mix(1) as f32, mix(2) as f32);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_pictures_share_an_input_and_square_ones_do_not() {
        assert_eq!(Layout::new(640, 360).map(|l| (l.count, l.tile)), Some((2, (569, 320))));
        assert_eq!(Layout::new(360, 640).map(|l| (l.count, l.tile)), Some((2, (320, 569))));
        assert_eq!(Layout::new(640, 480).map(|l| (l.count, l.tile)), Some((1, (640, 480))));
        assert_eq!(Layout::new(320, 320).map(|l| (l.count, l.tile)), Some((1, (640, 640))));
        assert_eq!(Layout::new(0, 320), None);
    }

    #[test]
    fn scaling_keeps_tones_and_places() {
        let (width, height) = (64, 36);
        let bgr: Vec<u8> = (0..height).flat_map(|_| (0..width).flat_map(|x| [10, (x * 4) as u8, 200])).collect();
        let layout = Layout::new(width, height).expect("has pixels");
        let mut input = vec![0.0; 3 * SIDE * SIDE];
        assert!(Scaler::new(layout).write(&Picture { width, height, bgr: &bgr }, 1, &mut input));
        let (left, top) = layout.corners[1];
        let at = |c: usize, x: usize, y: usize| input[c * SIDE * SIDE + (top + y) * SIDE + left + x];
        assert_eq!((at(0, 300, 100), at(2, 300, 100)), (10.0, 200.0));
        let expected = (300.5 * 64.0 / layout.tile.0 as f32 - 0.5) * 4.0;
        assert!((at(1, 300, 100) - expected).abs() < 1.5, "{} against {expected}", at(1, 300, 100));
        assert_eq!(input[0], 0.0, "the other tile stays empty");
    }

    #[test]
    fn pictures_of_another_size_are_refused() {
        let layout = Layout::new(64, 36).expect("has pixels");
        let mut input = vec![0.0; 3 * SIDE * SIDE];
        assert!(!Scaler::new(layout).write(&Picture { width: 32, height: 36, bgr: &[0; 32 * 36 * 3] }, 0, &mut input));
        assert!(!Scaler::new(layout).write(&Picture { width: 64, height: 36, bgr: &[0; 5] }, 0, &mut input));
    }
}
