//! Sampled curves as running sums: the mean over any window costs the same, however long the window is.

use omniva_contracts::Span;
use omniva_contracts::analysis::{AudioPeak, Curve, PeakKind, Seen};

/// Level of a curve over a window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Level {
    pub mean: f64,
    /// Standard deviation.
    pub spread: f64,
}

/// A curve with the running sums of its values and their squares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    step: f64,
    sums: Vec<f64>,
    squares: Vec<f64>,
}

impl Track {
    /// Values are held inside `low..=high`, so that one digital silence (-120 dB) does not outweigh a minute of speech.
    pub fn new(curve: &Curve, low: f64, high: f64) -> Self {
        let usable = curve.step.is_finite() && curve.step > 0.0;
        let (mut sums, mut squares) = (vec![0.0], vec![0.0]);
        let (mut sum, mut square) = (0.0, 0.0);
        for v in curve.values.iter().filter(|_| usable) {
            let v = if v.is_finite() { f64::from(*v).clamp(low, high) } else { low };
            sum += v;
            square += v * v;
            sums.push(sum);
            squares.push(square);
        }
        Self { step: if usable { curve.step } else { 1.0 }, sums, squares }
    }

    pub fn is_empty(&self) -> bool {
        self.sums.len() < 2
    }

    /// `None` when the curve has no value there.
    pub fn level(&self, span: &Span) -> Option<Level> {
        let n = self.sums.len() - 1;
        let from = ((span.start / self.step).round().max(0.0) as usize).min(n);
        let to = ((span.end / self.step).round().max(0.0) as usize).min(n);
        if to <= from {
            return None;
        }
        let count = (to - from) as f64;
        let mean = (self.sums[to] - self.sums[from]) / count;
        let square = (self.squares[to] - self.squares[from]) / count;
        Some(Level { mean, spread: (square - mean * mean).max(0.0).sqrt() })
    }

    pub fn whole(&self) -> Option<Level> {
        self.level(&Span::new(0.0, f64::MAX))
    }
}

/// Sudden sounds in order of start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peaks {
    peaks: Vec<AudioPeak>,
}

impl Peaks {
    pub fn new(peaks: &[AudioPeak]) -> Self {
        let mut peaks: Vec<AudioPeak> = peaks
            .iter()
            .filter(|p| p.start.is_finite() && p.end.is_finite() && p.strength.is_finite())
            .cloned()
            .collect();
        peaks.sort_by(|a, b| a.start.total_cmp(&b.start).then(a.end.total_cmp(&b.end)));
        Self { peaks }
    }

    /// Those that start inside `span`.
    pub fn starting_in(&self, span: &Span) -> &[AudioPeak] {
        let from = self.peaks.partition_point(|p| p.start < span.start);
        let to = self.peaks.partition_point(|p| p.start < span.end);
        self.peaks.get(from..to).unwrap_or(&[])
    }

    /// Sum of the strengths of one kind.
    pub fn strength(&self, span: &Span, kind: PeakKind) -> f64 {
        self.starting_in(span).iter().filter(|p| p.kind == kind).map(|p| p.strength.clamp(0.0, 1.0)).sum()
    }
}

/// Hard cuts of the picture: where a shot begins, the first one apart.
pub(crate) fn shot_borders(seen: &Seen) -> Vec<f64> {
    let mut borders: Vec<f64> = seen.shots.iter().map(|s| s.start).filter(|t| t.is_finite() && *t > 1e-6).collect();
    borders.sort_by(f64::total_cmp);
    borders
}

/// The values of a sorted list inside `from..=to`.
pub(crate) fn between(sorted: &[f64], from: f64, to: f64) -> &[f64] {
    let a = sorted.partition_point(|t| *t < from);
    let b = sorted.partition_point(|t| *t <= to);
    sorted.get(a..b).unwrap_or(&[])
}

/// How well the largest face of each moment is sized, as a curve of 0..1: full marks from 14 % to 60 % of the picture's
/// height, less for a face in the far crowd or one that fills the screen.
pub(crate) fn face_presence(seen: &Seen, duration: f64) -> Curve {
    let step = if seen.face_step.is_finite() && seen.face_step > 0.02 { seen.face_step } else { 0.25 };
    if seen.faces.is_empty() || !duration.is_finite() || duration <= 0.0 {
        return Curve { step, values: Vec::new() };
    }
    let n = (duration / step).ceil().max(1.0) as usize;
    let mut values = vec![0.0f32; n];
    for sample in seen.faces.iter().flat_map(|f| &f.samples) {
        let at = (sample.time / step).round();
        if let Some(v) = (at >= 0.0).then(|| values.get_mut(at as usize)).flatten() {
            *v = v.max((face_size(sample.rect.h) * sample.score.clamp(0.0, 1.0).sqrt()) as f32);
        }
    }
    Curve { step, values }
}

fn face_size(height: f64) -> f64 {
    let up = ((height - 0.04) / 0.10).clamp(0.0, 1.0);
    let down = ((0.95 - height) / 0.35).clamp(0.0, 1.0);
    up.min(down)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_gives_the_plain_mean_and_deviation_of_a_window() {
        let curve = Curve { step: 0.5, values: vec![0.0, 1.0, 3.0, 5.0, -999.0] };
        let track = Track::new(&curve, -10.0, 10.0);
        let level = track.level(&Span::new(0.5, 2.0)).expect("inside");
        assert!((level.mean - 3.0).abs() < 1e-9 && (level.spread - (8.0f64 / 3.0).sqrt()).abs() < 1e-9);
        assert_eq!(track.level(&Span::new(2.0, 9.0)).map(|l| l.mean), Some(-10.0));
        assert_eq!(track.level(&Span::new(9.0, 12.0)), None);
        assert!(Track::new(&Curve::default(), 0.0, 1.0).is_empty());
    }

    #[test]
    fn a_face_counts_fully_only_when_it_is_well_sized() {
        assert_eq!(face_size(0.3), 1.0);
        assert_eq!(face_size(0.02), 0.0);
        assert!(face_size(0.9) < 0.2);
    }

    #[test]
    fn between_includes_both_ends() {
        assert_eq!(between(&[1.0, 2.0, 3.0], 1.0, 2.0), [1.0, 2.0]);
        assert!(between(&[1.0], 2.0, 1.0).is_empty());
    }
}
