//! Back-pressure between the stages, breakers on pools, and the number of workers.

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::{JobKind, Order, QueueMode};

use super::{Ordered, Snapshot};
use crate::council::QueueReading;
use crate::eclipse::BreakerState;

/// First words of the reasons that the cycle gives for what it sets.
pub const PRESSURE: &str = "back-pressure:";
pub const BREAKER: &str = "breaker:";
pub const LOAD: &str = "load:";

/// Each stage with the one that it fills.
const STAGES: [(JobKind, JobKind); 4] = [
    (JobKind::Discover, JobKind::Scrape),
    (JobKind::Scrape, JobKind::Analyze),
    (JobKind::Analyze, JobKind::Edit),
    (JobKind::Edit, JobKind::Upload),
];
/// Changes of an intake below this are not worth a directive.
const NOTICEABLE: f64 = 0.05;

/// A stage whose follower has more waiting than it should is slowed in proportion, and let go once that has sunk well
/// below the threshold; between the two it stays as it is, so that nothing flutters. A full disk slows what fills it.
pub(super) fn back_pressure(snapshot: &Snapshot, config: &EngineConfig) -> Vec<Ordered> {
    let control = &config.control;
    let free = snapshot.load.disk_free_bytes as f64 / 1e9;
    let no_room = snapshot.load.disk_free_bytes > 0 && free < control.min_free_disk_gigabytes;
    let mut orders = Vec::new();
    for (up, down) in STAGES {
        let (Some(queue), Some(ahead)) = (reading(snapshot, up), reading(snapshot, down)) else { continue };
        let depth = (ahead.ready + ahead.waiting) as f64;
        let threshold = config.queue(down).depth.max(1) as f64;
        let now = queue.control.intake;
        let (factor, why) = if no_room && matches!(up, JobKind::Discover | JobKind::Scrape) {
            (control.slow_floor, format!("{PRESSURE} only {free:.1} GB are free"))
        } else if depth > threshold {
            let why = format!("{PRESSURE} {depth:.0} jobs wait for {}, {threshold:.0} are its measure", down.as_str());
            ((threshold / depth).max(control.slow_floor), why)
        } else if depth <= threshold * control.release_depth {
            (1.0, format!("{PRESSURE} {} has room again", down.as_str()))
        } else {
            continue;
        };
        if (factor - now).abs() > NOTICEABLE || (factor == 1.0 && now < 1.0) {
            orders.push(Ordered::new(Order::SlowUpstream { queue: up, factor }, why));
        }
    }
    orders
}

/// An open breaker takes its pool out; one that lets probes through puts it back, if the breaker had taken it.
pub(super) fn breakers(snapshot: &Snapshot) -> Vec<Ordered> {
    let mut orders = Vec::new();
    for queue in &snapshot.queues {
        let breaker = snapshot.breakers.iter().find(|b| b.queue == queue.kind);
        let open = breaker.is_some_and(|b| b.state == BreakerState::Open);
        let name = queue.kind.as_str();
        if open && queue.control.mode == QueueMode::Running {
            let until = breaker.and_then(|b| b.open_until).map_or_else(String::new, |at| format!(" until {at}"));
            let why = format!("{BREAKER} too many {name} jobs failed: the pool rests{until}");
            orders.push(Ordered::new(Order::QuarantineWorker { queue: queue.kind, why: why.clone() }, why));
        }
        let ours = queue.control.mode == QueueMode::Quarantined && queue.control.reason.starts_with(BREAKER);
        if !open && ours {
            let why = format!("{BREAKER} the {name} pool is tried again");
            orders.push(Ordered::new(Order::ReleaseWorker { queue: queue.kind }, why));
        }
    }
    orders
}

/// Infinity: one worker less where memory runs out, one more of those that were taken when there is room again. Never
/// beyond the configured limit, and never over what an operator set.
pub(super) fn scaling(snapshot: &Snapshot, config: &EngineConfig) -> (i32, Vec<Ordered>) {
    let load = &snapshot.load;
    let free =
        if load.memory_total_bytes > 0 { load.memory_free_bytes as f64 / load.memory_total_bytes as f64 } else { 1.0 };
    let heavy = [JobKind::Analyze, JobKind::Edit];
    let queues = || heavy.iter().filter_map(|kind| reading(snapshot, *kind));
    if free < config.control.min_free_memory {
        let order =
            queues().filter(|q| q.control.limit > 1 && q.running > 1).max_by_key(|q| (q.running, q.kind)).map(|q| {
                let why = format!("{LOAD} {:.0} % of the memory are free", free * 100.0);
                Ordered::new(Order::ScaleQueue { queue: q.kind, limit: q.control.limit - 1 }, why)
            });
        return (-1, order.into_iter().collect());
    }
    let room = load.cpu < config.control.busy_load && free > config.control.min_free_memory * 2.0;
    let taken = |q: &&QueueReading| {
        q.control.limit < config.queue(q.kind).limit && q.control.reason.starts_with(LOAD) && q.ready > 0
    };
    let order = queues().filter(|_| room).filter(taken).max_by_key(|q| (q.ready, q.kind)).map(|q| {
        let why = format!("{LOAD} there is room for one more again");
        Ordered::new(Order::ScaleQueue { queue: q.kind, limit: q.control.limit + 1 }, why)
    });
    let hungry = queues().any(|q| q.ready > u64::from(q.control.limit) * 2);
    (i32::from(room && hungry), order.into_iter().collect())
}

fn reading(snapshot: &Snapshot, kind: JobKind) -> Option<&QueueReading> {
    snapshot.queues.iter().find(|q| q.kind == kind)
}
