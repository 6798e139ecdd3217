//! The text of an API key: `omv_<kind>_<random><crc>`. The prefix and the checksum let scanners tell a real key from
//! noise without asking anyone; only the SHA-256 of the text is ever stored.

use omniva_contracts::engine::Role;
use omniva_contracts::hex;
use omniva_contracts::ports::Ids;
use sha2::{Digest, Sha256};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 40 digits of base 62 hold 238 bits.
const RANDOM: usize = 40;
/// Enough for 32 bits.
const CHECK: usize = 6;

/// A key as it is shown once. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(String);

impl KeyText {
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// What is stored.
    pub fn hash(&self) -> String {
        hash_of(&self.0)
    }
}

impl std::fmt::Debug for KeyText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyText(…)")
    }
}

/// SHA-256 of a key's text, hex.
pub fn hash_of(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes()))
}

/// A new key. `ids` must be unpredictable: a key has the entropy of three of its ids.
pub fn new_key(role: Role, ids: &mut dyn Ids) -> KeyText {
    let mut hash = Sha256::new();
    hash.update(b"omniva api key");
    for _ in 0..3 {
        hash.update(ids.next().as_bytes());
    }
    let random = digits(&hash.finalize(), RANDOM);
    let body = format!("omv_{}_{random}", role.as_str());
    let check = checksum(&body);
    KeyText(format!("{body}{check}"))
}

/// Whether a text has the form and the checksum of a key.
pub fn is_key(text: &str) -> bool {
    let known =
        Role::ALL.iter().any(|r| text.strip_prefix("omv_").is_some_and(|t| t.starts_with(&format!("{}_", r.as_str()))));
    let random = text.rsplit('_').next().unwrap_or_default();
    let formed = known && random.len() == RANDOM + CHECK && random.bytes().all(|b| b.is_ascii_alphanumeric());
    formed
        && text.len().checked_sub(CHECK).and_then(|at| text.split_at_checked(at)).is_some_and(|(b, c)| checksum(b) == c)
}

fn checksum(body: &str) -> String {
    digits(&crc32(body.as_bytes()).to_be_bytes(), CHECK)
}

/// The number in `bytes` (big endian) in base 62, its last `count` digits.
fn digits(bytes: &[u8], count: usize) -> String {
    let mut number = bytes.to_vec();
    let mut out = Vec::with_capacity(count);
    for _ in 0..count {
        let mut rest = 0u32;
        for byte in &mut number {
            let here = rest * 256 + u32::from(*byte);
            *byte = (here / 62) as u8;
            rest = here % 62;
        }
        out.push(ALPHABET.get(rest as usize).copied().map_or('0', char::from));
    }
    out.iter().rev().collect()
}

/// CRC-32 of IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (0u32.wrapping_sub(crc & 1)));
        }
    }
    !crc
}

/// In a time that depends on the lengths alone.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use omniva_contracts::ports::Seeded;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn keys_differ_are_formed_and_never_shown() {
        let mut ids = Seeded::new(b"keys");
        let (a, b) = (new_key(Role::Admin, &mut ids), new_key(Role::Admin, &mut ids));
        assert_ne!(a.as_str(), b.as_str());
        assert!(a.as_str().starts_with("omv_admin_") && is_key(a.as_str()));
        assert_eq!(a.as_str().len(), "omv_admin_".len() + RANDOM + CHECK);
        assert!(!format!("{a:?}").contains(a.as_str()));
        assert_eq!(a.hash().len(), 64);
    }

    #[test]
    fn comparing() {
        assert!(same("abc", "abc") && !same("abc", "abd") && !same("abc", "ab"));
    }

    proptest! {
        #[test]
        fn a_changed_key_is_told_from_a_real_one(at in 10usize..56, to in 0usize..62) {
            let key = new_key(Role::Admin, &mut Seeded::new(b"k"));
            let mut bytes = key.as_str().as_bytes().to_vec();
            let new = ALPHABET[to];
            prop_assume!(bytes[at] != new);
            bytes[at] = new;
            prop_assert!(!is_key(std::str::from_utf8(&bytes).expect("text")));
        }
        #[test]
        fn any_text_is_answered(text in "\\PC{0,80}") {
            prop_assert!(!is_key(&text));
        }
    }
}
