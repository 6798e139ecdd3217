//! What posts achieved comes back, is learnt from, and moves the calendar: figures from a file for one channel, and from an
//! account for another, whose fault stops nobody.

use std::sync::Arc;
use std::time::Duration;

use omniva_actors::office::{Command, Office};
use omniva_actors::work::Work;
use omniva_actors::workers::{self, FiguresOf};
use omniva_cognition::learning::{channel_model, persona_model};
use omniva_cognition::zone::Zone;
use omniva_contracts::config::{Config, EngineConfig};
use omniva_contracts::engine::*;
use omniva_contracts::wire::PrivacyStatus;
use omniva_contracts::{Code, Fault, Monitor};
use omniva_platforms::{Insights, PostRef, Pulled};
use omniva_store::{PacketFilter, Reader, SampleFilter, ScheduleFilter, open_sqlite};
use serde_json::json;
use uuid::Uuid;

use crate::house::*;

const BERLIN: &str = "youtube/berlin";
const OTHER: &str = "tiktok/other";
const ZONE: &str = "Europe/Berlin";
const POSTS: i64 = 63;
const HOUR: Duration = Duration::from_secs(3_600);
/// Hours in which the channel has posted, and what it got there.
const HOURS: [(u32, u64); 3] = [(8, 500), (14, 900), (20, 12_000)];

fn id(n: u128) -> Uuid {
    Uuid::from_u128((8 << 64) | n)
}

/// Nothing is left to dice, and one step goes the whole way.
fn engine() -> EngineConfig {
    let mut config = config();
    config.schedule.lead_minutes = 60;
    config.learning.windows.explore = 0.0;
    config.learning.windows.max_step = 1.0;
    config
}

/// An account that has one post's figures, then no more to give.
struct Tired;

impl Insights for Tired {
    fn channel(&self) -> String {
        OTHER.into()
    }
    fn read(&self, posts: &[PostRef], pulled: &mut Pulled, _: &dyn Monitor) -> Result<(), Fault> {
        pulled.samples.extend(posts.first().map(|post| EngagementSample {
            schedule_id: post.schedule_id,
            channel: OTHER.into(),
            post_id: post.post_id.clone(),
            published_at: post.published_at,
            measured_at: now(),
            source: EngagementSource::Tiktok,
            views: 77,
            engaged_views: None,
            likes: None,
            comments: None,
            shares: None,
            watch_seconds: None,
            average_view_percentage: None,
        }));
        Err(Fault::new(Code::PlatformLimited, "enough for today", "wait"))
    }
}

fn works(config: &EngineConfig) -> Vec<Arc<dyn Work>> {
    let personas = Config::load(None).expect("shipped").personas;
    let figures: FiguresOf =
        Arc::new(|target| (target.to_string() == OTHER).then(|| Box::new(Tired) as Box<dyn Insights>));
    vec![workers::scheduler(config.clone()), workers::measurer(config.clone(), personas, figures)]
}

fn project(old: Moment) -> Vec<Row> {
    let (project_id, creator_id) = (ProjectId(id(1)), CreatorId(id(2)));
    let post_id = post_id(creator_id, "talk");
    let channel = |name: &str| ChannelSettings { time_zone: ZONE.into(), ..ChannelSettings::new(name) };
    let settings = ProjectSettings { channels: vec![channel(BERLIN), channel(OTHER)], ..Default::default() };
    vec![
        Row::Project(Project {
            project_id,
            name: "talks".into(),
            description: String::new(),
            status: ProjectStatus::Running,
            settings,
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
            video_id: VideoId(id(4)),
            post_id,
            project_id,
            file_path: "raw/talk.mp4".into(),
            title: "A talk".into(),
            duration_seconds: Some(9_000.0),
            resolution: None,
            bytes: 1000,
            checksum: "cd".repeat(32),
            trace_id: TraceId(id(3)),
            created_at: old,
            version: 1,
        }),
    ]
}

