//! Starting the child of this test binary.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use omniva_contracts::{Fault, Monitor, Silent};
use omniva_sandbox::{ChildEnd, Policy, run};

use crate::acts::Act;

pub fn me() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// A policy with room, that may write into `out`.
pub fn policy(out: &Path) -> Policy {
    let mut policy = Policy::new(1 << 30, Duration::from_secs(60), 2);
    policy.write.push(out.to_path_buf());
    policy
}

pub fn perform(policy: &Policy, act: &Act) -> Result<ChildEnd, Fault> {
    perform_watched(policy, act, &Silent)
}

pub fn perform_watched(policy: &Policy, act: &Act, monitor: &dyn Monitor) -> Result<ChildEnd, Fault> {
    run(&me(), &["__child"], policy, &serde_json::to_vec(act).unwrap(), monitor)
}

/// Keeps progress; cancels once `file` exists.
#[derive(Default)]
pub struct Watcher {
    pub told: Mutex<Vec<f64>>,
    pub cancel_when: Option<PathBuf>,
    pub cancelled_at: Mutex<Option<Instant>>,
}

impl Monitor for Watcher {
    fn progress(&self, fraction: f64) {
        self.told.lock().unwrap().push(fraction);
    }
    fn cancelled(&self) -> bool {
        let now = self.cancel_when.as_ref().is_some_and(|file| file.exists());
        if now {
            self.cancelled_at.lock().unwrap().get_or_insert_with(Instant::now);
        }
        now
    }
}

/// True when no such process runs (a zombie does not run).
pub fn gone(pid: i32) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Err(_) => true,
        Ok(stat) => stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['Z', 'X'])),
    }
}

/// Waits up to ten seconds.
pub fn eventually(what: &str, mut test: impl FnMut() -> bool) {
    let start = Instant::now();
    while !test() {
        assert!(start.elapsed() < Duration::from_secs(10), "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The whole number that a process wrote, once it is complete (it ends with a line break).
pub fn number_in(file: &Path) -> i32 {
    let mut found = None;
    eventually(&format!("{} is written", file.display()), || {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        found = text.strip_suffix('\n').map(|number| number.parse().unwrap());
        found.is_some()
    });
    found.unwrap()
}
