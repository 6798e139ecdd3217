//! Rows for tests of the council and the flow.

use omniva_contracts::analysis::Embedding;
use omniva_contracts::config::{Config, EngineConfig};
use omniva_contracts::engine::*;
use serde_json::json;
use uuid::Uuid;

use super::{Brief, ClipDigest};

pub(crate) fn config() -> EngineConfig {
    EngineConfig::load(None).expect("shipped")
}

pub(crate) fn now() -> Moment {
    Moment::from_seconds(1_750_000_000)
}

pub(crate) fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

pub(crate) fn project() -> Project {
    Project {
        project_id: ProjectId(id(1)),
        name: "p".into(),
        description: String::new(),
        status: ProjectStatus::Running,
        settings: ProjectSettings::default(),
        created_at: now(),
        updated_at: now(),
        version: 1,
    }
}

pub(crate) fn creator() -> Creator {
    Creator {
        creator_id: CreatorId(id(2)),
        project_id: ProjectId(id(1)),
        platform: Platform::Other,
        username: "c".into(),
        profile_url: None,
        status: CreatorStatus::Active,
        scrape_window_days: 7,
        rights: RightsBasis::Owned,
        source: None,
        last_scraped_at: None,
        created_at: now(),
        updated_at: now(),
        version: 3,
    }
}

pub(crate) fn video() -> Video {
    Video {
        video_id: VideoId(id(4)),
        post_id: PostId(id(3)),
        project_id: ProjectId(id(1)),
        file_path: "raw/x".into(),
        title: "t".into(),
        duration_seconds: Some(600.0),
        resolution: None,
        bytes: 1,
        checksum: "x".into(),
        trace_id: TraceId(id(9)),
        created_at: now(),
        version: 1,
    }
}

/// A clip of 30 s at 100 s × `n`, whose meaning is the axis `n`.
pub(crate) fn clip(n: u128, status: ClipStatus) -> Clip {
    let mut vector = [0.0f32; 8];
    vector[n as usize % 8] = 1.0;
    let start_time = n as f64 * 100.0;
    Clip {
        clip_id: ClipId(id(100 + n)),
        video_id: VideoId(id(4)),
        project_id: ProjectId(id(1)),
        start_time,
        end_time: start_time + 30.0,
        confidence: 0.6,
        semantic_tags: vec![format!("tag{n}")],
        pantheon_votes: [("strategist".to_owned(), 0.7), ("guardian".to_owned(), 0.6)].into(),
        lattice_priority: 0.5,
        status,
        metadata: json!({
            "title": "A good title", "reason": "strong", "embedding": Embedding::encode(&vector), "stardust_id": id(50),
        }),
        trace_id: TraceId(id(9)),
        created_at: now(),
        updated_at: now(),
        version: 2,
    }
}

pub(crate) fn digest(n: u128, status: ClipStatus) -> ClipDigest {
    ClipDigest::of(&clip(n, status))
}

pub(crate) fn upload_row(status: WorkStatus) -> UploadJobRow {
    UploadJobRow {
        upload_job_id: UploadJobId(id(20)),
        clip_id: ClipId(id(100)),
        project_id: ProjectId(id(1)),
        job_id: None,
        target: "folder".into(),
        title: "A good title".into(),
        description: "About it".into(),
        keywords: vec!["one".into()],
        scheduled_time: None,
        privacy_status: omniva_contracts::wire::PrivacyStatus::Private,
        yt_video_id: None,
        response: json!(null),
        status,
        created_at: now(),
        version: 1,
    }
}

pub(crate) fn slot(time: Option<Moment>) -> Schedule {
    Schedule {
        schedule_id: ScheduleId(id(30)),
        clip_id: ClipId(id(100)),
        project_id: ProjectId(id(1)),
        upload_job_id: Some(UploadJobId(id(20))),
        target: "folder".into(),
        recommended_time: time,
        final_scheduled_time: None,
        horizon_adjustments: json!(null),
        status: ScheduleStatus::Pending,
        locked: false,
        created_at: now(),
        version: 2,
    }
}

/// A brief about clip 0 with everything as it should be.
pub(crate) fn brief(question: Question) -> Brief {
    let status = match question {
        Question::Upload | Question::Schedule => ClipStatus::Ready,
        _ => ClipStatus::ReadyForEdit,
    };
    let subject = match question {
        Question::Ingest => EntityRef::new(EntityType::Video, id(4)),
        Question::Schedule => EntityRef::new(EntityType::Schedule, id(30)),
        Question::Recover => EntityRef::new(EntityType::Job, id(40)),
        _ => EntityRef::new(EntityType::Clip, id(100)),
    };
    let mut brief = Brief::new(question, subject, TraceId(id(9)), now());
    brief.project = Some(project());
    brief.creator = Some(creator());
    brief.video = Some(video());
    brief.evidence = vec![PacketId(id(50))];
    brief.personas = Config::load(None).expect("shipped").personas;
    if question != Question::Ingest && question != Question::Recover {
        brief.clip = Some(clip(0, status));
    }
    if question == Question::Schedule {
        brief.schedule = Some(slot(Some(now())));
        brief.upload_job = Some(upload_row(WorkStatus::Queued));
    }
    brief
}
