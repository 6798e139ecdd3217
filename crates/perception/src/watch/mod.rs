//! Watching a source: shots, faces and their tracks, movement, light, focus and baked-in bars, in one pass.
//!
//! Frames are looked at as they come; what depends on shot borders waits a few seconds until the borders are settled, so
//! memory does not grow with the source (apart from the result).

pub mod bars;
pub mod curves;
pub mod cuts;
pub mod luma;
pub mod mouth;
pub mod soft;
pub mod tiles;
pub mod timeline;
pub mod track;
pub mod yunet;

use std::collections::VecDeque;

use omniva_contracts::analysis::Seen;
use omniva_contracts::jobs::WatchJob;
use omniva_contracts::streams::{Frame, FrameSource, Picture};
use omniva_contracts::{Code, Fault, Monitor, Rect};

use crate::runtime::Runtime;
use bars::Look;
use curves::Binned;
use cuts::HardCuts;
use luma::Structure;
use mouth::Patches;
use soft::SoftCuts;
use timeline::{Borders, Faces, Note, Sample, Shots};
use track::Sighting;
use yunet::{Detection, Detector};

const MOTION_STEP: f64 = 0.1;
const LIGHT_STEP: f64 = 0.5;
/// Everything about shot borders is known after this many seconds (gradual transitions take longest).
const SETTLED: f64 = 4.6;
/// Small luma pictures that differ by no more than this anywhere show the same thing.
const UNCHANGED: u8 = 1;
/// No source is longer, whatever its timestamps say (100 days).
const LATEST: f64 = 8.64e6;

/// Looks at every frame of the source once.
///
/// The detector runs on one thread, which is best for it. Sources without a picture give an empty [`Seen`].
///
/// Errors: `model_missing`, `model_mismatch`, `model_failed`; `input_corrupt` when not a single frame can be decoded;
/// `cancelled`; whatever `frames` reports.
pub fn watch(job: &WatchJob, frames: &mut dyn FrameSource, monitor: &dyn Monitor) -> Result<Seen, Fault> {
    let step = 1.0 / if job.faces_per_second > 0.0 { job.faces_per_second } else { 4.0 };
    let Some(video) = &job.info.video else {
        return Ok(Seen { face_step: step, ..Seen::default() });
    };
    let runtime = Runtime::load(&job.models)?;
    let detector = Detector::new(&runtime, 1)?;
    let mut watcher = Watcher::new(detector, video.fps, step);
    while let Some(frame) = frames.next_frame()? {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        let time = frame.time;
        watcher.frame(&frame)?;
        if job.info.duration > 0.0 {
            monitor.progress((time / job.info.duration).clamp(0.0, 1.0));
        }
    }
    let mut seen = watcher.finish(job.info.duration)?;
    seen.models.push(runtime.model_run("faces", yunet::NAME, yunet::FILE)?);
    monitor.progress(1.0);
    Ok(seen)
}

/// A picture that waits for the detector.
struct Waiting {
    width: usize,
    height: usize,
    bgr: Vec<u8>,
}

struct Watcher {
    detector: Detector,
    step: f64,
    frame_length: f64,
    settle: f64,
    hard: HardCuts,
    soft: SoftCuts,
    borders: Borders,
    shots: Shots,
    notes: VecDeque<Note>,
    waiting: Vec<Waiting>,
    /// Buffers of pictures that were looked at, to be filled again.
    spare: Vec<Vec<u8>>,
    last_time: Option<f64>,
    last_luma: Vec<u8>,
    /// The luma of the last picture that was given to the detector.
    sampled_luma: Vec<u8>,
    motion: Binned,
    brightness: Binned,
    sharpness: Binned,
}

