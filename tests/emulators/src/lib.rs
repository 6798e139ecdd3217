//! The platforms' sides of the wire, on real sockets of this machine: Google's OAuth and YouTube with its Analytics, TikTok,
//! Instagram, and a receiver of webhooks. They check every request strictly, count posts, and break what they are told to
//! break. The program of this crate runs the platforms for whoever tries things out ([`board`]).

#![allow(clippy::unwrap_used, clippy::expect_used)] // tests only: an emulator that is wrong should fall over

pub mod board;
pub mod faults;
pub mod figures;
pub mod google;
pub mod http;
pub mod instagram;
pub mod oauth;
pub mod tiktok;
pub mod webhook;

pub use faults::{Dice, Faults, Inject, Refusal};
pub use figures::Figures;
pub use http::{Answer, Emulated, Request, Server};
