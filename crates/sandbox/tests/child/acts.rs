//! What the child of these tests is told to do.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use omniva_contracts::jobs::ProbeJob;
use omniva_contracts::{Code, Fault, Monitor};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Act {
    /// Writes the findings to `findings.json`.
    Probe(ProbeJob),
    /// Writes its pid to the file, then sleeps.
    Sleep(PathBuf),
    /// The same, ignoring SIGTERM.
    SleepDeaf(PathBuf),
    /// Copies one file to another.
    Copy(PathBuf, PathBuf),
    /// Writes descriptors, environment and current folder to the file.
    Describe(PathBuf),
    Progress(Vec<f64>),
    Fail(Fault),
    Panic,
    Signal(i32),
    /// Ends without a word.
    Exit(i32),
    /// Allocates and touches this many bytes.
    Allocate(u64),
    /// The same in shared memory, which no resource limit counts, then sleeps.
    AllocateShared(u64),
    Spin,
    /// Writes a file of this many bytes.
    Grow(PathBuf, u64),
    /// Prints this many bytes on descriptors 1 and 2, as a library would, then is done.
    Print(u64),
    /// Writes lines to the protocol's own descriptor, then is done.
    Say(Vec<String>),
    /// Writes to the protocol's descriptor for ever.
    Flood,
    /// Threads that meet, each with some memory of its own.
    Threads(usize),
    /// The job is only long.
    Long(String),
    /// Attempts with single system calls; writes the names of those that worked to `worked.json`.
    Syscalls(PathBuf),
}

