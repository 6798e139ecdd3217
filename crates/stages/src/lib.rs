//! The stages of a clip as functions: plain inputs, plain outputs, progress and cancellation through a [`Reporter`]. The
//! engine's workers call them, and `omniva clip` puts together what its engine made of one file.
//!
//! Everything that touches media or models happens in a sandboxed child process of the same binary ([`child`]); what a
//! stage found is kept in a cache under the hash of all that it depends on, so a run that was stopped goes on.
//!
//! Invariants: no decision is taken here (those are `omniva-cognition` and `omniva-editing`), no media is decoded here
//! (that is `omniva-media`, in the child), and nothing appears in the output folder before it is finished.

pub mod child;
pub mod deliver;
mod edit;
mod fonts;
mod likeness;
pub mod memory;
mod reporter;
pub mod run;
mod source;
mod steps;
mod timeline;
mod understand;
mod workshop;

pub use edit::{Failed, Naming, Order, Planned, refusal};
pub use fonts::{FontFile, load as fonts};
pub use likeness::likeness;
/// What kind of media a file is, by its bytes.
pub use omniva_media::sniff::sniff as recognise;
pub use omniva_sandbox::{Layer, Usage};
pub use reporter::{Reporter, Stage};
pub use source::{Source, display_name, ingest, ingest_as};
pub use steps::{Edited, OnPlan, Varied, analyze, edit_one, edit_varied, long_enough, models_present};
pub use workshop::{Fresh, Program, Workshop};
