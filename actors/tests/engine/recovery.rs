//! What an engine that died left behind.

use std::time::Duration;

use omniva_cognition::jobs::{NewJob, RetryPolicy, new_job, step};
use omniva_contracts::engine::*;
use omniva_contracts::ports::{Ids, Seeded};
use serde_json::json;

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
