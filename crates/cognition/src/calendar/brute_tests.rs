//! The search against every calendar there is, on small cases.

use super::board::{Board, Place};
use super::grid::Grid;
use super::sample::{Dice, Shape, request};
use super::*;
use crate::limits::{Clock, Ledger, Tally};
use crate::zone::Zone;
use omniva_contracts::engine::Moment;

/// The highest score of all calendars: each piece on each slot, or nowhere.
fn optimum(board: &mut Board<'_>, n: usize, most: i64, found: &mut i64) {
    if n == board.pieces.len() {
        *found = (*found).max(board.total());
        return;
    }
    // What is still to come gains at most so much each.
    let left = (board.pieces.len() - n) as i64;
    if board.total() + left * most <= *found {
        return;
    }
    for lane in board.pieces[n].lanes.clone() {
        for slot in board.grid.lanes[lane].slots.clone() {
            if board.fits(n, lane, &slot) {
                board.put(n, Place { lane, slot });
                optimum(board, n + 1, most, found);
                board.take(n);
            }
        }
    }
    optimum(board, n + 1, most, found);
}

/// A tight little calendar: few slots, much that collides.
fn small(seed: u64) -> Request {
    let mut dice = Dice::new(seed ^ 0x5eed);
    let shape = Shape {
        seed,
        now: Moment::parse("2026-03-27T09:00:00Z").expect("a time"),
        clips: 3 + dice.below(3),
        channels: 1 + dice.below(2),
        projects: 1 + dice.below(2),
        days: 1 + dice.below(3) as u32,
        step_minutes: [240, 180, 360][dice.below(3)],
        choices: 1 + dice.below(2),
        zones: vec![Zone::named("Europe/Berlin").expect("known")],
        bounded: 0.4,
    };
    let mut request = request(&shape);
    for project in request.projects.values_mut() {
        project.daily_quota = 1 + dice.below(3) as u32;
    }
    for channel in &mut request.channels {
        channel.spacing_minutes = [0, 120, 300, 500][dice.below(4)];
    }
    let clock = |key: &crate::limits::BucketKey| {
        if key.name == "posts" { Clock::Rolling(86_400_000_000) } else { Clock::Daily(Zone::utc()) }
    };
    let tallies: Vec<_> = request.ledger.tallies().keys().map(|k| (k.clone(), clock(k))).collect();
    let tallies = tallies.into_iter().map(|(k, clock)| (k, Tally::new(1 + dice.below(4) as u64, clock)));
    request.ledger = Ledger::new(tallies.collect::<Vec<_>>());
    request.wanted.iter_mut().for_each(|p| p.topic = Some(format!("{}", dice.below(2))));
    request
}

#[test]
fn the_search_comes_within_two_percent_of_every_calendar_there_is() {
    const CASES: u64 = 300;
    let (mut worst, mut exact, mut near, mut sum, mut far) = (0.0f64, 0u32, 0u32, 0.0, Vec::new());
    for seed in 0..CASES {
        let request = small(seed);
        let plan = plan(&request).expect("valid");
        let grid = Grid::new(&request);
        let mut board = Board::new(&request, &grid);
        let weights = &request.weights;
        let mut best = 0;
        let mut climbed = Board::new(&request, &grid);
        search::climb_alone(&mut climbed);
        optimum(&mut board, 0, weights.placed + weights.window + 2 * weights.mix, &mut best);
        assert!(plan.score <= best, "case {seed}: better than the best");
        let gap = if best == 0 { 0.0 } else { (best - plan.score) as f64 / best as f64 };
        if gap > 0.02 {
            far.push((seed, plan.score, best));
        }
        let short = best - climbed.total();
        near += u32::from(short * 50 <= best);
        exact += u32::from(plan.score == best);
        sum += gap;
        worst = worst.max(gap);
    }
    println!(
        "{CASES} cases: {exact} exact, mean gap {:.5} %, worst {:.4} %; {near} within 2 % by climbing alone",
        sum / CASES as f64 * 100.0,
        worst * 100.0
    );
    assert!(far.is_empty(), "over 2 %: {far:?}");
    assert!(u64::from(near) * 100 >= CASES * 99, "only {near} of {CASES} come within 2 % without the exhaustive end");
    assert!(u64::from(exact) * 100 >= CASES * 95, "only {exact} of {CASES} are the best there is");
}
