//! The way of a clip, from an inbox to the output folder, with scripted workers and the real council.

use std::sync::Arc;

use omniva_actors::office::Command;
use omniva_actors::work::{Work, WorkContext};
use omniva_cognition::flow::payload::{EditPayload, SchedulePayload, UploadPayload};
use omniva_contracts::engine::*;
use omniva_contracts::ports::{Ids, Seeded};
use omniva_contracts::qc::QcReport;
use omniva_contracts::record::Draft;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::house::*;

pub fn done(result: impl Serialize) -> Outcome {
    Outcome::Done { result: json!(result) }
}

pub fn payload<T: DeserializeOwned>(job: &Job) -> T {
    serde_json::from_value(job.payload.clone()).expect("the payload of this kind")
}

pub fn id(seed: &str) -> uuid::Uuid {
    Seeded::new(seed.as_bytes()).next()
}

fn discover() -> Arc<dyn Work> {
    work(JobKind::Discover, |job, _| async move {
        let DiscoverPayload { creator_id, .. } = payload(&job);
        done(DiscoverResult {
            creator_id: creator_id.expect("named"),
            items: vec![FoundItem {
                platform_post_id: "talk".into(),
                url: "file:///inbox/talk.mp4".into(),
                title: "A talk".into(),
                bytes: Some(1000),
                posted_at: None,
                details: PostDetails::default(),
            }],
            skipped: Vec::new(),
        })
    })
}

fn scrape() -> Arc<dyn Work> {
    work(JobKind::Scrape, |job, _| async move {
        let ScrapePayload { creator_id, item } = payload(&job);
        let post_id = post_id(creator_id, &item.platform_post_id);
        done(ScrapeResult {
            post: Post {
                post_id,
                creator_id,
                platform_post_id: item.platform_post_id,
                url: item.url,
                posted_at: None,
                downloaded_at: Some(now()),
                raw_metadata: json!({}),
                version: 1,
            },
            video: Some(Video {
                video_id: VideoId(id("video")),
                post_id,
                project_id: job.project_id.expect("has one"),
                file_path: "raw/talk.mp4".into(),
                title: item.title,
                duration_seconds: Some(240.0),
                resolution: Some("1920x1080".into()),
                bytes: 1000,
                checksum: "ab".repeat(32),
                trace_id: job.trace_id,
                created_at: now(),
                version: 1,
            }),
            duplicate_of: None,
            artifacts: Vec::new(),
        })
    })
}

fn clip(job: &Job, video_id: VideoId, number: u32, chosen: bool) -> Clip {
    let start = f64::from(number) * 60.0;
    let detail = ClipDetail {
        candidate: format!("c{number:03}"),
        rank: chosen.then_some(number),
        title: format!("What clip {number} is about"),
        reason: if chosen { "it stands alone".into() } else { "it repeats another".into() },
        rejected_code: (!chosen).then(|| "duplicate".to_owned()),
        virality: 0.8,
        relevance: 0.8,
        consensus: 0.8,
        rank_score: 0.8,
        horizon_bias: 1.0,
        ..ClipDetail::default()
    };
    Clip {
        clip_id: ClipId(id(&format!("clip {number}"))),
        video_id,
        project_id: job.project_id.expect("has one"),
        start_time: start,
        end_time: start + 30.0,
        confidence: 0.8,
        semantic_tags: vec![format!("topic {number}")],
        pantheon_votes: [("strategist".to_owned(), 0.8), ("quality".to_owned(), 0.8)].into(),
        lattice_priority: 0.8,
        status: if chosen { ClipStatus::ReadyForEdit } else { ClipStatus::Rejected },
        metadata: json!(detail),
        trace_id: job.trace_id,
        created_at: now(),
        updated_at: now(),
        version: 1,
    }
}

fn analyze() -> Arc<dyn Work> {
    work(JobKind::Analyze, |job, _| async move {
        let video_id: VideoId = serde_json::from_value(job.payload["video_id"].clone()).expect("names it");
        done(AnalyzeResult {
            analysis: AnalysisRow {
                analysis_id: AnalysisId(id("analysis")),
                video_id,
                transcript: "words".into(),
                keywords: vec!["words".into()],
                virality_score: 0.8,
                relevance_score: 0.8,
                raw_ai_output: json!({}),
                active: true,
                created_at: now(),
                version: 1,
            },
            clips: vec![clip(&job, video_id, 0, true), clip(&job, video_id, 2, false)],
            artifacts: Vec::new(),
        })
    })
}

