//! Speech that a reading passed over. Models drop lines that repeat the one before, above all when quantised; such
//! speech shows as a stretch without words, and is read again by itself.

use omniva_contracts::Span;
use omniva_contracts::analysis::{Segment, Word};

use crate::vad::Stretch;
use crate::windows::Window;

/// A stretch counts as passed over when words fill less than this share of it …
const FILLED: f64 = 0.2;
/// … and it is this long, seconds: shorter ones are coughs and breaths.
const SHORTEST: f64 = 0.25;

/// The stretches of `window` that lie before `end` (window time) and hold no words.
pub fn passed_over(window: &Window, segments: &[Segment], end: f64) -> Vec<Stretch> {
    let empty: Vec<f64> = window
        .voiced
        .iter()
        .filter(|v| v.inside.end <= end && v.inside.length() >= SHORTEST)
        .filter(|v| {
            let on_source = Span::new(v.source, v.source + v.inside.length());
            let words = segments.iter().flat_map(|s| &s.words);
            let filled: f64 = words.map(|w| Span::new(w.start, w.end).overlap(&on_source)).sum();
            filled < FILLED * on_source.length()
        })
        .map(|v| v.source)
        .collect();
    window.after(0.0).into_iter().filter(|s| empty.contains(&s.span.start)).collect()
}

/// Puts `found` between `segments`, dividing those that lie around it.
pub fn insert(segments: &mut Vec<Segment>, found: Vec<Segment>) {
    for new in found {
        if let Some(i) = segments.iter().position(|s| s.start < new.start && new.start < s.end) {
            let cut = segments[i].words.iter().position(|w| w.start >= new.start).unwrap_or(segments[i].words.len());
            let tail = segments[i].words.split_off(cut);
            let mut after = Segment { words: tail, ..segments[i].clone() };
            rewrite(&mut segments[i]);
            rewrite(&mut after);
            segments.insert(i + 1, after);
        }
        let at = segments.iter().position(|s| s.start > new.start).unwrap_or(segments.len());
        segments.insert(at, new);
    }
    segments.retain(|s| !s.words.is_empty());
}

/// Text and times of a segment whose words changed.
fn rewrite(segment: &mut Segment) {
    let words: Vec<&str> = segment.words.iter().map(|w: &Word| w.text.as_str()).collect();
    // Languages without spaces had none in the text either.
    let spaced = segment.text.contains(char::is_whitespace);
    segment.text = words.join(if spaced { " " } else { "" });
    if let (Some(first), Some(last)) = (segment.words.first(), segment.words.last()) {
        (segment.start, segment.end) = (first.start, last.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vad::SAMPLE_RATE;

    fn segment(words: &[(&str, f64, f64)]) -> Segment {
        let words: Vec<Word> =
            words.iter().map(|w| Word { text: w.0.into(), start: w.1, end: w.2, confidence: 0.9 }).collect();
        Segment {
            start: words[0].start,
            end: words[words.len() - 1].end,
            text: words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" "),
            words,
            confidence: 0.9,
            no_speech: 0.0,
            temperature: 0.0,
            low_confidence: false,
            recognizer: "whisper".into(),
        }
    }

    #[test]
    fn stretches_without_words_are_found() {
        let stretch = |start: f64, end: f64| Stretch {
            span: Span::new(start, end),
            first_sample: (start * SAMPLE_RATE as f64) as usize,
            samples: vec![0.0; ((end - start) * SAMPLE_RATE as f64) as usize],
        };
        // 1 s with words, 0.5 s and 1 s without, a breath of 0.2 s, 1 s behind the end.
        let window = Window::of(
            &[(10.0, 11.0), (20.0, 20.5), (30.0, 31.0), (40.0, 40.2), (50.0, 51.0)].map(|(a, b)| stretch(a, b)),
        );
        let heard = [segment(&[("yes", 10.0, 10.5), ("stretched", 30.9, 31.0)])];
        let found: Vec<f64> = passed_over(&window, &heard, 2.8).iter().map(|s| s.span.start).collect();
        assert_eq!(found, [20.0, 30.0]);
    }

    #[test]
    fn what_was_found_goes_where_it_was_said() {
        let mut segments =
            vec![segment(&[("Hear", 1.0, 1.2), ("me?", 1.2, 1.5), ("We", 5.0, 5.2), ("laugh.", 5.2, 6.0)])];
        insert(
            &mut segments,
            vec![
                segment(&[("Yes.", 2.0, 2.3)]),
                segment(&[("Hear", 3.0, 3.2), ("me?", 3.2, 3.5)]),
                segment(&[("No.", 9.0, 9.5)]),
            ],
        );
        let got: Vec<(&str, f64, f64)> = segments.iter().map(|s| (s.text.as_str(), s.start, s.end)).collect();
        assert_eq!(
            got,
            [
                ("Hear me?", 1.0, 1.5),
                ("Yes.", 2.0, 2.3),
                ("Hear me?", 3.0, 3.5),
                ("We laugh.", 5.0, 6.0),
                ("No.", 9.0, 9.5)
            ]
        );
    }
}
