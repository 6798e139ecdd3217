//! A bicubic scaler for 8-bit planes that takes its crop as real numbers.
//!
//! A virtual camera that moves slowly needs steps far below one source pixel: a 405 pixel wide crop fills 1080 output
//! pixels, so whole chroma steps of a scaler that crops by pointer would show as jumps of more than five pixels. Here
//! the crop only shifts the filter phases, so panning and zooming are smooth and cost nothing but new coefficients.
//!
//! Kernel: the cubic of Mitchell and Netravali with B = 0, C = 0.6, which is what FFmpeg's `bicubic` uses; widened when
//! shrinking. Arithmetic: 14-bit coefficients, 15-bit rows between the passes, rows kept in a ring of the filter's height.

/// Where samples of a plane lie on the picture's axis: sample `i` is at `step * i + offset` luma pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Siting {
    pub step: f64,
    pub offset: f64,
}

impl Siting {
    pub const LUMA: Siting = Siting { step: 1.0, offset: 0.5 };
    /// 4:2:0 chroma across: on the left luma column (H.264's default).
    pub const CHROMA_X: Siting = Siting { step: 2.0, offset: 0.5 };
    /// 4:2:0 chroma down: between two luma rows.
    pub const CHROMA_Y: Siting = Siting { step: 2.0, offset: 1.0 };
}

/// Part of the source, in luma pixels, along one axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    pub start: f64,
    pub length: f64,
}

const ONE: i32 = 1 << 14;

/// Filter of one axis: output sample `i` is the sum of `taps` inputs from `first[i]`, weighted by 14-bit coefficients.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    pub first: Vec<i32>,
    pub coefficients: Vec<i16>,
    pub taps: usize,
}

fn kernel(x: f64) -> f64 {
    const C: f64 = 0.6;
    let x = x.abs();
    if x < 1.0 {
        (2.0 - C) * x * x * x + (C - 3.0) * x * x + 1.0
    } else if x < 2.0 {
        -C * x * x * x + 5.0 * C * x * x - 8.0 * C * x + 4.0 * C
    } else {
        0.0
    }
}

impl Axis {
    /// Filter from `size` input samples to `count` output samples that together show `from`, of `full` output pixels.
    /// Samples beyond the edge repeat the edge.
    pub fn new(from: Stretch, full: usize, count: usize, size: usize, siting: Siting) -> Axis {
        let scale = from.length / full.max(1) as f64;
        let widen = scale.max(1.0);
        let wanted = (4.0 * widen).ceil() as usize;
        let taps = wanted.next_multiple_of(4).min(size.max(1));
        let mut axis = Axis { first: Vec::with_capacity(count), coefficients: Vec::with_capacity(count * taps), taps };
        let mut weights = vec![0.0; taps];
        for i in 0..count {
            let out = siting.step * i as f64 + siting.offset;
            let centre = (from.start + out * scale - siting.offset) / siting.step;
            let leftmost = (centre - 2.0 * widen).floor() as i64 + 1;
            let first = leftmost.clamp(0, (size.max(1) - taps) as i64);
            weights.fill(0.0);
            for k in 0..wanted as i64 {
                let at = leftmost + k;
                let index = (at.clamp(0, size.max(1) as i64 - 1) - first).clamp(0, taps as i64 - 1) as usize;
                weights[index] += kernel((at as f64 - centre) / widen);
            }
            axis.push(first as i32, &weights);
        }
        axis
    }

    /// Adds one output sample; the rounded coefficients sum to exactly one, so flat areas stay flat.
    fn push(&mut self, first: i32, weights: &[f64]) {
        let sum: f64 = weights.iter().sum();
        let start = self.coefficients.len();
        let mut left = ONE;
        let mut largest = start;
        for (k, w) in weights.iter().enumerate() {
            let c = (w / sum * f64::from(ONE)).round() as i32;
            self.coefficients.push(c as i16);
            left -= c;
            if c > i32::from(self.coefficients[largest]) {
                largest = start + k;
            }
        }
        self.coefficients[largest] += left as i16;
        self.first.push(first);
    }
}

/// An 8-bit plane to read.
#[derive(Clone, Copy)]
pub struct PlaneRef<'a> {
    pub data: &'a [u8],
    pub stride: usize,
    pub width: usize,
    pub height: usize,
}

/// A rectangle of an 8-bit plane to write, `data` starting at its first sample.
pub struct PlaneMut<'a> {
    pub data: &'a mut [u8],
    pub stride: usize,
    pub width: usize,
    pub height: usize,
}

