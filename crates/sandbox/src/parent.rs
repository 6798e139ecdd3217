//! The parent's side: start, talk, watch, stop, explain.

use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use omniva_contracts::jobs::ChildLine;
use omniva_contracts::{Code, Fault, Monitor};

use crate::ends::{End, Stop};
use crate::group::{Group, raw};
use crate::layers::Layers;
use crate::lines::{Lines, Tail};
use crate::policy::Policy;
use crate::wire::{Head, Said, encode};

/// How often the monitor, the clock and the memory are looked at.
const TICK: Duration = Duration::from_millis(50);
/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_millis(300);
const STDERR_TAIL: usize = 8 << 10;
/// Far above a thousand progress lines and a fault.
const MAX_OUTPUT: u64 = 4 << 20;
const MAX_STDERR: u64 = 1 << 30;

/// What the child and its threads used (wait4(2)).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    pub user_seconds: f64,
    pub system_seconds: f64,
    /// Most resident memory, libraries and mapped files included.
    pub max_rss_bytes: u64,
}

impl Usage {
    pub fn cpu_seconds(&self) -> f64 {
        self.user_seconds + self.system_seconds
    }
}

/// A child that did its work.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildEnd {
    pub usage: Usage,
    pub layers: Layers,
    pub wall: Duration,
    /// The last 8 KiB of its standard error, printable.
    pub stderr: String,
}

/// Runs `program args…` (which must call [`crate::child_main`]) under `policy`, hands it `job` and waits for its end.
/// Whatever happens, the whole process group is gone when this returns; it is also gone when this process is killed.
///
/// Progress lines go to `monitor`, never backwards; `monitor.cancelled()` is asked 20 times a second.
///
/// # Errors
/// The child's own fault; or `cancelled`, `child_timeout` (wall clock or CPU), `child_memory`, `no_space` (file size),
/// `child_killed` (any other end without a result), `sandbox_unavailable` (a layer is missing, the program can't be
/// started), `input_unreadable` (a path that is not UTF-8). `detail` carries usage and the end of standard error.
pub fn run(
    program: &Path,
    args: &[&str],
    policy: &Policy,
    job: &[u8],
    monitor: &dyn Monitor,
) -> Result<ChildEnd, Fault> {
    policy.validate()?;
    if monitor.cancelled() {
        return Err(Fault::cancelled());
    }
    let head = Head { policy: policy.clone(), parent: own_pid() };
    let input = encode(&head, job).map_err(|error| {
        Fault::new(Code::InputUnreadable, "a file name is not valid UTF-8", "rename the file or folder")
            .with_detail(error)
    })?;
    let start = Instant::now();
    let killed_before = oom_kills();
    let group = Group::spawn(program, args, policy).map_err(|error| no_start(program, &error))?;
    let mut talk = Talk::new(group, &input, monitor);
    let stop = talk.until_end(policy, start);
    let (status, usage) =
        talk.group.reap().map_err(|e| Fault::internal("the child process was lost").with_detail(e))?;
    talk.drain();
    let stderr = talk.errors.text();
    let end = End {
        policy,
        stop,
        done: talk.done && talk.entered.is_some(),
        fault: talk.fault.take(),
        status,
        usage: &usage,
        oom: oom_kills() > killed_before,
        stderr: &stderr,
    };
    end.verdict()?;
    let layers = talk.entered.take().ok_or_else(|| Fault::internal("the child process did not enter its sandbox"))?;
    monitor.progress(1.0);
    Ok(ChildEnd { usage, layers, wall: start.elapsed(), stderr })
}

struct Talk<'a> {
    group: Group,
    /// What the child has not read yet.
    input: &'a [u8],
    monitor: &'a dyn Monitor,
    lines: Lines,
    errors: Tail,
    errors_taken: u64,
    told: f64,
    entered: Option<Layers>,
    done: bool,
    fault: Option<Fault>,
}

impl<'a> Talk<'a> {
    fn new(group: Group, input: &'a [u8], monitor: &'a dyn Monitor) -> Self {
        let (lines, errors) = (Lines::default(), Tail::new(STDERR_TAIL));
        Self {
            group,
            input,
            monitor,
            lines,
            errors,
            errors_taken: 0,
            told: 0.0,
            entered: None,
            done: false,
            fault: None,
        }
    }

    /// Until the leader has ended (it is not reaped yet); gives the reason if that was our doing.
    fn until_end(&mut self, policy: &Policy, start: Instant) -> Option<Stop> {
        let mut stopped: Option<(Stop, Instant)> = None;
        let mut next_look = start;
        loop {
            self.wait();
            self.pump();
            if self.group.ended() {
                return stopped.map(|(stop, _)| stop);
            }
            if let Some((_, since)) = stopped {
                if since.elapsed() >= GRACE {
                    self.group.signal(libc::SIGKILL);
                }
                continue;
            }
            let now = Instant::now();
            if now < next_look && !self.flooded() {
                continue;
            }
            next_look = now + TICK;
            if let Some(stop) = self.reason_to_stop(policy, start) {
                self.group.signal(libc::SIGTERM);
                stopped = Some((stop, now));
            }
        }
    }

