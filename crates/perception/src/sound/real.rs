//! The real speaker model on the development talk show.

use std::path::PathBuf;
use std::process::Command;

use omniva_contracts::Span;
use omniva_contracts::analysis::{AudioPeak, Curve, Turn};

use super::{Levels, Peaks, Turns};
use crate::runtime::Runtime;

/// A folder named by the environment; a missing one fails the test.
pub(crate) fn folder(variable: &str) -> PathBuf {
    PathBuf::from(std::env::var_os(variable).unwrap_or_else(|| panic!("set {variable} (make test does)")))
}

/// 16 kHz mono samples of the talk show.
pub(crate) fn talk_show() -> Vec<f32> {
    let file = folder("OMNIVA_TEST_MEDIA").join("panel.mp4");
    let out = Command::new("ffmpeg")
        .args(["-v", "quiet", "-i"])
        .arg(&file)
        .args(["-ac", "1", "-ar", "16000", "-f", "f32le", "-"])
        .output()
        .expect("ffmpeg runs");
    assert!(out.status.success() && !out.stdout.is_empty(), "ffmpeg can't read {}", file.display());
    out.stdout.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

/// Where Silero VAD (threshold 0.5, pauses from 0.3 s) hears speech in the talk show.
#[rustfmt::skip]
const SPEECH: &[(f64, f64)] = &[
    (1.19, 4.73), (5.03, 6.37), (6.66, 8.35), (8.80, 10.43), (10.75, 12.93), (13.47, 17.12), (17.54, 20.61), (21.25, 24.13),
    (24.64, 26.17), (26.56, 28.41), (29.09, 41.79), (47.33, 47.87), (49.63, 52.45), (52.80, 55.61), (56.13, 61.34),
    (62.15, 69.37), (69.67, 77.34), (78.11, 83.55), (83.91, 90.62), (91.46, 92.64), (92.99, 95.01), (95.43, 97.02),
    (97.38, 99.17), (102.43, 109.15), (110.56, 113.21), (114.56, 119.52), (120.90, 126.53), (127.71, 130.72),
    (133.57, 134.46), (135.04, 135.39), (135.94, 136.83), (137.41, 137.79), (138.31, 141.60), (142.21, 144.93),
    (145.44, 147.58), (148.13, 150.53), (151.07, 152.38), (152.90, 153.37), (153.89, 155.45), (156.00, 156.67),
    (157.22, 160.96), (165.60, 221.47), (221.76, 237.12),
];

/// Where the scenes of the talk show begin and end; D and E alternate inside the fourth.
pub(crate) const SCENES: [(f64, f64); 5] = [(0.0, 44.4), (46.9, 100.1), (102.2, 131.9), (133.4, 161.7), (164.7, 238.0)];

struct Listened {
    turns: Vec<Turn>,
    peaks: Vec<AudioPeak>,
    levels: Curve,
    warnings: Vec<String>,
}

fn listen(samples: &[f32], speech: &[Span]) -> Listened {
    let runtime = Runtime::load(&folder("OMNIVA_MODELS")).expect("runtime");
    let (mut turns, mut peaks, mut levels) =
        (Turns::new(&runtime).expect("speaker model"), Peaks::new(16_000), Levels::new(16_000));
    for block in samples.chunks(4_096) {
        turns.push(block);
        peaks.push(block);
        levels.push(block);
    }
    for span in speech {
        let (from, to) = ((span.start * 16e3) as usize, ((span.end * 16e3) as usize).min(samples.len()));
        turns.speech(*span, &samples[from..to]).expect("embeds");
    }
    let (turns, run, warnings) = turns.finish();
    assert_eq!(run.sha256, "c4d17ba220a33d7f27866c78f573372f4ae2dd57b405cdacdaf4483ecc374812");
    Listened { turns, peaks: peaks.finish(speech), levels: levels.finish(), warnings }
}

#[test]
fn the_scenes_of_the_talk_show_are_turns_of_different_speakers() {
    let samples = talk_show();
    let speech: Vec<Span> = SPEECH.iter().map(|(a, b)| Span::new(*a, *b)).collect();
    let heard = listen(&samples, &speech);
    assert!(heard.warnings.is_empty(), "{:?}", heard.warnings);
    assert!(heard.peaks.is_empty(), "read speech has neither laughter nor bangs: {:?}", heard.peaks);
    assert_eq!(heard.levels.values.len(), samples.len().div_ceil(1_600));
    let speaker = |t: f64| heard.turns.iter().find(|turn| turn.start <= t && t < turn.end).map(|turn| turn.speaker);
    for scene in [0, 1, 2, 4] {
        let (from, to) = SCENES[scene];
        let inside: Vec<&Turn> = heard.turns.iter().filter(|t| t.start >= from && t.end <= to).collect();
        let speakers: std::collections::BTreeSet<u32> = inside.iter().map(|t| t.speaker).collect();
        assert_eq!(speakers.len(), 1, "scene {scene}: {inside:?}");
    }
    let of_scenes: Vec<Option<u32>> = [30.0, 60.0, 105.0, 180.0].map(speaker).to_vec();
    for (i, a) in of_scenes.iter().enumerate() {
        assert!(a.is_some() && !of_scenes[..i].contains(a), "{of_scenes:?}");
    }
    assert!(heard.turns.iter().all(|t| SCENES.iter().any(|s| t.start >= s.0 && t.end <= s.1)), "a turn crosses scenes");
}

#[test]
fn a_change_of_voice_without_a_pause_is_found() {
    let samples = talk_show();
    let cut = |from: f64, to: f64| &samples[(from * 16e3) as usize..(to * 16e3) as usize];
    // Two stretches of fluent speech, put together as if the second speaker fell into the first one's word.
    let spliced = [cut(29.2, 36.0), cut(168.0, 176.0)].concat();
    let end = spliced.len() as f64 / 16e3;
    let turns = listen(&spliced, &[Span::new(0.0, end)]).turns;
    assert_eq!(turns.len(), 2, "{turns:?}");
    assert!((turns[0].end - 6.8).abs() < 0.8 && turns[0].speaker != turns[1].speaker, "{turns:?}");
}

#[test]
fn a_telephone_is_told() {
    // A crude telephone: smoothed until next to nothing is left above 4 kHz.
    let samples = talk_show();
    let mut voice: Vec<f32> = samples[29 * 16_000..40 * 16_000].to_vec();
    for _ in 0..60 {
        voice = voice.windows(3).map(|w| 0.25 * w[0] + 0.5 * w[1] + 0.25 * w[2]).collect();
    }
    let end = voice.len() as f64 / 16e3;
    let heard = listen(&voice, &[Span::new(0.0, end)]);
    assert_eq!(heard.warnings.len(), 1, "{:?}", heard.warnings);
    assert!(heard.warnings[0].contains("telephone"));
}
