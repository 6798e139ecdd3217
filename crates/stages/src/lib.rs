//! The stages of one clip run as functions: plain inputs, plain outputs, progress and cancellation through a
//! [`Reporter`]. The command line calls them; workers will call the same functions.
//!
//! Everything that touches media or models happens in a sandboxed child process of the same binary ([`child`]); what a
//! stage found is kept in a cache under the hash of all that it depends on, so a run that was stopped goes on.
//!
//! Invariants: no decision is taken here (those are `omniva-cognition` and `omniva-editing`), no media is decoded here
//! (that is `omniva-media`, in the child), and nothing appears in the output folder before it is finished.

pub mod child;
mod clip;
mod deliver;
mod edit;
mod fonts;
pub mod memory;
mod reporter;
mod source;
mod timeline;
mod understand;
mod workshop;

pub use clip::{ClipRequest, clip};
pub use fonts::load as fonts;
pub use reporter::{Reporter, Stage};
pub use source::display_name;
pub use workshop::{Program, Workshop};
