//! The part of an index that is about pictures.

use std::collections::BTreeMap;

use super::{Entry, Index, SLOT_BITS, Shared, Tally, within_budget};
use crate::print::{Print, Run, STEP_SECONDS};
use crate::sight::mirrored;
use crate::thresholds::Thresholds;

/// An entry is the number of the quarter, the quarter, the slot, the number of the run, and some bits of the next quarter
/// that spare most looks at the run itself.
pub(super) const KEY_BITS: u32 = 18;
const RUN_BITS: u32 = 14;
const CHECK_BITS: u32 = 12;
const _: () = assert!(KEY_BITS + SLOT_BITS + RUN_BITS + CHECK_BITS == 64);
const _: () = assert!(crate::print::MAX_RUNS <= 1 << RUN_BITS);
/// Of the check bits so many may differ.
const CHECK_OFF: u32 = 4;
/// Hits of one print below which it is not looked at.
const LEAST: u16 = 3;
/// Runs of a query that candidates are looked for with, evenly chosen. Of an hour of lively pictures that is one in
/// three.
const ASKED: usize = 512;
/// Places that are measured in one look-up, those with most votes.
const PLACES: usize = 32;
/// Offsets that are measured for one print.
const OFFSETS: usize = 3;
/// Half seconds by which the offsets of hits of one offset may differ: runs start when a picture has changed enough, which
/// two copies may see a second apart.
const JITTER: i64 = 3;

fn key(quarter: u32, hash: u64) -> u64 {
    u64::from(quarter) << 16 | (hash >> (16 * quarter)) & 0xffff
}

fn check(quarter: u32, hash: u64) -> u64 {
    (hash >> (16 * ((quarter + 1) % 4))) & ((1 << CHECK_BITS) - 1)
}

pub(super) fn postings(print: &Print, slot: u32, out: &mut Vec<u64>) {
    for (n, run) in print.runs().iter().enumerate() {
        out.extend((0..4).map(|quarter| {
            key(quarter, run.hash) << (64 - KEY_BITS)
                | u64::from(slot) << (RUN_BITS + CHECK_BITS)
                | (n as u64) << CHECK_BITS
                | check(quarter, run.hash)
        }));
    }
}

pub(super) fn slot(entry: u64) -> u32 {
    ((entry >> (RUN_BITS + CHECK_BITS)) & ((1 << SLOT_BITS) - 1)) as u32
}

fn number(entry: u64) -> usize {
    ((entry >> CHECK_BITS) & ((1 << RUN_BITS) - 1)) as usize
}

#[derive(Clone, Copy)]
struct Key<'a> {
    quarter: u32,
    hash: u64,
    run: &'a Run,
    mirrored: bool,
}

/// Slots with the offsets (half seconds) at which most of their pictures agree, as they are or mirrored.
pub(super) fn candidates(index: &Index, print: &Print) -> Vec<(u32, bool, i64)> {
    let every = print.runs().len().div_ceil(ASKED).max(1);
    let mut keys = Vec::with_capacity(print.runs().len() / every * 8);
    for run in print.runs().iter().step_by(every) {
        for (hash, mirrored) in [(run.hash, false), (mirrored(run.hash), true)] {
            keys.extend((0..4).map(|quarter| (key(quarter, hash), Key { quarter, hash, run, mirrored })));
        }
    }
    let mut lists = index.picture.of_all(&keys);
    within_budget(&mut lists, index.thresholds.budget);
    let mut tallies = [Tally::new(index.entries.len()), Tally::new(index.entries.len())];
    let mut near = Vec::new();
    for (entries, k) in &lists {
        let wanted = check(k.quarter, k.hash);
        for &entry in *entries {
            if (entry & ((1 << CHECK_BITS) - 1) ^ wanted).count_ones() <= CHECK_OFF {
                tallies[usize::from(k.mirrored)].add(slot(entry));
                near.push((entry, k));
            }
        }
    }
    let bars = [tallies[0].bar(LEAST), tallies[1].bar(LEAST)];
    let mut votes: BTreeMap<(u32, bool), Vec<i64>> = BTreeMap::new();
    for (entry, k) in near {
        let (slot, side) = (slot(entry), usize::from(k.mirrored));
        if tallies[side].of(slot) < bars[side] {
            continue;
        }
        let other = index.entries.get(slot as usize).and_then(Option::as_ref).and_then(|e| e.runs.get(number(entry)));
        let Some(other) = other.filter(|o| (o.hash ^ k.hash).count_ones() <= index.thresholds.picture_bits) else {
            continue;
        };
        votes.entry((slot, k.mirrored)).or_default().push(i64::from(other.at) - i64::from(k.run.at));
    }
    let mut best: Vec<(usize, u32, bool, i64)> = votes
        .into_iter()
        .flat_map(|((slot, mirrored), offsets)| {
            peaks(offsets).into_iter().map(move |(count, offset)| (count, slot, mirrored, offset))
        })
        .collect();
    best.sort_unstable_by(|a, b| b.0.cmp(&a.0).then((a.1, a.2, a.3).cmp(&(b.1, b.2, b.3))));
    best.truncate(PLACES);
    best.into_iter().map(|(_, slot, mirrored, offset)| (slot, mirrored, offset)).collect()
}

