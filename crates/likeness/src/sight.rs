//! A hash of the picture, twice a second.
//!
//! A grey picture of any size is freed of dark bars, averaged down to 32 × 32 and transformed (DCT-II); the signs of its 64
//! lowest frequencies (without the mean) are the hash, after Zauner (2010, "Implementation and Benchmarking of Perceptual
//! Image Hash Functions"), with signs in place of the median: mirroring a picture turns the sign of every odd horizontal
//! frequency, so the hash of the mirrored picture follows from the hash alone ([`mirrored`]).
//!
//! Pictures without content (black, a single tone, a soft gradient) have no hash. Turned pictures are not recognised.

use crate::print::{LATEST_RUN, MAX_RUNS, Print, Run, STEP_SECONDS};

/// Side of the picture that is transformed.
const SIDE: usize = 32;
/// Frequencies of each axis, 0 to 9.
const ORDERS: usize = 10;
/// Grey levels (of 255) up to which a bar may be bright; black is 16 in most videos.
const BAR_LIGHT: u8 = 52;
/// Grey levels within a row or column of a bar.
const BAR_SPREAD: u8 = 12;
/// Each bar is at most this share of the picture.
const BAR_SHARE: f64 = 0.42;
/// Smallest side of what is left, pixels.
const SMALLEST: usize = 16;
/// Standard deviations from the mean beyond which brightness no longer counts.
const SOFT: f32 = 1.2;
/// A frequency stands out from the noise of an encoder with this amplitude (grey levels) …
const AMPLITUDE: f32 = 0.3;
/// … and so many of the 64 must, or the signs of the rest would be dice.
const CLEAR: usize = 32;
/// Bits by which pictures of one run may differ from its first.
const STILL: u32 = 6;
/// A picture stands for at most so many half seconds when the next one is late (sources of key frames only).
const REACH: u32 = 8;

/// The 64 frequencies (across, down), the lowest first.
fn frequencies() -> [(usize, usize); 64] {
    let mut all: Vec<(usize, usize)> =
        (0..ORDERS).flat_map(|v| (0..ORDERS).map(move |u| (u, v))).filter(|f| *f != (0, 0)).collect();
    all.sort_by_key(|(u, v)| (u * u + v * v, *u));
    std::array::from_fn(|n| all.get(n).copied().unwrap_or_default())
}

/// The hash that the same picture has when left and right are exchanged.
pub fn mirrored(hash: u64) -> u64 {
    hash ^ MIRROR
}

/// Bits of odd horizontal frequencies, as [`frequencies`] orders them.
const MIRROR: u64 = 0x0a3c_7984_d745_2e26;

