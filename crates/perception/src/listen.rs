//! Everything that is found out from the sound, in one pass: speech, words, voices, levels, peaks.
//!
//! Invariant: memory holds a few windows of at most 30 s, whatever the length of the source.

use omniva_contracts::analysis::{Heard, Language, Segment};
use omniva_contracts::geometry::ms;
use omniva_contracts::jobs::ListenJob;
use omniva_contracts::streams::AudioSource;
use omniva_contracts::{Fault, Monitor, Span};

use crate::asr::mel::WINDOW;
use crate::asr::model::{DECODER, ENCODER, Sound};
use crate::asr::whisper::{Whisper, keep_apart};
use crate::runtime::Runtime;
use crate::sound::{Levels, Peaks, Turns};
use crate::vad::{self, SAMPLE_RATE, SpeechStream, Stretch, VoiceDetector};
use crate::wav;
use crate::windows::{Packer, Window};

/// Name of the sound for another recogniser, in the job's output folder.
pub const SPEECH_WAV: &str = "speech.wav";
/// Windows that the language is judged by: about a minute and a half of speech.
const JUDGED: usize = 3;
/// Below this the language is told to be a guess.
const SURE: f64 = 0.5;

/// Listens to all of `audio` (16 kHz mono).
///
/// Errors: `model_missing`, `model_mismatch`, `model_failed`; `config_invalid` for an unknown language; what `audio`
/// gives; `cancelled`; with `recognize` off those of writing [`SPEECH_WAV`].
pub fn listen(job: &ListenJob, audio: &mut dyn AudioSource, monitor: &dyn Monitor) -> Result<Heard, Fault> {
    if audio.sample_rate() as usize != SAMPLE_RATE {
        return Err(Fault::internal(format!("listening needs 16000 Hz, not {}", audio.sample_rate())));
    }
    let runtime = Runtime::load(&job.models)?;
    let mut ears = Ears::new(job, &runtime)?;
    let (mut samples, total) = (0usize, job.info.duration.max(0.1));
    loop {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        let Some(block) = audio.next_block()? else { break };
        samples += block.len();
        ears.hear(block, monitor)?;
        monitor.progress((samples as f64 / SAMPLE_RATE as f64 / total).min(0.99));
    }
    let heard = ears.finish(&runtime, monitor)?;
    monitor.progress(1.0);
    Ok(heard)
}

/// Everything that takes samples.
struct Ears {
    clean: Vec<f32>,
    stream: SpeechStream,
    levels: Levels,
    peaks: Peaks,
    turns: Turns,
    speech: Vec<Span>,
    packer: Packer,
    /// One of the two: a recogniser here, or a file for one elsewhere.
    reader: Option<Reader>,
    file: Option<wav::Writer>,
    language: Option<String>,
}

impl Ears {
    fn new(job: &ListenJob, runtime: &Runtime) -> Result<Self, Fault> {
        let rate = SAMPLE_RATE as u32;
        let (reader, file) = if job.recognize {
            (Some(Reader::new(job, runtime)?), None)
        } else {
            (None, Some(wav::Writer::create(&job.out_dir.join(SPEECH_WAV))?))
        };
        Ok(Self {
            clean: Vec::new(),
            stream: SpeechStream::new(VoiceDetector::load(runtime)?),
            levels: Levels::new(rate),
            peaks: Peaks::new(rate),
            turns: Turns::new(runtime)?,
            speech: Vec::new(),
            packer: Packer::new(WINDOW as f64 / SAMPLE_RATE as f64),
            reader,
            file,
            language: job.language.clone(),
        })
    }

    fn hear(&mut self, block: &[f32], monitor: &dyn Monitor) -> Result<(), Fault> {
        // Damaged sources decode to anything; a single NaN would poison the detector's state for good.
        self.clean.clear();
        self.clean.extend(block.iter().map(|s| if s.is_finite() { s.clamp(-1.0, 1.0) } else { 0.0 }));
        let samples = std::mem::take(&mut self.clean);
        self.levels.push(&samples);
        self.peaks.push(&samples);
        self.turns.push(&samples);
        if let Some(file) = &mut self.file {
            file.push(&samples)?;
        }
        let ended = self.stream.push(&samples)?;
        self.clean = samples;
        ended.into_iter().try_for_each(|stretch| self.stretch(stretch, monitor))
    }

