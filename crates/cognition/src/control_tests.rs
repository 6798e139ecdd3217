use std::time::Duration;

use omniva_contracts::ports::Seeded;
use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::*;
use crate::jobs::{NewJob, new_job};

fn config() -> EngineConfig {
    EngineConfig::load(None).expect("shipped")
}

fn now() -> Moment {
    Moment::from_seconds(1_700_000_000)
}

fn reading(kind: JobKind, ready: u64) -> QueueReading {
    QueueReading {
        kind,
        ready,
        waiting: 0,
        running: 0,
        quarantined: 0,
        oldest_ready: None,
        control: QueueControl {
            queue: kind,
            mode: QueueMode::Running,
            limit: 4,
            intake: 1.0,
            reason: String::new(),
            version: 1,
        },
    }
}

fn snapshot() -> Snapshot {
    Snapshot {
        now: now(),
        queues: JobKind::ALL.iter().map(|k| reading(*k, 0)).collect(),
        breakers: Vec::new(),
        recent_faults: Vec::new(),
        load: Load {
            cores: 2,
            cpu: 0.2,
            memory_total_bytes: 8 << 30,
            memory_free_bytes: 4 << 30,
            disk_free_bytes: 100 << 30,
        },
        projects: Vec::new(),
        backlog: Vec::new(),
        coherences: Vec::new(),
        recent_orders: Vec::new(),
    }
}

fn queue(snapshot: &mut Snapshot, kind: JobKind) -> &mut QueueReading {
    snapshot.queues.iter_mut().find(|q| q.kind == kind).expect("every queue")
}

/// What an order does to the queues, as the engine does it.
fn carry_out(snapshot: &mut Snapshot, ordered: &Ordered) {
    match &ordered.order {
        Order::SlowUpstream { queue: kind, factor } => queue(snapshot, *kind).control.intake = *factor,
        Order::QuarantineWorker { queue: kind, why } => {
            queue(snapshot, *kind).control.mode = QueueMode::Quarantined;
            queue(snapshot, *kind).control.reason = why.clone();
        }
        Order::ReleaseWorker { queue: kind } => queue(snapshot, *kind).control.mode = QueueMode::Running,
        Order::ScaleQueue { queue: kind, limit } => {
            queue(snapshot, *kind).control.limit = *limit;
            queue(snapshot, *kind).control.reason = ordered.why.clone();
        }
        other => snapshot.recent_orders.push((other.clone(), now())),
    }
}

fn job(n: u128, project: u128, priority: i32, age: u64) -> Job {
    let born = now().before(Duration::from_secs(age));
    let new = NewJob {
        project_id: Some(ProjectId(Uuid::from_u128(project))),
        priority,
        ..NewJob::now(JobKind::Edit, Value::Null, TraceId(Uuid::nil()), born)
    };
    new_job(new, born, &config(), &mut Seeded::new(&n.to_be_bytes()), "test").0
}

#[test]
fn a_quiet_engine_is_left_alone() {
    let cycle = cycle(&snapshot(), &config());
    assert_eq!((cycle.orders, cycle.reprioritise, cycle.coherence), (vec![], vec![], 1.0));
    assert_eq!(cycle.report, Reflection::default());
}

#[test]
fn a_full_stage_slows_the_one_before_it_until_it_has_room() {
    let mut snapshot = snapshot();
    queue(&mut snapshot, JobKind::Edit).ready = 120;
    let first = cycle(&snapshot, &config());
    assert_eq!(first.orders[0].order, Order::SlowUpstream { queue: JobKind::Analyze, factor: 0.5 });
    assert!(first.orders[0].rollback.contains("analyze"));
    first.orders.iter().for_each(|o| carry_out(&mut snapshot, o));
    queue(&mut snapshot, JobKind::Edit).ready = 45;
    assert_eq!(cycle(&snapshot, &config()).orders, [], "between release and threshold nothing moves");
    queue(&mut snapshot, JobKind::Edit).ready = 30;
    let last = cycle(&snapshot, &config());
    assert_eq!(last.orders[0].order, Order::SlowUpstream { queue: JobKind::Analyze, factor: 1.0 });
}

