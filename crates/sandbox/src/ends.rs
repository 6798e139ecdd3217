//! What the end of a child means.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use omniva_contracts::{Code, Fault};

use crate::lines::printable;
use crate::parent::Usage;
use crate::policy::Policy;

/// Why the parent ended the child.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stop {
    Cancelled,
    Wall,
    /// Resident bytes that were seen.
    Memory(u64),
    /// More output than any job has reason for.
    Flood,
}

/// Everything that is known about an end.
pub(crate) struct End<'a> {
    pub policy: &'a Policy,
    pub stop: Option<Stop>,
    pub done: bool,
    pub fault: Option<Fault>,
    pub status: ExitStatus,
    pub usage: &'a Usage,
    /// The machine's out-of-memory killer struck while the child ran.
    pub oom: bool,
    pub stderr: &'a str,
}

const GIBI: f64 = (1u64 << 30) as f64;

impl End<'_> {
    pub fn verdict(self) -> Result<(), Fault> {
        match self.stop {
            Some(Stop::Cancelled) => return Err(Fault::cancelled()),
            Some(stop) => return Err(self.explain(self.stopped(stop))),
            None => {}
        }
        if self.done && self.status.success() {
            return Ok(());
        }
        let fault = match self.fault.clone() {
            Some(fault) => return Err(self.passed_on(fault)),
            None => self.died(),
        };
        Err(self.explain(fault))
    }

    fn stopped(&self, stop: Stop) -> Fault {
        match stop {
            Stop::Memory(_) => self.memory(),
            Stop::Flood => {
                killed("the child process flooded its output", "check the file: it may have been made to attack")
            }
            Stop::Wall | Stop::Cancelled => timeout(format!(
                "the work on this video took longer than {:.0} s and was stopped",
                self.policy.wall.as_secs_f64()
            )),
        }
    }

    /// A fault in the child's own words, unless its words are those of an allocation that failed.
    fn passed_on(&self, mut fault: Fault) -> Fault {
        fault.message = printable(&fault.message, 2000);
        fault.next_step = printable(&fault.next_step, 2000);
        fault.detail = printable(&fault.detail, 8192);
        let limit = matches!(fault.code, Code::ChildMemory | Code::NoSpace);
        if !limit && (speaks_of_memory(&fault.message) || speaks_of_memory(&fault.detail)) {
            let detail = format!("{fault}\n{}", fault.detail);
            return self.memory().with_detail(detail.trim());
        }
        fault
    }

    /// The child is gone without a word.
    fn died(&self) -> Fault {
        let cpu = self.usage.user_seconds + self.usage.system_seconds;
        let spent = cpu >= self.policy.cpu_seconds as f64;
        match self.status.signal() {
            Some(libc::SIGXCPU) => self.cpu(),
            Some(libc::SIGKILL) if spent => self.cpu(),
            Some(libc::SIGXFSZ) => Fault::new(
                Code::NoSpace,
                format!("a file grew beyond the limit of {:.1} GiB", self.policy.file_bytes as f64 / GIBI),
                "clip a shorter part of the video, or raise the limit in the configuration",
            ),
            Some(libc::SIGKILL) if self.oom => self.memory(),
            Some(_) | None if speaks_of_memory(self.stderr) => self.memory(),
            Some(signal) => killed(
                format!("the child process was ended by {}", name(signal)),
                "run the same command again; if it happens again, the file may be damaged: convert it with another program",
            ),
            None => killed(
                format!("the child process ended early ({})", self.status),
                "run the same command again; if it happens again, please report it with the run's log",
            ),
        }
    }

    fn cpu(&self) -> Fault {
        timeout(format!("the work on this video used more than {} s of processor time", self.policy.cpu_seconds))
    }

    fn memory(&self) -> Fault {
        Fault::new(
            Code::ChildMemory,
            format!(
                "the work on this video needs more memory than it may have ({:.1} GiB)",
                self.policy.memory_bytes as f64 / GIBI
            ),
            "close other programs, or raise limits.child_memory_gigabytes in the configuration",
        )
    }

    /// Adds what a bug report needs.
    fn explain(&self, fault: Fault) -> Fault {
        let Usage { user_seconds, system_seconds, max_rss_bytes } = self.usage;
        let figures = format!(
            "{}, {:.1} s CPU, {:.0} MiB resident at most",
            self.status,
            user_seconds + system_seconds,
            *max_rss_bytes as f64 / f64::from(1 << 20)
        );
        let seen = match self.stop {
            Some(Stop::Memory(bytes)) => format!(", {} MiB of its own when stopped", bytes >> 20),
            _ => String::new(),
        };
        let words = [fault.detail.as_str(), self.stderr].join("\n");
        let detail = format!("{figures}{seen}\n{}", words.trim());
        fault.with_detail(detail.trim())
    }
}

