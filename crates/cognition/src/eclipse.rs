//! Eclipse: what follows a failure. Circuit breakers, and the smallest measure that can heal.
//!
//! Job retries live in the machine of a job ([`crate::jobs`]); what is here heals pools and the tree. The two never mix:
//! a bad video spends attempts, a dying worker spends measures.

use std::collections::BTreeMap;
use std::time::Duration;

use omniva_contracts::config::EclipseConfig;
use omniva_contracts::engine::{JobKind, Moment, Order};

use crate::council::RecentFault;
use crate::flow::actor_of;

/// Ends that a breaker remembers, at most.
const ENDS: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Work flows.
    Closed,
    /// No work until `open_until`.
    Open,
    /// A few probes are let through.
    HalfOpen,
}

/// One for each queue.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Breaker {
    pub queue: JobKind,
    pub state: BreakerState,
    /// Ends in the window: (when, went well); oldest first.
    pub ends: Vec<(Moment, bool)>,
    pub open_until: Option<Moment>,
    /// Trips in a row, for the length of the pause.
    pub trips: u32,
    /// Successes since half-open.
    pub probes: u32,
}

impl Breaker {
    pub fn closed(queue: JobKind) -> Self {
        Self { queue, state: BreakerState::Closed, ends: Vec::new(), open_until: None, trips: 0, probes: 0 }
    }
    /// Whether a job of this queue may be claimed.
    pub fn lets_through(&self) -> bool {
        self.state != BreakerState::Open
    }

    /// After one job ended (`Some(went well)`), or as time passed (`None`). What ends while it is open was started before
    /// and says nothing new. Faults of the input are no ends for a breaker: who counts leaves them out.
    pub fn next(&self, ended: Option<bool>, now: Moment, config: &EclipseConfig) -> Breaker {
        let mut next = self.clone();
        let window = seconds(config.window_seconds);
        next.ends.retain(|(at, _)| *at >= now.before(window) && *at <= now);
        match next.state {
            BreakerState::Open => {
                if next.open_until.is_none_or(|until| until <= now) {
                    next.state = BreakerState::HalfOpen;
                    next.open_until = None;
                    next.probes = 0;
                }
            }
            BreakerState::HalfOpen => match ended {
                Some(true) => {
                    next.probes += 1;
                    if next.probes >= config.probes {
                        next = Breaker::closed(next.queue);
                    }
                }
                Some(false) => next.trip(now, config),
                None => {}
            },
            BreakerState::Closed => {
                next.ends.extend(ended.map(|ok| (now, ok)));
                let drop = next.ends.len().saturating_sub(ENDS);
                next.ends.drain(..drop);
                let failures = next.ends.iter().filter(|(_, ok)| !ok).count();
                let share = failures as f64 / next.ends.len().max(1) as f64;
                if ended == Some(false) && failures >= config.trip_failures as usize && share >= config.trip_share {
                    next.trip(now, config);
                }
            }
        }
        next
    }

    fn trip(&mut self, now: Moment, config: &EclipseConfig) {
        let pause = config.open_seconds * f64::powi(2.0, self.trips.min(30) as i32);
        self.state = BreakerState::Open;
        self.open_until = Some(now.after(seconds(pause.min(config.open_max_seconds))));
        self.trips = self.trips.saturating_add(1);
        self.probes = 0;
        self.ends.clear();
    }
}

/// The measures that the crashes of the window call for: for each pool the smallest one that its number of crashes asks
/// for, or one for the whole tree. `ordered` are the measures of the window: none is repeated within it.
///
/// The names in the orders are those of the actor tree: a pool, the group `workers`, everything.
pub fn recover(
    faults: &[RecentFault],
    ordered: &[(Order, Moment)],
    now: Moment,
    config: &EclipseConfig,
) -> Vec<(Order, String)> {
    let since = now.before(seconds(config.window_seconds));
    let crashes: Vec<&RecentFault> = faults.iter().filter(|f| f.crash && f.at >= since && f.at <= now).collect();
    let done = |order: &Order| ordered.iter().any(|(past, at)| past == order && *at >= since);
    let minutes = config.window_seconds / 60.0;
    if crashes.len() >= config.crash_full_reboot as usize {
        let why = format!("{} workers died within {minutes:.0} min: the whole tree starts anew", crashes.len());
        let order = Order::FullReboot;
        return if done(&order) { Vec::new() } else { vec![(order, why)] };
    }
    let mut pools: BTreeMap<JobKind, usize> = BTreeMap::new();
    crashes.iter().for_each(|f| *pools.entry(f.kind).or_default() += 1);
    if let Some((kind, count)) = pools.iter().max_by_key(|(kind, count)| (**count, std::cmp::Reverse(**kind)))
        && *count >= config.crash_subsystem_reset as usize
    {
        let why = format!("the {} died {count} times within {minutes:.0} min: all pools start anew", actor_of(*kind));
        let order = Order::SubsystemReset { group: "workers".into() };
        return if done(&order) { Vec::new() } else { vec![(order, why)] };
    }
    pools
        .into_iter()
        .filter(|(_, count)| *count >= config.crash_soft_rebuild as usize)
        .map(|(kind, count)| {
            let why = format!("the {} died {count} times within {minutes:.0} min: it is rebuilt", actor_of(kind));
            (Order::SoftRebuild { actor: actor_of(kind).into() }, why)
        })
        .filter(|(order, _)| !done(order))
        .collect()
}

fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}

#[cfg(test)]
#[path = "eclipse_tests.rs"]
mod tests;
