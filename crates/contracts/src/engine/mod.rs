//! What the supervised engine keeps and says: ids, instants, entities (the rows of the store), jobs and their outcomes,
//! ledger packets, advisories, rulings and directives.
//!
//! Invariant: only data. Who may change it is `omniva-store`'s business, how it changes is `omniva-cognition`'s.

mod channel;
mod commit;
mod council;
mod details;
mod engagement;
mod entities;
mod explanation;
mod ids;
mod job;
mod learning;
mod ledger;
mod moment;
mod results;
mod settings;
mod source;
mod spending;
mod target;
mod voice;

pub use channel::*;
pub use commit::*;
pub use council::*;
pub use details::*;
pub use engagement::*;
pub use entities::*;
pub use explanation::*;
pub use ids::*;
pub use job::*;
pub use learning::*;
pub use ledger::*;
pub use moment::*;
pub use results::*;
pub use settings::*;
pub use source::*;
pub use spending::*;
pub use target::*;
pub use voice::*;
