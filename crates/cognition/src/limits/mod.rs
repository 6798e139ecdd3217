//! The limit ledger: what a platform lets us do, what of it is used, reserved and left, and when more comes.
//!
//! A *bucket* holds so much (its capacity) and is filled again by its *clock*: at midnight of a zone, at the full hour, or
//! as a rolling window, in which each use comes back after a fixed time. An action costs one or more buckets. What is
//! planned is *reserved* for its time; what was done is *used*, and stays so: facts are written down even where they
//! exceed the capacity, a reservation never does.

mod accounts;
mod book;
mod definitions;
mod tally;

pub use accounts::{Spent, Taken, ledger, publication, service, services, taken};
pub use book::{Entry, Hold, Ledger, Level, Refusal};
pub use definitions::Definitions;
pub use tally::{Clock, Tally};

/// A bucket in use: its name and whose it is (an account, or the empty text for one that all accounts share).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct BucketKey {
    pub name: String,
    pub holder: String,
}

impl BucketKey {
    pub fn new(name: &str, holder: &str) -> Self {
        Self { name: name.into(), holder: holder.into() }
    }
}

impl std::fmt::Display for BucketKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.holder.is_empty() { f.write_str(&self.name) } else { write!(f, "{} of {}", self.name, self.holder) }
    }
}

/// What an action costs of one bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Charge {
    pub bucket: BucketKey,
    pub cost: u32,
}

#[cfg(test)]
mod tests;
