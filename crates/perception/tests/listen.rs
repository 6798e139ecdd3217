//! Listening with the real models to real speech. Needs OMNIVA_MODELS and OMNIVA_TEST_MEDIA (`make test` sets both).

#![allow(clippy::expect_used)]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use omniva_contracts::analysis::{Heard, Word};
use omniva_contracts::jobs::{ListenJob, MediaRef};
use omniva_contracts::media::{Container, MediaInfo};
use omniva_contracts::streams::AudioSource;
use omniva_contracts::{Code, Fault, Monitor, Silent};
use omniva_perception::listen::{SPEECH_WAV, listen};
use omniva_perception::wav;

const RATE: usize = 16_000;

struct Samples {
    samples: Vec<f32>,
    at: usize,
    block: usize,
}

impl AudioSource for Samples {
    fn sample_rate(&self) -> u32 {
        RATE as u32
    }
    fn next_block(&mut self) -> Result<Option<&[f32]>, Fault> {
        let from = self.at;
        self.at = (from + self.block).min(self.samples.len());
        Ok((from < self.at).then(|| &self.samples[from..self.at]))
    }
}

fn folder(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).unwrap_or_else(|| panic!("set {variable} to a folder, or run make test"));
    PathBuf::from(path)
}

/// Part of the development talk show, seconds.
fn panel(from: f64, length: f64) -> Vec<f32> {
    let file = folder("OMNIVA_TEST_MEDIA").join("panel.mp4");
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-ss", &from.to_string(), "-t", &length.to_string(), "-i"])
        .arg(&file)
        .args(["-vn", "-ac", "1", "-ar", "16000", "-f", "f32le", "-"])
        .output()
        .expect("the ffmpeg command is installed");
    assert!(out.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&out.stderr));
    out.stdout.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

fn job(models: &Path, out_dir: &Path) -> ListenJob {
    let info = MediaInfo {
        sha256: String::new(),
        bytes: 0,
        container: Container::Wav,
        duration: 30.0,
        video: None,
        audio: None,
        repairs: Vec::new(),
        normalised: false,
        inside_bars: None,
    };
    ListenJob {
        media: MediaRef { path: PathBuf::new(), container: Container::Wav },
        info,
        models: models.to_owned(),
        out_dir: out_dir.to_owned(),
        language: None,
        recognize: true,
        low_confidence: 0.55,
        threads: 1,
    }
}

fn hear_with(samples: Vec<f32>, block: usize, change: impl Fn(&mut ListenJob)) -> Result<Heard, Fault> {
    let mut job = job(&folder("OMNIVA_MODELS"), &std::env::temp_dir());
    change(&mut job);
    listen(&job, &mut Samples { samples, at: 0, block }, &Silent)
}

fn hear(samples: Vec<f32>) -> Heard {
    hear_with(samples, 4096, |_| ()).unwrap_or_else(|f| panic!("{f}: {}", f.detail))
}

fn words(heard: &Heard) -> Vec<&Word> {
    heard.segments.iter().flat_map(|s| &s.words).collect()
}

fn said(heard: &Heard) -> String {
    let text: Vec<&str> = heard.segments.iter().map(|s| s.text.as_str()).collect();
    text.join(" ").to_lowercase().replace([',', '.', '?', '!'], "")
}

/// The reading (102..132 s) and the dialogue (133..162 s), heard once for all tests.
fn reading() -> &'static Heard {
    static HEARD: OnceLock<Heard> = OnceLock::new();
    HEARD.get_or_init(|| hear(panel(101.0, 60.7)))
}

#[test]
fn a_reading_is_recognised_word_by_word() {
    let heard = reading();
    let text = said(heard);
    for line in [
        "john dashwood had then leisure to consider how much there might be prudently in his power to do for them",
        "had he married a more amiable woman he might have been made still more respectable than he was",
        "he might even have been made amiable himself",
    ] {
        assert!(text.contains(line), "{line:?} is missing in {text:?}");
    }
    let language = heard.language.as_ref().expect("a language");
    assert!(language.code == "en" && language.confidence > 0.9, "{language:?}");
    assert!(heard.segments.iter().all(|s| s.recognizer == "whisper" && !s.low_confidence), "{:?}", heard.segments);
    assert_eq!(heard.models.len(), 4);
    assert!(heard.models.iter().all(|m| m.sha256.len() == 64), "{:?}", heard.models);
}

