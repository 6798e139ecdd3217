//! One clip for two channels: each gets its own file, a file that could not be made stops no other channel, and what an
//! upload has spent of a platform's limits counts although it failed.

use std::sync::Arc;

use omniva_actors::office::{Command, Office};
use omniva_actors::work::Work;
use omniva_cognition::flow::payload::UploadPayload;
use omniva_contracts::engine::*;
use omniva_contracts::{Code, Fault};
use omniva_store::{PacketFilter, UploadFilter};
use serde_json::json;

use crate::clips::{done, edit, id, payload, project_with, upload, works_with};
use crate::house::*;

const YOUTUBE: &str = "youtube/main";
const TIKTOK: &str = "tiktok/main";

fn rendering(variant: &str, outlet: Outlet, fault: Option<Fault>) -> Rendering {
    let file = |kind: &str| fault.is_none().then(|| format!("{kind}/{variant}"));
    Rendering {
        variant: variant.into(),
        outlets: vec![outlet],
        why: if variant == "project" { String::new() } else { "no logo there".into() },
        video: file("renders"),
        thumbnail: file("thumbnails"),
        sha256: fault.is_none().then(|| "cd".repeat(32)),
        fault,
    }
}

async fn started(works: Vec<Arc<dyn Work>>, targets: &[&str]) -> (House, ProjectId) {
    let house = house(works).await;
    let channels = targets.iter().map(|target| ChannelSettings::new(target)).collect();
    let project = project_with(&house, ProjectSettings { channels, ..ProjectSettings::default() }).await;
    house.ask(Command::Scrape { project, creators: Vec::new(), since: None, until: None, force: false }).await;
    (house, project)
}

/// The upload to a target, once it stands as it is wanted.
async fn upload_to(house: &House, target: &'static str, status: WorkStatus) -> UploadJobRow {
    let what = format!("{target} is {}", status.as_str());
    let filter = UploadFilter { clip: Some(ClipId(id("clip 0"))), ..UploadFilter::default() };
    house
        .until(&what, |reader| {
            let filter = filter.clone();
            async move {
                let all = reader.upload_jobs(&filter, ALL).await.ok()?.items;
                all.into_iter().find(|row| row.target == target && row.status == status)
            }
        })
        .await
}

async fn packet(house: &House, kind: &str, target: &str) -> serde_json::Value {
    let filter = PacketFilter { kind: Some(kind.into()), ..PacketFilter::default() };
    let all = house.reader.packets(&filter, 100).await.expect("reads");
    let found = all.into_iter().find(|packet| packet.draft.body["target"] == target);
    found.unwrap_or_else(|| panic!("no {kind} for {target}")).draft.body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_channel_is_told_which_file_it_gets_and_why() {
    let both = vec![rendering("project", Outlet::Youtube, None), rendering("unmarked", Outlet::Tiktok, None)];
    let (house, _) = started(works_with(edit(both), upload()), &[YOUTUBE, TIKTOK]).await;
    for target in [YOUTUBE, TIKTOK] {
        upload_to(&house, target, WorkStatus::Done).await;
    }
    let (plain, other) =
        (packet(&house, "upload.ordered", YOUTUBE).await, packet(&house, "upload.ordered", TIKTOK).await);
    assert_eq!((&plain["rendering"]["variant"], &plain["style_deltas"]), (&json!("project"), &json!(null)));
    assert_eq!(
        (&other["rendering"]["variant"], &other["rendering"]["why"]),
        (&json!("unmarked"), &json!("no logo there"))
    );
    let delta = &other["style_deltas"][0];
    assert_eq!(
        (&delta["field"], &delta["after"], &delta["why"]),
        (&json!("video"), &json!("unmarked"), &json!("no logo there"))
    );
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_could_not_be_made_stops_only_the_channel_that_needs_it() {
    let fault = Fault::new(Code::ClipRefused, "too quiet", "another layout");
    let half = vec![rendering("project", Outlet::Youtube, None), rendering("unmarked", Outlet::Tiktok, Some(fault))];
    let (house, _) = started(works_with(edit(half), upload()), &[YOUTUBE, TIKTOK]).await;
    upload_to(&house, YOUTUBE, WorkStatus::Done).await;
    let blocked = upload_to(&house, TIKTOK, WorkStatus::Error).await;
    assert_eq!((&blocked.response["fault"]["code"], blocked.job_id), (&json!("clip_refused"), None));
    assert_eq!(blocked.response["fault"]["next_step"], "another layout");
    let body = packet(&house, "upload.blocked", TIKTOK).await;
    assert_eq!(body["why"], "too quiet");
    // Nothing was booked for it.
    let schedule = house.only(JobKind::Schedule).await;
    assert_eq!(schedule.state, JobState::Done);
    house.stop().await;
}

/// Spends what an insert costs, and is refused.
fn refused() -> Arc<dyn Work> {
    work(JobKind::Upload, |job, context| async move {
        let UploadPayload { upload_job_id, .. } = payload(&job);
        let mut spending = Spending::new(upload_job_id, YOUTUBE);
        spending.add("youtube_insert", Moment(context.clock.now_us()));
        // It ends before anybody could have passed this on.
        context.checkpoint("UPLOAD", 0.2, spending.checkpoint());
        Outcome::Discard { fault: Fault::new(Code::PlatformRefused, "not this one", "another one") }
    })
}

/// Inserts of the registration: used and reserved.
async fn inserts(house: &House) -> (u64, u64) {
    let all = house.engine.limits().await.expect("counts");
    let one = all.iter().find(|l| l.bucket == "youtube_inserts").expect("of the registration");
    assert_eq!(one.left, one.capacity - one.used - one.reserved);
    (one.used, one.reserved)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_upload_has_spent_its_call_and_holds_no_more() {
    let (house, _) = started(works_with(edit(Vec::new()), refused()), &[YOUTUBE]).await;
    upload_to(&house, YOUTUBE, WorkStatus::Error).await;
    let job = house.only(JobKind::Upload).await;
    assert!(Spending::of(&job).expect("reads").is_some_and(|s| s.calls.len() == 1), "{:?}", job.checkpoint);
    assert_eq!(inserts(&house).await, (1, 0));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_counts_by_its_calls_and_not_a_second_time_by_its_slot() {
    let posted = work(JobKind::Upload, |job, context| async move {
        let UploadPayload { upload_job_id, .. } = payload(&job);
        let mut spending = Spending::new(upload_job_id, YOUTUBE);
        // The first was lost on its way: it counts as well.
        (0..2).for_each(|_| spending.add("youtube_insert", Moment(context.clock.now_us())));
        let spending = Some(spending);
        done(UploadResult { upload_job_id, status: WorkStatus::Live, response: json!({}), spending })
    });
    let (house, _) = started(works_with(edit(Vec::new()), posted), &[YOUTUBE]).await;
    upload_to(&house, YOUTUBE, WorkStatus::Live).await;
    assert_eq!(inserts(&house).await, (2, 0));
    house.stop().await;
}
