//! The few functions of libass (0.15 and newer) that captions need. Layouts and signatures are those of `ass/ass.h`.

use std::ffi::{CStr, CString, c_char, c_int, c_longlong, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{NonNull, null, null_mut};
use std::sync::Mutex;

#[repr(C)]
struct Library {
    _private: [u8; 0],
}
#[repr(C)]
struct Renderer {
    _private: [u8; 0],
}
#[repr(C)]
struct Track {
    _private: [u8; 0],
}

/// `ASS_Image` without its last field, which is never read.
#[repr(C)]
struct Node {
    w: c_int,
    h: c_int,
    stride: c_int,
    bitmap: *const u8,
    /// Red, green, blue and transparency, from the highest byte to the lowest.
    color: u32,
    dst_x: c_int,
    dst_y: c_int,
    next: *const Node,
}

/// The third argument is a `va_list`, which every ABI this runs on passes as a pointer; it is not touched.
type Said = extern "C" fn(level: c_int, format: *const c_char, args: *mut c_void, data: *mut c_void);

// Linked by the build script.
unsafe extern "C" {
    fn ass_library_init() -> *mut Library;
    fn ass_library_done(library: *mut Library);
    fn ass_set_message_cb(library: *mut Library, said: Said, data: *mut c_void);
    fn ass_set_fonts_dir(library: *mut Library, folder: *const c_char);
    fn ass_renderer_init(library: *mut Library) -> *mut Renderer;
    fn ass_renderer_done(renderer: *mut Renderer);
    fn ass_set_frame_size(renderer: *mut Renderer, width: c_int, height: c_int);
    fn ass_set_storage_size(renderer: *mut Renderer, width: c_int, height: c_int);
    fn ass_set_fonts(
        renderer: *mut Renderer,
        default_font: *const c_char,
        default_family: *const c_char,
        provider: c_int,
        config: *const c_char,
        update: c_int,
    );
    fn ass_read_memory(library: *mut Library, text: *mut c_char, size: usize, codepage: *const c_char) -> *mut Track;
    fn ass_free_track(track: *mut Track);
    fn ass_render_frame(
        renderer: *mut Renderer,
        track: *mut Track,
        millis: c_longlong,
        change: *mut c_int,
    ) -> *const Node;
}

/// `ASS_FONTPROVIDER_AUTODETECT`: fontconfig where it is built in, with the configuration that is named.
const AUTODETECT: c_int = 1;
/// Messages up to this level say that something was not drawn (0: fatal, 1: error).
const ERROR: c_int = 1;

/// A script that is ready to be drawn.
pub(super) struct Script {
    library: NonNull<Library>,
    renderer: *mut Renderer,
    track: *mut Track,
    /// What libass complained about. On the heap, because libass holds its address.
    complaint: Box<Mutex<Option<String>>>,
}

/// One bitmap of a frame.
pub(super) struct Image<'a> {
    pub mask: Mask<'a>,
    /// Where its upper left corner stands, pixels; may lie outside of the picture.
    pub at: (i64, i64),
    pub rgb: [u8; 3],
    pub opacity: u8,
}

/// Coverage, 0 to 255. The last row may end with the mask and not with the stride.
#[derive(Clone, Copy)]
pub(super) struct Mask<'a> {
    pub data: &'a [u8],
    pub stride: usize,
    pub width: usize,
    pub height: usize,
}

