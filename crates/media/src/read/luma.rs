//! A small grey picture of a frame by averaging boxes of its luma plane, without converting the frame.
//!
//! This runs over every frame of an hour-long source, so it reads at most [`ROWS`] rows of a box, which is enough for
//! shots and motion, and adds bytes in a way that the compiler turns into vector code.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;

/// Rows of a box that are read; boxes of tall sources skip rows evenly.
const ROWS: usize = 8;

/// Where the luma samples of a frame are, when they can be read as they are.
struct Plane {
    data: *const u8,
    stride: usize,
    /// Bytes per sample.
    bytes: usize,
    /// Bits to drop for 8 of them.
    shift: u32,
}

/// Reduces frames to `width` × `height`.
pub(super) struct LumaBox {
    pub(super) width: usize,
    pub(super) height: usize,
    columns: Vec<u16>,
    pub(super) pixels: Vec<u8>,
}

impl LumaBox {
    pub(super) fn new(width: usize, height: usize) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self { width, height, columns: Vec::new(), pixels: vec![0; width * height] }
    }

    /// False when the frame's format has no luma plane to read directly; a scaler must be used then.
    pub(super) fn reduce(&mut self, frame: &ffmpeg::frame::Video) -> bool {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        if width < self.width || height < self.height {
            return false;
        }
        let Some(plane) = luma_plane(frame) else { return false };
        self.columns.resize(width, 0);
        for row in 0..self.height {
            let (top, bottom) = (row * height / self.height, (row + 1) * height / self.height);
            let rows = (bottom - top).clamp(1, ROWS);
            self.columns.fill(0);
            for n in 0..rows {
                let y = top + (2 * n + 1) * (bottom - top) / (2 * rows);
                // SAFETY: y < height and the plane holds `width` samples in each of its `height` rows.
                unsafe { add_row(&mut self.columns, &plane, y.min(height - 1)) };
            }
            let line = &mut self.pixels[row * self.width..(row + 1) * self.width];
            for (column, pixel) in line.iter_mut().enumerate() {
                let (left, right) = (column * width / self.width, (column + 1) * width / self.width);
                let sum: u32 = self.columns[left..right].iter().map(|&value| u32::from(value)).sum();
                let count = (rows * (right - left)) as u32;
                *pixel = ((sum + count / 2) / count) as u8;
            }
        }
        true
    }
}

/// # Safety
/// `plane` must hold `columns.len()` samples in row `y`.
unsafe fn add_row(columns: &mut [u16], plane: &Plane, y: usize) {
    // SAFETY: as promised by the caller.
    unsafe {
        let row = plane.data.add(y * plane.stride);
        if plane.bytes == 1 {
            let samples = std::slice::from_raw_parts(row, columns.len());
            for (sum, &sample) in columns.iter_mut().zip(samples) {
                *sum += u16::from(sample);
            }
        } else {
            for (x, sum) in columns.iter_mut().enumerate() {
                let sample = u16::from_le(row.cast::<u16>().add(x).read_unaligned());
                *sum += (sample >> plane.shift) & 0xFF;
            }
        }
    }
}

fn luma_plane(frame: &ffmpeg::frame::Video) -> Option<Plane> {
    // SAFETY: descriptors are static; data and linesize belong to a decoded frame.
    unsafe {
        let descriptor = ffi::av_pix_fmt_desc_get(frame.format().into()).as_ref()?;
        const UNREADABLE: i32 = ffi::AV_PIX_FMT_FLAG_RGB
            | ffi::AV_PIX_FMT_FLAG_PAL
            | ffi::AV_PIX_FMT_FLAG_BITSTREAM
            | ffi::AV_PIX_FMT_FLAG_HWACCEL
            | ffi::AV_PIX_FMT_FLAG_BE
            | ffi::AV_PIX_FMT_FLAG_FLOAT;
        let luma = descriptor.comp[0];
        if descriptor.flags & UNREADABLE as u64 != 0 || luma.plane != 0 || luma.offset != 0 || luma.depth < 8 {
            return None;
        }
        let source = &*frame.as_ptr();
        let stride = usize::try_from(source.linesize[0]).ok()?;
        let (bytes, shift) = match (luma.step, luma.depth) {
            (1, 8) => (1, 0),
            (2, depth @ 9..=16) => (2, (luma.shift + depth - 8) as u32),
            _ => return None,
        };
        (!source.data[0].is_null()).then_some(Plane { data: source.data[0], stride, bytes, shift })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(format: ffmpeg::format::Pixel, wide: bool) -> ffmpeg::frame::Video {
        let mut frame = ffmpeg::frame::Video::new(format, 160, 96);
        let stride = frame.stride(0);
        for (n, byte) in frame.data_mut(0).iter_mut().enumerate() {
            let (x, y) = (n % stride, n / stride);
            let value = if wide { ((x / 2 + y) as u16) << 2 } else { (x + y) as u16 };
            *byte = if wide && x % 2 == 1 { (value >> 8) as u8 } else { value as u8 };
        }
        frame
    }

    #[test]
    fn boxes_are_averaged_for_every_depth() {
        for (format, wide) in [(ffmpeg::format::Pixel::YUV420P, false), (ffmpeg::format::Pixel::YUV420P10LE, true)] {
            let mut luma = LumaBox::new(16, 12);
            assert!(luma.reduce(&gradient(format, wide)));
            for (n, &pixel) in luma.pixels.iter().enumerate() {
                let expected = (n % 16) as f64 * 10.0 + 4.5 + (n / 16) as f64 * 8.0 + 3.5;
                assert!((f64::from(pixel) - expected).abs() <= 1.0, "{format:?} {n}: {pixel} {expected}");
            }
        }
    }

    #[test]
    fn formats_without_luma_are_left_to_the_scaler() {
        let frame = ffmpeg::frame::Video::new(ffmpeg::format::Pixel::RGB24, 160, 96);
        assert!(!LumaBox::new(16, 12).reduce(&frame));
        let small = ffmpeg::frame::Video::new(ffmpeg::format::Pixel::YUV420P, 8, 8);
        assert!(!LumaBox::new(16, 12).reduce(&small));
    }
}