    fn stretch(&mut self, stretch: Stretch, monitor: &dyn Monitor) -> Result<(), Fault> {
        self.speech.push(Span::new(ms(stretch.span.start), ms(stretch.span.end)));
        self.turns.speech(stretch.span, stretch.voice())?;
        let Some(reader) = &mut self.reader else { return Ok(()) };
        self.packer.push(stretch);
        while let Some(window) = self.packer.full() {
            let unread = reader.window(window, monitor)?;
            self.packer.carry(unread);
        }
        Ok(())
    }

    fn finish(mut self, runtime: &Runtime, monitor: &dyn Monitor) -> Result<Heard, Fault> {
        let stream = std::mem::replace(&mut self.stream, SpeechStream::new(VoiceDetector::load(runtime)?));
        for stretch in stream.finish()? {
            self.stretch(stretch, monitor)?;
        }
        let mut models = vec![runtime.model_run("voice_activity", "silero-vad", vad::MODEL)?];
        let (turns, speaker, mut warnings) = self.turns.finish();
        models.push(speaker);
        let (mut language, mut segments) = (self.language.map(|code| Language { code, confidence: 1.0 }), Vec::new());
        if let Some(mut reader) = self.reader {
            while let Some(window) = self.packer.full().or_else(|| self.packer.finish()) {
                let unread = reader.window(window, monitor)?;
                self.packer.carry(unread);
            }
            reader.decide(monitor)?;
            language = reader.language;
            segments = reader.segments;
            keep_apart(&mut segments);
            for file in [ENCODER, DECODER] {
                models.push(runtime.model_run("speech_recognition", "whisper-base-int8", file)?);
            }
            warnings.extend(language.as_ref().filter(|l| l.confidence < SURE).map(|l| {
                format!("the language is a guess: {} at {:.0} %; name it with --language", l.code, l.confidence * 100.0)
            }));
        }
        if let Some(file) = self.file {
            file.finish()?;
        }
        let peaks = self.peaks.finish(&self.speech);
        let loudness = self.levels.finish();
        Ok(Heard { language, speech: self.speech, segments, turns, loudness, peaks, models, warnings })
    }
}

/// The recogniser, with the windows that wait until the language is known.
struct Reader {
    whisper: Whisper,
    language: Option<Language>,
    waiting: Vec<(Window, Sound)>,
    segments: Vec<Segment>,
}

impl Reader {
    fn new(job: &ListenJob, runtime: &Runtime) -> Result<Self, Fault> {
        let mut whisper = Whisper::load(runtime, job.threads, job.low_confidence)?;
        let mut language = None;
        if let Some(code) = &job.language {
            whisper.set_language(code)?;
            language = Some(Language { code: code.clone(), confidence: 1.0 });
        }
        Ok(Self { whisper, language, waiting: Vec::new(), segments: Vec::new() })
    }

    /// Takes the next window; gives the stretches at its end that belong into the one after it.
    fn window(&mut self, window: Window, monitor: &dyn Monitor) -> Result<Vec<Stretch>, Fault> {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        let sound = self.whisper.encode(&window)?;
        if self.language.is_none() {
            self.waiting.push((window, sound));
            if self.waiting.len() == JUDGED {
                self.decide(monitor)?;
            }
            return Ok(Vec::new());
        }
        let read = self.whisper.read(&window, &sound)?;
        self.segments.extend(read.segments);
        Ok(read.unread)
    }

    /// Settles the language and reads what waited for it.
    fn decide(&mut self, monitor: &dyn Monitor) -> Result<(), Fault> {
        let waiting = std::mem::take(&mut self.waiting);
        if self.language.is_none()
            && let Some(language) = self.whisper.detect(&waiting)?
        {
            self.whisper.set_language(&language.code)?;
            self.language = Some(language);
        }
        for (window, sound) in waiting {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            self.segments.extend(self.whisper.read_all(&window, &sound)?);
        }
        Ok(())
    }
}
