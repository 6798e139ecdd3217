//! Ordered ends: ask, wait to the deadline, kill.

use std::sync::Arc;
use std::time::Duration;

use ractor::ActorCell;

use crate::tree::{Happening, Tree};

/// Time that a killed actor gets to be gone. A kill takes effect at the actor's next `await`.
pub(crate) const KILL_GRACE: Duration = Duration::from_secs(5);

/// An actor that is to end.
pub(crate) struct Condemned {
    pub name: Arc<str>,
    pub cell: ActorCell,
    pub within: Duration,
    pub drains: bool,
}

/// Ends them one after the other, in the order given. `bounded`: gives up on one that is still there [`KILL_GRACE`] after
/// its kill; else waits for it as long as it takes, because nothing may be started beside it.
pub(crate) async fn stop_in_order(tree: &Tree, condemned: Vec<Condemned>, bounded: bool) {
    for one in condemned {
        stop_one(tree, &one, bounded).await;
        tree.bury_below(&one.name);
    }
}

async fn stop_one(tree: &Tree, one: &Condemned, bounded: bool) {
    if !one.drains || one.cell.drain().is_err() {
        one.cell.stop(None);
    }
    if one.cell.wait(Some(one.within)).await.is_ok() {
        tree.tell(Happening::Stopped { name: one.name.to_string() });
        return;
    }
    tree.tell(Happening::Overdue { name: one.name.to_string(), within: one.within });
    one.cell.kill();
    while one.cell.wait(Some(KILL_GRACE)).await.is_err() {
        tree.tell(Happening::Stuck { name: one.name.to_string() });
        if bounded {
            return;
        }
    }
}
