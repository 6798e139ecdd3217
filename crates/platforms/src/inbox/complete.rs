//! Whether somebody still writes to a file.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// True when somebody has the file open for writing. Where that can't be told (another user's file, a network share, a
/// system without leases) the answer is false, and standing still has to do.
///
/// A read lease is only given when there is no writer (fcntl(2), `F_SETLEASE`); it is given back at once.
pub fn open_for_writing(path: &Path) -> io::Result<bool> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    leased(&file)
}

/// fcntl(2); `libc` does not name it for every C library.
#[cfg(target_os = "linux")]
const F_SETSIG: libc::c_int = 10;

#[cfg(target_os = "linux")]
fn leased(file: &File) -> io::Result<bool> {
    let fd = file.as_raw_fd();
    // Somebody who opens the file while the lease is held makes the kernel send a signal. SIGIO would end the process;
    // SIGURG is ignored unless somebody asked for it.
    // SAFETY: a valid descriptor, no pointers.
    if unsafe { libc::fcntl(fd, F_SETSIG, libc::SIGURG) } != 0 {
        return Ok(false);
    }
    // SAFETY: as above.
    if unsafe { libc::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK) } == 0 {
        // SAFETY: as above. Closing the descriptor gives the lease back too.
        unsafe { libc::fcntl(fd, libc::F_SETLEASE, libc::F_UNLCK) };
        return Ok(false);
    }
    Ok(io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN))
}

#[cfg(not(target_os = "linux"))]
fn leased(_file: &File) -> io::Result<bool> {
    Ok(false)
}
