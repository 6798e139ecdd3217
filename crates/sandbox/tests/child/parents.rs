//! A parent that is killed takes its child along.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use tempfile::tempdir;

use crate::acts::Act;
use crate::support::{eventually, gone, me, number_in, perform, policy};

pub const TESTS: &[crate::Test] = &[
    ("a_killed_parent_leaves_no_child", a_killed_parent_leaves_no_child),
    ("a_parent_killed_at_any_moment_leaves_no_child", a_parent_killed_at_any_moment_leaves_no_child),
];

/// `__parent FOLDER`: runs a child that sleeps.
pub fn be_a_parent(args: &[String]) -> ExitCode {
    let folder = PathBuf::from(&args[1]);
    let end = perform(&policy(&folder), &Act::SleepDeaf(folder.join("pid")));
    println!("{end:?}");
    ExitCode::FAILURE
}

fn a_killed_parent_leaves_no_child() {
    let out = tempdir().unwrap();
    let mut parent = Command::new(me()).arg("__parent").arg(out.path()).spawn().unwrap();
    let child = number_in(&out.path().join("pid"));
    assert!(!gone(child));
    parent.kill().unwrap();
    parent.wait().unwrap();
    eventually("the child ends with its parent", || gone(child));
}

/// The moments between fork, exec, the new namespaces and the work.
fn a_parent_killed_at_any_moment_leaves_no_child() {
    let out = tempdir().unwrap();
    for step in 0..25u64 {
        let mut parent = Command::new(me()).arg("__parent").arg(out.path()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_micros(step * step * 40));
        parent.kill().unwrap();
        parent.wait().unwrap();
    }
    let marker = out.path().to_str().unwrap().to_owned();
    eventually("no child is left", || !running_in(&marker));
}

/// Whether a process has the folder as its current one (where children start).
fn running_in(folder: &str) -> bool {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.into_iter().any(|entry| {
        let pid = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let here = fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.to_str() == Some(folder));
        here && pid.is_some_and(|pid| !gone(pid))
    })
}
