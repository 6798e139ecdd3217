//! Repairs the clock of a file's packets: joins parts whose clock jumps, keeping picture and sound of a part together.
//!
//! A recorder that is restarted, or transport streams that are simply concatenated, make timestamps jump back or far
//! ahead. Every part between jumps is an *epoch* with an offset of its own. The first track to jump opens the epoch and
//! goes on where it stood; the other joins the same epoch when its own jump leads there, so the part stays in sync.

use std::collections::VecDeque;

/// Microseconds. Larger steps ahead are a jump of the clock, in containers whose clock may jump.
const AHEAD: i64 = 10_000_000;
/// Decoding times never go back in a healthy file; this much is a muxer's rounding.
const BACK: i64 = 100_000;
/// Presentation times do, by as much as frames are reordered.
const BACK_REORDERED: i64 = 1_000_000;
/// How far a track may be from an epoch that another one opened, to join it.
const JOIN: i64 = 1_000_000;
/// Epochs kept for tracks that lag behind.
const KEPT: usize = 64;
/// Largest time taken seriously: 100 years. Keeps all sums far from overflow.
const LIMIT: i64 = 3_200_000_000_000_000;

pub const TRACKS: usize = 2;

#[derive(Clone, Copy, Default)]
struct Track {
    epoch: u64,
    last: Option<i64>,
    step: i64,
}

/// Times of one packet, in microseconds of the file's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stamp {
    pub pts: Option<i64>,
    pub dts: Option<i64>,
    pub duration: i64,
}

pub struct Clock {
    /// The container's clock may jump ahead (MPEG streams); elsewhere a long step is a real pause.
    discontinuous: bool,
    tracks: [Track; TRACKS],
    /// Offset of each epoch, the oldest first, and the number of that one.
    offsets: VecDeque<i64>,
    oldest: u64,
    jumps: u64,
}

impl Clock {
    pub fn new(discontinuous: bool) -> Self {
        Self { discontinuous, tracks: [Track::default(); TRACKS], offsets: VecDeque::from([0]), oldest: 0, jumps: 0 }
    }

    /// How many epochs began after the first.
    pub fn jumps(&self) -> u64 {
        self.jumps
    }

    /// What to add to the times of this packet.
    pub fn offset(&mut self, track: usize, stamp: Stamp) -> i64 {
        let Some(&state) = self.tracks.get(track) else { return 0 };
        let (time, back) = match (stamp.dts, stamp.pts) {
            (Some(dts), _) => (dts, BACK),
            (None, Some(pts)) => (pts, BACK_REORDERED),
            (None, None) => return self.epoch_offset(state.epoch),
        };
        let time = time.clamp(-LIMIT, LIMIT);
        let mut epoch = state.epoch.max(self.oldest);
        if let Some(last) = state.last {
            let mapped = time + self.epoch_offset(epoch);
            let expected = last + state.step;
            if mapped < last - back || (self.discontinuous && mapped - expected > AHEAD) {
                epoch = self.enter(epoch, time, expected);
            }
        }
        let mapped = time + self.epoch_offset(epoch);
        self.tracks[track] = Track { epoch, last: Some(mapped), step: stamp.duration.clamp(0, 1_000_000) };
        self.epoch_offset(epoch)
    }

    fn epoch_offset(&self, epoch: u64) -> i64 {
        let at = epoch.saturating_sub(self.oldest) as usize;
        self.offsets.get(at).or(self.offsets.front()).copied().unwrap_or(0)
    }

    /// The epoch for a track that expected `expected` and found `time`: one that another track opened, or a new one.
    fn enter(&mut self, current: u64, time: i64, expected: i64) -> u64 {
        let newest = self.oldest + self.offsets.len() as u64 - 1;
        for epoch in current + 1..=newest {
            let ahead = time + self.epoch_offset(epoch) - expected;
            if ahead.abs() > JOIN {
                continue;
            }
            if ahead < 0 {
                // The other track has less before the jump. Moving the rest of the epoch loses nothing of this one and
                // leaves a short gap in the other.
                if let Some(offset) = self.offsets.get_mut((epoch - self.oldest) as usize) {
                    *offset -= ahead;
                }
            }
            return epoch;
        }
        self.jumps += 1;
        self.offsets.push_back(expected - time);
        if self.offsets.len() > KEPT {
            self.offsets.pop_front();
            self.oldest += 1;
        }
        newest + 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(dts: i64, duration: i64) -> Stamp {
        Stamp { pts: Some(dts), dts: Some(dts), duration }
    }

    #[test]
    fn a_jump_keeps_both_tracks_together() {
        let mut clock = Clock::new(true);
        // Three seconds of 25 fps and 20 ms sound, then the clock starts again at 1 s, then leaps ahead an hour.
        let mut pictures = Vec::new();
        let mut sounds = Vec::new();
        for part in [5_000_000i64, 1_000_000, 3_600_000_000] {
            for tick in 0..75 {
                let at = part + tick * 40_000;
                pictures.push((at - part, at + clock.offset(0, packet(at, 40_000))));
                for half in [0, 20_000] {
                    let at = at + half;
                    sounds.push((at - part, at + clock.offset(1, packet(at, 20_000))));
                }
            }
        }
        assert_eq!(clock.jumps(), 2);
        for pair in pictures.windows(2) {
            assert!(pair[1].1 > pair[0].1, "{pair:?}");
        }
        assert_eq!(pictures.last().map(|p| p.1), Some(5_000_000 + 225 * 40_000 - 40_000));
        for (n, (_, mapped)) in pictures.iter().enumerate() {
            assert!((mapped - sounds[2 * n].1).abs() <= 40_000, "out of sync at frame {n}");
        }
    }

    #[test]
    fn a_pause_in_a_container_without_jumps_stays() {
        let mut clock = Clock::new(false);
        clock.offset(0, packet(0, 40_000));
        assert_eq!(clock.offset(0, packet(60_000_000, 40_000)), 0);
    }

    proptest! {
        #[test]
        fn repaired_times_never_go_back_further_than_rounding(
            times in proptest::collection::vec((0usize..2, any::<i64>(), 0i64..100_000), 1..300),
            discontinuous in any::<bool>(),
        ) {
            let mut clock = Clock::new(discontinuous);
            let mut last = [i64::MIN; 2];
            for (track, time, duration) in times {
                let offset = clock.offset(track, packet(time, duration));
                let mapped = time.clamp(-LIMIT, LIMIT) + offset;
                prop_assert!(mapped >= last[track].saturating_sub(BACK));
                last[track] = mapped;
            }
        }
    }
}
