//! Whatever children do and operators order: nobody lives twice, every order is answered, and in the end everything runs
//! or the tree has given up in order.

#![allow(clippy::unwrap_used)]

mod kit;

use kit::*;
use omniva_supervision::Strategy as Plan;
use omniva_supervision::{ChildSpec, Ending, Group, NodeState, Restart, secs};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Act {
    Say(usize, u8),
    Rebuild(usize),
    Reset,
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Live),
        1 => Just(Step::Crash),
        1 => Just(Step::Panic),
        1 => Just(Step::FailStart),
        1 => Just(Step::PanicStart),
        1 => Just(Step::HangStart),
        1 => (1u64..3000).prop_map(|span| Step::SlowStart(ms(span))),
        1 => (1u64..20_000).prop_map(|span| Step::SlowStop(ms(span))),
        1 => (1u64..3000).prop_map(|span| Step::CrashAfter(ms(span))),
    ]
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0usize..4, 0u8..5).prop_map(|(child, what)| Act::Say(child, what)),
        2 => (0usize..4).prop_map(Act::Rebuild),
        1 => Just(Act::Reset),
        3 => (0u64..5_000).prop_map(Act::Pass),
    ]
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

async fn storm(strategy: Plan, scripts: Vec<Vec<Step>>, restarts: Vec<Restart>, limit: u32, script: Vec<Act>) {
    let world = World::new();
    let group = NAMES.iter().zip(&scripts).zip(&restarts).fold(
        Group::new("inner", strategy),
        |group, ((name, script), restart)| {
            group.child(world.child(name, script).limit(limit, secs(600)).on_failure(*restart).start_within(secs(2)))
        },
    );
    let outer = Group::new("root", Plan::OneForOne)
        .child(world.child("calm", &[]))
        .child(ChildSpec::group(group).limit(1, secs(600)));
    let root = world.tree().grow(outer).await.unwrap();
    let mut orders = Vec::new();
    for act in script {
        match act {
            // A refusal is an answer too: the child may be down.
            Act::Say(child, what) => drop(world.at(NAMES[child]).send(match what {
                0 => Say::Crash,
                1 => Say::Panic,
                2 => Say::Finish,
                3 => Say::Quit,
                _ => Say::Work(secs(3)),
            })),
            Act::Rebuild(child) => {
                let tree = world.tree().clone();
                orders.push(tokio::spawn(async move { drop(tree.rebuild(NAMES[child]).await) }));
            }
            Act::Reset => {
                let tree = world.tree().clone();
                orders.push(tokio::spawn(async move { drop(tree.reset("inner").await) }));
            }
            Act::Pass(span) => pass(span).await,
        }
    }
    pass(3_600_000).await;
    for order in orders {
        assert!(order.is_finished(), "an order was not answered");
    }
    let diary = world.diary();
    let view = root.view();
    assert!(
        !view.iter().any(|n| n.last_failure.as_deref().is_some_and(|why| why.contains("lives twice"))),
        "{:#?}",
        diary.lines()
    );
    let escalated = world.state("root") == "escalated";
    for node in view.iter().filter(|n| n.name != "root") {
        let settled = if escalated {
            node.state != NodeState::Running
        } else {
            node.state == NodeState::Running || node.state == NodeState::Stopped
        };
        assert!(settled, "{node:?} {:#?}", diary.lines());
    }
    for (name, restart) in NAMES.iter().zip(&restarts) {
        let running = world.state(name) == "running";
        assert_eq!(world.at(name).is_up(), running, "{name}");
        assert!(escalated || running || *restart != Restart::Permanent, "{name} {:#?}", diary.lines());
        assert_eq!(world.alive(name).load(std::sync::atomic::Ordering::SeqCst), i64::from(running), "{name}");
    }
    if !escalated {
        assert_eq!(world.generation("calm").await, Ok(1));
        assert_eq!(root.stop().await, Ending::Stopped);
    } else {
        assert!(matches!(root.ended().await, Ending::Escalated { .. }));
    }
    assert!(NAMES.iter().all(|name| world.alive(name).load(std::sync::atomic::Ordering::SeqCst) == 0));
    assert_eq!(diary.times("calm bye").len(), 1, "the calm one is stopped in order, and once");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn storms_pass(
        strategy in prop_oneof![Just(Plan::OneForOne), Just(Plan::OneForAll), Just(Plan::RestForOne)],
        scripts in prop::collection::vec(prop::collection::vec(steps(), 0..4), 4),
        restarts in prop::collection::vec(prop_oneof![3 => Just(Restart::Permanent), 1 => Just(Restart::Transient), 1 => Just(Restart::Temporary)], 4),
        limit in 0u32..6,
        script in prop::collection::vec(acts(), 0..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(storm(strategy, scripts, restarts, limit, script));
    }
}
