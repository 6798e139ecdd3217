//! Who returns when, after which end.

mod kit;

use kit::Step::*;
use kit::*;
use omniva_supervision::*;

#[tokio::test(start_paused = true)]
async fn a_crash_loop_backs_off_and_escalates() {
    let world = World::new();
    let group = Group::new("root", Strategy::OneForOne)
        .child(world.child("healthy", &[]))
        .child(world.child("loop", &[Crash, Panic, Crash, Panic]));
    let root = world.tree().grow(group).await.unwrap();
    let ending = root.ended().await;
    assert_eq!(world.diary().times("loop up"), [0, 1000, 3000, 7000]);
    assert!(
        matches!(&ending, Ending::Escalated { child, restarts: 3, failure: Some(why) } if child == "loop" && why.contains("panicked as scripted")),
        "{ending:?}"
    );
    // The healthy one was stopped, not killed, before the root failed.
    assert_eq!(world.diary().times("healthy bye"), [7000]);
    assert_eq!((world.state("root"), world.state("loop"), world.state("healthy")), ("escalated", "stopped", "stopped"));
    let node = root.tree().node("loop").unwrap();
    assert_eq!((node.generation, node.restarts), (4, 3));
}

#[tokio::test(start_paused = true)]
async fn failing_to_start_goes_the_same_way() {
    let world = World::new();
    let slow = world.child("slow", &[HangStart, PanicStart, FailStart, FailStart]).start_within(ms(100));
    let group = Group::new("root", Strategy::OneForOne).child(slow).child(world.child("next", &[]));
    let root = world.tree().grow(group).await.unwrap();
    // The next one is started all the same.
    assert_eq!(world.diary().times("next up"), [100]);
    let ending = root.ended().await;
    // Starts at 0 (fails at 100), 1100, 3100, 7100.
    assert_eq!(world.diary().times("slow start_failed"), [100, 1100, 3100, 7100]);
    assert!(matches!(ending, Ending::Escalated { restarts: 3, .. }), "{ending:?}");
}

#[tokio::test(start_paused = true)]
async fn old_failures_do_not_count() {
    let world = World::new();
    let child = world.child("c", &[]).limit(2, secs(10));
    let root = world.tree().grow(Group::new("root", Strategy::OneForOne).child(child)).await.unwrap();
    for round in 1..=6u64 {
        world.at("c").send(Say::Crash).unwrap();
        pass(6_000).await;
        assert_eq!(world.generation("c").await, Ok(round + 1));
    }
    // Two within ten seconds at most: waits of 1 s and 2 s, never an escalation.
    assert_eq!(world.diary().times("root gives up"), [0u64; 0]);
    assert_eq!(root.tree().node("c").unwrap().restarts, 6);
    assert_eq!(root.stop().await, Ending::Stopped);
}

#[tokio::test(start_paused = true)]
async fn one_for_one_leaves_the_others_alone() {
    let world = World::new();
    let group =
        ["a", "b", "c"].iter().fold(Group::new("root", Strategy::OneForOne), |g, n| g.child(world.child(n, &[])));
    let root = world.tree().grow(group).await.unwrap();
    world.at("b").send(Say::Panic).unwrap();
    pass(500).await;
    assert_eq!(world.state("b"), "backing_off");
    assert_eq!(world.at("b").send(Say::Crash), Err(Refused::Down { name: "b".into() }));
    pass(1_000).await;
    for (name, generation) in [("a", 1), ("b", 2), ("c", 1)] {
        assert_eq!(world.generation(name).await, Ok(generation), "{name}");
    }
    let b = root.tree().node("b").unwrap();
    assert!(b.last_failure.is_some_and(|why| why.contains("panicked when told")));
}

#[tokio::test(start_paused = true)]
async fn one_for_all_falls_and_returns_together() {
    let world = World::new();
    let slow = world.child("c", &[SlowStop(ms(300))]);
    let group =
        Group::new("root", Strategy::OneForAll).child(world.child("a", &[])).child(world.child("b", &[])).child(slow);
    let _root = world.tree().grow(group).await.unwrap();
    pass(100).await;
    world.at("b").send(Say::Crash).unwrap();
    pass(3_000).await;
    assert_eq!(
        world.diary().lines()[3..],
        [
            "100 b failed",
            "100 b again in 1000 as 2",
            "400 c bye",
            "400 c stopped",
            "400 a bye",
            "400 a stopped",
            "400 group root down by b: a b c",
            "1400 a up 2",
            "1400 b up 2",
            "1400 c up 2",
        ]
    );
    let downs = world.diary().downs.lock().unwrap().clone();
    assert_eq!(downs.len(), 1);
    assert_eq!((downs[0].exit, downs[0].failure.as_deref()), (Exit::Failed, Some("crashed when told")));
}

