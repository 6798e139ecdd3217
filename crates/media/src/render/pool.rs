//! Canvas-size pictures out of a pool: no allocation and no page faults per frame.

use ffmpeg_next::{ffi, format::Pixel, frame};
use omniva_contracts::Fault;

use super::resize::{PlaneMut, PlaneRef};

/// A pool of 4:2:0 pictures of one size. A picture goes back by itself when its last user lets go of it, be that this
/// crate, a filter or an encoder.
pub(crate) struct Pool {
    pool: *mut ffi::AVBufferPool,
    width: usize,
    height: usize,
}

const ALIGN: usize = 64;

impl Pool {
    /// `width` and `height` are even.
    pub fn new(width: u32, height: u32) -> Result<Pool, Fault> {
        let (width, height) = (width as usize, height as usize);
        let (luma, chroma) = (width.next_multiple_of(ALIGN), (width / 2).next_multiple_of(ALIGN));
        let size = luma * height + 2 * chroma * (height / 2) + ALIGN;
        // SAFETY: plain call; the result is checked.
        let pool = unsafe { ffi::av_buffer_pool_init(size as _, None) };
        if pool.is_null() {
            return Err(out_of_memory());
        }
        Ok(Pool { pool, width, height })
    }

    /// An uninitialised picture (whatever its last use left in it).
    pub fn get(&self) -> Result<frame::Video, Fault> {
        let (luma, chroma) = (self.width.next_multiple_of(ALIGN), (self.width / 2).next_multiple_of(ALIGN));
        let mut picture = frame::Video::empty();
        picture.set_format(Pixel::YUV420P);
        picture.set_width(self.width as u32);
        picture.set_height(self.height as u32);
        // SAFETY: the pool is alive; the planes lie one after the other inside the buffer, whose size `new` computed.
        unsafe {
            let buffer = ffi::av_buffer_pool_get(self.pool);
            if buffer.is_null() {
                return Err(out_of_memory());
            }
            let f = picture.as_mut_ptr();
            (*f).buf[0] = buffer;
            let base = (*buffer).data;
            let base = base.add(base.align_offset(ALIGN));
            (*f).data[0] = base;
            (*f).data[1] = base.add(luma * self.height);
            (*f).data[2] = base.add(luma * self.height + chroma * (self.height / 2));
            (*f).linesize[0] = luma as i32;
            (*f).linesize[1] = chroma as i32;
            (*f).linesize[2] = chroma as i32;
            (*f).extended_data = (*f).data.as_mut_ptr();
        }
        tag(&mut picture);
        Ok(picture)
    }

    /// A picture with the same content.
    pub fn copy(&self, from: &frame::Video) -> Result<frame::Video, Fault> {
        let mut to = self.get()?;
        for p in 0..3 {
            let (source, width) = (plane(from, p), plane_size(self.width, p));
            let target = plane_mut(&mut to, p);
            for y in 0..source.height.min(target.height) {
                let (a, b) = (y * source.stride, y * target.stride);
                target.data[b..b + width].copy_from_slice(&source.data[a..a + width]);
            }
        }
        Ok(to)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: created by `av_buffer_pool_init`; pictures still in use keep their buffers alive.
        unsafe { ffi::av_buffer_pool_uninit(&mut self.pool) };
    }
}

/// Marks a picture as what every picture here is: BT.709, limited range, square pixels, progressive.
fn tag(picture: &mut frame::Video) {
    use ffmpeg_next::color::{Primaries, Range, Space, TransferCharacteristic};
    picture.set_color_space(Space::BT709);
    picture.set_color_range(Range::MPEG);
    picture.set_color_primaries(Primaries::BT709);
    picture.set_color_transfer_characteristic(TransferCharacteristic::BT709);
    // SAFETY: the frame is ours and alive.
    unsafe {
        (*picture.as_mut_ptr()).sample_aspect_ratio = ffi::AVRational { num: 1, den: 1 };
        (*picture.as_mut_ptr()).chroma_location = ffi::AVChromaLocation::AVCHROMA_LOC_LEFT;
    }
}

pub(crate) fn out_of_memory() -> Fault {
    Fault::new(
        omniva_contracts::Code::ChildMemory,
        "there was not enough memory to render the clip",
        "free some memory or lower the number of renders at a time, then run the same command again",
    )
}

fn plane_size(luma: usize, plane: usize) -> usize {
    if plane == 0 { luma } else { luma.div_ceil(2) }
}

/// Plane of a 4:2:0 picture.
pub(crate) fn plane(picture: &frame::Video, index: usize) -> PlaneRef<'_> {
    PlaneRef {
        data: picture.data(index),
        stride: picture.stride(index),
        width: plane_size(picture.width() as usize, index),
        height: plane_size(picture.height() as usize, index),
    }
}

/// Plane of a 4:2:0 picture, to write.
pub(crate) fn plane_mut(picture: &mut frame::Video, index: usize) -> PlaneMut<'_> {
    let (stride, width, height) = (
        picture.stride(index),
        plane_size(picture.width() as usize, index),
        plane_size(picture.height() as usize, index),
    );
    PlaneMut { data: picture.data_mut(index), stride, width, height }
}
