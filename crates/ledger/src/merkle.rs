//! RFC 6962 Merkle tree: leaf and node hashes, and the frontier that appends in O(1) amortised with O(log n) memory.

use sha2::{Digest, Sha256};

pub type Hash = [u8; 32];

/// Hash of the empty tree: SHA-256 of nothing (RFC 6962 §2.1).
pub fn empty_root() -> Hash {
    Sha256::new().finalize().into()
}

/// `SHA-256(0x00 || bytes)`.
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(bytes).finalize().into()
}

/// `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut both = [1; 65];
    both[1..33].copy_from_slice(left);
    both[33..].copy_from_slice(right);
    Sha256::digest(both).into()
}

/// Merkle root of these leaf hashes.
pub fn root_of(leaves: &[Hash]) -> Hash {
    Frontier::from_leaves(leaves.iter().copied()).root()
}

/// The roots of the full subtrees that a tree of `size` leaves falls into, largest first: all that appending and the
/// root need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn from_leaves(leaves: impl IntoIterator<Item = Hash>) -> Self {
        let mut frontier = Self::new();
        for leaf in leaves {
            frontier.push(leaf);
        }
        frontier
    }

    /// Takes up a kept frontier ([`Frontier::peaks`]). `None` when a tree of this size has another number of peaks.
    pub fn resume(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the full subtrees, largest first: one for each bit that is set in the size.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf hash; answers its place, counted from 0.
    pub fn push(&mut self, leaf: Hash) -> u64 {
        let seq = self.size;
        let mut hash = leaf;
        for _ in 0..seq.trailing_ones() {
            // As many peaks as trailing ones exist: the size says so.
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
        seq
    }

    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => empty_root(),
            Some(smallest) => peaks.fold(*smallest, |right, left| node_hash(left, &right)),
        }
    }
}
