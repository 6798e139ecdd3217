//! Sorted entries, found by their upper bits.
//!
//! New entries go into small sorted segments, and segments of about one size are merged, so that there are never more than
//! a few dozen and each entry is moved a few dozen times at most. A table of the first entries for each value of the upper
//! bits leads to the right cache line without a search through the whole segment.

/// Entries per place of the table, about; more where a place for each key is enough.
const PER_PLACE: usize = 4;

struct Segment {
    entries: Vec<u64>,
    /// For each value of the upper `bits` bits the number of the first entry that is not below it, and the end.
    places: Vec<u32>,
    bits: u32,
}

impl Segment {
    /// `entries` are sorted and fewer than 2³².
    fn new(mut entries: Vec<u64>, key_bits: u32) -> Self {
        entries.shrink_to_fit();
        let bits = (entries.len() / PER_PLACE).max(2).ilog2().min(key_bits);
        let mut places = Vec::with_capacity((1 << bits) + 1);
        for (n, entry) in entries.iter().enumerate() {
            let place = (entry >> (64 - bits)) as usize;
            while places.len() <= place {
                places.push(n as u32);
            }
        }
        places.resize((1 << bits) + 1, entries.len() as u32);
        Self { entries, places, bits }
    }

    /// Where entries from `low` to `high`, both included, begin and end, about.
    fn about(&self, (low, high): (u64, u64)) -> (usize, usize) {
        let place = |value: u64| (value >> (64 - self.bits)) as usize;
        let bound = |n: usize| self.places.get(n).map_or(self.entries.len(), |p| *p as usize);
        (bound(place(low)), bound(place(high) + 1))
    }

    /// Exactly, within what [`Segment::about`] says; `whole` when that is exact.
    fn range(&self, (low, high): (u64, u64), (from, to): (usize, usize), whole: bool) -> &[u64] {
        let some = self.entries.get(from..to).unwrap_or_default();
        if whole {
            return some;
        }
        let start = some.partition_point(|e| *e < low);
        let some = &some[start..];
        &some[..some.partition_point(|e| *e <= high)]
    }
}

/// Entries whose upper `key_bits` bits are a key.
pub(super) struct Postings {
    key_bits: u32,
    /// The largest first.
    segments: Vec<Segment>,
}

impl Postings {
    pub(super) fn new(key_bits: u32) -> Self {
        Self { key_bits, segments: Vec::new() }
    }

    pub(super) fn insert(&mut self, mut entries: Vec<u64>) {
        if entries.is_empty() {
            return;
        }
        entries.sort_unstable();
        // Whatever is at most as large is merged: the sizes of the segments at least double.
        while let Some(last) = self.segments.last() {
            if last.entries.len() > entries.len() || last.entries.len() + entries.len() > u32::MAX as usize {
                break;
            }
            if let Some(last) = self.segments.pop() {
                entries = merged(last.entries, entries);
            }
        }
        self.segments.push(Segment::new(entries, self.key_bits));
    }

    /// Drops every entry that `keep` does not want.
    pub(super) fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        for segment in std::mem::take(&mut self.segments) {
            let mut entries = segment.entries;
            entries.retain(|e| keep(*e));
            self.insert(entries);
        }
    }

    /// The entries of every key, each key's as a few slices that are not empty.
    ///
    /// Nearly every key lies where the processor's caches have nothing, and a search waits for memory at each of its
    /// steps. So all keys take each step together: waits that do not depend on each other pass at the same time.
    pub(super) fn of_all<K: Copy>(&self, keys: &[(u64, K)]) -> Vec<(&[u64], K)> {
        let span = |key: u64| {
            let low = key << (64 - self.key_bits);
            (low, low | (u64::MAX >> self.key_bits))
        };
        let mut found = Vec::with_capacity(keys.len());
        for segment in &self.segments {
            let bounds: Vec<(usize, usize)> = keys.iter().map(|(key, _)| segment.about(span(*key))).collect();
            let touched =
                bounds.iter().fold(0, |sum, (from, _)| sum ^ segment.entries.get(*from).copied().unwrap_or_default());
            std::hint::black_box(touched);
            let whole = segment.bits == self.key_bits;
            let lists = keys.iter().zip(bounds).map(|((key, k), about)| (segment.range(span(*key), about, whole), *k));
            found.extend(lists.filter(|(entries, _)| !entries.is_empty()));
        }
        found
    }

    pub(super) fn bytes(&self) -> usize {
        self.segments.iter().map(|s| s.entries.capacity() * 8 + s.places.capacity() * 4).sum()
    }
}

fn merged(a: Vec<u64>, b: Vec<u64>) -> Vec<u64> {
    let mut out = Vec::with_capacity(a.len() + b.len());
    let (mut left, mut right) = (a.into_iter().peekable(), b.into_iter().peekable());
    while let (Some(x), Some(y)) = (left.peek(), right.peek()) {
        let next = if x <= y { left.next() } else { right.next() };
        out.extend(next);
    }
    out.extend(left);
    out.extend(right);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn every_entry_is_found_under_its_key(key_bits in prop_oneof![Just(2u32), Just(16)], batches in prop::collection::vec(prop::collection::vec(any::<u64>(), 0..200), 0..12)) {
            // Few different keys, so that keys have many entries.
            let batches: Vec<Vec<u64>> =
                batches.into_iter().map(|b| b.into_iter().map(|e| e & 0xe003_0000_0000_ffff).collect()).collect();
            // With 16 bits a place holds several keys, with 2 each key has a place of its own.
            let mut postings = Postings::new(key_bits);
            let mut all = Vec::new();
            for batch in batches {
                all.extend(batch.clone());
                postings.insert(batch);
            }
            let sizes: Vec<usize> = postings.segments.iter().map(|s| s.entries.len()).collect();
            prop_assert!(sizes.windows(2).all(|w| w[0] > w[1]), "{sizes:?}");
            let check = |postings: &Postings, all: &[u64]| {
                for key in all.iter().map(|e| e >> (64 - key_bits)).chain([0, (1 << key_bits) - 1, (1 << key_bits) / 2]).collect::<BTreeSet<u64>>() {
                    let mut found: Vec<u64> = postings.of_all(&[(key, ())]).iter().flat_map(|(e, ())| *e).copied().collect();
                    let mut expected: Vec<u64> = all.iter().copied().filter(|e| e >> (64 - key_bits) == key).collect();
                    found.sort_unstable();
                    expected.sort_unstable();
                    assert_eq!(found, expected);
                }
            };
            check(&postings, &all);
            postings.retain(|e| e % 3 != 0);
            all.retain(|e| e % 3 != 0);
            check(&postings, &all);
        }
    }
}