#[test]
fn lines_that_are_said_twice_are_written_twice() {
    let text = said(reading());
    for (line, times) in [("do you hear me", 2), ("that's a good story", 2), ("yes", 2), ("not now", 1)] {
        assert_eq!(text.matches(line).count(), times, "{line:?} in {text:?}");
    }
}

#[test]
fn words_are_in_order_apart_and_inside_speech() {
    let heard = reading();
    let words = words(heard);
    assert!(words.len() > 130, "{}", words.len());
    assert!(words.windows(2).all(|p| p[0].start < p[0].end && p[0].end <= p[1].start));
    for word in words {
        assert!((0.0..=1.0).contains(&word.confidence) && !word.text.trim().is_empty() && word.end - word.start < 2.0);
        let inside = heard.speech.iter().any(|s| word.start >= s.start - 0.002 && word.start < s.end + 0.05);
        assert!(inside, "{word:?} begins outside speech");
    }
    for segment in &heard.segments {
        assert_eq!(
            Some((segment.start, segment.end)),
            segment.words.first().zip(segment.words.last()).map(|(a, b)| (a.start, b.end))
        );
    }
    assert!(heard.segments.windows(2).all(|p| p[0].end <= p[1].start));
}

#[test]
fn words_begin_where_the_reader_begins_them() {
    // From the alignment that comes with the reading; the clip starts at 102.16 - 101.0 = 1.16 s.
    let words = words(reading());
    for (text, start) in [("John", 0.63), ("Dashwood", 0.98), ("had", 1.58), ("then", 1.84)] {
        let word = words.iter().find(|w| w.text == text).unwrap_or_else(|| panic!("{text} is missing"));
        assert!((word.start - 1.16 - start).abs() < 0.12, "{word:?}, wanted {}", start + 1.16);
    }
}

#[test]
fn speech_is_found_and_pauses_are_left_out() {
    let heard = reading();
    // The second between the reading and the dialogue, and the pauses between the sentences of the reading.
    let silent = |from: f64, to: f64| heard.speech.iter().all(|s| s.end <= from || s.start >= to);
    assert!(silent(30.95, 32.3), "{:?}", heard.speech);
    assert!(!silent(2.0, 7.0) && !silent(33.0, 60.0));
    assert!(heard.speech.windows(2).all(|p| p[0].end <= p[1].start));
    let total: f64 = heard.speech.iter().map(|s| s.length()).sum();
    assert!((35.0..52.0).contains(&total), "{total} s of speech");
}

#[test]
fn the_same_sound_is_heard_the_same_way_in_blocks_of_any_size() {
    let samples = panel(133.0, 12.0);
    let a = hear_with(samples.clone(), 4096, |_| ()).expect("hears");
    let b = hear_with(samples, 777, |_| ()).expect("hears");
    assert!(!a.segments.is_empty());
    assert_eq!(a, b);
}

#[test]
fn sound_without_speech_gives_no_words() {
    let mut noise = 1u32;
    let mut random = move || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise as f32 / u32::MAX as f32 - 0.5
    };
    let n = 20 * RATE;
    let hiss: Vec<f32> = (0..n).map(|_| random() * 0.4).collect();
    let tune =
        (0..n).map(|i| ((i as f32 * 0.05).sin() + (i as f32 * 0.0628).sin()) * 0.3 * ((i / 8000 % 3) as f32 / 2.0));
    let clicks = (0..n).map(|i| if i % 8000 < 40 { 0.9 } else { 0.0 });
    let broken = (0..n).map(|i| if i % 3 == 0 { f32::NAN } else { f32::INFINITY });
    for (name, samples) in [
        ("nothing", Vec::new()),
        ("silence", vec![0.0; n]),
        ("hiss", hiss),
        ("tune", tune.collect()),
        ("clicks", clicks.collect()),
        ("broken", broken.collect()),
    ] {
        let heard = hear(samples);
        assert!(heard.segments.is_empty(), "{name}: {:?}", heard.segments);
    }
}

