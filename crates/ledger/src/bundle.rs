//! Proof bundles: one packet, its way up to a signed root. Stand-alone: no store, no ledger.

use omniva_contracts::engine::{Checkpoint, PROOF_VERSION, Packet, ProofBundle};

use super::{Hash, ProofFault, SignatureFault, Verifier, canonical, hex, leaf_hash, verify_inclusion};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleFault {
    #[error("the proof has version {found}, this program reads version {PROOF_VERSION}: use a newer omniva")]
    Version { found: u32 },
    #[error("the checkpoint is not to be believed: {0}")]
    Checkpoint(#[from] SignatureFault),
    #[error("hash {at} of the path is not 64 digits of lower-case hex")]
    Path { at: usize },
    #[error("the packet is not in the ledger that was signed: {0}")]
    Inclusion(#[from] ProofFault),
}

impl BundleFault {
    /// Stable.
    pub fn code(&self) -> &'static str {
        match self {
            BundleFault::Version { .. } => "version",
            BundleFault::Checkpoint(SignatureFault::OtherKey) => "other_key",
            BundleFault::Checkpoint(_) => "signature",
            BundleFault::Path { .. } => "path",
            BundleFault::Inclusion(_) => "not_included",
        }
    }
}

/// `path` comes from [`super::Tree::inclusion`] at the checkpoint's size.
pub fn bundle(packet: Packet, path: &[Hash], checkpoint: Checkpoint) -> ProofBundle {
    ProofBundle {
        version: PROOF_VERSION,
        packet: packet.draft,
        seq: packet.seq,
        path: path.iter().map(|hash| hex::write(hash)).collect(),
        checkpoint,
    }
}

/// Checks everything: signature, and that exactly this packet stands at exactly this place.
pub fn verify_bundle(bundle: &ProofBundle, public_key: &Verifier) -> Result<(), BundleFault> {
    if bundle.version != PROOF_VERSION {
        return Err(BundleFault::Version { found: bundle.version });
    }
    let root = public_key.verify(&bundle.checkpoint)?;
    let read = |(at, text): (usize, &String)| hex::read::<32>(text).ok_or(BundleFault::Path { at });
    let path: Vec<Hash> = bundle.path.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    let leaf = leaf_hash(&canonical(&bundle.packet));
    Ok(verify_inclusion(&leaf, bundle.seq, bundle.checkpoint.size, &path, &root)?)
}
