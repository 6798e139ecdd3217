//! Figures, printed and not asserted: `cargo test -p omniva-actors --test engine -- --ignored --nocapture speed`.

use std::time::{Duration, Instant};

use omniva_contracts::engine::{JobKind, JobState};
use omniva_store::open_sqlite;
use uuid::Uuid;

use crate::house::*;

async fn measure(house: &House, name: &str, count: u32) {
    let start = Instant::now();
    let mut left = count;
    while left > 0 {
        let some = left.min(5000);
        house.noops(some).await;
        left -= some;
    }
    let asked = start.elapsed();
    // The depths are one small read; counting what is done would measure the counting.
    house
        .until("all done", |reader| async move {
            let depths = reader.queue_depths(now()).await.ok()?;
            let noop = depths.iter().find(|depth| depth.kind == JobKind::Noop);
            noop.is_none_or(|d| d.ready + d.waiting + d.running == 0).then_some(())
        })
        .await;
    let took = start.elapsed();
    let rate = f64::from(count) / took.as_secs_f64();
    println!(
        "{name}: {count} jobs in {:.2} s ({:.2} s to enqueue): {rate:.0} jobs/s",
        took.as_secs_f64(),
        asked.as_secs_f64()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn speed_of_jobs_in_memory() {
    let house = house(Vec::new()).await;
    measure(&house, "memory", 20_000).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn speed_of_jobs_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = open_sqlite(&folder.path().join("omniva.db"), Uuid::from_u128(9)).await.expect("opens");
    let mut config = config();
    config.queues.get_mut(&JobKind::Noop).expect("there").limit = 256;
    config.jobs.claim_batch = 256;
    let house = house_on(opened, Default::default(), Vec::new(), config).await;
    measure(&house, "sqlite", 20_000).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn speed_of_dispatch_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let opened = open_sqlite(&folder.path().join("omniva.db"), Uuid::from_u128(9)).await.expect("opens");
    let house = house_on(opened, Default::default(), Vec::new(), config()).await;
    for at in 1..=200 {
        house.noops(1).await;
        house.until_count(JobKind::Noop, JobState::Done, at).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let filter = omniva_store::JobFilter { kind: Some(JobKind::Noop), ..Default::default() };
    let jobs = house.reader.jobs(&filter, ALL).await.expect("reads").items;
    let mut waits: Vec<Duration> = jobs.iter().filter_map(|job| Some(job.started_at?.since(job.created_at))).collect();
    waits.sort();
    println!("dispatch: p50 {:?}, p95 {:?}, max {:?}", waits[100], waits[190], waits[199]);
    house.stop().await;
}
