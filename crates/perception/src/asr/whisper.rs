//! Whisper as a [`Recognizer`]: reads a window, tries again where the reading is doubtful, and makes segments of it.

use omniva_contracts::analysis::{Language, Segment};
use omniva_contracts::geometry::ms;
use omniva_contracts::{Code, Fault, Span};

use super::decode::{self, Reading};
use super::mel::LogMel;
use super::model::{Model, Sound};
use super::tokens::Tokens;
use super::words::{self, Timed};
use super::{Recognizer, STEP, TIME_STEPS, align, gaps, guard, resume};
use crate::runtime::Runtime;
use crate::vad::Stretch;
use crate::windows::Window;

/// Temperatures of the tries after the first one.
const TEMPERATURES: [f64; 5] = [0.2, 0.4, 0.6, 0.8, 1.0];

/// The model turns to a word this long before its sound begins, seconds (median over words of read English that were
/// aligned by another engine).
const LEAD: f64 = 0.04;

/// Less speech without words than this, seconds, is let be: breaths, laughs.
const LEAST_MISSED: f64 = 0.3;
/// Confidence at which words heard at the second try are believed.
const CLEAR: f64 = 0.5;

/// What became of a window.
#[derive(Debug)]
pub struct Read {
    pub segments: Vec<Segment>,
    /// Stretches at the end that belong into the next window.
    pub unread: Vec<Stretch>,
}

pub struct Whisper {
    model: Model,
    tokens: Tokens,
    mel: LogMel,
    tongue: Option<usize>,
    low_confidence: f64,
}

impl Whisper {
    /// Loads the model to compute on `threads` threads. Segments below `low_confidence` are read twice and marked.
    ///
    /// Errors: `model_missing`, `model_mismatch`.
    pub fn load(runtime: &Runtime, threads: usize, low_confidence: f64) -> Result<Whisper, Fault> {
        let tokens = Tokens::load(runtime)?;
        let model = Model::load(runtime, &tokens, threads)?;
        Ok(Whisper { model, tokens, mel: LogMel::new(), tongue: None, low_confidence })
    }

    /// Reads everything from now on as the language `code`.
    ///
    /// Errors: `config_invalid` for a code that the model does not know.
    pub fn set_language(&mut self, code: &str) -> Result<(), Fault> {
        let known = self.tokens.tongues.iter().position(|t| t.code == code);
        self.tongue = Some(known.ok_or_else(|| {
            Fault::new(
                Code::ConfigInvalid,
                format!("the recogniser does not know the language {code:?}"),
                "use an ISO 639-1 code such as en, or auto",
            )
        })?);
        Ok(())
    }

    /// Listens to a window; the result can be asked for its language and read.
    pub fn encode(&mut self, window: &Window) -> Result<Sound, Fault> {
        let mel = self.mel.compute(&window.samples)?;
        self.model.encode(&mel)
    }

    /// The language of several windows together; each counts by the length of its speech.
    pub fn detect(&mut self, heard: &[(Window, Sound)]) -> Result<Option<Language>, Fault> {
        let mut sums = vec![0.0; self.tokens.tongues.len()];
        let mut weight = 0.0;
        for (window, sound) in heard {
            let speech: f64 = window.voiced.iter().map(|v| v.inside.length()).sum();
            let shares = decode::tongues(&mut self.model, &self.tokens, sound)?;
            sums.iter_mut().zip(shares).for_each(|(sum, share)| *sum += share * speech);
            weight += speech;
        }
        // The first of equals, so that the answer never depends on the order of comparison.
        let best = (0..sums.len()).rev().max_by(|&a, &b| sums[a].total_cmp(&sums[b])).filter(|_| weight > 0.0);
        Ok(best.map(|i| Language { code: self.tokens.tongues[i].code.clone(), confidence: ms(sums[i] / weight) }))
    }

