//! The end: without faults everything comes to rest, and what rests makes sense.

use std::collections::BTreeSet;

use omniva_cognition::jobs::invariants::job_is_sound;
use omniva_contracts::engine::*;
use omniva_store::{ClipFilter, JobFilter};

use crate::engine::PAGE;
use crate::world::{World, wait};

/// Turns in which an engine without faults must come to rest.
const PATIENCE: u32 = 2_000;

impl World {
    /// Faults stop; time jumps from one thing that is due to the next, until nothing is.
    pub fn calm(&mut self) {
        self.active.clear();
        for _ in 0..PATIENCE {
            self.work();
            if self.rests() {
                self.sweep();
                if self.rests() {
                    return;
                }
            }
            let soon = self.runs.iter().map(|r| r.ends_at).chain(self.pending.iter().map(|p| p.at)).min();
            let due = wait(self.reader.next_due(self.now)).expect("readable");
            let next = soon.into_iter().chain(due).min().unwrap_or(self.now);
            let beat = self.now.after(self.config.jobs.heartbeat());
            // Nothing that could run is left behind by a jump.
            let ready = self.jobs.values().any(|j| j.state == JobState::Pending && j.run_after <= self.now);
            let next = if ready { self.now } else { next };
            // While someone works, time passes in steps of a heartbeat.
            let next = if self.runs.is_empty() { next } else { next.min(beat) };
            self.now = next.max(self.now.after(std::time::Duration::from_millis(500)));
            self.hear();
        }
        panic!("seed {}: it does not come to rest: {:?} {:?}", self.seed, self.pending, self.open());
    }

    fn open(&self) -> Vec<String> {
        let open = self.jobs.values().filter(|j| !j.state.is_final() && j.state != JobState::Quarantined);
        open.map(|j| format!("{} {} {}", j.kind.as_str(), j.id, j.state.as_str())).collect()
    }

    fn rests(&self) -> bool {
        self.pending.is_empty() && self.runs.is_empty() && self.open().is_empty()
    }

    pub fn verify(&self) {
        let seed = self.seed;
        let stored = wait(self.reader.jobs(&JobFilter::default(), PAGE)).expect("readable");
        assert_eq!(stored.total, self.jobs.len() as u64, "seed {seed}: no job is lost");
        for job in &stored.items {
            self.check(job_is_sound(job));
            assert_eq!(self.jobs.get(&job.id), Some(job), "seed {seed}: a write was forgotten");
        }
        let head = wait(self.reader.head()).expect("readable");
        assert_eq!(head.size, self.packets, "seed {seed}: the ledger has every packet");
        assert_eq!(self.open_questions(), [], "seed {seed}: a question was forgotten");
        let out: BTreeSet<ClipId> = self.delivered.iter().map(|d| d.0).collect();
        for clip in wait(self.reader.clips(&ClipFilter::default(), PAGE)).expect("readable").items {
            let what = format!("seed {seed}: clip {} is {}", clip.clip_id, clip.status.as_str());
            match clip.status {
                ClipStatus::Published => assert!(out.contains(&clip.clip_id), "{what} and was never delivered"),
                ClipStatus::ReadyForEdit => panic!("{what} and nobody asks"),
                ClipStatus::Editing | ClipStatus::Scheduled | ClipStatus::Uploading => {
                    panic!("{what} and nothing works on it")
                }
                ClipStatus::Rejected | ClipStatus::Failed | ClipStatus::Ready => {}
            }
            assert!(clip.metadata.get("stardust_id").is_some(), "{what} without a packet");
        }
    }

    /// After a run without faults.
    pub fn all_is_well(&self) {
        let seed = self.seed;
        for job in self.jobs.values() {
            assert_eq!(
                (job.state, job.attempt),
                (JobState::Done, 1),
                "seed {seed}: {} {:?}",
                job.kind.as_str(),
                job.fault
            );
        }
        let clips = wait(self.reader.clips(&ClipFilter::default(), PAGE)).expect("readable").items;
        assert!(clips.len() >= 12, "seed {seed}: only {} clips", clips.len());
        for clip in &clips {
            let ended = matches!(clip.status, ClipStatus::Published | ClipStatus::Rejected);
            assert!(ended, "seed {seed}: clip {} is {}", clip.clip_id, clip.status.as_str());
        }
        assert!(self.totals.published >= 4, "seed {seed}: only {} published", self.totals.published);
    }
}
