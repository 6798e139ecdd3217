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
    let mut next = 0;
    let level = |k: usize| {
        let t = k as f64 * 0.1;
        while heard.speech.get(next).is_some_and(|s| s.end <= t) {
            next += 1;
        }
        if heard.speech.get(next).is_some_and(|s| s.contains(t)) { -24.0 + 6.0 * (t * 2.7).sin() as f32 } else { -52.0 }
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

/// A talk show written for these tests: a host and two guests, three subjects, an aside, a passage that the recogniser
/// was unsure of, a story told twice.
pub fn show() -> Vec<Said> {
    vec![
        said(0, 0, 0.2, "Hello and welcome back to the show, my name is Ada and today we talk about sleep."),
        said(0, 0, 0.5, "Don't forget to subscribe if you like what we do here every week."),
        said(0, 0, 0.6, "So, um, let me introduce our first guest, who studies the brain at night."),
        said(0, 0, 0.7, "Why do we sleep at all?"),
        said(1, 0, 0.5, "Nobody knows the whole answer, and that is the most honest thing I can tell you.")
            .feeling(0.5),
        said(1, 0, 0.3, "For thirty years we believed that sleep was simply rest for tired muscles."),
        said(1, 0, 0.3, "That was wrong.").feeling(-0.5),
        said(1, 0, 0.4, "At night the brain washes itself, and the water carries away the waste of the day."),
        said(1, 0, 0.3, "If you miss one night, the waste stays, and you think slower than a drunk driver.")
            .feeling(-0.4),
        said(1, 0, 0.4, "That's why a tired surgeon makes twice as many mistakes.").feeling(-0.3),
        said(0, 0, 0.5, "Twice as many?"),
        said(1, 0, 0.3, "Twice as many, and nobody tells the patient.").feeling(-0.2),
        said(1, 0, 0.3, "And then there is, you know, the other thing"),
        said(1, 0, 0.15, "which we measured in a small room with mirrors and a very old camera."),
        said(1, 0, 0.3, "It hummed the whole night, and they could not find the switch."),
        said(1, 0, 0.3, "The hospital changed its shifts after our study, and the mistakes went down by half.")
            .feeling(0.5),
        said(2, 1, 1.4, "The biggest lie about money is that rich people are careful with it.")
            .feeling(-0.4)
            .new_shot(),
        said(2, 1, 0.3, "I lost a million dollars in one afternoon, and I was supposed to be the expert.")
            .feeling(-0.5),
        said(2, 1, 0.4, "The bank called me at noon, and I laughed, because I thought it was a prank.").feeling(0.4),
        said(2, 1, 0.3, "Then I looked at the screen and my hands went cold."),
        said(2, 1, 0.5, "What would you have done?"),
        said(2, 1, 0.6, "I did nothing, and doing nothing was the only smart decision I made that year.").feeling(0.5),
        said(2, 1, 0.3, "The market came back in spring, slowly, while everybody else had already sold."),
        said(2, 1, 0.3, "In the end patience is worth more than intelligence.").feeling(0.6),
        said(2, 1, 0.9, "Mumble the rate of the thing with the other fund maybe.").unsure(),
        said(2, 1, 0.2, "Perhaps the quarterly whatever they call it in that office.").unsure(),
        said(2, 1, 0.2, "Some kind of fee that was in the fine print nobody could read.").unsure(),
        said(1, 2, 1.6, "My grandmother baked bread in a village without electricity.").new_shot(),
        said(1, 2, 0.3, "She knew the temperature of the oven by the smell of her own eyebrows.").feeling(0.3),
        said(1, 2, 0.3, "One winter the snow closed the road for forty days."),
        said(1, 2, 0.3, "The whole village lived on her bread and on one stubborn goat.").feeling(0.2),
        said(1, 2, 0.4, "When the road opened, the mayor offered her a medal, and she asked for a new door.")
            .feeling(0.5),
        said(1, 2, 0.4, "A medal does not keep the wind out, she said!").feeling(0.3),
        said(0, 3, 1.5, "Before we finish, you told me a story about money that I must hear again.").new_shot(),
        said(2, 3, 0.5, "I lost a million dollars in one afternoon, and I was supposed to be the expert.")
            .feeling(-0.5),
        said(2, 3, 0.4, "The bank called me at noon, and I laughed, because I thought it was a prank.").feeling(0.4),
        said(2, 3, 0.3, "Then I looked at the screen and my hands went cold."),
        said(2, 3, 0.6, "I did nothing, and doing nothing was the only smart decision I made that year.").feeling(0.5),
        said(2, 3, 0.3, "The market came back in spring, slowly, while everybody else had already sold."),
    ]
}

/// The show with laughter after two punch lines and a few keywords.
pub fn show_analysis() -> Analysis {
    let mut a = analysis(&show());
    let end = |a: &Analysis, k: usize| a.read.sentences[k].end;
    for k in [22, 32] {
        let start = ms(end(&a, k) + 0.1);
        a.heard.peaks.push(AudioPeak { start, end: ms(start + 0.8), kind: PeakKind::Laughter, strength: 0.7 });
    }
    for (term, weight) in [("sleep", 0.9), ("money", 0.8), ("bread", 0.7), ("surgeon", 0.5), ("million dollars", 0.6)] {
        let words: Vec<&str> = term.split(' ').collect();
        let plain = |w: &Word| w.text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let starts = a.read.words.windows(words.len());
        let mentions: Vec<f64> =
            starts.filter(|w| w.iter().zip(&words).all(|(a, b)| plain(a) == *b)).map(|w| w[0].start).collect();
        a.read.keywords.push(Keyword { term: term.into(), kind: KeywordKind::Extracted, weight, mentions });
    }
    a
}

/// A plain sentence of ten words, another one for each `k`: nobody takes two of them for the same.
pub fn varied(k: u32) -> String {
    const PARTS: [&str; 48] = [
        "river", "lamp", "engine", "harvest", "violin", "copper", "winter", "market", "sailor", "garden", "letter",
        "mountain", "carries", "repairs", "paints", "follows", "measures", "forgets", "teaches", "borrows", "opens",
        "counts", "hides", "sells", "yellow", "narrow", "silent", "heavy", "distant", "modern", "wooden", "bitter",
        "patient", "northern", "hollow", "bright", "bridge", "doctor", "window", "station", "island", "painter",
        "mirror", "village", "soldier", "kettle", "ladder", "candle",
    ];
    let mut state = u64::from(k).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
    let mut word = |group: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        PARTS[group * 12 + (state >> 33) as usize % 12]
    };
    format!("One {} {} {} the {} {} near one {} {}.", word(2), word(0), word(1), word(2), word(3), word(2), word(0))
}
