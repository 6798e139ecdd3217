//! Seeded simulation of the engine's core: jobs, leases, deliberation and restarts on the store in memory, on one thread,
//! with faults by name. Every invariant is looked at after every change. The same seed gives the same run, to the bit.
//!
//! `OMNIVA_SIM_SEED=17 cargo test -p omniva-tests --test sim replay -- --nocapture` replays one seed and tells its story;
//! `OMNIVA_SIM_SEEDS=100000` runs more than the usual number.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)] // a simulation fails by panicking, with its seed

mod brief;
mod chaos;
mod engine;
mod finish;
mod sweep;
mod workers;
mod world;

use chaos::Fault;
use world::World;

/// Turns under faults; then all faults stop and everything must come to an end.
const TURNS: u32 = 160;

fn run(seed: u64, aloud: bool, faults: &[Fault]) -> World {
    let mut world = World::new(seed, aloud, faults);
    world.found();
    for _ in 0..TURNS {
        world.turn();
    }
    world.calm();
    world.verify();
    world
}

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs a seed and names it when it fails, so that it can be replayed.
fn named(seed: u64, faults: &[Fault]) -> World {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(seed, false, faults))).unwrap_or_else(|_| {
        panic!("seed {seed} fails: OMNIVA_SIM_SEED={seed} cargo test -p omniva-tests --test sim replay -- --nocapture")
    })
}

#[test]
fn thousands_of_seeds_hold_every_invariant() {
    let seeds = from_env("OMNIVA_SIM_SEEDS").unwrap_or(2_000);
    let threads = 2;
    let totals: Vec<world::Totals> = std::thread::scope(|scope| {
        let share = |first: u64| {
            move || {
                let mut totals = world::Totals::default();
                for seed in (first..seeds).step_by(threads) {
                    totals.add(&named(seed, &Fault::ALL).totals);
                }
                totals
            }
        };
        let hands: Vec<_> = (0..threads as u64).map(|first| scope.spawn(share(first))).collect();
        hands.into_iter().map(|hand| hand.join().unwrap()).collect()
    });
    let mut all = world::Totals::default();
    totals.iter().for_each(|t| all.add(t));
    println!("{seeds} seeds: {all:?}");
    // The simulation reaches what it is meant to test: each fault struck, and clips got through in spite of them.
    assert!(all.published > seeds, "clips are published");
    for fault in Fault::ALL {
        assert!(all.struck.get(&fault).copied().unwrap_or(0) > 0, "{fault:?} never struck");
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in [1, 7, 42, 1_000_003] {
        let (one, two) = (named(seed, &Fault::ALL), named(seed, &Fault::ALL));
        assert_eq!(one.trace_hash(), two.trace_hash(), "seed {seed}");
        assert_ne!(one.trace_hash(), named(seed + 1, &Fault::ALL).trace_hash());
    }
}

/// Without faults nothing fails, nothing is tried twice and everything that was approved is out.
#[test]
fn a_day_without_faults_publishes_everything_it_should() {
    for seed in 0..50 {
        let world = named(seed, &[]);
        world.all_is_well();
    }
}

/// Each fault alone, so that a failure says which one it is.
#[test]
fn each_fault_alone_is_survived() {
    for fault in Fault::ALL {
        for seed in 0..20 {
            named(seed, &[fault]);
        }
    }
}

#[test]
fn replay() {
    let Some(seed) = from_env("OMNIVA_SIM_SEED") else { return };
    let world = run(seed, true, &Fault::ALL);
    println!("seed {seed}: {} changes, hash {}", world.totals.commits, world.trace_hash());
}
