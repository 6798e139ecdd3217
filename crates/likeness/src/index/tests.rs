//! Copies, parts, jingles and stills, as prints drawn by dice.

use proptest::prelude::*;

use super::*;
use crate::print::{LATEST_LANDMARK, Landmark, MAX_RUNS};
use crate::sight::mirrored;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// About two landmarks and half a picture a second.
fn print(seed: u64, seconds: u32) -> Print {
    let mut dice = Dice(seed << 20);
    let end = u64::from(seconds) * 125 / 8;
    let mut landmarks = Vec::new();
    while landmarks.len() < 2 * seconds as usize {
        let landmark = Landmark { at: dice.below(end) as u32, shape: dice.next() as u32 >> 2 };
        if crate::print::survives(landmark.rank(), 0) {
            landmarks.push(landmark);
        }
    }
    let (mut runs, mut at) = (Vec::new(), 0);
    while at < 2 * seconds {
        let steps = 1 + dice.below(8) as u16;
        runs.push(Run { at, steps, hash: dice.next() });
        at += u32::from(steps);
    }
    Print::new(f64::from(seconds), landmarks, runs)
}

/// What an encoder and scissors leave of it: from `from` to `to` seconds, two of three landmarks gone, some bits turned.
fn copy(of: &Print, seed: u64, from: u32, to: u32) -> Print {
    let mut dice = Dice(seed);
    let (first, last) = (from * 125 / 8, to * 125 / 8);
    let landmarks = of.landmarks().iter().filter(|l| (first..last).contains(&l.at) && dice.below(3) == 0);
    let landmarks: Vec<Landmark> = landmarks.map(|l| Landmark { at: l.at - first, ..*l }).collect();
    let bits = |dice: &mut Dice| (0..4).fold(0u64, |bits, _| bits | 1 << dice.below(64));
    let runs = of.runs().iter().filter(|r| r.at >= 2 * from && r.end() <= 2 * to);
    let runs = runs.map(|r| Run { at: r.at - 2 * from, hash: r.hash ^ bits(&mut dice), ..*r }).collect();
    Print::new(f64::from(to - from), landmarks, runs)
}

fn without_sound(print: &Print) -> Print {
    Print::new(print.seconds(), Vec::new(), print.runs().to_vec())
}

fn without_picture(print: &Print) -> Print {
    Print::new(print.seconds(), print.landmarks().to_vec(), Vec::new())
}

fn index(prints: impl IntoIterator<Item = (u128, Print)>) -> Index {
    Index::build(Thresholds::default(), prints).expect("room")
}

fn many(count: u64) -> Index {
    index((0..count).map(|n| (u128::from(n), print(n, 120 + (n as u32 * 37) % 300))))
}

#[test]
fn copies_are_found_with_where_and_how_much() {
    let index = many(300);
    for n in [3u64, 77, 250] {
        let whole = print(n, 120 + (n as u32 * 37) % 300);
        let query = copy(&whole, n, 20, 100);
        for (query, by_sound, by_picture) in
            [(query.clone(), true, true), (without_sound(&query), false, true), (without_picture(&query), true, false)]
        {
            let found = index.lookup(&query, None);
            assert_eq!(found.len(), 1, "{n}: {found:?}");
            let found = found[0];
            assert_eq!((found.id, found.mirrored), (u128::from(n), false));
            assert_eq!((found.audio.enough, found.video.enough), (by_sound, by_picture), "{found:?}");
            assert!((found.offset - 20.0).abs() <= 0.6, "{found:?}");
            assert!(found.overlap() > 65.0 && found.overlap() <= 80.5, "{found:?}");
        }
        assert_eq!(index.lookup(&query, Some(u128::from(n))), [], "not with itself");
    }
}

#[test]
fn a_mirrored_copy_is_found_and_called_so() {
    let index = many(50);
    let query = copy(&print(7, 120 + 259), 1, 0, 90);
    let turned: Vec<Run> = query.runs().iter().map(|r| Run { hash: mirrored(r.hash), ..*r }).collect();
    let query = Print::new(query.seconds(), query.landmarks().to_vec(), turned);
    for query in [without_sound(&query), query] {
        let found = index.lookup(&query, None);
        assert_eq!((found.len(), found[0].id, found[0].mirrored), (1, 7, true), "{found:?}");
    }
}

/// `a` with the first `seconds` of `b` put over its own.
fn opening(a: &Print, b: &Print, seconds: u32) -> Print {
    let units = seconds * 125 / 8;
    let landmarks = b.landmarks().iter().filter(|l| l.at < units).chain(a.landmarks().iter().filter(|l| l.at >= units));
    let runs =
        b.runs().iter().filter(|r| r.end() <= 2 * seconds).chain(a.runs().iter().filter(|r| r.at >= 2 * seconds));
    Print::new(a.seconds(), landmarks.copied().collect(), runs.copied().collect())
}

#[test]
fn a_common_opening_is_no_pair_and_a_long_common_part_is() {
    let jingle = print(900, 200);
    let index = index((0..40).map(|n| (u128::from(n), opening(&print(n, 600), &jingle, 25))));
    assert_eq!(index.lookup(&opening(&print(1000, 600), &jingle, 25), None), []);
    // 90 s of ten minutes.
    let part = opening(&print(1001, 600), &print(5, 600), 90);
    let found = index.lookup(&part, None);
    assert_eq!((found.len(), found[0].id), (1, 5), "{found:?}");
    assert!((found[0].audio.to - 90.0).abs() < 6.0 && found[0].overlap() < 91.0, "{found:?}");
}

