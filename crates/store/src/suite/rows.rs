//! Rows to test with, and the cases about single rows.

use omniva_contracts::engine::*;
use omniva_contracts::fault::{Code, Fault};
use omniva_contracts::wire::PrivacyStatus;
use serde_json::json;
use uuid::Uuid;

use super::{Store, of};

pub(crate) const T0: i64 = 1_700_000_000_000_000;

pub(crate) fn at(seconds: i64) -> Moment {
    Moment(T0 + seconds * 1_000_000)
}

/// A different id for each kind of row and number.
pub(crate) fn id<T: From<Uuid>>(kind: u128, n: u128) -> T {
    T::from(Uuid::from_u128((kind << 64) | n))
}

pub(crate) fn project(n: u128) -> Project {
    Project {
        project_id: id(1, n),
        name: format!("Project {n}"),
        description: "„Déjà vu“ 🎬".into(),
        status: ProjectStatus::Running,
        settings: ProjectSettings {
            keywords: vec!["a".into()],
            clip_min_seconds: Some(0.1 + 0.2),
            ..Default::default()
        },
        created_at: at(n as i64),
        updated_at: at(n as i64),
        version: 1,
    }
}

pub(crate) fn creator(n: u128, project: u128) -> Creator {
    Creator {
        creator_id: id(2, n),
        project_id: id(1, project),
        platform: Platform::Youtube,
        username: format!("handle{n}"),
        profile_url: n.is_multiple_of(2).then(|| "https://example.com/c".into()),
        status: CreatorStatus::Active,
        scrape_window_days: 7,
        rights: RightsBasis::Licensed,
        source: Some(SourceSpec::Inbox { folder: "/in".into() }),
        last_scraped_at: None,
        created_at: at(n as i64),
        updated_at: at(n as i64),
        version: 1,
    }
}

pub(crate) fn post(n: u128, creator: u128) -> Post {
    Post {
        post_id: id(3, n),
        creator_id: id(2, creator),
        platform_post_id: format!("p{n}"),
        url: format!("file:///in/{n}.mp4"),
        posted_at: None,
        downloaded_at: Some(at(1)),
        raw_metadata: json!({"nested": [1, 2.5, null, "\u{0}"]}),
        version: 1,
    }
}

pub(crate) fn video(n: u128, post: u128, project: u128) -> Video {
    Video {
        video_id: id(4, n),
        post_id: id(3, post),
        project_id: id(1, project),
        file_path: format!("raw/{n}"),
        title: "A talk".into(),
        duration_seconds: Some(239.04),
        resolution: Some("1920x1080".into()),
        bytes: 1 << 40,
        checksum: format!("{n:064x}"),
        trace_id: id(30, n),
        created_at: at(n as i64),
        version: 1,
    }
}

pub(crate) fn analysis(n: u128, video: u128) -> AnalysisRow {
    AnalysisRow {
        analysis_id: id(5, n),
        video_id: id(4, video),
        transcript: "words".into(),
        keywords: vec!["one".into(), "two".into()],
        virality_score: 0.25 * (n % 4) as f64,
        relevance_score: 0.5,
        raw_ai_output: json!({"models": ["m"]}),
        active: true,
        created_at: at(n as i64),
        version: 1,
    }
}

pub(crate) fn clip(n: u128, video: u128, project: u128) -> Clip {
    Clip {
        clip_id: id(6, n),
        video_id: id(4, video),
        project_id: id(1, project),
        start_time: 1.25,
        end_time: 31.1,
        confidence: 0.1 * (n % 10) as f64,
        semantic_tags: vec!["tag".into()],
        pantheon_votes: [("editor".to_owned(), 0.75)].into(),
        lattice_priority: 0.3,
        status: ClipStatus::ReadyForEdit,
        metadata: json!({"title": "T"}),
        trace_id: id(30, n),
        created_at: at(n as i64),
        updated_at: at(n as i64),
        version: 1,
    }
}

pub(crate) fn job(n: u128) -> Job {
    Job {
        id: id(7, n),
        kind: JobKind::Noop,
        project_id: None,
        subject: None,
        unique_key: None,
        state: JobState::Pending,
        step: "INIT".into(),
        progress: 0.0,
        priority: PRIORITY_DEFAULT,
        attempt: 0,
        max_attempts: 3,
        crashes: 0,
        snoozes: 0,
        fence: 0,
        worker: None,
        lease_until: None,
        run_after: at(0),
        expires_at: None,
        cancel_requested: false,
        payload: json!({"n": n as u64}),
        checkpoint: None,
        result: None,
        fault: None,
        trace_id: id(30, n),
        meta_parents: vec![],
        created_at: at(n as i64),
        started_at: None,
        ended_at: None,
        updated_at: at(n as i64),
        version: 1,
    }
}

