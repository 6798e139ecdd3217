//! What the report draws of a source, small whatever its length.

use omniva_contracts::Span;
use omniva_contracts::analysis::{Analysis, Curve};
use omniva_contracts::geometry::ms;
use omniva_contracts::record::{SentenceLine, Timeline};

/// Values of the drawn waveform, at most.
const MAX_BARS: usize = 2_000;

pub fn timeline(analysis: &Analysis) -> Timeline {
    let sentences = analysis.sentences().iter().map(|s| SentenceLine {
        start: ms(s.start),
        end: ms(s.end),
        speaker: s.speaker,
        topic: s.topic,
        text: s.text.clone(),
        sentiment: s.sentiment,
        confidence: s.confidence,
    });
    Timeline {
        waveform: waveform(&analysis.heard.loudness),
        speech: analysis.heard.speech.clone(),
        turns: analysis.heard.turns.clone(),
        shots: analysis.seen.shots.clone(),
        peaks: analysis.heard.peaks.clone(),
        sentences: sentences.collect(),
        topics: analysis.read.topics.clone(),
        keywords: analysis.read.keywords.clone(),
        faces: face_spans(analysis),
        inside_bars: analysis.media.inside_bars,
    }
}

/// dBFS to 0..1 over 60 dB, the loudest of each bar, so that short peaks stay visible.
fn waveform(level: &Curve) -> Curve {
    let per_bar = level.values.len().div_ceil(MAX_BARS).max(1);
    let bar = |chunk: &[f32]| {
        let loudest = chunk.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let height = ((loudest + 60.0) / 60.0).clamp(0.0, 1.0);
        (height * 1000.0).round() / 1000.0
    };
    Curve { step: level.step * per_bar as f64, values: level.values.chunks(per_bar).map(bar).collect() }
}

/// Stretches with at least one face, gaps under a second closed.
fn face_spans(analysis: &Analysis) -> Vec<Span> {
    let mut tracks: Vec<Span> = analysis.seen.faces.iter().map(|track| track.span()).collect();
    tracks.sort_by(|a, b| a.start.total_cmp(&b.start));
    let mut merged: Vec<Span> = Vec::new();
    for track in tracks {
        match merged.last_mut() {
            Some(last) if track.start - last.end < 1.0 => last.end = last.end.max(track.end),
            _ => merged.push(track),
        }
    }
    merged.iter().map(|s| Span::new(ms(s.start), ms(s.end))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_waveform_stays_small_and_keeps_its_peaks() {
        let mut values = vec![-60.0f32; 72_000];
        values[31_337] = 0.0;
        let drawn = waveform(&Curve { step: 0.1, values });
        assert!(drawn.values.len() <= MAX_BARS);
        assert_eq!(drawn.values.iter().filter(|v| **v == 1.0).count(), 1);
        assert!((drawn.step * drawn.values.len() as f64 - 7_200.0).abs() < 10.0);
    }

    #[test]
    fn silence_and_nothing_are_drawn() {
        assert!(waveform(&Curve { step: 0.1, values: vec![] }).values.is_empty());
        assert_eq!(waveform(&Curve { step: 0.1, values: vec![f32::NEG_INFINITY] }).values, vec![0.0]);
    }
}
