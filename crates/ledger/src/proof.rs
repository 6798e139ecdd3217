//! Inclusion and consistency proofs (RFC 6962 §2.1.1, §2.1.2): checking them needs nothing but hashes.

use super::{Hash, node_hash};

/// Why a proof proves nothing, or can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    #[error("packet {index} is not in a ledger of {size} packets")]
    OutOfRange { index: u64, size: u64 },
    #[error("a ledger of {from} packets can't grow into one of {to}")]
    Shrinks { from: u64, to: u64 },
    #[error("the tree holds {held} packets, {size} were asked for")]
    NotYet { size: u64, held: u64 },
    #[error("leaf hashes {from} to {to} were not given")]
    LeavesMissing { from: u64, to: u64 },
    #[error("the proof has {given} hashes where {expected} belong")]
    Length { given: usize, expected: usize },
    #[error("the hashes of the proof lead to another root")]
    Root,
}

/// Checks that the leaf at `index` is in the tree of `size` leaves with this root.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), ProofFault> {
    if index >= size {
        return Err(ProofFault::OutOfRange { index, size });
    }
    let expected = inclusion_length(index, size);
    if path.len() != expected {
        return Err(ProofFault::Length { given: path.len(), expected });
    }
    // RFC 9162 §2.1.3.2: `at` walks up from the leaf, `last` from the last leaf.
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    if hash == *root { Ok(()) } else { Err(ProofFault::Root) }
}

/// Hashes in an inclusion proof: one for each level below the root, less those where a lone right edge moves up as it is.
fn inclusion_length(index: u64, size: u64) -> usize {
    let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    (inner + border) as usize
}

/// Checks that the tree of `to` leaves with root `new` continues the tree of `from` leaves with root `old`.
pub fn verify_consistency(from: u64, old: &Hash, to: u64, new: &Hash, path: &[Hash]) -> Result<(), ProofFault> {
    if from > to {
        return Err(ProofFault::Shrinks { from, to });
    }
    let length = |expected: usize| {
        if path.len() == expected { Ok(()) } else { Err(ProofFault::Length { given: path.len(), expected }) }
    };
    if from == to || from == 0 {
        length(0)?;
        // Every tree continues the empty one, whose root is known.
        let same = if from == to { old == new } else { *old == super::empty_root() };
        return if same { Ok(()) } else { Err(ProofFault::Root) };
    }
    length(consistency_length(from, to))?;
    // RFC 9162 §2.1.4.2.
    let mut hashes = path.iter();
    let (mut at, mut last) = (from - 1, to - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let start = if from.is_power_of_two() { Some(old) } else { hashes.next() };
    let Some(start) = start else { return Err(ProofFault::Length { given: 0, expected: 1 }) };
    let (mut before, mut after) = (*start, *start);
    for sibling in hashes {
        if at & 1 == 1 || at == last {
            before = node_hash(sibling, &before);
            after = node_hash(sibling, &after);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            after = node_hash(&after, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    if before == *old && after == *new { Ok(()) } else { Err(ProofFault::Root) }
}

/// Hashes in a consistency proof, for `0 < from < to`: the old tree's smallest peak, unless it is the whole old tree,
/// and its inclusion in the new tree.
fn consistency_length(from: u64, to: u64) -> usize {
    let level = from.trailing_zeros();
    // The smallest peak as a leaf of the new tree seen from its level; a ragged rest counts as one.
    let size = to.div_ceil(1 << level);
    inclusion_length((from - 1) >> level, size) + usize::from(!from.is_power_of_two())
}