/// The offsets with most votes within [`JITTER`], with their votes.
fn peaks(mut offsets: Vec<i64>) -> Vec<(usize, i64)> {
    let mut found = Vec::new();
    offsets.sort_unstable();
    while found.len() < OFFSETS {
        let (mut start, mut best) = (0, 0..0);
        for end in 0..offsets.len() {
            while offsets[end] - offsets[start] > JITTER {
                start += 1;
            }
            if end + 1 - start > best.len() {
                best = start..end + 1;
            }
        }
        if best.len() < 2 {
            break;
        }
        found.push((best.len(), offsets[best.start + best.len() / 2]));
        offsets.drain(best);
    }
    found
}

/// The pictures of a query, as they are and mirrored.
pub(super) struct Sides {
    plain: Vec<Run>,
    turned: Vec<Run>,
}

impl Sides {
    pub(super) fn of(print: &Print) -> Self {
        let plain = print.runs().to_vec();
        let turned = plain.iter().map(|r| Run { hash: mirrored(r.hash), ..*r }).collect();
        Self { plain, turned }
    }
    fn runs(&self, mirrored: bool) -> &[Run] {
        if mirrored { &self.turned } else { &self.plain }
    }
}

/// What is common at the best of the places, whether it is mirrored, and its offset in seconds.
pub(super) fn measure(
    sides: &Sides,
    other: &Entry,
    places: &[(bool, i64)],
    t: &Thresholds,
) -> Option<(Shared, bool, f64)> {
    let agreeing = |(side, offset): (bool, i64)| {
        let found = walk(sides.runs(side), &other.runs, offset, (0, u32::MAX), t).agreeing;
        (found, !side, std::cmp::Reverse(offset.abs()))
    };
    // Votes are cast by starts of runs, which lie up to a second apart in two copies.
    let mut near: Vec<(bool, i64)> =
        places.iter().flat_map(|&(side, offset)| (-2..=2).map(move |d| (side, offset + d))).collect();
    near.sort_unstable();
    near.dedup();
    let (side, offset) = near.into_iter().max_by_key(|place| agreeing(*place))?;
    let shared = stretch(sides.runs(side), &other.runs, offset, t)?;
    Some((shared, side, offset as f64 * STEP_SECONDS))
}

