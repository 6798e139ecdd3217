//! Lists: filters, order, pages, totals.

use omniva_contracts::engine::*;
use serde_json::json;
use uuid::Uuid;

use super::rows::*;
use super::{ALL, Store};
use crate::*;

/// Two projects; one creator, post and video each with the project's number.
async fn two_projects(store: &mut Store) {
    for n in [1, 2] {
        let rows = vec![
            Row::Project(project(n)),
            Row::Creator(creator(n, n)),
            Row::Post(post(n, n)),
            Row::Video(video(n, n, n)),
        ];
        store.put(rows).await;
    }
}

pub(super) async fn pages_do_not_overlap(mut store: Store) {
    // All of the same instant: only the id tells them apart.
    let same = |n| Project { created_at: at(0), ..project(n) };
    store.put((0..25).map(|n| Row::Project(same(n))).collect()).await;
    let mut seen = Vec::new();
    for offset in (0..30).step_by(10) {
        let page = store.opened.reader.projects(None, Page { limit: 10, offset }).await.expect("is answered");
        assert_eq!(page.total, 25);
        seen.extend(page.items.into_iter().map(|p| p.project_id));
    }
    assert_eq!(seen, (0..25).map(|n| id(1, n)).collect::<Vec<ProjectId>>());
    let paused = store.opened.reader.projects(Some(ProjectStatus::Paused), ALL).await.expect("is answered");
    assert_eq!((paused.items.len(), paused.total), (0, 0));
    let beyond = store.opened.reader.projects(None, Page { limit: u64::MAX, offset: u64::MAX }).await;
    assert_eq!(beyond.expect("is answered").total, 25);
}

pub(super) async fn filters_of_clips(mut store: Store) {
    two_projects(&mut store).await;
    let clips = (0..20).map(|n| {
        let mut clip = clip(n, 1 + n % 2, 1 + n % 2);
        clip.status = if n < 5 { ClipStatus::Rejected } else { ClipStatus::Ready };
        Row::Clip(Box::new(clip))
    });
    store.put(clips.collect()).await;
    let list = async |filter: ClipFilter| -> Vec<u128> {
        let found = store.opened.reader.clips(&filter, ALL).await.expect("is answered");
        assert_eq!(found.total, found.items.len() as u64);
        found.items.iter().map(|c| c.clip_id.0.as_u128() & 0xffff).collect()
    };
    // Confidence is the last digit; the lower id wins a draw.
    assert_eq!(
        list(ClipFilter { video: Some(id(4, 2)), ..Default::default() }).await,
        [9, 19, 7, 17, 5, 15, 3, 13, 1, 11]
    );
    let newest = ClipFilter { project: Some(id(1, 1)), newest_first: true, ..Default::default() };
    assert_eq!(list(newest).await, [18, 16, 14, 12, 10, 8, 6, 4, 2, 0]);
    let rejected = ClipFilter { statuses: vec![ClipStatus::Rejected, ClipStatus::Failed], ..Default::default() };
    assert_eq!(list(rejected).await, [4, 3, 2, 1, 0]);
    let good = ClipFilter { min_confidence: Some(0.1 * 8.0), ..Default::default() };
    assert_eq!(list(good).await, [9, 19, 8, 18]);
}

pub(super) async fn filters_of_jobs(mut store: Store) {
    two_projects(&mut store).await;
    let mut jobs: Vec<Job> = (0..6).map(job).collect();
    jobs[1].project_id = Some(id(1, 1));
    jobs[2].project_id = Some(id(1, 2));
    jobs[3].kind = JobKind::Edit;
    jobs[4].subject = Some(EntityRef::new(EntityType::Clip, Uuid::from_u128(4)));
    jobs[5].state = JobState::Done;
    store.put(jobs.iter().cloned().map(|j| Row::Job(Box::new(j))).collect()).await;
    let list = async |filter: JobFilter| -> Vec<u128> {
        let found = store.opened.reader.jobs(&filter, ALL).await.expect("is answered").items;
        found.iter().map(|j| j.id.0.as_u128() & 0xffff).collect()
    };
    assert_eq!(list(JobFilter::default()).await, [5, 4, 3, 2, 1, 0]);
    assert_eq!(list(JobFilter { project: Some(id(1, 2)), ..Default::default() }).await, [2]);
    assert_eq!(list(JobFilter { kind: Some(JobKind::Edit), ..Default::default() }).await, [3]);
    assert_eq!(list(JobFilter { subject: jobs[4].subject.clone(), ..Default::default() }).await, [4]);
    let other = EntityRef::new(EntityType::Video, Uuid::from_u128(4));
    assert_eq!(list(JobFilter { subject: Some(other), ..Default::default() }).await, [0u128; 0]);
    assert_eq!(list(JobFilter { states: vec![JobState::Done], ..Default::default() }).await, [5]);
    assert_eq!(list(JobFilter { trace: Some(id(30, 1)), ..Default::default() }).await, [1]);
    let since = |at: Moment| JobFilter { since: Some(at), ..Default::default() };
    assert_eq!(list(since(jobs[4].updated_at)).await, [5, 4]);
    assert_eq!(list(since(Moment(jobs[5].updated_at.0 + 1))).await, [0u128; 0]);
}

