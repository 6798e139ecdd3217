//! The words of a transcript as one sequence.

use omniva_contracts::analysis::{Segment, Word};
use omniva_contracts::geometry::ms;

/// All words in order, their times inside `0..=duration`, never going back and never overlapping; and what had to be
/// made up. Words without text are dropped.
pub fn flatten(segments: &[Segment], duration: f64) -> (Vec<Word>, Vec<String>) {
    let mut order: Vec<&Segment> = segments.iter().collect();
    order.sort_by(|a, b| a.start.total_cmp(&b.start));
    let mut words: Vec<Word> = Vec::new();
    let mut spread_out = 0;
    for segment in order {
        if segment.words.is_empty() && !segment.text.trim().is_empty() {
            spread_out += 1;
            spread(segment).into_iter().for_each(|w| append(&mut words, w, duration));
        } else {
            segment.words.iter().for_each(|w| append(&mut words, w.clone(), duration));
        }
    }
    let mut warnings = Vec::new();
    if spread_out > 0 {
        warnings.push(format!("{spread_out} segments came without word times: their words were spread out evenly"));
    }
    (words, warnings)
}

fn append(words: &mut Vec<Word>, mut word: Word, duration: f64) {
    word.text = word.text.trim().to_owned();
    if word.text.is_empty() {
        return;
    }
    let last = words.last_mut();
    let floor = last.as_ref().map_or(0.0, |l| l.start);
    let finite = |t: f64, or: f64| if t.is_finite() { t } else { or };
    let limit = if duration.is_finite() && duration > 0.0 { duration } else { f64::MAX };
    word.start = ms(finite(word.start, floor).clamp(floor, limit.max(floor)));
    if let Some(last) = last
        && word.start < last.end
    {
        // Two recognitions of one moment: the earlier word ends where the later begins, if that leaves anything of it.
        if word.start > last.start {
            last.end = word.start;
        } else {
            word.start = last.end;
        }
    }
    word.end = ms(finite(word.end, word.start).clamp(word.start, limit.max(word.start)));
    word.confidence = finite(word.confidence, 0.0).clamp(0.0, 1.0);
    words.push(word);
}

/// Words of a segment that has only text, each as long as its letters make it.
fn spread(segment: &Segment) -> Vec<Word> {
    let parts: Vec<&str> = segment.text.split_whitespace().collect();
    let letters = |s: &str| s.chars().count() as f64 + 1.0;
    let total: f64 = parts.iter().map(|p| letters(p)).sum();
    let length = (segment.end - segment.start).max(0.0);
    let mut at = segment.start;
    parts
        .into_iter()
        .map(|part| {
            let (start, end) = (at, at + length * letters(part) / total);
            at = end;
            Word { text: part.to_owned(), start, end, confidence: segment.confidence }
        })
        .collect()
}

/// The text of `words`: spaces between them, except inside scripts that write none.
pub fn join(words: &[Word]) -> String {
    let mut text = String::new();
    for word in words {
        if let (Some(last), Some(first)) = (text.chars().last(), word.text.chars().next())
            && !(is_unspaced(last) && is_unspaced(first))
        {
            text.push(' ');
        }
        text.push_str(&word.text);
    }
    text
}

/// Letters of scripts that put no space between words: Chinese, Japanese, Thai, Lao, Khmer, Burmese.
pub fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3000..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF
        | 0xF900..=0xFAFF | 0xFF00..=0xFF65 | 0x20000..=0x2FA1F)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn word(text: &str, start: f64, end: f64) -> Word {
        Word { text: text.into(), start, end, confidence: 0.9 }
    }

    fn segment(text: &str, start: f64, end: f64, words: Vec<Word>) -> Segment {
        let recognizer = "whisper".into();
        let (confidence, no_speech, temperature) = (0.8, 0.0, 0.0);
        let (text, low_confidence) = (text.to_owned(), false);
        Segment { start, end, text, words, confidence, no_speech, temperature, low_confidence, recognizer }
    }

    #[test]
    fn a_segment_without_words_is_spread_out() {
        let (words, warnings) = flatten(&[segment("one three", 2.0, 4.0, vec![])], 10.0);
        assert_eq!(words.len(), 2);
        assert_eq!((words[0].start, words[0].end, words[1].end), (2.0, 2.8, 4.0));
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn words_are_joined_as_their_script_writes_them() {
        assert_eq!(join(&[word("Hello", 0.0, 1.0), word("world.", 1.0, 2.0)]), "Hello world.");
        assert_eq!(join(&[word("你好", 0.0, 1.0), word("世界。", 1.0, 2.0)]), "你好世界。");
        assert_eq!(join(&[word("iPhone", 0.0, 1.0), word("手机", 1.0, 2.0)]), "iPhone 手机");
    }

    proptest! {
        #[test]
        fn times_never_go_back(times in proptest::collection::vec((-5.0..50.0_f64, -5.0..50.0_f64), 0..40)) {
            let list = times.iter().map(|(a, b)| word("w", *a, *b)).collect();
            let (words, _) = flatten(&[segment("w", 0.0, 1.0, list)], 40.0);
            prop_assert!(words.iter().all(|w| w.start >= 0.0 && w.end >= w.start && w.end <= 40.0));
            prop_assert!(words.windows(2).all(|p| p[0].end <= p[1].start));
        }
    }

    #[test]
    fn numbers_that_are_none_do_no_harm() {
        let list = vec![word("a", f64::NAN, f64::INFINITY), word("b", 1.0, f64::NAN), word("  ", 2.0, 3.0)];
        let (words, _) = flatten(&[segment("a b", 0.0, 3.0, list)], 3.0);
        assert_eq!(words.len(), 2);
        assert!(words.iter().all(|w| w.start.is_finite() && w.end.is_finite()));
    }
}
