//! The ledger over all buckets: reserve, commit, release. Each is done whole or not at all.

use std::collections::BTreeMap;

use omniva_contracts::engine::Moment;
use omniva_contracts::fault::{Code, Fault};
use serde::Serialize;
use uuid::Uuid;

use super::{BucketKey, Charge, Tally};

/// Rounds in which several buckets look for a common free moment.
const ROUNDS: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Planned for its moment.
    Reserved,
    /// Done.
    Used,
}

/// What one publication holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub at: Moment,
    pub hold: Hold,
    pub charges: Vec<Charge>,
}

/// How a bucket stands at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Level {
    pub capacity: u64,
    pub used: u64,
    pub reserved: u64,
    /// What an action at this moment may cost. Less than the capacity without used and reserved where a rolling window
    /// around the moment is fuller than the one that ends with it.
    pub left: u64,
    pub resets_at: Moment,
}

/// Why something can't be paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Refusal {
    /// No such bucket: without a definition nothing is allowed.
    Unknown {
        bucket: BucketKey,
    },
    /// The id holds something already; release it first.
    Held {
        id: Uuid,
    },
    NoHold {
        id: Uuid,
    },
    Short {
        bucket: BucketKey,
        cost: u64,
        left: u64,
        next_free: Option<Moment>,
    },
}

impl Refusal {
    /// The same in words, as a fault of class *limit* where waiting helps.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Unknown { bucket } => Fault::new(
                Code::ConfigInvalid,
                format!("the limit {bucket} is not defined"),
                "add it to [platforms.buckets], or correct its name in [platforms.costs]",
            ),
            Self::Held { id } => Fault::new(
                Code::Conflict,
                format!("{id} holds a reservation already"),
                "release it before another one is made",
            ),
            Self::NoHold { id } => {
                Fault::new(Code::NotFound, format!("{id} holds no reservation"), "reserve before committing")
            }
            Self::Short { bucket, cost, left, next_free } => Fault::new(
                Code::QuotaExceeded,
                format!("{bucket} has {left} left, {cost} are needed"),
                next_free.map_or_else(
                    || "its capacity never allows this: ask the platform for more, or lower the cost".to_owned(),
                    |at| format!("it can be paid from {at} on"),
                ),
            ),
        }
    }
}

/// All buckets with all that is held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    tallies: BTreeMap<BucketKey, Tally>,
    entries: BTreeMap<Uuid, Entry>,
}

impl Ledger {
    pub fn new(buckets: impl IntoIterator<Item = (BucketKey, Tally)>) -> Self {
        Self { tallies: buckets.into_iter().collect(), entries: BTreeMap::new() }
    }

    /// Each bucket's arithmetic, with what all entries hold.
    pub fn tallies(&self) -> &BTreeMap<BucketKey, Tally> {
        &self.tallies
    }
    pub fn entry(&self, id: Uuid) -> Option<&Entry> {
        self.entries.get(&id)
    }

    /// Holds `charges` for an action planned at `at`.
    pub fn reserve(&mut self, id: Uuid, at: Moment, charges: &[Charge]) -> Result<(), Refusal> {
        if self.entries.contains_key(&id) {
            return Err(Refusal::Held { id });
        }
        let charges = merged(charges);
        for charge in &charges {
            let tally = self.tally(&charge.bucket)?;
            if !tally.fits(at, charge.cost) {
                return Err(Refusal::Short {
                    bucket: charge.bucket.clone(),
                    cost: u64::from(charge.cost),
                    left: tally.left(at),
                    next_free: self.next_free(at, &charges),
                });
            }
        }
        self.write(id, Entry { at, hold: Hold::Reserved, charges });
        Ok(())
    }

    /// The action was done at `at`: what was reserved is used, then. Written even over the capacity: it happened.
    pub fn commit(&mut self, id: Uuid, at: Moment) -> Result<(), Refusal> {
        let entry = self.entries.get(&id).cloned().ok_or(Refusal::NoHold { id })?;
        self.release(id);
        self.write(id, Entry { at, hold: Hold::Used, charges: entry.charges });
        Ok(())
    }