    /// Reads a window that was listened to, as far as the reading goes. What the encoder made of it (37 MB) is let go
    /// before anything else is listened to.
    pub fn read(&mut self, window: &Window, sound: Sound) -> Result<Read, Fault> {
        let mut reading = self.best_reading(window, &sound)?;
        drop(sound);
        let (mut unread, mut end) = (Vec::new(), f64::INFINITY);
        if let Some(point) = resume::point(&self.tokens, window, &reading)? {
            reading.said.truncate(point.keep);
            (unread, end) = (point.unread, point.at);
        }
        let mut segments = self.segments(window, &reading)?;
        drop(reading);
        self.fill_gaps(window, &mut segments, end)?;
        Ok(Read { segments, unread })
    }

    /// Reads once more what the reading passed over; only what is then heard clearly is taken.
    fn fill_gaps(&mut self, window: &Window, segments: &mut Vec<Segment>, end: f64) -> Result<(), Fault> {
        let missed = gaps::passed_over(window, segments, end);
        // A window without any words is music or noise, and reading it again makes words up.
        if segments.is_empty() || missed.iter().map(|s| s.span.length()).sum::<f64>() < LEAST_MISSED {
            return Ok(());
        }
        let part = Window::of(&missed);
        let sound = self.encode(&part)?;
        let reading = self.best_reading(&part, &sound)?;
        let mut found = self.segments(&part, &reading)?;
        found.retain(|s| s.confidence >= self.low_confidence.max(CLEAR));
        gaps::insert(segments, found);
        Ok(())
    }

    /// Reads a window and, in windows of their own, the stretches at its end that the first reading left out.
    pub fn read_all(&mut self, window: &Window, sound: Sound) -> Result<Vec<Segment>, Fault> {
        let Read { mut segments, mut unread } = self.read(window, sound)?;
        while !unread.is_empty() {
            let rest = Window::of(&unread);
            let sound = self.encode(&rest)?;
            let read = self.read(&rest, sound)?;
            segments.extend(read.segments);
            unread = read.unread;
        }
        Ok(segments)
    }

    /// The first reading that raises no doubt; or else the likeliest of those that do not go round in circles.
    fn best_reading(&mut self, window: &Window, sound: &Sound) -> Result<Reading, Fault> {
        let seed = decode::seed(&window.samples);
        let tongue = self.tongue.and_then(|i| self.tokens.tongues.get(i)).or(self.tokens.tongue("en"));
        let tongue = tongue.map(|t| t.token).ok_or_else(|| Fault::internal("no language was chosen"))?;
        let mut best: Option<(bool, Reading)> = None;
        for temperature in std::iter::once(0.0).chain(TEMPERATURES) {
            let reading = decode::read(&mut self.model, &self.tokens, sound, tongue, temperature, seed)?;
            let text = self.tokens.text(&reading.tokens())?;
            let doubtful = guard::is_doubtful(&reading, &text);
            let unsure = !doubtful && self.least_confidence(&reading) < self.low_confidence;
            if !doubtful && !unsure {
                return Ok(reading);
            }
            let sane = !guard::loops(&text);
            let better = best.as_ref().is_none_or(|(best_sane, b)| {
                (sane, reading.average_log_probability) > (*best_sane, b.average_log_probability)
            });
            if better {
                best = Some((sane, reading));
            }
            // A sound reading with a weak segment gets one more chance, not five.
            if unsure && temperature > 0.0 {
                break;
            }
        }
        Ok(best.map(|(_, reading)| reading).unwrap_or_default())
    }

    /// Confidence of the weakest segment; 1 without any.
    fn least_confidence(&self, reading: &Reading) -> f64 {
        let stretches = reading.said.split(|s| self.tokens.is_time(s.token)).filter(|s| !s.is_empty());
        stretches.map(|s| confidence(s.iter().map(|s| s.log_probability))).fold(1.0, f64::min)
    }