/// The common stretch at an offset; without evidence when another offset would do nearly as well.
fn stretch(runs: &[Run], others: &[Run], offset: i64, t: &Thresholds) -> Option<Shared> {
    let all = walk(runs, others, offset, (0, u32::MAX), t);
    let gap = (t.gap_seconds / STEP_SECONDS) as u32;
    // Stretches of agreement, with single pictures between them that do not.
    let mut spans: Vec<(u32, u32, u32)> = Vec::new();
    for (from, to, _) in &all.spans {
        match spans.last_mut() {
            Some(last) if *from <= last.1 + gap => (last.1, last.2) = (*to, last.2 + to - from),
            _ => spans.push((*from, *to, to - from)),
        }
    }
    // A picture that agrees by itself, far from others, is chance.
    spans.retain(|(from, to, agreeing)| to - from >= gap / 2 && *agreeing * 3 >= to - from);
    let (first, last) = (spans.first()?, spans.last()?);
    let (mut agreeing, mut joint, mut here, mut elsewhere, mut pictures) = (0, 0, 0.0, 0.0, Vec::new());
    for (from, to, _) in &spans {
        let found = walk(runs, others, offset, (*from, *to), t);
        (agreeing, joint) = (agreeing + found.agreeing, joint + found.joint);
        here += found.bits as f64;
        elsewhere += shifted(runs, others, offset, (*from, *to), t) * f64::from(found.joint);
        pictures.extend(found.spans.iter().map(|(_, _, hash)| *hash));
    }
    pictures.sort_unstable();
    pictures.dedup();
    let contrast = if elsewhere > 0.0 { 1.0 - here / elsewhere } else { 0.0 };
    Some(Shared {
        seconds: f64::from(agreeing) * STEP_SECONDS,
        similarity: f64::from(agreeing) / f64::from(joint.max(1)),
        evidence: if contrast >= t.video_contrast { pictures.len() as u32 } else { 0 },
        from: f64::from(first.0) * STEP_SECONDS,
        to: f64::from(last.1) * STEP_SECONDS,
        enough: false,
    })
}

/// Bits by which pictures differ when the stretch is turned against itself by a quarter, a half and three quarters: the
/// mean.
fn shifted(runs: &[Run], others: &[Run], offset: i64, (from, to): (u32, u32), t: &Thresholds) -> f64 {
    let length = i64::from(to) - i64::from(from);
    let mut means = Vec::with_capacity(3);
    for quarter in 1..4 {
        let by = length * quarter / 4;
        let border = to - by as u32;
        let a = walk(runs, others, offset + by, (from, border), t);
        let b = walk(runs, others, offset + by - length, (border, to), t);
        let joint = a.joint + b.joint;
        if joint > 0 {
            means.push((a.bits + b.bits) as f64 / f64::from(joint));
        }
    }
    means.iter().sum::<f64>() / means.len().max(1) as f64
}

#[derive(Default)]
struct Walk {
    /// Half seconds in which both show something, and in which that agrees.
    joint: u32,
    agreeing: u32,
    /// Bits by which they differ, over all of the joint half seconds.
    bits: u64,
    /// What agrees, in half seconds of the query, with the query's hash.
    spans: Vec<(u32, u32, u64)>,
}

/// Compares everything within `range` of the query with what lies `offset` half seconds later in the other.
fn walk(runs: &[Run], others: &[Run], offset: i64, (from, to): (u32, u32), t: &Thresholds) -> Walk {
    let mut walk = Walk::default();
    let mut a = runs.partition_point(|r| r.end() <= from);
    let Some(first) = runs.get(a) else { return walk };
    let start = i64::from(first.at.max(from)) + offset;
    let mut b = others.partition_point(|r| i64::from(r.end()) <= start);
    while let (Some(run), Some(other)) = (runs.get(a), others.get(b)) {
        if run.at >= to {
            break;
        }
        let (low, high) = (i64::from(run.at.max(from)), i64::from(run.end().min(to)));
        let (other_low, other_high) = (i64::from(other.at) - offset, i64::from(other.end()) - offset);
        let (both_low, both_high) = (low.max(other_low), high.min(other_high));
        if both_low < both_high {
            let steps = (both_high - both_low) as u32;
            walk.joint += steps;
            let bits = (run.hash ^ other.hash).count_ones();
            walk.bits += u64::from(bits) * u64::from(steps);
            if bits <= t.picture_bits {
                walk.agreeing += steps;
                walk.spans.push((both_low as u32, both_high as u32, run.hash));
            }
        }
        if high <= other_high {
            a += 1;
        } else {
            b += 1;
        }
    }
    walk
}
