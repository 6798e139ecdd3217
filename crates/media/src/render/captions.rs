//! Captions: libass through the one filter graph of a render.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ffmpeg_next::{Error, ffi, frame};
use omniva_contracts::Fault;

use super::faults::{drained, encoding, ok};

/// Draws an ASS script onto pictures of one size.
pub(crate) struct Captions {
    graph: *mut ffi::AVFilterGraph,
    source: *mut ffi::AVFilterContext,
    sink: *mut ffi::AVFilterContext,
    _fonts: FontSetup,
}

impl Captions {
    /// `work` is a folder to write to (the font configuration lives there while captions are drawn).
    pub fn open(script: &Path, fonts: &Path, work: &Path, size: (u32, u32), fps: u32) -> Result<Captions, Fault> {
        // Fontconfig reads the environment while the filter starts; renders that share a process (tests) take turns.
        let _turn = ENVIRONMENT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let _fonts = FontSetup::write(fonts, work)?;
        // SAFETY: a plain allocation, checked below.
        let graph = unsafe { ffi::avfilter_graph_alloc() };
        if graph.is_null() {
            return Err(super::pool::out_of_memory());
        }
        let mut captions = Captions { graph, source: std::ptr::null_mut(), sink: std::ptr::null_mut(), _fonts };
        captions.build(script, fonts, size, fps).map_err(|e| encoding("preparing the captions", e))?;
        Ok(captions)
    }

    fn build(&mut self, script: &Path, fonts: &Path, size: (u32, u32), fps: u32) -> Result<(), Error> {
        let (script, fonts) = (c_path(script)?, c_path(fonts)?);
        let args = format!(
            "video_size={}x{}:pix_fmt=yuv420p:time_base=1/{fps}:frame_rate={fps}/1:pixel_aspect=1/1",
            size.0, size.1
        );
        let args = CString::new(args).map_err(|_| Error::Unknown)?;
        // SAFETY: every filter belongs to the graph, which outlives them; strings live through the calls that read them.
        unsafe {
            (*self.graph).nb_threads = 1;
            self.source = self.filter(c"buffer", Some(&args))?;
            let ass = self.alloc(c"ass")?;
            // Options set one by one need no escaping, whatever the path contains.
            for (key, value) in [(c"filename", &script), (c"fontsdir", &fonts)] {
                ok(ffi::av_opt_set(ass.cast(), key.as_ptr(), value.as_ptr(), ffi::AV_OPT_SEARCH_CHILDREN))?;
            }
            ok(ffi::avfilter_init_str(ass, std::ptr::null()))?;
            self.sink = self.filter(c"buffersink", None)?;
            ok(ffi::avfilter_link(self.source, 0, ass, 0))?;
            ok(ffi::avfilter_link(ass, 0, self.sink, 0))?;
            ok(ffi::avfilter_graph_config(self.graph, std::ptr::null_mut()))?;
        }
        Ok(())
    }

    unsafe fn alloc(&self, name: &CStr) -> Result<*mut ffi::AVFilterContext, Error> {
        // SAFETY: the graph is alive; the filter's name is static.
        let context = unsafe {
            let filter = ffi::avfilter_get_by_name(name.as_ptr());
            if filter.is_null() {
                return Err(Error::FilterNotFound);
            }
            ffi::avfilter_graph_alloc_filter(self.graph, filter, name.as_ptr())
        };
        if context.is_null() { Err(Error::Other { errno: libc::ENOMEM }) } else { Ok(context) }
    }

    unsafe fn filter(&self, name: &CStr, args: Option<&CStr>) -> Result<*mut ffi::AVFilterContext, Error> {
        // SAFETY: as for `alloc`.
        unsafe {
            let context = self.alloc(name)?;
            ok(ffi::avfilter_init_str(context, args.map_or(std::ptr::null(), CStr::as_ptr)))?;
            Ok(context)
        }
    }

    /// Draws what stands on the screen at the picture's timestamp (in frames). The picture is drawn on in place when
    /// nobody else holds it.
    pub fn draw(&mut self, mut picture: frame::Video) -> Result<frame::Video, Fault> {
        let failed = |e| encoding("drawing the captions", e);
        let mut out = frame::Video::empty();
        // SAFETY: the graph is configured; the source takes over the picture's reference and leaves it empty.
        unsafe {
            ok(ffi::av_buffersrc_add_frame(self.source, picture.as_mut_ptr())).map_err(failed)?;
            match ok(ffi::av_buffersink_get_frame(self.sink, out.as_mut_ptr())) {
                Ok(_) => Ok(out),
                Err(e) if drained(&e) => Err(Fault::internal("the caption filter kept a frame back")),
                Err(e) => Err(failed(e)),
            }
        }
    }
}

impl Drop for Captions {
    fn drop(&mut self) {
        // SAFETY: frees the graph with all its filters, once.
        unsafe { ffi::avfilter_graph_free(&mut self.graph) };
    }
}

fn c_path(path: &Path) -> Result<CString, Error> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Error::Other { errno: libc::EINVAL })
}

/// A fontconfig file that knows the given fonts and nothing else, so that no font of the machine can slip in and the
/// sandbox needs no access to `/etc`.
struct FontSetup {
    file: PathBuf,
    cache: PathBuf,
}

/// The environment is shared by the whole process.
static ENVIRONMENT: Mutex<()> = Mutex::new(());

impl FontSetup {
    fn write(fonts: &Path, work: &Path) -> Result<FontSetup, Fault> {
        let (file, cache) = (work.join("fonts.conf"), work.join("fonts.cache"));
        let text = format!(
            "<?xml version=\"1.0\"?>\n<!DOCTYPE fontconfig SYSTEM \"fonts.dtd\">\n<fontconfig>\n<dir>{}</dir>\n<cachedir>{}</cachedir>\n</fontconfig>\n",
            xml(&fonts.to_string_lossy()),
            xml(&cache.to_string_lossy())
        );
        std::fs::write(&file, text).map_err(|e| Fault::writing("the font configuration", &e))?;
        // SAFETY: a render runs in a process of its own and nothing else in it changes the environment; the caller holds
        // `ENVIRONMENT`.
        unsafe { std::env::set_var("FONTCONFIG_FILE", &file) };
        Ok(FontSetup { file, cache })
    }
}

impl Drop for FontSetup {
    fn drop(&mut self) {
        // Left behind it would be harmless.
        let _ = std::fs::remove_file(&self.file);
        let _ = std::fs::remove_dir_all(&self.cache);
    }
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