impl Script {
    /// `config`: a fontconfig file. Fonts in `fonts` are found by their family names too.
    pub fn open(mut text: Vec<u8>, fonts: &Path, config: &Path, size: (u32, u32)) -> Result<Script, String> {
        let (fonts, config) = (c_path(fonts)?, c_path(config)?);
        let (width, height) = (size.0 as c_int, size.1 as c_int);
        // SAFETY: every pointer is checked before it is used; `Script` owns what was created, and frees it when a later
        // step fails. libass copies the strings and the text during the calls.
        unsafe {
            let library = NonNull::new(ass_library_init()).ok_or("libass does not start")?;
            let complaint = Box::new(Mutex::new(None));
            let mut script = Script { library, renderer: null_mut(), track: null_mut(), complaint };
            let data = (&raw const *script.complaint).cast_mut().cast::<c_void>();
            ass_set_message_cb(library.as_ptr(), said, data);
            ass_set_fonts_dir(library.as_ptr(), fonts.as_ptr());
            script.renderer = ass_renderer_init(library.as_ptr());
            if script.renderer.is_null() {
                return Err(script.complaint().unwrap_or_else(|| "libass can't make a renderer".to_owned()));
            }
            ass_set_frame_size(script.renderer, width, height);
            ass_set_storage_size(script.renderer, width, height);
            ass_set_fonts(script.renderer, null(), null(), AUTODETECT, config.as_ptr(), 1);
            script.track = ass_read_memory(library.as_ptr(), text.as_mut_ptr().cast(), text.len(), null());
            match script.complaint() {
                Some(why) => Err(why),
                None if script.track.is_null() => Err("libass can't read the script".to_owned()),
                None => Ok(script),
            }
        }
    }

    /// The bitmaps of a moment, from the lowest to the topmost.
    pub fn at(&mut self, millis: u64) -> Result<impl Iterator<Item = Image<'_>>, String> {
        // SAFETY: renderer and track are alive.
        let first = unsafe { ass_render_frame(self.renderer, self.track, millis as c_longlong, null_mut()) };
        match self.complaint() {
            Some(why) => Err(why),
            None => Ok(Images { next: first, _script: std::marker::PhantomData }),
        }
    }

    fn complaint(&self) -> Option<String> {
        self.complaint.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // SAFETY: each was created by libass and is freed once, users before what they use.
        unsafe {
            if !self.track.is_null() {
                ass_free_track(self.track);
            }
            if !self.renderer.is_null() {
                ass_renderer_done(self.renderer);
            }
            ass_library_done(self.library.as_ptr());
        }
    }
}

/// The list that libass keeps until the next frame is rendered: it borrows the script mutably, so that cannot happen.
struct Images<'a> {
    next: *const Node,
    _script: std::marker::PhantomData<&'a mut Script>,
}

impl<'a> Iterator for Images<'a> {
    type Item = Image<'a>;

    fn next(&mut self) -> Option<Image<'a>> {
        loop {
            // SAFETY: a node of the list, or null at its end.
            let node: &'a Node = unsafe { self.next.as_ref() }?;
            self.next = node.next;
            let (Ok(width), Ok(height), Ok(stride)) =
                (usize::try_from(node.w), usize::try_from(node.h), usize::try_from(node.stride))
            else {
                continue;
            };
            if node.bitmap.is_null() || width == 0 || height == 0 || stride < width {
                continue;
            }
            // SAFETY: the bitmap holds `height` rows at that stride, the last of at least `width` bytes.
            let data = unsafe { std::slice::from_raw_parts(node.bitmap, stride * (height - 1) + width) };
            let [r, g, b, transparency] = node.color.to_be_bytes();
            return Some(Image {
                mask: Mask { data, stride, width, height },
                at: (node.dst_x.into(), node.dst_y.into()),
                rgb: [r, g, b],
                opacity: 255 - transparency,
            });
        }
    }
}

extern "C" fn said(level: c_int, format: *const c_char, _args: *mut c_void, data: *mut c_void) {
    if level > ERROR || format.is_null() || data.is_null() {
        return;
    }
    // SAFETY: `data` is the mutex that `Script` keeps as long as the library lives; the format is a C string.
    let (complaint, format) = unsafe { (&*data.cast::<Mutex<Option<String>>>(), CStr::from_ptr(format)) };
    let mut complaint = complaint.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    complaint.get_or_insert_with(|| format!("libass: {}", format.to_string_lossy()));
}

fn c_path(path: &Path) -> Result<CString, String> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| format!("{} holds a zero byte", path.display()))
}
