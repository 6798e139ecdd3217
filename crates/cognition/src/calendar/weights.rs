use serde::{Deserialize, Serialize};

/// What a calendar is valued by, in points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// A publication has a place at all.
    pub placed: i64,
    /// The best posting window, for a publication of full worth.
    pub window: i64,
    /// Lost by the end of the horizon, for a publication of full worth.
    pub delay: i64,
    /// Lost for each publication by which a project's week is off its mix.
    pub mix: i64,
    /// Lost where two publications of one topic touch on a channel.
    pub saturation: i64,
    /// Hours after which a topic is fresh again.
    pub saturation_hours: u32,
    /// Lost when a proposed publication is moved at all.
    pub moved: i64,
    /// Lost besides when it is moved by a day or more, or to another channel; less for less.
    pub moved_far: i64,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            placed: 1_000_000,
            window: 1_000_000,
            delay: 200_000,
            mix: 100_000,
            saturation: 150_000,
            saturation_hours: 48,
            moved: 150_000,
            moved_far: 80_000,
        }
    }
}

impl Weights {
    /// Each in 0..=1,000,000,000, and placing is worth more than all that can be lost by it: nothing is left out to
    /// please the mix.
    pub(super) fn faults(&self, f: &mut Vec<String>) {
        let parts = [self.placed, self.window, self.delay, self.mix, self.saturation, self.moved, self.moved_far];
        if parts.iter().any(|p| !(0..=1_000_000_000).contains(p)) || self.saturation_hours > 24 * 90 {
            f.push("weights: must be 0..=1000000000, saturation_hours 0..=2160".into());
            return;
        }
        let lost = self.delay + 2 * self.mix + 2 * self.saturation + self.moved + self.moved_far;
        if lost >= self.placed {
            f.push(format!("weights.placed = {}: must be above {lost}, all that a place can cost", self.placed));
        }
    }
}
