//! Reading with the real models: the development talk show as it is heard, and small made-up transcripts.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use omniva_contracts::analysis::{Embedding, Heard, KeywordKind, Language, Segment, Turn, Word};
use omniva_contracts::jobs::{ListenJob, MediaRef, ReadJob};
use omniva_contracts::media::{Container, MediaInfo};
use omniva_contracts::streams::AudioSource;
use omniva_contracts::{Code, Fault, Monitor, Silent};

use super::read;
use crate::sound::real::{SCENES, folder, talk_show};

/// Samples in blocks.
struct Blocks {
    samples: Vec<f32>,
    at: usize,
}

impl AudioSource for Blocks {
    fn sample_rate(&self) -> u32 {
        16_000
    }
    fn next_block(&mut self) -> Result<Option<&[f32]>, Fault> {
        let from = self.at;
        self.at = (from + 4_096).min(self.samples.len());
        Ok((from < self.at).then(|| &self.samples[from..self.at]))
    }
}

/// The talk show as the whole ear hears it.
fn heard() -> (Heard, f64) {
    let samples = talk_show();
    let duration = samples.len() as f64 / 16e3;
    let info = MediaInfo {
        sha256: "0".repeat(64),
        bytes: 0,
        container: Container::Mov,
        duration,
        video: None,
        audio: None,
        repairs: Vec::new(),
        normalised: false,
        inside_bars: None,
    };
    let job = ListenJob {
        media: MediaRef { path: PathBuf::new(), container: Container::Mov },
        info,
        models: folder("OMNIVA_MODELS"),
        out_dir: std::env::temp_dir(),
        language: Some("en".into()),
        recognize: true,
        low_confidence: 0.5,
        threads: 2,
    };
    let heard = crate::listen::listen(&job, &mut Blocks { samples, at: 0 }, &Silent).expect("listens");
    (heard, duration)
}

fn job(heard: Heard, duration: f64, keywords: &[&str]) -> ReadJob {
    let keywords = keywords.iter().map(|k| (*k).to_owned()).collect();
    ReadJob { heard, duration, models: folder("OMNIVA_MODELS"), out_dir: std::env::temp_dir(), keywords }
}

/// A transcript said at three words a second.
fn said(language: &str, text: &str) -> Heard {
    let words: Vec<Word> = text
        .split_whitespace()
        .enumerate()
        .map(|(i, t)| {
            let start = i as f64 / 3.0;
            Word { text: t.into(), start, end: start + 0.3, confidence: 0.9 }
        })
        .collect();
    let end = words.last().map_or(0.0, |w| w.end);
    let segment = Segment {
        start: 0.0,
        end,
        text: text.into(),
        words,
        confidence: 0.9,
        no_speech: 0.0,
        temperature: 0.0,
        low_confidence: false,
        recognizer: "whisper".into(),
    };
    Heard {
        language: Some(Language { code: language.into(), confidence: 1.0 }),
        segments: vec![segment],
        turns: vec![Turn { start: 0.0, end, speaker: 0 }],
        ..Heard::default()
    }
}

/// Whether a stretch lies in a scene, as far as the recogniser's times are good (a tenth of a second or two).
fn inside(stretch: (f64, f64), scene: (f64, f64)) -> bool {
    stretch.0 >= scene.0 - 0.2 && stretch.1 <= scene.1 + 0.2
}

#[test]
fn the_scenes_of_the_talk_show_are_its_topics() {
    let (heard, duration) = heard();
    let read = read(&job(heard, duration, &["worst of times", "young men", "submarine"]), &Silent).expect("reads");

    let topics: Vec<(f64, f64)> = read.topics.iter().map(|t| (t.start, t.end)).collect();
    assert_eq!(topics.len(), SCENES.len(), "{topics:?}");
    assert!(topics.iter().zip(SCENES).all(|(t, s)| inside(*t, s)), "{topics:?}");
    assert!(read.topics[4].keywords.iter().any(|k| k == "asterisk"), "{:?}", read.topics[4]);
    assert!(read.topics.iter().all(|t| !t.label.is_empty() && t.keywords.len() <= 5));

    let mut next = 0;
    for s in &read.sentences {
        assert_eq!(s.first_word, next);
        next = s.end_word;
        assert!(SCENES.iter().any(|scene| inside((s.start, s.end), *scene)), "{s:?}");
        assert_eq!(Embedding::decode(&s.embedding).len(), Embedding::SIZE);
        let topic = &read.topics[s.topic as usize];
        assert!(s.start >= topic.start && s.end <= topic.end);
    }
    assert_eq!(next, read.words.len());
    let whole = read.sentences.iter().filter(|s| s.complete).count();
    assert!(whole * 10 >= read.sentences.len() * 8, "{whole} of {} sentences are complete", read.sentences.len());

    let mentions = |term: &str| read.keywords.iter().find(|k| k.term == term).map(|k| k.mentions.clone());
    assert!(mentions("worst of times").is_some_and(|m| m.len() == 1 && m[0] > 2.0 && m[0] < 5.0));
    assert!(mentions("young men").is_some_and(|m| m.is_empty()));
    assert!(mentions("submarine").is_some_and(|m| m.is_empty()));
    let extracted = read.keywords.iter().filter(|k| k.kind == KeywordKind::Extracted).count();
    assert!((5..=25).contains(&extracted), "{extracted} keywords");
    let roles: Vec<(&str, usize)> = read.models.iter().map(|m| (m.role.as_str(), m.sha256.len())).collect();
    assert_eq!(roles, [("embedding", 64), ("sentiment", 64)]);
    assert!(read.warnings.is_empty(), "{:?}", read.warnings);
}