/// The clip rendered as `renderings` say.
pub fn edit(renderings: Vec<Rendering>) -> Arc<dyn Work> {
    work(JobKind::Edit, move |job, context| {
        let renderings = renderings.clone();
        async move { edited(&job, &context, renderings) }
    })
}

fn edited(job: &Job, context: &WorkContext, renderings: Vec<Rendering>) -> Outcome {
    let EditPayload { clip_id, .. } = payload(job);
    context.checkpoint("RENDER", 0.5, json!({ "segment": 1 }));
    let draft = Draft {
        title: "What clip 0 is about".into(),
        description: "A talk".into(),
        keywords: vec!["talk".into()],
        style_deltas: Vec::new(),
    };
    let qc = QcReport { sha256: "cd".repeat(32), bytes: 500, duration: 30.0, frames: 900, ..QcReport::default() };
    let render = Artifact {
        artifact_id: ArtifactId(id("render")),
        kind: ArtifactKind::Render,
        path: "render/0.mp4".into(),
        sha256: "cd".repeat(32),
        bytes: 500,
        project_id: job.project_id,
        video_id: None,
        clip_id: Some(clip_id),
        promoted: false,
        keep_until: None,
        removed_at: None,
        created_at: now(),
        version: 1,
    };
    done(EditResult {
        clip_id,
        artifacts: vec![render],
        qc,
        draft,
        drafting: None,
        renderings,
        encoder: "test".into(),
        wall_seconds: 1.0,
        cpu_seconds: 1.0,
    })
}

fn schedule() -> Arc<dyn Work> {
    work(JobKind::Schedule, |job, _| async move {
        let SchedulePayload { schedule_id, .. } = payload(&job);
        done(ScheduleResult {
            schedule_id,
            recommended_time: Some(now()),
            reasons: json!([]),
            fault: None,
            look_again: None,
        })
    })
}

pub fn upload() -> Arc<dyn Work> {
    work(JobKind::Upload, |job, _| async move {
        let UploadPayload { upload_job_id, .. } = payload(&job);
        done(UploadResult {
            upload_job_id,
            status: WorkStatus::Done,
            response: json!({ "folder": "out" }),
            spending: None,
        })
    })
}

fn parsed<T: std::str::FromStr>(data: &Value, key: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    data[key].as_str().expect("an id").parse().expect("an id")
}

/// A running project with one creator.
async fn project(house: &House) -> ProjectId {
    project_with(house, ProjectSettings::default()).await
}

pub async fn project_with(house: &House, settings: ProjectSettings) -> ProjectId {
    let command = Command::CreateProject { name: "talks".into(), description: String::new(), settings };
    let project: ProjectId = parsed(&house.ask(command).await.data, "project_id");
    house
        .ask(Command::AddCreator {
            project,
            platform: Platform::Youtube,
            handle: "speaker".into(),
            profile_url: None,
            scrape_window_days: None,
            rights: RightsBasis::Owned,
            source: Some(SourceSpec::Inbox { folder: "/inbox".into() }),
        })
        .await;
    house.ask(Command::StartProject { project, reason: "a test".into() }).await;
    project
}

fn works() -> Vec<Arc<dyn Work>> {
    works_with(edit(Vec::new()), upload())
}

