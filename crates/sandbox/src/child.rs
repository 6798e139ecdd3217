//! The child's side of the conversation.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use omniva_contracts::jobs::ChildLine;
use omniva_contracts::{Fault, Monitor};

use crate::enter::enter_under;
use crate::sys::check;
use crate::wire::{Said, decode};

/// The whole life of a child: takes policy and job from standard input, enters the sandbox, does `work` with the job's
/// bytes, reports the end on standard output. A panic in `work` becomes an `internal` fault. Does not return and runs
/// no exit handlers: by then the result is written, and library teardown has been known to crash.
///
/// Must be called before the process starts a thread.
pub fn child_main(work: impl FnOnce(&[u8], &dyn Monitor) -> Result<(), Fault>) -> ! {
    let status = match Speaker::take_stdout() {
        Ok(speaker) => converse(&speaker, work),
        Err(_) => 1,
    };
    // SAFETY: ends the process.
    unsafe { libc::_exit(status) }
}

fn converse(speaker: &Speaker, work: impl FnOnce(&[u8], &dyn Monitor) -> Result<(), Fault>) -> i32 {
    let end = live(speaker, work);
    let (line, status) = match end {
        Ok(()) => (ChildLine::Done, 0),
        Err(fault) => {
            let status = i32::from(fault.code.exit());
            (ChildLine::Fault(fault), status)
        }
    };
    speaker.say(&Said::Line(line));
    status
}

fn live(speaker: &Speaker, work: impl FnOnce(&[u8], &dyn Monitor) -> Result<(), Fault>) -> Result<(), Fault> {
    let bad = |error: io::Error| Fault::internal("the child process got no job").with_detail(error);
    let (head, job) = decode(&mut io::stdin().lock()).map_err(bad)?;
    let layers = enter_under(&head.policy, head.parent)?;
    speaker.say(&Said::Entered(layers));
    // The default hook has printed place and message on standard error, which the parent keeps.
    catch_unwind(AssertUnwindSafe(|| work(&job, speaker))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panic");
        Err(Fault::internal("a part of omniva broke while it worked on the video").with_detail(text))
    })
}

/// Writes lines to what was standard output. Progress is passed on in steps of a thousandth, whatever the stage calls.
struct Speaker {
    out: Mutex<File>,
    told: AtomicU32,
}

impl Speaker {
    /// Libraries that print to standard output would break the protocol: they get standard error instead.
    fn take_stdout() -> io::Result<Self> {
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        // SAFETY: both descriptors belong to the process.
        check(unsafe { libc::dup2(libc::STDERR_FILENO, libc::STDOUT_FILENO) })?;
        Ok(Self { out: Mutex::new(out), told: AtomicU32::new(0) })
    }

    /// A parent that is gone hears nothing; the death signal ends this process then.
    fn say(&self, line: &Said) {
        let Ok(mut bytes) = serde_json::to_vec(line) else { return };
        bytes.push(b'\n');
        if let Ok(mut out) = self.out.lock() {
            let _ = out.write_all(&bytes);
        }
    }
}

impl Monitor for Speaker {
    fn progress(&self, fraction: f64) {
        let step = (fraction.clamp(0.0, 1.0) * 1000.0) as u32; // NaN becomes 0
        if step > self.told.fetch_max(step, Ordering::Relaxed) {
            self.say(&Said::Line(ChildLine::Progress(f64::from(step) / 1000.0)));
        }
    }
    /// The parent stops a child by ending it.
    fn cancelled(&self) -> bool {
        false
    }
}
