//! How long a look-up takes among many prints: `cargo run --release -p omniva-likeness --example lookup -- [PRINTS]`
//! (100,000 when not said). Prints the time to build and insert, the memory, the times of look-ups and what was found; the
//! last line is JSON.
//!
//! The prints are drawn by dice but built as real ones are. Lengths run from 1 minute to 1 hour (mean 11 min). Sound: two
//! landmarks a second whose peaks lie in formants of one of 4,000 voices and follow a skewed choice of steps, so that keys
//! repeat within and between videos as those of speech do. Picture: shots of a few seconds; a third of the videos is a
//! fixed camera in one of 2,000 rooms with a person that moves, the others cut between pictures of their own.

use std::time::{Duration, Instant};

use omniva_likeness::{Hearing, Index, Landmark, Print, Run, Thresholds};

struct Dice(u64);

impl Dice {
    fn new(seed: u64, stream: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0xd134_2543_de82_ef95) ^ stream.wrapping_mul(0x2545_f491_4f6c_dd1d));
        dice.next();
        dice
    }
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }
    /// 0..1
    fn unit(&mut self) -> f64 {
        self.next() as f64 / u64::MAX as f64
    }
    /// Small values far more often than large ones.
    fn skewed(&mut self, n: u64) -> u64 {
        (self.unit() * self.unit() * n as f64) as u64
    }
}

fn seconds(id: u64) -> u32 {
    let mut dice = Dice::new(id, 1);
    (60.0 * 60f64.powf(dice.unit() * dice.unit().sqrt())) as u32 + 30
}

fn sound(id: u64, seconds: u32) -> Vec<Landmark> {
    let voice = Dice::new(id, 2).below(4_000);
    let mut voice_dice = Dice::new(voice, 3);
    let formants: Vec<u64> = (0..5).map(|_| 4 + voice_dice.below(190)).collect();
    let mut dice = Dice::new(id, 4);
    let end = u64::from(seconds) * 125 / 8;
    let mut kept = Vec::with_capacity(2 * seconds as usize);
    while kept.len() < 2 * seconds as usize {
        let first = (formants[dice.below(5) as usize] + dice.skewed(12)).min(204);
        let mut step = || (63 + dice.skewed(60)).wrapping_sub(dice.skewed(60)).min(126);
        let (second, third) = (step(), step());
        let time = dice.skewed(15);
        let later = time + dice.skewed(16 - time);
        let at = dice.below(end) as u32;
        // About one shape in thirty-two is kept: the nearest one that is.
        let near = (0..127).map(|n| first << 22 | ((second + n) % 127) << 15 | third << 8 | time << 4 | later.min(15));
        kept.extend(near.map(|shape| Landmark { at, shape: shape as u32 }).find(|l| l.is_kept()));
    }
    kept
}

fn picture(id: u64, seconds: u32) -> Vec<Run> {
    let mut dice = Dice::new(id, 5);
    let fixed = dice.below(3) == 0;
    let room = Dice::new(dice.below(2_000), 6).next();
    let (mut runs, mut at, mut shot) = (Vec::new(), 0u32, dice.next());
    while at < 2 * seconds {
        let steps = 1 + dice.skewed(if fixed { 30 } else { 14 }) as u16;
        // Real pictures share their coarse shape: some bits are nearly always the same.
        let moved = (0..6).fold(0u64, |bits, _| bits | 1 << dice.below(64));
        if !fixed && dice.below(3) > 0 {
            shot = dice.next() & (dice.next() | 0xffff_0000_ffff_00ff);
        }
        runs.push(Run { at, steps, hash: if fixed { room } else { shot } ^ moved });
        at += u32::from(steps);
    }
    runs
}

fn print(id: u64) -> Print {
    let seconds = seconds(id);
    Print::new(f64::from(seconds), sound(id, seconds), picture(id, seconds))
}

