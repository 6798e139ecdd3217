//! The sections of `config/omniva.toml`; each key is explained there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::within;
use crate::plan::{Aspect, CaptionStyle, EncoderChoice};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LayoutChoice {
    Auto,
    Single,
    Split,
    Fit,
}

/// A style's name, or `none`.
pub type CaptionChoice = String;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipConfig {
    pub count: u32,
    pub min_seconds: f64,
    pub max_seconds: f64,
    pub aspect: Aspect,
    pub layout: LayoutChoice,
    pub captions: CaptionChoice,
    pub keywords: Vec<String>,
    /// `auto` or a language code.
    pub language: String,
}

impl ClipConfig {
    pub(super) fn validate(&self, f: &mut Vec<String>) {
        within(f, "clip.count", self.count, 1, 50);
        within(f, "clip.min_seconds", self.min_seconds, 5.0, 120.0);
        within(f, "clip.max_seconds", self.max_seconds, 5.0, 120.0);
        if self.min_seconds > self.max_seconds {
            f.push(format!(
                "clip.min_seconds = {}: must not exceed clip.max_seconds = {}",
                self.min_seconds, self.max_seconds
            ));
        }
        if self.keywords.len() > 200 || self.keywords.iter().any(|k| k.trim().is_empty() || k.len() > 100) {
            f.push("clip.keywords: at most 200, each 1 to 100 bytes".into());
        }
        if self.language != "auto" && !(2..=3).contains(&self.language.len()) {
            f.push(format!("clip.language = {:?}: must be auto or a code such as en", self.language));
        }
    }
}

/// An OpenAI-compatible transcription endpoint (`POST {url}/audio/transcriptions`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpRecognizer {
    pub url: String,
    pub model: String,
    /// File that holds the key; empty = no key. Never the key itself.
    pub api_key_file: String,
    pub timeout_seconds: f64,
    /// True: ask it first. False: only when the built-in recogniser timed out or failed.
    pub first: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecognizerConfig {
    pub low_confidence: f64,
    /// The built-in recogniser may take this many times the length of the sound.
    pub timeout_factor: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpRecognizer>,
}

