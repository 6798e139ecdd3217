//! Root takes other ways than everybody else (no user namespace, capabilities to drop): where the tests run as root, the
//! ones that this matters for run again as nobody.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use tempfile::tempdir;

use crate::acts::Act;
use crate::support::{me, perform, policy};

pub const TESTS: &[crate::Test] = &[
    ("the_user_namespace_is_for_those_without_rights", the_user_namespace_is_for_those_without_rights),
    ("tests_pass_without_root", tests_pass_without_root),
];

const NOBODY: u32 = 65534;
const AGAIN: [&str; 9] = [
    "probe_finds",
    "system_calls",
    "inputs_are",
    "nothing_is_inherited",
    "threads_",
    "user_namespace",
    "missing_layer",
    "parent",
    "cancel",
];

fn root() -> bool {
    // SAFETY: no arguments.
    unsafe { libc::geteuid() == 0 }
}

/// There the number of threads is limited too.
fn the_user_namespace_is_for_those_without_rights() {
    let out = tempdir().unwrap();
    let mut policy = policy(out.path());
    policy.processes = 8;
    let end = perform(&policy, &Act::Progress(vec![])).unwrap();
    assert!(end.layers.user_namespace || root(), "{:?}", end.layers);
    if end.layers.user_namespace {
        perform(&policy, &Act::Threads(6)).unwrap();
        assert!(perform(&policy, &Act::Threads(20)).is_err());
    }
}

fn tests_pass_without_root() {
    if !root() {
        return; // they just did
    }
    let folder = tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    // The build folder may be closed to others.
    let copy = folder.path().join("child");
    fs::copy(me(), &copy).unwrap();
    let mut again = Command::new(&copy);
    again.args(AGAIN).env_clear().env("TMPDIR", std::env::temp_dir()).current_dir("/");
    if let Some(libraries) = std::env::var_os("LD_LIBRARY_PATH") {
        again.env("LD_LIBRARY_PATH", libraries);
    }
    let output = again.uid(NOBODY).gid(NOBODY).output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("user_namespace"), "{text}\n{errors}");
}