/// Hashes pictures; keeps tables and buffers.
pub struct Hasher {
    cosines: [[f32; SIDE]; ORDERS],
    frequencies: [(usize, usize); 64],
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl Hasher {
    pub fn new() -> Self {
        let cosine = |order: usize, n: usize| {
            let angle = std::f64::consts::PI * order as f64 * (n as f64 + 0.5) / SIDE as f64;
            angle.cos() as f32
        };
        Self {
            cosines: std::array::from_fn(|order| std::array::from_fn(|n| cosine(order, n))),
            frequencies: frequencies(),
        }
    }

    /// The hash of `grey` (`width` × `height` bytes, rows without padding); `None` when it shows nothing, or has not that
    /// size.
    pub fn hash(&self, grey: &[u8], width: usize, height: usize) -> Option<u64> {
        if width < SMALLEST || height < SMALLEST || grey.len() != width.checked_mul(height)? {
            return None;
        }
        let frame = inside(grey, width, height);
        if frame.width < SMALLEST || frame.height < SMALLEST {
            return None;
        }
        let mut small = reduce(grey, width, &frame);
        soften(&mut small);
        let amplitudes = self.transform(&small);
        let clear = amplitudes.iter().filter(|a| a.abs() >= AMPLITUDE).count();
        let bit = |hash: u64, (n, a): (usize, &f32)| hash | u64::from(*a > 0.0) << n;
        (clear >= CLEAR).then(|| amplitudes.iter().enumerate().fold(0, bit))
    }

    /// Amplitudes of the frequencies, grey levels.
    fn transform(&self, small: &[f32; SIDE * SIDE]) -> [f32; 64] {
        let mut rows = [[0.0f32; ORDERS]; SIDE];
        for (row, line) in rows.iter_mut().zip(small.chunks_exact(SIDE)) {
            for (value, cosines) in row.iter_mut().zip(&self.cosines) {
                *value = line.iter().zip(cosines).map(|(p, c)| p * c).sum();
            }
        }
        let scale = 2.0 / (SIDE * SIDE) as f32;
        std::array::from_fn(|n| {
            let (u, v) = self.frequencies[n];
            rows.iter().zip(&self.cosines[v]).map(|(row, c)| row[u] * c).sum::<f32>() * scale
        })
    }
}

struct Inside {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

/// Pulls what is much brighter or darker than the rest towards the mean: a mark in a corner must not outweigh the picture.
fn soften(small: &mut [f32; SIDE * SIDE]) {
    let count = small.len() as f32;
    let mean = small.iter().sum::<f32>() / count;
    let spread = (small.iter().map(|p| (p - mean).powi(2)).sum::<f32>() / count).sqrt();
    small.iter_mut().for_each(|p| *p = p.clamp(mean - SOFT * spread, mean + SOFT * spread));
}

/// What lies between dark bars.
fn inside(grey: &[u8], width: usize, height: usize) -> Inside {
    let row = |y: usize| spread(grey[y * width..(y + 1) * width].iter().copied());
    let most = |side: usize| (side as f64 * BAR_SHARE) as usize;
    let top = bar((0..most(height)).map(row));
    let bottom = bar((0..most(height)).map(|n| row(height - 1 - n)));
    let column = |x: usize| spread(grey[top * width..(height - bottom) * width].iter().skip(x).step_by(width).copied());
    let left = bar((0..most(width)).map(column));
    let right = bar((0..most(width)).map(|n| column(width - 1 - n)));
    Inside { left, top, width: width - left - right, height: height - top - bottom }
}

/// Darkest and brightest.
fn spread(pixels: impl Iterator<Item = u8>) -> (u8, u8) {
    pixels.fold((u8::MAX, 0), |(low, high), p| (low.min(p), high.max(p)))
}

/// How many of these lines, from the edge on, are bars (black ones around grey ones too). The line after the last one is a
/// mixture of bar and picture when the border lies between two pixels; it goes too.
fn bar(lines: impl Iterator<Item = (u8, u8)>) -> usize {
    let count = lines.take_while(|(low, high)| *high <= BAR_LIGHT && high - low <= BAR_SPREAD).count();
    if count == 0 { 0 } else { count + 1 }
}

/// Averages what is inside to [`SIDE`] × [`SIDE`], sharing pixels between neighbours by area.
fn reduce(grey: &[u8], stride: usize, inside: &Inside) -> [f32; SIDE * SIDE] {
    let (columns, rows) = (shares(inside.width), shares(inside.height));
    let mut small = [0.0f32; SIDE * SIDE];
    let lines = grey.chunks_exact(stride).skip(inside.top).take(inside.height);
    let mut line_sums = [0.0f32; SIDE];
    for (line, (row, share, next)) in lines.zip(rows) {
        line_sums.fill(0.0);
        let pixels = &line[inside.left..inside.left + inside.width];
        for (&pixel, &(column, share, next)) in pixels.iter().zip(&columns) {
            line_sums[column] += f32::from(pixel) * share;
            if next > 0.0 {
                line_sums[column + 1] += f32::from(pixel) * next;
            }
        }
        for (column, sum) in line_sums.iter().enumerate() {
            small[row * SIDE + column] += sum * share;
            if next > 0.0 {
                small[(row + 1) * SIDE + column] += sum * next;
            }
        }
    }
    small
}

/// For each of `length` pixels (at least 16) the cell that it starts in, its weight there, and its weight in the next one.
fn shares(length: usize) -> Vec<(usize, f32, f32)> {
    let cell = length as f64 / SIDE as f64;
    (0..length)
        .map(|n| {
            let first = ((n as f64 / cell) as usize).min(SIDE - 1);
            let border = (first + 1) as f64 * cell;
            let here = (border - n as f64).min(1.0);
            let next = if first + 1 < SIDE { 1.0 - here } else { 0.0 };
            (first, (here / cell) as f32, (next / cell) as f32)
        })
        .collect()
}

/// Takes the frames of a video as they come. Memory: the print itself.
pub struct Sight {
    hasher: Hasher,
    runs: Vec<Run>,
    /// Half second of the last picture that was looked at, and its hash.
    last: Option<(u32, Option<u64>)>,
    shortest: u16,
    end: f64,
}

impl Default for Sight {
    fn default() -> Self {
        Self::new()
    }
}

impl Sight {
    pub fn new() -> Self {
        Self { hasher: Hasher::new(), runs: Vec::new(), last: None, shortest: 1, end: 0.0 }
    }

