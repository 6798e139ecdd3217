//! Where someone speaks: the Silero detector, fed 32 ms at a time, and a gate that turns its probabilities into spans.

use std::collections::VecDeque;

use omniva_contracts::{Fault, Span};
use ort::session::Session;
use ort::value::TensorRef;

use crate::runtime::{Runtime, failed, mismatch};

pub const MODEL: &str = "silero_vad.onnx";
pub const SAMPLE_RATE: usize = 16_000;
/// Samples of one decision.
pub const CHUNK: usize = 512;
/// Samples of the past that the model sees before each chunk.
const CONTEXT: usize = 64;
const STATE: [usize; 3] = [2, 1, 128];
const ROLE: &str = "voice activity";

/// Speech begins at this probability …
const ON: f32 = 0.5;
/// … and ends when it stays below this one …
const OFF: f32 = 0.35;
/// … for this many chunks (192 ms): shorter breaks belong to the words around them.
const BREAK: usize = 6;
/// Shorter bursts (under 160 ms) are clicks, not words.
const SHORTEST: usize = 5;
/// Speech longer than this (28 s) is divided at its quietest place, so that it fits a window of 30 s.
const LONGEST: usize = 875;
/// The detector answers late at onsets and early at the ends of words.
const PAD: usize = 640;
/// Sound kept on both sides of a stretch: recognisers read better with some air around the words.
const AIR: usize = 4_800;

/// Probability of speech, chunk by chunk.
pub struct VoiceDetector {
    session: Session,
    state: Vec<f32>,
    input: Vec<f32>,
}

impl VoiceDetector {
    /// Errors: `model_missing`, `model_mismatch`.
    pub fn load(runtime: &Runtime) -> Result<Self, Fault> {
        let session = runtime.session(MODEL, 1)?;
        let takes = |name: &str| session.inputs().iter().any(|i| i.name() == name);
        if !["input", "state", "sr"].into_iter().all(takes) {
            return Err(mismatch(MODEL, "its inputs are not those of Silero"));
        }
        Ok(Self { session, state: vec![0.0; STATE.iter().product()], input: vec![0.0; CONTEXT + CHUNK] })
    }

    /// Probability (0..1) that the next chunk holds speech; fewer samples than [`CHUNK`] are filled up with silence.
    pub fn probability(&mut self, chunk: &[f32]) -> Result<f32, Fault> {
        let fail = |e: ort::Error| failed(ROLE, e);
        self.input.copy_within(CHUNK.., 0);
        for (i, slot) in self.input[CONTEXT..].iter_mut().enumerate() {
            *slot = chunk.get(i).copied().unwrap_or(0.0);
        }
        let rate = [SAMPLE_RATE as i64];
        let outputs = self
            .session
            .run(ort::inputs![
                "input" => TensorRef::from_array_view(([1, CONTEXT + CHUNK], self.input.as_slice())).map_err(fail)?,
                "state" => TensorRef::from_array_view((STATE, self.state.as_slice())).map_err(fail)?,
                "sr" => TensorRef::from_array_view(([0usize; 0], rate.as_slice())).map_err(fail)?,
            ])
            .map_err(fail)?;
        let read = |name: &str| {
            let value = outputs.get(name).ok_or_else(|| mismatch(MODEL, "an output is absent"))?;
            value.try_extract_tensor::<f32>().map(|(_, data)| data).map_err(fail)
        };
        let state = read("stateN")?;
        if state.len() != self.state.len() {
            return Err(mismatch(MODEL, "its state has another size"));
        }
        let probability = read("output")?.first().copied().unwrap_or(0.0);
        self.state.copy_from_slice(state);
        Ok(probability)
    }
}

/// Turns probabilities into stretches of chunks `[from, to)`, with hysteresis. Pure.
#[derive(Debug, Default)]
pub struct Gate {
    /// Chunks seen.
    now: usize,
    /// First chunk of the open stretch.
    open: Option<usize>,
    /// Chunk at which the probability fell below [`OFF`].
    quiet_since: Option<usize>,
    /// For each chunk of the open stretch how much it sounds like speech; small = a good place to divide.
    presence: VecDeque<f32>,
}

impl Gate {
    /// First chunk of the stretch that has not ended yet.
    pub fn open(&self) -> Option<usize> {
        self.open
    }

    /// Takes the next chunk's probability and level (dBFS); gives a stretch when it ends.
    pub fn push(&mut self, probability: f32, level: f32) -> Option<(usize, usize)> {
        let at = self.now;
        self.now += 1;
        let Some(from) = self.open else {
            if probability >= ON {
                self.open = Some(at);
                self.quiet_since = None;
                self.presence.clear();
                self.presence.push_back(presence(probability, level));
            }
            return None;
        };
        self.presence.push_back(presence(probability, level));
        if probability >= OFF {
            self.quiet_since = None;
        } else {
            let since = *self.quiet_since.get_or_insert(at);
            if self.now - since >= BREAK {
                self.open = None;
                return (since - from >= SHORTEST).then_some((from, since));
            }
        }
        (self.now - from >= LONGEST).then(|| self.divide(from))
    }

