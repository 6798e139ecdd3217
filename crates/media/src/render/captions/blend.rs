//! A coverage mask in one colour over a plane, row by row in 16-bit integers, so that the compiler makes vectors of it.

use super::libass::Mask;
use crate::render::resize::PlaneMut;

/// A mask and what it leaves on a plane.
pub(super) struct Stamp<'a> {
    pub mask: Mask<'a>,
    /// Upper left corner in pixels of the picture; may lie outside of it.
    pub at: (i64, i64),
    /// Value of this plane.
    pub colour: u8,
    pub opacity: u8,
}

/// Blends a stamp onto a plane. On a plane of half the size (`halved`), a sample takes the mean of the four pixels it
/// stands for.
pub(super) fn stamp(plane: PlaneMut, s: &Stamp, halved: bool) {
    let scale = if halved { 2 } else { 1 };
    let Some(across) = Overlap::of(s.at.0, s.mask.width, plane.width * scale) else { return };
    let Some(down) = Overlap::of(s.at.1, s.mask.height, plane.height * scale) else { return };
    let row = |y: usize| {
        let start = y * s.mask.stride + across.skipped;
        &s.mask.data[start..start + across.length]
    };
    if !halved {
        for i in 0..down.length {
            let start = (down.start + i) * plane.stride + across.start;
            blend(&mut plane.data[start..start + across.length], row(down.skipped + i), s.colour, s.opacity);
        }
        return;
    }
    // Sums of two rows, on whole pairs of pixels.
    let (left, right) = (across.start / 2, (across.start + across.length).div_ceil(2));
    let mut sums = vec![0u16; (right - left) * 2];
    let mut means = vec![0u8; right - left];
    for y in down.start / 2..(down.start + down.length).div_ceil(2) {
        sums.fill(0);
        for line in (2 * y).max(down.start)..(2 * y + 2).min(down.start + down.length) {
            let from = across.start - 2 * left;
            for (sum, v) in sums[from..].iter_mut().zip(row(line - down.start + down.skipped)) {
                *sum += u16::from(*v);
            }
        }
        for (mean, pair) in means.iter_mut().zip(sums.chunks_exact(2)) {
            *mean = ((pair[0] + pair[1] + 2) / 4) as u8;
        }
        let start = y * plane.stride + left;
        let width = means.len().min(plane.width.saturating_sub(left));
        blend(&mut plane.data[start..start + width], &means, s.colour, s.opacity);
    }
}

/// The part of a mask that lies on a plane, along one axis.
struct Overlap {
    /// On the plane.
    start: usize,
    length: usize,
    /// In the mask before it.
    skipped: usize,
}

impl Overlap {
    fn of(at: i64, size: usize, room: usize) -> Option<Overlap> {
        let skipped = usize::try_from(-at).unwrap_or(0);
        let start = usize::try_from(at).unwrap_or(0);
        let length = size.checked_sub(skipped)?.min(room.checked_sub(start)?);
        (length > 0).then_some(Overlap { start, length, skipped })
    }
}

fn blend(target: &mut [u8], mask: &[u8], colour: u8, opacity: u8) {
    let (colour, opacity) = (u16::from(colour), u16::from(opacity));
    for (under, cover) in target.iter_mut().zip(mask) {
        let a = by_255(u16::from(*cover) * opacity);
        *under = by_255(u16::from(*under) * (255 - a) + colour * a) as u8;
    }
}

/// `v / 255`, rounded, for `v` up to 255².
fn by_255(v: u16) -> u16 {
    let v = v + 128;
    (v + (v >> 8)) >> 8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn division_by_255_is_exact() {
        for v in 0..=255u32 * 255 {
            assert_eq!(u32::from(by_255(v as u16)), (v * 2 + 255) / 510, "{v}");
        }
    }

    prop_compose! {
        fn masks()(w in 1usize..9, h in 1usize..9, more in 0usize..3)(
            data in prop::collection::vec(any::<u8>(), (w + more) * (h - 1) + w), w in Just(w), h in Just(h), more in Just(more),
        ) -> (Vec<u8>, usize, usize, usize) {
            (data, w + more, w, h)
        }
    }

    proptest! {
        #[test]
        fn every_sample_is_the_mean_of_what_covers_it(
            (data, stride, width, height) in masks(), x in -10i64..20, y in -10i64..20, colour in any::<u8>(),
            opacity in any::<u8>(), under in any::<u8>(), halved in any::<bool>(),
        ) {
            let scale = if halved { 2 } else { 1i64 };
            let (pw, ph, line) = (6usize, 5usize, 8usize);
            let mut plane = vec![under; line * ph];
            let mask = Mask { data: &data, stride, width, height };
            let target = PlaneMut { data: &mut plane, stride: line, width: pw, height: ph };
            stamp(target, &Stamp { mask, at: (x, y), colour, opacity }, halved);
            let cover = |px: i64, py: i64| {
                let (mx, my) = (px - x, py - y);
                let inside = (0..width as i64).contains(&mx) && (0..height as i64).contains(&my);
                if inside { f64::from(data[my as usize * stride + mx as usize]) } else { 0.0 }
            };
            for py in 0..ph {
                for px in 0..line {
                    let mut share = 0.0;
                    for dy in 0..scale {
                        for dx in 0..scale {
                            share += cover(px as i64 * scale + dx, py as i64 * scale + dy) / (scale * scale) as f64;
                        }
                    }
                    let a = if px < pw { share * f64::from(opacity) / 255.0 / 255.0 } else { 0.0 };
                    let wanted = f64::from(under) * (1.0 - a) + f64::from(colour) * a;
                    let got = f64::from(plane[py * line + px]);
                    prop_assert!((got - wanted).abs() < 2.01, "{got} for {wanted} at {px}, {py}");
                }
            }
        }
    }
}
