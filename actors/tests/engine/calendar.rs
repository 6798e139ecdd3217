//! The calendar at work: two channels in two zones, by hand, and after a time without an engine. The scheduler is the real
//! one; uploads only look whether their slot was missed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use omniva_actors::office::{Command, Office};
use omniva_actors::work::Work;
use omniva_actors::workers;
use omniva_cognition::flow::payload::UploadPayload;
use omniva_cognition::zone::Zone;
use omniva_contracts::config::{EngineConfig, QuietHours};
use omniva_contracts::engine::*;
use omniva_contracts::ports::{Clock, SystemClock};
use omniva_store::{Reader, ScheduleFilter, open_sqlite};
use serde_json::json;
use uuid::Uuid;

use crate::house::*;

const BERLIN: &str = "youtube/berlin";
const NEW_YORK: &str = "tiktok/new-york";
const QUOTA: usize = 3;
const HOUR: Duration = Duration::from_secs(3600);

/// The machine's clock, put forward.
struct Ahead(Duration);

impl Clock for Ahead {
    fn now_us(&self) -> i64 {
        Moment(SystemClock.now_us()).after(self.0).0
    }
}

fn engine() -> EngineConfig {
    let mut config = config();
    // Nothing is due while the test looks.
    config.schedule.lead_minutes = 60;
    config.council.repeat_days = 0;
    config
}

fn works(config: &EngineConfig) -> Vec<Arc<dyn Work>> {
    let own = config.clone();
    let upload = work(JobKind::Upload, move |job, context| {
        let config = own.clone();
        async move {
            let UploadPayload { upload_job_id, .. } = serde_json::from_value(job.payload.clone()).expect("an upload");
            match workers::missed_slot(&job, upload_job_id, &context, &config).await.expect("reads") {
                Some(was) => Outcome::Skip { why: format!("{was} is over") },
                None => Outcome::Done {
                    result: json!(UploadResult {
                        upload_job_id,
                        status: WorkStatus::Live,
                        response: json!({}),
                        spending: None
                    }),
                },
            }
        }
    });
    vec![workers::scheduler(config.clone()), upload]
}

fn channels(windows: PostingWindow) -> Vec<ChannelSettings> {
    let night = QuietHours { from: "23:00".into(), to: "07:00".into() };
    let berlin = ChannelSettings {
        time_zone: "Europe/Berlin".into(),
        windows: vec![windows],
        daily_quota: QUOTA as u32,
        spacing_minutes: Some(30),
        missed: MissedSlot::NextFree,
        ..ChannelSettings::new(BERLIN)
    };
    let new_york = ChannelSettings {
        time_zone: "America/New_York".into(),
        quiet_hours: Some(vec![night]),
        daily_quota: QUOTA as u32,
        spacing_minutes: Some(60),
        missed: MissedSlot::Skip,
        ..ChannelSettings::new(NEW_YORK)
    };
    vec![berlin, new_york]
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128((7 << 64) | n)
}

/// A running project with two channels, and clips that are rendered and wait for a word.
fn rows(clips: u128) -> Vec<Row> {
    let old = now().before(HOUR);
    let (project_id, creator_id, trace_id) = (ProjectId(id(1)), CreatorId(id(2)), TraceId(id(3)));
    let post_id = post_id(creator_id, "talk");
    let settings = ProjectSettings { channels: channels(PostingWindow { from: 18, to: 22 }), ..Default::default() };
    let mut rows = vec![
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
            duration_seconds: Some(2400.0),
            resolution: None,
            bytes: 1000,
            checksum: "ab".repeat(32),
            trace_id,
            created_at: old,
            version: 1,
        }),
        Row::Analysis(AnalysisRow {
            analysis_id: AnalysisId(id(5)),
            video_id: VideoId(id(4)),
            transcript: String::new(),
            keywords: vec![],
            virality_score: 0.8,
            relevance_score: 0.8,
            raw_ai_output: json!({}),
            active: true,
            created_at: old,
            version: 1,
        }),
    ];
    rows.extend((0..clips).map(|n| Row::Clip(Box::new(clip(n, project_id, trace_id, old)))));
    rows
}

