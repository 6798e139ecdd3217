//! The machine of a job: a closed match over (state, event). What is not listed is [`Illegal`], never silent.
//!
//! [`step`] gives the job as it is to be and says why; [`Step::record`] is what the ledger keeps of it. [`new_job`] makes
//! jobs, [`policy`] holds the pauses, [`table`] knows every legal edge, [`invariants`] what must hold at all times.
//!
//! Invariants: a job's version rises by one with every step; its fence rises with every claim and never falls; nothing
//! here reads a clock or rolls dice.

mod finish;
pub mod invariants;
mod new;
mod policy;
mod step;
pub mod table;

use omniva_contracts::engine::{EntityRef, EntityType, Job, JobState, Moment, PacketDraft, PacketId};
use omniva_contracts::ports::Ids;
use serde_json::Value;

pub use new::{NewJob, new_job};
pub use policy::RetryPolicy;
pub(crate) use policy::seconds;
pub use step::{event_name, step};

/// What the ledger keeps of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// `job.claimed`, `job.done` …
    pub kind: &'static str,
    pub body: Value,
}

/// One move of the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub next: Job,
    /// One sentence for people.
    pub why: String,
    /// `None` for a mere sign of life, which changes no state.
    pub record: Option<Record>,
}

impl Step {
    /// The row as it is to be and its packet. The packet follows from those that the job followed from, and whatever
    /// follows from the job now follows from the packet.
    pub fn seal(self, ids: &mut dyn Ids, source: &str, now: Moment) -> (Job, Option<PacketDraft>) {
        let Step { mut next, record, .. } = self;
        let packet = record.map(|record| {
            let packet = packet_of(&next, PacketId(ids.next()), record, source, now);
            next.meta_parents = vec![packet.stardust_id];
            packet
        });
        (next, packet)
    }
}

pub(crate) fn packet_of(job: &Job, id: PacketId, record: Record, source: &str, now: Moment) -> PacketDraft {
    PacketDraft {
        stardust_id: id,
        kind: record.kind.to_owned(),
        entity: EntityRef::new(EntityType::Job, job.id),
        project_id: job.project_id,
        trace_id: job.trace_id,
        source: source.to_owned(),
        meta_parents: job.meta_parents.clone(),
        at: now,
        body: record.body,
        decision_chain: None,
    }
}

/// Why an event does not fit a job. Normal where several hands race: the sender drops the event or reads the job again.
#[derive(Clone, Debug, PartialEq)]
pub enum Illegal {
    /// No such edge.
    Unlisted { state: JobState, event: &'static str },
    /// From a worker that lost the job: a later claim holds it, or none.
    Stale { held: u64, given: u64 },
    /// The time that the event speaks of has not come.
    Early { event: &'static str, due: Option<Moment>, now: Moment },
    /// A value is out of bounds.
    Bound { field: &'static str, value: String, bound: String },
}

impl std::fmt::Display for Illegal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Illegal::Unlisted { state, event } => write!(f, "a job that is {} can't be {event}", state.as_str()),
            Illegal::Stale { held, given } => write!(f, "the claim {given} is over: the job is at claim {held}"),
            Illegal::Early { event, due: Some(due), now } => write!(f, "{event} is due at {due}, and it is {now}"),
            Illegal::Early { event, due: None, .. } => write!(f, "{event} will never be due"),
            Illegal::Bound { field, value, bound } => write!(f, "{field} = {value}: must be {bound}"),
        }
    }
}

impl std::error::Error for Illegal {}

#[cfg(test)]
mod tests;