/// Working memory of [`resize`], kept between calls.
#[derive(Default)]
pub struct Scratch {
    ring: Vec<i16>,
}

/// Scales `source` into `target` with one filter an axis, made for exactly these sizes.
pub fn resize(source: PlaneRef, target: PlaneMut, across: &Axis, down: &Axis, scratch: &mut Scratch) {
    if !fits(&source, &target, across, down) {
        return;
    }
    let width = target.width;
    let depth = down.taps;
    scratch.ring.resize(width * depth, 0);
    let mut next = 0usize;
    for y in 0..target.height {
        let first = down.first[y] as usize;
        next = next.max(first);
        while next < first + depth {
            let row = &source.data[next * source.stride..next * source.stride + source.width];
            let slot = (next % depth) * width;
            across_row(row, across, &mut scratch.ring[slot..slot + width]);
            next += 1;
        }
        let start = y * target.stride;
        let out = &mut target.data[start..start + width];
        down_row(&scratch.ring, width, first, &down.coefficients[y * depth..(y + 1) * depth], out);
    }
}

/// Everything that the inner loops index lies inside the buffers.
fn fits(source: &PlaneRef, target: &PlaneMut, across: &Axis, down: &Axis) -> bool {
    let inside = |axis: &Axis, count: usize, size: usize| {
        axis.first.len() >= count
            && axis.coefficients.len() >= count * axis.taps
            && axis.taps > 0
            && axis.first.iter().all(|f| *f >= 0 && *f as usize + axis.taps <= size)
    };
    let holds =
        |len: usize, stride: usize, w: usize, h: usize| w > 0 && h > 0 && stride >= w && len >= stride * (h - 1) + w;
    inside(across, target.width, source.width)
        && inside(down, target.height, source.height)
        && holds(source.data.len(), source.stride, source.width, source.height)
        && holds(target.data.len(), target.stride, target.width, target.height)
}

fn across_row(row: &[u8], axis: &Axis, out: &mut [i16]) {
    #[cfg(target_arch = "x86_64")]
    if axis.taps.is_multiple_of(4) && std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 is there, and `fits` checked that every window lies inside the row.
        let done = unsafe { wide::across_row(row, axis, out) };
        across_tail(row, axis, out, done);
        return;
    }
    across_tail(row, axis, out, 0);
}

fn across_tail(row: &[u8], axis: &Axis, out: &mut [i16], from: usize) {
    let windows = axis.first.iter().zip(axis.coefficients.chunks_exact(axis.taps));
    for (value, (first, coefficients)) in out.iter_mut().zip(windows).skip(from) {
        let pixels = &row[*first as usize..*first as usize + axis.taps];
        let sum: i32 = pixels.iter().zip(coefficients).map(|(p, c)| i32::from(*p) * i32::from(*c)).sum();
        *value = ((sum + 64) >> 7).clamp(-32768, 32767) as i16;
    }
}

fn down_row(ring: &[i16], width: usize, first: usize, coefficients: &[i16], out: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: AVX2 is there; the function itself is ordinary checked code.
        unsafe { wide::down_row(ring, width, first, coefficients, out) };
        return;
    }
    down_any(ring, width, first, coefficients, out);
}

/// The ring's rows for one output row, in the order of the coefficients.
#[inline(always)]
fn ring_row(ring: &[i16], width: usize, depth: usize, at: usize) -> &[i16] {
    let slot = (at % depth) * width;
    &ring[slot..slot + width]
}

/// Four rows, from column `from` on: the ordinary case.
fn down_four(rows: [&[i16]; 4], k: [i16; 4], out: &mut [u8], from: usize) {
    for (x, o) in out.iter_mut().enumerate().skip(from) {
        let sum: i32 = rows.iter().zip(k).map(|(row, k)| rounded(row[x], k)).sum();
        *o = ((sum + 32) >> 6).clamp(0, 255) as u8;
    }
}

/// Rounded high part of a product, one machine instruction for sixteen lanes.
#[inline(always)]
fn rounded(a: i16, b: i16) -> i32 {
    (i32::from(a) * i32::from(b) + (1 << 14)) >> 15
}

