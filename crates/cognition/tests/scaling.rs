//! The work grows with the length, not with its square: windows are counted, no clock is read.

#![allow(clippy::expect_used, reason = "a helper of a test may fail it")]

mod common;

use common::{Said, analysis, said};
use omniva_contracts::config::Config;

fn script(sentences: u32) -> Vec<Said> {
    let text = |k: u32| format!("Sentence {k} speaks of item {} and of place {}.", k % 97, k % 41);
    (0..sentences).map(|k| said(k / 40 % 3, k / 60, 0.3, &text(k))).collect()
}

fn windows(sentences: u32) -> (u64, usize) {
    let choice = omniva_cognition::choose(&analysis(&script(sentences)), &Config::load(None).expect("valid"));
    (choice.windows_scanned, choice.candidates.len())
}

#[test]
fn windows_grow_with_the_length() {
    let (small, _) = windows(2_500);
    let (large, candidates) = windows(20_000);
    let per_sentence = small as f64 / 2_500.0;
    let growth = large as f64 / small as f64;
    assert!((7.5..=8.5).contains(&growth), "eight times the sentences, {growth:.2} times the windows");
    assert!(per_sentence <= 24.0, "{per_sentence} windows a sentence");
    assert!(candidates <= 400);
}

#[test]
fn tiny_sentences_do_not_multiply_the_windows() {
    let script: Vec<Said> = (0..6_000).map(|k| said(0, 0, 0.0, if k % 7 == 0 { "Oh." } else { "Yes." })).collect();
    let choice = omniva_cognition::choose(&analysis(&script), &Config::load(None).expect("valid"));
    assert!(choice.windows_scanned <= 6_000 * 24, "{}", choice.windows_scanned);
}
