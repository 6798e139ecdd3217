//! Each step of the way of a clip, from the end of a job or a ruling to the rows.

use omniva_contracts::ports::{Ids, Seeded};
use omniva_contracts::qc::{QcCheck, QcReport};
use omniva_contracts::record::Draft;
use serde_json::{Value, json};

use super::payload::*;
use super::*;
use crate::council::fixtures::*;
use crate::council::{Brief, JobDigest};
use crate::jobs::invariants::ledger_before_state;
use crate::jobs::{NewJob, new_job};

fn ids() -> Seeded {
    Seeded::new(b"flow")
}

fn job(kind: JobKind, payload: Value) -> Job {
    let new = NewJob { project_id: Some(ProjectId(id(1))), ..NewJob::now(kind, payload, TraceId(id(9)), now()) };
    new_job(new, now(), &config(), &mut ids(), "zenith").0
}

fn taken_in(job: &Job, result: Value, rows: &[Row]) -> Absorbed {
    let absorbed = absorb(job, &result, rows, now(), &config(), &mut ids()).expect("absorbed");
    assert_eq!(ledger_before_state(&absorbed.clone().into_commit().0, |_| false), Ok(()));
    let parents = absorbed.packets.iter().all(|p| !p.meta_parents.is_empty() && p.trace_id.0 != uuid::Uuid::nil());
    assert!(parents, "every packet has a parent and a trace");
    absorbed
}

fn ruled(brief: &Brief, decision: Decision) -> Enacted {
    let ruling = Ruling {
        question: brief.question,
        subject: brief.subject.clone(),
        decision,
        by: Precedence::Council,
        why: "because".into(),
        coherence: 1.0,
        advisories: vec![],
        missing: vec![],
        rollback: "none".into(),
    };
    let enacted = enact(&ruling, brief, now(), &config(), &mut ids()).expect("enacted");
    assert_eq!(enacted.packets[0].kind, "deliberation.ruled");
    assert_eq!(enacted.packets[0].decision_chain.as_ref().expect("chain")["why"], "because");
    assert_eq!(ledger_before_state(&enacted.clone().into_commit(), |_| false), Ok(()));
    let rest = enacted.packets.iter().skip(1).filter(|p| p.kind != "job.retry_asked");
    assert!(
        rest.clone().all(|p| p.meta_parents.contains(&enacted.packets[0].stardust_id)),
        "all follows from the ruling"
    );
    enacted
}

fn approve() -> Decision {
    Decision::Approve { priority: 640 }
}

#[test]
fn found_items_become_scrapes_with_a_trace_each_and_open_ones_are_left() {
    let job = job(JobKind::Discover, json!({ "creator_id": id(2) }));
    let item = |n: u32| FoundItem {
        platform_post_id: format!("{n}"),
        url: format!("file:///{n}"),
        title: "t".into(),
        bytes: None,
        posted_at: None,
        details: omniva_contracts::engine::PostDetails::default(),
    };
    let result = json!(DiscoverResult { creator_id: CreatorId(id(2)), items: vec![item(1), item(2)], skipped: vec![] });
    let done = Job { result: Some(result.clone()), ..job };
    let wanted = wanted(&done);
    assert_eq!((wanted.entities.len(), wanted.open_keys.len()), (1, 2));
    let absorbed = taken_in(&done, result.clone(), &[Row::Creator(creator())]);
    assert_eq!(absorbed.jobs.len(), 2);
    assert_ne!(absorbed.jobs[0].trace_id, absorbed.jobs[1].trace_id);
    assert!(matches!(&absorbed.rows[0], Row::Creator(c) if c.version == 4 && c.last_scraped_at == Some(now())));
    let open = Row::Job(Box::new(absorbed.jobs[0].clone()));
    assert_eq!(taken_in(&done, result, &[Row::Creator(creator()), open]).jobs.len(), 1);
}

