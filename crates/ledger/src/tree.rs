//! A tree that answers proofs in O(log n) hashes: it keeps the hash of every full subtree of 256 leaves and above, so a
//! million leaves cost 250 KiB, and a proof reads at most three runs of 256 leaf hashes from where they are stored.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Frontier, Hash, ProofFault, root_of};

/// Leaves below one kept hash.
pub const RUN: u64 = 256;
const RUN_LEVEL: u32 = RUN.trailing_zeros();

/// Where stored leaf hashes come from.
pub trait Leaves {
    /// The hashes of these leaves; `None` when not all of them are at hand.
    fn leaves(&self, range: Range<u64>) -> Option<&[Hash]>;
}

/// All leaves from 0 on.
impl Leaves for [Hash] {
    fn leaves(&self, range: Range<u64>) -> Option<&[Hash]> {
        self.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    }
}

/// Runs of leaves that were read on request ([`Tree::wanted_for_inclusion`]): each with its first place.
#[derive(Clone, Debug, Default)]
pub struct Runs(Vec<(u64, Vec<Hash>)>);

impl Runs {
    pub fn add(&mut self, first: u64, leaves: Vec<Hash>) {
        self.0.push((first, leaves));
    }
}

impl Leaves for Runs {
    fn leaves(&self, range: Range<u64>) -> Option<&[Hash]> {
        self.0.iter().find_map(|(first, run)| {
            let from = usize::try_from(range.start.checked_sub(*first)?).ok()?;
            run.get(from..from.checked_add(usize::try_from(range.end - range.start).ok()?)?)
        })
    }
}

#[derive(Clone, Debug, Default)]
pub struct Tree {
    frontier: Frontier,
    /// Leaves of the run that is not full yet.
    open: Vec<Hash>,
    /// `full[k][i]` = hash of leaves `i * 256 * 2^k` and the following `256 * 2^k`.
    full: Vec<Vec<Hash>>,
}

impl Tree {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn from_leaves(leaves: impl IntoIterator<Item = Hash>) -> Self {
        let mut tree = Self::new();
        for leaf in leaves {
            tree.push(leaf);
        }
        tree
    }

    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Appends a leaf hash; answers its place.
    pub fn push(&mut self, leaf: Hash) -> u64 {
        let seq = self.frontier.push(leaf);
        self.open.push(leaf);
        if self.open.len() as u64 == RUN {
            let mut hash = root_of(&self.open);
            self.open.clear();
            for level in 0.. {
                if self.full.len() == level {
                    self.full.push(Vec::new());
                }
                let Some(row) = self.full.get_mut(level) else { break };
                row.push(hash);
                match row.as_slice() {
                    [.., left, right] if row.len().is_multiple_of(2) => hash = super::node_hash(left, right),
                    _ => break,
                }
            }
        }
        seq
    }

    /// Root of the first `size` leaves.
    pub fn root_at(&self, size: u64, leaves: &(impl Leaves + ?Sized)) -> Result<Hash, ProofFault> {
        self.holds(size)?;
        if size == 0 { Ok(super::empty_root()) } else { self.hash(0..size, leaves) }
    }

    /// Proof that leaf `index` is in the tree of the first `size` leaves (RFC 6962 §2.1.1).
    pub fn inclusion(&self, index: u64, size: u64, leaves: &(impl Leaves + ?Sized)) -> Result<Vec<Hash>, ProofFault> {
        self.inclusion_parts(index, size)?.into_iter().map(|part| self.hash(part, leaves)).collect()
    }

    /// Proof that the tree of `to` leaves continues the tree of `from` leaves (RFC 6962 §2.1.2). Empty when `from` is 0
    /// or `to`.
    pub fn consistency(&self, from: u64, to: u64, leaves: &(impl Leaves + ?Sized)) -> Result<Vec<Hash>, ProofFault> {
        self.consistency_parts(from, to)?.into_iter().map(|part| self.hash(part, leaves)).collect()
    }

    /// Leaves that [`Tree::inclusion`] will ask for: at most three runs of at most 256.
    pub fn wanted_for_inclusion(&self, index: u64, size: u64) -> Result<Vec<Range<u64>>, ProofFault> {
        Ok(self.wanted(self.inclusion_parts(index, size)?))
    }

    /// Leaves that [`Tree::consistency`] will ask for.
    pub fn wanted_for_consistency(&self, from: u64, to: u64) -> Result<Vec<Range<u64>>, ProofFault> {
        Ok(self.wanted(self.consistency_parts(from, to)?))
    }

