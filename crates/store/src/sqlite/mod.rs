//! The store in one SQLite file: one writer connection, a pool of readers, every commit on the disk before it is answered.

mod backup;
pub(crate) mod examined;
mod integrity;
mod lock;
mod open;
#[cfg(test)]
mod plans;
mod records;
mod rows;
#[cfg(test)]
mod tests;
mod trouble;

pub use backup::{restore, verify_backup};
pub use open::{OpenedReadOnly, open_sqlite, open_sqlite_read_only};
