use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::JobId;
use omniva_contracts::fault::{Code, FaultClass};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn config() -> EclipseConfig {
    EngineConfig::load(None).expect("shipped").eclipse
}

fn at(second: i64) -> Moment {
    Moment::from_seconds(1_700_000_000 + second)
}

fn crash(kind: JobKind, second: i64) -> RecentFault {
    let job_id = JobId(Uuid::nil());
    RecentFault { kind, job_id, code: Code::WorkerLost, class: FaultClass::Transient, crash: true, at: at(second) }
}

#[test]
fn a_breaker_opens_probes_and_closes() {
    let config = config();
    let mut breaker = Breaker::closed(JobKind::Edit);
    for n in 0..4 {
        breaker = breaker.next(Some(false), at(n), &config);
        assert_eq!(breaker.state, BreakerState::Closed, "after {n}");
    }
    breaker = breaker.next(Some(false), at(4), &config);
    assert_eq!((breaker.state, breaker.open_until), (BreakerState::Open, Some(at(64))));
    assert_eq!(breaker.next(Some(true), at(63), &config).state, BreakerState::Open);
    breaker = breaker.next(None, at(64), &config);
    assert_eq!(breaker.state, BreakerState::HalfOpen);
    let again = breaker.next(Some(false), at(65), &config);
    assert_eq!(again.open_until, Some(at(65 + 120)), "the second pause is twice as long");
    breaker = breaker.next(Some(true), at(65), &config).next(Some(true), at(66), &config);
    assert_eq!(breaker, Breaker::closed(JobKind::Edit));
}

#[test]
fn a_few_failures_among_many_successes_open_nothing() {
    let config = config();
    let mut breaker = Breaker::closed(JobKind::Edit);
    for n in 0..60 {
        breaker = breaker.next(Some(n % 4 != 0), at(n), &config);
    }
    assert_eq!(breaker.state, BreakerState::Closed);
}

#[test]
fn measures_grow_with_the_number_of_crashes_and_are_not_repeated() {
    let config = config();
    let crashes = |n: i64| -> Vec<RecentFault> { (0..n).map(|s| crash(JobKind::Edit, s)).collect() };
    let orders = |n| recover(&crashes(n), &[], at(100), &config).into_iter().map(|m| m.0).collect::<Vec<_>>();
    assert_eq!(orders(1), []);
    assert_eq!(orders(2), [Order::SoftRebuild { actor: "editor".into() }]);
    assert_eq!(orders(5), [Order::SubsystemReset { group: "workers".into() }]);
    assert_eq!(orders(12), [Order::FullReboot]);
    assert!(recover(&crashes(12), &[(Order::FullReboot, at(50))], at(100), &config).is_empty());
    assert_eq!(recover(&crashes(12), &[], at(1000), &config), [], "old crashes are forgotten");
}

proptest! {
    /// Whatever happens, an open breaker closes again once all goes well for long enough.
    #[test]
    fn every_breaker_heals(ends in prop::collection::vec((0i64..400, prop::option::of(any::<bool>())), 0..80)) {
        let config = config();
        let (mut breaker, mut now) = (Breaker::closed(JobKind::Upload), 0);
        for (step, end) in ends {
            now += step;
            breaker = breaker.next(end, at(now), &config);
            prop_assert_eq!(breaker.state == BreakerState::Open, breaker.open_until.is_some());
            prop_assert!(breaker.ends.len() <= ENDS);
        }
        now += config.open_max_seconds as i64 + 1;
        for n in 0..4 {
            breaker = breaker.next(Some(true), at(now + n), &config);
        }
        prop_assert_eq!(breaker.state, BreakerState::Closed);
    }
}