/// Every optional field filled.
pub(crate) fn full_job(n: u128, project: u128) -> Job {
    Job {
        project_id: Some(id(1, project)),
        subject: Some(EntityRef::new(EntityType::Project, id::<Uuid>(1, project))),
        unique_key: Some(format!("key {n}")),
        state: JobState::WaitingRetry,
        progress: 0.1 + 0.2,
        fence: u64::MAX >> 1,
        worker: Some("analyzer-1".into()),
        lease_until: Some(at(9)),
        expires_at: Some(at(99)),
        cancel_requested: true,
        checkpoint: Some(json!(null)),
        result: Some(json!({"a": 1})),
        fault: Some(Fault::new(Code::NoSpace, "full", "free some").with_detail("errno 28")),
        meta_parents: vec![id(20, 1), id(20, 2)],
        started_at: Some(at(3)),
        ended_at: Some(at(4)),
        ..job(n)
    }
}

pub(crate) fn edit_job(n: u128, clip: u128, job: u128) -> EditJobRow {
    EditJobRow {
        edit_job_id: id(8, n),
        clip_id: id(6, clip),
        job_id: id(7, job),
        operations: json!([{"op": "cut"}]),
        ffmpeg_commands: vec!["a b".into()],
        gpu_required: false,
        estimated_duration_seconds: Some(12),
        status: WorkStatus::Queued,
        created_at: at(n as i64),
        version: 1,
    }
}

pub(crate) fn upload_job(n: u128, clip: u128, project: u128) -> UploadJobRow {
    UploadJobRow {
        upload_job_id: id(9, n),
        clip_id: id(6, clip),
        project_id: id(1, project),
        job_id: None,
        target: "folder".into(),
        title: "T".into(),
        description: "D".into(),
        keywords: vec![],
        scheduled_time: Some(at(60)),
        privacy_status: PrivacyStatus::Unlisted,
        yt_video_id: None,
        response: json!({}),
        status: WorkStatus::Queued,
        created_at: at(n as i64),
        version: 1,
    }
}

pub(crate) fn schedule(n: u128, clip: u128, project: u128) -> Schedule {
    Schedule {
        schedule_id: id(10, n),
        clip_id: id(6, clip),
        project_id: id(1, project),
        upload_job_id: None,
        target: "folder".into(),
        recommended_time: Some(at(60)),
        final_scheduled_time: None,
        horizon_adjustments: json!({"shift": -1}),
        status: ScheduleStatus::Pending,
        locked: n.is_multiple_of(2),
        created_at: at(n as i64),
        version: 1,
    }
}

pub(crate) fn artifact(n: u128) -> Artifact {
    Artifact {
        artifact_id: id(11, n),
        kind: ArtifactKind::Render,
        path: format!("renders/{n}.mp4"),
        sha256: format!("{n:064x}"),
        bytes: 77,
        project_id: None,
        video_id: None,
        clip_id: None,
        promoted: n.is_multiple_of(2),
        keep_until: Some(at(n as i64)),
        removed_at: None,
        created_at: at(n as i64),
        version: 1,
    }
}

pub(crate) fn directive(n: u128) -> Directive {
    Directive {
        directive_id: id(12, n),
        order: Order::ScaleQueue { queue: JobKind::Edit, limit: 3 },
        state: DirectiveState::Pending,
        source: DecisionSource::OperatorOverride,
        reason: "load".into(),
        evidence: vec![id(20, 3)],
        rollback: "scale back".into(),
        trace_id: id(30, n),
        created_at: at(n as i64),
        dispatched_at: None,
        version: 1,
    }
}

