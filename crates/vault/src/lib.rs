//! Secrets of the engine (tokens of accounts, passwords of clients), encrypted in one file.
//!
//! Envelope encryption: each secret is sealed with a data key of its own, each data key with the key-encryption key, which
//! lies elsewhere (a file of mode 0600 or an environment variable). Rotation wraps the data keys anew.
//!
//! Invariants: no plaintext leaves the crate except through [`Secret::expose`] and [`Secret::text`]; nothing that is shown
//! or logged (`Debug`, `Display`, faults) holds any; the file is replaced whole or not at all; a secret is never replaced by
//! nothing; what was changed by somebody else is refused, never used.

mod entropy;
mod envelope;
mod file;
mod key;
mod secret;
mod vault;

pub use entropy::{Entropy, OsEntropy};
pub use key::{Key, Keyring};
pub use secret::Secret;
pub use vault::{Entry, Secrets, Vault};

#[cfg(test)]
mod tests;