#[test]
fn a_scrape_leaves_two_packets_and_asks_unless_it_is_a_duplicate() {
    let job = job(JobKind::Scrape, json!({}));
    let post = Post {
        post_id: PostId(id(3)),
        creator_id: CreatorId(id(2)),
        platform_post_id: "1".into(),
        url: "file:///1".into(),
        posted_at: None,
        downloaded_at: None,
        raw_metadata: json!({}),
        version: 1,
    };
    let mut result = ScrapeResult { post, video: Some(video()), duplicate_of: None, artifacts: vec![] };
    let absorbed = taken_in(&job, json!(result), &[]);
    let kinds: Vec<&str> = absorbed.packets.iter().map(|p| p.kind.as_str()).collect();
    assert_eq!(kinds, ["post.captured", "video.normalised"]);
    assert_eq!(absorbed.packets[1].meta_parents, [absorbed.packets[0].stardust_id]);
    assert_eq!(absorbed.questions, [(Question::Ingest, EntityRef::new(EntityType::Video, id(4)))]);
    (result.video, result.duplicate_of) = (None, Some(VideoId(id(5))));
    let absorbed = taken_in(&job, json!(result), &[]);
    assert_eq!((absorbed.questions.len(), absorbed.packets[1].kind.as_str()), (0, "video.duplicate"));
}

#[test]
fn an_analysis_replaces_the_active_one_and_asks_for_each_chosen_clip() {
    let job = job(JobKind::Analyze, json!(AnalyzePayload { video_id: VideoId(id(4)) }));
    let analysis = |n| AnalysisRow {
        analysis_id: AnalysisId(id(n)),
        video_id: VideoId(id(4)),
        transcript: String::new(),
        keywords: vec![],
        virality_score: 0.5,
        relevance_score: 0.5,
        raw_ai_output: json!({}),
        active: true,
        created_at: now(),
        version: 1,
    };
    let fresh = |n, status| Clip { version: 1, ..clip(n, status) };
    let clips = vec![fresh(0, ClipStatus::ReadyForEdit), fresh(1, ClipStatus::Rejected)];
    let result = json!(AnalyzeResult { analysis: analysis(7), clips, artifacts: vec![] });
    let mut absorbed = taken_in(&job, result, &[Row::Video(video()), Row::Analysis(analysis(6))]);
    assert!(matches!(&absorbed.rows[0], Row::Analysis(a) if !a.active && a.version == 2));
    assert_eq!(absorbed.questions, [(Question::Select, EntityRef::new(EntityType::Clip, id(100)))]);
    for row in &absorbed.rows {
        if let Row::Clip(clip) = row {
            let packet = absorbed.packets.iter().find(|p| p.entity.entity_id == clip.clip_id.0).expect("a packet");
            assert_eq!(clip.metadata["stardust_id"], json!(packet.stardust_id));
        }
    }
    let mut kept = job;
    absorbed.settle(&mut kept);
    let summary = AnalyzeSummary {
        analysis_id: AnalysisId(id(7)),
        candidates: 2,
        chosen: vec![ClipId(id(100))],
        artifacts: vec![],
    };
    assert_eq!(kept.result, Some(json!(summary)), "the rows hold the rest");
}

fn edit_rows() -> (Job, Vec<Row>) {
    let job = job(JobKind::Edit, json!(EditPayload { clip_id: ClipId(id(100)), edit_job_id: EditJobId(id(10)) }));
    let order = EditJobRow {
        edit_job_id: EditJobId(id(10)),
        clip_id: ClipId(id(100)),
        job_id: job.id,
        operations: json!([]),
        ffmpeg_commands: vec![],
        gpu_required: false,
        estimated_duration_seconds: None,
        status: WorkStatus::Running,
        created_at: now(),
        version: 2,
    };
    (job, vec![Row::Clip(Box::new(clip(0, ClipStatus::Editing))), Row::EditJob(order)])
}

