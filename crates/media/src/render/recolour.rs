//! From one YCbCr matrix or range to BT.709, limited range, without the way through RGB.
//!
//! Both ends are linear in the same R'G'B', so the whole conversion is three sums per sample (ITU-R BT.601, BT.709). This
//! is what most phone and web-camera sources need, and a tenth of the cost of the general converter.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::{ffi, frame};

use super::pool::{plane, plane_mut};
use super::tidy::Kind;

/// Fixed point: 6 bits leave room for the products in 16 bits and round finer than a step of the output.
const ONE: f64 = 64.0;

/// Coefficients of the conversion, in 1/64.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Recolour {
    luma: i32,
    /// Luma of the source's black.
    black: i32,
    /// Parts of Cb and Cr in luma, Cb and Cr.
    chroma: [[i32; 2]; 3],
}

impl Recolour {
    /// `None` when the picture isn't 8-bit 4:2:0, or of a matrix that needs the general converter.
    pub fn of(kind: &Kind) -> Option<Recolour> {
        if !matches!(kind.format, Pixel::YUV420P | Pixel::YUVJ420P) {
            return None;
        }
        let (kr, kb) = if kind.matrix == ffi::SWS_CS_ITU601 {
            (0.299, 0.114)
        } else if kind.matrix == ffi::SWS_CS_ITU709 {
            (0.2126, 0.0722)
        } else {
            return None;
        };
        let (luma_range, chroma_range) = if kind.full { (255.0, 255.0) } else { (219.0, 224.0) };
        // R - Y and B - Y per unit of Cr and Cb; G follows from both.
        let (r, b) = (2.0 * (1.0 - kr), 2.0 * (1.0 - kb));
        let kg = 1.0 - kr - kb;
        let (to_r, to_g, to_b) = (0.2126, 0.7152, 0.0722);
        let rgb = |cb: f64, cr: f64| [r * cr, -(kr * r * cr + kb * b * cb) / kg, b * cb];
        let new = |cb: f64, cr: f64| {
            let [red, green, blue] = rgb(cb, cr);
            let y = to_r * red + to_g * green + to_b * blue;
            [y, (blue - y) / (2.0 * (1.0 - to_b)), (red - y) / (2.0 * (1.0 - to_r))]
        };
        let (of_cb, of_cr) = (new(1.0, 0.0), new(0.0, 1.0));
        let fixed = |v: f64| (v * ONE).round() as i32;
        let part = |i: usize, out: f64| [fixed(of_cb[i] * out / chroma_range), fixed(of_cr[i] * out / chroma_range)];
        Some(Recolour {
            luma: fixed(219.0 / luma_range),
            black: if kind.full { 0 } else { 16 },
            chroma: [part(0, 219.0), part(1, 224.0), part(2, 224.0)],
        })
    }

    pub fn run(&self, from: &frame::Video, to: &mut frame::Video) {
        let width = from.width() as usize;
        let half = width.div_ceil(2);
        let mut tint = vec![0i16; 2 * half];
        for row in 0..plane(from, 1).height {
            let (u, v) = (line(from, 1, row, half), line(from, 2, row, half));
            for ((t, cb), cr) in tint.chunks_exact_mut(2).zip(u).zip(v) {
                let sum = self.mix(0, *cb, *cr) as i16;
                t.copy_from_slice(&[sum, sum]);
            }
            for p in 1..3 {
                for ((out, cb), cr) in line_mut(to, p, row, half).iter_mut().zip(u).zip(v) {
                    *out = ((self.mix(p, *cb, *cr) + 32 + (128 << 6)) >> 6).clamp(0, 255) as u8;
                }
            }
            for y in [2 * row, 2 * row + 1] {
                if y < from.height() as usize {
                    self.light(line(from, 0, y, width), &tint, line_mut(to, 0, y, width));
                }
            }
        }
    }

    fn mix(&self, plane: usize, cb: u8, cr: u8) -> i32 {
        (i32::from(cb) - 128) * self.chroma[plane][0] + (i32::from(cr) - 128) * self.chroma[plane][1]
    }

    fn light(&self, from: &[u8], tint: &[i16], to: &mut [u8]) {
        let offset = (16 << 6) + 32 - self.black * self.luma;
        for ((out, y), t) in to.iter_mut().zip(from).zip(tint) {
            *out = ((i32::from(*y) * self.luma + i32::from(*t) + offset) >> 6).clamp(0, 255) as u8;
        }
    }
}

fn line(picture: &frame::Video, p: usize, row: usize, width: usize) -> &[u8] {
    let start = row * picture.stride(p);
    &picture.data(p)[start..start + width]
}

fn line_mut(picture: &mut frame::Video, p: usize, row: usize, width: usize) -> &mut [u8] {
    let target = plane_mut(picture, p);
    let start = row * target.stride;
    &mut target.data[start..start + width]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(matrix: i32, full: bool) -> Kind {
        Kind { format: Pixel::YUV420P, width: 4, height: 4, matrix, full }
    }

    fn convert(recolour: &Recolour, y: u8, cb: u8, cr: u8) -> [i32; 3] {
        let mut out = [0u8];
        recolour.light(&[y], &[recolour.mix(0, cb, cr) as i16], &mut out);
        [
            i32::from(out[0]),
            (recolour.mix(1, cb, cr) + 32 + (128 << 6)) >> 6,
            (recolour.mix(2, cb, cr) + 32 + (128 << 6)) >> 6,
        ]
    }

    #[test]
    fn primaries_of_601_become_those_of_709() {
        let recolour = Recolour::of(&kind(ffi::SWS_CS_ITU601, false)).unwrap();
        // Full red, green, blue and white of BT.601 (81 90 240 …) and of BT.709 (63 102 240 …).
        for (from, to) in [
            ([81, 90, 240], [63, 102, 240]),
            ([145, 54, 34], [173, 42, 26]),
            ([41, 240, 110], [32, 240, 118]),
            ([235, 128, 128], [235, 128, 128]),
            ([16, 128, 128], [16, 128, 128]),
        ] {
            let got = convert(&recolour, from[0], from[1], from[2]);
            assert!(got.iter().zip(to).all(|(a, b)| (a - b).abs() <= 2), "{from:?}: {got:?} instead of {to:?}");
        }
    }

    #[test]
    fn full_range_is_narrowed() {
        let recolour = Recolour::of(&kind(ffi::SWS_CS_ITU709, true)).unwrap();
        assert_eq!(convert(&recolour, 255, 128, 128), [235, 128, 128]);
        assert_eq!(convert(&recolour, 0, 128, 128), [16, 128, 128]);
    }
}