    fn segments(&self, window: &Window, reading: &Reading) -> Result<Vec<Segment>, Fault> {
        if guard::is_silence(reading) {
            return Ok(Vec::new());
        }
        let timed = self.timed(window, reading);
        let language = self.tongue.and_then(|i| self.tokens.tongues.get(i)).map_or("en", |t| t.code.as_str());
        let mut segments: Vec<Segment> = Vec::new();
        let mut stretch: Vec<Timed> = Vec::new();
        let mut text = timed.into_iter();
        for said in &reading.said {
            if self.tokens.is_time(said.token) {
                segments.extend(self.segment(window, reading, language, &stretch)?);
                stretch.clear();
            } else {
                stretch.extend(text.next());
            }
        }
        segments.extend(self.segment(window, reading, language, &stretch)?);
        keep_apart(&mut segments);
        Ok(segments)
    }

    /// When each text token of the reading was said.
    fn timed(&self, window: &Window, reading: &Reading) -> Vec<Timed> {
        let spoken: Vec<usize> =
            (0..reading.said.len()).filter(|&i| !self.tokens.is_time(reading.said[i].token)).collect();
        // The row after the last text token tells where that token ends.
        let end = spoken.last().map(|&i| i + 1);
        let rows: Vec<&[f32]> =
            spoken.iter().copied().chain(end).filter_map(|i| reading.attention.get(i)).map(Vec::as_slice).collect();
        let steps = ((window.length() / STEP).ceil() as usize).clamp(1, TIME_STEPS);
        let starts = align::starts(&rows, reading.heads, steps);
        let at = |k: usize| starts.get(k).map_or(steps as f64 * STEP, |&step| step as f64 * STEP + LEAD);
        let timed = |(k, &i): (usize, &usize)| {
            let said = reading.said[i];
            Timed { token: said.token, log_probability: said.log_probability, span: Span::new(at(k), at(k + 1)) }
        };
        spoken.iter().enumerate().map(timed).collect()
    }

    fn segment(
        &self,
        window: &Window,
        reading: &Reading,
        language: &str,
        timed: &[Timed],
    ) -> Result<Option<Segment>, Fault> {
        let words = words::words(&self.tokens, window, language, timed)?;
        let (Some(first), Some(last)) = (words.first(), words.last()) else { return Ok(None) };
        let text = self.tokens.text(&timed.iter().map(|t| t.token).collect::<Vec<_>>())?;
        let confidence = confidence(timed.iter().map(|t| t.log_probability));
        Ok(Some(Segment {
            start: first.start,
            end: last.end,
            text: text.trim().to_owned(),
            confidence,
            no_speech: ms(reading.no_speech),
            temperature: reading.temperature,
            low_confidence: confidence < self.low_confidence,
            recognizer: "whisper".into(),
            words,
        }))
    }
}

impl Recognizer for Whisper {
    /// Detects the language of the first window when none was set.
    fn recognize(&mut self, window: &Window) -> Result<Vec<Segment>, Fault> {
        let sound = self.encode(window)?;
        if self.tongue.is_none() {
            let heard = [(window.clone(), sound)];
            if let Some(language) = self.detect(&heard)? {
                self.set_language(&language.code)?;
            }
            let [(_, sound)] = heard;
            return self.read_all(window, sound);
        }
        self.read_all(window, sound)
    }
}

/// exp(mean log probability), 0..1.
fn confidence(log_probabilities: impl ExactSizeIterator<Item = f32>) -> f64 {
    let n = log_probabilities.len().max(1) as f64;
    ms((log_probabilities.map(f64::from).sum::<f64>() / n).exp().clamp(0.0, 1.0))
}

/// No word may begin before the last one of the segment before it ends.
pub fn keep_apart(segments: &mut [Segment]) {
    let mut floor = 0.0f64;
    for segment in segments {
        for word in &mut segment.words {
            word.start = word.start.max(floor);
            word.end = ms(word.end.max(word.start + 0.02));
            floor = word.end;
        }
        if let (Some(first), Some(last)) = (segment.words.first(), segment.words.last()) {
            (segment.start, segment.end) = (first.start, last.end);
        }
    }
}
