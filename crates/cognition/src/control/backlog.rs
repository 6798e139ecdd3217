//! Lattice's order among the jobs that wait: no project starves, nothing waits until it expires.

use std::collections::BTreeMap;

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;

use super::Snapshot;

/// New priorities, most urgent first; nothing for jobs that stand well. The same backlog with these priorities asks for
/// nothing more.
pub(super) fn reorder(snapshot: &Snapshot, config: &EngineConfig) -> Vec<(JobId, i32)> {
    let mut wanted: BTreeMap<JobId, (i32, i32)> = BTreeMap::new();
    let mut kinds: BTreeMap<JobKind, Vec<&Job>> = BTreeMap::new();
    let due = |job: &&Job| job.state == JobState::Pending && job.run_after <= snapshot.now;
    for job in snapshot.backlog.iter().filter(due).filter(|j| j.kind != JobKind::Noop) {
        kinds.entry(job.kind).or_default().push(job);
    }
    for jobs in kinds.values_mut() {
        jobs.sort_by(|a, b| b.priority.cmp(&a.priority).then(a.run_after.cmp(&b.run_after)).then(a.id.cmp(&b.id)));
        for (job, priority) in fair(jobs).into_iter().chain(aged(jobs, snapshot.now)) {
            let entry = wanted.entry(job.id).or_insert((job.priority, job.priority));
            entry.1 = entry.1.max(priority.clamp(0, 1000));
        }
    }
    let mut moves: Vec<(JobId, i32)> = wanted
        .into_iter()
        .filter(|(_, (from, to))| to - from >= config.control.reprioritise_step.min(1000 - from).max(1))
        .map(|(id, (_, to))| (id, to))
        .collect();
    moves.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    moves.truncate(config.control.reprioritise_at_most as usize);
    moves
}

/// Each project's best job belongs among the first as many as there are projects; one that stands behind is raised to
/// the priority at that place. `jobs` are in the order in which they would be claimed.
fn fair<'a>(jobs: &[&'a Job]) -> Vec<(&'a Job, i32)> {
    let mut first: BTreeMap<Option<ProjectId>, usize> = BTreeMap::new();
    for (place, job) in jobs.iter().enumerate() {
        first.entry(job.project_id).or_insert(place);
    }
    let projects = first.len();
    let Some(line) = jobs.get(projects.saturating_sub(1)) else { return Vec::new() };
    // One more than the line's priority: at the same priority the older would still go first. The line is drawn from
    // jobs of projects that are served already, so that raising the others moves none of them.
    let priority = line.priority.saturating_add(1).min(1000);
    first
        .values()
        .filter(|place| **place >= projects)
        .filter_map(|place| jobs.get(*place))
        .map(|job| (*job, priority))
        .collect()
}

/// What has waited for half of its time is urgent.
fn aged<'a>(jobs: &[&'a Job], now: Moment) -> Vec<(&'a Job, i32)> {
    let half = |job: &&&Job| {
        job.expires_at
            .is_some_and(|end| now.since(job.run_after) >= end.since(job.run_after) / 2 && end > job.run_after)
    };
    jobs.iter().filter(half).map(|job| (*job, job.priority.max(PRIORITY_HIGH))).collect()
}

pub(super) fn expired(snapshot: &Snapshot) -> Vec<JobId> {
    let past = |job: &&Job| {
        matches!(job.state, JobState::Pending | JobState::WaitingRetry)
            && job.expires_at.is_some_and(|at| at <= snapshot.now)
    };
    snapshot.backlog.iter().filter(past).map(|job| job.id).collect()
}
