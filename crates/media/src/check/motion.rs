//! Black and frozen stretches, from every fourth luma sample of every fourth row.

use crate::render::resize::PlaneRef;

/// Distance of the samples that are looked at, pixels.
const EVERY: usize = 4;
/// Blocks across and down in which motion is looked for: a talking mouth is small, and must not drown in a still room.
const BLOCKS: usize = 16;
/// Mean difference of the busiest block under which two pictures are the same: what an encoder changes in a still.
const SAME: f64 = 1.5;
/// Luma up to here is black (limited range: black is 16).
const BLACK: u8 = 24;
/// Share of black samples in a black picture.
const ALL_BLACK: f64 = 0.98;

/// Longest runs of pictures, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Stretches {
    pub black: f64,
    pub frozen: f64,
}

/// Follows a sequence of pictures.
#[derive(Default)]
pub(crate) struct Motion {
    anchor: Vec<u8>,
    samples: Vec<u8>,
    width: usize,
    frozen_since: f64,
    black_since: Option<f64>,
    worst: Stretches,
}

impl Motion {
    /// One picture: its luma, when it appears and when it goes, seconds.
    pub fn add(&mut self, luma: PlaneRef, start: f64, end: f64) {
        self.width = luma.width.div_ceil(EVERY);
        self.samples.clear();
        for row in luma.data.chunks(luma.stride.max(1)).take(luma.height).step_by(EVERY) {
            let row = &row[..luma.width.min(row.len())];
            // Whole groups first: a plain stride is slow to iterate.
            self.samples.extend(row.chunks_exact(EVERY).map(|group| group[0]));
            self.samples.extend(row.chunks_exact(EVERY).remainder().first());
        }
        let black = self.samples.iter().filter(|v| **v <= BLACK).count() as f64;
        if black >= ALL_BLACK * self.samples.len().max(1) as f64 {
            let since = *self.black_since.get_or_insert(start);
            self.worst.black = self.worst.black.max(end - since);
        } else {
            self.black_since = None;
        }
        if self.anchor.len() != self.samples.len() || difference(&self.anchor, &self.samples, self.width) > SAME {
            // Compared with the picture at the start of the stretch, not with the last: slow motion is motion.
            std::mem::swap(&mut self.anchor, &mut self.samples);
            self.frozen_since = start;
        }
        self.worst.frozen = self.worst.frozen.max(end - self.frozen_since);
    }

    pub fn worst(&self) -> Stretches {
        self.worst
    }
}

/// Mean absolute difference of the block that differs most.
fn difference(a: &[u8], b: &[u8], width: usize) -> f64 {
    let width = width.max(1);
    let height = (a.len() / width).max(1);
    let (bw, bh) = (width.div_ceil(BLOCKS).max(1), height.div_ceil(BLOCKS).max(1));
    let mut worst: f64 = 0.0;
    for (rows_a, rows_b) in a.chunks(bh * width).zip(b.chunks(bh * width)) {
        let mut sums = [0u32; BLOCKS];
        let mut counts = [0u32; BLOCKS];
        for (row_a, row_b) in rows_a.chunks(width).zip(rows_b.chunks(width)) {
            let blocks = row_a.chunks(bw).zip(row_b.chunks(bw));
            for ((part_a, part_b), (sum, count)) in blocks.zip(sums.iter_mut().zip(counts.iter_mut())) {
                *sum += part_a.iter().zip(part_b).map(|(x, y)| u32::from(x.abs_diff(*y))).sum::<u32>();
                *count += part_a.len() as u32;
            }
        }
        for (sum, count) in sums.iter().zip(counts).filter(|(_, c)| *c > 0) {
            worst = worst.max(f64::from(*sum) / f64::from(count));
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    const W: usize = 320;
    const H: usize = 240;

    fn show(motion: &mut Motion, picture: &[u8], n: usize) {
        let plane = PlaneRef { data: picture, stride: W, width: W, height: H };
        motion.add(plane, n as f64 / 10.0, (n + 1) as f64 / 10.0);
    }

    fn grain(seed: usize) -> Vec<u8> {
        (0..W * H).map(|i| 100 + ((i * 7919 + seed * 104_729) % 3) as u8).collect()
    }

    #[test]
    fn a_still_with_coding_noise_is_frozen_and_a_moving_mouth_is_not() {
        let mut still = Motion::default();
        let mut mouth = Motion::default();
        for n in 0..40 {
            let mut picture = grain(n);
            show(&mut still, &picture, n);
            let level = if n % 4 < 2 { 60 } else { 160 };
            for y in 120..128 {
                picture[y * W + 150..y * W + 170].fill(level);
            }
            show(&mut mouth, &picture, n);
        }
        assert!((still.worst().frozen - 4.0).abs() < 1e-9);
        assert!(mouth.worst().frozen < 0.5, "{:?}", mouth.worst());
    }

    #[test]
    fn black_is_measured_and_dark_is_not_black() {
        let mut motion = Motion::default();
        for n in 0..30 {
            let level = match n {
                5..12 => 17,
                20..29 => 30,
                _ => 120,
            };
            show(&mut motion, &vec![level; W * H], n);
        }
        assert!((motion.worst().black - 0.7).abs() < 1e-9, "{:?}", motion.worst());
    }
}
