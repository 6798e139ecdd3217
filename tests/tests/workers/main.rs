//! The workers on real media: an excerpt of the talk show from the inbox to the output folder, and what goes wrong on
//! the way. Rows are committed here as Zenith would commit them; the store is the one in memory.

#![allow(clippy::expect_used)] // helpers of tests fail by panicking

mod house;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use house::{House, Told, done};
use omniva_actors::work::Stop;
use omniva_contracts::Code;
use omniva_contracts::analysis::Embedding;
use omniva_contracts::engine::*;
use omniva_contracts::record::ClipRecord;
use omniva_contracts::wire::PrivacyStatus;
use omniva_tests::{excerpt, names, one_at_a_time};
use serde_json::{Value, json};
use uuid::Uuid;

#[test]
fn a_file_in_the_inbox_becomes_a_clip_in_the_output_folder() {
    let _gate = one_at_a_time();
    let mut house = House::new(0);
    let item = finds_only_what_is_complete(&mut house);
    let video = takes_it_once(&mut house, &item);
    let clip = analyses(&mut house, video);
    let job = goes_on_after_a_stop(&mut house, &clip);
    let upload = publishes_once(&mut house, &clip);
    recommends_a_slot(&mut house, &clip, upload);
    let logo = a_picture(&house, &clip);
    keeps_house(&mut house, &clip, job);
    renders_what_each_channel_needs(&mut house, &clip, logo);
}

/// A growing file, an open one, a text, a link and an unfinished download stay where they are.
fn finds_only_what_is_complete(house: &mut House) -> FoundItem {
    excerpt(&house.inbox.join("talk.mp4"), 0.0, 45.0);
    fs::write(house.inbox.join("notes.mp4"), "just text, whatever it is called\n").expect("written");
    fs::write(house.inbox.join("next.mp4.part"), "half").expect("written");
    std::os::unix::fs::symlink("/etc/passwd", house.inbox.join("link.mp4")).expect("linked");
    let open = house.inbox.join("open.mp4");
    fs::copy(house.inbox.join("talk.mp4"), &open).expect("copied");
    let mut writer = fs::File::options().append(true).open(&open).expect("opened");
    let grows = house.inbox.join("grows.mp4");
    fs::write(&grows, "x").expect("written");
    let growing = std::thread::spawn({
        let grows = grows.clone();
        move || {
            for _ in 0..40 {
                fs::File::options().append(true).open(&grows).and_then(|mut f| f.write_all(b"y")).expect("grows");
                std::thread::sleep(Duration::from_millis(25));
            }
        }
    });
    let found: DiscoverResult = done(house.run(&house.discover(false)));
    growing.join().expect("ended");
    writer.flush().expect("flushed");
    assert_eq!(found.items.len(), 1, "{found:?}");
    let told: Vec<&str> = found.skipped.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["notes", "next.mp4.part", "link.mp4", "open.mp4", "grows"] {
        assert!(told.contains(&name), "{name} is not told: {told:?}");
    }
    for name in ["notes.mp4", "open.mp4", "grows.mp4"] {
        fs::remove_file(house.inbox.join(name)).expect("removed");
    }
    let item = found.items.into_iter().next().expect("one");
    assert_eq!(item.title, "talk");
    item
}

