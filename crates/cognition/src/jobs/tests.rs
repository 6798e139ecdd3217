use std::collections::BTreeSet;
use std::time::Duration;

use omniva_contracts::config::EngineConfig;
use omniva_contracts::engine::*;
use omniva_contracts::fault::{Code, Fault};
use omniva_contracts::ports::Seeded;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::invariants::{job_is_sound, step_is_sound};
use super::table::{edges, events, markdown, specimen};
use super::*;

const STATES: &str = include_str!("states.md");

fn config() -> EngineConfig {
    EngineConfig::load(None).expect("shipped")
}

fn now() -> Moment {
    Moment::from_seconds(1_700_000_000)
}

fn policy() -> RetryPolicy {
    RetryPolicy::of(&config(), JobKind::Edit)
}

fn running() -> Job {
    specimen(JobState::Running, now(), &config())
}

fn done(fence: u64) -> JobEvent {
    JobEvent::Finished { fence, outcome: Outcome::Done { result: json!({}) } }
}

fn failing(code: Code) -> JobEvent {
    JobEvent::Finished { fence: 1, outcome: Outcome::Retry { fault: Fault::new(code, "m", "n") } }
}

#[test]
fn a_pause_that_the_other_side_named_is_kept() {
    let fault = Fault::new(Code::RateLimited, "m", "n").not_before(now().after(Duration::from_secs(50_000)).0);
    let event = JobEvent::Finished { fence: 1, outcome: Outcome::Retry { fault } };
    let next = step(&running(), &event, now(), 0.5, &policy()).expect("legal").next;
    assert_eq!((next.state, next.run_after), (JobState::WaitingRetry, now().after(Duration::from_secs(50_000))));
}

#[test]
fn the_table_in_the_repository_is_the_machine() {
    let table = markdown(&edges(&config()));
    if std::env::var_os("OMNIVA_BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/jobs/states.md"), &table).expect("writes");
    } else {
        assert_eq!(STATES, table, "run this test with OMNIVA_BLESS=1 and look at the difference");
    }
}

/// The edges as they are meant; the generated table must have these and no others.
#[test]
fn every_legal_edge_is_hit_and_no_other_exists() {
    use JobState::*;
    let mut meant: BTreeSet<(JobState, &str, JobState)> = BTreeSet::new();
    let mut add = |from: JobState, event: &'static str, to: &[JobState]| {
        meant.extend(to.iter().map(|to| (from, event, *to)));
    };
    add(Pending, "claimed", &[Running]);
    for waiting in [Pending, WaitingRetry] {
        add(waiting, "expired", &[Skipped]);
        add(waiting, "cancel_asked", &[Cancelled]);
        add(waiting, "reprioritised", &[waiting]);
        add(waiting, "quarantine", &[Quarantined]);
    }
    add(WaitingRetry, "due", &[Pending]);
    add(Running, "progressed", &[Running]);
    add(Running, "finished:done", &[Done]);
    add(Running, "finished:retry", &[WaitingRetry, Error, Pending, Cancelled]);
    add(Running, "finished:snooze", &[WaitingRetry, Error, Cancelled]);
    add(Running, "finished:cancel", &[Cancelled]);
    add(Running, "finished:discard", &[Error]);
    add(Running, "finished:interrupted", &[Pending, Cancelled]);
    add(Running, "finished:skip", &[Skipped]);
    add(Running, "crashed", &[WaitingRetry, Error, Quarantined, Cancelled]);
    add(Running, "lease_expired", &[WaitingRetry, Error, Quarantined, Cancelled]);
    add(Running, "cancel_asked", &[Running]);
    add(Running, "quarantine", &[Quarantined]);
    add(Quarantined, "cancel_asked", &[Cancelled]);
    for ended in [Error, Cancelled, Skipped, Quarantined] {
        add(ended, "retry_asked", &[Pending]);
    }
    let found: BTreeSet<(JobState, &str, JobState)> =
        edges(&config()).into_iter().flat_map(|((s, e), to)| to.into_iter().map(move |to| (s, e, to))).collect();
    assert_eq!(found, meant);
}

