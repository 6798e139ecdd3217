//! The `verbose_json` answer of a transcription endpoint. Nothing in it is trusted: times may be missing, wrong or
//! backwards, words may be absent, text may hold control characters.

use omniva_contracts::analysis::{Language, Segment, Word};
use omniva_contracts::geometry::ms;
use omniva_contracts::{Fault, Span};
use serde::Deserialize;

use super::{languages, refused};
use crate::windows::Window;

/// Confidence of text for which the endpoint gives none.
const UNKNOWN: f64 = 0.8;
/// Shortest word, seconds.
const SHORTEST: f64 = 0.02;

#[derive(Debug, Deserialize)]
pub struct Reply {
    #[serde(default)]
    language: Option<String>,
    text: String,
    #[serde(default)]
    segments: Vec<Part>,
    #[serde(default)]
    words: Vec<Spoken>,
}

#[derive(Debug, Deserialize)]
struct Part {
    start: f64,
    end: f64,
    text: String,
    #[serde(default)]
    avg_logprob: Option<f64>,
    #[serde(default)]
    no_speech_prob: Option<f64>,
    #[serde(default)]
    temperature: Option<f64>,
    /// Some endpoints put the words here.
    #[serde(default)]
    words: Vec<Spoken>,
}

#[derive(Clone, Debug, Deserialize)]
struct Spoken {
    #[serde(alias = "text")]
    word: String,
    start: Option<f64>,
    end: Option<f64>,
    #[serde(default)]
    probability: Option<f64>,
}

impl Reply {
    /// Errors: `recognizer_http` when the body is no such answer.
    pub fn parse(body: &[u8]) -> Result<Reply, Fault> {
        serde_json::from_slice(body).map_err(|e| {
            refused("the recogniser's answer is no verbose_json transcript", "check recognizer.http.url and its model")
                .with_detail(e)
        })
    }

    /// The endpoint's word for it; it gives no probability.
    pub fn language(&self) -> Option<Language> {
        let code = languages::code(self.language.as_deref()?)?;
        Some(Language { code: code.into(), confidence: UNKNOWN })
    }

    /// Segments with times on the source.
    pub fn segments(mut self, window: &Window, low_confidence: f64) -> Vec<Segment> {
        if self.segments.is_empty() {
            let whole = Part {
                start: 0.0,
                end: window.length(),
                text: std::mem::take(&mut self.text),
                avg_logprob: None,
                no_speech_prob: None,
                temperature: None,
                words: Vec::new(),
            };
            self.segments.push(whole);
        }
        let loose = std::mem::take(&mut self.words);
        let count = self.segments.len();
        let mut next = 0;
        let mut segments = Vec::new();
        for (i, mut part) in self.segments.into_iter().enumerate() {
            if part.words.is_empty() {
                // Words come in order, so a segment takes those that begin before it ends, and the last all others.
                let mine = loose[next..].iter().take_while(|w| {
                    i + 1 == count || w.start.is_none_or(|s| (s + w.end.unwrap_or(s)) / 2.0 < part.end)
                });
                let mine = mine.count();
                part.words = loose[next..next + mine].to_vec();
                next += mine;
            }
            segments.extend(part.segment(window, low_confidence));
        }
        segments
    }
}

impl Part {
    fn segment(self, window: &Window, low_confidence: f64) -> Option<Segment> {
        let text = clean(&self.text);
        let confidence = self.avg_logprob.filter(|p| p.is_finite()).map_or(UNKNOWN, |p| p.exp().clamp(0.0, 1.0));
        let span = bounded(Some(self.start), Some(self.end), &Span::new(0.0, window.length()));
        let words = place(&text, &self.words, span, confidence, window);
        let (first, last) = (words.first()?, words.last()?);
        let share = |value: Option<f64>| value.filter(|v| v.is_finite()).unwrap_or(0.0).clamp(0.0, 1.0);
        Some(Segment {
            start: first.start,
            end: last.end,
            text,
            confidence: ms(confidence),
            no_speech: ms(share(self.no_speech_prob)),
            temperature: share(self.temperature),
            low_confidence: confidence < low_confidence,
            recognizer: "http".into(),
            words,
        })
    }
}

/// Words of `text` with their times: those of `spoken` where it has as many, otherwise `span` shared by length.
fn place(text: &str, spoken: &[Spoken], span: Span, confidence: f64, window: &Window) -> Vec<Word> {
    let written: Vec<&str> = text.split_whitespace().filter(|w| w.chars().any(char::is_alphanumeric)).collect();
    let timed = !spoken.is_empty() && spoken.iter().all(|w| w.start.is_some_and(f64::is_finite));
    let mut drafts: Vec<(String, Span, f64)> = Vec::new();
    if timed {
        for (i, word) in spoken.iter().enumerate() {
            // The text has the punctuation that word lists often lack.
            let text = if written.len() == spoken.len() { written[i].to_owned() } else { clean(&word.word) };
            let sure = word.probability.filter(|p| p.is_finite()).map_or(confidence, |p| p.clamp(0.0, 1.0));
            drafts.push((text, bounded(word.start, word.end, &Span::new(0.0, window.length())), sure));
        }
    } else {
        let total: usize = written.iter().map(|w| w.chars().count() + 1).sum();
        let mut before = 0;
        for word in written {
            let at = |chars: usize| span.start + span.length() * chars as f64 / total.max(1) as f64;
            let after = before + word.chars().count() + 1;
            drafts.push((word.to_owned(), Span::new(at(before), at(after)), confidence));
            before = after;
        }
    }
    let mut words: Vec<Word> = Vec::with_capacity(drafts.len());
    for (text, span, sure) in drafts.into_iter().filter(|d| !d.0.is_empty()) {
        let Some(voiced) = window.voiced_at(&span) else { continue };
        let start = ms(voiced.to_source(span.start).max(words.last().map_or(0.0, |w| w.end)));
        let end = ms(voiced.to_source(span.end).max(start + SHORTEST));
        words.push(Word { text, start, end, confidence: ms(sure) });
    }
    words
}

/// A span inside `limits`, whatever was given.
fn bounded(start: Option<f64>, end: Option<f64>, limits: &Span) -> Span {
    let finite = |t: Option<f64>, other: f64| t.filter(|t| t.is_finite()).unwrap_or(other);
    let start = finite(start, limits.start).clamp(limits.start, limits.end);
    Span::new(start, finite(end, start).clamp(start, limits.end))
}

fn clean(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible.trim().to_owned()
}