fn timeout(message: String) -> Fault {
    Fault::new(
        Code::ChildTimeout,
        message,
        "close other programs and run the same command again, or raise limits.child_time_factor in the configuration",
    )
}

fn killed(message: impl Into<String>, next_step: &str) -> Fault {
    Fault::new(Code::ChildKilled, message, next_step)
}

/// The words of Rust's, C++'s and C's runtime for an allocation that failed.
fn speaks_of_memory(text: &str) -> bool {
    const WORDS: [&str; 4] = ["memory allocation of", "bad_alloc", "Cannot allocate memory", "out of memory"];
    WORDS.iter().any(|words| text.contains(words))
}

fn name(signal: i32) -> String {
    let known = match signal {
        libc::SIGSEGV => "SIGSEGV (a crash)",
        libc::SIGBUS => "SIGBUS (a crash, or a file that shrank)",
        libc::SIGILL => "SIGILL (a crash)",
        libc::SIGFPE => "SIGFPE (a crash)",
        libc::SIGABRT => "SIGABRT (it gave up)",
        libc::SIGKILL => "SIGKILL (from outside)",
        libc::SIGTERM => "SIGTERM (from outside)",
        libc::SIGSYS => "SIGSYS (a foreign system call)",
        other => return format!("signal {other}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Case {
        raw: i32,
        stderr: &'static str,
        oom: bool,
        cpu: f64,
        fault: Option<Fault>,
        done: bool,
        stop: Option<Stop>,
    }

    const PLAIN: Case = Case { raw: 0, stderr: "", oom: false, cpu: 0.1, fault: None, done: false, stop: None };

    fn code(case: Case) -> Result<(), Code> {
        let policy = Policy::new(1 << 30, Duration::from_secs(9), 1);
        let usage = Usage { user_seconds: case.cpu, system_seconds: 0.0, max_rss_bytes: 0 };
        let end = End {
            policy: &policy,
            stop: case.stop,
            done: case.done,
            fault: case.fault,
            status: ExitStatus::from_raw(case.raw),
            usage: &usage,
            oom: case.oom,
            stderr: case.stderr,
        };
        end.verdict().map_err(|fault| fault.code)
    }

    #[test]
    fn each_end_has_its_code() {
        let own = |text: &str| Some(Fault::new(Code::InputCorrupt, text, "n"));
        let table = [
            (Case { done: true, ..PLAIN }, Ok(())),
            (PLAIN, Err(Code::ChildKilled)),
            (Case { done: true, raw: libc::SIGSEGV, ..PLAIN }, Err(Code::ChildKilled)),
            (Case { raw: 3 << 8, fault: own("bad"), ..PLAIN }, Err(Code::InputCorrupt)),
            (Case { raw: 3 << 8, fault: own("Cannot allocate memory"), ..PLAIN }, Err(Code::ChildMemory)),
            (Case { raw: libc::SIGXCPU, ..PLAIN }, Err(Code::ChildTimeout)),
            (Case { raw: libc::SIGKILL, cpu: 10.5, ..PLAIN }, Err(Code::ChildTimeout)),
            (Case { raw: libc::SIGKILL, oom: true, ..PLAIN }, Err(Code::ChildMemory)),
            (Case { raw: libc::SIGKILL, ..PLAIN }, Err(Code::ChildKilled)),
            (Case { raw: libc::SIGXFSZ, ..PLAIN }, Err(Code::NoSpace)),
            (
                Case { raw: libc::SIGABRT, stderr: "memory allocation of 9 bytes failed", ..PLAIN },
                Err(Code::ChildMemory),
            ),
            (Case { raw: libc::SIGABRT, stderr: "what(): std::bad_alloc", ..PLAIN }, Err(Code::ChildMemory)),
            (Case { raw: libc::SIGABRT, ..PLAIN }, Err(Code::ChildKilled)),
            (Case { stop: Some(Stop::Cancelled), done: true, ..PLAIN }, Err(Code::Cancelled)),
            (Case { stop: Some(Stop::Wall), raw: libc::SIGTERM, ..PLAIN }, Err(Code::ChildTimeout)),
            (Case { stop: Some(Stop::Memory(1)), raw: libc::SIGTERM, ..PLAIN }, Err(Code::ChildMemory)),
            (Case { stop: Some(Stop::Flood), raw: libc::SIGTERM, ..PLAIN }, Err(Code::ChildKilled)),
        ];
        for (index, (case, wanted)) in table.into_iter().enumerate() {
            assert_eq!(code(case), wanted, "case {index}");
        }
    }
}
