//! Stardust as a transparency log: canonical JSON, Merkle tree, signed checkpoints, proofs, verification.