fn clip(n: u128, project_id: ProjectId, trace_id: TraceId, old: Moment) -> Clip {
    let start = n as f64 * 100.0;
    Clip {
        clip_id: ClipId(id(100 + n)),
        video_id: VideoId(id(4)),
        project_id,
        start_time: start,
        end_time: start + 30.0,
        confidence: 0.8,
        semantic_tags: vec![format!("subject{n}")],
        pantheon_votes: [("strategist".to_owned(), 0.8), ("quality".to_owned(), 0.8)].into(),
        lattice_priority: 0.8,
        status: ClipStatus::Ready,
        metadata: json!({ "title": format!("What subject {n} is about"), "description": "A talk", "keywords": ["talk"] }),
        trace_id,
        created_at: old,
        updated_at: old,
        version: 1,
    }
}

async fn slots(reader: &dyn Reader, target: &str) -> Vec<Schedule> {
    let filter = ScheduleFilter { target: Some(target.into()), ..Default::default() };
    reader.schedules(&filter, ALL).await.expect("reads").items
}

async fn confirmed(reader: &dyn Reader, target: &str, wanted: usize) -> Option<Vec<Schedule>> {
    let all = slots(reader, target).await;
    let done = all.len() == wanted && all.iter().all(|s| s.status == ScheduleStatus::Confirmed);
    done.then_some(all)
}

/// Local days with the number of slots on each; every rule of the channel is looked at.
fn days(all: &[Schedule], zone: &str, spacing: i64, hours: std::ops::Range<u32>) -> BTreeMap<i64, usize> {
    let zone = Zone::named(zone).expect("known");
    let times: Vec<Moment> = all.iter().map(|s| s.final_scheduled_time.expect("has a time")).collect();
    assert!(times.windows(2).all(|pair| pair[1].0 - pair[0].0 >= spacing * 60_000_000), "{times:?}");
    let mut days: BTreeMap<i64, usize> = BTreeMap::new();
    for time in times {
        let local = zone.local(time);
        assert!(hours.contains(&(local.minute / 60)), "{}", zone.text(time));
        *days.entry(local.day).or_default() += 1;
    }
    assert!(days.values().all(|n| *n <= QUOTA), "{days:?}");
    days
}

async fn opened(file: &std::path::Path) -> omniva_store::Opened {
    open_sqlite(file, id(9)).await.expect("opens")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clips_find_their_slots_on_two_channels_and_policies_hold_after_a_time_without_an_engine() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("omniva.db");
    let mut store = opened(&file).await;
    let sealed = store.mandate.seal(Commit { rows: rows(4), ..Commit::default() });
    store.writer.write(&[sealed]).await.expect("written").remove(0).expect("fits");
    let config = engine();
    let house = house_on(store, Arc::default(), works(&config), config.clone()).await;
    for target in [BERLIN, NEW_YORK] {
        let what = format!("four slots on {target}");
        house.until(&what, |reader| async move { confirmed(reader.as_ref(), target, 4).await }).await;
    }
    let berlin = slots(house.reader.as_ref(), BERLIN).await;
    let new_york = slots(house.reader.as_ref(), NEW_YORK).await;
    assert!(days(&berlin, "Europe/Berlin", 30, 18..22).len() >= 2, "the fourth is beyond the quota of a day");
    days(&new_york, "America/New_York", 60, 7..23);
    explained(&house, &berlin[0]).await;
    by_hand(&house, &berlin).await;
    let berlin = slots(house.reader.as_ref(), BERLIN).await;
    house.stop().await;
    drop(house);
    without_an_engine(&file, config, &berlin).await;
}

/// The ledger says why: the recommendation, and the ruling with Horizon's word about the slot.
async fn explained(house: &House, slot: &Schedule) {
    let entity = EntityRef::new(EntityType::Schedule, slot.schedule_id);
    let filter = omniva_store::PacketFilter { entity: Some(entity), ..Default::default() };
    let packets = house.reader.packets(&filter, 100).await.expect("reads");
    let of = |kind: &str| packets.iter().find(|p| p.draft.kind == kind).expect("there").draft.clone();
    let words = of("schedule.confirmed").body["why"].as_str().expect("words").to_owned();
    assert!(words.contains("points") && words.contains("window"), "{words}");
    assert_eq!(of("schedule.recommended").body["slot"]["parts"][0]["name"], "placed");
    let chain = of("deliberation.ruled").decision_chain.expect("the ruling");
    let horizon = chain["advisories"].as_array().expect("heard").iter().find(|a| a["module"] == "horizon").cloned();
    assert_eq!(horizon.expect("had its say")["detail"]["slot"]["words"], words.as_str());
}