#[test]
fn the_language_can_be_named() {
    let heard = hear_with(panel(102.0, 8.0), 4096, |job| job.language = Some("de".into())).expect("hears");
    assert_eq!(heard.language.map(|l| (l.code, l.confidence)), Some(("de".into(), 1.0)));
    let fault = hear_with(Vec::new(), 4096, |job| job.language = Some("xx".into())).expect_err("unknown");
    assert_eq!(fault.code, Code::ConfigInvalid);
}

#[test]
fn without_recognition_the_speech_is_written_for_another_recogniser() {
    let out = tempfile::tempdir().expect("a folder");
    let samples = panel(102.0, 8.0);
    let count = samples.len();
    let heard = hear_with(samples, 4096, |job| {
        (job.recognize, job.out_dir) = (false, out.path().to_owned());
    })
    .expect("hears");
    assert!(heard.segments.is_empty() && !heard.speech.is_empty() && heard.language.is_none());
    assert_eq!(wav::Reader::open(&out.path().join(SPEECH_WAV)).expect("a WAV").len(), count);
    let nowhere = hear_with(Vec::new(), 4096, |job| {
        (job.recognize, job.out_dir) = (false, out.path().join("absent"));
    });
    assert_eq!(nowhere.expect_err("no folder").code, Code::OutputUnwritable);
}

struct Stopped;

impl Monitor for Stopped {
    fn progress(&self, _fraction: f64) {}
    fn cancelled(&self) -> bool {
        true
    }
}

#[test]
fn it_stops_on_request() {
    let job = job(&folder("OMNIVA_MODELS"), &std::env::temp_dir());
    let fault = listen(&job, &mut Samples { samples: vec![0.0; RATE], at: 0, block: 512 }, &Stopped);
    assert_eq!(fault.expect_err("stopped").code, Code::Cancelled);
}

/// A models folder made of links to the real one, in which `file` has other contents, or is absent.
fn changed(file: &str, contents: Option<&[u8]>) -> tempfile::TempDir {
    fn link(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("models").map(|e| e.expect("an entry").path()) {
            let target = to.join(entry.file_name().expect("a name"));
            if entry.is_dir() { link(&entry, &target) } else { symlink(&entry, &target).expect("a link") }
        }
    }
    let copy = tempfile::tempdir().expect("a folder");
    link(&folder("OMNIVA_MODELS"), copy.path());
    std::fs::remove_file(copy.path().join(file)).expect("the link was there");
    if let Some(contents) = contents {
        std::fs::write(copy.path().join(file), contents).expect("writes");
    }
    copy
}

#[test]
fn a_missing_or_wrong_model_is_told_by_name() {
    let real = folder("OMNIVA_MODELS");
    let vad = std::fs::read(real.join("silero_vad.onnx")).expect("a model");
    for (file, contents, code) in [
        ("silero_vad.onnx", None, Code::ModelMissing),
        ("whisper/tokenizer.json", None, Code::ModelMissing),
        ("silero_vad.onnx", Some(&b"no model"[..]), Code::ModelMismatch),
        ("whisper/onnx/encoder_int8.onnx", Some(&vad[..]), Code::ModelMismatch),
        ("whisper/onnx/decoder_int8.onnx", Some(&vad[..]), Code::ModelMismatch),
        ("whisper/config.json", Some(&b"{}"[..]), Code::ModelMismatch),
        ("whisper/tokenizer.json", Some(&b"[]"[..]), Code::ModelMismatch),
    ] {
        let models = changed(file, contents);
        let fault = hear_with(Vec::new(), 4096, |job| job.models = models.path().to_owned()).expect_err(file);
        assert!(fault.code == code && fault.message.contains(file), "{file}: {fault:?}");
    }
    let fault = hear_with(Vec::new(), 4096, |job| job.models = PathBuf::from("/nonexistent")).expect_err("absent");
    assert_eq!(fault.code, Code::ModelMissing);
}
