//! One reading of /proc.

use std::fs::read_to_string;
use std::path::Path;

/// Bytes and jiffies; 0 where the system does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub cores: u32,
    /// Since the machine came up.
    pub busy: u64,
    pub total: u64,
    pub memory_total: u64,
    pub memory_free: u64,
    pub disk_free: u64,
}

pub(super) fn read(data: &Path) -> Reading {
    let mut reading = Reading { disk_free: omniva_assets::free_space(data).unwrap_or(0), ..Reading::default() };
    reading.cores = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
    if let Ok(text) = read_to_string("/proc/stat") {
        (reading.busy, reading.total) = jiffies(&text);
    }
    if let Ok(text) = read_to_string("/proc/meminfo") {
        (reading.memory_total, reading.memory_free) =
            (kilobytes(&text, "MemTotal:"), kilobytes(&text, "MemAvailable:"));
    }
    reading
}

/// Busy and all jiffies, of the first line of /proc/stat (proc(5): user nice system idle iowait irq softirq steal).
fn jiffies(text: &str) -> (u64, u64) {
    let line = text.lines().next().unwrap_or_default();
    let all: Vec<u64> = line.split_whitespace().skip(1).take(8).map(|n| n.parse().unwrap_or(0)).collect();
    let total: u64 = all.iter().sum();
    let idle: u64 = all.iter().skip(3).take(2).sum();
    (total - idle, total)
}

fn kilobytes(text: &str, key: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|rest| rest.split_whitespace().next()).and_then(|n| n.parse::<u64>().ok());
    number.unwrap_or(0).saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read() {
        assert_eq!(jiffies("cpu  10 1 4 80 5 0 0 0 9 9\ncpu0 1 1"), (15, 100));
        assert_eq!(jiffies(""), (0, 0));
        let text = "MemTotal:       16000 kB\nMemFree: 1 kB\nMemAvailable:    8000 kB\n";
        assert_eq!((kilobytes(text, "MemTotal:"), kilobytes(text, "MemAvailable:")), (16_384_000, 8_192_000));
        assert_eq!(kilobytes(text, "Swap:"), 0);
    }
}
