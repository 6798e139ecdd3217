//! Random commits give the same answers and the same contents in memory and in SQLite.

use std::collections::BTreeMap;

use omniva_contracts::engine::*;
use proptest::prelude::*;

use super::ledger::packet;
use super::rows::*;
use super::{ALL, Store, memory, sqlite};
use crate::*;

/// One change: of which row, into what.
#[derive(Clone, Debug)]
struct Change {
    what: u8,
    n: u128,
    other: u128,
    word: u8,
    /// 0 = the version that fits, if all before it in the batch went in.
    off: i64,
}

#[derive(Clone, Debug)]
struct Plan {
    changes: Vec<Change>,
    packets: Vec<u128>,
    purge: bool,
}

fn change() -> impl Strategy<Value = Change> {
    let off = prop_oneof![8 => Just(0i64), 1 => Just(1), 1 => Just(-1)];
    (0..7u8, 0..4u128, 0..4u128, 0..4u8, off).prop_map(|(what, n, other, word, off)| Change {
        what,
        n,
        other,
        word,
        off,
    })
}

fn plan() -> impl Strategy<Value = Plan> {
    let purge = prop::bool::weighted(0.05);
    (prop::collection::vec(change(), 0..4), prop::collection::vec(0..60u128, 0..3), purge)
        .prop_map(|(changes, packets, purge)| Plan { changes, packets, purge })
}

fn row(change: &Change) -> Row {
    let Change { what, n, other, word, .. } = change;
    let key = format!("k{word}");
    match what {
        0 => Row::Project(Project { name: key, ..project(*n) }),
        1 => Row::Creator(Creator { username: key, ..creator(*n, *other) }),
        2 => Row::Post(Post { platform_post_id: key, ..post(*n, *other) }),
        3 => Row::Video(Video { checksum: key, ..video(*n, *other, *n) }),
        4 => Row::Analysis(AnalysisRow { active: *word < 2, ..analysis(*n, *other) }),
        5 => Row::Artifact(Artifact { path: key, project_id: (*word > 1).then(|| id(1, *other)), ..artifact(*n) }),
        _ => {
            let state =
                [JobState::Pending, JobState::Running, JobState::Done, JobState::WaitingRetry][usize::from(*word)];
            let unique_key = Some(format!("u{}", n % 2));
            let ended_at = state.is_final().then(|| at(1));
            let project_id = (*other == 3).then(|| id(1, 1));
            Row::Job(Box::new(Job { state, unique_key, ended_at, project_id, ..job(*n) }))
        }
    }
}

async fn commits(store: &Store, plans: &[Plan]) -> Vec<Commit> {
    let mut versions: BTreeMap<(u8, u128), i64> = BTreeMap::new();
    let mut commits = Vec::new();
    for plan in plans {
        let mut commit = Commit::default();
        for change in &plan.changes {
            let mut row = row(change);
            let now = stored(store, &row).await.map_or(0, |row| row.version());
            let version = versions.entry((change.what, change.n)).or_insert(now);
            *version += 1;
            set_version(&mut row, (*version + change.off).max(1));
            commit.rows.push(row);
        }
        commit.packets = plan.packets.iter().map(|n| packet(*n)).collect();
        if plan.purge {
            commit.purges.push(Purge::EndedJobs { before: at(5), at_most: 2 });
        }
        commits.push(commit);
    }
    commits
}

/// All that a reader can see.
async fn contents(store: &Store) -> String {
    let reader = &store.opened.reader;
    let mut all = vec![
        format!("{:?}", reader.projects(None, ALL).await),
        format!("{:?}", reader.jobs(&JobFilter::default(), ALL).await),
        format!("{:?}", reader.artifacts(&ArtifactFilter { include_removed: true, ..Default::default() }, ALL).await),
        format!("{:?}", reader.packets(&PacketFilter::default(), 1_000).await),
        format!("{:?}", reader.head().await),
        format!("{:?}", reader.queue_depths(at(5)).await),
        format!("{:?}", reader.next_due(at(5)).await),
    ];
    for n in 0..4 {
        all.push(format!("{:?}", reader.creators(id(1, n), ALL).await));
        all.push(format!("{:?}", reader.videos(id(1, n), ALL).await));
        all.push(format!("{:?}", reader.post(id(3, n)).await));
        all.push(format!("{:?}", reader.analysis(id(5, n)).await));
        all.push(format!("{:?}", reader.active_analysis(id(4, n)).await));
        all.push(format!("{:?}", reader.children(id(20, n), 99).await));
    }
    all.join("\n")
}

async fn same(batches: Vec<Vec<Plan>>) -> Result<(), TestCaseError> {
    let (mut a, mut b) = (memory().await, sqlite().await);
    for batch in batches {
        let commits = commits(&a, &batch).await;
        let (left, right) = (a.batch(commits.clone()).await, b.batch(commits.clone()).await);
        prop_assert_eq!(left, right, "{:?}", commits);
        prop_assert_eq!(contents(&a).await, contents(&b).await);
    }
    prop_assert_eq!(b.opened.upkeep.integrity().await, Ok(vec![]));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn memory_and_sqlite_agree(batches in prop::collection::vec(prop::collection::vec(plan(), 1..7), 1..6)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(same(batches))?;
    }
}