fn takes_it_once(house: &mut House, item: &FoundItem) -> Video {
    let job = house.scrape(item);
    let told = Told::default();
    let taken: ScrapeResult = done(house.run_told(&job, &told));
    assert_eq!(told.steps(), ["INIT", "FETCH", "PARSE", "SAVE"]);
    assert!(told.never_goes_back());
    let video = taken.video.clone().expect("a video");
    assert!((44.0..47.0).contains(&video.duration_seconds.expect("known")), "{video:?}");
    assert_eq!(video.file_path, format!("raw/{}/{}", &video.checksum[..2], video.checksum));
    let again: ScrapeResult = done(house.run(&job));
    let ids = |r: &ScrapeResult| (r.post.post_id, r.video.as_ref().map(|v| v.video_id), r.artifacts[0].artifact_id);
    assert_eq!(ids(&again), ids(&taken), "an attempt that is repeated proposes the same rows");
    let mut rows = vec![Row::Post(taken.post), Row::Video(video.clone())];
    rows.extend(taken.artifacts.into_iter().map(Row::Artifact));
    house.commit(rows);
    assert!(matches!(house.run(&job), Outcome::Skip { .. }), "it is a post now");

    // The same content under another name, and a file that is broken.
    fs::copy(house.inbox.join("talk.mp4"), house.inbox.join("again.mp4")).expect("copied");
    let whole = fs::read(house.inbox.join("talk.mp4")).expect("read");
    let mut broken = whole[..4096].to_vec();
    broken.extend(vec![0xA5; 200_000]);
    fs::write(house.inbox.join("broken.mp4"), broken).expect("written");
    let found: DiscoverResult = done(house.run(&house.discover(false)));
    let named = |title: &str| found.items.iter().find(|i| i.title == title).cloned().expect("found");
    assert_eq!(found.items.len(), 2, "{found:?}");
    let again: ScrapeResult = done(house.run(&house.scrape(&named("again"))));
    assert_eq!((again.video, again.duplicate_of, again.artifacts), (None, Some(video.video_id), Vec::new()));
    house.commit(vec![Row::Post(again.post)]);
    let job = house.scrape(&named("broken"));
    let Outcome::Discard { fault } = house.run(&job) else { panic!("broken media is discarded") };
    assert_eq!(fault.code, Code::InputCorrupt, "{fault:?}");
    house.fail(&job, fault);
    let later: DiscoverResult = done(house.run(&house.discover(false)));
    assert!(later.items.is_empty(), "{later:?}");
    assert!(later.skipped.iter().any(|(name, why)| name == "broken" && why.contains("input_corrupt")), "{later:?}");
    let forced: DiscoverResult = done(house.run(&house.discover(true)));
    assert_eq!(forced.items.len(), 1, "an operator may insist");
    assert_eq!(house.library_files("raw"), 1, "one copy, and nothing of what was refused");
    video
}

fn analyses(house: &mut House, video: Video) -> Clip {
    let job = house.job(
        JobKind::Analyze,
        EntityRef::new(EntityType::Video, video.video_id),
        json!({ "video_id": video.video_id }),
    );
    let told = Told::default();
    let result: AnalyzeResult = done(house.run_told(&job, &told));
    assert_eq!(told.steps(), ["INIT", "TRANSCRIBE", "NLP_ANALYSIS", "CLIP_DETECTION", "SAVE"]);
    assert!(told.never_goes_back());
    assert!(result.analysis.transcript.len() > 100 && result.analysis.active);
    let detail: AnalysisDetail = serde_json::from_value(result.analysis.raw_ai_output.clone()).expect("a detail");
    assert_eq!(
        (detail.artifact.as_str(), detail.candidates),
        (result.artifacts[0].path.as_str(), result.clips.len() as u64)
    );
    let (chosen, rejected): (Vec<&Clip>, Vec<&Clip>) =
        result.clips.iter().partition(|c| c.status == ClipStatus::ReadyForEdit);
    assert_eq!(chosen.len(), 1, "the project asks for one");
    assert!(!rejected.is_empty());
    for clip in &result.clips {
        let detail: ClipDetail = serde_json::from_value(clip.metadata.clone()).expect("a detail");
        assert!(!detail.title.is_empty() && !detail.reason.is_empty(), "{detail:?}");
        assert_eq!(Embedding::decode(&detail.embedding).len(), Embedding::SIZE);
        assert_eq!(detail.rejected_code.is_some(), clip.status == ClipStatus::Rejected);
        let seconds = clip.end_time - clip.start_time;
        assert!((9.9..15.1).contains(&seconds), "{seconds} s: the project's settings count");
    }
    let clip = chosen[0].clone();
    let mut rows = vec![Row::Analysis(result.analysis)];
    rows.extend(result.clips.into_iter().map(|c| Row::Clip(Box::new(c))));
    rows.extend(result.artifacts.into_iter().map(Row::Artifact));
    house.commit(rows);
    clip
}

