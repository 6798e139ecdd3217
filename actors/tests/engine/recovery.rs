//! What an engine that died left behind.

use std::time::Duration;

use omniva_actors::office::{ActorView, Office};
use omniva_cognition::jobs::{NewJob, RetryPolicy, new_job, step};
use omniva_contracts::engine::*;
use omniva_contracts::fault::Code;
use omniva_contracts::ports::{Ids, Seeded};
use serde_json::json;

use crate::faults::PARTS;
use crate::house::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_of_a_dead_engine_come_back_at_once_and_keep_their_attempts() {
    let (mut opened, faults) = memory();
    let (mut ids, at) = (Seeded::new(b"before"), now());
    let config = config();
    let new = NewJob::now(JobKind::Noop, json!(null), TraceId(ids.next()), at);
    let (job, packet) = new_job(new, at, &config, &mut ids, "test");
    let claimed = JobEvent::Claimed { worker: "dead/noop".into(), lease: Duration::from_secs(3600) };
    let claimed = step(&job, &claimed, at, 0.5, &RetryPolicy::of(&config, JobKind::Noop)).expect("legal");
    let (running, claim) = claimed.seal(&mut ids, "test", at);
    let rows = vec![Row::Job(Box::new(job)), Row::Job(Box::new(running))];
    let packets = std::iter::once(packet).chain(claim).collect();
    let sealed = opened.mandate.seal(Commit { rows, packets, purges: Vec::new() });
    opened.writer.write(&[sealed]).await.expect("written").remove(0).expect("fits");

    let house = house_on(opened, faults, Vec::new(), config).await;
    house.until_count(JobKind::Noop, JobState::Done, 1).await;
    let job = house.only(JobKind::Noop).await;
    assert_eq!((job.attempt, job.crashes, job.fence), (1, 0, 2), "given back, and done by the second claim");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directive_that_was_not_dispatched_is_found_and_carried_out() {
    let (mut opened, faults) = memory();
    let mut ids = Seeded::new(b"before");
    let directive = Directive {
        directive_id: DirectiveId(ids.next()),
        order: Order::PauseQueue { queue: JobKind::Edit },
        state: DirectiveState::Pending,
        source: DecisionSource::Zenith,
        reason: "too many faults".into(),
        evidence: Vec::new(),
        rollback: "resume the queue".into(),
        trace_id: TraceId(ids.next()),
        created_at: now(),
        dispatched_at: None,
        version: 1,
    };
    let id = directive.directive_id;
    let sealed = opened.mandate.seal(Commit { rows: vec![Row::Directive(directive)], ..Commit::default() });
    opened.writer.write(&[sealed]).await.expect("written").remove(0).expect("fits");

    let house = house_on(opened, faults, Vec::new(), config()).await;
    house
        .until("dispatched", |reader| async move {
            reader.directive(id).await.ok()?.filter(|d| d.state == DirectiveState::Dispatched).map(|_| ())
        })
        .await;
    let queues = house.reader.queues().await.expect("reads");
    let edit = queues.into_iter().find(|q| q.queue == JobKind::Edit).expect("there");
    assert_eq!((edit.mode, edit.reason.as_str()), (QueueMode::Paused, "too many faults"));
    house.stop().await;
}

/// A measure of Eclipse as a directive that waits.
fn measure(ids: &mut Seeded, order: Order) -> Row {
    Row::Directive(Directive {
        directive_id: DirectiveId(ids.next()),
        order,
        state: DirectiveState::Pending,
        source: DecisionSource::Automation,
        reason: "it died too often".into(),
        evidence: Vec::new(),
        rollback: "none needed".into(),
        trace_id: TraceId(ids.next()),
        created_at: now(),
        dispatched_at: None,
        version: 1,
    })
}

/// The engine after it was started on one order of Eclipse and the tree has settled: its actors.
async fn after(order: Order) -> (House, Vec<ActorView>) {
    let (mut opened, faults) = memory();
    let row = measure(&mut Seeded::new(b"eclipse"), order);
    let sealed = opened.mandate.seal(Commit { rows: vec![row], ..Commit::default() });
    opened.writer.write(&[sealed]).await.expect("written").remove(0).expect("fits");
    let house = house_on(opened, faults, Vec::new(), config()).await;
    let actors = house
        .until("something was rebuilt and everything runs", |_| async {
            let actors = house.engine.actors().await.ok()?;
            let rebuilt = actors.iter().any(|a| a.generation >= 2);
            (rebuilt && actors.iter().all(|a| a.state == "running")).then_some(actors)
        })
        .await;
    (house, actors)
}

fn rebuilt(actors: &[ActorView]) -> Vec<&str> {
    actors.iter().filter(|a| a.generation >= 2).map(|a| a.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soft_rebuild_renews_one_actor() {
    let (house, actors) = after(Order::SoftRebuild { actor: "paradox".into() }).await;
    assert_eq!(rebuilt(&actors), ["paradox"]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subsystem_reset_renews_one_group_and_work_goes_on() {
    let (house, actors) = after(Order::SubsystemReset { group: "jobs".into() }).await;
    let renewed = rebuilt(&actors);
    assert!(["cron", "rescuer", "dispatcher"].iter().all(|part| renewed.contains(part)), "{renewed:?}");
    assert!(!renewed.contains(&"paradox") && !renewed.contains(&"store-writer"), "{renewed:?}");
    house.noops(50).await;
    house.until_count(JobKind::Noop, JobState::Done, 50).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_reboot_renews_every_actor_and_work_goes_on() {
    let (house, _) = after(Order::FullReboot).await;
    house
        .until("every actor is renewed", |_| async {
            let actors = house.engine.actors().await.ok()?;
            actors.iter().filter(|a| PARTS.contains(&a.name.as_str())).all(|a| a.generation >= 2).then_some(())
        })
        .await;
    house.noops(50).await;
    house.until_count(JobKind::Noop, JobState::Done, 50).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_never_stays_up_ends_the_engine_with_a_status_of_its_own() {
    let house = house(Vec::new()).await;
    house.noops(20).await;
    house.until_count(JobKind::Noop, JobState::Done, 20).await;
    let ended = async {
        let ended = house.engine.ended();
        let mut ended = std::pin::pin!(ended);
        loop {
            // False while the next generation is on its way.
            house.engine.fail("cron", "it never works");
            if let Ok(ended) = tokio::time::timeout(Duration::from_millis(20), &mut ended).await {
                return ended;
            }
        }
    };
    let fault = tokio::time::timeout(PATIENCE, ended).await.expect("it gives up").expect_err("not as it was asked");
    assert_eq!((fault.code, fault.code.exit()), (Code::SupervisorEscalated, 11));
    assert!(fault.detail.contains("it never works"), "{fault:?}");
}
