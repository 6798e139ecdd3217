//! What the engine knows about a source after looking and listening: typed, versioned, and everything a decision may use.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::geometry::{Rect, Span};
use crate::media::MediaInfo;

/// A model that took part, pinned by hash: part of the input of every decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelRun {
    /// What it was used for: `speech_recognition`, `voice_activity`, `faces`, `speaker`, `embedding`, `sentiment`.
    pub role: String,
    pub name: String,
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Language {
    /// ISO 639-1 where there is one (Whisper's own codes otherwise).
    pub code: String,
    /// 0..1; 1 when the user named the language.
    pub confidence: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Word {
    /// As spoken, with its punctuation, without surrounding space.
    pub text: String,
    pub start: f64,
    pub end: f64,
    /// Probability of its tokens, geometric mean, 0..1.
    pub confidence: f64,
}

/// One recognised stretch of speech.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    pub start: f64,
    pub end: f64,
    pub text: String,
    pub words: Vec<Word>,
    /// exp(mean log probability), 0..1.
    pub confidence: f64,
    /// Probability that there is no speech at all, 0..1.
    pub no_speech: f64,
    /// Temperature of the decoding that was kept (0 = greedy).
    pub temperature: f64,
    /// Below the configured confidence: marked for review, and decisions avoid it.
    pub low_confidence: bool,
    /// `whisper` or `http`.
    pub recognizer: String,
}

/// A stretch of one voice. Speakers are numbered in order of appearance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    pub start: f64,
    pub end: f64,
    pub speaker: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeakKind {
    /// Rhythmic bursts without words: laughter, applause.
    Laughter,
    /// A sudden rise over the surroundings.
    Burst,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioPeak {
    pub start: f64,
    pub end: f64,
    pub kind: PeakKind,
    /// 0..1
    pub strength: f64,
}

/// A quantity sampled at a fixed step from 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    /// Seconds between values.
    pub step: f64,
    pub values: Vec<f32>,
}

impl Curve {
    /// Values whose time lies inside `span`.
    pub fn within(&self, span: &Span) -> &[f32] {
        if self.step <= 0.0 || self.values.is_empty() {
            return &[];
        }
        let n = self.values.len();
        let from = ((span.start / self.step).floor().max(0.0) as usize).min(n);
        let to = ((span.end / self.step).ceil().max(0.0) as usize).min(n).max(from);
        &self.values[from..to]
    }
}

/// What listening gives (one pass over the sound).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    pub language: Option<Language>,
    /// Where the voice-activity detector hears speech.
    pub speech: Vec<Span>,
    pub segments: Vec<Segment>,
    pub turns: Vec<Turn>,
    /// RMS level in dBFS, step 0.1 s.
    pub loudness: Curve,
    pub peaks: Vec<AudioPeak>,
    pub models: Vec<ModelRun>,
    /// What went less well than it should, in words (a recogniser that timed out, a language guessed with low confidence).
    pub warnings: Vec<String>,
}

/// A stretch between two hard cuts of the source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shot {
    pub start: f64,
    pub end: f64,
    /// Mean absolute luma difference of neighbouring frames, 0..1; under 0.01 the camera and the scene hold still.
    pub motion: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaceSample {
    pub time: f64,
    /// Fractions of the whole source picture.
    pub rect: Rect,
    /// Detector's score, 0..1.
    pub score: f64,
    /// How much the mouth region moved since the last sample, 0..1: a hint for who speaks.
    #[serde(default)]
    pub mouth: f64,
}

/// One face followed through one shot; tracks never cross a shot border.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaceTrack {
    pub id: u32,
    pub samples: Vec<FaceSample>,
}

impl FaceTrack {
    pub fn span(&self) -> Span {
        Span::new(self.samples.first().map_or(0.0, |s| s.time), self.samples.last().map_or(0.0, |s| s.time))
    }
}

/// What watching gives (one pass over the picture).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    pub shots: Vec<Shot>,
    pub faces: Vec<FaceTrack>,
    /// Seconds between face samples.
    pub face_step: f64,
    /// Mean absolute luma difference of neighbouring frames, 0..1, step 0.1 s.
    pub motion: Curve,
    /// Mean luma, 0..1, step 0.5 s (black stretches, brightness of thumbnails).
    pub brightness: Curve,
    /// Sharpness (variance of the Laplacian of the small luma picture, 0..), step 0.5 s.
    pub sharpness: Curve,
    /// Picture inside baked-in bars, per shot where they differ; aligned with `shots`.
    pub inside_bars: Vec<Option<Rect>>,
    pub models: Vec<ModelRun>,
    pub warnings: Vec<String>,
}

/// A sentence with what is known about it. Sentences never overlap and are in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sentence {
    pub start: f64,
    pub end: f64,
    pub text: String,
    /// Half-open range into [`Analysis::words`].
    pub first_word: usize,
    pub end_word: usize,
    pub speaker: u32,
    /// Index into `topics`.
    pub topic: u32,
    /// VADER compound, -1..1 (0 when the language is not English, with a warning).
    pub sentiment: f64,
    pub confidence: f64,
    /// True when the text ends like a sentence (`.`, `!`, `?`, `…`), false when only a long pause or a turn ends it.
    pub complete: bool,
    /// Unit vector, 384 values as signed bytes (value × 127), base64.
    pub embedding: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    pub id: u32,
    pub start: f64,
    pub end: f64,
    /// A few words that tell it from the others.
    pub label: String,
    pub keywords: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeywordKind {
    User,
    Extracted,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keyword {
    pub term: String,
    pub kind: KeywordKind,
    /// 0..1, higher is more telling.
    pub weight: f64,
    /// Start times of its mentions.
    pub mentions: Vec<f64>,
}

/// What reading the transcript gives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Read {
    pub words: Vec<Word>,
    pub sentences: Vec<Sentence>,
    pub topics: Vec<Topic>,
    pub keywords: Vec<Keyword>,
    pub models: Vec<ModelRun>,
    pub warnings: Vec<String>,
}

/// Everything known about one source. Built once per (source, models, configuration) and cached by content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Analysis {
    pub schema_version: String,
    pub media: MediaInfo,
    pub heard: Heard,
    pub seen: Seen,
    pub read: Read,
}

impl Analysis {
    pub fn words(&self) -> &[Word] {
        &self.read.words
    }
    pub fn sentences(&self) -> &[Sentence] {
        &self.read.sentences
    }
    pub fn duration(&self) -> f64 {
        self.media.duration
    }
    /// The speaker at `t`, if someone holds the turn.
    pub fn speaker_at(&self, t: f64) -> Option<u32> {
        self.heard.turns.iter().find(|turn| t >= turn.start && t < turn.end).map(|turn| turn.speaker)
    }
    pub fn shot_at(&self, t: f64) -> Option<&Shot> {
        self.seen.shots.iter().find(|s| t >= s.start && t < s.end)
    }
    pub fn warnings(&self) -> impl Iterator<Item = &String> {
        self.heard.warnings.iter().chain(&self.seen.warnings).chain(&self.read.warnings)
    }
}
