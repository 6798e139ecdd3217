//! A full and a read-only disk, for real: small file systems in memory, mounted in a namespace of the test's own.

use std::ffi::CString;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode};

use omniva_assets::{AtomicFile, Cache, Claim, Key, free_space, publish, require_space, write_atomic};
use omniva_contracts::{Code, Silent};
use tempfile::tempdir;

pub const TESTS: &[crate::Test] =
    &[("full_and_read_only_disks_have_their_codes", full_and_read_only_disks_have_their_codes)];

fn full_and_read_only_disks_have_their_codes() {
    let folder = tempdir().unwrap();
    let me = std::env::current_exe().unwrap();
    let status = Command::new(me).arg("__disks").arg(folder.path()).status().unwrap();
    assert!(status.success(), "{status}");
}

fn check(result: libc::c_int, what: &str) {
    assert!(result == 0, "{what}: {}", std::io::Error::last_os_error());
}

/// Root in a namespace of its own, where mounts are allowed and nobody else sees them.
fn own_namespace() {
    // SAFETY: no pointers.
    let (user, group) = unsafe { (libc::getuid(), libc::getgid()) };
    // SAFETY: no pointers; the process has one thread.
    check(unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) }, "unshare");
    fs::write("/proc/self/setgroups", "deny").unwrap();
    fs::write("/proc/self/uid_map", format!("0 {user} 1")).unwrap();
    fs::write("/proc/self/gid_map", format!("0 {group} 1")).unwrap();
}

fn mount_tmpfs(on: &Path, flags: libc::c_ulong) {
    let on = CString::new(on.to_str().unwrap()).unwrap();
    let kind = c"tmpfs".as_ptr();
    // SAFETY: valid, terminated strings.
    check(unsafe { libc::mount(kind, on.as_ptr(), kind, flags, c"size=262144".as_ptr().cast()) }, "mount");
}

pub fn on_small_disks(folder: &Path) -> ExitCode {
    own_namespace();
    let disk = folder.join("disk");
    fs::create_dir(&disk).unwrap();
    mount_tmpfs(&disk, 0);
    full(folder, &disk);
    read_only(folder, &disk);
    ExitCode::SUCCESS
}

fn full(folder: &Path, disk: &Path) {
    let (path, big) = (disk.join("file"), vec![1u8; 400_000]);
    write_atomic(&path, b"old").unwrap();
    assert!(free_space(disk).unwrap() <= 262_144);
    assert_eq!(require_space(disk, 400_000).unwrap_err().code, Code::NoSpace);

    assert_eq!(write_atomic(&path, &big).unwrap_err().code, Code::NoSpace);
    let made = folder.join("made");
    fs::write(&made, &big).unwrap();
    assert_eq!(publish(&made, &path).unwrap_err().code, Code::NoSpace);
    assert!(made.exists(), "the finished file is not lost");
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(fs::read_dir(disk).unwrap().count(), 1, "a part was left");

    let cache = Cache::open(&disk.join("cache"), 1 << 30).unwrap();
    let key = Key::new("stage", 1, &[]);
    let Claim::Build(building) = cache.claim(&key, &Silent).unwrap() else { panic!("was there") };
    assert!(fs::write(building.path().join("f"), &big).is_err());
    assert_eq!(building.finish(&Silent).unwrap_err().code, Code::NoSpace, "no room for the manifest");
    assert!(matches!(cache.claim(&key, &Silent).unwrap(), Claim::Build(_)));
    assert!(free_space(disk).unwrap() > 200_000, "what failed takes no room");
}

fn read_only(folder: &Path, disk: &Path) {
    let mut open = AtomicFile::create(&folder.join("elsewhere")).unwrap();
    open.write_all(b"x").unwrap();
    let below = disk.join("ro");
    fs::create_dir(&below).unwrap();
    mount_tmpfs(&below, libc::MS_RDONLY);
    for fault in [
        write_atomic(&below.join("file"), b"x").unwrap_err(),
        publish(&folder.join("made"), &below.join("file")).unwrap_err(),
        Cache::open(&below.join("cache"), 1).unwrap_err(),
    ] {
        assert_eq!(fault.code, Code::OutputUnwritable, "{fault:?}");
        assert!(!fault.next_step.is_empty());
    }
    assert!(folder.join("made").exists());
    open.commit().unwrap();
}