pub fn perform(job: &[u8], monitor: &dyn Monitor) -> Result<(), Fault> {
    let act: Act = serde_json::from_slice(job).map_err(|error| Fault::internal(error.to_string()))?;
    match act {
        Act::Probe(job) => {
            let findings = omniva_sandbox::probe(&job);
            write(&job.out_dir.join("findings.json"), &serde_json::to_vec(&findings).unwrap())
        }
        Act::Sleep(file) => sleep(&file),
        Act::SleepDeaf(file) => {
            // SAFETY: no handler.
            unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
            sleep(&file)
        }
        Act::Copy(from, to) => match fs::read(&from) {
            Ok(bytes) => write(&to, &bytes),
            Err(error) => Err(Fault::new(Code::InputUnreadable, "unreadable", "-").with_detail(error)),
        },
        Act::Describe(file) => describe(&file),
        Act::Progress(values) => {
            values.iter().for_each(|value| monitor.progress(*value));
            Ok(())
        }
        Act::Fail(fault) => Err(fault),
        Act::Panic => panic!("the act said so"),
        Act::Signal(signal) => {
            // SAFETY: no pointers. Rust's own handler of SIGSEGV would return from a signal that no access caused.
            unsafe {
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
            Ok(())
        }
        // SAFETY: ends the process.
        Act::Exit(status) => unsafe { libc::_exit(status) },
        Act::Allocate(bytes) => {
            let block = vec![1u8; usize::try_from(bytes).unwrap()];
            assert_eq!(std::hint::black_box(&block)[block.len() / 2], 1);
            Ok(())
        }
        Act::AllocateShared(bytes) => allocate_shared(usize::try_from(bytes).unwrap()),
        Act::Spin => loop {
            std::hint::black_box(0);
        },
        Act::Grow(file, bytes) => grow(&file, bytes),
        Act::Print(bytes) => print_raw(bytes),
        Act::Say(lines) => {
            let mut out = protocol();
            lines.iter().for_each(|line| out.write_all(format!("{line}\n").as_bytes()).unwrap());
            Ok(())
        }
        Act::Flood => {
            let mut out = protocol();
            loop {
                out.write_all(&[b'x'; 4096]).unwrap();
            }
        }
        Act::Threads(count) => threads(count),
        Act::Long(text) => {
            if text.len() > 1 << 20 {
                Ok(())
            } else {
                Err(Fault::internal("cut"))
            }
        }
        Act::Syscalls(out) => write(&out.join("worked.json"), &serde_json::to_vec(&syscalls()).unwrap()),
    }
}

fn write(path: &std::path::Path, bytes: &[u8]) -> Result<(), Fault> {
    fs::write(path, bytes).map_err(|error| Fault::writing("the file", &error))
}

fn sleep(file: &std::path::Path) -> Result<(), Fault> {
    write(file, format!("{}\n", std::process::id()).as_bytes())?;
    loop {
        std::thread::sleep(Duration::from_secs(600));
    }
}

/// The first descriptor after the standard three is the protocol's.
fn protocol() -> File {
    // SAFETY: open in every child; never closed here because the acts end the process or leak it.
    std::mem::ManuallyDrop::into_inner(std::mem::ManuallyDrop::new(unsafe {
        std::os::fd::FromRawFd::from_raw_fd(libc::dup(3))
    }))
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Description {
    pub descriptors: Vec<i32>,
    pub environment: Vec<String>,
    pub arguments: Vec<String>,
    pub folder: PathBuf,
    pub own_session: bool,
}

fn describe(file: &std::path::Path) -> Result<(), Fault> {
    // SAFETY: no pointers.
    let open = |fd: &i32| unsafe { libc::fcntl(*fd, libc::F_GETFD) != -1 };
    let description = Description {
        descriptors: (0..4096).filter(open).collect(),
        environment: std::env::vars().map(|(name, _)| name).collect(),
        arguments: std::env::args().skip(1).collect(),
        folder: std::env::current_dir().unwrap_or_default(),
        // SAFETY: no pointers.
        own_session: unsafe { libc::getsid(0) == libc::getpid() && libc::getpgrp() == libc::getpid() },
    };
    write(file, &serde_json::to_vec(&description).unwrap())
}

fn allocate_shared(bytes: usize) -> Result<(), Fault> {
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: a new map of our own, written within its length.
    unsafe {
        let map = libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0);
        assert_ne!(map, libc::MAP_FAILED);
        libc::memset(map, 1, bytes);
    }
    std::thread::sleep(Duration::from_secs(60));
    Ok(())
}

fn grow(path: &std::path::Path, bytes: u64) -> Result<(), Fault> {
    let fault = |error: std::io::Error| Fault::writing("the file", &error);
    let mut file = File::options().create(true).append(true).open(path).map_err(fault)?;
    let block = vec![0u8; 1 << 16];
    for _ in 0..bytes.div_ceil(block.len() as u64) {
        file.write_all(&block).map_err(fault)?;
    }
    Ok(())
}

fn print_raw(bytes: u64) -> Result<(), Fault> {
    let block = [b'e'; 4096];
    for _ in 0..bytes.div_ceil(block.len() as u64) {
        for fd in [1, 2] {
            // SAFETY: a valid block.
            unsafe { libc::write(fd, block.as_ptr().cast(), block.len()) };
        }
    }
    // SAFETY: as above.
    unsafe { libc::write(2, b"\x1b[2Jthe end\n".as_ptr().cast(), 12) };
    Ok(())
}

fn threads(count: usize) -> Result<(), Fault> {
    let barrier = std::sync::Arc::new(std::sync::Barrier::new(count));
    let start = |_| {
        let barrier = barrier.clone();
        let work = move || {
            barrier.wait();
            std::hint::black_box(vec![1u8; 1 << 16]).len()
        };
        std::thread::Builder::new().spawn(work).map_err(|error| Fault::internal("no thread").with_detail(error))
    };
    let handles: Vec<_> = (0..count).map(start).collect::<Result<_, _>>()?;
    let sum: usize = handles.into_iter().map(|handle| handle.join().unwrap()).sum();
    assert_eq!(sum, count << 16);
    Ok(())
}

/// Each call with arguments that would succeed, or fail with another error than the filter's.
fn syscalls() -> Vec<String> {
    use libc::*;
    let null = std::ptr::null::<c_void>();
    let calls: Vec<(&str, c_long, [c_long; 6])> = vec![
        ("socketpair", SYS_socketpair, [AF_UNIX.into(), SOCK_STREAM.into(), 0, [0i32; 2].as_mut_ptr() as c_long, 0, 0]),
        ("ptrace", SYS_ptrace, [PTRACE_TRACEME as c_long, 0, 0, 0, 0, 0]),
        ("unshare", SYS_unshare, [CLONE_NEWUSER.into(), 0, 0, 0, 0, 0]),
        ("setns", SYS_setns, [0, 0, 0, 0, 0, 0]),
        ("mount", SYS_mount, [null as c_long, c"/".as_ptr() as c_long, null as c_long, 0, 0, 0]),
        ("chroot", SYS_chroot, [c"/".as_ptr() as c_long, 0, 0, 0, 0, 0]),
        ("keyctl", SYS_keyctl, [0, -3, 0, 0, 0, 0]),
        ("bpf", SYS_bpf, [0, 0, 0, 0, 0, 0]),
        ("perf_event_open", SYS_perf_event_open, [0, 0, 0, 0, 0, 0]),
        ("userfaultfd", SYS_userfaultfd, [1, 0, 0, 0, 0, 0]),
        ("io_uring_setup", SYS_io_uring_setup, [0, 0, 0, 0, 0, 0]),
        ("memfd_create", SYS_memfd_create, [c"x".as_ptr() as c_long, 0, 0, 0, 0, 0]),
        ("shmget", SYS_shmget, [IPC_PRIVATE.into(), 4096, (IPC_CREAT | 0o600).into(), 0, 0, 0]),
        ("seccomp", SYS_seccomp, [0, 0, 0, 0, 0, 0]),
        // SAFETY: no pointers.
        ("kill the parent", SYS_kill, [unsafe { getppid() }.into(), 0, 0, 0, 0, 0]),
        ("kill everyone", SYS_kill, [-1, 0, 0, 0, 0, 0]),
        ("survive the parent", SYS_prctl, [PR_SET_PDEATHSIG.into(), 0, 0, 0, 0, 0]),
        // SAFETY: no pointers.
        ("limit the parent", SYS_prlimit64, [unsafe { getppid() }.into(), 7, 0, 0, 0, 0]),
        ("type into a terminal", SYS_ioctl, [0, TIOCSTI as c_long, c"x".as_ptr() as c_long, 0, 0, 0]),
        ("thread-less clone", SYS_clone, [SIGCHLD.into(), 0, 0, 0, 0, 0]),
    ];
    let mut worked = Vec::new();
    for (name, number, a) in calls {
        // SAFETY: pointers are null or valid for the call; a copy of the process would end at once.
        let error = unsafe {
            match syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) {
                0 if number == SYS_clone => _exit(0),
                -1 => std::io::Error::last_os_error().raw_os_error(),
                _ => None,
            }
        };
        if error != Some(EPERM) {
            worked.push(format!("{name}: {error:?}"));
        }
    }
    // SAFETY: a null argument block: a kernel that looks at it answers EFAULT or EINVAL.
    if unsafe { syscall(SYS_clone3, 0, 0) } != -1 || std::io::Error::last_os_error().raw_os_error() != Some(ENOSYS) {
        worked.push("clone3".into());
    }
    #[cfg(target_arch = "x86_64")]
    // SAFETY: getpid under its x32 number.
    if unsafe { syscall(0x4000_0000 | SYS_getpid) } != -1 {
        worked.push("x32".into());
    }
    worked
}
