//! Stardust as a transparency log: canonical JSON, Merkle tree, signed checkpoints, proofs, verification.
//!
//! A packet's leaf is the canonical JSON (RFC 8785) of its draft; leaves form one Merkle tree (RFC 6962); its root is
//! signed now and then with Ed25519. Whoever holds the public key and an old checkpoint can tell whether anything that
//! was covered by it was changed, removed, moved or replaced. Everything here is pure: bytes in, answers out.

mod canonical;
pub mod hex;
mod merkle;
mod proof;
mod sign;
mod tree;
#[cfg(test)]
mod tree_tests;

pub use canonical::{canonical, canonical_value};
pub use merkle::{Frontier, Hash, empty_root, leaf_hash, node_hash, root_of};
pub use proof::{ProofFault, verify_consistency, verify_inclusion};
pub use sign::{KeyFault, SignatureFault, Signer, Verifier};
pub use tree::{Leaves, RUN, Runs, Tree};