impl Watcher {
    fn new(detector: Detector, fps: f64, step: f64) -> Watcher {
        let fps = if fps.is_finite() && fps > 0.0 { fps } else { 25.0 };
        Watcher {
            detector,
            step,
            frame_length: 1.0 / fps,
            // Slow sources need time for the frames around a cut.
            settle: SETTLED.max(8.0 / fps + 1.0),
            hard: HardCuts::new(fps),
            soft: SoftCuts::default(),
            borders: Borders::default(),
            shots: Shots::new(step),
            notes: VecDeque::new(),
            waiting: Vec::new(),
            spare: Vec::new(),
            last_time: None,
            last_luma: Vec::new(),
            sampled_luma: Vec::new(),
            motion: Binned::new(MOTION_STEP),
            brightness: Binned::new(LIGHT_STEP),
            sharpness: Binned::new(LIGHT_STEP),
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) -> Result<(), Fault> {
        let time = frame.time;
        if !time.is_finite() || !(0.0..LATEST).contains(&time) || self.last_time.is_some_and(|last| time < last) {
            return Err(Fault::internal("the frames of the source are out of order").with_detail(time));
        }
        let motion = luma::difference(&self.last_luma, frame.luma);
        let structure = Structure::new(frame.luma, frame.luma_width, frame.luma_height);
        self.motion.push(time, motion);
        self.brightness.push(time, structure.mean);
        if self.soft.wants(time) {
            self.sharpness.push(time, luma::sharpness(frame.luma, frame.luma_width, frame.luma_height));
            for transition in self.soft.push(time, &structure) {
                self.borders.add_soft(transition);
            }
        }
        if let Some(cut) = self.hard.push(time, structure) {
            self.borders.add(cut);
        }
        let sample = match &frame.picture {
            Some(picture) => Some(self.sample(picture, frame.luma)?),
            None => None,
        };
        self.notes.push_back(Note { time, motion, sample });
        self.last_luma.clear();
        self.last_luma.extend_from_slice(frame.luma);
        self.last_time = Some(time);
        if self.waiting.first().is_some_and(|w| self.waiting.len() >= Detector::capacity(w.width, w.height)) {
            self.detect()?;
        }
        self.settle(time - self.settle)
    }

    /// Looks at a sampled picture, and keeps it for the detector unless nothing changed.
    fn sample(&mut self, picture: &Picture<'_>, luma: &[u8]) -> Result<Sample, Fault> {
        let look = Look::new(picture);
        if !self.sampled_luma.is_empty() && luma::largest_difference(&self.sampled_luma, luma) <= UNCHANGED {
            return Ok(Sample { look, faces: Faces::AsBefore });
        }
        self.sampled_luma.clear();
        self.sampled_luma.extend_from_slice(luma);
        let size = (picture.width, picture.height);
        if self.waiting.first().is_some_and(|w| (w.width, w.height) != size) {
            self.detect()?;
        }
        let mut bgr = self.spare.pop().unwrap_or_default();
        bgr.clear();
        bgr.extend_from_slice(picture.bgr);
        self.waiting.push(Waiting { width: size.0, height: size.1, bgr });
        Ok(Sample { look, faces: Faces::Waiting })
    }

    /// Runs the detector on the pictures that wait, and hands the faces to their notes.
    fn detect(&mut self) -> Result<(), Fault> {
        let waiting = std::mem::take(&mut self.waiting);
        let pictures: Vec<Picture<'_>> =
            waiting.iter().map(|w| Picture { width: w.width, height: w.height, bgr: &w.bgr }).collect();
        let found = self.detector.detect(&pictures)?;
        let mut found = pictures
            .iter()
            .zip(found)
            .map(|(picture, faces)| faces.iter().map(|face| sighting(picture, face)).collect::<Vec<Sighting>>());
        for sample in self.notes.iter_mut().filter_map(|note| note.sample.as_mut()) {
            if matches!(sample.faces, Faces::Waiting) {
                match found.next() {
                    Some(faces) => sample.faces = Faces::Found(faces),
                    None => break,
                }
            }
        }
        drop(found);
        drop(pictures);
        self.spare.extend(waiting.into_iter().map(|w| w.bgr));
        Ok(())
    }

    /// Hands every note up to `settled` to its shot.
    fn settle(&mut self, settled: f64) -> Result<(), Fault> {
        if self.notes.front().is_none_or(|note| note.time > settled) {
            return Ok(());
        }
        let waits = |note: &Note| note.sample.as_ref().is_some_and(|s| matches!(s.faces, Faces::Waiting));
        if self.notes.iter().take_while(|note| note.time <= settled).any(waits) {
            self.detect()?;
        }
        let mut border = self.borders.next(settled);
        while self.notes.front().is_some_and(|note| note.time <= settled) {
            let Some(note) = self.notes.pop_front() else { break };
            while let Some(end) = border.filter(|end| *end <= note.time) {
                self.shots.close(end);
                border = self.borders.next(settled);
            }
            self.shots.add(note);
        }
        while let Some(end) = border {
            self.shots.close(end);
            border = self.borders.next(settled);
        }
        Ok(())
    }

    fn finish(mut self, duration: f64) -> Result<Seen, Fault> {
        let Some(last) = self.last_time else {
            return Err(Fault::new(
                Code::InputCorrupt,
                "not a single picture of the source can be decoded",
                "check whether the file plays, and export it again",
            ));
        };
        let end = if duration.is_finite() && duration > last && duration < LATEST {
            duration
        } else {
            last + self.frame_length
        };
        for cut in std::mem::replace(&mut self.hard, HardCuts::new(25.0)).finish() {
            self.borders.add(cut);
        }
        if let Some(transition) = std::mem::take(&mut self.soft).finish() {
            self.borders.add_soft(transition);
        }
        // A border in the last moments would leave a shot that is too short.
        self.settle((end - timeline::SHORTEST_SHOT).max(0.0))?;
        self.borders = Borders::default();
        self.settle(f64::INFINITY)?;
        self.shots.close(end);
        let inside_bars = bars::inside(&self.shots.verdicts);
        Ok(Seen {
            shots: self.shots.shots,
            faces: self.shots.faces,
            face_step: self.step,
            motion: self.motion.finish(end),
            brightness: self.brightness.finish(end),
            sharpness: self.sharpness.finish(end),
            inside_bars,
            models: Vec::new(),
            warnings: Vec::new(),
        })
    }
}

fn sighting(picture: &Picture<'_>, face: &Detection) -> Sighting {
    let (width, height) = (picture.width.max(1) as f64, picture.height.max(1) as f64);
    let r = face.rect;
    Sighting {
        rect: Rect::new(r.x / width, r.y / height, r.w / width, r.h / height),
        score: f64::from(face.score),
        patches: Patches::new(picture, face),
    }
}
