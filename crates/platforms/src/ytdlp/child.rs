//! A child process that is bounded and never outlives the call.
//!
//! It leads a process group of its own; whatever ends the call (an error, a cancel, time, a panic) kills the group. It
//! can gain no privileges, write no file above its limit, and dies with the thread that started it.

use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use landlock::RulesetCreated;
use omniva_contracts::{Code, Fault, Monitor};

/// Between two looks whether to go on.
const TICK: Duration = Duration::from_millis(100);
const MAX_LINE: u64 = 16 << 20;
/// The last words that are kept.
const TAIL: usize = 16 << 10;
const MAX_FILES: u64 = 256;

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub time: Duration,
    /// Bytes of memory that it may fill.
    pub memory: u64,
    /// Bytes of the largest file that it may write.
    pub file: u64,
    /// Bytes that it may print.
    pub output: u64,
}

pub(super) struct Ran {
    pub success: bool,
    /// The end of what it complained about.
    pub stderr: String,
}

/// Kills the whole group when it is dropped.
struct Group(Child);

impl Group {
    fn kill(&self) {
        if let Ok(id) = i32::try_from(self.0.id()) {
            // SAFETY: no pointers. The leader was not waited for yet, so that its number belongs to nobody else.
            unsafe { libc::kill(-id, libc::SIGKILL) };
        }
    }

    /// Whether the leader has ended; it keeps its number until it is waited for.
    fn ended(&self) -> bool {
        // SAFETY: zeroed is a valid `siginfo_t`; the pointer is valid for the call.
        unsafe {
            let mut found: libc::siginfo_t = std::mem::zeroed();
            let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
            libc::waitid(libc::P_PID, self.0.id(), &mut found, flags) == 0 && found.si_pid() != 0
        }
    }

    /// Waits for its end, not longer than until `deadline`; whatever it started ends with it.
    fn wait(&mut self, deadline: Instant, monitor: &dyn Monitor) -> Result<ExitStatus, Fault> {
        while !self.ended() {
            if monitor.cancelled() {
                return Err(Fault::cancelled());
            }
            if Instant::now() >= deadline {
                return Err(too_slow());
            }
            thread::sleep(TICK / 10);
        }
        self.kill();
        self.0.wait().map_err(|e| failed(&e))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // `try_wait` has the status already where it ended: then its number may be another's.
        if matches!(self.0.try_wait(), Ok(None)) {
            self.kill();
            let _ = self.0.wait();
        }
    }
}

/// Runs `command` to its end, under `rules`; each line that it prints is shown to `line`.
///
/// # Errors
/// `tool_missing` when it can't be started, `network_timeout` above its time, `tool_failed` above its output; `cancelled`;
/// those of `line`.
pub(super) fn run(
    mut command: Command,
    rules: Option<RulesetCreated>,
    limits: Limits,
    monitor: &dyn Monitor,
    line: &mut dyn FnMut(&str) -> Result<(), Fault>,
) -> Result<Ran, Fault> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let parent = std::process::id();
    let mut rules = rules;
    // SAFETY: between fork and exec only system calls are made, on values that were made before; an error that would
    // allocate ends the child.
    unsafe { command.pre_exec(move || confine(limits, parent, rules.take())) };
    let child = command.spawn().map_err(|e| {
        Fault::new(Code::ToolMissing, "yt-dlp can't be started", "check engine.network.ytdlp.python").with_detail(e)
    })?;
    let mut group = Group(child);
    let deadline = Instant::now().checked_add(limits.time).unwrap_or_else(Instant::now);
    let (sender, lines) = sync_channel(64);
    let stdout = group.0.stdout.take();
    let reader = thread::Builder::new().name("child out".into());
    reader
        .spawn(move || {
            if let Some(out) = stdout {
                read_lines(out, &sender)
            }
        })
        .map_err(|e| failed(&e))?;
    let stderr = group.0.stderr.take();
    let complaints = thread::Builder::new().name("child err".into());
    let complaints = complaints.spawn(move || stderr.map(read_tail).unwrap_or_default()).map_err(|e| failed(&e))?;
    watch(&group, &lines, limits, deadline, monitor, line)?;
    let status = group.wait(deadline, monitor)?;
    let stderr = complaints.join().unwrap_or_default();
    Ok(Ran { success: status.success(), stderr })
}

