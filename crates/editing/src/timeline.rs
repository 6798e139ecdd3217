//! Time in three forms: seconds of the source, seconds of the output, and frames of the canvas. The planner cuts in
//! whole frames, so that picture and sound of every kept part have exactly the same length.

use omniva_contracts::analysis::Analysis;
use omniva_contracts::geometry::Span;
use omniva_contracts::plan::Keep;

/// Rounds to nanoseconds: enough for sample accuracy, and equal inputs print equal digits.
pub(crate) fn tidy(t: f64) -> f64 {
    (t * 1e9).round() / 1e9
}

/// Rounds a fraction of a picture: a thousandth of a pixel of a 4K picture.
pub(crate) fn fraction(v: f64) -> f64 {
    (v * 1e7).round() / 1e7
}

/// A kept part that lies in one shot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Piece {
    pub source: Span,
    pub out: Span,
    /// Index into the shots, `None` where no shot covers the source.
    pub shot: Option<usize>,
}

impl Piece {
    pub fn out_at(&self, source: f64) -> f64 {
        self.out.start + (source - self.source.start)
    }
    /// True when the moment of the source is shown by this piece (its end belongs to the next frame).
    pub fn shows(&self, source: f64) -> bool {
        source >= self.source.start && source < self.source.end
    }
}

/// Time in the output of a moment of the source; moments inside a cut fall on the cut.
pub(crate) fn out_of(keep: &[Keep], source: f64) -> Option<f64> {
    let i = keep.partition_point(|k| k.source.start <= source);
    let Some(k) = i.checked_sub(1).and_then(|i| keep.get(i)) else {
        return keep.first().map(|k| k.out);
    };
    Some(k.out + (source - k.source.start).min(k.source.length()))
}

/// Starts of the shots, in order. Each is the time of the first frame of a shot in milliseconds, or lies inside a gradual
/// transition. They must not be moved onto multiples of the frame length: the picture of a source rarely begins at 0, so
/// its frames lie elsewhere, and a border that is moved by one frame shows one frame of the shot before.
pub(crate) fn shot_starts(analysis: &Analysis) -> Vec<f64> {
    analysis.seen.shots.iter().map(|s| s.start).collect()
}
