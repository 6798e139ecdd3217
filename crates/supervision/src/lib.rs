//! What happens to an actor that ends: a pure policy, and a thin shell on ractor.
//!
//! - [`policy`] decides: `on_exit(ledger, policy, exit, now, roll) -> Verdict`. No clock, no dice, no actor.
//! - [`Mailbox`] is how actors talk: a stable address across restarts, with a bound on what may wait.
//! - [`ChildSpec`] and [`Group`] describe a tree in start order; [`Tree::grow`] starts it; [`Root`] waits for its end,
//!   stops it in reverse order, and passes manual measures on.
//! - [`Tree::view`] tells at any time, without asking any actor, how every node is.
//!
//! A child must not call its supervisor, or the tree's measures, from `pre_start`: the supervisor waits for that start.

mod ending;
mod lifeline;
mod mailbox;
pub mod policy;
mod root;
mod spec;
mod supervisor;
mod tree;
mod ward;

pub use lifeline::{Lifeline, Protected};
pub use mailbox::{Letter, Mailbox, Queue, Refused, Reply, Unanswered, Undelivered};
pub use policy::{Exit, Ledger, Policy, Restart, Verdict, on_exit};
pub use root::{Ending, Root, Ungrown};
pub use spec::{Birth, ChildSpec, Group, SpecError, StartFailed, Strategy};
pub use tree::{GroupDown, Happening, NodeState, NodeView, Quiet, Tree, Unmanageable, Watcher};

/// Seconds, for specs that read well: `.limit(5, secs(60))`.
pub const fn secs(seconds: u64) -> std::time::Duration {
    std::time::Duration::from_secs(seconds)
}