pub(super) async fn filters_of_schedules_and_uploads(mut store: Store) {
    two_projects(&mut store).await;
    store.put((1..=4).map(|n| Row::Clip(Box::new(clip(n, 1, 1)))).collect()).await;
    let mut schedules: Vec<Schedule> = (1..=4).map(|n| schedule(n, n, 1)).collect();
    schedules[0].final_scheduled_time = Some(at(300));
    schedules[2].final_scheduled_time = Some(at(100));
    schedules[3].final_scheduled_time = Some(at(200));
    store.put(schedules.iter().cloned().map(Row::Schedule).collect()).await;
    let mut uploads: Vec<UploadJobRow> = (1..=3).map(|n| upload_job(n, n, 1)).collect();
    uploads[2].status = WorkStatus::Done;
    store.put(uploads.iter().cloned().map(|u| Row::UploadJob(Box::new(u))).collect()).await;
    let reader = &store.opened.reader;
    let list = async |filter: ScheduleFilter| -> Vec<ScheduleId> {
        reader.schedules(&filter, ALL).await.expect("is answered").items.iter().map(|s| s.schedule_id).collect()
    };
    assert_eq!(list(ScheduleFilter::default()).await, [id(10, 3), id(10, 4), id(10, 1), id(10, 2)]);
    let span = ScheduleFilter { from: Some(at(100)), to: Some(at(200)), ..Default::default() };
    assert_eq!(list(span).await, [id(10, 3)]);
    assert_eq!(list(ScheduleFilter { clip: Some(id(6, 2)), ..Default::default() }).await, [id(10, 2)]);
    assert_eq!(list(ScheduleFilter { project: Some(id(1, 2)), ..Default::default() }).await, [] as [ScheduleId; 0]);
    let changed = [(1, "youtube/b", ScheduleStatus::Done), (2, "youtube/a", ScheduleStatus::Pending)];
    let rows = changed.map(|(n, target, status)| {
        let old = schedules[n].clone();
        Row::Schedule(Schedule { target: target.into(), status, locked: true, version: 2, ..old })
    });
    store.put(rows.to_vec()).await;
    let reader = &store.opened.reader;
    let list = async |filter: ScheduleFilter| -> Vec<ScheduleId> {
        reader.schedules(&filter, ALL).await.expect("is answered").items.iter().map(|s| s.schedule_id).collect()
    };
    let target = |target: &str| ScheduleFilter { target: Some(target.into()), ..Default::default() };
    assert_eq!(list(target("youtube/a")).await, [id(10, 3)]);
    assert_eq!(list(target("youtube")).await, [] as [ScheduleId; 0]);
    let service = ScheduleFilter { service: Some("youtube".into()), ..Default::default() };
    assert_eq!(list(service.clone()).await, [id(10, 3), id(10, 2)]);
    assert_eq!(list(ScheduleFilter { to: Some(at(200)), ..service.clone() }).await, [id(10, 3)]);
    assert_eq!(list(ScheduleFilter { statuses: vec![ScheduleStatus::Done], ..service }).await, [id(10, 2)]);
    assert!(reader.schedule(id(10, 3)).await.expect("is answered").is_some_and(|s| s.locked));
    let list = async |filter: UploadFilter| -> Vec<UploadJobId> {
        reader.upload_jobs(&filter, ALL).await.expect("is answered").items.iter().map(|u| u.upload_job_id).collect()
    };
    assert_eq!(list(UploadFilter::default()).await, [id(9, 3), id(9, 2), id(9, 1)]);
    assert_eq!(list(UploadFilter { clip: Some(id(6, 2)), ..Default::default() }).await, [id(9, 2)]);
    assert_eq!(list(UploadFilter { statuses: vec![WorkStatus::Done], ..Default::default() }).await, [id(9, 3)]);
}