fn watch(
    group: &Group,
    lines: &Receiver<io::Result<String>>,
    limits: Limits,
    deadline: Instant,
    monitor: &dyn Monitor,
    line: &mut dyn FnMut(&str) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut printed = 0u64;
    loop {
        if monitor.cancelled() {
            return Err(Fault::cancelled());
        }
        if Instant::now() >= deadline {
            return Err(too_slow());
        }
        match lines.recv_timeout(TICK) {
            Ok(Ok(text)) => {
                printed += text.len() as u64;
                if printed > limits.output {
                    return Err(Fault::new(
                        Code::ToolFailed,
                        "yt-dlp printed more than it may",
                        "lower max_items of the source, or engine.network.ytdlp.page",
                    ));
                }
                line(&text)?;
            }
            Ok(Err(error)) => return Err(failed(&error)),
            // What it left behind may keep its output open.
            Err(RecvTimeoutError::Timeout) if group.ended() => group.kill(),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

fn read_lines(out: impl Read, sender: &SyncSender<io::Result<String>>) {
    let mut out = BufReader::new(out);
    loop {
        let mut line = Vec::new();
        let read = out.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        let sent = match read {
            Ok(0) => return,
            Ok(_) => sender.send(Ok(String::from_utf8_lossy(&line).trim_end().to_owned())),
            Err(error) => sender.send(Err(error)),
        };
        if sent.is_err() {
            return;
        }
    }
}

fn read_tail(mut from: impl Read) -> String {
    let (mut tail, mut block) = (Vec::new(), vec![0u8; 4096]);
    while let Ok(count @ 1..) = from.read(&mut block) {
        tail.extend_from_slice(block.get(..count).unwrap_or_default());
        if tail.len() > 2 * TAIL {
            tail.drain(..tail.len() - TAIL);
        }
    }
    String::from_utf8_lossy(&tail).into_owned()
}

/// In the child, before it becomes another program.
fn confine(limits: Limits, parent: u32, rules: Option<RulesetCreated>) -> io::Result<()> {
    let bounds = [
        (libc::RLIMIT_CORE, 0),
        (libc::RLIMIT_NOFILE, MAX_FILES),
        (libc::RLIMIT_FSIZE, limits.file),
        // Counts what is written to, not what is only reserved: script engines reserve a lot.
        (libc::RLIMIT_DATA, limits.memory),
        (libc::RLIMIT_CPU, limits.time.as_secs().max(1)),
    ];
    for (which, most) in bounds {
        let bound = libc::rlimit { rlim_cur: most, rlim_max: most };
        // SAFETY: the pointer is valid for the call.
        if unsafe { libc::setrlimit(which, &bound) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    #[cfg(target_os = "linux")]
    // SAFETY: no pointers.
    unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            || libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) != 0
        {
            return Err(io::Error::last_os_error());
        }
        // The parent died before it could be watched.
        if u32::try_from(libc::getppid()).ok() != Some(parent) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
    }
    rules.map_or(Ok(()), |rules| rules.restrict_self().map(drop).map_err(|_| io::ErrorKind::PermissionDenied.into()))
}

fn too_slow() -> Fault {
    Fault::new(
        Code::NetworkTimeout,
        "yt-dlp took longer than it may",
        "nothing: it is tried again; engine.network.ytdlp.list_seconds and engine.network.download_hours are the limits",
    )
}

fn failed(error: &io::Error) -> Fault {
    Fault::new(Code::ToolFailed, "yt-dlp can't be watched", "nothing: it is tried again").with_detail(error)
}

#[cfg(test)]
mod tests {
    use omniva_contracts::Silent;

    use super::*;

    const LIMITS: Limits = Limits { time: Duration::from_secs(20), memory: 1 << 30, file: 1000, output: 10_000 };

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).env_clear().env("PATH", "/usr/bin:/bin");
        command
    }

    #[test]
    fn lines_and_complaints_come_back() {
        let mut lines = Vec::new();
        let ran = run(shell("echo a; echo b; echo no >&2; exit 3"), None, LIMITS, &Silent, &mut |line| {
            lines.push(line.to_owned());
            Ok(())
        });
        let ran = ran.unwrap();
        assert_eq!((ran.success, ran.stderr.as_str(), lines), (false, "no\n", vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn it_is_bounded() {
        let mut nothing = |_: &str| Ok(());
        let folder = tempfile::tempdir().unwrap();
        let big = format!("trap '' XFSZ; head -c 5000 /dev/zero > {}/x || echo big >&2", folder.path().display());
        run(shell(&big), None, LIMITS, &Silent, &mut nothing).unwrap();
        assert_eq!(std::fs::metadata(folder.path().join("x")).unwrap().len(), 1000);
        let endless =
            run(shell("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxx; done"), None, LIMITS, &Silent, &mut nothing);
        assert_eq!(endless.err().unwrap().code, Code::ToolFailed);
        let short = Limits { time: Duration::from_millis(50), ..LIMITS };
        assert_eq!(
            run(shell("sleep 600"), None, short, &Silent, &mut nothing).err().unwrap().code,
            Code::NetworkTimeout
        );
        assert!(
            run(Command::new("/nowhere"), None, LIMITS, &Silent, &mut nothing)
                .is_err_and(|f| f.code == Code::ToolMissing)
        );
    }

    #[test]
    fn whatever_ends_the_call_ends_the_whole_group() {
        let mut id = 0;
        let ended = run(shell("sleep 600 & echo $!; wait"), None, LIMITS, &Silent, &mut |line| {
            id = line.parse().unwrap();
            Err(Fault::cancelled())
        });
        assert_eq!(ended.err().unwrap().code, Code::Cancelled);
        // A process that was killed stays a zombie until its new parent looks at it.
        let gone = (0..1000).any(|_| {
            let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            let over = state.is_empty() || state.contains(") Z");
            if !over {
                thread::yield_now();
            }
            over
        });
        assert!(gone, "{id} still runs");
    }
}