#[test]
fn a_worker_that_lost_its_job_can_do_nothing_with_it() {
    let job = Job { fence: 2, ..running() };
    for event in [done(1), failing(Code::NoSpace), JobEvent::Crashed { fence: 1, fault: Fault::cancelled() }] {
        assert_eq!(step(&job, &event, now(), 0.5, &policy()), Err(Illegal::Stale { held: 2, given: 1 }));
    }
    let late = JobEvent::Progressed {
        fence: 1,
        step: "CUT".into(),
        progress: 0.9,
        checkpoint: None,
        lease: Duration::from_secs(30),
    };
    assert_eq!(step(&job, &late, now(), 0.5, &policy()), Err(Illegal::Stale { held: 2, given: 1 }));
}

#[test]
fn interruptions_and_snoozes_give_the_attempt_back() {
    let checkpoint = Some(json!({ "segment": 3 }));
    let event = JobEvent::Finished { fence: 1, outcome: Outcome::Interrupted { checkpoint: checkpoint.clone() } };
    let next = step(&running(), &event, now(), 0.5, &policy()).expect("legal").next;
    assert_eq!((next.state, next.attempt, next.checkpoint, next.fence), (JobState::Pending, 0, checkpoint, 1));
    let until = now().after(Duration::from_secs(90));
    let event = JobEvent::Finished { fence: 1, outcome: Outcome::Snooze { until, why: "busy".into() } };
    let next = step(&running(), &event, now(), 0.5, &policy()).expect("legal").next;
    assert_eq!((next.state, next.attempt, next.snoozes, next.run_after), (JobState::WaitingRetry, 0, 1, until));
    let tired = Job { snoozes: policy().max_snoozes, ..running() };
    let next = step(&tired, &event, now(), 0.5, &policy()).expect("legal").next;
    assert_eq!((next.state, next.fault.map(|f| f.code)), (JobState::Error, Some(Code::WaitedTooLong)));
}

#[test]
fn faults_are_treated_by_class() {
    let after = |event: JobEvent| step(&running(), &event, now(), 0.5, &policy()).expect("legal").next;
    let passing = after(failing(Code::EncoderFailed));
    assert_eq!((passing.state, passing.run_after), (JobState::WaitingRetry, now().after(Duration::from_secs(2))));
    let limit = after(failing(Code::NoSpace));
    assert_eq!((limit.state, limit.run_after), (JobState::WaitingRetry, now().after(Duration::from_secs(120))));
    assert_eq!(after(failing(Code::InputCorrupt)).state, JobState::Error);
    assert_eq!(after(failing(Code::Internal)).state, JobState::Error);
    let last = Job { attempt: 3, max_attempts: 3, fence: 3, ..running() };
    let event = JobEvent::Finished { fence: 3, outcome: Outcome::Retry { fault: Fault::new(Code::NoSpace, "m", "n") } };
    assert_eq!(step(&last, &event, now(), 0.5, &policy()).expect("legal").next.state, JobState::Error);
}

#[test]
fn a_lease_can_only_expire_once_its_time_has_come_and_three_crashes_quarantine() {
    let mut job = Job { max_attempts: 10, ..running() };
    let early = step(&job, &JobEvent::LeaseExpired, now(), 0.5, &policy());
    assert!(matches!(early, Err(Illegal::Early { .. })), "{early:?}");
    let mut at = now();
    for crash in 1..=3 {
        at = at.after(Duration::from_secs(30));
        job = step(&job, &JobEvent::LeaseExpired, at, 0.5, &policy()).expect("legal").next;
        assert_eq!(job.crashes, crash);
        if crash < 3 {
            at = at.after(Duration::from_secs(600));
            job = step(&job, &JobEvent::Due, at, 0.5, &policy()).expect("legal").next;
            let claim = JobEvent::Claimed { worker: "editor-2".into(), lease: Duration::from_secs(30) };
            job = step(&job, &claim, at, 0.5, &policy()).expect("legal").next;
        }
    }
    assert_eq!((job.state, job.fence), (JobState::Quarantined, 3));
    let again = step(&job, &JobEvent::RetryAsked, at, 0.5, &policy()).expect("legal").next;
    assert_eq!((again.state, again.crashes, again.attempt, again.fence), (JobState::Pending, 0, 0, 3));
}

