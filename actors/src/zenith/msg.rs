//! Messages of Zenith.

use omniva_cognition::jobs::Illegal;
use omniva_contracts::engine::{Commit, EntityRef, Job, JobEvent, Moment, PacketId, Question, TraceId};
use tokio::sync::oneshot;

use crate::infra::store_writer::Answer;
use crate::office::{Asked, Granted, Refusal};

pub enum Msg {
    /// An operator's command.
    Ask(Box<Asked>, oneshot::Sender<Result<Granted, Refusal>>),
    /// Something happened to jobs. Answers come in the same order.
    Advance(Vec<Move>, oneshot::Sender<Vec<Advanced>>),
    /// To be deliberated.
    Consider(Vec<Inquiry>),
    /// A change that is thought through: Zenith seals it and hands it to the writer.
    Commit(Box<Commit>, Answer),
    /// A deliberation is over.
    Considered(Inquiry),
    /// Something that can't wait for the next cycle (worker deaths, a breaker).
    Urgent(&'static str),
    /// Time for a control cycle.
    Cycle,
    Cycled,
    /// Look for questions that nobody asks any more.
    Sweep,
    Swept,
    /// Nothing new; answered when no deliberation runs.
    Halt(oneshot::Sender<()>),
}

/// An event of a job, with the job as its sender knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    pub job: Job,
    pub event: JobEvent,
}

/// What became of a [`Move`].
#[derive(Clone, Debug, PartialEq)]
pub enum Advanced {
    /// The job as it is now.
    Written(Box<Job>),
    Refused(WhyNot),
    /// No such job any more.
    Gone,
    /// The store does not answer: nothing is changed, ask again.
    Unavailable,
}

/// Why an event was not taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WhyNot {
    #[error("{0}")]
    Illegal(Illegal),
    #[error("{0}")]
    Conflict(String),
}

impl WhyNot {
    /// The event's own values are at fault, not its sender's right to the job.
    pub fn is_bound(&self) -> bool {
        matches!(self, WhyNot::Illegal(Illegal::Bound { .. }))
    }
}

/// A question to be deliberated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Inquiry {
    pub question: Question,
    pub subject: EntityRef,
    pub trace_id: TraceId,
    /// Packets that led here.
    pub evidence: Vec<PacketId>,
    /// Not before.
    pub at: Option<Moment>,
}
