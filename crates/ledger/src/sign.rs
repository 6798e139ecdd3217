//! Checkpoints: signed statements about the ledger's size and root. Who verifies needs the public key only.

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use omniva_contracts::engine::{Checkpoint, Moment};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Hash, hex};

/// First line of a private key file.
const SECRET_HEAD: &str = "omniva ledger private key v1";
/// First line of a public key file.
const PUBLIC_HEAD: &str = "omniva ledger public key v1";

/// A key file that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    #[error("the key file starts with {found:?} instead of {expected:?}: give the file that `omniva ledger key` wrote")]
    Head { expected: &'static str, found: String },
    #[error(
        "this is a private key; give the public key file (the one that ends in .pub) instead, and keep the private one to yourself"
    )]
    PrivateGiven,
    #[error("this is a public key; signing needs the private key file (the one without .pub)")]
    PublicGiven,
    #[error(
        "the second line of the key file is no key of 64 hex digits: restore the file from a copy, or make a new key and keep the old public key for the old checkpoints"
    )]
    Digits,
    #[error("the 32 bytes are no point of the curve: the public key file is damaged, restore it from a copy")]
    Point,
}

/// Why a checkpoint is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    #[error("it is signed with another key")]
    OtherKey,
    #[error("the signature or the root has not the right number of hex digits")]
    Form,
    #[error("the signature does not fit its text")]
    Wrong,
}

/// Holds the private key. No `Debug`, no `Clone`: a key does not wander.
pub struct Signer {
    key: SigningKey,
}

impl Signer {
    /// `secret` comes from a source of randomness fit for keys.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self { key: SigningKey::from_bytes(secret) }
    }

    pub fn read(file: &str) -> Result<Self, KeyFault> {
        Ok(Self::from_secret(&read_key(file, SECRET_HEAD)?))
    }

    /// Text of the private key file: to be written readable for the owner only.
    pub fn write(&self) -> String {
        format!("{SECRET_HEAD}\n{}\n", hex::write(&self.key.to_bytes()))
    }

    pub fn verifier(&self) -> Verifier {
        Verifier { key: self.key.verifying_key() }
    }

    /// Signs what the ledger is at this moment.
    pub fn sign(&self, origin: Uuid, size: u64, root: &Hash, at: Moment) -> Checkpoint {
        let mut checkpoint = Checkpoint {
            origin,
            size,
            root: hex::write(root),
            at,
            signature: String::new(),
            key_id: self.verifier().key_id(),
        };
        checkpoint.signature = hex::write(&self.key.sign(checkpoint.signed_text().as_bytes()).to_bytes());
        checkpoint
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    key: VerifyingKey,
}

impl Verifier {
    pub fn from_bytes(public: &[u8; 32]) -> Result<Self, KeyFault> {
        VerifyingKey::from_bytes(public).map(|key| Self { key }).map_err(|_| KeyFault::Point)
    }

    pub fn read(file: &str) -> Result<Self, KeyFault> {
        Self::from_bytes(&read_key(file, PUBLIC_HEAD)?)
    }

    /// Text of the public key file.
    pub fn write(&self) -> String {
        format!("{PUBLIC_HEAD}\n{}\n", hex::write(self.key.as_bytes()))
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// First 8 bytes of SHA-256 of the public key, hex.
    pub fn key_id(&self) -> String {
        let digest = Sha256::digest(self.key.as_bytes());
        hex::write(digest.get(..8).unwrap_or_default())
    }

    /// Checks the signature; answers the signed root.
    pub fn verify(&self, checkpoint: &Checkpoint) -> Result<Hash, SignatureFault> {
        if checkpoint.key_id != self.key_id() {
            return Err(SignatureFault::OtherKey);
        }
        let root = hex::read::<32>(&checkpoint.root).ok_or(SignatureFault::Form)?;
        let signature = hex::read::<64>(&checkpoint.signature).ok_or(SignatureFault::Form)?;
        let signature = ed25519_dalek::Signature::from_bytes(&signature);
        // Strict: one signature has one form, and keys of small order sign nothing.
        self.key
            .verify_strict(checkpoint.signed_text().as_bytes(), &signature)
            .map(|()| root)
            .map_err(|_| SignatureFault::Wrong)
    }
}

fn read_key(file: &str, expected: &'static str) -> Result<[u8; 32], KeyFault> {
    let mut lines = file.lines().map(str::trim).filter(|line| !line.is_empty());
    let head = lines.next().unwrap_or_default();
    match head {
        _ if head == expected => {}
        SECRET_HEAD => return Err(KeyFault::PrivateGiven),
        PUBLIC_HEAD => return Err(KeyFault::PublicGiven),
        _ => return Err(KeyFault::Head { expected, found: head.chars().take(40).collect() }),
    }
    let key = lines.next().and_then(hex::read::<32>).ok_or(KeyFault::Digits)?;
    if lines.next().is_some() { Err(KeyFault::Digits) } else { Ok(key) }
}
