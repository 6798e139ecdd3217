//! HaloLux over the ledger: why this clip, why not that one, why none, why it failed, why then. Built from packets
//! alone: every sentence names those it rests on, what is missing is said, nothing else is.
//!
//! [`Gather`] says which packets to read, few at a time, so that the cost does not grow with the ledger; [`explain`],
//! [`insights`] and [`lineage`] are pure functions of what was read. An explanation may be kept for as long as the ledger
//! has the same size: any newer packet may belong to it.

mod evidence;
mod facts;
mod gather;
mod insights;
mod jobs;
mod leads;
mod learning;
mod lineage;
mod rulings;
mod story;
mod words;

use omniva_contracts::engine::{ClipId, EntityRef, EntityType, Explanation, JobId, Packet, ScheduleId};

pub use gather::{Gather, MAX_PACKETS, Query};
pub use insights::insights;
pub use lineage::{lineage, mermaid};

/// What may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inquiry {
    /// Why is this as it is?
    Why(EntityRef),
    WhyNot(ClipId),
    /// Why are there no clips of this video, creator or project?
    WhyNone(EntityRef),
    Failure(JobId),
    Schedule(ScheduleId),
}

impl Inquiry {
    pub const NAMES: [&'static str; 5] = ["why", "why_not", "why_none", "failure", "schedule"];

    /// `None` for an unknown name, or one that does not fit the entity.
    pub fn parse(name: &str, entity: EntityRef) -> Option<Self> {
        match (name, entity.entity_type) {
            ("why", _) => Some(Self::Why(entity)),
            ("why_not", EntityType::Clip) => Some(Self::WhyNot(ClipId(entity.entity_id))),
            ("why_none", EntityType::Video | EntityType::Creator | EntityType::Project) => Some(Self::WhyNone(entity)),
            ("failure", EntityType::Job) => Some(Self::Failure(JobId(entity.entity_id))),
            ("schedule", EntityType::Schedule) => Some(Self::Schedule(ScheduleId(entity.entity_id))),
            _ => None,
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Why(_) => "why",
            Self::WhyNot(_) => "why_not",
            Self::WhyNone(_) => "why_none",
            Self::Failure(_) => "failure",
            Self::Schedule(_) => "schedule",
        }
    }

    pub fn subject(&self) -> EntityRef {
        match self {
            Self::Why(entity) | Self::WhyNone(entity) => entity.clone(),
            Self::WhyNot(clip) => EntityRef::new(EntityType::Clip, *clip),
            Self::Failure(job) => EntityRef::new(EntityType::Job, *job),
            Self::Schedule(slot) => EntityRef::new(EntityType::Schedule, *slot),
        }
    }
}

/// Answers from these packets, in whatever order they come. Packets that have nothing to do with the subject are left
/// out; without one about the subject the narrative is empty and `missing` says so.
pub fn explain(inquiry: &Inquiry, packets: &[Packet]) -> Explanation {
    story::tell(inquiry, packets, false)
}

/// As [`explain`], from what was gathered. Where a limit kept packets out, that is said and lowers the completeness.
pub fn explain_gathered(gather: Gather) -> Explanation {
    let (inquiry, cut) = (gather.inquiry().clone(), gather.cut());
    story::tell(&inquiry, &gather.packets(), cut)
}

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
