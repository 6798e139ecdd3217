//! Signs that a reading is not what was said.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::decode::Reading;

/// Text that shrinks more than this goes round in circles (Whisper's threshold).
const MAX_COMPRESSION: f64 = 2.4;
/// Mean log probability below which a reading is worth another try (Whisper's threshold).
const MIN_LOG_PROBABILITY: f32 = -1.0;
/// Above this, a reading of little confidence is taken for silence (Whisper's threshold).
const MAX_NO_SPEECH: f64 = 0.6;

/// Bytes of `text` over its bytes compressed; loops shrink a lot.
pub fn compression_ratio(text: &str) -> f64 {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory can't fail; without a size the text counts as incompressible.
    match encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()) {
        Ok(bytes) if !bytes.is_empty() => text.len() as f64 / bytes.len() as f64,
        _ => 0.0,
    }
}

/// True when there is nothing to hear in the window, whatever was read.
pub fn is_silence(reading: &Reading) -> bool {
    reading.no_speech > MAX_NO_SPEECH && reading.average_log_probability < MIN_LOG_PROBABILITY
}

/// True when the text repeats itself like no speaker does.
pub fn loops(text: &str) -> bool {
    compression_ratio(text) > MAX_COMPRESSION
}

/// True when the reading should be tried again with other dice.
pub fn is_doubtful(reading: &Reading, text: &str) -> bool {
    loops(text) || (reading.average_log_probability < MIN_LOG_PROBABILITY && !is_silence(reading))
}

/// Length of what remains of `tokens` when a loop at its end is cut to its first two rounds: the same 1 to 16 tokens,
/// four times or more.
pub fn without_loop(tokens: &[u32]) -> usize {
    let n = tokens.len();
    let mut keep = n;
    for size in 1..=16 {
        let mut rounds = 1;
        while n >= size * (rounds + 1) && tokens[n - size * (rounds + 1)..n - size * rounds] == tokens[n - size..] {
            rounds += 1;
        }
        if rounds >= 4 {
            keep = keep.min(n - size * (rounds - 2));
        }
    }
    keep
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_are_seen_and_speech_is_not() {
        let speech = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of \
                      foolishness, it was the epoch of belief, it was the epoch of incredulity.";
        assert!(!loops(speech), "{}", compression_ratio(speech));
        assert!(loops(&"Thank you for watching. ".repeat(12)));
        assert!(!loops("") && !loops("Yes."));
    }

    #[test]
    fn an_endless_end_is_cut_after_its_second_round() {
        assert_eq!(without_loop(&[1, 2, 3, 9, 9, 9, 9, 9]), 5);
        assert_eq!(without_loop(&[1, 7, 8, 7, 8, 7, 8, 7, 8]), 5);
        assert_eq!(without_loop(&[1, 7, 8, 7, 8, 7, 8]), 7);
        assert_eq!(without_loop(&[]), 0);
    }
}
