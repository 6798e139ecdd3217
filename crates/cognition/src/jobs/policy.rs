//! How often and when a job is tried again.

use std::time::Duration;

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::JobKind;
use omniva_contracts::fault::FaultClass;

/// Seconds throughout.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    pub max_attempts: u32,
    pub max_crashes: u32,
    pub max_snoozes: u32,
    pub max_snooze: Duration,
    /// 0..1: a pause is stretched or shortened by up to this share.
    pub jitter: f64,
    pub transient: f64,
    pub transient_max: f64,
    pub limit: f64,
    pub limit_max: f64,
    /// How long a job may wait for its start.
    pub ttl: Duration,
}

impl RetryPolicy {
    pub fn of(config: &EngineConfig, kind: JobKind) -> Self {
        let jobs = &config.jobs;
        Self {
            max_attempts: config.queue(kind).max_attempts,
            max_crashes: jobs.max_crashes,
            max_snoozes: jobs.max_snoozes,
            max_snooze: seconds(jobs.max_snooze_hours * 3600.0),
            jitter: jobs.jitter,
            transient: jobs.transient_seconds,
            transient_max: jobs.transient_max_seconds,
            limit: jobs.limit_seconds,
            limit_max: jobs.limit_max_seconds,
            ttl: jobs.ttl(),
        }
    }

    /// The pause after attempt number `attempt` (1 = first): doubling, capped, jittered by `roll` (0..1). `None` where
    /// trying again can't help.
    pub fn pause(&self, class: FaultClass, attempt: u32, roll: f64) -> Option<Duration> {
        let (base, cap) = match class {
            FaultClass::Transient => (self.transient, self.transient_max),
            FaultClass::Limit => (self.limit, self.limit_max),
            FaultClass::Interrupted => return Some(Duration::ZERO),
            FaultClass::Permanent | FaultClass::Bug => return None,
        };
        // 2^30 of any base is beyond every cap; the bound keeps the power finite.
        let doubled = base * f64::powi(2.0, attempt.saturating_sub(1).min(30) as i32);
        let stretch = 1.0 - self.jitter + 2.0 * self.jitter * roll.clamp(0.0, 1.0);
        Some(seconds(doubled.min(cap) * stretch))
    }
}

pub(crate) fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy() -> RetryPolicy {
        RetryPolicy::of(&EngineConfig::load(None).expect("shipped"), JobKind::Edit)
    }

    #[test]
    fn pauses_double_up_to_a_cap_and_limits_wait_longer() {
        let policy = policy();
        let pause = |class, attempt| policy.pause(class, attempt, 0.5).map(|d| d.as_secs_f64());
        assert_eq!(pause(FaultClass::Transient, 1), Some(2.0));
        assert_eq!(pause(FaultClass::Transient, 4), Some(16.0));
        assert_eq!(pause(FaultClass::Transient, 60), Some(600.0));
        assert_eq!(pause(FaultClass::Limit, 1), Some(120.0));
        assert_eq!(pause(FaultClass::Permanent, 1), None);
        assert_eq!(pause(FaultClass::Bug, 1), None);
    }

    proptest! {
        #[test]
        fn jitter_stays_within_its_share(attempt in 1u32..200, roll in 0.0f64..1.0) {
            let policy = policy();
            let middle = policy.pause(FaultClass::Transient, attempt, 0.5).expect("some").as_secs_f64();
            let pause = policy.pause(FaultClass::Transient, attempt, roll).expect("some").as_secs_f64();
            prop_assert!((pause - middle).abs() <= middle * policy.jitter + 1e-6);
        }
    }
}