/// A locked slot stays where it is when everything else is planned anew, and no hand moves it.
async fn by_hand(house: &House, berlin: &[Schedule]) {
    let (project, kept) = (ProjectId(id(1)), berlin[0].schedule_id);
    let lock = |locked| Command::LockSchedule { schedule: kept, locked, reason: "announced".into() };
    house.ask(lock(true)).await;
    let settings =
        ProjectSettings { channels: channels(PostingWindow { from: 10, to: 12 }), ..ProjectSettings::default() };
    house.ask(Command::UpdateProject { project, description: None, settings: Some(settings) }).await;
    let plan = |dry_run| Command::Recalculate { project, reason: "other hours".into(), dry_run };
    let dry = house.ask(plan(true)).await.data;
    let changes = dry["changes"].as_array().expect("a list").clone();
    assert!(changes.len() >= 3 && changes.iter().all(|c| c["schedule_id"] != json!(kept)), "{dry}");
    assert_eq!(slots(house.reader.as_ref(), BERLIN).await[0].version, berlin[0].version + 1, "only the lock");
    let done = house.ask(plan(false)).await.data;
    assert_eq!(done["applied"].as_u64(), Some(changes.len() as u64), "{done}");
    let after = slots(house.reader.as_ref(), BERLIN).await;
    let stays = after.iter().find(|s| s.schedule_id == kept).expect("there");
    assert_eq!((stays.final_scheduled_time, stays.locked), (berlin[0].final_scheduled_time, true));
    let moved: Vec<Schedule> = after.iter().filter(|s| s.schedule_id != kept).cloned().collect();
    days(&moved, "Europe/Berlin", 30, 10..12);
    let taken = moved[0].final_scheduled_time.expect("a time");
    let asked = |at| asked(Command::MoveSchedule { schedule: kept, at, reason: String::new() });
    let refused = house.engine.ask(asked(taken)).await.expect_err("refused");
    let names: Vec<&str> = refused.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((refused.status, refused.code), (409, "SCHEDULE_CONFLICT"));
    assert!(names.contains(&"locked") && names.contains(&"double_booking"), "{names:?}");
    house.ask(lock(false)).await;
    let free = Moment(taken.0 + 5 * 86_400_000_000);
    assert_eq!(house.engine.ask(asked(free)).await.expect("granted").data["final_time"], json!(free));
}

/// The engine is away over slots of both channels: one gets other times, the other gives its own up.
async fn without_an_engine(file: &std::path::Path, config: EngineConfig, before: &[Schedule]) {
    let last = before.iter().filter_map(|s| s.final_scheduled_time).max().expect("times");
    let away = last.after(2 * HOUR).since(now());
    let back = now().after(away);
    let house = house_at(opened(file).await, Arc::default(), works(&config), config, Arc::new(Ahead(away))).await;
    house
        .until("other times", |reader| async move {
            let all = confirmed(reader.as_ref(), BERLIN, 4).await?;
            all.iter().all(|s| s.final_scheduled_time.is_some_and(|at| at > back)).then_some(())
        })
        .await;
    days(&slots(house.reader.as_ref(), BERLIN).await, "Europe/Berlin", 30, 10..12);
    house
        .until("given up", |reader| async move {
            let all = slots(reader.as_ref(), NEW_YORK).await;
            all.iter().all(|s| s.status == ScheduleStatus::Missed).then_some(())
        })
        .await;
    let missed = omniva_store::PacketFilter { kind: Some("schedule.missed".into()), ..Default::default() };
    let packets = house.reader.packets(&missed, 100).await.expect("reads");
    assert_eq!(packets.len(), 8, "each is told once");
    for slot in slots(house.reader.as_ref(), NEW_YORK).await {
        let upload =
            house.reader.upload_job(slot.upload_job_id.expect("has one")).await.expect("reads").expect("there");
        assert_eq!(upload.status, WorkStatus::Cancelled);
    }
    house.stop().await;
}
