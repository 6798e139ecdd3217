//! Time, randomness and ids come in through these traits, so that a decision can be repeated.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Microseconds since the epoch, UTC.
pub trait Clock: Sync {
    fn now_us(&self) -> i64;
}

pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one adapter to the wall clock
    fn now_us(&self) -> i64 {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64)
    }
}

/// Numbers in 0..1.
pub trait Dice {
    fn roll(&mut self) -> f64;
}

pub trait Ids {
    fn next(&mut self) -> Uuid;
}

/// Ids and numbers that are a function of a seed alone: the same input and configuration give the same documents.
///
/// Each draw is SHA-256(seed ‖ counter); ids carry the version and variant bits of a UUIDv4 (RFC 9562 §5.4).
pub struct Seeded {
    seed: [u8; 32],
    drawn: u64,
}

impl Seeded {
    pub fn new(seed: &[u8]) -> Self {
        Self { seed: Sha256::digest(seed).into(), drawn: 0 }
    }
    fn draw(&mut self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update(self.drawn.to_be_bytes());
        self.drawn += 1;
        hash.finalize().into()
    }
}

impl Ids for Seeded {
    fn next(&mut self) -> Uuid {
        let mut bytes = [0u8; 16];
        bytes.copy_from_slice(&self.draw()[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

impl Dice for Seeded {
    fn roll(&mut self) -> f64 {
        let mut bytes = [0u8; 8];
        bytes.copy_from_slice(&self.draw()[..8]);
        (u64::from_be_bytes(bytes) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Ids that begin with the time (UUIDv7, RFC 9562 §5.7): rows that are made together lie together in every index, so a
/// commit of many rows touches few pages. The rest of each id comes from `random`.
pub struct Timed<I> {
    random: I,
    clock: Arc<dyn Clock + Send + Sync>,
}

impl<I: Ids> Timed<I> {
    pub fn new(random: I, clock: Arc<dyn Clock + Send + Sync>) -> Self {
        Self { random, clock }
    }
}

impl<I: Ids> Ids for Timed<I> {
    fn next(&mut self) -> Uuid {
        let millis = u64::try_from(self.clock.now_us() / 1000).unwrap_or(0);
        let mut random = [0u8; 10];
        // The first eight bytes of the other kind hold its version and variant; these do not.
        let drawn = self.random.next().into_bytes();
        random[..6].copy_from_slice(&drawn[..6]);
        random[6..].copy_from_slice(&drawn[12..]);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_ids_and_they_are_version_4() {
        let (mut a, mut b) = (Seeded::new(b"x"), Seeded::new(b"x"));
        let ids: Vec<Uuid> = (0..100).map(|_| a.next()).collect();
        assert_eq!(ids, (0..100).map(|_| b.next()).collect::<Vec<_>>());
        assert!(ids.iter().all(|id| id.get_version_num() == 4));
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), 100);
        assert_ne!(Seeded::new(b"y").next(), ids[0]);
    }

    struct At(i64);

    impl Clock for At {
        fn now_us(&self) -> i64 {
            self.0
        }
    }

    #[test]
    fn timed_ids_sort_by_their_time_and_differ_within_it() {
        let ids = |at: i64| {
            let mut ids = Timed::new(Seeded::new(&at.to_be_bytes()), Arc::new(At(at)));
            (0..100).map(|_| ids.next()).collect::<std::collections::BTreeSet<Uuid>>()
        };
        let (before, after) = (ids(1_795_295_717_813_602), ids(1_795_295_717_814_602));
        assert_eq!((before.len(), after.len()), (100, 100));
        assert!(before.last() < after.first());
        assert!(before.iter().all(|id| id.get_version_num() == 7));
        assert_eq!(ids(-5).first().and_then(Uuid::get_timestamp).map(|t| t.to_unix().0), Some(0));
    }

    #[test]
    fn rolls_stay_below_one_and_spread() {
        let mut dice = Seeded::new(b"d");
        let rolls: Vec<f64> = (0..1000).map(|_| dice.roll()).collect();
        assert!(rolls.iter().all(|r| (0.0..1.0).contains(r)));
        let mean = rolls.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "mean {mean}");
    }
}
