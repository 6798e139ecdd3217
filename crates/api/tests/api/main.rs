//! The API over real connections, on the in-memory store.

#![allow(clippy::expect_used, clippy::unwrap_used)] // helpers of tests fail by panicking
#![allow(clippy::type_complexity)] // tables of cases

mod access;
mod bench;
mod events;
mod manners;
mod tour;
