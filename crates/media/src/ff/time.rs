//! The one rule for time: second 0 is the start of the container's timeline.

use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Input;

/// Start of the container's timeline in microseconds of the container's own clock: what readers subtract from every
/// timestamp, sound and picture alike, so that both stay aligned and start near 0. A container that does not say starts
/// at 0.
pub fn origin_us(input: &Input) -> i64 {
    // SAFETY: reads one integer of a context that `input` owns.
    let start = unsafe { (*input.as_ptr()).start_time };
    if start == ffi::AV_NOPTS_VALUE { 0 } else { start }
}

/// A timestamp in `time_base` units as seconds since `origin_us`.
pub fn seconds(timestamp: i64, time_base: ffi::AVRational, origin_us: i64) -> f64 {
    timestamp as f64 * f64::from(time_base.num) / f64::from(time_base.den.max(1)) - origin_us as f64 / 1e6
}

/// Exact times of a constant frame rate: frame *n* is at `first + n / fps`.
///
/// Containers round timestamps (Matroska to milliseconds), so a frame's own timestamp wanders around its true time.
/// [`FrameGrid::snap`] finds the frame number that a timestamp means and gives the true time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameGrid {
    pub first: f64,
    pub fps: f64,
}

impl FrameGrid {
    pub fn new(first: f64, fps: f64) -> Self {
        Self { first, fps: if fps.is_finite() && fps > 0.0 { fps } else { 25.0 } }
    }

    /// Number of the frame nearest to `time`; negative before the first.
    pub fn index(&self, time: f64) -> i64 {
        ((time - self.first) * self.fps).round() as i64
    }

    pub fn time(&self, index: i64) -> f64 {
        self.first + index as f64 / self.fps
    }

    pub fn snap(&self, time: f64) -> f64 {
        self.time(self.index(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_rounded_to_milliseconds_snap_to_exact_times() {
        let grid = FrameGrid::new(0.0, 30000.0 / 1001.0);
        for n in 0..200_000_i64 {
            let exact = n as f64 * 1001.0 / 30000.0;
            let rounded = (exact * 1000.0).round() / 1000.0;
            assert_eq!(grid.index(rounded), n);
            assert!((grid.snap(rounded) - exact).abs() < 1e-9);
        }
    }

    #[test]
    fn seconds_count_from_the_origin() {
        let base = ffi::AVRational { num: 1, den: 90_000 };
        assert!((seconds(90_000 * 10, base, 1_400_000) - 8.6).abs() < 1e-12);
    }
}
