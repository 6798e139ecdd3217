//! What must hold at all times, by name. One home: simulation, debug assertions and metrics call the same functions.

use std::collections::{BTreeMap, BTreeSet};

use omniva_contracts::engine::*;

/// Names of all invariants, as metrics and reports have them.
pub const NAMES: [&str; 8] = [
    "job_is_sound",
    "step_is_sound",
    "no_lost_job",
    "lease_single_owner",
    "unique_keys",
    "one_publication_per_clip_and_target",
    "no_double_booking",
    "ledger_before_state",
];

/// An invariant that does not hold, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub invariant: &'static str,
    pub what: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}

impl std::error::Error for Broken {}

pub type Held = Result<(), Broken>;

fn hold(invariant: &'static str, holds: bool, what: impl FnOnce() -> String) -> Held {
    if holds { Ok(()) } else { Err(Broken { invariant, what: what() }) }
}

/// A row of a job is consistent in itself.
pub fn job_is_sound(job: &Job) -> Held {
    let name = "job_is_sound";
    let running = job.state == JobState::Running;
    let say = |what: &str| format!("job {} is {} and {what}", job.id, job.state.as_str());
    hold(name, running == job.worker.is_some(), || say("has the wrong worker"))?;
    hold(name, running == job.lease_until.is_some(), || say("has the wrong lease"))?;
    hold(name, job.state.is_final() == job.ended_at.is_some(), || say("has the wrong end"))?;
    hold(name, running || !job.cancel_requested, || say("is to be cancelled"))?;
    hold(name, u64::from(job.attempt) <= job.fence, || say("has more attempts than claims"))?;
    hold(name, job.attempt <= job.max_attempts.saturating_add(1), || say("has too many attempts"))?;
    hold(name, (0.0..=1.0).contains(&job.progress), || say("has progress outside 0..=1"))?;
    hold(name, (0..=1000).contains(&job.priority), || say("has a priority outside 0..=1000"))?;
    hold(name, job.state != JobState::Done || job.result.is_some(), || say("has no result"))?;
    hold(name, job.state != JobState::Error || job.fault.is_some(), || say("has no fault"))
}

/// One step changes what it may and nothing else.
pub fn step_is_sound(before: &Job, after: &Job) -> Held {
    let name = "step_is_sound";
    let say = |what: &str| format!("job {}, {} to {}: {what}", before.id, before.state.as_str(), after.state.as_str());
    let same = (before.id, before.kind, &before.unique_key, before.trace_id, before.created_at, &before.payload)
        == (after.id, after.kind, &after.unique_key, after.trace_id, after.created_at, &after.payload);
    hold(name, same, || say("what never changes has changed"))?;
    hold(name, after.version == before.version + 1, || say("its version did not rise by one"))?;
    let claimed = before.state != JobState::Running && after.state == JobState::Running;
    hold(name, after.fence == before.fence + u64::from(claimed), || say("its fence is wrong"))?;
    job_is_sound(after)
}

/// Every job that was ever created is there, and either final, in an operator's hands, or found again by a sweep: ready,
/// due at some time, or leased until some time.
pub fn no_lost_job<'a>(created: impl IntoIterator<Item = &'a JobId>, jobs: &BTreeMap<JobId, Job>) -> Held {
    for id in created {
        let Some(job) = jobs.get(id) else {
            return hold("no_lost_job", false, || format!("job {id} is gone"));
        };
        let found = match job.state {
            JobState::Running => job.lease_until.is_some(),
            JobState::Pending | JobState::WaitingRetry => job.run_after < Moment(i64::MAX),
            _ => true,
        };
        hold("no_lost_job", found, || format!("job {id} is {} and no sweep finds it", job.state.as_str()))?;
    }
    Ok(())
}

/// Each claim belongs to one worker. `claims` are (job, fence, worker) of everything that was ever granted.
pub fn lease_single_owner<'a>(claims: impl IntoIterator<Item = (JobId, u64, &'a str)>) -> Held {
    let mut owners: BTreeMap<(JobId, u64), &str> = BTreeMap::new();
    for (job, fence, worker) in claims {
        let owner = *owners.entry((job, fence)).or_insert(worker);
        hold("lease_single_owner", owner == worker, || {
            format!("claim {fence} of job {job} was granted to {owner} and to {worker}")
        })?;
    }
    Ok(())
}

/// No two jobs that are not final share a key.
pub fn unique_keys<'a>(jobs: impl IntoIterator<Item = &'a Job>) -> Held {
    let mut keys: BTreeMap<&str, JobId> = BTreeMap::new();
    for job in jobs.into_iter().filter(|j| !j.state.is_final()) {
        let Some(key) = job.unique_key.as_deref() else { continue };
        if let Some(other) = keys.insert(key, job.id) {
            return hold("unique_keys", false, || format!("jobs {other} and {} both hold {key}", job.id));
        }
    }
    Ok(())
}

/// `delivered` is what the target saw: (clip, target, key of the delivery). Repeating a delivery under its own key is no
/// second publication; a target recognises it.
pub fn one_publication_per_clip_and_target<'a>(
    delivered: impl IntoIterator<Item = (ClipId, &'a str, &'a str)>,
) -> Held {
    let mut seen: BTreeMap<(ClipId, &str), &str> = BTreeMap::new();
    for (clip, target, key) in delivered {
        let first = *seen.entry((clip, target)).or_insert(key);
        hold("one_publication_per_clip_and_target", first == key, || {
            format!("clip {clip} was published to {target} twice, as {first} and as {key}")
        })?;
    }
    Ok(())
}

/// No two places of one target's schedule at the same instant.
pub fn no_double_booking<'a>(schedules: impl IntoIterator<Item = &'a Schedule>) -> Held {
    let mut taken: BTreeSet<(&str, Moment)> = BTreeSet::new();
    for slot in schedules {
        let live = !matches!(slot.status, ScheduleStatus::Cancelled | ScheduleStatus::Missed);
        if let Some(time) = slot.final_scheduled_time.filter(|_| live) {
            hold("no_double_booking", taken.insert((&slot.target, time)), || {
                format!("{time} on {} is taken twice", slot.target)
            })?;
        }
    }
    Ok(())
}

/// No state changes without a packet in the same commit that says why. A sign of life changes no state: `renews` says
/// whether a job's row is one.
pub fn ledger_before_state(commit: &Commit, renews: impl Fn(&Job) -> bool) -> Held {
    let about: BTreeSet<&EntityRef> = commit.packets.iter().map(|p| &p.entity).collect();
    for row in &commit.rows {
        match row {
            Row::Job(job) if renews(job) => {}
            Row::Job(job) => {
                let entity = EntityRef::new(EntityType::Job, job.id);
                hold("ledger_before_state", about.contains(&entity), || {
                    format!("job {} became {} and no packet says so", job.id, job.state.as_str())
                })?;
            }
            row => hold("ledger_before_state", !commit.packets.is_empty(), || {
                format!("{} {} changed and no packet says why", row.table().as_str(), row.key())
            })?,
        }
    }
    Ok(())
}