pub(super) async fn filters_of_artifacts_and_analyses(mut store: Store) {
    two_projects(&mut store).await;
    let mut artifacts: Vec<Artifact> = (1..=4).map(artifact).collect();
    artifacts[0].project_id = Some(id(1, 1));
    artifacts[1].kind = ArtifactKind::Raw;
    artifacts[2].removed_at = Some(at(3));
    artifacts[3].keep_until = None;
    store.put(artifacts.into_iter().map(Row::Artifact).collect()).await;
    let list = async |filter: ArtifactFilter| -> Vec<u128> {
        let found = store.opened.reader.artifacts(&filter, ALL).await.expect("is answered").items;
        found.iter().map(|a| a.artifact_id.0.as_u128() & 0xffff).collect()
    };
    assert_eq!(list(ArtifactFilter::default()).await, [1, 2, 4]);
    assert_eq!(list(ArtifactFilter { include_removed: true, ..Default::default() }).await, [1, 2, 3, 4]);
    assert_eq!(list(ArtifactFilter { project: Some(id(1, 1)), ..Default::default() }).await, [1]);
    assert_eq!(list(ArtifactFilter { kind: Some(ArtifactKind::Raw), ..Default::default() }).await, [2]);
    assert_eq!(list(ArtifactFilter { expired_before: Some(at(2)), ..Default::default() }).await, [1]);

    store.put(vec![Row::Analysis(analysis(1, 1)), Row::Analysis(analysis(2, 2))]).await;
    store.put(vec![Row::Analysis(AnalysisRow { active: false, ..analysis(3, 1) })]).await;
    store.put(vec![Row::Clip(Box::new(clip(1, 1, 1)))]).await;
    let list = async |project: u128, filter: AnalysisFilter| -> Vec<AnalysisId> {
        let found = store.opened.reader.analyses(id(1, project), &filter, ALL).await.expect("is answered");
        found.items.iter().map(|a| a.analysis_id).collect()
    };
    assert_eq!(list(1, AnalysisFilter::default()).await, [id(5, 1)]);
    assert_eq!(list(2, AnalysisFilter { min_score: Some(0.5), ..Default::default() }).await, [id(5, 2)]);
    let ready = AnalysisFilter { clip_status: Some(ClipStatus::ReadyForEdit), min_score: None };
    assert_eq!(list(1, ready.clone()).await, [id(5, 1)]);
    assert_eq!(list(2, ready).await, [] as [AnalysisId; 0]);
    let videos = store.opened.reader.videos(id(1, 1), ALL).await.expect("is answered");
    assert_eq!(videos.items, [video(1, 1, 1)]);
}

pub(super) async fn small_tables_are_sorted(mut store: Store) {
    let queue =
        |queue| QueueControl { queue, mode: QueueMode::Running, limit: 1, intake: 1.0, reason: "".into(), version: 1 };
    let cron = |name: &str| CronEntry {
        name: name.into(),
        every_seconds: 1,
        misfire: Misfire::Skip,
        next_at: at(0),
        last_at: None,
        version: 1,
    };
    let mut rows: Vec<Row> = [JobKind::Upload, JobKind::Discover].into_iter().map(|k| Row::Queue(queue(k))).collect();
    rows.extend(["b", "a", "Z"].map(|name| Row::Cron(cron(name))));
    rows.extend([2, 1].map(|n| Row::Directive(directive(n))));
    rows.extend([2, 1].map(|n| Row::Audit(audit(n))));
    rows.push(Row::Project(project(1)));
    rows.extend([2, 1].map(|n| Row::Creator(creator(n, 1))));
    rows.push(Row::Creator(Creator { status: CreatorStatus::Removed, ..creator(3, 1) }));
    store.put(rows).await;
    let reader = &store.opened.reader;
    let queues: Vec<JobKind> = reader.queues().await.expect("answered").iter().map(|q| q.queue).collect();
    assert_eq!(queues, [JobKind::Discover, JobKind::Upload]);
    let names: Vec<String> = reader.cron().await.expect("answered").into_iter().map(|c| c.name).collect();
    assert_eq!(names, ["Z", "a", "b"]);
    let orders = reader.directives(Some(DirectiveState::Pending), ALL).await.expect("answered").items;
    assert_eq!(orders, [directive(1), directive(2)]);
    assert_eq!(reader.directives(Some(DirectiveState::Dispatched), ALL).await.expect("answered").total, 0);
    assert_eq!(reader.audit(ALL).await.expect("answered").items, [audit(2), audit(1)]);
    assert_eq!(reader.creators(id(1, 1), ALL).await.expect("answered").items, [creator(1, 1), creator(2, 1)]);
    assert_eq!(reader.api_keys().await, Ok(vec![]));
}