    /// Something was done without a reservation (by hand, by another program, an invalid request that cost all the
    /// same).
    pub fn record(&mut self, id: Uuid, at: Moment, charges: &[Charge]) -> Result<(), Refusal> {
        if self.entries.contains_key(&id) {
            return Err(Refusal::Held { id });
        }
        for charge in charges {
            self.tally(&charge.bucket)?;
        }
        self.write(id, Entry { at, hold: Hold::Used, charges: merged(charges) });
        Ok(())
    }

    /// Gives back what an id holds. Nothing happens where it holds nothing.
    pub fn release(&mut self, id: Uuid) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        for charge in &entry.charges {
            if let Some(tally) = self.tallies.get_mut(&charge.bucket) {
                tally.remove(entry.at, id.as_u128());
            }
        }
        Some(entry)
    }

    pub fn level(&self, bucket: &BucketKey, at: Moment) -> Result<Level, Refusal> {
        let tally = self.tally(bucket)?;
        let (mut used, mut reserved) = (0, 0);
        for taker in tally.takers(at) {
            let Some(entry) = self.entries.get(&Uuid::from_u128(taker)) else { continue };
            // Of a rolling window the part that ends now; later reservations lower only what is left.
            if matches!(tally.clock, super::Clock::Rolling(_)) && entry.at > at {
                continue;
            }
            let cost: u64 = entry.charges.iter().filter(|c| c.bucket == *bucket).map(|c| u64::from(c.cost)).sum();
            match entry.hold {
                Hold::Used => used += cost,
                Hold::Reserved => reserved += cost,
            }
        }
        let (left, resets_at) = (tally.left(at), tally.resets_at(at));
        Ok(Level { capacity: tally.capacity, used, reserved, left, resets_at })
    }

    /// The first moment from `at` on at which all of it can be paid together. `None` where that never comes, or a bucket
    /// is not defined.
    pub fn next_free(&self, at: Moment, charges: &[Charge]) -> Option<Moment> {
        let charges = merged(charges);
        let mut at = at;
        for _ in 0..ROUNDS {
            let mut latest = at;
            for charge in &charges {
                latest = latest.max(self.tallies.get(&charge.bucket)?.next_free(latest, charge.cost)?);
            }
            if latest == at {
                return Some(at);
            }
            at = latest;
        }
        None
    }

    /// Forgets what can't matter to a moment from `now` on.
    pub fn forget(&mut self, now: Moment) {
        for tally in self.tallies.values_mut() {
            tally.forget(now);
        }
        let tallies = &self.tallies;
        self.entries.retain(|id, entry| {
            entry.charges.iter().any(|c| tallies.get(&c.bucket).is_some_and(|t| t.holds(entry.at, id.as_u128())))
        });
    }

    fn tally(&self, bucket: &BucketKey) -> Result<&Tally, Refusal> {
        self.tallies.get(bucket).ok_or_else(|| Refusal::Unknown { bucket: bucket.clone() })
    }
    fn write(&mut self, id: Uuid, entry: Entry) {
        for charge in &entry.charges {
            if let Some(tally) = self.tallies.get_mut(&charge.bucket) {
                tally.add(entry.at, id.as_u128(), charge.cost);
            }
        }
        self.entries.insert(id, entry);
    }
}

/// One charge for each bucket, free ones left out.
fn merged(charges: &[Charge]) -> Vec<Charge> {
    let mut sums: BTreeMap<&BucketKey, u32> = BTreeMap::new();
    for charge in charges.iter().filter(|c| c.cost > 0) {
        let sum = sums.entry(&charge.bucket).or_default();
        *sum = sum.saturating_add(charge.cost);
    }
    sums.into_iter().map(|(bucket, cost)| Charge { bucket: bucket.clone(), cost }).collect()
}
