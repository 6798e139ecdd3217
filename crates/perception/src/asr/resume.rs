//! Where a reading stops before the speech does, and from where the next window goes on.

use omniva_contracts::Fault;

use super::decode::{MAX_TOKENS, Reading};
use super::tokens::Tokens;
use crate::vad::{SAMPLE_RATE, Stretch};
use crate::windows::Window;

/// A reading that does not get this far, seconds, is not continued: the next one would get no further.
const LEAST_READ: f64 = 1.0;
/// Less speech than this, seconds, after the stop is the last word's end …
const LEAST_UNREAD: f64 = 0.4;
/// … or, where the reading claims to be complete, an unclear time.
const LEAST_UNREAD_COMPLETE: f64 = 1.0;
/// A sentence cut in two is read again as a whole, unless it is longer than this, seconds.
const LONGEST_AGAIN: f64 = 10.0;
/// Times of Whisper may be this far off, seconds; the cut goes to the quietest place near by.
const SLACK: f64 = 0.2;
/// Marks that end a sentence.
const STOPS: [char; 8] = ['.', '!', '?', '…', '。', '！', '？', '؟'];

pub struct Point {
    /// Tokens of the reading to keep.
    pub keep: usize,
    /// Window time up to which the reading counts.
    pub at: f64,
    /// The stretches that belong into the next window.
    pub unread: Vec<Stretch>,
}

/// Where to go on, or `None` when the reading is all there is.
///
/// Whisper stops with a pair of times when a sentence goes on behind the window or simply when it has had enough; speech
/// behind that pair would be lost.
pub fn point(tokens: &Tokens, window: &Window, reading: &Reading) -> Result<Option<Point>, Fault> {
    let said = reading.tokens();
    let Some((&last, before)) = said.split_last() else { return Ok(None) };
    let times: Vec<usize> = (0..said.len()).filter(|&i| tokens.is_time(said[i])).collect();
    let (keep, at, least) = if !tokens.is_time(last) {
        // Cut off in the middle: the unfinished stretch is read again from its start.
        let Some(&open) = times.last().filter(|_| said.len() >= MAX_TOKENS) else { return Ok(None) };
        (open, tokens.seconds(said[open]), LEAST_UNREAD)
    } else if before.last().is_some_and(|&t| tokens.is_time(t)) {
        // The pair at the end closes the stretch that began at the third time from the end.
        let (keep, at) = (said.len(), tokens.seconds(last));
        match times.len().checked_sub(3).and_then(|i| times.get(i)) {
            Some(&start) if again(tokens, &said[start..keep - 1])? => {
                (start, tokens.seconds(said[start]), LEAST_UNREAD)
            }
            _ => (keep, at, LEAST_UNREAD),
        }
    } else {
        (said.len(), tokens.seconds(last), LEAST_UNREAD_COMPLETE)
    };
    if at < LEAST_READ {
        return Ok(None);
    }
    let at = quietest(&window.samples, at);
    let unread = window.after(at);
    let speech: f64 = unread.iter().map(|s| s.span.length()).sum();
    Ok((speech >= least).then_some(Point { keep, at, unread }))
}

/// Whether the last stretch (time, text, time) stops in mid-sentence and is worth reading again.
fn again(tokens: &Tokens, stretch: &[u32]) -> Result<bool, Fault> {
    let (Some(&from), Some(&to)) = (stretch.first(), stretch.last()) else { return Ok(false) };
    let length = tokens.seconds(to) - tokens.seconds(from);
    let text = tokens.text(stretch)?;
    let ends = text.trim_end_matches(['"', '”', ')', ' ']).ends_with(STOPS);
    Ok(!ends && tokens.seconds(from) >= LEAST_READ && length <= LONGEST_AGAIN)
}

/// The middle of the quietest 40 ms within [`SLACK`] of `at`.
fn quietest(samples: &[f32], at: f64) -> f64 {
    const HALF: usize = SAMPLE_RATE / 50;
    let sample = |t: f64| (t.max(0.0) * SAMPLE_RATE as f64).round() as usize;
    let power = |middle: usize| -> f32 {
        let around = samples.get(middle.saturating_sub(HALF)..(middle + HALF).min(samples.len())).unwrap_or_default();
        around.iter().map(|s| s * s).sum()
    };
    let range = (sample(at - SLACK)..=sample(at + SLACK)).step_by(SAMPLE_RATE / 100);
    let quietest = range.filter(|&m| m < samples.len()).min_by(|&a, &b| power(a).total_cmp(&power(b)));
    quietest.map_or(at, |m| m as f64 / SAMPLE_RATE as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_goes_to_the_quiet_place_near_by() {
        let mut samples = vec![0.5; 2 * SAMPLE_RATE];
        samples[17_600..18_400].fill(0.0);
        assert!((quietest(&samples, 1.0) - 1.12).abs() < 0.02);
        assert!((quietest(&samples, 1.3) - 1.12).abs() < 0.02);
        assert_eq!(quietest(&samples, 99.0), 99.0);
    }
}
