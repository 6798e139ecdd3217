//! Messages of cron.

use omniva_contracts::engine::Moment;

pub enum Msg {
    /// Entries changed, or it is time.
    Look,
    Looked {
        /// When the next entry is due; `None` when the store did not say.
        next: Option<Moment>,
    },
    /// The alarm that was set as number so and so.
    Alarm(u64),
    Halt,
}
