//! Builds an `Analysis` from a written script: words at an even pace, sentences, turns, topics, shots, faces, loudness.
#![allow(dead_code)]

use base64::Engine as _;
use omniva_contracts::analysis::*;
use omniva_contracts::geometry::{Rect, ms};
use omniva_contracts::media::{AudioInfo, Container, MediaInfo, VideoInfo};
use omniva_contracts::{SCHEMA_VERSION, Span};

/// One sentence of a script.
#[derive(Clone, Debug)]
pub struct Said {
    pub speaker: u32,
    pub topic: u32,
    pub text: String,
    /// Silence before it, seconds.
    pub pause: f64,
    pub sentiment: f64,
    pub confidence: f64,
    /// A cut of the picture in the silence before it.
    pub shot: bool,
}

pub fn said(speaker: u32, topic: u32, pause: f64, text: &str) -> Said {
    Said { speaker, topic, text: text.into(), pause, sentiment: 0.0, confidence: 0.9, shot: false }
}

impl Said {
    pub fn feeling(mut self, sentiment: f64) -> Self {
        self.sentiment = sentiment;
        self
    }
    pub fn new_shot(mut self) -> Self {
        self.shot = true;
        self
    }
    pub fn unsure(mut self) -> Self {
        self.confidence = 0.3;
        self
    }
}

/// Words per second of everybody.
const RATE: f64 = 2.8;

pub fn analysis(script: &[Said]) -> Analysis {
    analysis_in("en", script)
}

pub fn analysis_in(language: &str, script: &[Said]) -> Analysis {
    let mut read = Read::default();
    let mut heard = Heard { language: Some(Language { code: language.into(), confidence: 0.98 }), ..Heard::default() };
    let mut borders = vec![0.0];
    let mut clock: f64 = 0.3;
    for s in script {
        if s.shot && s.pause > 0.0 {
            borders.push(ms(clock + s.pause * 0.5));
        }
        clock += s.pause;
        let first_word = read.words.len();
        let start = ms(clock);
        for word in s.text.split_whitespace() {
            let length = (0.5 + 0.1 * word.chars().count() as f64) / RATE;
            let (a, b) = (ms(clock), ms(clock + length - 0.02));
            read.words.push(Word { text: word.into(), start: a, end: b, confidence: s.confidence });
            clock += length;
        }
        let end = read.words.last().map_or(start, |w| w.end);
        push_sentence(&mut read, &mut heard, s, Span::new(start, end), first_word);
    }
    let duration = ms(clock + 0.5);
    read.topics = topics(&read);
    heard.loudness = loudness(&heard, duration);
    Analysis {
        schema_version: SCHEMA_VERSION.into(),
        media: media(duration),
        seen: seen(&borders, duration),
        heard,
        read,
    }
}

fn push_sentence(read: &mut Read, heard: &mut Heard, s: &Said, span: Span, first_word: usize) {
    let unsure = s.confidence < 0.55;
    heard.segments.push(Segment {
        start: span.start,
        end: span.end,
        text: s.text.clone(),
        words: read.words[first_word..].to_vec(),
        confidence: s.confidence,
        no_speech: 0.01,
        temperature: 0.0,
        low_confidence: unsure,
        recognizer: "whisper".into(),
    });
    heard.speech.push(Span::new(span.start, span.end));
    match heard.turns.last_mut() {
        Some(t) if t.speaker == s.speaker => t.end = span.end,
        _ => heard.turns.push(Turn { start: span.start, end: span.end, speaker: s.speaker }),
    }
    read.sentences.push(Sentence {
        start: span.start,
        end: span.end,
        text: s.text.clone(),
        first_word,
        end_word: read.words.len(),
        speaker: s.speaker,
        topic: s.topic,
        sentiment: s.sentiment,
        confidence: s.confidence,
        complete: s.text.ends_with(['.', '!', '?', '…']),
        embedding: embedding(&s.text),
    });
}

