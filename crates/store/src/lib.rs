//! The store: one port, adapters in memory and on SQLite.
//!
//! Invariant: state changes only through [`Writer::write`], which takes [`Sealed`] commits, which only the one [`Mandate`]
//! of an opened store makes. A worker or a module therefore cannot write state:
//!
//! ```compile_fail,E0423
//! let mandate = omniva_store::Mandate(());
//! ```
//!
//! ```compile_fail,E0423
//! let sealed = omniva_store::Sealed(omniva_contracts::engine::Commit::default());
//! ```
//!
//! ```compile_fail,E0599
//! fn twice(mandate: &omniva_store::Mandate) -> omniva_store::Mandate {
//!     mandate.clone()
//! }
//! ```

mod examine;
mod fault;
mod memory;
mod port;
mod relations;
mod sql;
mod sqlite;
#[cfg(test)]
mod suite;

pub use examine::examine_all;
pub use memory::{Faults, open_memory, open_memory_with};
pub use port::*;
pub use sqlite::{OpenedReadOnly, open_sqlite, open_sqlite_read_only, restore, verify_backup};