pub fn works_with(edit: Arc<dyn Work>, upload: Arc<dyn Work>) -> Vec<Arc<dyn Work>> {
    vec![discover(), scrape(), analyze(), edit, schedule(), upload]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_in_the_inbox_becomes_a_published_clip() {
    whole_way(house(works()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_in_the_inbox_becomes_a_published_clip_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = omniva_store::open_sqlite(&folder.path().join("omniva.db"), id("ledger")).await.expect("opens");
    whole_way(house_on(opened, Arc::default(), works(), config()).await).await;
}

async fn whole_way(house: House) {
    let project = project(&house).await;
    house.ask(Command::Scrape { project, creators: Vec::new(), since: None, until: None, force: false }).await;
    let clip_id = ClipId(id("clip 0"));
    house
        .until("published", |reader| async move {
            reader.clip(clip_id).await.ok()?.filter(|c| c.status == ClipStatus::Published).map(|_| ())
        })
        .await;
    let rejected = house.reader.clip(ClipId(id("clip 2"))).await.expect("reads").expect("kept");
    assert_eq!(rejected.status, ClipStatus::Rejected);
    for kind in
        [JobKind::Discover, JobKind::Scrape, JobKind::Analyze, JobKind::Edit, JobKind::Schedule, JobKind::Upload]
    {
        let job = house.only(kind).await;
        assert_eq!((job.state, job.attempt), (JobState::Done, 1), "{}", kind.as_str());
    }
    let filter = omniva_store::PacketFilter { kind: Some("deliberation.ruled".into()), ..Default::default() };
    let rulings = house.reader.packets(&filter, 100).await.expect("reads");
    let questions: Vec<&str> = rulings.iter().filter_map(|p| p.draft.body["question"].as_str()).collect();
    assert_eq!(questions, ["ingest", "select", "upload", "schedule"]);
    for ruling in &rulings {
        let chain: Ruling =
            serde_json::from_value(ruling.draft.decision_chain.clone().expect("there")).expect("a ruling");
        assert_eq!(chain.missing, Vec::new(), "everyone was heard");
        assert!(chain.advisories.len() >= 5, "{}", chain.advisories.len());
        assert!(!ruling.draft.meta_parents.is_empty(), "it names what it rests on");
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_module_is_missing_and_the_question_is_ruled_all_the_same() {
    let house = house(works()).await;
    let project = project(&house).await;
    // It fails whenever it is there, and backs off for longer each time: soon it is hardly ever there.
    for failures in 1..=8 {
        house
            .until("it failed once more", |_| async {
                house.engine.fail("halolux", "a fault of the test");
                (house.actor("halolux").await.restarts >= failures).then_some(())
            })
            .await;
    }
    house.ask(Command::Scrape { project, creators: Vec::new(), since: None, until: None, force: false }).await;
    let clip_id = ClipId(id("clip 0"));
    let published = house.until("published", |reader| async move {
        reader.clip(clip_id).await.ok()?.filter(|c| c.status == ClipStatus::Published).map(|_| ())
    });
    let storm = async {
        loop {
            house.engine.fail("halolux", "a fault of the test");
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = published => {}
        () = storm => {}
    }
    let filter = omniva_store::PacketFilter { kind: Some("deliberation.ruled".into()), ..Default::default() };
    let rulings = house.reader.packets(&filter, 100).await.expect("reads");
    assert_eq!(rulings.len(), 4);
    let missed = rulings.iter().filter(|ruling| ruling.draft.body["missing"] == json!(["halolux"])).count();
    assert!(missed > 0, "it was away all the time");
    let engine = house.actor("cognition").await;
    assert_eq!((engine.generation, engine.restarts), (1, 0), "the others did not notice");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_nobody_asks_any_more_is_found_by_the_state_of_its_subject() {
    let (mut opened, faults) = memory();
    let old = Moment(now().0 - 3_600_000_000);
    let (project_id, creator_id) = (ProjectId(id("project")), CreatorId(id("creator")));
    let post_id = post_id(creator_id, "talk");
    let rows = vec![
        Row::Project(Project {
            project_id,
            name: "talks".into(),
            description: String::new(),
            status: ProjectStatus::Running,
            settings: ProjectSettings::default(),
            created_at: old,
            updated_at: old,
            version: 1,
        }),
        Row::Creator(Creator {
            creator_id,
            project_id,
            platform: Platform::Youtube,
            username: "speaker".into(),
            profile_url: None,
            status: CreatorStatus::Active,
            scrape_window_days: 7,
            rights: RightsBasis::Owned,
            source: None,
            last_scraped_at: None,
            created_at: old,
            updated_at: old,
            version: 1,
        }),
        Row::Post(Post {
            post_id,
            creator_id,
            platform_post_id: "talk".into(),
            url: "file:///inbox/talk.mp4".into(),
            posted_at: None,
            downloaded_at: Some(old),
            raw_metadata: json!({}),
            version: 1,
        }),
        Row::Video(Video {
            video_id: VideoId(id("video")),
            post_id,
            project_id,
            file_path: "raw/talk.mp4".into(),
            title: "A talk".into(),
            duration_seconds: Some(240.0),
            resolution: None,
            bytes: 1000,
            checksum: "ab".repeat(32),
            trace_id: TraceId(id("trace")),
            created_at: old,
            version: 1,
        }),
    ];
    let sealed = opened.mandate.seal(Commit { rows, ..Commit::default() });
    opened.writer.write(&[sealed]).await.expect("written").remove(0).expect("fits");

    let house = house_on(opened, faults, works(), config()).await;
    house.until_count(JobKind::Upload, JobState::Done, 1).await;
    let trace = house.only(JobKind::Analyze).await.trace_id;
    assert_eq!(trace, TraceId(id("trace")), "the workflow goes on as the one that it was");
    house.stop().await;
}
