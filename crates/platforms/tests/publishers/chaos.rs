//! Deaths and faults by dice with a seed: no post is made twice, none is lost, and what nobody knows is said to be unknown.
//!
//! `OMNIVA_CHAOS_SEED` replays one seed, `OMNIVA_CHAOS_UPLOADS` makes the storm longer.

use std::sync::atomic::Ordering;

use omniva_emulators::{Emulated, Server};
use omniva_platforms::Publication;

use super::bench::{Bench, End};
use super::{instagram, tiktok, webhook, youtube};

const DEATHS: f64 = 0.08;
const FAULTS: f64 = 0.25;

/// What the storm over one platform has met.
#[derive(Debug, Default)]
struct Tally {
    deaths: u64,
    faults: u64,
    posted: u64,
    unconfirmed: u64,
}

/// One platform with its publisher.
struct Sea<'a> {
    bench: &'a Bench,
    run: &'a dyn Fn(&Publication) -> End,
    /// Posts of an upload on the platform.
    posts: &'a dyn Fn(&Publication) -> usize,
    calm: &'a dyn Fn() -> u64,
}

fn from_env(name: &str, or: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(or)
}

fn storm(server: &Server<impl Emulated>, bench: &Bench, seed: u64) {
    server.faults().random(seed, FAULTS);
    bench.killer.random(seed ^ 0xabcd, DEATHS);
}

fn sail(sea: &Sea, seed: u64, uploads: u64) -> Tally {
    let mut tally = Tally::default();
    let publication = |n: u64| {
        let mut publication = sea.bench.publication(u128::from(n), 700_000);
        publication.post.playlist = Some("PL".into());
        sea.bench.with_captions(publication)
    };
    for n in 0..uploads {
        let publication = publication(n);
        let end = (sea.run)(&publication);
        let there = (sea.posts)(&publication);
        match end {
            End::Posted(_) => {
                tally.posted += 1;
                assert_eq!(there, 1, "seed {seed}, upload {n}");
            }
            End::Unconfirmed => {
                tally.unconfirmed += 1;
                assert!(there <= 1, "seed {seed}, upload {n}: {there} posts");
            }
            End::Refused(fault) => panic!("seed {seed}, upload {n}: {fault:?}"),
        }
    }
    // The storm is over: what is unconfirmed stays so, or is found; what was posted is not sent again.
    tally.faults = (sea.calm)();
    sea.bench.killer.calm();
    for n in 0..uploads {
        let publication = publication(n);
        let before = (sea.posts)(&publication);
        let end = (sea.run)(&publication);
        assert_eq!((sea.posts)(&publication), before, "seed {seed}, upload {n} was sent again: {end:?}");
        match end {
            End::Posted(_) => assert_eq!(before, 1, "seed {seed}, upload {n} is lost"),
            End::Unconfirmed => assert_eq!(before, 0, "seed {seed}, upload {n} is there and was not found"),
            End::Refused(fault) => panic!("seed {seed}, upload {n}: {fault:?}"),
        }
    }
    tally.deaths = sea.bench.killer.kills.load(Ordering::Relaxed);
    tally
}

/// Sails, and calms `server` when the storm is over.
macro_rules! sea {
    ($stage:ident, $seed:expr, $uploads:expr) => {{
        storm(&$stage.server, &$stage.bench, $seed);
        let calm = || {
            let mut faults = $stage.server.faults();
            faults.calm();
            faults.met
        };
        let sea = Sea { bench: &$stage.bench, run: &|p| $stage.run(p), posts: &|p| $stage.posts(p), calm: &calm };
        sail(&sea, $seed, $uploads)
    }};
}

fn on_youtube(seed: u64, uploads: u64) -> Tally {
    let stage = youtube::Stage::new();
    stage.server.state().forgets = 0.1;
    stage.server.state().hide = 2;
    let tally = sea!(stage, seed, uploads);
    let google = stage.server.state();
    let twice =
        google.captions.iter().filter(|one| google.captions.iter().filter(|c| c.video == one.video).count() > 1);
    assert_eq!(twice.count(), 0, "seed {seed}: captions twice");
    assert!(google.captions.len() as u64 * 4 >= tally.posted * 3, "seed {seed}: captions went missing");
    tally
}

fn on_tiktok(seed: u64, uploads: u64) -> Tally {
    let stage = tiktok::Stage::new();
    sea!(stage, seed, uploads)
}

fn on_instagram(seed: u64, uploads: u64) -> Tally {
    let stage = instagram::Stage::new();
    stage.server.state().quota = u32::MAX;
    stage.server.state().hide = 2;
    sea!(stage, seed, uploads)
}

fn on_webhook(seed: u64, uploads: u64) -> Tally {
    let stage = webhook::Stage::new();
    sea!(stage, seed, uploads)
}

#[test]
fn no_death_and_no_fault_makes_a_second_post_or_loses_one() {
    let seed = from_env("OMNIVA_CHAOS_SEED", 1);
    let uploads = from_env("OMNIVA_CHAOS_UPLOADS", 80);
    let tallies = std::thread::scope(|scope| {
        let threads = [
            ("youtube", scope.spawn(move || on_youtube(seed, uploads))),
            ("tiktok", scope.spawn(move || on_tiktok(seed, uploads))),
            ("instagram", scope.spawn(move || on_instagram(seed, uploads))),
            ("webhook", scope.spawn(move || on_webhook(seed, uploads))),
        ];
        threads.map(|(name, thread)| (name, thread.join().unwrap_or_else(|death| std::panic::resume_unwind(death))))
    });
    println!("seed {seed}, {uploads} uploads each: {tallies:#?}");
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(|(_, tally)| of(tally)).sum::<u64>();
    assert!(sum(|t| t.deaths + t.faults) >= uploads * 25, "the storm was a breeze: {tallies:?}");
    assert_eq!(sum(|t| t.posted + t.unconfirmed), uploads * 4);
    assert!(sum(|t| t.posted) > sum(|t| t.unconfirmed) * 4, "too much is unknown: {tallies:?}");
    // An id that the receiver knows again leaves no doubt.
    assert!(tallies.iter().all(|(name, tally)| *name != "webhook" || tally.unconfirmed == 0));
}