    /// Whether a picture at `time` (seconds) would be looked at: the first one of each half second is.
    pub fn wants(&self, time: f64) -> bool {
        step(time).is_some_and(|step| self.last.is_none_or(|(last, _)| step > last))
    }

    /// A grey picture of `width` × `height` bytes at `time` seconds. Times rise; 32 to 200 pixels a side are best.
    pub fn push(&mut self, time: f64, grey: &[u8], width: usize, height: usize) {
        if time.is_finite() {
            self.end = self.end.max(time);
        }
        if !self.wants(time) {
            return;
        }
        let Some(now) = step(time) else { return };
        let hash = self.hasher.hash(grey, width, height);
        self.reach(now);
        self.last = Some((now, hash));
        let Some(hash) = hash else { return };
        let goes_on = self
            .runs
            .last()
            .is_some_and(|run| run.end() == now && (run.hash ^ hash).count_ones() <= STILL && run.steps < u16::MAX);
        match self.runs.last_mut() {
            Some(run) if goes_on => run.steps += 1,
            _ => self.runs.push(Run { at: now, steps: 1, hash }),
        }
        // While it runs no more than twice the cap is held, and the run that may go on always.
        if self.runs.len() > 2 * MAX_RUNS && self.shortest < 1 << 14 {
            let open = self.runs.pop();
            self.shortest *= 2;
            let shortest = self.shortest;
            self.runs.retain(|r| r.steps >= shortest);
            self.runs.extend(open);
        }
    }

    /// The last picture lasts until `now`, if that is not too long.
    fn reach(&mut self, now: u32) {
        let Some((at, Some(_))) = self.last else { return };
        if let Some(run) = self.runs.last_mut().filter(|run| run.end() == at + 1) {
            let more = (now - at - 1).min(REACH - 1) as u16;
            run.steps = run.steps.saturating_add(more);
        }
    }

