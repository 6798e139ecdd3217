//! The engine from outside: where its data lies, at which address it answers, and how it is asked.

mod client;
mod data;
mod notice;
pub mod open;
mod vault;

pub use client::{Client, Query, segment};
pub use data::DataFolder;
pub use notice::Notice;
pub use vault::DataVault;
