//! Why a commit is refused, and that nothing of it stays.

use omniva_contracts::engine::*;

use super::rows::*;
use super::{Store, of};
use crate::{Refused, Trouble};

fn stale(refused: &Refused) -> bool {
    matches!(refused, Refused::Stale { .. })
}

pub(super) async fn stale_changes(mut store: Store) {
    let mut missing = project(1);
    missing.version = 2;
    let key = missing.project_id.to_string();
    assert_eq!(store.refusal(vec![Row::Project(missing)]).await, Refused::Stale { table: Table::Projects, key });
    store.put(one_of_each()).await;
    for mut row in one_of_each() {
        if matches!(row, Row::Answer(_) | Row::Audit(_)) {
            continue;
        }
        set_version(&mut row, 3);
        assert!(stale(&store.refusal(vec![row.clone()]).await), "{row:?}");
        set_version(&mut row, 2);
        store.put(vec![row.clone()]).await;
        assert!(stale(&store.refusal(vec![row.clone()]).await), "{row:?}");
    }
}

pub(super) async fn taken_keys(mut store: Store) {
    store.put(one_of_each()).await;
    for row in one_of_each() {
        let expected = Refused::Duplicate { table: row.table(), key: row.key() };
        assert_eq!(store.refusal(vec![row]).await, expected);
    }
    store.put(vec![Row::Clip(Box::new(clip(2, 1, 1)))]).await;
    let mut schedule = schedule(2, 2, 1);
    schedule.final_scheduled_time = Some(at(60));
    let same = vec![
        Row::Project(Project { project_id: id(1, 2), ..project(1) }),
        Row::Creator(Creator { creator_id: id(2, 2), ..creator(1, 1) }),
        Row::Post(Post { post_id: id(3, 2), ..post(1, 1) }),
        Row::Video(Video { video_id: id(4, 2), ..video(1, 1, 1) }),
        Row::UploadJob(Box::new(upload_job(2, 1, 1))),
        Row::Schedule(schedule.clone()),
        Row::Artifact(Artifact { artifact_id: id(11, 2), ..artifact(1) }),
        Row::Job(Box::new(Job { id: id(7, 2), ..full_job(1, 1) })),
    ];
    for row in same {
        let expected = Refused::Duplicate { table: row.table(), key: row.key() };
        assert_eq!(store.refusal(vec![row]).await, expected);
    }
    // A slot that was given up can be taken; one can't be moved into a taken one.
    schedule.status = ScheduleStatus::Cancelled;
    store.put(vec![Row::Schedule(schedule.clone())]).await;
    (schedule.status, schedule.version) = (ScheduleStatus::Confirmed, 2);
    let key = schedule.schedule_id.to_string();
    assert_eq!(store.refusal(vec![Row::Schedule(schedule)]).await, Refused::Duplicate { table: Table::Schedules, key });
}

pub(super) async fn dangling_references(mut store: Store) {
    store.put(vec![Row::Project(project(1)), Row::Creator(creator(1, 1))]).await;
    let mut artifact = artifact(1);
    artifact.clip_id = Some(id(6, 9));
    let mut late = creator(1, 9);
    late.version = 2;
    let nowhere = vec![
        Row::Creator(creator(2, 9)),
        Row::Creator(late),
        Row::Post(post(1, 9)),
        Row::Video(video(1, 9, 1)),
        Row::Analysis(analysis(1, 9)),
        Row::Clip(Box::new(clip(1, 9, 1))),
        Row::EditJob(edit_job(1, 9, 9)),
        Row::UploadJob(Box::new(upload_job(1, 9, 1))),
        Row::Schedule(schedule(1, 9, 1)),
        Row::Artifact(artifact),
        Row::Job(Box::new(full_job(1, 9))),
    ];
    for row in nowhere {
        let expected = Refused::Dangling { table: row.table(), key: row.key() };
        assert_eq!(store.refusal(vec![row]).await, expected);
    }
}

pub(super) async fn what_no_store_can_hold(mut store: Store) {
    let mut odd = vec![job(1), job(2), job(3), job(4)];
    odd[0].progress = f64::NAN;
    odd[1].fence = u64::MAX;
    odd[2].step = "a\0b".into();
    odd[3].version = 0;
    let mut commits: Vec<Commit> = odd.into_iter().map(|j| of(vec![Row::Job(Box::new(j))])).collect();
    commits.push(of(vec![Row::Job(Box::new(job(5)))]));
    let answers = store.batch(commits).await;
    for answer in &answers[..4] {
        let refused = answer.as_ref().expect_err("is refused");
        assert!(matches!(refused, Refused::Store(fault) if fault.trouble == Trouble::Bug), "{refused:?}");
    }
    assert!(answers[4].is_ok());
}

pub(super) async fn a_refused_commit_leaves_nothing(mut store: Store) {
    store.put(vec![Row::Project(project(1))]).await;
    let mut changed = project(1);
    (changed.description, changed.version) = ("changed".into(), 2);
    let rows = vec![
        Row::Project(changed),
        Row::Job(Box::new(full_job(1, 1))),
        Row::Project(Project { project_id: id(1, 2), ..project(1) }),
    ];
    assert!(matches!(store.refusal(rows).await, Refused::Duplicate { .. }));
    let reader = &store.opened.reader;
    assert_eq!(reader.project(id(1, 1)).await, Ok(Some(project(1))));
    assert_eq!(reader.job(id(7, 1)).await, Ok(None));
    assert_eq!(reader.job_by_unique_key("key 1").await, Ok(None));
    assert_eq!(reader.next_due(at(0)).await, Ok(None));
}

pub(super) async fn an_active_analysis_is_the_only_one(mut store: Store) {
    store.put(one_of_each()).await;
    assert!(matches!(store.refusal(vec![Row::Analysis(analysis(2, 1))]).await, Refused::Duplicate { .. }));
    let mut old = analysis(1, 1);
    (old.active, old.version) = (false, 2);
    // Written first although it stands last: it frees what the other takes.
    store.put(vec![Row::Analysis(analysis(2, 1)), Row::Analysis(old)]).await;
    assert_eq!(store.opened.reader.active_analysis(id(4, 1)).await, Ok(Some(analysis(2, 1))));
}

pub(super) async fn a_unique_key_is_free_when_its_job_is_final(mut store: Store) {
    let with = |n, state, version| Row::Job(Box::new(Job { unique_key: Some("k".into()), state, version, ..job(n) }));
    store.put(vec![with(1, JobState::Quarantined, 1)]).await;
    assert!(matches!(store.refusal(vec![with(2, JobState::Pending, 1)]).await, Refused::Duplicate { .. }));
    store.put(vec![with(1, JobState::Done, 2)]).await;
    store.put(vec![with(2, JobState::Pending, 1)]).await;
    let reader = store.opened.reader.clone();
    assert_eq!(reader.job(id(7, 1)).await.expect("answered").and_then(|j| j.unique_key).as_deref(), Some("k"));
    assert_eq!(reader.job_by_unique_key("k").await.expect("answered").map(|j| j.id), Some(id(7, 2)));
    // The first can't come back while the second holds the key.
    assert!(matches!(store.refusal(vec![with(1, JobState::Pending, 3)]).await, Refused::Duplicate { .. }));
    store.put(vec![with(2, JobState::Skipped, 2)]).await;
    assert_eq!(reader.job_by_unique_key("k").await, Ok(None));
}
