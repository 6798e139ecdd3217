//! Who speaks when: pieces of one voice, embedded as they come, put together into speakers and turns at the end.
//!
//! Limits, measured: voices in full band are told apart well; telephone-like voices, crosstalk and replies under a
//! second are not, and stay with their neighbour. See [`super::speakers`] for how pieces become speakers.

use omniva_contracts::analysis::{ModelRun, Turn};
use omniva_contracts::geometry::ms;
use omniva_contracts::{Fault, Span};

use super::mel::{HOP, Mel, RATE, WINDOW};
use super::pieces::{self, Piece};
use super::speakers;
use super::voice::Voice;
use crate::runtime::Runtime;

/// Speech longer than this is embedded in parts, so that one long span needs no more memory than a short one, seconds.
const PART: usize = 60;
/// The same voice goes on after a pause of up to this length without a new turn, seconds.
const HOLD: f64 = 2.5;
/// Power share above 4 kHz of a telephone band; real voices in full band have far more in their sibilants.
const TREBLE: f32 = 1e-4;

/// Collects voices from speech spans.
pub struct Turns {
    mel: Mel,
    voice: Voice,
    pieces: Vec<Piece>,
    samples: u64,
    /// Frames of speech, and those in parts whose band ends at 4 kHz.
    frames: u64,
    narrow: u64,
}

impl Turns {
    /// Errors: `model_missing`, `model_mismatch`.
    pub fn new(runtime: &Runtime) -> Result<Self, Fault> {
        Ok(Self { mel: Mel::new(), voice: Voice::load(runtime)?, pieces: Vec::new(), samples: 0, frames: 0, narrow: 0 })
    }

    /// All of the sound, 16 kHz mono: its length bounds the last turn.
    pub fn push(&mut self, samples: &[f32]) {
        self.samples += samples.len() as u64;
    }

    /// One stretch of speech (16 kHz mono, `samples` are those of `span`), in order of time. The samples are not kept.
    ///
    /// Errors: `model_failed`.
    pub fn speech(&mut self, span: Span, samples: &[f32]) -> Result<(), Fault> {
        for (i, part) in samples.chunks(PART * RATE).enumerate() {
            self.part(span.start + (i * PART) as f64, part)?;
        }
        Ok(())
    }

    fn part(&mut self, start: f64, samples: &[f32]) -> Result<(), Fault> {
        let frames = self.mel.frames(samples)?;
        let time = |frame: usize| start + (frame * HOP) as f64 / RATE as f64;
        let runs = pieces::runs(&frames.level);
        self.frames += frames.len() as u64;
        let sibilant = frames.treble.iter().zip(&frames.level).filter(|(t, l)| **t > TREBLE && **l > -60.0).count();
        if sibilant * 20 < frames.len() {
            self.narrow += frames.len() as u64;
        }
        let starts: Vec<Vec<usize>> = runs.iter().map(|run| pieces::windows(*run)).collect();
        let inputs: Vec<Vec<f32>> = runs
            .iter()
            .zip(&starts)
            .flat_map(|(run, starts)| starts.iter().map(|s| pieces::window(&frames, *run, *s)))
            .collect();
        let vectors = self.voice.embed(&inputs)?;
        let mut rest = vectors.as_slice();
        for (run, starts) in runs.iter().zip(&starts) {
            let (own, later) = rest.split_at(starts.len());
            rest = later;
            self.pieces.extend(pieces::cut(*run, starts, own, &frames.level, time));
        }
        // The last frame reaches further than the hop.
        if let (Some(run), Some(piece)) = (runs.last(), self.pieces.last_mut())
            && run.to == frames.len()
        {
            piece.end += (WINDOW - HOP) as f64 / RATE as f64;
        }
        Ok(())
    }

    /// Turns in order, without overlap; the model that was used; and what was hard to hear.
    pub fn finish(self) -> (Vec<Turn>, ModelRun, Vec<String>) {
        let labels = speakers::assign(&self.pieces);
        let end = self.samples as f64 / RATE as f64;
        let turns = join(&self.pieces, &labels, if self.samples > 0 { end } else { f64::INFINITY });
        let mut warnings = Vec::new();
        if self.narrow * 2 > self.frames {
            warnings.push(
                "the voices carry no sound above 4 kHz (telephone quality): speaker changes may be missed".to_owned(),
            );
        }
        (turns, self.voice.run().clone(), warnings)
    }
}

/// Neighbouring pieces of one speaker become one turn.
fn join(pieces: &[Piece], labels: &[u32], end: f64) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for (piece, speaker) in pieces.iter().zip(labels) {
        let (from, to) = (ms(piece.start.max(0.0)), ms(piece.end.min(end)));
        match turns.last_mut() {
            Some(turn) if turn.speaker == *speaker && from - turn.end <= HOLD => turn.end = to.max(turn.end),
            last => {
                let from = last.map_or(from, |turn| from.max(turn.end));
                if from < to {
                    turns.push(Turn { start: from, end: to, speaker: *speaker });
                }
            }
        }
    }
    turns
}
