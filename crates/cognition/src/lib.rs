//! The modules that decide, as pure functions: the same analysis and configuration give the same choice, byte for byte.
//!
//! The way of a decision: [`material`] prepares the analysis · [`windows`] (with [`borders`] and [`quiet`]) slides over it ·
//! [`features`] (with [`hook`] and [`thought`]) looks at each window · [`sieve`] keeps the best of each place ·
//! [`scores`] · [`pantheon`] votes · [`lattice`] and [`horizon`] weigh · [`paradox`] finds overlaps and repeats · [`zenith`]
//! gives every candidate its verdict. [`chorus`] then drafts the texts, [`halolux`] explains. [`calendar`] finds the times at
//! which clips go out, within what [`limits`] leaves. [`learning`] learns from what the posts achieved.
//!
//! Invariants, above all what is absent: no async, no clock, no randomness, no I/O, no logging; no map with a random
//! order. The cost is linear in the length of the source.

mod borders;
pub mod calendar;
mod candidates;
pub mod chorus;
pub mod control;
pub mod council;
mod documents;
pub mod eclipse;
pub mod features;
pub mod flow;
pub mod halolux;
mod hook;
mod horizon;
pub mod jobs;
mod lattice;
pub mod learning;
mod lexicon;
pub mod limits;
mod material;
mod pantheon;
mod paradox;
mod quiet;
mod scores;
mod sieve;
mod text;
mod thought;
mod tracks;
pub mod variant;
mod windows;
mod zenith;
pub mod zone;

pub use documents::{analysis_result, clip_candidate};
use omniva_contracts::analysis::Analysis;
use omniva_contracts::choice::Choice;
use omniva_contracts::config::Config;

/// Chooses the clips of a source, best first, and keeps every candidate that was looked at with its verdict.
///
/// Times are seconds on the normalised source. Never fails: where nothing can be chosen, `why_none` says why.
pub fn choose(analysis: &Analysis, config: &Config) -> Choice {
    let material = material::Material::new(analysis, config);
    let mut scan = windows::scan(&material);
    let windows = std::mem::take(&mut scan.windows);
    let kept = sieve::sift(windows, config.choose.max_candidates as usize, config.clip.max_seconds);
    let field = candidates::assemble(&material, kept);
    zenith::decide(&material, field, &scan)
}

#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod common;