#[tokio::test(start_paused = true)]
async fn rest_for_one_takes_the_later_ones_along() {
    let world = World::new();
    let group =
        ["a", "b", "c"].iter().fold(Group::new("root", Strategy::RestForOne), |g, n| g.child(world.child(n, &[])));
    let _root = world.tree().grow(group).await.unwrap();
    world.at("b").send(Say::Crash).unwrap();
    pass(2_000).await;
    for (name, generation) in [("a", 1), ("b", 2), ("c", 2)] {
        assert_eq!(world.generation(name).await, Ok(generation), "{name}");
    }
    assert_eq!(world.diary().downs.lock().unwrap()[0].members, ["b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn rest_for_one_waits_for_those_before() {
    let world = World::new();
    let group = Group::new("root", Strategy::RestForOne)
        .child(world.child("a", &[]))
        .child(world.child("b", &[FailStart, FailStart]))
        .child(world.child("c", &[]));
    let _root = world.tree().grow(group).await.unwrap();
    pass(5_000).await;
    assert_eq!(world.diary().times("a up"), [0]);
    assert_eq!(world.diary().times("b up"), [3000]);
    assert_eq!(world.diary().times("c up"), [3000]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_while_a_group_returns_begins_anew() {
    let world = World::new();
    // Second incarnation of c fails to start: a and b, just up again, fall with it and return with it.
    let group = Group::new("root", Strategy::OneForAll)
        .child(world.child("a", &[Live, SlowStart(ms(200))]))
        .child(world.child("b", &[]))
        .child(world.child("c", &[Live, FailStart]));
    let _root = world.tree().grow(group).await.unwrap();
    world.at("a").send(Say::Crash).unwrap();
    pass(10_000).await;
    assert_eq!(world.diary().times("c start_failed"), [1200]);
    assert_eq!(world.diary().times("a up"), [0, 1200, 3200 - 1000]);
    assert_eq!(world.diary().times("group root down"), [0, 1200]);
    assert_eq!((world.state("a"), world.state("b"), world.state("c")), ("running", "running", "running"));
}

#[tokio::test(start_paused = true)]
async fn who_announced_its_end_is_left_and_who_vanished_is_not() {
    let world = World::new();
    let group = Group::new("root", Strategy::OneForOne)
        .child(world.child("done", &[]).on_failure(Restart::Transient))
        .child(world.child("vanished", &[]).on_failure(Restart::Transient))
        .child(world.child("once", &[]).on_failure(Restart::Temporary))
        .child(world.child("always", &[]).on_failure(Restart::Permanent));
    let _root = world.tree().grow(group).await.unwrap();
    world.at("done").send(Say::Finish).unwrap();
    world.at("vanished").send(Say::Quit).unwrap();
    world.at("once").send(Say::Crash).unwrap();
    world.at("always").send(Say::Finish).unwrap();
    pass(2_000).await;
    assert_eq!(world.diary().times("done up"), [0]);
    assert_eq!(world.diary().times("vanished up"), [0, 1000]);
    assert_eq!(world.diary().times("once up"), [0]);
    assert_eq!(world.diary().times("always up"), [0, 1000]);
    assert_eq!((world.state("done"), world.state("once")), ("stopped", "stopped"));
    assert!(!world.at("done").is_up());
}

#[tokio::test(start_paused = true)]
async fn a_panic_storm_stays_in_its_group() {
    let world = World::new();
    let storm = Group::new("storm", Strategy::OneForAll)
        .child(world.child("s1", &[Panic; 200]).limit(2, secs(60)))
        .child(world.child("s2", &[Panic; 200]).limit(2, secs(60)));
    let calm = Group::new("calm", Strategy::OneForOne).child(world.child("worker", &[]));
    let group = Group::new("root", Strategy::OneForOne)
        .child(ChildSpec::group(storm).limit(20, secs(3600)).backoff(ms(100)..secs(10)))
        .child(ChildSpec::group(calm));
    let root = world.tree().grow(group).await.unwrap();
    for _ in 0..60 {
        pass(1_000).await;
        assert_eq!(world.generation("worker").await, Ok(1));
    }
    let s1 = root.tree().node("s1").unwrap();
    assert!(s1.generation > 10, "{s1:?}");
    let storm = root.tree().node("storm").unwrap();
    assert!(storm.restarts >= 4, "{storm:?}");
    assert_eq!(storm.parent.as_deref(), Some("root"));
    assert_eq!(root.stop().await, Ending::Stopped);
    assert_eq!(world.diary().times("worker bye"), [60_000]);
}

#[tokio::test(start_paused = true)]
async fn escalation_climbs_level_by_level() {
    let world = World::new();
    let inner = Group::new("inner", Strategy::OneForOne)
        .child(world.child("bad", &[Crash; 20]).limit(1, secs(60)))
        .child(world.child("good", &[]));
    let group = Group::new("root", Strategy::OneForOne).child(ChildSpec::group(inner).limit(1, secs(60)));
    let root = world.tree().grow(group).await.unwrap();
    let ending = root.ended().await;
    // bad: 0, 1 s, escalates; inner returns after 1 s: 2 s, 3 s, escalates again; the root gives up.
    assert_eq!(world.diary().times("bad up"), [0, 1000, 2000, 3000]);
    assert_eq!(world.diary().times("good bye"), [1000, 3000]);
    assert!(
        matches!(&ending, Ending::Escalated { child, failure: Some(why), .. } if child == "inner" && why.contains("bad spent its 1 restarts within 60 s: crashed as scripted")),
        "{ending:?}"
    );
}
