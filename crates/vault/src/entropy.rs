//! Random bytes for keys, nonces and one-time words, through a port.

use std::io::Read;

use omniva_contracts::{Code, Fault};

pub trait Entropy: Send + Sync {
    /// Fills `bytes` with what nobody can guess.
    ///
    /// # Errors
    /// `internal` when the system gives none.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault>;
}

/// The kernel's.
#[derive(Clone, Copy, Debug)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Fault> {
        std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(bytes)).map_err(|e| {
            Fault::new(Code::Internal, "the system gives no random numbers", "check /dev/urandom").with_detail(e)
        })
    }
}
