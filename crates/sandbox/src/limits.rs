//! Resource limits (setrlimit(2)). What was found by test:
//! - RLIMIT_AS counts reservations: one onnxruntime session and FFmpeg with its 167 libraries map gigabytes that they
//!   never touch, a graphics driver tens of them. RLIMIT_DATA counts private writable memory, which is what grows.
//! - A thread's stack counts in full from its start. C threads take the RLIMIT_STACK of the program's start as their
//!   size, so the parent lowers that ([`thread_stacks`]); the main thread gets its usual room back here.
//! - RLIMIT_NPROC counts the user's tasks on the whole machine unless the process has a user namespace of its own, where
//!   it counts only the tasks in it (Linux 5.14). Elsewhere it would make threads fail at random, so it is not set.

use std::io;

use crate::policy::Policy;
use crate::sys::check;

const MAIN_STACK: u64 = 8 << 20;
const THREAD_STACK: u64 = 2 << 20;

/// `__rlimit_resource_t` in glibc, `c_int` elsewhere: inferred from the constants.
macro_rules! set {
    ($resource:expr, $soft:expr, $hard:expr) => {{
        let limit = libc::rlimit { rlim_cur: $soft, rlim_max: $hard };
        // SAFETY: a valid pointer for the length of the call.
        check(unsafe { libc::setrlimit($resource, &limit) }).map(drop)
    }};
}

/// No higher than the hard limit that the process already has: only root could raise that.
macro_rules! lower {
    ($resource:expr, $wanted:expr) => {{
        let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: a valid pointer for the length of the call.
        check(unsafe { libc::getrlimit($resource, &mut now) })?;
        let value = now.rlim_max.min($wanted);
        set!($resource, value, value)
    }};
}

/// Called between fork and exec: async-signal-safe.
pub(crate) fn thread_stacks() -> io::Result<()> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a valid pointer for the length of the call.
    check(unsafe { libc::getrlimit(libc::RLIMIT_STACK, &mut now) })?;
    set!(libc::RLIMIT_STACK, now.rlim_max.min(THREAD_STACK), now.rlim_max)
}

/// Everything but the number of tasks.
pub(crate) fn apply(policy: &Policy) -> io::Result<()> {
    lower!(libc::RLIMIT_CORE, 0)?;
    lower!(libc::RLIMIT_STACK, MAIN_STACK)?;
    lower!(libc::RLIMIT_DATA, policy.memory_bytes)?;
    if let Some(bytes) = policy.address_space_bytes {
        lower!(libc::RLIMIT_AS, bytes)?;
    }
    lower!(libc::RLIMIT_FSIZE, policy.file_bytes)?;
    lower!(libc::RLIMIT_NOFILE, policy.open_files)?;
    lower!(libc::RLIMIT_MEMLOCK, 0)?;
    lower!(libc::RLIMIT_MSGQUEUE, 0)?;
    // The soft limit raises SIGXCPU, which names the reason; the hard one kills a child that ignores it.
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a valid pointer for the length of the call.
    check(unsafe { libc::getrlimit(libc::RLIMIT_CPU, &mut now) })?;
    let seconds = policy.cpu_seconds.max(1).min(now.rlim_max);
    set!(libc::RLIMIT_CPU, seconds, seconds.saturating_add(2).min(now.rlim_max))
}

/// Tasks (threads) in the user namespace that the process has just made.
pub(crate) fn apply_tasks(policy: &Policy) -> io::Result<()> {
    lower!(libc::RLIMIT_NPROC, policy.processes.max(1))
}