#[test]
fn an_open_breaker_takes_its_pool_out_and_only_it_puts_it_back() {
    let mut snapshot = snapshot();
    let open = Breaker { state: BreakerState::Open, open_until: Some(now()), ..Breaker::closed(JobKind::Upload) };
    snapshot.breakers = vec![open];
    let taken = cycle(&snapshot, &config());
    assert!(matches!(taken.orders[0].order, Order::QuarantineWorker { queue: JobKind::Upload, .. }));
    assert_eq!(taken.report.open_breakers, [JobKind::Upload]);
    taken.orders.iter().for_each(|o| carry_out(&mut snapshot, o));
    assert_eq!(cycle(&snapshot, &config()).orders, []);
    snapshot.breakers[0].state = BreakerState::HalfOpen;
    assert_eq!(cycle(&snapshot, &config()).orders[0].order, Order::ReleaseWorker { queue: JobKind::Upload });
    queue(&mut snapshot, JobKind::Upload).control.reason = "an operator looks at it".into();
    assert_eq!(cycle(&snapshot, &config()).orders, []);
}

#[test]
fn memory_that_runs_out_takes_a_worker_and_gives_it_back() {
    let mut config = config();
    config.queues.get_mut(&JobKind::Edit).expect("edit").limit = 4;
    let mut snapshot = snapshot();
    snapshot.load.memory_free_bytes = 100 << 20;
    queue(&mut snapshot, JobKind::Edit).running = 3;
    let less = cycle(&snapshot, &config);
    assert_eq!((less.report.scale, &less.orders[0].order), (-1, &Order::ScaleQueue { queue: JobKind::Edit, limit: 3 }));
    less.orders.iter().for_each(|o| carry_out(&mut snapshot, o));
    snapshot.load.memory_free_bytes = 4 << 30;
    queue(&mut snapshot, JobKind::Edit).ready = 9;
    let more = cycle(&snapshot, &config);
    assert_eq!((more.report.scale, &more.orders[0].order), (1, &Order::ScaleQueue { queue: JobKind::Edit, limit: 4 }));
}

#[test]
fn a_project_behind_a_long_line_is_served_with_the_first() {
    let mut snapshot = snapshot();
    snapshot.backlog = (0..20).map(|n| job(n, 1, 700, 100)).collect();
    snapshot.backlog.push(job(99, 2, 300, 10));
    let moved = cycle(&snapshot, &config()).reprioritise;
    assert_eq!(moved, [(snapshot.backlog[20].id, 701)]);
    snapshot.backlog[20].priority = 701;
    assert_eq!(cycle(&snapshot, &config()).reprioritise, []);
}

#[test]
fn what_waited_for_half_its_time_is_urgent_and_what_is_past_it_expires() {
    let mut snapshot = snapshot();
    snapshot.backlog = vec![job(1, 1, 300, 13 * 3600), job(2, 1, 300, 25 * 3600), job(3, 1, 300, 3600)];
    let cycle = cycle(&snapshot, &config());
    assert!(cycle.reprioritise.contains(&(snapshot.backlog[0].id, PRIORITY_HIGH)));
    assert!(cycle.reprioritise.iter().all(|(id, _)| *id != snapshot.backlog[2].id));
    assert_eq!(cycle.expired, [snapshot.backlog[1].id]);
}

proptest! {
    /// A cycle settles: what it ordered, carried out, leaves nothing to order in the same situation.
    #[test]
    fn a_cycle_settles(
        depths in prop::collection::vec(0u64..400, 8), free in 0u64..8, disk in 0u64..6,
        jobs in prop::collection::vec((1u128..4, 0i32..1000, 0u64..90_000), 0..30),
    ) {
        let mut snapshot = snapshot();
        for (queue, depth) in snapshot.queues.iter_mut().zip(&depths) {
            queue.ready = *depth;
            queue.running = depth % 5;
        }
        snapshot.load.memory_free_bytes = (free + 1) << 30;
        snapshot.load.disk_free_bytes = (disk + 1) << 30;
        snapshot.backlog = jobs.iter().enumerate().map(|(n, (p, priority, age))| job(n as u128, *p, *priority, *age)).collect();
        let config = config();
        for _ in 0..8 {
            let cycle = cycle(&snapshot, &config);
            cycle.orders.iter().for_each(|o| carry_out(&mut snapshot, o));
            for (id, priority) in cycle.reprioritise {
                snapshot.backlog.iter_mut().filter(|j| j.id == id).for_each(|j| j.priority = priority);
            }
        }
        let settled = cycle(&snapshot, &config);
        prop_assert_eq!(settled.orders, vec![]);
        prop_assert_eq!(settled.reprioritise, vec![]);
    }
}