#[inline(always)]
fn down_any(ring: &[i16], width: usize, first: usize, coefficients: &[i16], out: &mut [u8]) {
    let depth = coefficients.len();
    let row = |k: usize| ring_row(ring, width, depth, first + k);
    if let &[a, b, c, d] = coefficients {
        down_four([row(0), row(1), row(2), row(3)], [a, b, c, d], out, 0);
        return;
    }
    const BLOCK: usize = 64;
    for (block, out) in out.chunks_mut(BLOCK).enumerate() {
        let mut sums = [1i32 << 20; BLOCK];
        for (k, c) in coefficients.iter().enumerate() {
            let part = &row(k)[block * BLOCK..block * BLOCK + out.len()];
            for (sum, v) in sums.iter_mut().zip(part) {
                *sum += i32::from(*v) * i32::from(*c);
            }
        }
        for (o, sum) in out.iter_mut().zip(&sums) {
            *o = (sum >> 21).clamp(0, 255) as u8;
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::*;

    use super::Axis;

    /// Eight outputs at a time; returns how many were written.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn across_row(row: &[u8], axis: &Axis, out: &mut [i16]) -> usize {
        let groups = axis.taps / 4;
        let count = out.len().min(axis.first.len()) & !7;
        let round = _mm256_set1_epi32(64);
        let mut i = 0;
        while i < count {
            let mut low = _mm256_setzero_si256();
            let mut top = _mm256_setzero_si256();
            // SAFETY: `first[i] + taps <= row.len()`, 8 outputs from `i` exist in every array (checked by the caller).
            unsafe {
                let at = _mm256_loadu_si256(axis.first.as_ptr().add(i).cast());
                for g in 0..groups {
                    let index = _mm256_add_epi32(at, _mm256_set1_epi32(4 * g as i32));
                    let pixels = _mm256_i32gather_epi32::<1>(row.as_ptr().cast(), index);
                    let first = _mm256_cvtepu8_epi16(_mm256_castsi256_si128(pixels));
                    let second = _mm256_cvtepu8_epi16(_mm256_extracti128_si256::<1>(pixels));
                    low = _mm256_add_epi32(low, _mm256_madd_epi16(first, four(axis, i, g)));
                    top = _mm256_add_epi32(top, _mm256_madd_epi16(second, four(axis, i + 4, g)));
                }
                let sums = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(low, top));
                let scaled = _mm256_srai_epi32::<7>(_mm256_add_epi32(sums, round));
                let packed = _mm256_packs_epi32(scaled, scaled);
                let joined = _mm256_permute4x64_epi64::<0b11_01_10_00>(packed);
                _mm_storeu_si128(out.as_mut_ptr().add(i).cast(), _mm256_castsi256_si128(joined));
            }
            i += 8;
        }
        count
    }

    /// Coefficients `4 * group ..` of the four outputs from `i`.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn four(axis: &Axis, i: usize, group: usize) -> __m256i {
        let base = axis.coefficients.as_ptr();
        // SAFETY: the arrays hold `taps` coefficients for every output, and `taps` is a multiple of four.
        unsafe {
            if axis.taps == 4 {
                return _mm256_loadu_si256(base.add(4 * i).cast());
            }
            let at = |k: usize| base.add((i + k) * axis.taps + 4 * group).cast::<i64>().read_unaligned();
            _mm256_set_epi64x(at(3), at(2), at(1), at(0))
        }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn down_row(ring: &[i16], width: usize, first: usize, coefficients: &[i16], out: &mut [u8]) {
        let &[a, b, c, d] = coefficients else { return super::down_any(ring, width, first, coefficients, out) };
        let row = |k: usize| super::ring_row(ring, width, 4, first + k);
        let (rows, k) = ([row(0), row(1), row(2), row(3)], [a, b, c, d]);
        let count = out.len().min(width) & !31;
        let weights = k.map(|k| _mm256_set1_epi16(k));
        let half = _mm256_set1_epi16(32);
        for x in (0..count).step_by(32) {
            // SAFETY: every row is `width` long and `x + 32 <= count <= width, out.len()`.
            unsafe {
                let sums = |x: usize| {
                    let part =
                        |i: usize| _mm256_mulhrs_epi16(_mm256_loadu_si256(rows[i].as_ptr().add(x).cast()), weights[i]);
                    let sum =
                        _mm256_adds_epi16(_mm256_adds_epi16(part(0), part(1)), _mm256_adds_epi16(part(2), part(3)));
                    _mm256_srai_epi16::<6>(_mm256_adds_epi16(sum, half))
                };
                let packed = _mm256_packus_epi16(sums(x), sums(x + 16));
                let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(packed);
                _mm256_storeu_si256(out.as_mut_ptr().add(x).cast(), ordered);
            }
        }
        super::down_four(rows, k, out, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scaled(source: &[u8], size: (usize, usize), x: Stretch, y: Stretch, out: (usize, usize)) -> Vec<u8> {
        let across = Axis::new(x, out.0, out.0, size.0, Siting::LUMA);
        let down = Axis::new(y, out.1, out.1, size.1, Siting::LUMA);
        let mut target = vec![0u8; out.0 * out.1];
        let from = PlaneRef { data: source, stride: size.0, width: size.0, height: size.1 };
        let to = PlaneMut { data: &mut target, stride: out.0, width: out.0, height: out.1 };
        resize(from, to, &across, &down, &mut Scratch::default());
        target
    }

    fn whole(length: usize) -> Stretch {
        Stretch { start: 0.0, length: length as f64 }
    }

    /// The same in floating point, without rounding between the passes.
    fn exact(source: &[u8], size: (usize, usize), across: &Axis, down: &Axis, out: (usize, usize)) -> Vec<f64> {
        let weight = |axis: &Axis, i: usize, k: usize| f64::from(axis.coefficients[i * axis.taps + k]) / f64::from(ONE);
        let mut target = Vec::new();
        for y in 0..out.1 {
            for x in 0..out.0 {
                let mut sum = 0.0;
                for j in 0..down.taps {
                    for k in 0..across.taps {
                        let at = (down.first[y] as usize + j) * size.0 + across.first[x] as usize + k;
                        sum += f64::from(source[at]) * weight(down, y, j) * weight(across, x, k);
                    }
                }
                target.push(sum.clamp(0.0, 255.0));
            }
        }
        target
    }

    #[test]
    fn nothing_changes_when_nothing_is_scaled() {
        let source: Vec<u8> = (0..64 * 48).map(|i| (i * 37 % 251) as u8).collect();
        assert_eq!(scaled(&source, (64, 48), whole(64), whole(48), (64, 48)), source);
    }

    #[test]
    fn a_ramp_moves_by_fractions_of_a_pixel() {
        let source: Vec<u8> = (0..100 * 8).map(|i| (i % 100) as u8 * 2).collect();
        let at = |start: f64| scaled(&source, (100, 8), Stretch { start, length: 40.0 }, whole(8), (160, 8))[80];
        let steps: Vec<i32> = (0..9).map(|i| i32::from(at(20.0 + f64::from(i) * 0.5))).collect();
        for pair in steps.windows(2) {
            assert_eq!(pair[1] - pair[0], 1, "{steps:?}");
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_left_alone() {
        let axis = Axis::new(whole(64), 32, 32, 64, Siting::LUMA);
        let mut target = vec![9u8; 32 * 32];
        let from = PlaneRef { data: &[1; 100], stride: 64, width: 64, height: 64 };
        let to = PlaneMut { data: &mut target, stride: 32, width: 32, height: 32 };
        resize(from, to, &axis, &axis, &mut Scratch::default());
        assert!(target.iter().all(|v| *v == 9));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn integers_give_what_real_numbers_give(
            size in (9usize..90, 9usize..70),
            out in (1usize..120, 1usize..90),
            part in (0.0f64..0.4, 0.3f64..0.6),
            seed in any::<u32>(),
        ) {
            let noise = |i: usize| (i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed).wrapping_mul(40_503) >> 24;
            // Away from the ends of the range, where the first pass clips and real numbers would not.
            let source: Vec<u8> = (0..size.0 * size.1).map(|i| 70 + (noise(i) % 110) as u8).collect();
            let stretch = |n: usize| Stretch { start: part.0 * n as f64, length: part.1 * n as f64 };
            let (x, y) = (stretch(size.0), stretch(size.1));
            let across = Axis::new(x, out.0, out.0, size.0, Siting::LUMA);
            let down = Axis::new(y, out.1, out.1, size.1, Siting::LUMA);
            let got = scaled(&source, size, x, y, out);
            for (a, b) in got.iter().zip(exact(&source, size, &across, &down, out)) {
                prop_assert!((f64::from(*a) - b).abs() <= 1.1, "{a} instead of {b}");
            }
        }

        #[test]
        fn flat_areas_stay_flat(level in any::<u8>(), start in 0.0f64..30.0, length in 1.0f64..70.0) {
            let source = vec![level; 100 * 20];
            let out = scaled(&source, (100, 20), Stretch { start, length }, whole(20), (37, 45));
            prop_assert!(out.iter().all(|v| v.abs_diff(level) <= 1), "{level}: {:?}", &out[..37]);
        }
    }
}