#[test]
fn a_render_that_passes_asks_to_be_published_and_one_that_fails_does_not() {
    let (job, rows) = edit_rows();
    let result = |passed| {
        let check = QcCheck { name: "loudness".into(), passed, measured: "-9".into(), limit: "-14".into() };
        json!(EditResult {
            clip_id: ClipId(id(100)),
            artifacts: vec![],
            qc: QcReport { checks: vec![check], ..QcReport::default() },
            draft: Draft { title: "Final".into(), ..Draft::default() },
            drafting: None,
            renderings: Vec::new(),
            encoder: "x264".into(),
            wall_seconds: 1.0,
            cpu_seconds: 1.0,
        })
    };
    let good = taken_in(&job, result(true), &rows);
    assert!(
        matches!(&good.rows[0], Row::Clip(c) if c.status == ClipStatus::Ready && c.metadata["title"] == "Final" && c.version == 3)
    );
    assert!(matches!(&good.rows[1], Row::EditJob(e) if e.status == WorkStatus::Done && e.version == 3));
    assert_eq!(good.questions.len(), 1);
    let bad = taken_in(&job, result(false), &rows);
    assert!(matches!(&bad.rows[0], Row::Clip(c) if c.status == ClipStatus::Failed));
    assert_eq!((bad.questions.len(), bad.packets[0].kind.as_str()), (0, "clip.refused"));
    let fault = absorb(&job, &json!({ "nonsense": 1 }), &rows, now(), &config(), &mut ids()).expect_err("refused");
    assert_eq!(fault.code, omniva_contracts::fault::Code::Internal);
    assert!(absorb(&job, &result(true), &[], now(), &config(), &mut ids()).is_err());
}

#[test]
fn a_clip_is_published_once() {
    let payload = UploadPayload { clip_id: ClipId(id(100)), upload_job_id: UploadJobId(id(20)), schedule_id: None };
    let job = job(JobKind::Upload, json!(payload));
    let result = json!(UploadResult {
        upload_job_id: UploadJobId(id(20)),
        status: WorkStatus::Done,
        response: json!({ "path": "x" }),
        spending: None
    });
    let mut upload = upload_row(WorkStatus::Running);
    let rows = |upload: &UploadJobRow| {
        vec![
            Row::Clip(Box::new(clip(0, ClipStatus::Uploading))),
            Row::UploadJob(Box::new(upload.clone())),
            Row::Schedule(slot(None)),
        ]
    };
    let absorbed = taken_in(&job, result.clone(), &rows(&upload));
    assert!(absorbed.rows.iter().any(|r| matches!(r, Row::Clip(c) if c.status == ClipStatus::Published)));
    assert!(absorbed.rows.iter().any(|r| matches!(r, Row::Schedule(s) if s.status == ScheduleStatus::Done)));
    let lost = omniva_contracts::fault::Fault::new(omniva_contracts::fault::Code::Unconfirmed, "m", "n");
    let unknown = Job { state: JobState::Error, fault: Some(lost), ..job.clone() };
    let mirrored = mirror(&unknown, &rows(&upload), now(), &config(), &mut ids());
    let unconfirmed = |r: &Row| matches!(r, Row::UploadJob(u) if u.status == WorkStatus::Unconfirmed);
    assert!(mirrored.rows.iter().any(unconfirmed), "never a failure that may be repeated");
    upload.status = WorkStatus::Done;
    assert!(absorb(&job, &result, &rows(&upload), now(), &config(), &mut ids()).is_err());
}

#[test]
fn rows_follow_a_job_that_fails_and_eclipse_is_asked() {
    let (job, rows) = edit_rows();
    let fault = omniva_contracts::fault::Fault::cancelled();
    let failed = Job { state: JobState::Error, fault: Some(fault), ..job.clone() };
    let mirrored = mirror(&failed, &rows, now(), &config(), &mut ids());
    assert!(mirrored.rows.iter().any(|r| matches!(r, Row::Clip(c) if c.status == ClipStatus::Failed)));
    assert_eq!(mirrored.questions, [(Question::Recover, EntityRef::new(EntityType::Job, failed.id))]);
    let running = Job { state: JobState::Running, ..job.clone() };
    assert_eq!(
        mirror(&running, &rows, now(), &config(), &mut ids()),
        Absorbed::default(),
        "nothing that shows already is written"
    );
    let cancelled = Job { state: JobState::Cancelled, ..job };
    let mirrored = mirror(&cancelled, &rows, now(), &config(), &mut ids());
    assert!(mirrored.rows.iter().any(|r| matches!(r, Row::Clip(c) if c.status == ClipStatus::ReadyForEdit)));
}