#[test]
fn stills_and_fixed_cameras_are_no_pair_without_sound() {
    let camera = |seed: u64| {
        let mut dice = Dice(seed);
        let base = 0x1234_5678_9abc_def0u64;
        let runs =
            (0..300).map(|n| Run { at: n * 4, steps: 4, hash: base ^ 1 << dice.below(64) ^ 1 << dice.below(64) });
        Print::new(600.0, Vec::new(), runs.collect())
    };
    let index = index((0..20).map(|n| (u128::from(n), camera(n))));
    assert_eq!(index.lookup(&camera(500), None), []);
    let still = Print::new(600.0, Vec::new(), vec![Run { at: 0, steps: 1200, hash: 77 }]);
    let index = self::index([(1, still.clone())]);
    assert_eq!(index.lookup(&still, None), []);
}

#[test]
fn parts_in_another_order_add_up() {
    let whole = print(5, 600);
    let (a, b) = (copy(&whole, 1, 300, 360), copy(&whole, 2, 60, 120));
    let moved = b.landmarks().iter().map(|l| Landmark { at: l.at + 60 * 125 / 8, ..*l });
    let query = Print::new(120.0, a.landmarks().iter().copied().chain(moved).collect(), Vec::new());
    let found = index([(5, whole)]).lookup(&query, None);
    assert!(found[0].audio.seconds > 100.0, "{found:?}");
}

#[test]
fn a_part_of_a_ten_hour_video_is_found_in_spite_of_thinning() {
    let mut dice = Dice(1);
    let all = std::iter::repeat_with(|| Landmark { at: dice.below(562_500) as u32, shape: dice.next() as u32 >> 2 });
    let landmarks: Vec<Landmark> = all.filter(|l| crate::print::survives(l.rank(), 0)).take(140_000).collect();
    let runs: Vec<Run> =
        (0..60_000).map(|n| Run { at: n, steps: 1 + n as u16 % 2, hash: u64::from(n) << 32 }).collect();
    let long = Print::new(36_000.0, landmarks.clone(), runs);
    assert!(long.thinned() > 0 && long.runs().len() <= MAX_RUNS);
    let from = 300_000;
    let part = landmarks.iter().filter(|l| (from..from + 1900).contains(&l.at));
    let part: Vec<Landmark> = part.map(|l| Landmark { at: l.at - from, ..*l }).collect();
    let found = index([(1, long)]).lookup(&Print::new(121.6, part, Vec::new()), None);
    assert_eq!(found.len(), 1);
    assert!(found[0].audio.similarity > 0.9 && found[0].audio.seconds > 100.0, "{found:?}");
}

#[test]
fn a_small_budget_costs_candidates_and_not_the_measure() {
    let whole = print(5, 600);
    let thresholds = Thresholds { budget: 400, ..Thresholds::default() };
    let index = Index::build(thresholds, [(5, whole.clone()), (6, print(6, 600))]).expect("room");
    let found = index.lookup(&without_picture(&whole), None);
    assert_eq!((found.len(), found[0].id), (1, 5));
    assert!(found[0].audio.similarity > 0.95 && found[0].audio.evidence <= 400, "{found:?}");
}

#[test]
fn what_was_removed_is_not_found_and_its_place_is_used_again() {
    let mut index = many(200);
    for round in 0..3u64 {
        for n in 0..150u64 {
            assert!(index.remove(u128::from(n)));
            assert!(!index.remove(u128::from(n)));
        }
        assert_eq!(index.len(), 50);
        assert_eq!(index.lookup(&print(3, 231), None), [], "round {round}");
        for n in 0..150 {
            index.insert(u128::from(n), &print(n, 120 + (n as u32 * 37) % 300)).expect("room");
        }
        assert_eq!(index.lookup(&print(3, 231), None)[0].id, 3);
    }
    assert!(index.entries.len() < 400, "{}", index.entries.len());
    index.insert(3, &print(999, 200)).expect("room");
    assert_eq!((index.len(), index.lookup(&print(3, 231), None)), (200, vec![]));
}

#[test]
fn blank_prints_and_extremes_are_survived() {
    let mut index = many(5);
    let blank = Print::new(0.0, Vec::new(), Vec::new());
    index.insert(99, &blank).expect("room");
    assert_eq!(index.lookup(&blank, None), []);
    let late = Print::new(f64::INFINITY, vec![Landmark { at: LATEST_LANDMARK, shape: 1 }], Vec::new());
    index.insert(100, &late).expect("room");
    assert_eq!(index.lookup(&late, None), []);
    assert!(index.contains(100) && index.bytes() > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// However prints came in, the same ones answer the same.
    #[test]
    fn building_and_inserting_agree(order in Just((0u64..24).collect::<Vec<_>>()).prop_shuffle(), gone in 0u64..24, asked in 0u64..24) {
        let all = |n: u64| (u128::from(n), print(n, 60 + n as u32));
        let built = index((0..24).filter(|n| *n != gone).map(all));
        let mut grown = Index::new(Thresholds::default());
        for n in order {
            let (id, print) = all(n);
            grown.insert(id, &print).expect("room");
        }
        grown.remove(u128::from(gone));
        let query = copy(&print(asked, 60 + asked as u32), asked, 0, 60);
        let found = built.lookup(&query, None);
        prop_assert_eq!(&grown.lookup(&query, None), &found);
        prop_assert_eq!(found.len(), usize::from(asked != gone));
    }
}
