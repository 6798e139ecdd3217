//! Failed authentications are counted for each address.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use omniva_contracts::engine::Moment;

const WINDOW_SECONDS: i64 = 60;
/// Addresses that are remembered.
const MOST: usize = 4_096;

pub struct Throttle {
    most: u32,
    seen: Mutex<BTreeMap<IpAddr, (Moment, u32)>>,
}

impl Throttle {
    pub fn new(most: u32) -> Self {
        Self { most, seen: Mutex::new(BTreeMap::new()) }
    }

    /// Seconds to wait when an address failed too often.
    pub fn blocked(&self, address: IpAddr, now: Moment) -> Option<u64> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, count) = seen.get(&address)?;
        let left = WINDOW_SECONDS - (now.0 - start.0) / 1_000_000;
        (*count >= self.most && left > 0).then(|| u64::try_from(left).unwrap_or(1))
    }

    pub fn failed(&self, address: IpAddr, now: Moment) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let old = |start: &Moment| now.0 - start.0 >= WINDOW_SECONDS * 1_000_000;
        if seen.len() >= MOST && !seen.contains_key(&address) {
            seen.retain(|_, (start, _)| !old(start));
            // All of them fresh: the oldest makes room, so that memory stays bounded.
            if seen.len() >= MOST
                && let Some(oldest) = seen.iter().min_by_key(|(_, (start, _))| *start).map(|(a, _)| *a)
            {
                seen.remove(&oldest);
            }
        }
        let entry = seen.entry(address).or_insert((now, 0));
        if old(&entry.0) {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_and_memory_is_bounded() {
        let throttle = Throttle::new(3);
        let ip: IpAddr = [10, 0, 0, 1].into();
        let at = Moment::from_seconds;
        for n in 0..3 {
            assert_eq!(throttle.blocked(ip, at(n)), None);
            throttle.failed(ip, at(n));
        }
        assert_eq!(throttle.blocked(ip, at(10)), Some(50));
        assert_eq!(throttle.blocked(ip, at(60)), None);
        throttle.failed(ip, at(61));
        assert_eq!(throttle.blocked(ip, at(61)), None);
        for n in 0..10_000u32 {
            throttle.failed(IpAddr::from(n.to_be_bytes()), at(62));
        }
        assert!(throttle.seen.lock().expect("lock").len() <= MOST);
    }
}
