//! Trying to get out: what a hostile decoder would do first.

use std::fs::{self, OpenOptions};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use omniva_contracts::jobs::{ProbeFindings, ProbeJob};

/// Tries everything that `job` names for real and gives what succeeded. Cleans up what it managed to do. Run inside a
/// sandbox every finding but `wrote_inside` is false.
pub fn probe(job: &ProbeJob) -> ProbeFindings {
    ProbeFindings {
        read_forbidden: job.forbidden.iter().filter(|path| readable(path, &job.out_dir)).cloned().collect(),
        opened_socket: opened_socket(),
        connected: connected(job.port),
        wrote_outside: wrote_outside(job),
        forked: forked(),
        executed: executed(&job.out_dir),
        wrote_inside: wrote_inside(&job.out_dir),
    }
}

/// Directly, through a link that the child makes itself, or as a folder.
fn readable(path: &Path, inside: &Path) -> bool {
    let link = inside.join("probe-link");
    let through_link = |made: io::Result<()>| {
        let read = made.is_ok() && fs::read(&link).is_ok();
        let _ = fs::remove_file(&link);
        read
    };
    fs::read(path).is_ok()
        || fs::read_dir(path).is_ok()
        || through_link(symlink(path, &link))
        || through_link(fs::hard_link(path, &link))
}

/// Any family counts: local sockets reach services too.
fn opened_socket() -> bool {
    let families = [libc::AF_INET, libc::AF_INET6, libc::AF_UNIX, libc::AF_NETLINK, libc::AF_PACKET, libc::AF_VSOCK];
    let kinds = [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW];
    families.into_iter().any(|family| {
        kinds.into_iter().any(|kind| {
            // SAFETY: no pointers; a descriptor that we got is closed at once.
            unsafe {
                let fd = libc::socket(family, kind | libc::SOCK_CLOEXEC, 0);
                fd >= 0 && libc::close(fd) == 0
            }
        })
    })
}

fn connected(port: u16) -> bool {
    let addresses = [SocketAddr::from(([127, 0, 0, 1], port)), SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port))];
    addresses.iter().any(|address| TcpStream::connect_timeout(address, Duration::from_millis(500)).is_ok())
}

/// A new file next to the output folder, in the usual folders, through `..`; or a change of a forbidden file.
fn wrote_outside(job: &ProbeJob) -> bool {
    let name = format!("omniva-probe-{}", std::process::id());
    let above = job.out_dir.parent().map(Path::to_path_buf);
    let folders = above.into_iter().chain(["/tmp", "/var/tmp", "/dev/shm", "/", "/root"].map(PathBuf::from));
    let mut targets: Vec<PathBuf> = folders.map(|folder| folder.join(&name)).collect();
    targets.push(job.out_dir.join("..").join(&name));
    let created = targets.iter().filter(|path| {
        let made = OpenOptions::new().write(true).create_new(true).open(path).is_ok();
        made && fs::remove_file(path).is_ok()
    });
    // Opening for appending changes nothing, but shows that it could.
    let opened = job.forbidden.iter().filter(|path| OpenOptions::new().append(true).open(path).is_ok());
    created.count() + opened.count() > 0
}

fn forked() -> bool {
    // SAFETY: the copies end at once without touching memory; the parent waits for them. All registers and the stack of
    // `clone` without CLONE_VM are copies, as with fork.
    unsafe {
        let ways: [&dyn Fn() -> libc::c_long; 2] = [&|| libc::c_long::from(libc::fork()), &|| {
            libc::syscall(libc::SYS_clone, libc::SIGCHLD as libc::c_long, 0, 0, 0, 0)
        }];
        let mut made = false;
        for way in ways {
            let pid = way();
            if pid == 0 {
                libc::_exit(0);
            }
            if pid > 0 {
                made = true;
                libc::waitpid(pid as libc::pid_t, std::ptr::null_mut(), 0);
            }
        }
        made
    }
}

/// A program in a new process; or, in this one, a file that is allowed to run and is no program: where exec works at
/// all the kernel then answers ENOEXEC, and this process goes on.
fn executed(inside: &Path) -> bool {
    if Command::new("/bin/true").env_clear().status().is_ok() {
        return true;
    }
    let file = inside.join("probe-program");
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o755)
        .open(&file)
        .and_then(|mut opened| io::Write::write_all(&mut opened, b"\0 this is no program"));
    let error = made.is_ok().then(|| std::os::unix::process::CommandExt::exec(Command::new(&file).env_clear()));
    let _ = fs::remove_file(&file);
    error.is_some_and(|error| error.raw_os_error() == Some(libc::ENOEXEC))
}

fn wrote_inside(inside: &Path) -> bool {
    let file = inside.join("probe.txt");
    let done = fs::write(&file, b"inside").is_ok() && fs::read(&file).is_ok_and(|read| read == b"inside");
    done && fs::remove_file(&file).is_ok()
}
