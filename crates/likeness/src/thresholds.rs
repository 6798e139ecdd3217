//! From when on two videos count as sharing something. Data, so that an operator may be stricter.

use serde::{Deserialize, Serialize};

/// Where the values come from: figures of `crates/media/tests/likeness.rs` (real footage, copies by FFmpeg) for what
/// copies reach, and the length of what honest videos have in common (jingles of 3 to 15 s, a channel's opening of up to
/// half a minute) for what must not be enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Seconds of common sound or picture below which nothing is said, unless the shorter video is itself that short.
    pub min_seconds: f64,
    /// Share of the shorter video that must be common …
    pub min_share: f64,
    /// … unless so many seconds are: no opening is that long.
    pub always_seconds: f64,
    /// Share of a video shorter than `min_seconds` that must be common.
    pub short_share: f64,
    /// Different landmarks that must agree on one offset.
    pub audio_landmarks: u32,
    /// Share of the landmarks of the common stretch that must agree. Copies reach 0.15 to 0.9; chance stays below 0.01.
    pub audio_similarity: f64,
    /// Seconds between two landmarks that agree beyond which a stretch ends: pauses of speech are shorter.
    pub gap_seconds: f64,
    /// Different pictures that must agree: a still that many videos show is one picture.
    pub video_pictures: u32,
    /// Share of the seconds in which both show something that must agree.
    pub video_similarity: f64,
    /// By what share of it the pictures must differ less (in bits of their hashes) than the same stretch turned against
    /// itself: what a fixed camera sees is alike at every offset (0), a copy only at one (0.5 to 0.9).
    pub video_contrast: f64,
    /// Bits of 64 by which two hashes of the same picture may differ. Unrelated pictures differ by 32 ± 4 bits.
    pub picture_bits: u32,
    /// Entries of the index that one look-up reads at most, for sound and for picture each; the shortest lists come first.
    /// This bounds the time whatever the size of the index.
    pub budget: usize,
    /// Matches that are told, the longest first.
    pub matches: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            min_seconds: 20.0,
            min_share: 0.10,
            always_seconds: 120.0,
            short_share: 0.6,
            audio_landmarks: 6,
            audio_similarity: 0.05,
            gap_seconds: 10.0,
            video_pictures: 5,
            video_similarity: 0.5,
            video_contrast: 0.3,
            picture_bits: 14,
            budget: 20_000,
            matches: 16,
        }
    }
}

impl Thresholds {
    /// Every value that makes no sense, in words; empty when all do.
    pub fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut within = |name: &str, value: f64, low: f64, high: f64| {
            if !(low..=high).contains(&value) {
                found.push(format!("{name}: {value} is not within {low} and {high}"));
            }
        };
        within("min_seconds", self.min_seconds, 5.0, 600.0);
        within("always_seconds", self.always_seconds, self.min_seconds, 36_000.0);
        within("min_share", self.min_share, 0.0, 1.0);
        within("short_share", self.short_share, 0.3, 1.0);
        within("audio_landmarks", f64::from(self.audio_landmarks), 3.0, 1000.0);
        within("audio_similarity", self.audio_similarity, 0.01, 1.0);
        within("gap_seconds", self.gap_seconds, 1.0, 60.0);
        within("video_pictures", f64::from(self.video_pictures), 2.0, 1000.0);
        within("video_similarity", self.video_similarity, 0.1, 1.0);
        within("video_contrast", self.video_contrast, 0.05, 1.0);
        within("picture_bits", f64::from(self.picture_bits), 0.0, 18.0);
        within("budget", self.budget as f64, 1_000.0, 10_000_000.0);
        within("matches", self.matches as f64, 1.0, 1_000.0);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_make_sense_and_nonsense_is_named() {
        assert_eq!(Thresholds::default().problems(), Vec::<String>::new());
        let odd = Thresholds { min_share: f64::NAN, picture_bits: 40, ..Thresholds::default() };
        assert_eq!(odd.problems().len(), 2);
    }
}