/// One row of every table that mutates, each referring to the ones before; then those that are only ever new.
pub(crate) fn one_of_each() -> Vec<Row> {
    let mut upload = upload_job(1, 1, 1);
    upload.job_id = Some(id(7, 1));
    let mut schedule = schedule(1, 1, 1);
    schedule.upload_job_id = Some(upload.upload_job_id);
    schedule.final_scheduled_time = Some(at(60));
    let mut artifact = artifact(1);
    (artifact.project_id, artifact.video_id, artifact.clip_id) = (Some(id(1, 1)), Some(id(4, 1)), Some(id(6, 1)));
    vec![
        Row::Project(project(1)),
        Row::Creator(creator(1, 1)),
        Row::Post(post(1, 1)),
        Row::Video(video(1, 1, 1)),
        Row::Analysis(analysis(1, 1)),
        Row::Clip(Box::new(clip(1, 1, 1))),
        Row::Job(Box::new(full_job(1, 1))),
        Row::EditJob(edit_job(1, 1, 1)),
        Row::UploadJob(Box::new(upload)),
        Row::Schedule(schedule),
        Row::Sample(Box::new(super::engagement::sample(1, 100_000))),
        Row::Model(Box::new(super::engagement::model("windows youtube/main"))),
        Row::Artifact(artifact),
        Row::Queue(QueueControl {
            queue: JobKind::Edit,
            mode: QueueMode::Draining,
            limit: 2,
            intake: 0.5,
            reason: "r".into(),
            version: 1,
        }),
        Row::Cron(CronEntry {
            name: "backup".into(),
            every_seconds: 86_400,
            misfire: Misfire::RunOnce,
            next_at: at(5),
            last_at: None,
            version: 1,
        }),
        Row::Directive(directive(1)),
        Row::ApiKey(ApiKey {
            api_key_id: id(13, 1),
            name: "ci".into(),
            role: Role::Operator,
            hash: "h".into(),
            created_at: at(1),
            expires_at: None,
            revoked_at: Some(at(2)),
            last_used_at: None,
            version: 1,
        }),
        Row::Setting(Setting { name: "s".into(), value: json!([1]), updated_at: at(1), version: 1 }),
        Row::Answer(answer("k", 10)),
        Row::Audit(audit(1)),
    ]
}

pub(crate) fn answer(key: &str, expires: i64) -> IdempotentAnswer {
    IdempotentAnswer {
        key: key.into(),
        body_hash: "b".into(),
        status: 201,
        answer: json!({"id": 1}),
        created_at: at(1),
        expires_at: at(expires),
    }
}

pub(crate) fn audit(n: u128) -> AuditRow {
    AuditRow {
        request_id: id(14, n),
        actor: "loopback".into(),
        role: Role::Admin,
        method: "POST".into(),
        path: "/v1/projects".into(),
        status: 201,
        packet_id: Some(id(20, 1)),
        at: at(n as i64),
    }
}

/// The row as the store has it now.
pub(crate) async fn stored(store: &Store, row: &Row) -> Option<Row> {
    let r = &store.opened.reader;
    macro_rules! got {
        ($found:expr, $into:expr) => {
            $found.await.expect("is answered").map($into)
        };
    }
    match row {
        Row::Project(x) => got!(r.project(x.project_id), Row::Project),
        Row::Creator(x) => got!(r.creator(x.creator_id), Row::Creator),
        Row::Post(x) => got!(r.post(x.post_id), Row::Post),
        Row::Video(x) => got!(r.video(x.video_id), Row::Video),
        Row::Analysis(x) => got!(r.analysis(x.analysis_id), Row::Analysis),
        Row::Clip(x) => got!(r.clip(x.clip_id), |c| Row::Clip(Box::new(c))),
        Row::EditJob(x) => got!(r.edit_job(x.edit_job_id), Row::EditJob),
        Row::UploadJob(x) => got!(r.upload_job(x.upload_job_id), |u| Row::UploadJob(Box::new(u))),
        Row::Schedule(x) => got!(r.schedule(x.schedule_id), Row::Schedule),
        Row::Sample(x) => {
            let found = r.samples_by_id(&[x.sample_id]).await.expect("is answered");
            found.into_iter().next().map(|s| Row::Sample(Box::new(s)))
        }
        Row::Model(x) => got!(r.model(&x.name), |m| Row::Model(Box::new(m))),
        Row::Artifact(x) => got!(r.artifact(x.artifact_id), Row::Artifact),
        Row::Job(x) => got!(r.job(x.id), |j| Row::Job(Box::new(j))),
        Row::Directive(x) => got!(r.directive(x.directive_id), Row::Directive),
        Row::ApiKey(x) => got!(r.api_key_by_hash(&x.hash), Row::ApiKey),
        Row::Setting(x) => got!(r.setting(&x.name), Row::Setting),
        Row::Answer(x) => got!(r.answer(&x.key), Row::Answer),
        Row::Queue(x) => {
            r.queues().await.expect("is answered").into_iter().find(|q| q.queue == x.queue).map(Row::Queue)
        }
        Row::Cron(x) => r.cron().await.expect("is answered").into_iter().find(|c| c.name == x.name).map(Row::Cron),
        Row::Audit(x) => {
            let all = r.audit(super::ALL).await.expect("is answered").items;
            all.into_iter().find(|a| a.request_id == x.request_id).map(Row::Audit)
        }
        Row::Checkpoint(x) => {
            let all = r.checkpoints().await.expect("is answered");
            all.into_iter().find(|c| c.size == x.size).map(Row::Checkpoint)
        }
    }
}