#[test]
fn meaning_is_near_where_it_should_be() {
    let heard =
        said("en", "The cat sleeps on the sofa. A kitten naps on the couch. Interest rates rose again last year.");
    let read = read(&job(heard, 10.0, &[]), &Silent).expect("reads");
    let vectors: Vec<Vec<f32>> = read.sentences.iter().map(|s| Embedding::decode(&s.embedding)).collect();
    assert_eq!(vectors.len(), 3);
    // The same sentences by the same weights in Python (onnxruntime 1.31.1): see REFERENCE.
    let (near, far) = (Embedding::cosine(&vectors[0], &vectors[1]), Embedding::cosine(&vectors[0], &vectors[2]));
    assert!((near - REFERENCE.0).abs() < 0.02 && (far - REFERENCE.1).abs() < 0.02, "{near} {far}");
}

const REFERENCE: (f64, f64) = (0.736, -0.001);

#[test]
fn reading_twice_gives_the_same_bytes() {
    let heard =
        said("en", "I love this. You hate that, Mr. Smith! Do we agree? We went to the sea and it was wonderful.");
    let job = job(heard, 12.0, &["sea"]);
    let bytes = || serde_json::to_vec(&read(&job, &Silent).expect("reads")).expect("serialises");
    assert_eq!(bytes(), bytes());
    let read = read(&job, &Silent).expect("reads");
    let moods: Vec<f64> = read.sentences.iter().map(|s| s.sentiment).collect();
    assert!(moods[0] > 0.5 && moods[1] < -0.4 && moods[3] > 0.4, "{moods:?}");
}

#[test]
fn other_languages_say_what_they_miss() {
    let german =
        read(&job(said("de", "Das ist ein schöner Tag. Wir fahren ans Meer."), 5.0, &[]), &Silent).expect("reads");
    assert!(german.sentences.iter().all(|s| s.sentiment == 0.0));
    assert_eq!(german.warnings.len(), 2);
    assert!(german.warnings[0].contains("sentiment") && german.models.len() == 1);
    let polish = read(&job(said("pl", "To jest dobry dzień."), 5.0, &[]), &Silent).expect("reads");
    assert_eq!(polish.warnings.len(), 3);
}

#[test]
fn no_words_need_no_models() {
    let mut job = job(Heard::default(), 10.0, &["cats"]);
    job.models = PathBuf::from("/nowhere");
    let read = read(&job, &Silent).expect("reads");
    assert!(read.words.is_empty() && read.topics.is_empty() && read.models.is_empty());
    assert_eq!(read.keywords.len(), 1);
}

#[test]
fn faults_are_told_apart() {
    let text = "Good morning. How are you?";
    let empty = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(folder("OMNIVA_MODELS").join("ort"), empty.path().join("ort")).expect("a link");
    let mut missing = job(said("en", text), 5.0, &[]);
    missing.models = empty.path().to_owned();
    assert_eq!(read(&missing, &Silent).expect_err("no lexicon").code, Code::ModelMissing);
    std::fs::write(empty.path().join(super::LEXICON), "no lexicon").expect("written");
    assert_eq!(read(&missing, &Silent).expect_err("bad lexicon").code, Code::ModelMismatch);

    /// Cancels at the third question.
    struct Impatient(AtomicUsize);
    impl Monitor for Impatient {
        fn progress(&self, fraction: f64) {
            assert!((0.0..=1.0).contains(&fraction));
        }
        fn cancelled(&self) -> bool {
            self.0.fetch_add(1, Ordering::Relaxed) >= 2
        }
    }
    let cancelled = read(&job(said("en", text), 5.0, &[]), &Impatient(AtomicUsize::new(0)));
    assert_eq!(cancelled.expect_err("cancelled").code, Code::Cancelled);
}