/// The `n`th edit of a clip, as an order and a job.
fn ordered(house: &mut House, clip: &Clip, n: u128) -> Job {
    let edit_job_id = EditJobId(Uuid::from_u128(n));
    let payload = json!({ "clip_id": clip.clip_id, "edit_job_id": edit_job_id });
    let job = house.job(JobKind::Edit, EntityRef::new(EntityType::Clip, clip.clip_id), payload);
    house.commit(vec![
        Row::Job(Box::new(job.clone())),
        Row::EditJob(EditJobRow {
            edit_job_id,
            clip_id: clip.clip_id,
            job_id: job.id,
            operations: json!([]),
            ffmpeg_commands: Vec::new(),
            gpu_required: false,
            estimated_duration_seconds: None,
            status: WorkStatus::Queued,
            created_at: house.now(),
            version: 1,
        }),
    ]);
    job
}

/// Stopped in the middle of a render it ends at once and leaves nothing; run again it goes through.
fn goes_on_after_a_stop(house: &mut House, clip: &Clip) -> Job {
    let job = ordered(house, clip, 77);
    for stop in [Stop::Stopping, Stop::Cancelled] {
        let told = Told::stopping("RENDER", 0.1, stop);
        let outcome = house.run_told(&job, &told);
        match stop {
            Stop::Stopping => assert_eq!(outcome, Outcome::Interrupted { checkpoint: None }),
            _ => assert!(matches!(outcome, Outcome::Cancel { .. }), "{outcome:?}"),
        }
        let took = told.since_stop().expect("it was stopped");
        assert!(took < Duration::from_secs(2), "took {took:?} to stop");
        assert_eq!(house.library_files("renders"), 0);
        assert_eq!(house.library_files("incoming"), 0);
    }
    let told = Told::default();
    let started = Instant::now();
    let edited: EditResult = done(house.run_told(&job, &told));
    println!("edit: {:.1} s, {} at {:.1} s CPU", started.elapsed().as_secs_f64(), edited.encoder, edited.cpu_seconds);
    assert_eq!(told.steps(), ["INIT", "CUT", "REFINE", "RENDER", "STORE"]);
    assert!(told.never_goes_back());
    assert!(edited.qc.passed() && !edited.draft.title.is_empty());
    let kinds: Vec<ArtifactKind> = edited.artifacts.iter().map(|a| a.kind).collect();
    use ArtifactKind as K;
    assert_eq!(kinds, [K::Render, K::Thumbnail, K::Subtitles, K::Subtitles, K::Subtitles, K::Record]);
    assert_eq!(edited.artifacts[0].sha256, edited.qc.sha256);
    let mut ready = clip.clone();
    (ready.status, ready.version) = (ClipStatus::Ready, 2);
    let mut rows = vec![Row::Clip(Box::new(ready))];
    rows.extend(edited.artifacts.into_iter().map(Row::Artifact));
    house.commit(rows);
    job
}

/// Something to be a logo.
fn a_picture(house: &House, clip: &Clip) -> PathBuf {
    let thumbnail = house.artifacts(clip.clip_id, ArtifactKind::Thumbnail).remove(0);
    let logo = house.folder.path().join("logo.jpg");
    fs::copy(house.library_path(&thumbnail.path), &logo).expect("copied");
    logo
}

