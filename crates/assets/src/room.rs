//! What a video needs on the disk, from its first byte to its last clip: asked for as a whole before anything is fetched,
//! and told part by part when it is not there.

use omniva_contracts::{Code, Fault};

use crate::space::amount;

/// Bits a second of a video of which only the length is known: 1080 lines as platforms send them.
const SENT: f64 = 8e6;
/// What is known of a video: words, faces, shots, meaning; bytes, and bytes a second of it.
const ANALYSIS: u64 = 64 << 20;
const ANALYSIS_SECOND: f64 = 16e3;
/// A repaired copy is at most this much larger than the file, bytes.
const REPAIR: u64 = 20 << 30;

/// What is made of each video.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Following {
    /// Clips, at most.
    pub clips: u64,
    /// Bytes of one finished clip with all that belongs to it, at most.
    pub clip_bytes: u64,
    /// Times that each finished clip lies on this disk: in the library, and where it is delivered.
    pub copies: u64,
}

/// Bytes that a repair of a file of `bytes` may need.
pub fn repair_space(bytes: u64) -> u64 {
    bytes.saturating_mul(2).min(bytes.saturating_add(REPAIR))
}

/// The parts of what a video needs, in words and bytes.
pub(crate) fn parts(following: &Following, bytes: Option<u64>, seconds: Option<f64>) -> Vec<(String, u64)> {
    let seconds = seconds.filter(|seconds| seconds.is_finite() && *seconds > 0.0);
    let about = seconds.map(|seconds| (seconds * SENT / 8.0) as u64);
    let mut parts = Vec::new();
    match (bytes, about) {
        (Some(bytes), _) => parts.push(("for the file".to_owned(), bytes)),
        (None, Some(about)) => parts.push(("for the file, by its length".to_owned(), about)),
        (None, None) => {}
    }
    if let Some(bytes) = bytes.or(about) {
        parts.push(("for a repaired copy of it".to_owned(), repair_space(bytes)));
    }
    let known = (seconds.unwrap_or(0.0) * ANALYSIS_SECOND) as u64;
    parts.push(("for its analysis".to_owned(), ANALYSIS.saturating_add(known)));
    if following.clips > 0 {
        // One more while it is being made.
        let files = following.clips.saturating_mul(following.copies).saturating_add(1);
        let what = if following.clips == 1 { "for a clip".into() } else { format!("for {} clips", following.clips) };
        parts.push((what, files.saturating_mul(following.clip_bytes)));
    }
    parts
}

/// # Errors
/// `no_space` with every part when fewer than all of them and the reserve are free.
pub(crate) fn require(name: &str, mut parts: Vec<(String, u64)>, reserve: u64, free: u64) -> Result<(), Fault> {
    if reserve > 0 {
        parts.push(("that always stay free".to_owned(), reserve));
    }
    let needed = parts.iter().fold(0u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
    if free >= needed {
        return Ok(());
    }
    let name: String = name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(200).collect();
    let told: Vec<String> = parts.iter().map(|(what, bytes)| format!("{} {what}", amount(*bytes))).collect();
    Err(Fault::new(
        Code::NoSpace,
        format!(
            "{name} needs {} on the engine's disk, which has {} free: {}",
            amount(needed),
            amount(free),
            told.join(", ")
        ),
        format!(
            "free at least {} on the disk of the data folder; fewer clips a video (clips_per_video) and a lower \
             encode.max_megabytes need less; it is looked at again meanwhile",
            amount(needed.saturating_sub(free))
        ),
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MADE: Following = Following { clips: 5, clip_bytes: 62_000_000, copies: 2 };

    #[test]
    fn every_part_is_told_with_what_is_there() {
        let parts = parts(&MADE, Some(1_000_000_000), Some(3600.0));
        let fault = require("A\ntalk", parts.clone(), 1 << 30, 2_000_000_000).unwrap_err();
        assert_eq!(fault.code, Code::NoSpace);
        assert_eq!(
            fault.message,
            "A\u{fffd}talk needs 4.9 GB on the engine's disk, which has 2.0 GB free: 1.0 GB for the file, 2.0 GB for a \
             repaired copy of it, 124.7 MB for its analysis, 682.0 MB for 5 clips, 1.1 GB that always stay free"
        );
        assert!(fault.next_step.starts_with("free at least 2.9 GB"), "{}", fault.next_step);
        let all: u64 = parts.iter().map(|(_, bytes)| bytes).sum::<u64>() + (1 << 30);
        assert_eq!(require("x", parts.clone(), 1 << 30, all), Ok(()));
        assert!(require("x", parts, 1 << 30, all - 1).is_err());
    }

    #[test]
    fn a_length_stands_in_for_a_size_and_nothing_known_asks_for_the_rest() {
        let by_length = parts(&MADE, None, Some(100.0));
        assert_eq!(by_length[0], ("for the file, by its length".to_owned(), 100_000_000));
        assert_eq!(parts(&MADE, None, Some(f64::NAN)).len(), 2);
        assert_eq!(parts(&Following::default(), None, None), [("for its analysis".to_owned(), ANALYSIS)]);
        assert_eq!(repair_space(100 << 30), 120 << 30);
    }

    proptest! {
        /// More of anything never needs less, and nothing overflows.
        #[test]
        fn more_needs_more(
            bytes: u64, more: u64, seconds in 0.0f64..1e9, clips in 0u64..60, clip_bytes: u64, copies in 0u64..3,
        ) {
            let sum = |bytes: u64, clips: u64| {
                let made = Following { clips, clip_bytes, copies };
                parts(&made, Some(bytes), Some(seconds)).iter().fold(0u64, |sum, (_, n)| sum.saturating_add(*n))
            };
            prop_assert!(sum(bytes.saturating_add(more), clips) >= sum(bytes, clips));
            prop_assert!(sum(bytes, clips + 1) >= sum(bytes, clips));
        }
    }
}
