//! The store: one port, adapters in memory and on SQLite.

mod port;

pub use port::*;