/// The project's own file for YouTube, one without the logo for TikTok, from one plan.
fn renders_what_each_channel_needs(house: &mut House, clip: &Clip, logo: PathBuf) {
    house.publishes_to(&["youtube/main", "tiktok/main"], logo);
    let job = ordered(house, clip, 78);
    let told = Told::default();
    let edited: EditResult = done(house.run_told(&job, &told));
    assert_eq!(told.steps(), ["INIT", "CUT", "REFINE", "RENDER", "STORE"]);
    assert!(told.never_goes_back());
    let [own, unmarked] = edited.renderings.as_slice() else { panic!("{:?}", edited.renderings) };
    assert_eq!((own.variant.as_str(), own.outlets.as_slice()), ("project", &[Outlet::Youtube][..]));
    assert_eq!((unmarked.variant.as_str(), unmarked.outlets.as_slice()), ("unmarked", &[Outlet::Tiktok][..]));
    assert_eq!(own.sha256.as_deref(), Some(edited.qc.sha256.as_str()));
    assert!(own.fault.is_none() && unmarked.fault.is_none() && unmarked.why.contains("TikTok"));
    assert_ne!(own.sha256, unmarked.sha256, "the logo is seen");
    let renders: Vec<&Artifact> = edited.artifacts.iter().filter(|a| a.kind == ArtifactKind::Render).collect();
    assert_eq!(
        renders.iter().map(|a| Some(&a.path)).collect::<Vec<_>>(),
        [own.video.as_ref(), unmarked.video.as_ref()]
    );
    for render in renders {
        let bytes = fs::metadata(house.library_path(&render.path)).expect("kept").len();
        assert_eq!(bytes, render.bytes);
    }
}

fn publishes_once(house: &mut House, clip: &Clip) -> UploadJobId {
    let id = UploadJobId(Uuid::from_u128(88));
    house.commit(vec![Row::UploadJob(Box::new(UploadJobRow {
        upload_job_id: id,
        clip_id: clip.clip_id,
        project_id: clip.project_id,
        job_id: None,
        target: "folder".into(),
        title: "A title of the operator's".into(),
        description: "What it is about.".into(),
        keywords: vec!["one".into(), "two".into()],
        scheduled_time: None,
        privacy_status: PrivacyStatus::Public,
        yt_video_id: None,
        response: Value::Null,
        status: WorkStatus::Queued,
        created_at: house.now(),
        version: 1,
    }))]);
    let payload = json!({ "clip_id": clip.clip_id, "upload_job_id": id });
    let job = house.job(JobKind::Upload, EntityRef::new(EntityType::UploadJob, id), payload);

    // Something else has the folder's name: told, and nothing is lost.
    fs::write(&house.output, "in the way").expect("written");
    let Outcome::Retry { fault } = house.run(&job) else { panic!("no folder there") };
    assert_eq!(fault.code, Code::OutputUnwritable);
    fs::remove_file(&house.output).expect("removed");

    let told = Told::default();
    let first: UploadResult = done(house.run_told(&job, &told));
    assert_eq!(told.steps(), ["INIT", "AUTH", "UPLOAD", "VERIFY"]);
    assert_eq!(first.status, WorkStatus::Live);
    let placed = names(&house.output);
    let visible: Vec<&String> = placed.iter().filter(|n| !n.starts_with('.')).collect();
    assert_eq!(visible.len(), 7, "{placed:?}");
    let extensions: Vec<&str> = visible.iter().filter_map(|n| n.rsplit('.').next()).collect();
    assert_eq!(extensions, ["ass", "jpg", "json", "mp4", "srt", "txt", "vtt"]);
    let record = fs::read(house.output.join(visible[2])).expect("read");
    let record: ClipRecord = serde_json::from_slice(&record).expect("a record");
    assert_eq!(record.clip_candidate.clip_id, Some(clip.clip_id.0));
    assert_eq!(Some(&record.files.video), visible.get(3).copied());
    let text = fs::read_to_string(house.output.join(visible[5])).expect("read");
    assert!(text.starts_with("A title of the operator's\n\nWhat it is about.\n"), "{text}");

    // As after a crash before the commit: the same answer, no second copy, and what the user took away stays away.
    fs::remove_file(house.output.join(visible[3])).expect("removed");
    assert_eq!(done::<UploadResult>(house.run(&job)), first);
    assert_eq!(names(&house.output).len(), placed.len() - 1);
    id
}

