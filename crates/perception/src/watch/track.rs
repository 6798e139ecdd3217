//! Following faces through a shot: which face of this sample is which face of the last.
//!
//! Confident detections are matched first, to all tracks, then doubtful ones to what is left (the two steps of ByteTrack,
//! Zhang et al. 2022), so that a face that turns away keeps its track but a shadow on a wall never starts one.

use omniva_contracts::Rect;
use omniva_contracts::analysis::FaceSample;
use omniva_contracts::geometry::ms;

use super::mouth::Patches;

/// A detection that may start a track; below, it may only continue one.
const CONFIDENT: f64 = 0.65;
/// A face unseen for this long is gone; shorter gaps are bridged. At least this many samples.
const BRIDGE: f64 = 1.0;
const BRIDGE_SAMPLES: f64 = 2.5;
/// What makes a track believable: detections (fewer in shots shorter than that), best and mean score.
const DETECTIONS: usize = 3;
const BEST: f64 = 0.7;
const MEAN: f64 = 0.55;
/// Largest change of size from sample to sample, and of place, in sizes of the face (more after a gap).
const SIZE_RATIO: f64 = 1.9;
const REACH: f64 = 1.1;
const REACH_PER_SECOND: f64 = 0.6;
/// Interpolated samples get this share of their neighbours' score, which keeps them below every detection believed.
const BRIDGED_SCORE: f64 = 0.5;
/// Boxes tremble by less than this share of their size; such samples are averaged with both neighbours.
const TREMBLE: f64 = 0.06;

/// A face in one sampled picture.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// Fractions of the picture.
    pub rect: Rect,
    pub score: f64,
    pub patches: Patches,
}

struct Track {
    samples: Vec<FaceSample>,
    patches: Patches,
    detections: usize,
    score_sum: f64,
    best: f64,
    /// Times of the samples since the last sighting.
    missed: Vec<f64>,
}

/// Follows the faces of one shot at a time.
pub struct Tracker {
    bridge: f64,
    active: Vec<Track>,
    finished: Vec<Vec<FaceSample>>,
    samples: usize,
}

impl Tracker {
    /// `step`: seconds between samples.
    pub fn new(step: f64) -> Tracker {
        Tracker { bridge: BRIDGE.max(step * BRIDGE_SAMPLES), active: Vec::new(), finished: Vec::new(), samples: 0 }
    }

    /// The faces of the next sample. Times must rise.
    pub fn sample(&mut self, time: f64, sightings: &[Sighting]) {
        self.samples += 1;
        let mut free: Vec<usize> = (0..sightings.len()).collect();
        let mut waiting: Vec<usize> = (0..self.active.len()).collect();
        for confident in [true, false] {
            let pairs = self.pairs(time, sightings, &waiting, &free, confident);
            for (_, track, face) in pairs {
                if waiting.contains(&track) && free.contains(&face) {
                    waiting.retain(|t| *t != track);
                    free.retain(|f| *f != face);
                    if let (Some(track), Some(sighting)) = (self.active.get_mut(track), sightings.get(face)) {
                        track.continue_with(time, sighting);
                    }
                }
            }
        }
        for track in waiting {
            if let Some(track) = self.active.get_mut(track) {
                track.missed.push(time);
            }
        }
        self.retire(time);
        let new = free.into_iter().filter_map(|face| sightings.get(face)).filter(|s| s.score >= CONFIDENT);
        self.active.extend(new.map(|sighting| Track::new(time, sighting)));
    }