    /// Ends the open stretch: no more chunks come.
    pub fn finish(&mut self) -> Option<(usize, usize)> {
        let from = self.open.take()?;
        let to = self.quiet_since.take().unwrap_or(self.now);
        (to - from >= SHORTEST).then_some((from, to))
    }

    /// Cuts the open stretch where it is quietest, not too near its ends.
    fn divide(&mut self, from: usize) -> (usize, usize) {
        let length = self.presence.len();
        let range = length / 2..length.saturating_sub(BREAK);
        let quietest =
            range.min_by(|&a, &b| self.presence[a].total_cmp(&self.presence[b])).unwrap_or(length / 2).max(1);
        self.presence.drain(..quietest);
        self.open = Some(from + quietest);
        (from, from + quietest)
    }
}

fn presence(probability: f32, level: f32) -> f32 {
    // Inside speech the probability is 1 nearly everywhere; the level tells the gaps between words.
    probability + level.clamp(-80.0, 0.0) / 80.0
}

/// A stretch of speech with its sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// Seconds on the source, padded a little.
    pub span: Span,
    /// Sample of the source at which `samples` begins.
    pub first_sample: usize,
    /// The speech with up to 0.3 s of air before and 0.15 s after it; never shared with a neighbour.
    pub samples: Vec<f32>,
}

impl Stretch {
    /// The speech alone, without the air.
    pub fn voice(&self) -> &[f32] {
        let at = |t: f64| ((t * SAMPLE_RATE as f64).round() as usize).saturating_sub(self.first_sample);
        self.samples.get(at(self.span.start)..at(self.span.end).min(self.samples.len())).unwrap_or(&self.samples)
    }
}

/// Cuts a stream of sound into stretches of speech. Holds at most one stretch and a little air.
pub struct SpeechStream {
    detector: VoiceDetector,
    gate: Gate,
    /// Sound that may still be needed; its first sample is sample `base` of the source.
    buffer: Vec<f32>,
    base: usize,
    /// Samples that the detector has heard.
    heard: usize,
    /// End of the last stretch, with padding, and of its samples.
    last_end: usize,
    last_sample: usize,
}

impl SpeechStream {
    pub fn new(detector: VoiceDetector) -> Self {
        let gate = Gate::default();
        Self { detector, gate, buffer: Vec::new(), base: 0, heard: 0, last_end: 0, last_sample: 0 }
    }

    /// Takes the next samples (16 kHz mono) and gives the stretches that ended.
    pub fn push(&mut self, samples: &[f32]) -> Result<Vec<Stretch>, Fault> {
        self.buffer.extend_from_slice(samples);
        let mut ended = Vec::new();
        while self.base + self.buffer.len() >= self.heard + CHUNK {
            ended.extend(self.chunk(CHUNK)?);
        }
        self.forget();
        Ok(ended)
    }

    /// The stretches that the end of the sound ends.
    pub fn finish(mut self) -> Result<Vec<Stretch>, Fault> {
        let mut ended = Vec::new();
        let rest = self.base + self.buffer.len() - self.heard;
        if rest > 0 {
            ended.extend(self.chunk(rest)?);
        }
        if let Some((from, to)) = self.gate.finish() {
            ended.push(self.cut(from, to));
        }
        Ok(ended)
    }

    fn chunk(&mut self, length: usize) -> Result<Option<Stretch>, Fault> {
        let from = self.heard - self.base;
        let chunk = &self.buffer[from..from + length];
        let probability = self.detector.probability(chunk)?;
        let power = chunk.iter().map(|s| s * s).sum::<f32>() / length as f32;
        self.heard += length;
        Ok(self.gate.push(probability, 10.0 * power.max(1e-10).log10()).map(|(from, to)| self.cut(from, to)))
    }

    fn cut(&mut self, from: usize, to: usize) -> Stretch {
        let available = self.base + self.buffer.len();
        let start = (from * CHUNK).saturating_sub(PAD).max(self.last_end);
        // A divided stretch goes on at once: no padding into its second half.
        let pad = if self.gate.open().is_some() { 0 } else { PAD };
        let end = (to * CHUNK + pad).min(available).max(start);
        let first = start.saturating_sub(AIR).max(self.last_sample).max(self.base);
        // What follows the break may be the padding of the next stretch.
        let air = if pad == 0 { 0 } else { BREAK * CHUNK - PAD };
        let last = (to * CHUNK + air).min(available).max(end);
        (self.last_end, self.last_sample) = (end, last);
        let seconds = |sample: usize| sample as f64 / SAMPLE_RATE as f64;
        Stretch {
            span: Span::new(seconds(start), seconds(end)),
            first_sample: first,
            samples: self.buffer[first - self.base..last - self.base].to_vec(),
        }
    }

    /// Drops sound that no stretch can need any more.
    fn forget(&mut self) {
        let needed = self.gate.open().map_or(self.heard, |chunk| chunk * CHUNK).saturating_sub(PAD + AIR);
        // In steps of a second, so that the rest is not moved with every block.
        if needed > self.base + SAMPLE_RATE {
            self.buffer.drain(..needed - self.base);
            self.base = needed;
        }
    }
}

#[cfg(test)]
#[path = "vad_tests.rs"]
mod tests;
