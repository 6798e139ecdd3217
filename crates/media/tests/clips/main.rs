//! Whole renders and checks of synthetic sources, which the `ffmpeg` command line makes, and of real speech.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../src/render/testing.rs"]
mod testing;

mod faults;
mod picture;
mod quality;
mod sound;
mod tools;
