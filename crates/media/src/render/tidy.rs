//! Whatever a decoder gives as 8-bit 4:2:0, BT.709, limited range: what is composed and encoded.

use std::ptr;

use ffmpeg_next::format::Pixel;
use ffmpeg_next::{color, ffi, frame};
use omniva_contracts::Fault;

use super::faults::{encoding, ok};
use super::pool::out_of_memory;
use super::recolour::Recolour;

/// Converts pictures only when they need it; keeps the last conversion.
#[derive(Default)]
pub(crate) struct Tidy {
    scaler: Option<Scaler>,
    converted: Option<(u64, frame::Video)>,
}

/// What decides how a picture is converted.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Kind {
    pub format: Pixel,
    pub width: u32,
    pub height: u32,
    /// FFmpeg's number of the colour matrix (`SWS_CS_*`).
    pub matrix: i32,
    pub full: bool,
}

struct Scaler {
    context: *mut ffi::SwsContext,
    kind: Kind,
}

impl Drop for Scaler {
    fn drop(&mut self) {
        // SAFETY: made by `sws_getContext`, freed once.
        unsafe { ffi::sws_freeContext(self.context) };
    }
}

impl Kind {
    fn of(picture: &frame::Video) -> Kind {
        let matrix = match picture.color_space() {
            color::Space::BT470BG | color::Space::SMPTE170M => ffi::SWS_CS_ITU601,
            color::Space::BT2020NCL | color::Space::BT2020CL => ffi::SWS_CS_BT2020,
            color::Space::SMPTE240M => ffi::SWS_CS_SMPTE240M,
            color::Space::FCC => ffi::SWS_CS_FCC,
            // Untagged pictures: small ones come from the standard-definition world.
            color::Space::Unspecified | color::Space::Reserved if picture.height() < 720 && picture.width() < 1280 => {
                ffi::SWS_CS_ITU601
            }
            _ => ffi::SWS_CS_ITU709,
        };
        let full = picture.color_range() == color::Range::JPEG
            || matches!(picture.format(), Pixel::YUVJ420P | Pixel::YUVJ422P | Pixel::YUVJ444P | Pixel::YUVJ440P);
        Kind { format: picture.format(), width: picture.width(), height: picture.height(), matrix, full }
    }

    fn is_tidy(&self) -> bool {
        self.format == Pixel::YUV420P && self.matrix == ffi::SWS_CS_ITU709 && !self.full
    }
}

impl Tidy {
    /// The picture itself when it is tidy already. `serial` names the picture: equal serials are converted once.
    pub fn picture<'a>(&'a mut self, picture: &'a frame::Video, serial: u64) -> Result<&'a frame::Video, Fault> {
        let kind = Kind::of(picture);
        if kind.is_tidy() {
            return Ok(picture);
        }
        if self.converted.as_ref().is_none_or(|(s, _)| *s != serial) {
            let out = self.convert(picture, kind)?;
            self.converted = Some((serial, out));
        }
        match &self.converted {
            Some((_, out)) => Ok(out),
            None => Ok(picture),
        }
    }

    /// The last converted picture, if any was converted.
    pub fn into_last(self) -> Option<frame::Video> {
        self.converted.map(|(_, picture)| picture)
    }

    fn convert(&mut self, picture: &frame::Video, kind: Kind) -> Result<frame::Video, Fault> {
        if let Some(recolour) = Recolour::of(&kind) {
            let mut out = self.target(&kind)?;
            recolour.run(picture, &mut out);
            return Ok(out);
        }
        if !self.scaler.as_ref().is_some_and(|s| s.kind == kind) {
            self.scaler = Some(Scaler::new(kind)?);
        }
        let mut out = self.target(&kind)?;
        let Some(scaler) = &self.scaler else { return Err(out_of_memory()) };
        // SAFETY: both frames are allocated with the size and format that the context was made for.
        let rows = unsafe {
            let (from, to) = (picture.as_ptr(), out.as_mut_ptr());
            ffi::sws_scale(
                scaler.context,
                (*from).data.as_ptr().cast(),
                (*from).linesize.as_ptr(),
                0,
                kind.height as i32,
                (*to).data.as_ptr(),
                (*to).linesize.as_ptr(),
            )
        };
        ok(rows).map_err(|e| encoding("converting the picture's colours", e))?;
        Ok(out)
    }
}

impl Tidy {
    /// A picture to convert into: the last conversion's when it fits.
    fn target(&mut self, kind: &Kind) -> Result<frame::Video, Fault> {
        let last = self.converted.take().map(|(_, f)| f);
        let out = match last.filter(|f| (f.width(), f.height()) == (kind.width, kind.height)) {
            Some(frame) => frame,
            None => frame::Video::new(Pixel::YUV420P, kind.width, kind.height),
        };
        if out.planes() == 0 || out.data(0).is_empty() { Err(out_of_memory()) } else { Ok(out) }
    }
}

impl Scaler {
    fn new(kind: Kind) -> Result<Scaler, Fault> {
        let (w, h) = (kind.width as i32, kind.height as i32);
        // SAFETY: plain calls; the context is checked, the coefficient tables are static.
        unsafe {
            let flags = ffi::SWS_BILINEAR | ffi::SWS_ACCURATE_RND | ffi::SWS_FULL_CHR_H_INT;
            let context = ffi::sws_getContext(
                w,
                h,
                kind.format.into(),
                w,
                h,
                ffi::AVPixelFormat::AV_PIX_FMT_YUV420P,
                flags,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null(),
            );
            if context.is_null() {
                return Err(Fault::new(
                    omniva_contracts::Code::InputCodec,
                    "the picture is stored in a form that can't be converted",
                    "convert the video to H.264 first",
                ));
            }
            let scaler = Scaler { context, kind };
            let from = ffi::sws_getCoefficients(kind.matrix);
            let to = ffi::sws_getCoefficients(ffi::SWS_CS_ITU709);
            // Refused for formats without a matrix (RGB, grey): those convert with the default, which is right for them.
            ffi::sws_setColorspaceDetails(context, from, kind.full.into(), to, 0, 0, 1 << 16, 1 << 16);
            Ok(scaler)
        }
    }
}
