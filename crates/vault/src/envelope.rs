//! One secret as it lies in the file: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) twice, for the value and for its key.
//!
//! The associated data holds name, version and what is sealed, so that no part of an entry can stand in for another.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use omniva_contracts::{Code, Fault};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::key::{KEY, Key};
use crate::{Entropy, Secret};

const NONCE: usize = 24;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Envelope {
    /// Counts the values that the name has had, from 1.
    pub version: u64,
    /// Nonce and sealed data key, base64.
    pub key: String,
    /// Nonce and sealed value, base64.
    pub value: String,
}

impl Envelope {
    pub fn seal(name: &str, version: u64, value: &[u8], key: &Key, entropy: &dyn Entropy) -> Result<Self, Fault> {
        let mut data_key = Zeroizing::new([0u8; KEY]);
        entropy.fill(&mut *data_key)?;
        let sealed = seal(&data_key, value, &about("value", name, version), entropy)?;
        let wrapped = seal(key.bytes(), &*data_key, &about("key", name, version), entropy)?;
        Ok(Self { version, key: wrapped, value: sealed })
    }

    pub fn open(&self, name: &str, key: &Key) -> Result<Secret, Fault> {
        let data_key = self.data_key(name, key)?;
        open(&data_key, &self.value, &about("value", name, self.version)).map(Secret::new).ok_or_else(|| damaged(name))
    }

    /// The same value under another key-encryption key.
    pub fn rewrap(&self, name: &str, from: &Key, to: &Key, entropy: &dyn Entropy) -> Result<Self, Fault> {
        let data_key = self.data_key(name, from)?;
        let key = seal(to.bytes(), &*data_key, &about("key", name, self.version), entropy)?;
        Ok(Self { version: self.version, key, value: self.value.clone() })
    }

    fn data_key(&self, name: &str, key: &Key) -> Result<Zeroizing<[u8; KEY]>, Fault> {
        let opened = open(key.bytes(), &self.key, &about("key", name, self.version)).map(Zeroizing::new);
        let opened = opened.filter(|bytes| bytes.len() == KEY).ok_or_else(|| damaged(name))?;
        let mut data_key = Zeroizing::new([0u8; KEY]);
        data_key.copy_from_slice(&opened);
        Ok(data_key)
    }
}

/// Lengths stand before what varies, so that no two lists of fields give the same bytes.
fn about(part: &str, name: &str, version: u64) -> Vec<u8> {
    format!("omniva-vault/1\0{part}\0{}\0{name}\0{version}", name.len()).into_bytes()
}

fn seal(key: &[u8; KEY], value: &[u8], about: &[u8], entropy: &dyn Entropy) -> Result<String, Fault> {
    let mut nonce = [0u8; NONCE];
    entropy.fill(&mut nonce)?;
    let cipher = XChaCha20Poly1305::new(key.into());
    let sealed = cipher
        .encrypt((&nonce).into(), Payload { msg: value, aad: about })
        .map_err(|_| Fault::internal("a secret can't be sealed"))?;
    Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
}

fn open(key: &[u8; KEY], text: &str, about: &[u8]) -> Option<Vec<u8>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE)?;
    let nonce: &[u8; NONCE] = nonce.try_into().ok()?;
    XChaCha20Poly1305::new(key.into()).decrypt(nonce.into(), Payload { msg: sealed, aad: about }).ok()
}

fn damaged(name: &str) -> Fault {
    Fault::new(
        Code::VaultCorrupt,
        format!("the secret {name} was damaged or changed by somebody else"),
        "restore the vault from a backup, or remove the secret and connect the account again",
    )
}
