//! Stardust as a transparency log: canonical JSON, Merkle tree, signed checkpoints, proofs, verification.
//!
//! A packet's leaf is the canonical JSON (RFC 8785) of its draft; leaves form one Merkle tree (RFC 6962); its root is
//! signed now and then with Ed25519. Whoever holds the public key and an old checkpoint can tell whether anything that
//! was covered by it was changed, removed, moved or replaced. Everything here is pure: bytes in, answers out.

mod audit;
#[cfg(test)]
mod audit_tests;
mod bundle;
mod canonical;
#[cfg(test)]
mod canonical_tests;
mod finding;
pub mod hex;
mod log;
mod merkle;
mod plain;
#[cfg(test)]
mod plain_tests;
mod proof;
mod sign;
#[cfg(test)]
mod sign_tests;
mod tree;
#[cfg(test)]
mod tree_tests;

pub use audit::{Audit, AuditReport, Content, Entry, Examined, Examiner, Expected, examine};
pub use bundle::{BundleFault, bundle, verify_bundle};
pub use canonical::{Columns, Document, canonical, canonical_value};
pub use finding::{Finding, FindingCode};
pub use log::{CheckpointLog, LogFault, read_checkpoints, write_checkpoint};
pub use merkle::{Frontier, Hash, empty_root, leaf_hash, node_hash, root_of};
pub use proof::{ProofFault, verify_consistency, verify_inclusion};
pub use sign::{KeyFault, SignatureFault, Signer, Verifier};
pub use tree::{Leaves, RUN, Runs, Tree};