    /// Leaves that [`Tree::root_at`] will ask for.
    pub fn wanted_for_root(&self, size: u64) -> Result<Vec<Range<u64>>, ProofFault> {
        self.holds(size)?;
        Ok(if size == 0 { Vec::new() } else { self.wanted(std::iter::once(0..size).collect()) })
    }

    fn holds(&self, size: u64) -> Result<(), ProofFault> {
        if size > self.size() { Err(ProofFault::NotYet { size, held: self.size() }) } else { Ok(()) }
    }

    /// The subtrees whose hashes make the proof, deepest first.
    fn inclusion_parts(&self, index: u64, size: u64) -> Result<Vec<Range<u64>>, ProofFault> {
        self.holds(size)?;
        if index >= size {
            return Err(ProofFault::OutOfRange { index, size });
        }
        let (mut parts, mut within) = (Vec::new(), 0..size);
        while let Some(middle) = split(&within) {
            if index < middle {
                parts.push(middle..within.end);
                within.end = middle;
            } else {
                parts.push(within.start..middle);
                within.start = middle;
            }
        }
        parts.reverse();
        Ok(parts)
    }

    fn consistency_parts(&self, from: u64, to: u64) -> Result<Vec<Range<u64>>, ProofFault> {
        self.holds(to)?;
        if from > to {
            return Err(ProofFault::Shrinks { from, to });
        }
        let (mut parts, mut within) = (Vec::new(), 0..to);
        if from == 0 {
            return Ok(parts);
        }
        while from < within.end {
            let Some(middle) = split(&within) else { break };
            if from <= middle {
                parts.push(middle..within.end);
                within.end = middle;
            } else {
                parts.push(within.start..middle);
                within.start = middle;
            }
        }
        // The old tree's own root needs no proof.
        if within.start != 0 {
            parts.push(within);
        }
        parts.reverse();
        Ok(parts)
    }

    fn kept(&self, part: &Range<u64>) -> Option<Hash> {
        let size = part.end - part.start;
        if size < RUN || !size.is_power_of_two() || !part.start.is_multiple_of(size) {
            return None;
        }
        let row = self.full.get(size.trailing_zeros().checked_sub(RUN_LEVEL)? as usize)?;
        row.get(usize::try_from(part.start / size).ok()?).copied()
    }

    fn hash(&self, part: Range<u64>, leaves: &(impl Leaves + ?Sized)) -> Result<Hash, ProofFault> {
        if let Some(hash) = self.kept(&part) {
            return Ok(hash);
        }
        match split(&part).filter(|_| part.end - part.start > RUN) {
            Some(middle) => {
                let left = self.hash(part.start..middle, leaves)?;
                Ok(super::node_hash(&left, &self.hash(middle..part.end, leaves)?))
            }
            None => {
                let found = self.open(&part).or_else(|| leaves.leaves(part.clone()));
                let found = found.ok_or(ProofFault::LeavesMissing { from: part.start, to: part.end })?;
                Ok(root_of(found))
            }
        }
    }

    /// Leaves of the open run are here already.
    fn open(&self, part: &Range<u64>) -> Option<&[Hash]> {
        let first = self.size() - self.open.len() as u64;
        let from = usize::try_from(part.start.checked_sub(first)?).ok()?;
        self.open.get(from..usize::try_from(part.end.checked_sub(first)?).ok()?)
    }

    /// The whole runs that these parts need leaves from.
    fn wanted(&self, parts: Vec<Range<u64>>) -> Vec<Range<u64>> {
        let mut runs = BTreeSet::new();
        let mut todo = parts;
        while let Some(part) = todo.pop() {
            if self.kept(&part).is_some() {
                continue;
            }
            match split(&part).filter(|_| part.end - part.start > RUN) {
                Some(middle) => todo.extend([part.start..middle, middle..part.end]),
                None if self.open(&part).is_some() => {}
                None => {
                    runs.insert(part.start / RUN);
                }
            }
        }
        runs.into_iter().map(|run| run * RUN..(run * RUN + RUN).min(self.size())).collect()
    }
}

/// Where RFC 6962 divides a tree: after the largest power of two that is smaller than its size. `None` for one leaf.
fn split(part: &Range<u64>) -> Option<u64> {
    let size = part.end - part.start;
    (size > 1).then(|| part.start + (1 << (u64::BITS - 1 - (size - 1).leading_zeros())))
}
