//! A network namespace of its own: no interface is up in it, and abstract sockets of the machine are out of reach.

use std::io;

use crate::sys::check;

/// True when a user namespace had to be made with it, as everybody but a privileged root must.
pub(crate) fn isolate() -> io::Result<bool> {
    // SAFETY: no arguments.
    if unsafe { libc::geteuid() } == 0 && unshare(libc::CLONE_NEWNET).is_ok() {
        return Ok(false);
    }
    // The namespace gets no uid map: the child then simply keeps its identity towards files, without being anybody
    // inside. Both flags in one call: the network namespace then belongs to the new user namespace.
    unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET).map(|()| true)
}

fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::unshare(flags) }).map(drop)
}
