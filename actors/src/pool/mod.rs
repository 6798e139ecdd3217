//! Worker pools, one for each kind of job: run claimed jobs side by side, pass on their signs of life, hand in their
//! outcomes, stop them when asked. A bad job ends its attempt, never the pool.

mod bench;
mod msg;
mod perform;
mod shell;

pub use bench::{Bench, End, Ended, Place};
pub use msg::{Halt, Msg};
pub use shell::Pool;

use omniva_contracts::engine::JobKind;

/// Name of the pool in the tree: that of its worker in the reference.
pub fn name(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Discover => "discoverer",
        JobKind::Scrape => "scraper",
        JobKind::Analyze => "analyzer",
        JobKind::Edit => "editor",
        JobKind::Upload => "uploader",
        JobKind::Schedule => "scheduler",
        JobKind::Measure => "measurer",
        JobKind::Maintain => "maintainer",
        JobKind::Noop => "noop",
    }
}
