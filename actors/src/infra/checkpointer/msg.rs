//! Messages of the checkpointer.

use tokio::sync::oneshot;

pub enum Msg {
    /// So many packets were written.
    Written(u64),
    /// Sign now.
    Now,
    /// Sign now, and say when it is done.
    Last(oneshot::Sender<()>),
    Signed,
    /// Time is up.
    Tick,
}
