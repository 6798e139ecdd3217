//! Resident memory of this process and all its children together, sampled while a run goes on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A run looks at itself so much less often than whoever measures it: what a stage holds, it holds for seconds.
const SELDOM: u32 = 3;

/// Runs `work` while a thread samples memory; returns its result and the highest sum in bytes (0 when the system does
/// not tell).
pub fn peak_during<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let (peak, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let result = std::thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let (resident, pause) = sample(std::process::id());
                peak.fetch_max(resident, Ordering::Relaxed);
                std::thread::park_timeout(pause * SELDOM);
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        sampler.thread().unpark();
        result
    });
    (result, peak.into_inner())
}

/// Memory of a process and all its descendants in bytes, and how long to wait before the next look: reading it walks
/// the page tables of every process (and holds them up meanwhile), so that at most a fiftieth of the time goes there.
pub fn sample(pid: u32) -> (u64, Duration) {
    let started = Instant::now();
    let resident = resident_of_tree(pid);
    (resident, (started.elapsed() * 50).clamp(Duration::from_millis(150), Duration::from_secs(2)))
}

fn resident_of_tree(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let below: u64 = children
        .flat_map(|line| line.split_whitespace().filter_map(|p| p.parse().ok()).collect::<Vec<u32>>())
        .map(resident_of_tree)
        .sum();
    resident(pid) + below
}

/// Proportional set size where the system tells it (shared libraries are then counted once), resident size otherwise.
fn resident(pid: u32) -> u64 {
    let field = |text: &str, name: &str| -> Option<u64> {
        text.lines()
            .find_map(|l| l.strip_prefix(name)?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok())
            .map(|kb| kb * 1024)
    };
    std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))
        .ok()
        .and_then(|text| field(&text, "Pss:"))
        .or_else(|| std::fs::read_to_string(format!("/proc/{pid}/status")).ok().and_then(|text| field(&text, "VmRSS:")))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_what_is_allocated() {
        let (sum, peak) = peak_during(|| {
            let block = vec![1u8; 64 << 20];
            std::thread::sleep(Duration::from_millis(1000));
            block.iter().map(|b| u64::from(*b)).sum::<u64>()
        });
        assert_eq!(sum, 64 << 20);
        assert!(peak > 64 << 20, "peak {peak}");
    }
}
