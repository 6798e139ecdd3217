//! The way of a clip: what the end of a job and a ruling mean for the rows, and which question or job comes next.
//!
//! Everything is one [`Commit`]: rows with raised versions, the packets that say why, nothing else. Jobs carry the ids of
//! what they work on in their payload ([`payload`]).

mod absorb;
mod enact;
mod measure;
mod mirror;
pub mod payload;
pub(crate) mod publish;
mod rows;
pub mod schedule;
pub(crate) mod texts;

use omniva_contracts::engine::*;
use serde_json::Value;

pub(crate) use absorb::actor_of;
pub use absorb::{absorb, wanted};
pub use enact::enact;
pub use mirror::mirror;

/// What the rows become when a job ends well.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Absorbed {
    pub rows: Vec<Row>,
    pub packets: Vec<PacketDraft>,
    /// To be deliberated after the commit.
    pub questions: Vec<(Question, EntityRef)>,
    /// New jobs (version 1) with their packets among `packets`.
    pub jobs: Vec<Job>,
    /// What may be deleted (maintenance).
    pub purges: Vec<Purge>,
    /// What the job keeps as its result, where its rows hold the rest.
    pub result: Option<Value>,
}

impl Absorbed {
    /// Puts the result that the job keeps in the place of the one that was absorbed; true when there is one.
    pub fn settle(&mut self, job: &mut Job) -> bool {
        let kept = self.result.take();
        let replaced = kept.is_some();
        job.result = kept.or(job.result.take());
        replaced
    }

    pub fn into_commit(self) -> (Commit, Vec<(Question, EntityRef)>) {
        let mut rows = self.rows;
        rows.extend(self.jobs.into_iter().map(|job| Row::Job(Box::new(job))));
        (Commit { rows, packets: self.packets, purges: self.purges }, self.questions)
    }
}

/// What a ruling becomes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Enacted {
    pub rows: Vec<Row>,
    pub packets: Vec<PacketDraft>,
    /// New jobs (version 1) with their packets among `packets`.
    pub jobs: Vec<Job>,
    /// PENDING directives; dispatched after the commit.
    pub directives: Vec<Directive>,
    /// To be asked again then (Defer).
    pub ask_again: Option<Moment>,
}

impl Enacted {
    pub fn into_commit(self) -> Commit {
        let mut rows = self.rows;
        rows.extend(self.jobs.into_iter().map(|job| Row::Job(Box::new(job))));
        rows.extend(self.directives.into_iter().map(Row::Directive));
        Commit { rows, packets: self.packets, purges: Vec::new() }
    }
}

/// The rows that [`absorb`] needs to see as they are now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    pub entities: Vec<EntityRef>,
    /// And the active analysis of this video, if there is one.
    pub active_analysis_of: Option<VideoId>,
    /// And the schedules of this clip.
    pub schedules_of: Option<ClipId>,
    /// And the uploads of this clip.
    pub uploads_of: Option<ClipId>,
    /// And the jobs that hold these unique keys and are not final.
    pub open_keys: Vec<String>,
    /// And these points of time series, as far as they are there.
    pub samples: Vec<SampleId>,
    /// And the models of these names.
    pub models: Vec<String>,
}

#[cfg(test)]
mod tests;