fn clip(n: u128, status: ClipStatus, old: Moment) -> Clip {
    let start = n as f64 * 100.0;
    // The strategist likes what does well.
    let liked = if n % 3 == 2 { 0.9 } else { 0.5 } - 0.01 * (n % 5) as f64;
    Clip {
        clip_id: ClipId(id(100 + n)),
        video_id: VideoId(id(4)),
        project_id: ProjectId(id(1)),
        start_time: start,
        end_time: start + 30.0,
        confidence: 0.8,
        semantic_tags: vec![format!("subject{n}")],
        pantheon_votes: [("strategist".to_owned(), liked), ("quality".to_owned(), 0.8)].into(),
        lattice_priority: 0.8,
        status,
        metadata: json!({ "title": format!("What subject {n} is about"), "description": "A talk", "keywords": ["talk"] }),
        trace_id: TraceId(id(3)),
        created_at: old,
        updated_at: old,
        version: 1,
    }
}

/// What went out as number `n` on the channel, at `at`.
fn publication(n: u128, channel: &str, at: Moment) -> Vec<Row> {
    let clip = clip(n, ClipStatus::Published, at);
    let upload_job_id = UploadJobId(id(2_000 + n));
    let upload = UploadJobRow {
        upload_job_id,
        clip_id: clip.clip_id,
        project_id: clip.project_id,
        job_id: None,
        target: channel.into(),
        title: "T".into(),
        description: String::new(),
        keywords: vec![],
        scheduled_time: Some(at),
        privacy_status: PrivacyStatus::Private,
        yt_video_id: None,
        response: json!({ "place": channel, "post": { "account": channel, "id": format!("v{n}") } }),
        status: WorkStatus::Live,
        created_at: at,
        version: 1,
    };
    let schedule = Schedule {
        schedule_id: ScheduleId(id(4_000 + n)),
        clip_id: clip.clip_id,
        project_id: clip.project_id,
        upload_job_id: Some(upload_job_id),
        target: channel.into(),
        recommended_time: Some(at),
        final_scheduled_time: Some(at),
        horizon_adjustments: json!({}),
        status: ScheduleStatus::Done,
        locked: false,
        created_at: at,
        version: 1,
    };
    vec![Row::Clip(Box::new(clip)), Row::UploadJob(Box::new(upload)), Row::Schedule(schedule)]
}

/// One post a day, at the three hours by turns; its figures after three days, as a file.
fn history() -> (Vec<Row>, String) {
    let zone = Zone::named(ZONE).expect("known");
    let today = zone.local(now()).day;
    let mut rows = project(now().before(HOUR * 24 * 100));
    let mut csv = "post_id,measured_at,views\n".to_owned();
    for n in 0..POSTS {
        let (hour, views) = HOURS[n as usize % 3];
        let at = zone.day_start(today - 5 - POSTS + n).after(HOUR * hour);
        rows.extend(publication(n as u128, BERLIN, at));
        csv.push_str(&format!("v{n},{},{}\n", at.after(HOUR * 72), views + n as u64 % 7));
    }
    csv.push_str("of-somebody-else,2026-01-01T00:00:00Z,5\n");
    rows.extend(publication(900, OTHER, now().before(HOUR * 24 * 2)));
    rows.extend(publication(901, OTHER, now().before(HOUR * 24 * 3)));
    (rows, csv)
}

async fn start(file: &std::path::Path, rows: Vec<Row>) -> House {
    let mut store = open_sqlite(file, id(9)).await.expect("opens");
    let sealed = store.mandate.seal(Commit { rows, ..Commit::default() });
    store.writer.write(&[sealed]).await.expect("written").remove(0).expect("fits");
    let config = engine();
    house_on(store, Arc::default(), works(&config), config.clone()).await
}

async fn packets(reader: &dyn Reader, kind: &str) -> Vec<Packet> {
    let filter = PacketFilter { kind: Some(kind.into()), ..Default::default() };
    reader.packets(&filter, 100).await.expect("reads")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imported_figures_are_learnt_and_the_next_clip_goes_out_at_the_learnt_hour() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("omniva.db");
    let (rows, csv) = history();
    let house = start(&file, rows).await;
    imported(&house, &csv).await;
    measured(&house).await;
    house.stop().await;
    drop(house);
    let waiting = Row::Clip(Box::new(clip(999, ClipStatus::Ready, now().before(HOUR))));
    let house = start(&file, vec![waiting]).await;
    let slot = house
        .until("a slot for the new clip", |reader| async move {
            let filter = ScheduleFilter {
                target: Some(BERLIN.into()),
                statuses: vec![ScheduleStatus::Confirmed],
                ..Default::default()
            };
            reader.schedules(&filter, ALL).await.expect("reads").items.pop()
        })
        .await;
    let zone = Zone::named(ZONE).expect("known");
    let at = slot.final_scheduled_time.expect("a time");
    assert_eq!(zone.local(at).minute / 60, 20, "{}", zone.text(at));
    let why = slot.horizon_adjustments["words"].as_str().expect("words");
    assert!(why.contains(&format!("learnt from {POSTS} posts, version 1")), "{why}");
    assert!(why.contains(" views (") && why.contains("after 72 h"), "{why}");
    let learnt = &slot.horizon_adjustments["learnt"];
    assert!(learnt["forecast"]["expected"].as_f64().expect("a forecast") > 3_000.0, "{learnt}");
    // The council heard the persona that was right more than it is configured to.
    let rulings = packets(house.reader.as_ref(), "deliberation.ruled").await;
    let told = rulings.iter().any(|p| {
        p.draft.decision_chain.as_ref().is_some_and(|chain| chain.to_string().contains("\"personas_version\":1"))
    });
    assert!(told, "the ruling names the version of the weights");
    house.stop().await;
}

