//! Faults of every part, of workers and of the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use omniva_contracts::engine::*;
use omniva_contracts::fault::{Code, Fault};
use omniva_store::{StoreFault, Trouble};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::house::*;

pub const PARTS: [&str; 18] = [
    "store-writer",
    "outbox",
    "log-writer",
    "checkpointer",
    "authority",
    "stardust",
    "paradox",
    "eclipse",
    "lattice",
    "pantheon",
    "horizon",
    "chorus",
    "halolux",
    "infinity",
    "noop",
    "cron",
    "rescuer",
    "dispatcher",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_in_each_part_under_load_stays_in_it_and_the_tree_heals() {
    // A lease that runs out soon, for claims that were lost with the part that knew of them.
    let mut config = config();
    (config.jobs.lease_seconds, config.jobs.heartbeat_seconds) = (2.0, 0.5);
    let house = house_with(Vec::new(), config).await;
    let mut asked = 0;
    for part in PARTS {
        house.noops(100).await;
        assert!(house.engine.fail(part, "a fault of the test"), "{part} is there");
        asked += 100;
        house
            .until(part, |_| async {
                let actor = house.actor(part).await;
                (actor.state == "running" && actor.generation >= 2).then_some(())
            })
            .await;
    }
    house.until_count(JobKind::Noop, JobState::Done, asked).await;
    for part in PARTS {
        let actor = house.actor(part).await;
        assert_eq!((actor.state.as_str(), actor.restarts), ("running", 1), "{part}");
        assert_eq!(actor.last_failure.as_deref(), Some("a fault of the test"), "{part}");
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_kills_its_worker_is_quarantined_and_the_pool_does_not_notice() {
    let poison = work(JobKind::Noop, |job, _| async move {
        assert!(job.priority != PRIORITY_DEFAULT, "poison");
        Outcome::Done { result: json!(null) }
    });
    let mut config = config();
    config.jobs.transient_seconds = 0.02;
    let house = house_with(vec![poison], config).await;
    house.noops(1).await;
    house.until_count(JobKind::Noop, JobState::Quarantined, 1).await;
    let job = house.only(JobKind::Noop).await;
    assert_eq!((job.crashes, job.attempt), (3, 3));
    assert!(job.fault.is_some_and(|fault| fault.detail.contains("poison")));
    let pool = house.actor("noop").await;
    assert_eq!((pool.generation, pool.restarts), (1, 0));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_holds_work_up_and_loses_nothing() {
    let house = house(Vec::new()).await;
    house.noops(50).await;
    for _ in 0..6 {
        house.faults.fail_write(StoreFault::new(Trouble::Unavailable, "locked"));
    }
    house.noops(50).await;
    house.until_count(JobKind::Noop, JobState::Done, 100).await;
    let all = omniva_actors::office::Office::actors(&house.engine).await.expect("the tree");
    assert!(all.iter().all(|actor| actor.restarts == 0), "an outage restarts nobody");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_no_store_can_write_does_not_take_its_neighbours_along() {
    let house = house(Vec::new()).await;
    house.faults.fail_write(StoreFault::new(Trouble::Bug, "a wrong statement"));
    // The one that meets the fault alone is refused; whoever comes after is not.
    let first = omniva_actors::office::Office::ask(
        &house.engine,
        asked(omniva_actors::office::Command::EnqueueNoop { count: 1, unique_keys: Vec::new() }),
    )
    .await;
    house.noops(10).await;
    let wanted = 10 + u64::from(first.is_ok());
    house.until_count(JobKind::Noop, JobState::Done, wanted).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lost_the_lease_can_never_complete() {
    let (runs, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Semaphore::new(0)));
    let (counted, opened) = (runs.clone(), gate.clone());
    let silent = work(JobKind::Noop, move |_, _| {
        let (runs, gate) = (counted.clone(), opened.clone());
        async move {
            if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                // Says nothing for longer than its lease, and comes back when the second run is through.
                drop(gate.acquire().await);
                return Outcome::Done { result: json!("late") };
            }
            Outcome::Done { result: json!("in time") }
        }
    });
    let mut config = config();
    (config.jobs.lease_seconds, config.jobs.heartbeat_seconds, config.jobs.transient_seconds) = (0.3, 0.1, 0.05);
    let house = house_with(vec![silent], config).await;
    house.noops(1).await;
    house.until_count(JobKind::Noop, JobState::Done, 1).await;
    gate.add_permits(1);
    house.noops(1).await;
    house.until_count(JobKind::Noop, JobState::Done, 2).await;
    house.stop().await;
    let filter = omniva_store::JobFilter { kind: Some(JobKind::Noop), ..Default::default() };
    let jobs = house.reader.jobs(&filter, ALL).await.expect("reads").items;
    assert!(jobs.iter().all(|job| job.result == Some(json!("in time"))), "{jobs:?}");
    assert_eq!(jobs.iter().map(|job| (job.fence, job.crashes)).max(), Some((2, 1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_renews_the_lease_of_a_long_job() {
    let long = work(JobKind::Noop, |_, context| async move {
        for step in 0..20 {
            context.progress("INIT", f64::from(step) / 20.0);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Outcome::Done { result: json!(null) }
    });
    let mut config = config();
    (config.jobs.lease_seconds, config.jobs.heartbeat_seconds) = (1.0, 0.1);
    let house = house_with(vec![long], config).await;
    house.noops(1).await;
    house.until_count(JobKind::Noop, JobState::Done, 1).await;
    let job = house.only(JobKind::Noop).await;
    assert_eq!((job.attempt, job.crashes, job.fence), (1, 0, 1));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passing_fault_is_tried_again_and_a_lasting_one_is_not() {
    let tries = Arc::new(AtomicU32::new(0));
    let counted = tries.clone();
    let failing = work(JobKind::Noop, move |job, _| {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            let code = if first || job.attempt == 1 { Code::StoreUnavailable } else { Code::InputCorrupt };
            Outcome::Retry { fault: Fault::new(code, "it did not work", "wait") }
        }
    });
    let mut config = config();
    config.jobs.transient_seconds = 0.05;
    let house = house_with(vec![failing], config).await;
    house.noops(1).await;
    house.until_count(JobKind::Noop, JobState::Error, 1).await;
    let job = house.only(JobKind::Noop).await;
    assert_eq!((job.attempt, job.fault.map(|fault| fault.code)), (2, Some(Code::InputCorrupt)));
    house.stop().await;
}
