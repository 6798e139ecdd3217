//! `[engine.likeness]`: when two videos count as sharing something.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::within;

/// What the engine does not let operators change keeps its value in `omniva-likeness`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LikenessConfig {
    /// Whether new videos are compared with those that are there.
    pub on: bool,
    /// Seconds of common sound or picture below which nothing is said, unless the shorter video is itself that short.
    pub min_seconds: f64,
    /// Share of the shorter video that must be common …
    pub min_share: f64,
    /// … unless so many seconds are.
    pub always_seconds: f64,
    /// Share of a video shorter than `min_seconds` that must be common.
    pub short_share: f64,
    /// Share of what could agree in a common stretch that must.
    pub audio_similarity: f64,
    pub video_similarity: f64,
    /// Other videos that are told, the longest overlap first.
    pub matches: u32,
}

impl LikenessConfig {
    pub(super) fn validate(&self, f: &mut Vec<String>) {
        within(f, "engine.likeness.min_seconds", self.min_seconds, 5.0, 600.0);
        within(f, "engine.likeness.min_share", self.min_share, 0.0, 1.0);
        within(f, "engine.likeness.always_seconds", self.always_seconds, self.min_seconds, 36_000.0);
        within(f, "engine.likeness.short_share", self.short_share, 0.3, 1.0);
        within(f, "engine.likeness.audio_similarity", self.audio_similarity, 0.01, 1.0);
        within(f, "engine.likeness.video_similarity", self.video_similarity, 0.1, 1.0);
        within(f, "engine.likeness.matches", self.matches, 1, 64);
    }
}