impl RecognizerConfig {
    pub(super) fn validate(&self, f: &mut Vec<String>) {
        within(f, "recognizer.low_confidence", self.low_confidence, 0.0, 1.0);
        within(f, "recognizer.timeout_factor", self.timeout_factor, 0.1, 100.0);
        if let Some(http) = &self.http {
            within(f, "recognizer.http.timeout_seconds", http.timeout_seconds, 1.0, 3600.0);
            if !http.url.starts_with("http://") && !http.url.starts_with("https://") {
                f.push(format!("recognizer.http.url = {:?}: must start with http:// or https://", http.url));
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchConfig {
    pub faces_per_second: f64,
}

impl WatchConfig {
    pub(super) fn validate(&self, f: &mut Vec<String>) {
        within(f, "watch.faces_per_second", self.faces_per_second, 0.5, 30.0);
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChooseConfig {
    /// Candidates kept after the first sieve.
    pub max_candidates: u32,
    /// Below this consensus a candidate is not worth a viewer's time.
    pub floor: f64,
    /// Largest share of the shorter clip that two clips may have in common.
    pub max_overlap: f64,
    /// Cosine of two clips' meaning above which the second is a repeat.
    pub repeat_similarity: f64,
    /// Clips that one topic may hold while others have something to say.
    pub per_topic: u32,
    pub virality: std::collections::BTreeMap<String, f64>,
    pub relevance: std::collections::BTreeMap<String, f64>,
}

impl ChooseConfig {
    pub(super) fn validate(&self, f: &mut Vec<String>) {
        within(f, "choose.max_candidates", self.max_candidates, 1, 5000);
        within(f, "choose.floor", self.floor, 0.0, 1.0);
        within(f, "choose.max_overlap", self.max_overlap, 0.0, 1.0);
        within(f, "choose.repeat_similarity", self.repeat_similarity, 0.0, 1.0);
        within(f, "choose.per_topic", self.per_topic, 1, 50);
        for (name, weights) in [("virality", &self.virality), ("relevance", &self.relevance)] {
            if weights.values().any(|w| !(0.0..=10.0).contains(w)) || weights.values().sum::<f64>() <= 0.0 {
                f.push(format!("choose.{name}: weights must be 0..=10 and not all 0"));
            }
        }
    }
}

/// A share of the output that a project wants for one kind of content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MixTarget {
    pub label: String,
    /// A clip belongs here when its tags, keywords or text contain one of these.
    pub keywords: Vec<String>,
    /// 0..1; the shares of all targets add up to at most 1.
    pub share: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HorizonConfig {
    pub mix: Vec<MixTarget>,
    /// Largest change of a rank score by a mix, 0..1.
    pub strength: f64,
}

impl HorizonConfig {
    pub(super) fn validate(&self, f: &mut Vec<String>) {
        within(f, "horizon.strength", self.strength, 0.0, 1.0);
        let total: f64 = self.mix.iter().map(|m| m.share).sum();
        if self.mix.iter().any(|m| !(0.0..=1.0).contains(&m.share)) || total > 1.0 + 1e-9 {
            f.push("horizon.mix: shares must be 0..=1 and add up to at most 1".into());
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditConfig {
    /// Pauses longer than this are shortened to `pause_keep`.
    pub max_pause: f64,
    pub pause_keep: f64,
    /// No two jump cuts closer than this.
    pub min_cut_spacing: f64,
    pub cut_fillers: bool,
    /// Filler words and phrases, lower case, per language.
    pub fillers: std::collections::BTreeMap<String, Vec<String>>,
    /// Slow zoom on static shots: growth per second (0 = off).
    pub zoom_per_second: f64,
    pub zoom_max: f64,
    /// Camera: fraction of the crop's width that a face may wander before the camera moves.
    pub dead_zone: f64,
    /// Fastest pan, crop widths per second.
    pub max_pan: f64,
    pub denoise: bool,
    pub deess: bool,
    pub compress_ratio: f64,
    pub target_lufs: f64,
    pub ceiling_dbtp: f64,
}

impl EditConfig {
    pub(super) fn validate(&self, f: &mut Vec<String>) {
        within(f, "edit.max_pause", self.max_pause, 0.1, 5.0);
        within(f, "edit.pause_keep", self.pause_keep, 0.0, self.max_pause);
        within(f, "edit.min_cut_spacing", self.min_cut_spacing, 0.0, 10.0);
        within(f, "edit.zoom_per_second", self.zoom_per_second, 0.0, 0.05);
        within(f, "edit.zoom_max", self.zoom_max, 1.0, 1.5);
        within(f, "edit.dead_zone", self.dead_zone, 0.0, 0.5);
        within(f, "edit.max_pan", self.max_pan, 0.01, 5.0);
        within(f, "edit.compress_ratio", self.compress_ratio, 1.0, 20.0);
        within(f, "edit.target_lufs", self.target_lufs, -30.0, -8.0);
        within(f, "edit.ceiling_dbtp", self.ceiling_dbtp, -9.0, 0.0);
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EncodeConfig {
    pub encoder: EncoderChoice,
    pub preset: String,
    pub crf: u32,
    pub audio_kbps: u32,
    pub max_megabytes: u32,
}

impl EncodeConfig {
    pub(super) fn validate(&self, f: &mut Vec<String>) {
        within(f, "encode.crf", self.crf, 0, 51);
        within(f, "encode.audio_kbps", self.audio_kbps, 64, 320);
        within(f, "encode.max_megabytes", self.max_megabytes, 1, 4000);
        const PRESETS: [&str; 9] =
            ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"];
        if !PRESETS.contains(&self.preset.as_str()) {
            f.push(format!("encode.preset = {:?}: must be one of {}", self.preset, PRESETS.join(", ")));
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaptionConfig {
    /// Margins that no caption enters, as fractions of the canvas: platforms draw their own buttons there.
    pub safe_top: f64,
    pub safe_bottom: f64,
    pub safe_side: f64,
    /// Folders that are searched for font files.
    pub font_folders: Vec<String>,
    pub styles: Vec<CaptionStyle>,
}

impl CaptionConfig {
    pub fn style(&self, name: &str) -> Option<&CaptionStyle> {
        self.styles.iter().find(|s| s.name == name)
    }
    pub(super) fn validate(&self, f: &mut Vec<String>) {
        within(f, "captions.safe_top", self.safe_top, 0.0, 0.4);
        within(f, "captions.safe_bottom", self.safe_bottom, 0.0, 0.4);
        within(f, "captions.safe_side", self.safe_side, 0.0, 0.3);
        if self.styles.is_empty() {
            f.push("captions.styles: at least one is needed".into());
        }
        for s in &self.styles {
            within(f, &format!("captions.styles.{}.size", s.name), s.size, 0.02, 0.2);
            within(f, &format!("captions.styles.{}.max_lines", s.name), s.max_lines, 1, 2);
            within(f, &format!("captions.styles.{}.max_words_per_page", s.name), s.max_words_per_page, 1, 20);
            for (key, color) in [
                ("color", Some(&s.color)),
                ("highlight", Some(&s.highlight)),
                ("outline_color", Some(&s.outline_color)),
                ("box_color", s.box_color.as_ref()),
            ] {
                if color.is_some_and(|c| !super::brand::is_color(c)) {
                    f.push(format!("captions.styles.{}.{key}: must be #RRGGBB or #RRGGBBAA", s.name));
                }
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChorusConfig {
    /// Longest title (platforms: YouTube 100, the reference 120).
    pub title_max: u32,
    pub description_max: u32,
    pub keywords_max: u32,
    pub hashtags: Vec<String>,
    /// Words that must not appear in generated text; a draft that needs one is reworded or refused.
    pub banned_words: Vec<String>,
    /// `{summary}`, `{quote}`, `{hashtags}`, `{source}` are filled in.
    pub description_template: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub max_source_hours: f64,
    pub max_source_gigabytes: f64,
    /// Largest picture, megapixels.
    pub max_megapixels: f64,
    /// Shares of the whole cache of finished stages.
    pub cache_gigabytes: f64,
    /// Address space of one child process.
    pub child_memory_gigabytes: f64,
    /// Wall time of one child: this many seconds plus `child_time_factor` × length of the source or clip.
    pub child_base_seconds: f64,
    pub child_time_factor: f64,
    /// Clips rendered side by side; 0 = one more than cores, three at most.
    pub render_jobs: u32,
}

impl Limits {
    pub(super) fn validate(&self, f: &mut Vec<String>) {
        within(f, "limits.max_source_hours", self.max_source_hours, 0.01, 48.0);
        within(f, "limits.max_source_gigabytes", self.max_source_gigabytes, 0.001, 1000.0);
        within(f, "limits.max_megapixels", self.max_megapixels, 0.01, 140.0);
        within(f, "limits.cache_gigabytes", self.cache_gigabytes, 0.1, 10_000.0);
        within(f, "limits.child_memory_gigabytes", self.child_memory_gigabytes, 0.5, 64.0);
        within(f, "limits.child_base_seconds", self.child_base_seconds, 1.0, 3600.0);
        within(f, "limits.child_time_factor", self.child_time_factor, 0.1, 100.0);
        within(f, "limits.render_jobs", self.render_jobs, 0, 64);
    }
}
