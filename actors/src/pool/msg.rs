//! Messages of a worker pool.

use omniva_contracts::engine::{Job, JobId};
use tokio::sync::oneshot;

use super::bench::{Ended, Place};
use crate::zenith::Advanced;

pub enum Msg {
    /// Claimed jobs, each with its place.
    Run(Vec<(Job, Place)>),
    Cancel(JobId),
    /// First phase of stopping: nothing new. Answered when nothing runs any more.
    Halt(Halt),
    /// A worker is through, or died.
    Ended(Box<Ended>),
    /// What Zenith made of ends.
    Settled(Vec<(JobId, Advanced)>),
    /// What Zenith made of signs of life.
    Renewed(Vec<(JobId, Advanced)>),
    /// Time to pass on signs of life.
    Beat,
    /// Propose what ended.
    Flush,
    /// The drain's time is over: interrupt.
    Interrupt,
    /// The grace is over: give back what still runs.
    Kill,
}

pub struct Halt {
    pub drain: std::time::Duration,
    pub grace: std::time::Duration,
    pub done: oneshot::Sender<()>,
}