pub(super) async fn counts_of_a_project(mut store: Store) {
    two_projects(&mut store).await;
    store.put(vec![Row::Creator(Creator { status: CreatorStatus::Removed, ..creator(3, 1) })]).await;
    let day = Moment(T0 - T0.rem_euclid(86_400_000_000));
    let states =
        [ClipStatus::Ready, ClipStatus::Editing, ClipStatus::Scheduled, ClipStatus::Published, ClipStatus::Published];
    let clips = states.into_iter().enumerate().map(|(n, status)| {
        let updated_at = if n == 4 { Moment(day.0 - 1) } else { day };
        Row::Clip(Box::new(Clip { status, updated_at, ..clip(n as u128, 1, 1) }))
    });
    store.put(clips.collect()).await;
    store.put(vec![Row::UploadJob(Box::new(upload_job(1, 1, 1)))]).await;
    let counts = store.opened.reader.project_counts(id(1, 1), at(0)).await.expect("is answered");
    let expected = ProjectCounts {
        creators: 1,
        videos_scraped: 1,
        clips_ready: 1,
        clips_in_pipeline: 2,
        uploads_pending: 1,
        published_today: 1,
    };
    assert_eq!(counts, expected);
    let made = store.opened.reader.made(&[id(1, 1), id(1, 9)]).await.expect("is answered");
    assert_eq!(made.into_iter().collect::<Vec<_>>(), [(id(1, 1), Made { videos_scraped: 1, clips_ready: 1 })]);
    assert!(store.opened.reader.made(&[]).await.expect("is answered").is_empty());
}

pub(super) async fn logs_by_filter(mut store: Store) {
    let log = |n: u128| LogRow {
        log_id: id(15, n),
        source: if n.is_multiple_of(2) { "zenith".into() } else { "editor_worker".into() },
        level: if n == 3 { LogLevel::Error } else { LogLevel::Info },
        message: format!("line {n}"),
        project_id: (n == 1).then(|| id(1, 9)),
        job_id: (n == 2).then(|| id(7, 9)),
        trace_id: Some(id(30, n)),
        stage: (n == 4).then(|| "render".into()),
        metadata: json!({"n": n as u64}),
        created_at: at(n as i64),
    };
    store.opened.writer.write_logs((0..5).map(log).collect()).await.expect("are written");
    let list = async |filter: LogFilter, limit: u64| -> Vec<LogRow> {
        store.opened.reader.logs(&filter, limit).await.expect("is answered")
    };
    assert_eq!(list(LogFilter::default(), 2).await, [log(4), log(3)]);
    assert_eq!(list(LogFilter { project: Some(id(1, 9)), ..Default::default() }, 9).await, [log(1)]);
    assert_eq!(list(LogFilter { job: Some(id(7, 9)), ..Default::default() }, 9).await, [log(2)]);
    assert_eq!(list(LogFilter { trace: Some(id(30, 0)), ..Default::default() }, 9).await, [log(0)]);
    assert_eq!(list(LogFilter { level: Some(LogLevel::Error), ..Default::default() }, 9).await, [log(3)]);
    assert_eq!(list(LogFilter { stage: Some("render".into()), ..Default::default() }, 9).await, [log(4)]);
    let span = LogFilter { source: Some("zenith".into()), from: Some(at(2)), to: Some(at(4)), ..Default::default() };
    assert_eq!(list(span, 9).await, [log(2)]);
}
