//! One bucket's arithmetic: the sum of what lies in a period or a window, kept up to date with each entry.

use std::collections::{BTreeMap, BTreeSet};

use omniva_contracts::engine::Moment;

use crate::zone::Zone;

const HOUR: i64 = 3_600_000_000;
/// Steps that a search for a free moment takes, at most: a year of hours.
const STEPS: usize = 8_784;

/// What fills a bucket again.
#[derive(Clone, Debug, PartialEq)]
pub enum Clock {
    /// Midnight in a zone; days of 23 and 25 hours are days.
    Daily(Zone),
    /// The full hour, UTC.
    Hourly,
    /// Each use comes back after so many microseconds (> 0).
    Rolling(i64),
}

/// A capacity with what is taken from it, by moment and id.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    pub capacity: u64,
    pub clock: Clock,
    entries: BTreeMap<(i64, u128), u32>,
    /// Sums of the fixed periods; empty for a rolling window.
    periods: BTreeMap<i64, u64>,
}

impl Tally {
    pub fn new(capacity: u64, clock: Clock) -> Self {
        Self { capacity, clock, entries: BTreeMap::new(), periods: BTreeMap::new() }
    }

    /// Number of the period that a moment lies in; 0 for a rolling window.
    fn period(&self, at: Moment) -> i64 {
        match &self.clock {
            Clock::Daily(zone) => zone.local(at).day,
            Clock::Hourly => at.0.div_euclid(HOUR),
            Clock::Rolling(_) => 0,
        }
    }

    /// The most that any period or window with `at` in it holds.
    pub fn taken(&self, at: Moment) -> u64 {
        let Clock::Rolling(span) = self.clock else {
            return self.periods.get(&self.period(at)).copied().unwrap_or(0);
        };
        let span = span.max(1);
        let entries: Vec<(i64, u64)> = self
            .entries
            .range((at.0.saturating_sub(span - 1), 0)..=(at.0.saturating_add(span - 1), u128::MAX))
            .map(|((when, _), cost)| (*when, u64::from(*cost)))
            .collect();
        // A window ends at `at` or at one of the later entries, and reaches back over less than the span.
        let mut sum: u64 = entries.iter().filter(|(when, _)| *when <= at.0).map(|e| e.1).sum();
        let (mut most, mut tail) = (sum, 0);
        for (when, cost) in entries.iter().filter(|(when, _)| *when > at.0) {
            sum += cost;
            while let Some((_, back)) = entries.get(tail).filter(|(old, _)| *old <= when - span) {
                sum -= back;
                tail += 1;
            }
            most = most.max(sum);
        }
        most
    }

    pub fn left(&self, at: Moment) -> u64 {
        self.capacity.saturating_sub(self.taken(at))
    }
    pub fn fits(&self, at: Moment, cost: u32) -> bool {
        u64::from(cost) <= self.left(at)
    }

    /// Adds to what the id holds at that moment already.
    pub fn add(&mut self, at: Moment, id: u128, cost: u32) {
        let held = self.entries.entry((at.0, id)).or_default();
        let more = cost.min(u32::MAX - *held);
        *held += more;
        if !matches!(self.clock, Clock::Rolling(_)) {
            *self.periods.entry(self.period(at)).or_default() += u64::from(more);
        }
    }

    /// What it gave back; 0 where the id held nothing then.
    pub fn remove(&mut self, at: Moment, id: u128) -> u32 {
        let Some(cost) = self.entries.remove(&(at.0, id)) else { return 0 };
        if !matches!(self.clock, Clock::Rolling(_)) {
            let period = self.period(at);
            let sum = self.periods.get(&period).copied().unwrap_or(0).saturating_sub(u64::from(cost));
            if sum == 0 {
                self.periods.remove(&period);
            } else {
                self.periods.insert(period, sum);
            }
        }
        cost
    }

    /// The ids that take from the bucket in the period or in a window with `at`, by time.
    pub fn takers(&self, at: Moment) -> Vec<u128> {
        match self.clock {
            Clock::Rolling(span) => self
                .entries
                .range((at.0.saturating_sub(span - 1), 0)..=(at.0.saturating_add(span - 1), u128::MAX))
                .map(|((_, id), _)| *id)
                .collect(),
            _ => {
                let (period, reach) = (self.period(at), 26 * HOUR);
                self.entries
                    .range((at.0.saturating_sub(reach), 0)..=(at.0.saturating_add(reach), u128::MAX))
                    .filter(|((when, _), _)| self.period(Moment(*when)) == period)
                    .map(|((_, id), _)| *id)
                    .collect()
            }
        }
    }

    /// When the period of `at` ends; for a rolling window, when the oldest use in it comes back (`at` if there is none).
    pub fn resets_at(&self, at: Moment) -> Moment {
        match &self.clock {
            Clock::Daily(zone) => {
                let day = zone.local(at).day;
                // A day that the zone leaves out begins where the next one does.
                (1..=3).map(|more| zone.day_start(day + more)).find(|start| *start > at).unwrap_or(at)
            }
            Clock::Hourly => Moment((at.0.div_euclid(HOUR) + 1).saturating_mul(HOUR)),
            Clock::Rolling(span) => {
                let oldest = self.entries.range((at.0.saturating_sub(span - 1), 0)..=(at.0, u128::MAX)).next();
                oldest.map_or(at, |((when, _), _)| Moment(when.saturating_add(*span)))
            }
        }
    }

    /// The first moment from `at` on at which `cost` can be paid. `None` where it never can, or not within the next
    /// 8,784 changes of what is left.
    pub fn next_free(&self, at: Moment, cost: u32) -> Option<Moment> {
        if u64::from(cost) > self.capacity {
            return None;
        }
        let mut at = at;
        for _ in 0..STEPS {
            if self.fits(at, cost) {
                return Some(at);
            }
            at = match self.clock {
                // What is left grows only where an entry leaves every window with the moment in it.
                Clock::Rolling(span) => {
                    let ends = self.entries.range((at.0.saturating_sub(span - 1), 0)..).next();
                    ends.map(|((when, _), _)| Moment(when.saturating_add(span)))?
                }
                _ => self.resets_at(at),
            };
        }
        None
    }

    /// Forgets what can't matter to a moment from `now` on.
    pub fn forget(&mut self, now: Moment) {
        let reach = match self.clock {
            Clock::Rolling(span) => span,
            _ => 26 * HOUR,
        };
        let old: Vec<(i64, u128)> =
            self.entries.range(..(now.0.saturating_sub(reach), 0)).map(|(key, _)| *key).collect();
        for (at, id) in old {
            self.remove(Moment(at), id);
        }
    }

    /// Whether an id has an entry at a moment.
    pub fn holds(&self, at: Moment, id: u128) -> bool {
        self.entries.contains_key(&(at.0, id))
    }

    /// Forgets what some ids hold, whenever.
    pub fn drop_holders(&mut self, ids: &BTreeSet<u128>) {
        let held: Vec<(i64, u128)> = self.entries.keys().filter(|(_, id)| ids.contains(id)).copied().collect();
        for (at, id) in held {
            self.remove(Moment(at), id);
        }
    }
}
