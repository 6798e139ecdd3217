//! What the dispatcher, the rescuer and maintenance ask.

use omniva_contracts::engine::*;

use super::rows::*;
use super::{ALL, Store};
use crate::*;

fn rows(jobs: impl IntoIterator<Item = Job>) -> Vec<Row> {
    jobs.into_iter().map(|j| Row::Job(Box::new(j))).collect()
}

fn numbers(jobs: Answered<Vec<Job>>) -> Vec<u128> {
    jobs.expect("is answered").iter().map(|j| j.id.0.as_u128() & 0xffff).collect()
}

pub(super) async fn claimable_by_priority_then_age(mut store: Store) {
    let jobs = [
        Job { run_after: at(5), ..job(1) },
        Job { run_after: at(3), ..job(2) },
        Job { run_after: at(9), priority: PRIORITY_HIGH, ..job(3) },
        Job { run_after: at(11), priority: PRIORITY_HIGH, ..job(4) },
        Job { priority: PRIORITY_LOW, ..job(5) },
        Job { kind: JobKind::Edit, ..job(6) },
        Job { state: JobState::Running, ..job(7) },
        Job { run_after: at(3), ..job(8) },
    ];
    store.put(rows(jobs)).await;
    let reader = &store.opened.reader;
    assert_eq!(numbers(reader.claimable(JobKind::Noop, at(10), 99).await), [3, 2, 8, 1, 5]);
    assert_eq!(numbers(reader.claimable(JobKind::Noop, at(10), 2).await), [3, 2]);
    assert_eq!(numbers(reader.claimable(JobKind::Edit, at(-1), 2).await), [] as [u128; 0]);
}

pub(super) async fn due_lapsed_expired_and_when_next(mut store: Store) {
    let reader = store.opened.reader.clone();
    assert_eq!(reader.next_due(at(0)).await, Ok(None));
    store.put(rows([Job { run_after: at(50), ..job(1) }, job(2)])).await;
    // What can be claimed already waits for a worker, not for time.
    assert_eq!(reader.next_due(at(10)).await, Ok(Some(at(50))));
    store.put(rows([Job { state: JobState::Running, lease_until: Some(at(40)), ..job(3) }])).await;
    assert_eq!(reader.next_due(at(10)).await, Ok(Some(at(40))));
    store.put(rows([Job { expires_at: Some(at(30)), ..job(4) }])).await;
    assert_eq!(reader.next_due(at(10)).await, Ok(Some(at(30))));
    store.put(rows([Job { state: JobState::WaitingRetry, run_after: at(20), ..job(5) }])).await;
    assert_eq!(reader.next_due(at(10)).await, Ok(Some(at(20))));
    assert_eq!(reader.next_due(at(25)).await, Ok(Some(at(20))));
    store.put(rows([Job { state: JobState::Done, expires_at: Some(at(1)), lease_until: Some(at(1)), ..job(6) }])).await;
    assert_eq!(numbers(reader.due(at(19), 9).await), [] as [u128; 0]);
    assert_eq!(numbers(reader.due(at(20), 9).await), [5]);
    assert_eq!(numbers(reader.lapsed(at(39), 9).await), [] as [u128; 0]);
    assert_eq!(numbers(reader.lapsed(at(40), 9).await), [3]);
    assert_eq!(numbers(reader.expired(at(29), 9).await), [] as [u128; 0]);
    assert_eq!(numbers(reader.expired(at(30), 9).await), [4]);
}

pub(super) async fn depths_by_kind(mut store: Store) {
    let jobs = [
        Job { run_after: at(5), ..job(1) },
        Job { run_after: at(3), ..job(2) },
        Job { run_after: at(60), ..job(3) },
        Job { state: JobState::WaitingRetry, ..job(4) },
        Job { state: JobState::Running, ..job(5) },
        Job { state: JobState::Quarantined, kind: JobKind::Edit, ..job(6) },
        Job { state: JobState::Done, ..job(7) },
    ];
    store.put(rows(jobs)).await;
    let depths = store.opened.reader.queue_depths(at(10)).await.expect("answered");
    assert_eq!(depths.iter().map(|d| d.kind).collect::<Vec<_>>(), JobKind::ALL);
    let noop = depths.iter().find(|d| d.kind == JobKind::Noop).expect("is there");
    let expected =
        QueueDepth { kind: JobKind::Noop, ready: 2, waiting: 2, running: 1, quarantined: 0, oldest_ready: Some(at(3)) };
    assert_eq!(noop, &expected);
    let edit = depths.iter().find(|d| d.kind == JobKind::Edit).expect("is there");
    assert_eq!((edit.ready, edit.quarantined, edit.oldest_ready), (0, 1, None));
}

pub(super) async fn ended_jobs_are_purged_unless_needed(mut store: Store) {
    store.put(one_of_each()).await;
    let ended = |n: u128, at_| Job { state: JobState::Done, ended_at: Some(at(at_)), ..job(n) };
    store.put(rows([ended(2, 1), ended(3, 2), ended(4, 3), ended(5, 50), job(6)])).await;
    let mut needed = full_job(1, 1);
    (needed.state, needed.ended_at, needed.version) = (JobState::Done, Some(at(0)), 2);
    store.put(rows([needed])).await;
    store.put(vec![Row::Answer(answer("late", 90))]).await;
    let purges = vec![Purge::EndedJobs { before: at(10), at_most: 2 }, Purge::ExpiredAnswers { before: at(11) }];
    store.commit(Commit { purges, ..Commit::default() }).await.expect("is written");
    let reader = store.opened.reader.clone();
    assert_eq!(numbers(reader.jobs(&JobFilter::default(), ALL).await.map(|l| l.items)), [6, 5, 4, 1]);
    assert_eq!(reader.answer("k").await, Ok(None));
    assert_eq!(reader.answer("late").await, Ok(Some(answer("late", 90))));
    // What is gone does not come back with a late change.
    let late = Job { version: 2, ..ended(2, 1) };
    assert!(matches!(store.refusal(rows([late])).await, Refused::Stale { .. }));
}
