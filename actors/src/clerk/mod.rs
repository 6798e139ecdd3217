//! The clerk gathers the facts: one [`Brief`] for one question, read once so that every module judges the same moment.
//!
//! Invariant: it reads and never writes; what could not be read is a fault of the gathering, never an empty list.

mod chain;
mod surroundings;

use std::sync::Arc;

use omniva_cognition::council::Brief;
use omniva_store::{Reader, StoreFault};

use crate::kit::Kit;
use crate::measured;
use crate::zenith::Inquiry;

pub use chain::row;
pub use surroundings::{projects, queues};

pub enum Gathered {
    Brief(Box<Brief>),
    /// There is nothing to decide, with the reason.
    Settled(&'static str),
}

/// # Errors
/// The store does not answer.
pub async fn gather(kit: &Arc<Kit>, inquiry: &Inquiry) -> Result<Gathered, StoreFault> {
    let now = kit.now();
    let reader: &dyn Reader = kit.reader.as_ref();
    let mut brief = Brief::new(inquiry.question, inquiry.subject.clone(), inquiry.trace_id, now);
    if !chain::follow(reader, &mut brief).await? {
        return Ok(Gathered::Settled("its subject is gone"));
    }
    surroundings::of_subject(reader, &mut brief).await?;
    surroundings::likenesses(reader, &mut brief).await?;
    surroundings::of_project(reader, &mut brief).await?;
    surroundings::of_target(reader, &kit.config, &mut brief).await?;
    surroundings::lineage(reader, &mut brief).await?;
    brief.projects = projects(kit, now).await?;
    brief.queues = queues(kit, now).await?;
    let beat = kit.pulse.beat(now, &kit.config);
    brief.recent_faults = beat.faults;
    brief.breakers = beat.breakers;
    brief.load = beat.load;
    brief.last_routing_sequence = beat.routing_sequence;
    (brief.personas, brief.personas_version) = measured::personas(reader, &kit.config, &kit.personas).await?;
    brief.evidence.clone_from(&inquiry.evidence);
    if brief.evidence.is_empty() {
        // Packets of the lineage are in the order of the ledger; the newest about the subject led here.
        let last = brief.lineage.iter().rev().find(|p| p.entity == brief.subject);
        brief.evidence = last.map(|p| p.id).into_iter().collect();
    }
    Ok(Gathered::Brief(Box::new(brief)))
}