#[test]
fn a_sign_of_life_renews_the_lease_and_leaves_no_packet() {
    let job = Job { step: "CUT".into(), ..running() };
    let sign = |step: &str| JobEvent::Progressed {
        fence: 1,
        step: step.into(),
        progress: 0.4,
        checkpoint: None,
        lease: Duration::from_secs(30),
    };
    let at = now().after(Duration::from_secs(10));
    let same = step(&job, &sign("CUT"), at, 0.5, &policy()).expect("legal");
    assert_eq!((same.record, same.next.lease_until), (None, Some(at.after(Duration::from_secs(30)))));
    assert!(step(&job, &sign("RENDER"), at, 0.5, &policy()).expect("legal").record.is_some());
    assert!(matches!(step(&job, &sign("DANCE"), at, 0.5, &policy()), Err(Illegal::Bound { field: "step", .. })));
}

#[test]
fn packets_form_a_chain() {
    let config = config();
    let mut ids = Seeded::new(b"chain");
    let new = NewJob::now(JobKind::Edit, json!({}), TraceId(Uuid::nil()), now());
    let (job, created) = new_job(new, now(), &config, &mut ids, "zenith");
    let claim = JobEvent::Claimed { worker: "editor-1".into(), lease: Duration::from_secs(30) };
    let (job, claimed) = step(&job, &claim, now(), 0.5, &policy()).expect("legal").seal(&mut ids, "zenith", now());
    let claimed = claimed.expect("recorded");
    assert_eq!((claimed.kind.as_str(), claimed.meta_parents), ("job.claimed", vec![created.stardust_id]));
    assert_eq!(job.meta_parents, [claimed.stardust_id]);
}

#[derive(Clone, Debug)]
struct Move {
    event: usize,
    wait: u64,
    fence_back: u64,
    roll: f64,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = (0usize..21, prop::sample::select(vec![0u64, 1, 31, 700, 20_000, 90_000]), 0u64..2, 0.0f64..1.0)
        .prop_map(|(event, wait, fence_back, roll)| Move { event, wait, fence_back, roll });
    prop::collection::vec(one, 1..80)
}

proptest! {
    /// Whatever comes, in whatever order: a job stays sound, and only its last holder moves it.
    #[test]
    fn any_events_leave_a_sound_job(moves in moves()) {
        let policy = policy();
        let mut job = specimen(JobState::Pending, now(), &config());
        let mut at = now();
        for one in moves {
            at = at.after(Duration::from_secs(one.wait));
            let given = job.fence.saturating_sub(one.fence_back);
            let event = match events().swap_remove(one.event) {
                JobEvent::Progressed { step, progress, checkpoint, lease, .. } =>
                    JobEvent::Progressed { fence: given, step, progress, checkpoint, lease },
                JobEvent::Finished { outcome, .. } => JobEvent::Finished { fence: given, outcome },
                JobEvent::Crashed { fault, .. } => JobEvent::Crashed { fence: given, fault },
                other => other,
            };
            if let Ok(moved) = step(&job, &event, at, one.roll, &policy) {
                prop_assert_eq!(step_is_sound(&job, &moved.next), Ok(()));
                prop_assert!(!moved.why.is_empty());
                let by_worker = matches!(event, JobEvent::Progressed { .. } | JobEvent::Finished { .. } | JobEvent::Crashed { .. });
                prop_assert!(!by_worker || given == job.fence);
                prop_assert!(moved.record.is_some() || moved.next.state == job.state);
                job = moved.next;
            }
            prop_assert_eq!(job_is_sound(&job), Ok(()));
        }
    }

    /// A job that always fails in a passing way ends after exactly as many attempts as it has.
    #[test]
    fn attempts_are_spent_and_no_more(roll in 0.0f64..1.0) {
        let policy = policy();
        let (mut job, mut at, mut attempts) = (specimen(JobState::Pending, now(), &config()), now(), 0);
        while !job.state.is_final() {
            at = at.after(Duration::from_secs(3600));
            let event = match job.state {
                JobState::Pending => JobEvent::Claimed { worker: "w".into(), lease: Duration::from_secs(7200) },
                JobState::Running => {
                    attempts += 1;
                    let fault = Fault::new(Code::EncoderFailed, "m", "n");
                    JobEvent::Finished { fence: job.fence, outcome: Outcome::Retry { fault } }
                }
                _ => JobEvent::Due,
            };
            job = step(&job, &event, at, roll, &policy).expect("legal").next;
        }
        prop_assert_eq!((job.state, attempts), (JobState::Error, job.max_attempts));
    }
}
