//! The few system calls that the standard library does not offer, with errors as `io::Error`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `-1` means errno.
pub(crate) fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The process ends when the thread that started it does. Asked for again after every change of credentials, most of
/// which clear it (prctl(2), PR_SET_PDEATHSIG).
pub(crate) fn die_with_parent(parent: libc::pid_t) -> io::Result<()> {
    // SAFETY: plain calls without pointers; async-signal-safe.
    let still = unsafe {
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong, 0, 0, 0))?;
        libc::getppid()
    };
    if still == parent { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
}

pub(crate) fn no_new_privileges() -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }).map(drop)
}

pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: a valid descriptor, no pointers.
    unsafe {
        let flags = check(libc::fcntl(fd.as_raw_fd(), libc::F_GETFL))?;
        check(libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK)).map(drop)
    }
}
