//! The edit plan: what a clip will look and sound like, as data. Planning is pure (`omniva-editing`), rendering performs
//! it (`omniva-media`). "out" times are seconds in the finished clip *without* intro and outro.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::choice::CandidateId;
use crate::geometry::{Rect, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Aspect {
    #[serde(rename = "9:16")]
    Portrait,
    #[serde(rename = "1:1")]
    Square,
    #[serde(rename = "4:5")]
    Feed,
    #[serde(rename = "16:9")]
    Wide,
}

impl Aspect {
    /// Pixels of the canvas.
    pub fn size(self) -> (u32, u32) {
        match self {
            Aspect::Portrait => (1080, 1920),
            Aspect::Square => (1080, 1080),
            Aspect::Feed => (1080, 1350),
            Aspect::Wide => (1920, 1080),
        }
    }
    pub fn ratio(self) -> f64 {
        let (w, h) = self.size();
        f64::from(w) / f64::from(h)
    }
    pub fn as_str(self) -> &'static str {
        match self {
            Aspect::Portrait => "9:16",
            Aspect::Square => "1:1",
            Aspect::Feed => "4:5",
            Aspect::Wide => "16:9",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Canvas {
    pub aspect: Aspect,
    pub width: u32,
    pub height: u32,
    /// 30 or 60.
    pub fps: u32,
    /// Why the canvas differs from what was asked for (a fall back to 1:1), if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
}

/// A kept part of the source. Parts are in order and follow each other in the output without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    pub source: Span,
    /// Where it starts in the output.
    pub out: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CutReason {
    Silence,
    Filler,
    Repetition,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    pub source: Span,
    pub why: CutReason,
    /// The words that went, if any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// A position of the virtual camera. Between two keys every edge moves linearly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CropKey {
    pub out: f64,
    /// Fractions of the source picture; its shape is that of the cell it fills.
    pub rect: Rect,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Layout {
    /// One crop fills the canvas.
    Single { keys: Vec<CropKey> },
    /// Two crops, one above the other (side by side on a wide canvas), each half the canvas.
    Split { first: Vec<CropKey>, second: Vec<CropKey> },
    /// The whole of `rect` fitted onto a blurred, darkened copy of itself.
    Fit { rect: Rect },
    /// No picture in the source: a designed background with a moving waveform.
    Waveform,
}

/// A stretch of the output with one layout. Scenes cover the output in order and without gaps; a new scene is a hard cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    pub out: Span,
    pub layout: Layout,
    /// Why this layout, in words.
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioPlan {
    pub denoise: bool,
    pub deess: bool,
    /// 2.0 = 2:1; 1.0 leaves the dynamics alone.
    pub compress_ratio: f64,
    pub target_lufs: f64,
    /// Highest true peak of the finished file, after AAC.
    pub ceiling_dbtp: f64,
    /// Fade on each side of a cut, seconds.
    pub cut_fade: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaptionWord {
    /// As spoken; a style's upper case and stripped commas are applied where it is drawn.
    pub text: String,
    pub out: Span,
    /// Where the word stands on the canvas, as fractions (line height × advance width); `None` when not laid out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<Rect>,
}

/// What stands on the screen at one time: one or two lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaptionPage {
    pub out: Span,
    pub lines: Vec<Vec<CaptionWord>>,
    /// Where it stands on the canvas, as fractions: used for ASS placement and checked against faces and the safe area.
    pub area: Rect,
}

/// How captions look; colours are `#RRGGBB` or `#RRGGBBAA` (AA = opacity).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaptionStyle {
    pub name: String,
    /// Family name as the font file itself declares it.
    pub font: String,
    /// File name to look for in the font folders, e.g. `Lato-Black.ttf`.
    pub font_file: String,
    /// Height of the text as a fraction of the canvas *width* (so that aspects look alike).
    pub size: f64,
    pub color: String,
    /// Colour of the word being spoken.
    pub highlight: String,
    pub outline_color: String,
    /// Outline and shadow as fractions of the text size.
    pub outline: f64,
    pub shadow: f64,
    /// A filled box behind the text or behind the spoken word.
    #[serde(default)]
    pub box_color: Option<String>,
    #[serde(default)]
    pub box_on_word: bool,
    pub uppercase: bool,
    /// How the spoken word stands out besides its colour.
    pub motion: CaptionMotion,
    pub max_words_per_page: u32,
    pub max_lines: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaptionMotion {
    None,
    /// The spoken word grows a little.
    Pop,
    /// Words appear one after the other.
    Reveal,
    /// The page slides up as it appears.
    Rise,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaptionPlan {
    pub style: CaptionStyle,
    pub pages: Vec<CaptionPage>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogoPlan {
    pub file: PathBuf,
    /// Fractions of the canvas.
    pub area: Rect,
    pub opacity: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrandPlan {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<LogoPlan>,
    /// Stills or short videos before and after the clip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intro: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outro: Option<PathBuf>,
    /// Background and accent of designed pictures (`Layout::Waveform`), `#RRGGBB`.
    pub background: String,
    pub accent: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EncoderChoice {
    /// NVENC when it opens, x264 otherwise.
    Auto,
    X264,
    Nvenc,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EncodePlan {
    pub encoder: EncoderChoice,
    /// x264 preset.
    pub preset: String,
    pub crf: u32,
    pub audio_kbps: u32,
    pub max_bytes: u64,
}

impl EncodePlan {
    /// What x264 is told beyond preset and crf, as `x264-params`.
    ///
    /// The two fastest presets leave out the tools that make High profile, and the look ahead that spends bits where later
    /// frames build on them (macroblock tree). With both and one B-frame between others, `superfast` at crf 19 shows as
    /// much as `veryfast` at crf 20 or more (PSNR, SSIM and VMAF, `make bench`) in three fifths of its time, for a third
    /// more bytes.
    pub fn x264_params(&self) -> String {
        let mut params = "open-gop=0:cabac=1:8x8dct=1".to_owned();
        if matches!(self.preset.as_str(), "ultrafast" | "superfast") {
            params += ":mbtree=1:rc-lookahead=10:bframes=1";
        }
        params
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditPlan {
    pub schema_version: String,
    pub clip_id: Uuid,
    pub candidate: CandidateId,
    pub source_span: Span,
    pub canvas: Canvas,
    pub keep: Vec<Keep>,
    pub cuts: Vec<Cut>,
    pub scenes: Vec<Scene>,
    pub audio: AudioPlan,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captions: Option<CaptionPlan>,
    pub brand: BrandPlan,
    pub encode: EncodePlan,
    /// What the planner wants people to know (a fallback, a face it could not keep in).
    pub notes: Vec<String>,
}

impl EditPlan {
    /// Seconds of the finished clip, without intro and outro.
    pub fn duration(&self) -> f64 {
        self.keep.last().map_or(0.0, |k| k.out + k.source.length())
    }
    /// Time in the source that is shown at `out`.
    pub fn source_at(&self, out: f64) -> Option<f64> {
        let i = self.keep.partition_point(|k| k.out <= out);
        let k = self.keep.get(i.checked_sub(1)?)?;
        let t = k.source.start + (out - k.out);
        (t <= k.source.end + 1e-9).then_some(t)
    }
    /// Time in the output of a moment of the source, `None` when it was cut away.
    pub fn out_at(&self, source: f64) -> Option<f64> {
        self.keep
            .iter()
            .find(|k| source >= k.source.start && source <= k.source.end)
            .map(|k| k.out + (source - k.source.start))
    }
}
