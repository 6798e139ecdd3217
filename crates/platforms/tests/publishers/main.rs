//! Publishers and insights against emulated platforms, on real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bench;
mod chaos;
mod insights;
mod instagram;
mod oauth;
mod tiktok;
mod webhook;
mod youtube;
