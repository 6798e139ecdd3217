//! Scaling a frame to a packed picture.

use std::ptr;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi;
use omniva_contracts::Fault;

use crate::ff;

/// libswscale's vector code may write a few pixels past the end of a row.
const SLACK: usize = 256;

/// Scales frames to one size and one packed format (`BGR24`, `GRAY8`); follows the frames when their own size changes.
pub(super) struct Packer {
    pub(super) width: usize,
    pub(super) height: usize,
    format: ffi::AVPixelFormat,
    /// Bytes per pixel.
    depth: usize,
    context: *mut ffi::SwsContext,
    source: (u32, u32, ffi::AVPixelFormat),
    buffer: Vec<u8>,
}

// SAFETY: the context is owned and used from one thread at a time.
unsafe impl Send for Packer {}

impl Packer {
    pub(super) fn bgr(width: usize, height: usize) -> Self {
        Self::new(width, height, ffi::AVPixelFormat::AV_PIX_FMT_BGR24, 3)
    }

    pub(super) fn gray(width: usize, height: usize) -> Self {
        Self::new(width, height, ffi::AVPixelFormat::AV_PIX_FMT_GRAY8, 1)
    }

    fn new(width: usize, height: usize, format: ffi::AVPixelFormat, depth: usize) -> Self {
        let buffer = vec![0; width * height * depth + SLACK];
        let source = (0, 0, ffi::AVPixelFormat::AV_PIX_FMT_NONE);
        Self { width, height, format, depth, context: ptr::null_mut(), source, buffer }
    }

    pub(super) fn pack(&mut self, frame: &ffmpeg::frame::Video) -> Result<&[u8], Fault> {
        let source = (frame.width(), frame.height(), frame.format().into());
        if self.context.is_null() || self.source != source {
            self.prepare(frame, source)?;
        }
        // SAFETY: the frame's planes are valid for its size; the buffer has room for every row plus slack.
        let rows = unsafe {
            let raw = &*frame.as_ptr();
            let target = [self.buffer.as_mut_ptr(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut()];
            let stride = [(self.width * self.depth) as i32, 0, 0, 0];
            ffi::sws_scale(
                self.context,
                raw.data.as_ptr().cast(),
                raw.linesize.as_ptr(),
                0,
                raw.height,
                target.as_ptr(),
                stride.as_ptr(),
            )
        };
        if rows < 0 {
            return Err(ff::fault(ffmpeg::Error::from(rows), "scaling a frame"));
        }
        Ok(&self.buffer[..self.width * self.height * self.depth])
    }

    fn prepare(&mut self, frame: &ffmpeg::frame::Video, source: (u32, u32, ffi::AVPixelFormat)) -> Result<(), Fault> {
        // SAFETY: frees the old context (or null) and makes a new one; coefficient tables are static.
        unsafe {
            ffi::sws_freeContext(self.context);
            self.context = ffi::sws_getContext(
                source.0 as i32,
                source.1 as i32,
                source.2,
                self.width as i32,
                self.height as i32,
                self.format,
                ffi::SWS_AREA,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null(),
            );
            if self.context.is_null() {
                return Err(ff::fault(ffmpeg::Error::InvalidData, "scaling a frame"));
            }
            let raw = &*frame.as_ptr();
            let table = ffi::sws_getCoefficients(color_matrix(raw));
            let full = i32::from(raw.color_range == ffi::AVColorRange::AVCOL_RANGE_JPEG);
            // Formats without a matrix (RGB in, grey out) refuse, and need none.
            ffi::sws_setColorspaceDetails(self.context, table, full, table, 1, 0, 1 << 16, 1 << 16);
        }
        self.source = source;
        Ok(())
    }
}

/// The matrix that the frame names, or the usual one for its size (BT.709 from 720 lines on).
fn color_matrix(frame: &ffi::AVFrame) -> i32 {
    use ffi::AVColorSpace as C;
    match frame.colorspace {
        C::AVCOL_SPC_UNSPECIFIED | C::AVCOL_SPC_RGB if frame.height >= 720 => C::AVCOL_SPC_BT709 as i32,
        C::AVCOL_SPC_UNSPECIFIED | C::AVCOL_SPC_RGB => C::AVCOL_SPC_SMPTE170M as i32,
        named => named as i32,
    }
}

impl Drop for Packer {
    fn drop(&mut self) {
        // SAFETY: freeing null is allowed.
        unsafe { ffi::sws_freeContext(self.context) };
    }
}
