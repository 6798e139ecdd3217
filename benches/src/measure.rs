//! Runs a command and measures wall time, CPU time (with all its children) and the highest memory of its process tree.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::Outcome;

#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub wall: f64,
    pub cpu: f64,
    /// Resident memory of all processes together, shared pages counted once where the system tells (PSS), bytes.
    pub peak: u64,
}

/// Errors when the command fails; its output goes where this process's goes.
pub fn run(command: &mut Command) -> Outcome<Usage> {
    let (usage, status) = run_any(command)?;
    if !status.success() {
        return Err(format!("{command:?} ended with {status}").into());
    }
    Ok(usage)
}

pub fn run_any(command: &mut Command) -> Outcome<(Usage, std::process::ExitStatus)> {
    let (before, started) = (children_cpu(), Instant::now());
    let mut child: Child = command.spawn().map_err(|e| format!("{command:?}: {e}"))?;
    let (mut peak, mut next) = (0, started);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= next {
            let (resident, pause) = omniva_stages::memory::sample(child.id());
            peak = peak.max(resident);
            next = Instant::now() + pause;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    Ok((Usage { wall: started.elapsed().as_secs_f64(), cpu: children_cpu() - before, peak }, status))
}

/// User and system time of all children that ended, seconds (getrusage(2)).
fn children_cpu() -> f64 {
    // SAFETY: an all-zero rusage is valid, and getrusage only writes to it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage);
        usage
    };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
