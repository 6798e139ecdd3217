//! Dropping every capability that the child does not need (capabilities(7)).

use std::io;

/// `_LINUX_CAPABILITY_VERSION_3`
const VERSION_3: u32 = 0x2008_0522;
const CAP_DAC_OVERRIDE: u32 = 1;

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Set {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Leaves nothing; for root outside a user namespace it leaves `CAP_DAC_OVERRIDE`, or root could no longer clip a video
/// that belongs to somebody else. Landlock still bounds which files that means.
pub(crate) fn drop_all(user_namespace: bool) -> io::Result<()> {
    // SAFETY: no arguments.
    let root = unsafe { libc::geteuid() } == 0;
    let kept = if root && !user_namespace { (1 << CAP_DAC_OVERRIDE) & effective()? } else { 0 };
    let header = Header { version: VERSION_3, pid: 0 };
    let none = Set { effective: 0, permitted: 0, inheritable: 0 };
    let sets = [Set { effective: kept, permitted: kept, inheritable: 0 }, none];
    // SAFETY: both pointers are valid for the call and have the layout that version 3 asks for (two sets).
    let result = unsafe { libc::syscall(libc::SYS_capset, &header, sets.as_ptr()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The low word of the effective set.
fn effective() -> io::Result<u32> {
    let header = Header { version: VERSION_3, pid: 0 };
    let mut sets = [Set { effective: 0, permitted: 0, inheritable: 0 }; 2];
    // SAFETY: as above; the kernel fills both sets.
    let result = unsafe { libc::syscall(libc::SYS_capget, &header, sets.as_mut_ptr()) };
    if result == 0 { Ok(sets[0].effective & sets[0].permitted) } else { Err(io::Error::last_os_error()) }
}
