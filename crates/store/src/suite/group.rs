//! Batches: the result is that of one commit after the other, and one refused commit costs only itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use omniva_contracts::engine::*;
use tokio::sync::Mutex;

use super::rows::*;
use super::{ALL, Store, of};
use crate::*;

fn project_commit(n: u128) -> Commit {
    of(vec![Row::Project(project(n))])
}

pub(super) async fn the_others_of_a_batch_are_written(mut store: Store) {
    store.put(vec![Row::Project(project(3)), Row::Project(project(9))]).await;
    let answers = store.batch((0..13).map(project_commit).collect()).await;
    let refused: Vec<usize> = (0..13).filter(|n| answers[*n].is_err()).collect();
    assert_eq!(refused, [3, 9]);
    assert_eq!(store.opened.reader.projects(None, ALL).await.expect("answered").total, 13);
    assert!(store.batch(Vec::new()).await.is_empty());
    // All at once are refused, and all by name.
    let answers = store.batch((0..13).map(project_commit).collect()).await;
    assert!(answers.iter().all(|a| matches!(a, Err(Refused::Duplicate { table: Table::Projects, .. }))));
}

pub(super) async fn a_row_changes_twice_in_a_batch(mut store: Store) {
    let version = |version, step: &str| of(vec![Row::Job(Box::new(Job { version, step: step.into(), ..job(1) }))]);
    let answers = store.batch(vec![version(1, "A"), version(2, "B"), version(3, "C")]).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    // Two of the same version: the first wins.
    let answers = store.batch(vec![version(4, "D"), version(4, "E"), version(5, "F")]).await;
    assert!(answers[0].is_ok() && answers[2].is_ok());
    assert!(matches!(answers[1], Err(Refused::Stale { .. })));
    let now = store.opened.reader.job(id(7, 1)).await.expect("answered").expect("is there");
    assert_eq!((now.step.as_str(), now.version), ("F", 5));
}

pub(super) async fn order_among_commits_counts(mut store: Store) {
    // A reference to a row that a later commit makes.
    let answers = store.batch(vec![of(vec![Row::Creator(creator(1, 1))]), project_commit(1)]).await;
    assert!(matches!(answers[0], Err(Refused::Dangling { table: Table::Creators, .. })), "{answers:?}");
    assert!(answers[1].is_ok());
    let answers = store.batch(vec![project_commit(2), of(vec![Row::Creator(creator(2, 2))])]).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    // A key that an earlier commit frees can be taken; one that a later one frees can't.
    let keyed = |n, state, version| {
        let job = Job { unique_key: Some("k".into()), state, version, ..job(n) };
        of(vec![Row::Job(Box::new(job))])
    };
    store.commit(keyed(1, JobState::Pending, 1)).await.expect("is written");
    let answers = store.batch(vec![keyed(1, JobState::Done, 2), keyed(2, JobState::Pending, 1)]).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let answers = store.batch(vec![keyed(3, JobState::Pending, 1), keyed(2, JobState::Done, 2)]).await;
    assert!(matches!(answers[0], Err(Refused::Duplicate { .. })), "{answers:?}");
    assert!(answers[1].is_ok());
    // Everything that hangs on a refused commit is refused with it.
    let answers = store.batch(vec![project_commit(1), project_commit(5), of(vec![Row::Post(post(1, 9))])]).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, false]);
}

pub(super) async fn many_inserters_one_job_each_key(store: Store) {
    const INSERTERS: u128 = 64;
    const KEYS: u128 = 25;
    let reader = store.opened.reader.clone();
    let store = Arc::new(Mutex::new(store));
    let tasks = (0..INSERTERS).map(|inserter| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut written = 0;
            for key in 0..KEYS {
                let n = inserter * KEYS + key;
                let job = Job { unique_key: Some(format!("k{}", (key + inserter) % KEYS)), ..job(n) };
                let mut store = store.lock().await;
                written += usize::from(store.commit(of(vec![Row::Job(Box::new(job))])).await.is_ok());
            }
            written
        })
    });
    let mut written = 0;
    for task in tasks.collect::<Vec<_>>() {
        written += task.await.expect("does not panic");
    }
    let jobs = reader.jobs(&JobFilter::default(), ALL).await.expect("answered");
    let keys: BTreeSet<Option<String>> = jobs.items.iter().map(|j| j.unique_key.clone()).collect();
    assert_eq!((written, jobs.total, keys.len()), (KEYS as usize, KEYS as u64, KEYS as usize));
}

/// More rows than one statement takes, with odd remainders.
pub(super) async fn large_batches(mut store: Store) {
    const MANY: u128 = 299;
    let answers = store.batch((0..MANY).map(|n| of(vec![Row::Job(Box::new(job(n)))])).collect()).await;
    assert!(answers.iter().all(Result::is_ok));
    let claim = |n| Job { state: JobState::Running, version: 2, fence: 1, lease_until: Some(at(9)), ..job(n) };
    let answers = store.batch((0..MANY).map(|n| of(vec![Row::Job(Box::new(claim(n)))])).collect()).await;
    assert!(answers.iter().all(Result::is_ok));
    let lapsed = store.opened.reader.lapsed(at(9), 1_000).await.expect("answered");
    assert_eq!(lapsed, (0..MANY).map(claim).collect::<Vec<_>>());
}
