//! Ordered stops, manual measures, mailboxes, stalls.

mod kit;

use kit::Step::*;
use kit::*;
use omniva_supervision::*;

#[tokio::test(start_paused = true)]
async fn stops_in_reverse_order_and_kills_at_the_deadline() {
    let world = World::new();
    let inner = Group::new("inner", Strategy::OneForOne)
        .child(world.child("b1", &[SlowStop(ms(100))]))
        .child(world.child("b2", &[SlowStop(secs(3600))]).stop_within(secs(2)));
    let group = Group::new("root", Strategy::OneForOne)
        .child(world.child("a", &[]))
        .child(ChildSpec::group(inner))
        .child(world.child("c", &[SlowStop(ms(500))]));
    let root = world.tree().grow(group).await.unwrap();
    pass(1_000).await;
    assert_eq!(root.stop().await, Ending::Stopped);
    assert_eq!(
        world.diary().lines()[5..],
        [
            "1500 c bye",
            "1500 c stopped",
            "3500 b2 overdue",
            "3600 b1 bye",
            "3600 b1 stopped",
            "3600 inner stopped",
            "3600 a bye",
            "3600 a stopped",
        ]
    );
    assert!(root.view().iter().all(|n| n.state == NodeState::Stopped), "{:?}", root.view());
    assert_eq!(root.stop().await, Ending::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_drains_first_does_what_waits() {
    let world = World::new();
    let group = Group::new("root", Strategy::OneForOne)
        .child(world.child("drains", &[]).drains())
        .child(world.child("drops", &[]));
    let root = world.tree().grow(group).await.unwrap();
    for name in ["drains", "drops"] {
        world.at(name).send(Say::Work(secs(1))).unwrap();
    }
    world.at("drains").send(Say::Note("drains: written")).unwrap();
    world.at("drops").send(Say::Note("drops: written")).unwrap();
    root.stop().await;
    assert_eq!(world.diary().times("drains: written"), [1000]);
    assert_eq!(world.diary().times("drops: written"), [0u64; 0]);
    assert_eq!((world.at("drains").len(), world.at("drops").len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn stopping_during_backoff_and_start_leaves_nothing_behind() {
    let world = World::new();
    let group = Group::new("root", Strategy::OneForOne)
        .child(world.child("waiting", &[Crash]))
        .child(world.child("starting", &[Crash, SlowStart(secs(10))]).backoff(ms(1)..secs(1)));
    let root = world.tree().grow(group).await.unwrap();
    pass(500).await;
    assert_eq!((world.state("waiting"), world.state("starting")), ("backing_off", "starting"));
    assert_eq!(root.stop().await, Ending::Stopped);
    pass(60_000).await;
    assert_eq!(world.diary().times("waiting up"), [0]);
    assert_eq!(world.diary().times("starting up"), [0]);
    assert_eq!(root.reboot().await, Err(Unmanageable::Unavailable("root".into())));
}

#[tokio::test(start_paused = true)]
async fn a_soft_rebuild_is_no_failure() {
    let world = World::new();
    let group = Group::new("root", Strategy::OneForOne).child(world.child("a", &[])).child(world.child("b", &[]));
    let root = world.tree().grow(group).await.unwrap();
    pass(1_000).await;
    root.rebuild("a").await.unwrap();
    assert_eq!(world.generation("a").await, Ok(2));
    assert_eq!(world.generation("b").await, Ok(1));
    assert_eq!(root.tree().node("a").unwrap().restarts, 0);
    assert_eq!(world.diary().times("a"), [0, 1000, 1000, 1000], "up, bye, stopped, up");
    assert_eq!(root.rebuild("x").await, Err(Unmanageable::Unknown("x".into())));
    assert_eq!(root.rebuild("root").await, Err(Unmanageable::IsRoot("root".into())));
    assert_eq!(root.reset("a").await, Err(Unmanageable::NoGroup("a".into())));
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_cuts_the_waiting_short_and_the_old_timer_is_stale() {
    let world = World::new();
    let group = Group::new("root", Strategy::OneForOne).child(world.child("a", &[Crash, Crash, Crash]));
    let root = world.tree().grow(group).await.unwrap();
    pass(4_000).await; // crashed at 0, 1 s and 3 s: waits until 7 s
    assert_eq!(world.state("a"), "backing_off");
    root.rebuild("a").await.unwrap();
    pass(60_000).await;
    assert_eq!(world.diary().times("a up"), [0, 1000, 3000, 4000]);
    // Its past is forgiven: the next failure waits one second, not eight.
    world.at("a").send(Say::Crash).unwrap();
    pass(2_000).await;
    assert_eq!(world.diary().times("a up").last(), Some(&65_000));
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_that_fails_says_so_and_the_policy_goes_on() {
    let world = World::new();
    let group = Group::new("root", Strategy::OneForOne).child(world.child("a", &[Live, FailStart]));
    let root = world.tree().grow(group).await.unwrap();
    assert_eq!(root.rebuild("a").await, Err(Unmanageable::NotUp { name: "a".into(), why: "no luck".into() }));
    pass(1_500).await;
    assert_eq!(world.generation("a").await, Ok(3));
}

#[tokio::test(start_paused = true)]
async fn a_reset_restarts_a_group_and_a_reboot_everything() {
    let world = World::new();
    let inner = Group::new("inner", Strategy::RestForOne).child(world.child("b", &[])).child(world.child("c", &[]));
    let group = Group::new("root", Strategy::OneForOne)
        .child(world.child("a", &[]).on_failure(Restart::Temporary))
        .child(ChildSpec::group(inner));
    let root = world.tree().grow(group).await.unwrap();
    world.at("a").send(Say::Finish).unwrap();
    pass(1_000).await;
    root.reset("inner").await.unwrap();
    let generations = || root.view().into_iter().map(|n| (n.name, n.generation)).collect::<Vec<_>>();
    let expect =
        |g: [u64; 5]| ["root", "a", "inner", "b", "c"].map(String::from).into_iter().zip(g).collect::<Vec<_>>();
    assert_eq!(generations(), expect([1, 1, 1, 2, 2]));
    root.rebuild("c").await.unwrap();
    assert_eq!(generations(), expect([1, 1, 1, 2, 3]));
    root.rebuild("b").await.unwrap();
    assert_eq!(generations(), expect([1, 1, 1, 3, 4]));
    // One that had left comes back by order.
    root.reboot().await.unwrap();
    assert_eq!(generations(), expect([1, 2, 2, 4, 5]));
    assert!(root.view().iter().all(|n| n.state == NodeState::Running && n.restarts == 0), "{:?}", root.view());
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_refuses_and_a_dead_one_empties() {
    let world = World::new();
    let root = world.tree().grow(Group::new("root", Strategy::OneForOne).child(world.child("a", &[]))).await.unwrap();
    let home = world.at("a");
    home.send(Say::Work(secs(5))).unwrap();
    pass(1).await; // in hand now: it takes no place
    for _ in 0..8 {
        home.send(Say::Note("x")).unwrap();
    }
    assert_eq!(home.send(Say::Note("x")), Err(Refused::Full { name: "a".into(), limit: 8 }));
    let back = home.try_send(Say::Note("mine")).unwrap_err();
    assert!(matches!(back.message, Say::Note("mine")));
    let node = root.tree().node("a").unwrap();
    assert_eq!((node.mailbox, node.mailbox_limit), (8, Some(8)));
    assert_eq!(home.send_when_free(Say::Note("y"), secs(1)).await, Err(Refused::Full { name: "a".into(), limit: 8 }));
    home.send_when_free(Say::Crash, secs(60)).await.unwrap();
    assert_eq!(world.diary().times("a failed"), [0u64; 0]);
    pass(10).await;
    assert_eq!(world.diary().times("a failed"), [5000]);
    assert_eq!(home.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn questions_end_in_an_answer_or_a_reason() {
    let world = World::new();
    let home = world.at("a");
    let down = Unanswered::Refused(Refused::Down { name: "a".into() });
    assert_eq!(world.generation("a").await, Err(down.clone()));
    let root = world.tree().grow(Group::new("root", Strategy::OneForOne).child(world.child("a", &[]))).await.unwrap();
    assert_eq!(world.generation("a").await, Ok(1));
    assert_eq!(home.ask(Say::DropQuestion, secs(1)).await, Err(Unanswered::Dropped { name: "a".into() }));
    home.send(Say::Work(secs(3))).unwrap();
    assert_eq!(world.generation("a").await, Err(Unanswered::TimedOut { name: "a".into(), after: secs(1) }));
    // Dies with the question in its queue.
    let (first, second) = tokio::join!(
        home.ask(
            |r| {
                drop(r);
                Say::Panic
            },
            secs(60)
        ),
        home.ask(Say::Generation, secs(60))
    );
    assert_eq!(first, Err::<u64, _>(Unanswered::Dropped { name: "a".into() }));
    assert_eq!(second, Err(Unanswered::Dropped { name: "a".into() }));
    assert_eq!(home.len(), 0);
    root.stop().await;
    assert_eq!(world.generation("a").await, Err(down));
}

#[tokio::test(start_paused = true)]
async fn a_child_that_makes_no_progress_is_killed_and_returns() {
    let world = World::new();
    let child = world.child("a", &[]).stalls_after(secs(10));
    let _root = world.tree().grow(Group::new("root", Strategy::OneForOne).child(child)).await.unwrap();
    pass(60_000).await; // nothing waits: no stall
    world.at("a").send(Say::LongWork(secs(40))).unwrap();
    world.at("a").send(Say::Note("after long work")).unwrap();
    pass(50_000).await;
    assert_eq!(world.diary().times("after long work"), [100_000], "protected");
    world.at("a").send(Say::Work(secs(4000))).unwrap();
    world.at("a").send(Say::Note("never")).unwrap();
    pass(30_000).await;
    let stalled = world.diary().times("a stalled");
    assert!(stalled.len() == 1 && (120_000..=125_000).contains(&stalled[0]), "{stalled:?}");
    assert_eq!(world.diary().times("a vanished"), stalled);
    assert_eq!(world.generation("a").await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_tree_with_faults_does_not_grow() {
    let world = World::new();
    let twice = Group::new("root", Strategy::OneForOne)
        .child(world.child("a", &[]))
        .child(ChildSpec::group(Group::new("g", Strategy::OneForOne).child(world.child("a", &[]))));
    let err = world.tree().grow(twice).await.err().unwrap();
    assert_eq!(err, Ungrown::Spec(SpecError::DuplicateName("a".into())));
    let backwards = Group::new("root", Strategy::OneForOne).child(world.child("b", &[]).backoff(secs(2)..secs(1)));
    let err = world.tree().grow(backwards).await.err().unwrap();
    assert!(matches!(err, Ungrown::Spec(SpecError::Policy { .. })), "{err}");
    assert!(world.diary().lines().is_empty());
}
