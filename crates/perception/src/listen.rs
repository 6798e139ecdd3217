//! Everything that is found out from the sound, in one pass: speech, words, voices, levels, peaks.
//!
//! Invariant: memory holds a few windows of at most 30 s, whatever the length of the source.

use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

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
/// Stretches of speech (each under 30 s) that may wait for the recogniser.
const AHEAD: usize = 8;
/// Below this the language is told to be a guess.
const SURE: f64 = 0.5;

/// Listens to all of `audio` (16 kHz mono). The recogniser works on a thread of its own, behind everything else that
/// listens: it takes most of the time, and need not wait for the rest.
///
/// Errors: `model_missing`, `model_mismatch`, `model_failed`; `config_invalid` for an unknown language; what `audio`
/// gives; `cancelled`; with `recognize` off those of writing [`SPEECH_WAV`].
pub fn listen(job: &ListenJob, audio: &mut dyn AudioSource, monitor: &dyn Monitor) -> Result<Heard, Fault> {
    if audio.sample_rate() as usize != SAMPLE_RATE {
        return Err(Fault::internal(format!("listening needs 16000 Hz, not {}", audio.sample_rate())));
    }
    let runtime = Runtime::load(&job.models)?;
    let reader = job.recognize.then(|| Reader::new(job, &runtime)).transpose()?;
    let mut ears = Ears::new(job, &runtime)?;
    let (mut heard, read) = thread::scope(|scope| {
        let reading = reader.map(|reader| {
            let (sender, stretches) = mpsc::sync_channel(AHEAD);
            ears.to_reader = Some(sender);
            scope.spawn(move || reader.read_all(&stretches, monitor))
        });
        if reading.is_some() {
            step_back();
        }
        let heard = ears.hear_all(job, audio, &runtime, monitor);
        let read = reading.map(|reading| reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        // When reading fails, hearing only finds that nobody listens any more.
        let read = read.transpose()?;
        Ok::<_, Fault>((heard?, read))
    })?;
    if let Some((language, segments)) = read {
        for file in [ENCODER, DECODER] {
            heard.models.push(runtime.model_run("speech_recognition", "whisper-base-int8", file)?);
        }
        heard.warnings.extend(language.as_ref().filter(|l| l.confidence < SURE).map(|l| {
            format!("the language is a guess: {} at {:.0} %; name it with --language", l.code, l.confidence * 100.0)
        }));
        (heard.language, heard.segments) = (language, segments);
    }
    monitor.progress(1.0);
    Ok(heard)
}

/// Lowers this thread's priority: it has much less to do than the recogniser and would be ahead of it in any case, while
/// the source's picture, watched at the same time, needs the other core.
fn step_back() {
    const BEHIND: libc::c_int = 10;
    // SAFETY: no pointers. A refusal changes nothing but the pace.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, BEHIND) };
}

/// Everything that takes samples.
struct Ears {
    clean: Vec<f32>,
    stream: SpeechStream,
    levels: Levels,
    peaks: Peaks,
    turns: Turns,
    speech: Vec<Span>,
    /// One of the two: a recogniser here, or a file for one elsewhere.
    to_reader: Option<SyncSender<Stretch>>,
    file: Option<wav::Writer>,
    language: Option<String>,
}

impl Ears {
    fn new(job: &ListenJob, runtime: &Runtime) -> Result<Self, Fault> {
        let rate = SAMPLE_RATE as u32;
        let file = (!job.recognize).then(|| wav::Writer::create(&job.out_dir.join(SPEECH_WAV))).transpose()?;
        Ok(Self {
            clean: Vec::new(),
            stream: SpeechStream::new(VoiceDetector::load(runtime)?),
            levels: Levels::new(rate),
            peaks: Peaks::new(rate),
            turns: Turns::new(runtime)?,
            speech: Vec::new(),
            to_reader: None,
            file,
            language: job.language.clone(),
        })
    }

    /// Everything but the words.
    fn hear_all(
        mut self,
        job: &ListenJob,
        audio: &mut dyn AudioSource,
        runtime: &Runtime,
        monitor: &dyn Monitor,
    ) -> Result<Heard, Fault> {
        let (mut samples, total) = (0usize, job.info.duration.max(0.1));
        loop {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            let Some(block) = audio.next_block()? else { break };
            samples += block.len();
            self.hear(block)?;
            monitor.progress((samples as f64 / SAMPLE_RATE as f64 / total).min(0.99));
        }
        self.finish(runtime)
    }

    fn hear(&mut self, block: &[f32]) -> Result<(), Fault> {
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
        ended.into_iter().try_for_each(|stretch| self.stretch(stretch))
    }

    fn stretch(&mut self, stretch: Stretch) -> Result<(), Fault> {
        self.speech.push(Span::new(ms(stretch.span.start), ms(stretch.span.end)));
        self.turns.speech(stretch.span, stretch.voice())?;
        match &self.to_reader {
            // Waits while the recogniser is far behind.
            Some(reader) => reader.send(stretch).map_err(|_| Fault::internal("the recogniser stopped")),
            None => Ok(()),
        }
    }

    fn finish(mut self, runtime: &Runtime) -> Result<Heard, Fault> {
        let stream = std::mem::replace(&mut self.stream, SpeechStream::new(VoiceDetector::load(runtime)?));
        for stretch in stream.finish()? {
            self.stretch(stretch)?;
        }
        // The recogniser reads what it still has, and ends.
        drop(self.to_reader.take());
        let mut models = vec![runtime.model_run("voice_activity", "silero-vad", vad::MODEL)?];
        let (turns, speaker, warnings) = self.turns.finish();
        models.push(speaker);
        if let Some(file) = self.file {
            file.finish()?;
        }
        let language = self.language.map(|code| Language { code, confidence: 1.0 });
        let peaks = self.peaks.finish(&self.speech);
        let loudness = self.levels.finish();
        Ok(Heard { language, speech: self.speech, segments: Vec::new(), turns, loudness, peaks, models, warnings })
    }
}

/// The recogniser, with the windows that wait until the language is known.
struct Reader {
    whisper: Whisper,
    language: Option<Language>,
    waiting: Vec<(Window, Sound)>,
    segments: Vec<Segment>,
    packer: Packer,
}

impl Reader {
    fn new(job: &ListenJob, runtime: &Runtime) -> Result<Self, Fault> {
        let mut whisper = Whisper::load(runtime, job.threads, job.low_confidence)?;
        let mut language = None;
        if let Some(code) = &job.language {
            whisper.set_language(code)?;
            language = Some(Language { code: code.clone(), confidence: 1.0 });
        }
        let packer = Packer::new(WINDOW as f64 / SAMPLE_RATE as f64);
        Ok(Self { whisper, language, waiting: Vec::new(), segments: Vec::new(), packer })
    }

    /// Reads stretches until there will be no more. The segments are in order and apart.
    fn read_all(
        mut self,
        stretches: &Receiver<Stretch>,
        monitor: &dyn Monitor,
    ) -> Result<(Option<Language>, Vec<Segment>), Fault> {
        while let Ok(stretch) = stretches.recv() {
            self.packer.push(stretch);
            while let Some(window) = self.packer.full() {
                self.take(window, monitor)?;
            }
        }
        while let Some(window) = self.packer.full().or_else(|| self.packer.finish()) {
            self.take(window, monitor)?;
        }
        self.decide(monitor)?;
        keep_apart(&mut self.segments);
        Ok((self.language, self.segments))
    }

    /// Reads a window; what it leaves unread comes first in the next one.
    fn take(&mut self, window: Window, monitor: &dyn Monitor) -> Result<(), Fault> {
        let unread = self.window(window, monitor)?;
        self.packer.carry(unread);
        Ok(())
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
        let read = self.whisper.read(&window, sound)?;
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
            self.segments.extend(self.whisper.read_all(&window, sound)?);
        }
        Ok(())
    }
}