#[test]
fn approvals_start_the_next_job_with_its_key_and_priority() {
    let ingest = ruled(&brief(Question::Ingest), approve());
    assert_eq!((ingest.jobs[0].kind, ingest.jobs[0].priority), (JobKind::Analyze, 640));
    assert_eq!(ingest.jobs[0].unique_key, Some(key::analyze(VideoId(id(4)))));
    let select = ruled(&brief(Question::Select), approve());
    assert_eq!(select.jobs[0].unique_key, Some(key::edit(ClipId(id(100)))));
    assert!(select.rows.iter().any(|r| matches!(r, Row::Clip(c) if c.status == ClipStatus::Editing && c.version == 3)));
    assert!(select.rows.iter().any(|r| matches!(r, Row::EditJob(e) if e.job_id == select.jobs[0].id)));
    let upload = ruled(&brief(Question::Upload), approve());
    assert_eq!(upload.jobs[0].kind, JobKind::Schedule);
    let slot = ruled(&brief(Question::Schedule), approve());
    assert_eq!((slot.jobs[0].kind, slot.jobs[0].run_after), (JobKind::Upload, now()));
    assert!(slot.rows.iter().any(|r| matches!(r, Row::Schedule(s) if s.final_scheduled_time == Some(now()))));
}

#[test]
fn an_open_job_with_the_same_key_is_not_doubled() {
    let mut brief = brief(Question::Select);
    let first = ruled(&brief, approve());
    brief.open_jobs = vec![JobDigest::of(&first.jobs[0])];
    let second = ruled(&brief, approve());
    assert_eq!((second.jobs.len(), second.rows.len()), (0, 0));
}

#[test]
fn refusals_keep_their_reason_and_a_full_day_looks_for_another_slot() {
    let no = |code: &str| Decision::Reject { code: code.into() };
    let select = ruled(&brief(Question::Select), no("outvoted"));
    let Row::Clip(clip) = &select.rows[0] else { panic!("a clip") };
    assert_eq!((clip.status, &clip.metadata["rejected_code"]), (ClipStatus::Rejected, &json!("outvoted")));
    let full = ruled(&brief(Question::Schedule), no("quota_reached"));
    assert_eq!((full.jobs[0].kind, full.rows.len()), (JobKind::Schedule, 1));
    assert!(
        matches!(&full.rows[0], Row::Schedule(s) if s.recommended_time.is_none() && s.status == ScheduleStatus::Pending)
    );
    let off = ruled(&brief(Question::Schedule), no("operator"));
    assert!(matches!(&off.rows[0], Row::Schedule(s) if s.status == ScheduleStatus::Cancelled));
    let until = Moment(now().0 + 5);
    assert_eq!(ruled(&brief(Question::Upload), Decision::Defer { until }).ask_again, Some(until));
}

#[test]
fn a_recovery_gives_a_new_round_after_its_pause_and_issues_the_measures() {
    let mut brief = brief(Question::Recover);
    let config = config();
    let fault = omniva_contracts::fault::Fault::new(omniva_contracts::fault::Code::EncoderFailed, "m", "n");
    brief.job = Some(Job { fault: Some(fault), ..crate::jobs::table::specimen(JobState::Error, now(), &config) });
    let order = Order::SoftRebuild { actor: "editor".into() };
    let eclipse = Advisory {
        module: Module::Eclipse,
        question: Question::Recover,
        subject: brief.subject.clone(),
        stance: Stance::Support,
        score: 0.7,
        confidence: 1.0,
        evidence: vec![],
        rationale: "r".into(),
        detail: json!({ "delay_seconds": 60.0, "measures": [(order.clone(), "why")] }),
    };
    let ruling = Ruling {
        question: Question::Recover,
        subject: brief.subject.clone(),
        decision: approve(),
        by: Precedence::Council,
        why: "w".into(),
        coherence: 1.0,
        advisories: vec![eclipse],
        missing: vec![],
        rollback: "r".into(),
    };
    let enacted =
        enact(&ruling, &brief, now(), &config, &mut Seeded::new(&ids().next().into_bytes())).expect("enacted");
    assert_eq!((enacted.directives[0].order.clone(), enacted.directives[0].state), (order, DirectiveState::Pending));
    assert!(!enacted.directives[0].evidence.is_empty() && !enacted.directives[0].rollback.is_empty());
    let Some(Row::Job(job)) = enacted.rows.first() else { panic!("the job") };
    assert_eq!((job.state, job.run_after), (JobState::Pending, Moment(now().0 + 60_000_000)));
}
