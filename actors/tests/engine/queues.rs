//! Queues: claims, controls, cancellation, stopping.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use omniva_actors::office::{Command, Office, QueueCommand};
use omniva_actors::work::Stop;
use omniva_contracts::engine::*;
use tokio::sync::Semaphore;

use crate::house::*;

fn control(command: QueueCommand) -> Command {
    Command::ControlQueue { queue: JobKind::Noop, command, reason: "a test".into() }
}

async fn mode(house: &House, wanted: QueueMode) {
    house
        .until(wanted.as_str(), |reader| async move {
            let queues = reader.queues().await.ok()?;
            queues.into_iter().find(|q| q.queue == JobKind::Noop && q.mode == wanted).map(|_| ())
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_job_is_done_once_and_the_ledger_has_each_of_its_moves() {
    let house = house(Vec::new()).await;
    house.noops(500).await;
    house.until_count(JobKind::Noop, JobState::Done, 500).await;
    let filter = omniva_store::JobFilter { kind: Some(JobKind::Noop), ..Default::default() };
    for job in house.reader.jobs(&filter, ALL).await.expect("reads").items {
        assert_eq!((job.attempt, job.fence, job.version), (1, 1, 3));
        let kinds = house.kinds_of(EntityRef::new(EntityType::Job, job.id)).await;
        assert_eq!(kinds, ["job.created", "job.claimed", "job.done"]);
    }
    house.stop().await;
    let head = house.reader.head().await.expect("reads");
    let packets = house.reader.packets(&Default::default(), 10_000).await.expect("reads");
    assert_eq!(packets.len() as u64, head.size);
    assert!(packets.iter().enumerate().all(|(at, packet)| packet.seq == at as u64), "no gaps");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_queue_claims_nothing_until_it_is_resumed() {
    let house = house(Vec::new()).await;
    house.ask(control(QueueCommand::Pause)).await;
    mode(&house, QueueMode::Paused).await;
    // The dispatcher has read the pause when a job of another queue that was asked for later is through; here: when the
    // engine has dispatched the directive.
    house
        .until("the directive", |reader| async move {
            let pending = reader.directives(Some(DirectiveState::Pending), ALL).await.ok()?;
            (pending.total == 0).then_some(())
        })
        .await;
    house.noops(20).await;
    assert_eq!(house.count(JobKind::Noop, JobState::Pending).await, 20);
    house.ask(control(QueueCommand::Resume)).await;
    house.until_count(JobKind::Noop, JobState::Done, 20).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_queue_ends_what_runs_and_then_is_paused() {
    let gate = Arc::new(Semaphore::new(0));
    let inside = gate.clone();
    let slow = work(JobKind::Noop, move |_, _| {
        let gate = inside.clone();
        async move {
            drop(gate.acquire().await);
            Outcome::Done { result: serde_json::Value::Null }
        }
    });
    let house = house(vec![slow]).await;
    house.noops(1).await;
    house.until_count(JobKind::Noop, JobState::Running, 1).await;
    house.ask(control(QueueCommand::Drain)).await;
    mode(&house, QueueMode::Draining).await;
    house.noops(1).await;
    gate.add_permits(1);
    mode(&house, QueueMode::Paused).await;
    assert_eq!(house.count(JobKind::Noop, JobState::Done).await, 1);
    assert_eq!(house.count(JobKind::Noop, JobState::Pending).await, 1);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_never_runs_more_than_its_limit() {
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (running, peak) = (now.clone(), most.clone());
    let counted = work(JobKind::Noop, move |_, _| {
        let (running, peak) = (running.clone(), peak.clone());
        async move {
            peak.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            running.fetch_sub(1, Ordering::SeqCst);
            Outcome::Done { result: serde_json::Value::Null }
        }
    });
    let mut config = config();
    config.queues.get_mut(&JobKind::Noop).expect("there").limit = 3;
    let house = house_with(vec![counted], config).await;
    house.noops(200).await;
    house.until_count(JobKind::Noop, JobState::Done, 200).await;
    assert!(most.load(Ordering::SeqCst) <= 3, "{} at the same time", most.load(Ordering::SeqCst));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_job_is_told_and_ends_cancelled() {
    let patient = work(JobKind::Noop, |_, context| async move {
        while context.stop() != Stop::Cancelled {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Outcome::Cancel { why: "as asked".into() }
    });
    let house = house(vec![patient]).await;
    house.noops(1).await;
    house.until_count(JobKind::Noop, JobState::Running, 1).await;
    let job = house.only(JobKind::Noop).await;
    house.ask(Command::CancelJob { job: job.id, reason: "a test".into() }).await;
    house.until_count(JobKind::Noop, JobState::Cancelled, 1).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_gives_attempts_back_even_of_workers_that_do_not_listen() {
    let polite = work(JobKind::Noop, |_, context| async move {
        context.checkpoint("INIT", 0.5, serde_json::json!({ "half": true }));
        while context.stop() != Stop::Stopping {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Outcome::Interrupted { checkpoint: Some(serde_json::json!({ "half": true })) }
    });
    let deaf = work(JobKind::Maintain, |_, _| std::future::pending());
    let mut config = config();
    config.cron.insert(
        "retention".into(),
        omniva_contracts::config::CronRule { every_seconds: 3600, misfire: Misfire::RunOnce },
    );
    let house = house_with(vec![polite, deaf], config).await;
    house.noops(3).await;
    house.until_count(JobKind::Noop, JobState::Running, 3).await;
    house.until_count(JobKind::Maintain, JobState::Running, 1).await;
    house.engine.stop(Duration::from_secs(2)).await;
    for (kind, count) in [(JobKind::Noop, 3), (JobKind::Maintain, 1)] {
        assert_eq!(house.count(kind, JobState::Pending).await, count, "{}", kind.as_str());
    }
    let filter = omniva_store::JobFilter { kind: Some(JobKind::Noop), ..Default::default() };
    for job in house.reader.jobs(&filter, ALL).await.expect("reads").items {
        assert_eq!((job.attempt, job.checkpoint.is_some()), (0, true));
    }
    let refused = house.engine.ask(asked(Command::EnqueueNoop { count: 1, unique_keys: Vec::new() })).await;
    assert_eq!(refused.expect_err("refused").code, "ENGINE_STOPPING");
}
