//! Captions: an ASS script, rendered by libass and blended onto 4:2:0 pictures.
//!
//! FFmpeg's `ass` filter does the same, one pixel at a time, in the colour matrix of standard definition. Here the blending
//! runs over whole rows ([`blend`]) and in the matrix of the picture.

mod blend;
mod libass;

use std::path::{Path, PathBuf};

use ffmpeg_next::frame;
use omniva_contracts::{Code, Fault};

use super::paint::Yuv;
use super::pool::plane_mut;
use blend::{Stamp, stamp};
use libass::Script;

/// Draws an ASS script onto pictures of one size.
pub(crate) struct Captions {
    script: Script,
    fps: u32,
    _fonts: FontSetup,
}

impl Captions {
    /// `work` is a folder to write to (the font configuration lives there while captions are drawn).
    ///
    /// # Errors
    /// `encoder_failed` when libass can't read the script or start, `no_space` and `output_unwritable` for `work`.
    pub fn open(script: &Path, fonts: &Path, work: &Path, size: (u32, u32), fps: u32) -> Result<Captions, Fault> {
        let text =
            std::fs::read(script).map_err(|e| Fault::internal(format!("the caption script can't be read: {e}")))?;
        let _fonts = FontSetup::write(fonts, work)?;
        let script = Script::open(text, fonts, &_fonts.file, size).map_err(|e| failed("preparing", e))?;
        Ok(Captions { script, fps: fps.max(1), _fonts })
    }

    /// Draws what stands on the screen in frame `index` of the clip.
    pub fn draw(&mut self, picture: &mut frame::Video, index: u64) -> Result<(), Fault> {
        let millis = index * 1000 / u64::from(self.fps);
        let images = self.script.at(millis).map_err(|e| failed("drawing", e))?;
        for image in images {
            let Yuv(colour) = Yuv::from_rgb(image.rgb);
            for (p, colour) in colour.into_iter().enumerate() {
                let stamped = Stamp { mask: image.mask, at: image.at, colour, opacity: image.opacity };
                stamp(plane_mut(picture, p), &stamped, p > 0);
            }
        }
        Ok(())
    }
}

fn failed(what: &str, why: String) -> Fault {
    Fault::new(
        Code::EncoderFailed,
        format!("{what} the captions failed"),
        "run `omniva doctor`, or choose another style with --captions",
    )
    .with_detail(why)
}

/// A fontconfig file that knows the given fonts and nothing else, so that no font of the machine can slip in and the
/// sandbox needs no access to `/etc`.
struct FontSetup {
    file: PathBuf,
    cache: PathBuf,
}

impl FontSetup {
    fn write(fonts: &Path, work: &Path) -> Result<FontSetup, Fault> {
        let (file, cache) = (work.join("fonts.conf"), work.join("fonts.cache"));
        let text = format!(
            "<?xml version=\"1.0\"?>\n<!DOCTYPE fontconfig SYSTEM \"fonts.dtd\">\n<fontconfig>\n<dir>{}</dir>\n<cachedir>{}</cachedir>\n</fontconfig>\n",
            xml(&fonts.to_string_lossy()),
            xml(&cache.to_string_lossy())
        );
        std::fs::write(&file, text).map_err(|e| Fault::writing("the font configuration", &e))?;
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