/// A copy as encoders and scissors leave it: 60 % of the length, two of three landmarks gone, 4 bits of each hash turned.
fn copy(id: u64) -> Print {
    let whole = print(id);
    let mut dice = Dice::new(id, 7);
    let from = (whole.seconds() * 0.2) as u32;
    let to = (whole.seconds() * 0.8) as u32;
    let (first, last) = (from * 125 / 8, to * 125 / 8);
    let landmarks = whole.landmarks().iter().filter(|l| (first..last).contains(&l.at) && dice.below(3) == 0);
    let landmarks = landmarks.map(|l| Landmark { at: l.at - first, ..*l }).collect();
    let runs = whole.runs().iter().filter(|r| r.at >= 2 * from && r.at + u32::from(r.steps) <= 2 * to);
    let runs = runs.map(|r| {
        let bits = (0..4).fold(0u64, |bits, _| bits | 1 << dice.below(64));
        Run { at: r.at - 2 * from, hash: r.hash ^ bits, ..*r }
    });
    Print::new(f64::from(to - from), landmarks, runs.collect())
}

/// Time that this thread computed: on a busy machine the clock also counts others.
fn busy() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one struct that lives here; the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Median, the 99th of a hundred, and the longest, milliseconds.
fn quantiles(mut times: Vec<Duration>) -> [f64; 3] {
    times.sort();
    [0.5, 0.99, 1.0].map(|share| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0)
}

/// By the clock, and of computing alone.
fn told(what: &str, times: Vec<(Duration, Duration)>) -> [[f64; 3]; 2] {
    let (clock, computing): (Vec<Duration>, Vec<Duration>) = times.into_iter().unzip();
    let found = [quantiles(clock), quantiles(computing)];
    let line = |[median, p99, max]: [f64; 3]| format!("p50 {median:.2} ms, p99 {p99:.2} ms, max {max:.2} ms");
    println!("{what}: {}; computing alone: {}", line(found[0]), line(found[1]));
    found
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: u64 = std::env::args().nth(1).map_or(Ok(100_000), |n| n.parse())?;
    let begun = Instant::now();
    let all: f64 = (0..count).map(|id| f64::from(seconds(id))).sum();
    let mut index = Index::build(Thresholds::default(), (0..count).map(|id| (u128::from(id), print(id))))?;
    println!(
        "{count} prints of {:.1} min on average, drawn and built in {:.1} s",
        all / 60.0 / count as f64,
        begun.elapsed().as_secs_f64()
    );
    println!("index: {:.0} MB", index.bytes() as f64 / 1e6);
    let (mut known, mut fresh, mut missed, mut wrong) = (Vec::new(), Vec::new(), 0, 0);
    for n in 0..500u64 {
        let id = Dice::new(n, 8).below(count);
        for (query, expected) in [(copy(id), Some(u128::from(id))), (print(count + n), None)] {
            let (begun, working) = (Instant::now(), busy());
            let found = index.lookup(&query, None);
            let time = (begun.elapsed(), busy() - working);
            let times = if expected.is_some() { &mut known } else { &mut fresh };
            times.push(time);
            missed += u32::from(expected.is_some() && !found.iter().any(|m| Some(m.id) == expected));
            wrong += found.iter().filter(|m| Some(m.id) != expected).count();
        }
    }
    let known = told("copies of what is there", known);
    let fresh = told("new videos", fresh);
    println!("missed {missed}, false pairs {wrong}");
    let mut times = Vec::new();
    for n in 0..500u64 {
        let new = print(2 * count + n);
        let (begun, working) = (Instant::now(), busy());
        index.insert(u128::from(2 * count + n), &new)?;
        times.push((begun.elapsed(), busy() - working));
    }
    told("inserting", times);
    let long = Print::new(36_000.0, sound(7_777_777, 36_000), picture(7_777_777, 36_000));
    let working = busy();
    index.lookup(&long, None);
    let time = (busy() - working).as_secs_f64() * 1000.0;
    println!("a ten-hour video ({} bytes): {time:.2} ms of computing", long.to_bytes().len());
    let (mut hearing, noise) = (Hearing::new(), vec![0.1f32; 16_000]);
    let working = busy();
    (0..60).for_each(|_| hearing.push(&noise));
    println!("a minute of sound: {:.1} ms", (busy() - working).as_secs_f64() * 1000.0);
    let line = |name: &str, [clock, computing]: [[f64; 3]; 2]| {
        let [(median, p99), (_, busy)] = [clock, computing].map(|t| (t[0], t[1]));
        format!("\"{name}_p50_ms\":{median:.3},\"{name}_p99_ms\":{p99:.3},\"{name}_p99_busy_ms\":{busy:.3}")
    };
    println!("{{{},{},\"missed\":{missed},\"wrong\":{wrong}}}", line("copies", known), line("new", fresh));
    Ok(())
}