fn topics(read: &Read) -> Vec<Topic> {
    let mut topics: Vec<Topic> = Vec::new();
    for s in &read.sentences {
        match topics.iter_mut().find(|t| t.id == s.topic) {
            Some(t) => t.end = s.end,
            None => topics.push(Topic {
                id: s.topic,
                start: s.start,
                end: s.end,
                label: format!("topic {}", s.topic),
                keywords: Vec::new(),
            }),
        }
    }
    topics
}

/// A bag of hashed words: texts with common words are close, others are not.
pub fn embedding(text: &str) -> String {
    let mut v = [0.0f64; 384];
    for word in text.split_whitespace() {
        let word: String = word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for b in word.bytes() {
            hash = (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3);
        }
        for k in 0..4u64 {
            let h = hash.rotate_left(13 * k as u32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            v[(h % 384) as usize] += if h >> 63 == 0 { 1.0 } else { -1.0 };
        }
    }
    let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-9);
    let bytes: Vec<u8> = v.iter().map(|x| ((x / norm * 127.0).round() as i8) as u8).collect();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn loudness(heard: &Heard, duration: f64) -> Curve {
    let n = (duration / 0.1).ceil() as usize;
    let level = |k: usize| {
        let t = k as f64 * 0.1;
        let speaking = heard.speech.iter().any(|s| s.contains(t));
        if speaking { -24.0 + 6.0 * (t * 2.7).sin() as f32 } else { -52.0 }
    };
    Curve { step: 0.1, values: (0..n).map(level).collect() }
}

pub fn media(duration: f64) -> MediaInfo {
    MediaInfo {
        sha256: "0".repeat(64),
        bytes: 1,
        container: Container::Mov,
        duration,
        video: Some(VideoInfo { codec: "h264".into(), width: 1280, height: 720, fps: 25.0 }),
        audio: Some(AudioInfo { codec: "aac".into(), sample_rate: 48000, channels: 2 }),
        repairs: vec![],
        normalised: false,
        inside_bars: None,
    }
}

pub fn seen(borders: &[f64], duration: f64) -> Seen {
    let mut shots = Vec::new();
    for (k, start) in borders.iter().enumerate() {
        shots.push(Shot { start: *start, end: borders.get(k + 1).copied().unwrap_or(duration), motion: 0.01 });
    }
    let sample = |time: f64| FaceSample { time, rect: Rect::new(0.4, 0.2, 0.15, 0.3), score: 0.9, mouth: 0.1 };
    let faces = shots
        .iter()
        .enumerate()
        .map(|(k, s)| {
            let n = ((s.end - s.start) / 0.25).floor().max(0.0) as usize;
            FaceTrack { id: k as u32, samples: (0..n).map(|j| sample(ms(s.start + 0.25 * j as f64))).collect() }
        })
        .collect();
    Seen {
        inside_bars: vec![None; shots.len()],
        shots,
        faces,
        face_step: 0.25,
        motion: Curve { step: 0.1, values: vec![0.01; (duration / 0.1) as usize] },
        brightness: Curve { step: 0.5, values: vec![0.5; (duration / 0.5) as usize] },
        sharpness: Curve { step: 0.5, values: vec![100.0; (duration / 0.5) as usize] },
        models: vec![],
        warnings: vec![],
    }
}

/// A source without a word: `motion` and `loudness` per tenth of a second.
pub fn silent(duration: f64, borders: &[f64], loudness: impl Fn(f64) -> f32, motion: impl Fn(f64) -> f32) -> Analysis {
    let n = (duration / 0.1) as usize;
    let curve = |f: &dyn Fn(f64) -> f32| Curve { step: 0.1, values: (0..n).map(|k| f(k as f64 * 0.1)).collect() };
    let mut seen = seen(borders, duration);
    seen.motion = curve(&motion);
    let heard = Heard { loudness: curve(&loudness), ..Heard::default() };
    Analysis { schema_version: SCHEMA_VERSION.into(), media: media(duration), heard, seen, read: Read::default() }
}