    /// Ends the shot: every track that is worth it, in order of appearance (then from left to right).
    pub fn end_shot(&mut self) -> Vec<Vec<FaceSample>> {
        self.retire(f64::INFINITY);
        self.samples = 0;
        let mut tracks = std::mem::take(&mut self.finished);
        let key = |track: &Vec<FaceSample>| track.first().map_or((0.0, 0.0, 0.0), |s| (s.time, s.rect.x, s.rect.y));
        tracks.sort_by(|a, b| {
            let (a, b) = (key(a), key(b));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2))
        });
        tracks
    }

    /// Possible matches, best first.
    fn pairs(
        &self,
        time: f64,
        sightings: &[Sighting],
        waiting: &[usize],
        free: &[usize],
        confident: bool,
    ) -> Vec<(f64, usize, usize)> {
        let mut pairs = Vec::new();
        for &face in free {
            let Some(sighting) = sightings.get(face).filter(|s| !confident || s.score >= CONFIDENT) else { continue };
            for &index in waiting {
                let Some(track) = self.active.get(index) else { continue };
                if let Some(affinity) = track.affinity(time, &sighting.rect) {
                    pairs.push((affinity, index, face));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        pairs
    }

    fn retire(&mut self, time: f64) {
        let needed = DETECTIONS.min(self.samples.div_ceil(2)).max(1);
        let (lost, active) = std::mem::take(&mut self.active)
            .into_iter()
            .partition(|track: &Track| time - track.last().time > self.bridge + 1e-6);
        self.active = active;
        let worth = |track: &Track| {
            track.detections >= needed && track.best >= BEST && track.score_sum / track.detections as f64 >= MEAN
        };
        self.finished.extend(lost.into_iter().filter(worth).map(|track| smooth(&track.samples)));
    }
}

impl Track {
    fn new(time: f64, sighting: &Sighting) -> Track {
        Track {
            samples: vec![sample(time, sighting.rect, sighting.score, 0.0)],
            patches: sighting.patches.clone(),
            detections: 1,
            score_sum: sighting.score,
            best: sighting.score,
            missed: Vec::new(),
        }
    }

    fn last(&self) -> FaceSample {
        self.samples.last().cloned().unwrap_or_else(|| sample(0.0, Rect::default(), 0.0, 0.0))
    }

    /// How likely `rect` is this face, or `None` when it can't be.
    fn affinity(&self, time: f64, rect: &Rect) -> Option<f64> {
        let last = self.last();
        let (a, b) = (last.rect.area().sqrt(), rect.area().sqrt());
        if a <= 0.0 || b <= 0.0 || (a / b).max(b / a) > SIZE_RATIO {
            return None;
        }
        let (from, to) = (last.rect.center(), rect.center());
        let across = (to.0 - from.0) / ((last.rect.w + rect.w) / 2.0);
        let down = (to.1 - from.1) / ((last.rect.h + rect.h) / 2.0);
        let reach = REACH + REACH_PER_SECOND * (time - last.time);
        let nearness = 1.0 - across.hypot(down) / reach;
        (nearness > 0.0).then(|| last.rect.iou(rect) + nearness + 0.3 * (a / b).min(b / a))
    }

    fn continue_with(&mut self, time: f64, sighting: &Sighting) {
        let last = self.last();
        let gap = time - last.time;
        for missed in std::mem::take(&mut self.missed) {
            let f = if gap > 0.0 { (missed - last.time) / gap } else { 0.0 };
            let between = |a: f64, b: f64| a + (b - a) * f;
            let (a, b) = (last.rect, sighting.rect);
            let rect = Rect::new(between(a.x, b.x), between(a.y, b.y), between(a.w, b.w), between(a.h, b.h));
            self.samples.push(sample(missed, rect, BRIDGED_SCORE * last.score.min(sighting.score), 0.0));
        }
        let mouth = sighting.patches.mouth_movement(&self.patches);
        self.samples.push(sample(time, sighting.rect, sighting.score, mouth));
        self.patches = sighting.patches.clone();
        self.detections += 1;
        self.score_sum += sighting.score;
        self.best = self.best.max(sighting.score);
    }
}

fn sample(time: f64, rect: Rect, score: f64, mouth: f64) -> FaceSample {
    FaceSample { time: ms(time), rect, score, mouth }
}

/// Takes the tremble out of the boxes. Each sample looks at both neighbours, so nothing lags; one that really moved
/// stays where it is. Rounds to what the detector can tell.
fn smooth(samples: &[FaceSample]) -> Vec<FaceSample> {
    let mut out = samples.to_vec();
    for (window, target) in samples.windows(3).zip(out.iter_mut().skip(1)) {
        let [before, this, after] = window else { continue };
        let calm = |a: f64, b: f64, c: f64, size: f64| {
            let middle = (a + c) / 2.0;
            if (b - middle).abs() < TREMBLE * size { (b + middle) / 2.0 } else { b }
        };
        let (p, q, r) = (&before.rect, &this.rect, &after.rect);
        target.rect = Rect::new(
            calm(p.x, q.x, r.x, q.w),
            calm(p.y, q.y, r.y, q.h),
            calm(p.w, q.w, r.w, q.w),
            calm(p.h, q.h, r.h, q.h),
        );
    }
    for target in &mut out {
        let round = |v: f64| (v * 1e5).round() / 1e5;
        let r = target.rect;
        // Rounding must not push a box over the border.
        let (x, y) = (round(r.x).clamp(0.0, 1.0), round(r.y).clamp(0.0, 1.0));
        target.rect = Rect::new(x, y, round(r.w.min(1.0 - x)), round(r.h.min(1.0 - y)));
        target.score = (target.score * 1e3).round() / 1e3;
        target.mouth = (target.mouth * 1e3).round() / 1e3;
    }
    out
}

#[cfg(test)]
#[path = "track_tests.rs"]
mod tests;
