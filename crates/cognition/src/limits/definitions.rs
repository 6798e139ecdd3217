//! From the dated data of `config/platforms.toml` to buckets and charges.

use std::collections::BTreeMap;

use omniva_contracts::config::{ClockRule, PlatformsConfig, Scope};
use omniva_contracts::engine::Moment;
use omniva_contracts::fault::{Code, Fault};

use super::{BucketKey, Charge, Clock, Tally};
use crate::zone::Zone;

/// The limits and costs that are in force at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Definitions {
    buckets: BTreeMap<String, (Scope, Tally)>,
    costs: BTreeMap<String, BTreeMap<String, u32>>,
}

impl Definitions {
    /// # Errors
    /// `config_invalid` where a clock names a zone that nobody knows.
    pub fn in_force(config: &PlatformsConfig, at: Moment) -> Result<Self, Fault> {
        let mut buckets = BTreeMap::new();
        for (name, rule) in &config.buckets {
            let Some(capacity) = rule.capacity_at(at) else { continue };
            let clock = match &rule.clock {
                ClockRule::Daily { zone } => Clock::Daily(Zone::named(zone)?),
                ClockRule::Hourly => Clock::Hourly,
                ClockRule::Rolling { seconds } => Clock::Rolling(i64::from(*seconds) * 1_000_000),
            };
            buckets.insert(name.clone(), (rule.scope, Tally::new(u64::from(capacity), clock)));
        }
        let dated = |(action, rule): (&String, &omniva_contracts::config::CostRule)| {
            rule.charges_at(at).map(|charges| (action.clone(), charges.clone()))
        };
        Ok(Self { buckets, costs: config.costs.iter().filter_map(dated).collect() })
    }

    /// The buckets of the accounts, empty, with those that all of an app share once.
    pub fn buckets<'a>(&self, accounts: impl IntoIterator<Item = &'a str> + Clone) -> Vec<(BucketKey, Tally)> {
        let mut all = Vec::new();
        for (name, (scope, tally)) in &self.buckets {
            match scope {
                Scope::App => all.push((BucketKey::new(name, ""), tally.clone())),
                Scope::Account => {
                    all.extend(accounts.clone().into_iter().map(|a| (BucketKey::new(name, a), tally.clone())));
                }
            }
        }
        all
    }

    /// What an action costs an account. A charge on a bucket that is not in force is left out: it limits nothing yet.
    ///
    /// # Errors
    /// `config_invalid` for an action without a cost in force.
    pub fn charges(&self, action: &str, account: &str) -> Result<Vec<Charge>, Fault> {
        let costs = self.costs.get(action).ok_or_else(|| {
            Fault::new(
                Code::ConfigInvalid,
                format!("the action {action:?} has no cost in force"),
                "add it to [platforms.costs]; an action that costs nothing has an empty list of charges",
            )
        })?;
        let charge = |(name, cost): (&String, &u32)| {
            let (scope, _) = self.buckets.get(name)?;
            let holder = if *scope == Scope::App { "" } else { account };
            Some(Charge { bucket: BucketKey::new(name, holder), cost: *cost })
        };
        Ok(costs.iter().filter_map(charge).collect())
    }
}
