//! What the engine knows about a source after looking and listening: typed, versioned, and everything a decision may use.

use base64::Engine as _;
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

/// The wire form of [`Sentence::embedding`]: unit vectors as signed bytes (value × 127) in standard base64.
pub struct Embedding;

impl Embedding {
    /// Values in one sentence embedding.
    pub const SIZE: usize = 384;

    /// Scales `vector` to unit length and packs it; a zero or non-finite vector packs as zeros.
    pub fn encode(vector: &[f32]) -> String {
        let norm = vector.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
        let scale = if norm.is_finite() && norm > 0.0 { 127.0 / norm } else { 0.0 };
        let bytes: Vec<u8> = vector
            .iter()
            .map(|v| {
                let value = f64::from(*v) * scale;
                let value = if value.is_finite() { value.round().clamp(-127.0, 127.0) as i8 } else { 0 };
                value.to_le_bytes()[0]
            })
            .collect();
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    /// Unpacks to unit length again; empty when `text` is empty or not base64 (such a sentence resembles nothing).
    pub fn decode(text: &str) -> Vec<f32> {
        let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(text) else {
            return Vec::new();
        };
        let values: Vec<f32> = bytes.iter().map(|b| f32::from(i8::from_le_bytes([*b]))).collect();
        let norm = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        if norm > 0.0 { values.into_iter().map(|v| v / norm).collect() } else { values }
    }

    /// Cosine similarity, -1..1; 0 when the lengths differ or one vector is zero.
    pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
        if a.len() != b.len() {
            return 0.0;
        }
        let (mut dot, mut aa, mut bb) = (0.0_f64, 0.0_f64, 0.0_f64);
        for (x, y) in a.iter().zip(b) {
            let (x, y) = (f64::from(*x), f64::from(*y));
            dot += x * y;
            aa += x * x;
            bb += y * y;
        }
        let norm = (aa * bb).sqrt();
        if norm > 0.0 && dot.is_finite() { (dot / norm).clamp(-1.0, 1.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::Embedding;

    #[test]
    fn an_embedding_survives_its_wire_form() {
        let vector: Vec<f32> = (0..Embedding::SIZE).map(|i| ((i * 37 % 101) as f32 - 50.0) / 400.0).collect();
        let packed = Embedding::encode(&vector);
        assert_eq!(packed.len(), 512);
        let back = Embedding::decode(&packed);
        assert_eq!(back.len(), Embedding::SIZE);
        assert!(Embedding::cosine(&vector, &back) > 0.995);
        assert_eq!(Embedding::encode(&back), Embedding::encode(&Embedding::decode(&Embedding::encode(&back))));
    }

    #[test]
    fn damaged_embeddings_resemble_nothing() {
        assert!(Embedding::decode("not base64 at all!").is_empty());
        assert_eq!(Embedding::cosine(&[1.0], &[]), 0.0);
        assert_eq!(Embedding::cosine(&[0.0, 0.0], &[1.0, 0.0]), 0.0);
        assert_eq!(Embedding::decode(&Embedding::encode(&[f32::NAN, 1.0])), vec![0.0, 0.0]);
    }
}
