//! Sorted entries, found by their upper bits.
//!
//! New entries go into small sorted segments, and segments of about one size are merged, so that there are never more than
//! a few dozen and each entry is moved a few dozen times at most. A table of the first entries for each value of the upper
//! bits leads to the right cache line without a search through the whole segment.

/// Entries per place of the table, about.
const PER_PLACE: usize = 8;

struct Segment {
    entries: Vec<u64>,
    /// For each value of the upper `bits` bits the number of the first entry that is not below it, and the end.
    places: Vec<u32>,
    bits: u32,
}

impl Segment {
    /// `entries` are sorted and fewer than 2³².
    fn new(mut entries: Vec<u64>) -> Self {
        entries.shrink_to_fit();
        let bits = (entries.len() / PER_PLACE).max(2).ilog2();
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

    /// Entries from `low` to `high`, both included.
    fn range(&self, low: u64, high: u64) -> &[u64] {
        let place = |value: u64| (value >> (64 - self.bits)) as usize;
        let bound = |n: usize| self.places.get(n).map_or(self.entries.len(), |p| *p as usize);
        let some = &self.entries[bound(place(low))..bound(place(high) + 1)];
        let start = some.partition_point(|e| *e < low);
        let end = start + some[start..].partition_point(|e| *e <= high);
        &some[start..end]
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
        self.segments.push(Segment::new(entries));
    }

    /// Drops every entry that `keep` does not want.
    pub(super) fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        for segment in std::mem::take(&mut self.segments) {
            let mut entries = segment.entries;
            entries.retain(|e| keep(*e));
            self.insert(entries);
        }
    }

    /// The entries of a key, as a few slices.
    pub(super) fn of(&self, key: u64) -> impl Iterator<Item = &[u64]> {
        let low = key << (64 - self.key_bits);
        let high = low | (u64::MAX >> self.key_bits);
        self.segments.iter().map(move |s| s.range(low, high)).filter(|r| !r.is_empty())
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
        fn every_entry_is_found_under_its_key(batches in prop::collection::vec(prop::collection::vec(any::<u64>(), 0..200), 0..12)) {
            // Few different keys, so that keys have many entries.
            let batches: Vec<Vec<u64>> =
                batches.into_iter().map(|b| b.into_iter().map(|e| e & 0xe003_0000_0000_ffff).collect()).collect();
            let mut postings = Postings::new(16);
            let mut all = Vec::new();
            for batch in batches {
                all.extend(batch.clone());
                postings.insert(batch);
            }
            let sizes: Vec<usize> = postings.segments.iter().map(|s| s.entries.len()).collect();
            prop_assert!(sizes.windows(2).all(|w| w[0] > w[1]), "{sizes:?}");
            let check = |postings: &Postings, all: &[u64]| {
                for key in all.iter().map(|e| e >> 48).chain([0, 77, 0xffff]).collect::<BTreeSet<u64>>() {
                    let mut found: Vec<u64> = postings.of(key).flatten().copied().collect();
                    let mut expected: Vec<u64> = all.iter().copied().filter(|e| e >> 48 == key).collect();
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