pub(crate) fn set_version(row: &mut Row, version: i64) {
    match row {
        Row::Project(r) => r.version = version,
        Row::Creator(r) => r.version = version,
        Row::Post(r) => r.version = version,
        Row::Video(r) => r.version = version,
        Row::Analysis(r) => r.version = version,
        Row::Clip(r) => r.version = version,
        Row::EditJob(r) => r.version = version,
        Row::UploadJob(r) => r.version = version,
        Row::Schedule(r) => r.version = version,
        Row::Sample(r) => r.version = version,
        Row::Model(r) => r.version = version,
        Row::Artifact(r) => r.version = version,
        Row::Job(r) => r.version = version,
        Row::Queue(r) => r.version = version,
        Row::Cron(r) => r.version = version,
        Row::Directive(r) => r.version = version,
        Row::ApiKey(r) => r.version = version,
        Row::Setting(r) => r.version = version,
        Row::Answer(_) | Row::Audit(_) | Row::Checkpoint(_) => {}
    }
}

pub(super) async fn every_row_reads_as_it_was_written(mut store: Store) {
    // Backwards: within a commit the order of the rows does not matter.
    store.put(one_of_each().into_iter().rev().collect()).await;
    for row in one_of_each() {
        assert_eq!(stored(&store, &row).await.as_ref(), Some(&row));
    }
    let reader = &store.opened.reader;
    assert_eq!(reader.project_by_name("Project 1").await, Ok(Some(project(1))));
    assert_eq!(reader.project_by_name("project 1").await, Ok(None));
    assert_eq!(reader.creator_by_handle(Platform::Youtube, "handle1").await, Ok(Some(creator(1, 1))));
    assert_eq!(reader.creator_by_handle(Platform::Tiktok, "handle1").await, Ok(None));
    assert_eq!(reader.post_by_platform_id(id(2, 1), "p1").await, Ok(Some(post(1, 1))));
    assert_eq!(reader.video_by_checksum(&video(1, 1, 1).checksum).await, Ok(Some(video(1, 1, 1))));
    assert_eq!(reader.active_analysis(id(4, 1)).await, Ok(Some(analysis(1, 1))));
    assert_eq!(reader.edit_jobs_of(id(6, 1)).await, Ok(vec![edit_job(1, 1, 1)]));
    assert_eq!(reader.job_by_unique_key("key 1").await, Ok(Some(full_job(1, 1))));
    let path = reader.artifact_by_path("renders/1.mp4").await.expect("is answered").map(|a| a.artifact_id);
    assert_eq!(path, Some(id(11, 1)));
    assert_eq!(reader.project(id(1, 2)).await, Ok(None));
}

pub(super) async fn every_row_can_change(mut store: Store) {
    store.put(one_of_each()).await;
    let mut changed = one_of_each();
    changed.retain(|row| !matches!(row, Row::Answer(_) | Row::Audit(_)));
    for row in &mut changed {
        set_version(row, 2);
        match row {
            Row::Project(r) => r.description = "new".into(),
            Row::Job(r) => (r.fault, r.state) = (None, JobState::Running),
            Row::Clip(r) => r.status = ClipStatus::Editing,
            Row::Analysis(r) => r.active = false,
            Row::Directive(r) => r.state = DirectiveState::Dispatched,
            Row::Schedule(r) => r.final_scheduled_time = None,
            Row::Sample(r) => (r.sample.views, r.sample.likes) = (12, None),
            Row::Model(r) => r.alarm = json!({ "more": true }),
            _ => {}
        }
    }
    store.put(changed.clone()).await;
    for row in &changed {
        assert_eq!(stored(&store, row).await.as_ref(), Some(row));
    }
    assert_eq!(store.opened.reader.active_analysis(id(4, 1)).await, Ok(None));
}

pub(super) async fn what_a_job_was_made_with_stays(mut store: Store) {
    store.put(vec![Row::Project(project(1)), Row::Job(Box::new(full_job(1, 1)))]).await;
    let mut other = job(1);
    (other.kind, other.version, other.step) = (JobKind::Edit, 2, "CUT".into());
    store.commit(of(vec![Row::Job(Box::new(other))])).await.expect("is written");
    let now = store.opened.reader.job(id(7, 1)).await.expect("is answered").expect("is there");
    let made = full_job(1, 1);
    assert_eq!((now.kind, now.project_id, now.subject), (made.kind, made.project_id, made.subject));
    assert_eq!((now.step.as_str(), now.fence), ("CUT", 0));
}