fn recommends_a_slot(house: &mut House, clip: &Clip, upload: UploadJobId) {
    let other = Clip { clip_id: ClipId(Uuid::from_u128(97)), version: 1, ..clip.clone() };
    house.commit(vec![Row::Clip(Box::new(other.clone()))]);
    let slot = Schedule {
        schedule_id: ScheduleId(Uuid::from_u128(99)),
        clip_id: clip.clip_id,
        project_id: clip.project_id,
        upload_job_id: Some(upload),
        target: "folder".into(),
        recommended_time: None,
        final_scheduled_time: None,
        horizon_adjustments: Value::Null,
        status: ScheduleStatus::Pending,
        locked: false,
        created_at: house.now(),
        version: 1,
    };
    let taken = Schedule {
        schedule_id: ScheduleId(Uuid::from_u128(98)),
        clip_id: other.clip_id,
        upload_job_id: None,
        final_scheduled_time: Some(house.now()),
        status: ScheduleStatus::Confirmed,
        ..slot.clone()
    };
    house.commit(vec![Row::Schedule(slot.clone()), Row::Schedule(taken)]);
    let payload = json!({ "clip_id": clip.clip_id, "schedule_id": slot.schedule_id });
    let job = house.job(JobKind::Schedule, EntityRef::new(EntityType::Schedule, slot.schedule_id), payload);
    let result: ScheduleResult = done(house.run(&job));
    // An hour after the one that stands there, which was made a moment ago.
    let time = result.recommended_time.expect("a time");
    assert!(time > house.now().after(Duration::from_secs(3000)), "{result:?}");
}

fn keeps_house(house: &mut House, clip: &Clip, edited: Job) {
    let maintain = |house: &House, task: &str| -> MaintainResult {
        done(house.run(&house.job(
            JobKind::Maintain,
            EntityRef::new(EntityType::Engine, Uuid::nil()),
            json!({ "task": task }),
        )))
    };
    // Nothing is too old, nothing is an orphan; the packets are missing because nobody wrote any here.
    let fresh = maintain(house, "retention");
    assert_eq!((fresh.artifacts.len(), fresh.removed_files), (0, 0), "{fresh:?}");
    assert_eq!(maintain(house, "orphan_sweep").removed_files, 0);
    let audit = maintain(house, "audit");
    assert!(!audit.findings.iter().any(|f| f.starts_with("file_")), "{audit:?}");

    // An artifact that changes or goes is found.
    let render = house.artifacts(clip.clip_id, ArtifactKind::Render).remove(0);
    let path = house.library_path(&render.path);
    let bytes = fs::read(&path).expect("read");
    let mut bent = bytes.clone();
    bent[1000] ^= 1;
    fs::write(&path, bent).expect("written");
    assert!(maintain(house, "audit").findings.iter().any(|f| f.starts_with("file_changed: ")));
    fs::remove_file(&path).expect("removed");
    assert!(maintain(house, "audit").findings.iter().any(|f| f.starts_with("file_missing: ")));
    fs::write(&path, bytes).expect("written");

    // Two days later a file of a job that never got its rows is an orphan.
    let stray = house.put_stray();
    assert_eq!(maintain(house, "orphan_sweep").removed_files, 0, "it may still get its row");
    house.later(Duration::from_secs(2 * 86_400));
    assert_eq!(maintain(house, "orphan_sweep").removed_files, 1);
    assert!(!house.library_path(&stray).exists() && path.exists());

    // Years later the derived files go, but not while the clip waits for its publication, and its raw material stays.
    house.later(Duration::from_secs(4 * 365 * 86_400));
    let waiting = maintain(house, "retention");
    assert_eq!((waiting.artifacts.len(), path.exists()), (0, true), "{waiting:?}");
    let mut published = house.clip(clip.clip_id);
    (published.status, published.version) = (ClipStatus::Published, published.version + 1);
    house.commit(vec![Row::Clip(Box::new(published))]);
    let old = maintain(house, "retention");
    assert_eq!((old.removed_files, path.exists()), (6, false), "{old:?}");
    assert!(old.artifacts.iter().all(|a| a.removed_at.is_some() && a.version == 2));
    house.commit(old.artifacts.into_iter().map(Row::Artifact).collect());
    assert_eq!(maintain(house, "retention").removed_files, 0);
    assert_eq!(house.library_files("raw"), 1);
    // An edit that is asked for again finds its analysis: it was not removed with the rest.
    assert!(matches!(house.run(&edited), Outcome::Done { .. }));
}