async fn imported(house: &House, csv: &str) {
    let import = |csv: &str| Command::ImportEngagement { channel: BERLIN.into(), project: None, csv: csv.into() };
    let granted = house.ask(import(csv)).await;
    assert_eq!((&granted.data["samples"], &granted.data["strangers"]), (&json!(POSTS), &json!(1)));
    house.until_count(JobKind::Measure, JobState::Done, 1).await;
    let reader = house.reader.as_ref();
    let row = reader.model(&ModelRow::windows(BERLIN)).await.expect("reads").expect("learnt");
    let model = channel_model(&row).expect("reads");
    assert!(model.windows.on && model.windows.version == 1, "{:?}", row.steps[0].why_off);
    let personas = reader.model(ModelRow::PERSONAS).await.expect("reads").expect("learnt");
    let personas = persona_model(&personas).expect("reads");
    assert!(personas.version == 1 && personas.factors.contains_key("strategist"), "{personas:?}");
    let steps = packets(reader, "learning.step").await;
    let step: LearningStep = serde_json::from_value(steps[0].draft.body.clone()).expect("a step");
    assert_eq!((step.lesson, step.channel.as_str(), step.learnt_from.posts), (Lesson::Windows, BERLIN, POSTS as u64));
    assert_eq!((step.posts.len() as i64, steps[0].draft.entity.clone()), (POSTS, ModelRow::entity(&row.name)));
    assert_eq!(steps[1].draft.body["lesson"], json!("personas"));
    // The same file once more changes nothing, and nobody learns it twice; a file with a fault is refused whole.
    let again = house.ask(import(csv)).await;
    assert_eq!((&again.data["changed"], &again.data["job_id"]), (&json!(0), &json!(null)));
    let broken = house.engine.ask(asked(import(&format!("{csv}v0,yesterday,1\n")))).await.expect_err("refused");
    assert!(broken.status == 400 && broken.message.contains("measured_at"), "{broken:?}");
    let count = reader.samples(&SampleFilter::default(), ALL).await.expect("reads").total;
    assert_eq!(count, POSTS as u64);
}

/// The account that gives up is told of; what it gave is kept, and the other channel stays as it was.
async fn measured(house: &House) {
    let ran = house.count(JobKind::Measure, JobState::Done).await;
    house.ask(Command::PullEngagement).await;
    house.until_count(JobKind::Measure, JobState::Done, ran + 1).await;
    let reader = house.reader.as_ref();
    let told = packets(reader, "engagement.measured").await;
    let of_other: Vec<_> = told.iter().filter(|p| p.draft.body["channel"] == json!(OTHER)).collect();
    assert_eq!(of_other.len(), 1);
    let body = &of_other[0].draft.body;
    assert_eq!((&body["asked"], &body["samples"], &body["code"]), (&json!(2), &json!(1), &json!("platform_limited")));
    let filter = SampleFilter { channel: Some(OTHER.into()), ..Default::default() };
    assert_eq!(reader.samples(&filter, ALL).await.expect("reads").items[0].sample.views, 77);
    let row = reader.model(&ModelRow::windows(OTHER)).await.expect("reads").expect("looked at");
    assert!(!row.steps[0].on && !row.steps[0].why_off.is_empty(), "{:?}", row.steps[0]);
    let berlin = reader.model(&ModelRow::windows(BERLIN)).await.expect("reads").expect("learnt");
    assert_eq!(berlin.version, 1, "nothing new, no step");
}