    fn reason_to_stop(&self, policy: &Policy, start: Instant) -> Option<Stop> {
        if self.monitor.cancelled() {
            return Some(Stop::Cancelled);
        }
        if start.elapsed() >= policy.wall {
            return Some(Stop::Wall);
        }
        if self.flooded() {
            return Some(Stop::Flood);
        }
        let memory = own_memory(self.group.pid()).unwrap_or(0);
        (memory > policy.memory_bytes).then_some(Stop::Memory(memory))
    }

    fn flooded(&self) -> bool {
        self.lines.taken > MAX_OUTPUT || self.errors_taken > MAX_STDERR
    }

    /// Until something happens on a pipe, the child ends, or a tick has passed.
    fn wait(&self) {
        let entry = |fd, events| libc::pollfd { fd, events, revents: 0 };
        let mut entries = [
            entry(raw(self.group.stdin.as_ref()), libc::POLLOUT),
            entry(raw(self.group.stdout.as_ref()), libc::POLLIN),
            entry(raw(self.group.stderr.as_ref()), libc::POLLIN),
            entry(raw(self.group.pidfd.as_ref()), libc::POLLIN),
        ];
        // SAFETY: pointer and length of a local array. An interrupted call is as good as a tick.
        unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, TICK.as_millis() as libc::c_int) };
    }

    fn pump(&mut self) {
        self.feed();
        let mut buffer = [0u8; 16 << 10];
        // A few blocks at a time, so that a flood can't keep the clock from being looked at.
        for _ in 0..16 {
            let taken = [self.hear(&mut buffer), self.hear_errors(&mut buffer)];
            if taken == [0, 0] {
                break;
            }
        }
    }

    /// What is still in the pipes after the end; their writers are dead.
    fn drain(&mut self) {
        let mut buffer = [0u8; 16 << 10];
        while !self.flooded() && self.hear(&mut buffer) + self.hear_errors(&mut buffer) > 0 {}
    }

    /// Hands over as much of the job as the pipe takes. A child that closes it early has its reasons: its end tells.
    fn feed(&mut self) {
        let Some(pipe) = self.group.stdin.as_mut() else { return };
        while !self.input.is_empty() {
            match pipe.write(self.input) {
                Ok(0) => break,
                Ok(count) => self.input = self.input.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => break,
            }
        }
        self.group.stdin = None;
    }

    fn hear(&mut self, buffer: &mut [u8]) -> usize {
        let count = read_some(&mut self.group.stdout, buffer);
        let mut lines = std::mem::take(&mut self.lines);
        lines.take(buffer.get(..count).unwrap_or_default(), |line| self.line(line));
        self.lines = lines;
        count
    }

    fn hear_errors(&mut self, buffer: &mut [u8]) -> usize {
        let count = read_some(&mut self.group.stderr, buffer);
        self.errors.take(buffer.get(..count).unwrap_or_default());
        self.errors_taken += count as u64;
        count
    }

    /// Lines that are no words of the protocol are kept with the errors: they come from a library that prints.
    fn line(&mut self, line: &[u8]) {
        match serde_json::from_slice(line) {
            Ok(Said::Entered(layers)) => self.entered = Some(layers),
            Ok(Said::Line(ChildLine::Done)) => self.done = true,
            Ok(Said::Line(ChildLine::Fault(fault))) => self.fault = Some(fault),
            Ok(Said::Line(ChildLine::Progress(fraction))) => {
                if fraction > self.told && fraction <= 1.0 {
                    self.told = fraction;
                    self.monitor.progress(fraction);
                }
            }
            Err(_) => {
                self.errors.take(line);
                self.errors.take(b"\n");
            }
        }
    }
}

/// Bytes read; 0 when there is nothing now. Drops the pipe at its end.
fn read_some<P: Read>(pipe: &mut Option<P>, buffer: &mut [u8]) -> usize {
    let Some(open) = pipe.as_mut() else { return 0 };
    match open.read(buffer) {
        Ok(count) if count > 0 => count,
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => 0,
        _ => {
            *pipe = None;
            0
        }
    }
}

fn own_pid() -> libc::pid_t {
    // SAFETY: no arguments.
    unsafe { libc::getpid() }
}

/// Resident memory of the process itself, without mapped files: the part that limits on single allocations miss (shared
/// anonymous maps) included. `None` once it has ended.
fn own_memory(pid: libc::pid_t) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some((field("RssAnon:")? + field("RssShmem:")?) * 1024)
}

/// How often the machine's out-of-memory killer has struck since it started.
fn oom_kills() -> u64 {
    let text = std::fs::read_to_string("/proc/vmstat").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("oom_kill "))
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or(0)
}

fn no_start(program: &Path, error: &io::Error) -> Fault {
    Fault::new(
        Code::SandboxUnavailable,
        format!("the sandboxed child process can't be started ({})", program.display()),
        "check that the program still exists, and the limits of your account (ulimit -u)",
    )
    .with_detail(error)
}
