//! Decoding, normalising, rendering, mastering and checking of media, in process through FFmpeg's libraries.
//!
//! Everything here runs in a child process without network; functions take paths and plain options, stream, and map
//! whatever a hostile file can cause to a [`omniva_contracts::Fault`].

pub mod capabilities;
pub mod check;
pub mod ff;
pub mod ingest;
pub mod likeness;
pub mod master;
pub mod read;
pub mod render;
pub mod sniff;
mod thumbnail;
