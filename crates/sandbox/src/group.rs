//! A child in a process group (and session) of its own, which never outlives its [`Group`].

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use crate::policy::Policy;
use crate::sys::{self, check};
use crate::{limits, parent::Usage};

pub(crate) struct Group {
    pid: libc::pid_t,
    /// Becomes readable when the leader ends; `None` where the kernel has no such thing (before 5.3).
    pub pidfd: Option<OwnedFd>,
    /// All three are non-blocking.
    pub stdin: Option<ChildStdin>,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
    reaped: bool,
}

impl Group {
    pub fn spawn(program: &Path, args: &[&str], policy: &Policy) -> io::Result<Self> {
        // SAFETY: no arguments.
        let parent = unsafe { libc::getpid() };
        let mut command = Command::new(program);
        command.args(args).current_dir(policy.working_folder());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        environment(&mut command, policy);
        // SAFETY: `prepare` makes only async-signal-safe calls and allocates nothing.
        unsafe { command.pre_exec(move || prepare(parent)) };
        let mut child = command.spawn()?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let pid = child.id() as libc::pid_t;
        // From here on the guard ends and reaps the child on every way out.
        let group = Self { pid, pidfd: pidfd(pid), stdin, stdout, stderr, reaped: false };
        let pipes = [
            group.stdin.as_ref().map(AsFd::as_fd),
            group.stdout.as_ref().map(AsFd::as_fd),
            group.stderr.as_ref().map(AsFd::as_fd),
        ];
        pipes.into_iter().flatten().try_for_each(sys::set_nonblocking)?;
        Ok(group)
    }

    pub fn pid(&self) -> libc::pid_t {
        self.pid
    }

    /// To every process of the group. The leader is not reaped before [`Group::reap`], so the number can't have passed
    /// on to a stranger.
    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: no pointers. A group that is already gone is what we want.
        unsafe { libc::kill(-self.pid, signal) };
    }

    /// Whether the leader has ended; leaves it to be reaped.
    pub fn ended(&self) -> bool {
        // SAFETY: zeroed is a valid `siginfo_t`; the pointer is valid for the call.
        unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
            let result = libc::waitid(libc::P_PID, self.pid as libc::id_t, &mut info, flags);
            // ECHILD: somebody reaped it for us (SIGCHLD ignored); nothing to wait for.
            (result == 0 && info.si_pid() == self.pid) || (result == -1 && errno() == libc::ECHILD)
        }
    }

    /// Kills what is left of the group, waits for the leader and gives its end and its usage.
    pub fn reap(&mut self) -> io::Result<(ExitStatus, Usage)> {
        self.signal(libc::SIGKILL);
        self.reaped = true;
        let mut status = 0;
        // SAFETY: zeroed is a valid `rusage`; pointers are valid for the call.
        let (result, used) = unsafe {
            let mut used: libc::rusage = std::mem::zeroed();
            loop {
                let result = libc::wait4(self.pid, &mut status, 0, &mut used);
                if result != -1 || errno() != libc::EINTR {
                    break (result, used);
                }
            }
        };
        check(result)?;
        Ok((ExitStatus::from_raw(status), usage(&used)))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            let _ = self.reap();
        }
    }
}

fn usage(used: &libc::rusage) -> Usage {
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Usage {
        user_seconds: seconds(used.ru_utime),
        system_seconds: seconds(used.ru_stime),
        max_rss_bytes: u64::try_from(used.ru_maxrss).unwrap_or(0) * 1024,
    }
}

fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn pidfd(pid: libc::pid_t) -> Option<OwnedFd> {
    // SAFETY: no pointers; a non-negative result is a new descriptor that nobody else owns (close-on-exec by itself).
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        (fd >= 0).then(|| OwnedFd::from_raw_fd(fd as libc::c_int))
    }
}

/// Buffers of frames and tensors are freed and taken again all the time. glibc would give each back to the system, which
/// then has to clear every page anew: a tenth of the time of listening. Those of 2 MiB and more go back even so: they are
/// rare enough not to be felt, and what lies free of them in the heap is missing elsewhere (up to 60 MB beside listening).
const ALLOCATOR: &str = "glibc.malloc.mmap_threshold=2097152:glibc.malloc.trim_threshold=268435456";

/// Nothing of the parent's environment but the search path for libraries, which the operator's own start of the parent
/// needed too. Backtraces are off: printing one under a memory limit hangs.
fn environment(command: &mut Command, policy: &Policy) {
    command.env_clear();
    command.env("RUST_BACKTRACE", "0").env("LANG", "C.UTF-8").env("PATH", "").env("GLIBC_TUNABLES", ALLOCATOR);
    if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    if let Some(file) = &policy.fontconfig_file {
        command.env("FONTCONFIG_FILE", file);
    }
}

/// Between fork and exec. The death signal is set before the parent is looked up, so a parent that dies at any time
/// takes the child along.
fn prepare(parent: libc::pid_t) -> io::Result<()> {
    // SAFETY: all calls are async-signal-safe.
    unsafe {
        check(libc::setsid())?;
        sys::die_with_parent(parent)?;
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGXCPU, libc::SIGXFSZ] {
            libc::signal(signal, libc::SIG_DFL);
        }
    }
    limits::thread_stacks()?;
    close_on_exec()
}

/// Every descriptor but the three pipes closes at exec; those that the standard library opened are marked already.
fn close_on_exec() -> io::Result<()> {
    const FIRST: libc::c_uint = 3;
    // SAFETY: no pointers but the local `now`.
    unsafe {
        if libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) == 0 {
            return Ok(());
        }
        // Before Linux 5.11.
        let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        check(libc::getrlimit(libc::RLIMIT_NOFILE, &mut now))?;
        for fd in FIRST as libc::c_int..now.rlim_cur.min(1 << 20) as libc::c_int {
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
    Ok(())
}

/// Raw descriptor for `poll`, which skips negative ones.
pub(crate) fn raw(fd: Option<&impl AsRawFd>) -> libc::c_int {
    fd.map_or(-1, AsRawFd::as_raw_fd)
}