    /// The print of the picture alone; its length is the time of the last frame.
    pub fn finish(mut self) -> Print {
        let shortest = self.shortest;
        self.runs.retain(|r| r.steps >= shortest);
        Print::new(self.end, Vec::new(), self.runs)
    }
}

fn step(time: f64) -> Option<u32> {
    // A frame of a rate like 23.976 lies a little before the half second that it belongs to.
    let step = ((time + 0.02) / STEP_SECONDS).floor();
    (step >= 0.0 && step < f64::from(LATEST_RUN)).then_some(step as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture with content at every scale, drawn by a cheap generator.
    pub(crate) fn picture(seed: u32, width: usize, height: usize) -> Vec<u8> {
        let blobs: Vec<[f64; 4]> = (0..24u32)
            .map(|n| {
                let dice = |k: u32| {
                    let x = (seed ^ (n * 7919 + k * 104_729)).wrapping_mul(2_654_435_761);
                    f64::from((x ^ (x >> 15)).wrapping_mul(2_246_822_519) >> 8) / f64::from(1u32 << 24)
                };
                [dice(1), dice(2), 0.03 + 0.2 * dice(3), 160.0 * (dice(4) - 0.5)]
            })
            .collect();
        let value = |x: f64, y: f64| {
            let sum: f64 =
                blobs.iter().map(|b| b[3] * (-((x - b[0]).powi(2) + (y - b[1]).powi(2)) / (b[2] * b[2])).exp()).sum();
            (128.0 + sum).clamp(60.0, 255.0) as u8
        };
        (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| value((x as f64 + 0.5) / width as f64, (y as f64 + 0.5) / height as f64))
            .collect()
    }

    fn apart(a: Option<u64>, b: Option<u64>) -> u32 {
        (a.expect("a hash") ^ b.expect("a hash")).count_ones()
    }

    #[test]
    fn frequencies_are_those_of_the_mask() {
        let mask = frequencies().iter().enumerate().fold(0u64, |m, (n, f)| m | u64::from(f.0 % 2 == 1) << n);
        assert_eq!(mirrored(0), mask, "{mask:#x}");
        assert_eq!(mirrored(mirrored(77)), 77);
    }

    #[test]
    fn scale_shape_noise_light_and_a_mark_change_few_bits() {
        let hasher = Hasher::new();
        for seed in 0..20 {
            let whole = picture(seed, 96, 54);
            let hash = hasher.hash(&whole, 96, 54);
            assert!(apart(hash, hasher.hash(&picture(seed, 64, 64), 64, 64)) <= 6);
            let darker: Vec<u8> = whole.iter().map(|p| (f64::from(*p) * 0.8 + 10.0) as u8).collect();
            assert!(apart(hash, hasher.hash(&darker, 96, 54)) <= 6);
            let noisy: Vec<u8> =
                whole.iter().enumerate().map(|(n, p)| p.saturating_add((n * 7919 % 9) as u8)).collect();
            assert!(apart(hash, hasher.hash(&noisy, 96, 54)) <= 6);
            let mut marked = whole.clone();
            for y in 46..50 {
                marked[y * 96 + 78..y * 96 + 90].iter_mut().for_each(|p| *p = *p / 2 + 117);
            }
            let by_mark = apart(hash, hasher.hash(&marked, 96, 54));
            assert!(by_mark <= 14, "{seed}: {by_mark}");
        }
    }

    #[test]
    fn mirroring_is_known_from_the_hash_alone() {
        let hasher = Hasher::new();
        for seed in 0..20 {
            let whole = picture(seed, 96, 54);
            let turned: Vec<u8> = whole.chunks(96).flat_map(|line| line.iter().rev().copied()).collect();
            let hash = hasher.hash(&whole, 96, 54);
            assert!(apart(hash.map(mirrored), hasher.hash(&turned, 96, 54)) <= 1);
            assert!(apart(hash, hasher.hash(&turned, 96, 54)) > 16);
        }
    }

    #[test]
    fn bars_on_any_side_are_no_part_of_the_picture() {
        let hasher = Hasher::new();
        for seed in 0..20 {
            let (small, hash) = (picture(seed, 64, 36), hasher.hash(&picture(seed, 96, 54), 96, 54));
            let mut framed = vec![16u8; 96 * 54];
            for (y, line) in small.chunks(64).enumerate() {
                framed[(y + 9) * 96 + 12..(y + 9) * 96 + 76].copy_from_slice(line);
            }
            assert!(apart(hash, hasher.hash(&framed, 96, 54)) <= 10);
        }
    }

    #[test]
    fn different_pictures_are_far_apart_and_empty_ones_have_no_hash() {
        let hasher = Hasher::new();
        let hashes: Vec<_> = (0..40).map(|seed| hasher.hash(&picture(seed, 96, 54), 96, 54)).collect();
        for (n, a) in hashes.iter().enumerate() {
            hashes[n + 1..].iter().for_each(|b| assert!(apart(*a, *b) > 14));
        }
        let gradient: Vec<u8> = (0..96 * 54).map(|n| 100 + (n % 96) as u8 / 4).collect();
        for empty in [vec![16u8; 96 * 54], vec![200u8; 96 * 54], gradient] {
            assert_eq!(hasher.hash(&empty, 96, 54), None);
        }
        assert_eq!(hasher.hash(&[0; 10], 96, 54), None);
        assert_eq!(hasher.hash(&[], 0, usize::MAX), None);
    }

    #[test]
    fn runs_hold_what_stays_and_skip_what_shows_nothing() {
        let mut sight = Sight::new();
        let (a, b, black) = (picture(1, 96, 54), picture(2, 96, 54), vec![16u8; 96 * 54]);
        for frame in 0..250 {
            let time = f64::from(frame) / 25.0;
            let shown = if frame < 100 {
                &a
            } else if frame < 150 {
                &black
            } else {
                &b
            };
            sight.push(time, shown, 96, 54);
        }
        let print = sight.finish();
        let spans: Vec<(u32, u16)> = print.runs().iter().map(|r| (r.at, r.steps)).collect();
        assert_eq!(spans, [(0, 8), (12, 8)]);
    }

    #[test]
    fn pictures_that_come_rarely_stand_for_the_time_between() {
        let mut sight = Sight::new();
        for (time, seed) in [(0.0, 1), (2.0, 2), (4.0, 2), (60.0, 3), (f64::NAN, 4), (3.0, 5)] {
            sight.push(time, &picture(seed, 96, 54), 96, 54);
        }
        let spans: Vec<(u32, u16)> = sight.finish().runs().iter().map(|r| (r.at, r.steps)).collect();
        assert_eq!(spans, [(0, 4), (4, 5 + 7), (120, 1)]);
    }
}
