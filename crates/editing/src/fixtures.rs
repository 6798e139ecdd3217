//! Analyses made up for tests.

use omniva_contracts::analysis::{
    Analysis, Curve, FaceSample, FaceTrack, Heard, Language, Read, Seen, Sentence, Shot, Turn, Word,
};
use omniva_contracts::choice::{Candidate, Features, Scores, Verdict};
use omniva_contracts::config::Config;
use omniva_contracts::geometry::{Rect, Span};
use omniva_contracts::media::{AudioInfo, Container, MediaInfo, VideoInfo};

use crate::Fonts;

pub(crate) fn word(text: &str, start: f64, end: f64) -> Word {
    Word { text: text.into(), start, end, confidence: 0.9 }
}

/// Words of `length` seconds each, with the given pauses after them.
pub(crate) fn speech(texts: &[(&str, f64)], from: f64, length: f64) -> Vec<Word> {
    let mut t = from;
    texts
        .iter()
        .map(|(text, pause)| {
            let w = word(text, t, t + length);
            t += length + pause;
            w
        })
        .collect()
}

/// One shot, 1280×720 at 25 frames per second, one sentence over all words; speech at −20 dBFS, the rest at −60.
pub(crate) fn analysis(duration: f64, words: Vec<Word>) -> Analysis {
    let loud = |t: f64| words.iter().any(|w| w.start < t + 0.1 && w.end > t);
    let values =
        (0..(duration * 10.0).ceil() as usize).map(|i| if loud(i as f64 * 0.1) { -20.0 } else { -60.0 }).collect();
    let sentence = words.first().zip(words.last()).map(|(first, last)| Sentence {
        start: first.start,
        end: last.end,
        text: words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" "),
        first_word: 0,
        end_word: words.len(),
        speaker: 0,
        topic: 0,
        sentiment: 0.0,
        confidence: 0.9,
        complete: true,
        embedding: String::new(),
    });
    Analysis {
        schema_version: "1.0.0".into(),
        media: MediaInfo {
            sha256: "0".repeat(64),
            bytes: 1,
            container: Container::Mov,
            duration,
            video: Some(VideoInfo { codec: "h264".into(), width: 1280, height: 720, fps: 25.0 }),
            audio: Some(AudioInfo { codec: "aac".into(), sample_rate: 48000, channels: 1 }),
            repairs: Vec::new(),
            normalised: false,
            inside_bars: None,
        },
        heard: Heard {
            language: Some(Language { code: "en".into(), confidence: 1.0 }),
            speech: words.iter().map(|w| Span::new(w.start, w.end)).collect(),
            turns: vec![Turn { start: 0.0, end: duration, speaker: 0 }],
            loudness: Curve { step: 0.1, values },
            ..Heard::default()
        },
        seen: Seen {
            shots: vec![Shot { start: 0.0, end: duration, motion: 0.005 }],
            face_step: 0.25,
            inside_bars: vec![None],
            ..Seen::default()
        },
        read: Read { words, sentences: sentence.into_iter().collect(), ..Read::default() },
    }
}

/// A face of height `h` (fraction of a 16:9 picture) whose centre follows `at`, sampled four times a second.
pub(crate) fn face(id: u32, from: f64, to: f64, h: f64, mouth: f64, at: impl Fn(f64) -> (f64, f64)) -> FaceTrack {
    let w = h * 0.75 * 9.0 / 16.0;
    let n = ((to - from) / 0.25) as usize;
    let sample = |i: usize| {
        let time = from + i as f64 * 0.25;
        let (x, y) = at(time);
        FaceSample { time, rect: Rect::new(x - w / 2.0, y - h / 2.0, w, h), score: 0.9, mouth }
    };
    FaceTrack { id, samples: (0..n).map(sample).collect() }
}

pub(crate) fn candidate(analysis: &Analysis, span: Span) -> Candidate {
    Candidate {
        id: "c001".into(),
        span,
        first_sentence: 0,
        end_sentence: analysis.read.sentences.len(),
        opening: String::new(),
        topic: None,
        speakers: vec![0],
        tags: Vec::new(),
        features: Features::default(),
        scores: Scores::default(),
        votes: Vec::new(),
        consensus: 0.5,
        dissent: 0.0,
        lattice_priority: 0.5,
        horizon_bias: 0.0,
        rank_score: 0.5,
        verdict: Verdict::Chosen { rank: 1, reason: String::new() },
    }
}

pub(crate) fn config() -> Config {
    Config::load(None).expect("the shipped configuration loads")
}

/// The fonts of the shipped styles, as `make test` installs them.
pub(crate) fn fonts() -> Fonts {
    let folders = ["/usr/share/fonts/truetype/lato", "/usr/share/fonts/opentype/bebas-neue"];
    let config = config();
    let files = config.captions.styles.iter().map(|s| {
        let found = folders.iter().find_map(|f| std::fs::read(format!("{f}/{}", s.font_file)).ok());
        let bytes = found
            .unwrap_or_else(|| panic!("{} is not installed: apt-get install fonts-lato fonts-bebas-neue", s.font_file));
        (s.font.clone(), s.font_file.clone(), bytes)
    });
    Fonts::new(files.collect())
}
