//! Text measured with the fonts that draw it.

use omniva_contracts::fault::{Code, Fault};
use omniva_contracts::plan::CaptionStyle;
use ttf_parser::Face;

/// Width of a character that the font lacks, in ems: another font will draw it, and wide scripts fill the em.
const MISSING_NARROW: f64 = 0.7;
const MISSING_WIDE: f64 = 1.05;

#[derive(Clone, Debug)]
struct FontFile {
    family: String,
    file: String,
    bytes: Vec<u8>,
}

/// The font files that a plan may measure with.
#[derive(Clone, Debug, Default)]
pub struct Fonts {
    files: Vec<FontFile>,
}

impl Fonts {
    /// `(family, file name, bytes)` of each font file.
    pub fn new(files: Vec<(String, String, Vec<u8>)>) -> Self {
        let files = files.into_iter().map(|(family, file, bytes)| FontFile { family, file, bytes }).collect();
        Self { files }
    }

    /// The font of a style: by file name, or else by family.
    ///
    /// # Errors
    /// `font_missing` when it is not among the files or cannot be read.
    pub(crate) fn measure(&self, style: &CaptionStyle) -> Result<Measure<'_>, Fault> {
        let fault = |what: &str| {
            Fault::new(
                Code::FontMissing,
                format!("the font {:?} ({}) of the caption style {:?} {what}", style.font, style.font_file, style.name),
                "install it (Debian: fonts-lato, fonts-bebas-neue), or choose another style with --captions",
            )
        };
        let by_file = self.files.iter().find(|f| f.file == style.font_file);
        let found = by_file.or_else(|| self.files.iter().find(|f| f.family == style.font));
        let file = found.ok_or_else(|| fault("was not found"))?;
        let face = Face::parse(&file.bytes, 0).map_err(|e| fault("cannot be read").with_detail(e))?;
        Measure::new(face).ok_or_else(|| fault("has no usable metrics"))
    }
}

/// A font with what captions need of it, in ems.
pub(crate) struct Measure<'a> {
    face: Face<'a>,
    em: f64,
    /// Height of a line as libass sets it: the ascent and descent that the OS/2 table calls Windows'.
    pub line: f64,
}

impl<'a> Measure<'a> {
    fn new(face: Face<'a>) -> Option<Self> {
        let em = f64::from(face.units_per_em());
        let windows = face.tables().os2.map(|t| f64::from(t.windows_ascender()) - f64::from(t.windows_descender()));
        let own = f64::from(face.ascender()) - f64::from(face.descender());
        let height = windows.filter(|h| *h > 0.0).unwrap_or(own);
        (em > 0.0 && height > 0.0).then_some(Self { face, em, line: height / em })
    }

    /// Width of `text` in ems, without kerning (which only narrows).
    pub fn width(&self, text: &str) -> f64 {
        text.chars().map(|c| self.advance(c)).sum()
    }

    fn advance(&self, c: char) -> f64 {
        let own = self.face.glyph_index(c).and_then(|g| self.face.glyph_hor_advance(g));
        match own {
            Some(a) => f64::from(a) / self.em,
            None if is_mark(c) => 0.0,
            None if is_wide(c) => MISSING_WIDE,
            None => MISSING_NARROW,
        }
    }

    /// True when every visible character has a glyph.
    pub fn draws(&self, text: &str) -> bool {
        text.chars().all(|c| c.is_whitespace() || is_mark(c) || self.face.glyph_index(c).is_some())
    }
}

/// Joiners, directional marks, combining accents: they take no room.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{fe00}'..='\u{fe0f}' | '\u{0300}'..='\u{036f}')
}

/// East Asian scripts and pictographs.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ff60}' | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
}
