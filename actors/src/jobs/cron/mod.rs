//! Cron: makes the jobs that recur. Its entries are rows, so that a run that came while the engine was down is known and
//! follows its misfire policy.

mod msg;
mod perform;
mod quiet;
mod shell;

pub use msg::Msg;
pub use quiet::Quiet;
pub use shell::Cron;