#[test]
fn a_full_library_waits_and_nobody_loses_an_attempt() {
    let house = House::new(u64::MAX / 2);
    fs::write(house.inbox.join("a.wav"), house::tone(6)).expect("written");
    let found: DiscoverResult = done(house.run(&house.discover(false)));
    let outcome = house.run(&house.scrape(&found.items[0]));
    let Outcome::Snooze { until, why } = outcome else { panic!("{outcome:?}") };
    assert!(why.starts_with("no_space: "), "{why}");
    assert!(until > house.now());
    assert_eq!(house.library_files("."), 0);
}

#[test]
fn what_can_not_be_taken_is_told_with_its_code() {
    let house = House::new(0);
    fs::write(house.inbox.join("short.wav"), house::tone(2)).expect("written");
    let found: DiscoverResult = done(house.run(&house.discover(false)));
    let job = house.scrape(&found.items[0]);
    let Outcome::Discard { fault } = house.run(&job) else { panic!("too short for any clip") };
    assert_eq!(fault.code, Code::InputTooShort);
    // Changed since it was found, gone, and an inbox that is not there.
    fs::write(house.inbox.join("short.wav"), house::tone(3)).expect("written");
    assert!(matches!(house.run(&job), Outcome::Skip { .. }));
    fs::remove_file(house.inbox.join("short.wav")).expect("removed");
    assert!(matches!(house.run(&job), Outcome::Skip { .. }));
    fs::remove_dir_all(&house.inbox).expect("removed");
    for job in [job, house.discover(false)] {
        let Outcome::Retry { fault } = house.run(&job) else { panic!("no inbox") };
        assert_eq!(fault.code, Code::SourceUnavailable);
    }
    // Ids that lead nowhere, and payloads that are none.
    let missing = EntityRef::new(EntityType::Video, Uuid::from_u128(5));
    let Outcome::Discard { fault } = house.run(&house.job(JobKind::Analyze, missing.clone(), json!({}))) else {
        panic!("no such video")
    };
    assert_eq!(fault.code, Code::NotFound);
    for kind in [JobKind::Scrape, JobKind::Edit] {
        let Outcome::Retry { fault } = house.run(&house.job(kind, missing.clone(), json!({ "x": 1 }))) else {
            panic!("no payload")
        };
        assert_eq!(fault.code, Code::Internal);
    }
}

#[test]
fn missing_models_are_one_clear_fault() {
    let mut house = House::new(0);
    fs::write(house.inbox.join("a.wav"), house::tone(12)).expect("written");
    let found: DiscoverResult = done(house.run(&house.discover(false)));
    let taken: ScrapeResult = done(house.run(&house.scrape(&found.items[0])));
    let video = taken.video.clone().expect("a video");
    let mut rows = vec![Row::Post(taken.post), Row::Video(video.clone())];
    rows.extend(taken.artifacts.into_iter().map(Row::Artifact));
    house.commit(rows);
    let empty = house.folder.path().join("no models");
    fs::create_dir(&empty).expect("made");
    house.with_models(&empty);
    let subject = EntityRef::new(EntityType::Video, video.video_id);
    let Outcome::Retry { fault } = house.run(&house.job(JobKind::Analyze, subject, json!({}))) else {
        panic!("no models")
    };
    assert_eq!(fault.code, Code::ModelMissing);
    assert!(fault.next_step.contains("omniva models fetch"));
    // The raw material was bent on the disk: not analysed as if it were the same.
    house.with_models(&omniva_tests::models());
    let path = house.library_path(&video.file_path);
    let mut bytes = fs::read(&path).expect("read");
    bytes[1000] ^= 1;
    fs::write(&path, bytes).expect("written");
    let subject = EntityRef::new(EntityType::Video, video.video_id);
    let Outcome::Discard { fault } = house.run(&house.job(JobKind::Analyze, subject, json!({}))) else {
        panic!("bent")
    };
    assert_eq!(fault.code, Code::InputCorrupt);
}
