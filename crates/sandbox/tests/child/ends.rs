//! Every way in which a child can end.

use std::fs;
use std::time::{Duration, Instant};

use omniva_contracts::{Code, Fault};
use tempfile::tempdir;

use crate::acts::Act;
use crate::support::{Watcher, gone, number_in, perform, perform_watched, policy};

pub const TESTS: &[crate::Test] = &[
    ("progress_arrives_in_order_and_thinned_out", progress_arrives_in_order_and_thinned_out),
    ("faults_and_panics_come_through", faults_and_panics_come_through),
    ("a_long_job_arrives_whole", a_long_job_arrives_whole),
    ("usage_is_measured", usage_is_measured),
    ("wall_clock", wall_clock),
    ("cpu_clock", cpu_clock),
    ("memory_limit", memory_limit),
    ("shared_memory_is_watched", shared_memory_is_watched),
    ("file_size_limit", file_size_limit),
    ("crashes_and_silent_ends", crashes_and_silent_ends),
    ("cancel_stops_within_a_second", cancel_stops_within_a_second),
    ("prints_of_libraries_are_bounded_and_kept", prints_of_libraries_are_bounded_and_kept),
    ("garbage_on_the_protocol_is_survived", garbage_on_the_protocol_is_survived),
    ("a_flood_on_the_protocol_is_stopped", a_flood_on_the_protocol_is_stopped),
    ("a_program_that_is_not_there", a_program_that_is_not_there),
];

fn fails(policy: &omniva_sandbox::Policy, act: &Act, code: Code) -> Fault {
    let fault = perform(policy, act).unwrap_err();
    assert_eq!(fault.code, code, "{fault:?}");
    assert!(!fault.next_step.is_empty());
    fault
}

fn progress_arrives_in_order_and_thinned_out() {
    let out = tempdir().unwrap();
    let watcher = Watcher::default();
    let mut values: Vec<f64> = (0..200_000).map(|i| f64::from(i) / 200_000.0).collect();
    values.extend([0.5, f64::MAX, -1.0, 0.3]);
    perform_watched(&policy(out.path()), &Act::Progress(values), &watcher).unwrap();
    let told = watcher.told.lock().unwrap();
    assert!(told.len() <= 1002, "{}", told.len());
    assert!(told.is_sorted() && told.len() > 900, "{}", told.len());
    assert_eq!(told.last(), Some(&1.0));
}

fn faults_and_panics_come_through() {
    let out = tempdir().unwrap();
    let own = Fault::new(Code::InputEncrypted, "locked \u{1b}[31m", "unlock").with_detail("d");
    let fault = fails(&policy(out.path()), &Act::Fail(own), Code::InputEncrypted);
    assert_eq!((fault.message.as_str(), fault.detail.as_str()), ("locked [31m", "d"));
    let fault = fails(&policy(out.path()), &Act::Panic, Code::Internal);
    assert!(fault.detail.contains("the act said so"), "{fault:?}");
}

fn a_long_job_arrives_whole() {
    let out = tempdir().unwrap();
    perform(&policy(out.path()), &Act::Long("x".repeat(5 << 20))).unwrap();
}

fn usage_is_measured() {
    let out = tempdir().unwrap();
    let end = perform(&policy(out.path()), &Act::Allocate(200 << 20)).unwrap();
    assert!(end.usage.max_rss_bytes > 200 << 20 && end.usage.max_rss_bytes < 400 << 20, "{:?}", end.usage);
    assert!(end.usage.cpu_seconds() > 0.0);
}

fn wall_clock() {
    let out = tempdir().unwrap();
    let mut policy = policy(out.path());
    policy.wall = Duration::from_millis(400);
    let file = out.path().join("pid");
    let fault = fails(&policy, &Act::SleepDeaf(file.clone()), Code::ChildTimeout);
    assert!(fault.message.contains("0 s"), "{fault:?}");
    assert!(gone(number_in(&file)));
}

fn cpu_clock() {
    let out = tempdir().unwrap();
    let mut policy = policy(out.path());
    policy.cpu_seconds = 1;
    fails(&policy, &Act::Spin, Code::ChildTimeout);
}

fn memory_limit() {
    let out = tempdir().unwrap();
    let mut policy = policy(out.path());
    policy.memory_bytes = 256 << 20;
    let fault = fails(&policy, &Act::Allocate(400 << 20), Code::ChildMemory);
    assert!(fault.message.contains("0.2 GiB") && fault.detail.contains("memory allocation of"), "{fault:?}");
    perform(&policy, &Act::Allocate(150 << 20)).unwrap();
}

fn shared_memory_is_watched() {
    let out = tempdir().unwrap();
    let mut policy = policy(out.path());
    policy.memory_bytes = 128 << 20;
    fails(&policy, &Act::AllocateShared(300 << 20), Code::ChildMemory);
}

fn file_size_limit() {
    let out = tempdir().unwrap();
    let mut policy = policy(out.path());
    policy.file_bytes = 1 << 20;
    let file = out.path().join("big");
    fails(&policy, &Act::Grow(file.clone(), 4 << 20), Code::NoSpace);
    assert_eq!(fs::metadata(file).unwrap().len(), 1 << 20);
}

fn crashes_and_silent_ends() {
    let out = tempdir().unwrap();
    for signal in [libc::SIGSEGV, libc::SIGABRT, libc::SIGKILL, libc::SIGTERM] {
        fails(&policy(out.path()), &Act::Signal(signal), Code::ChildKilled);
    }
    for status in [0, 1, 77] {
        fails(&policy(out.path()), &Act::Exit(status), Code::ChildKilled);
    }
}

fn cancel_stops_within_a_second() {
    for deaf in [false, true] {
        let out = tempdir().unwrap();
        let file = out.path().join("pid");
        let act = if deaf { Act::SleepDeaf(file.clone()) } else { Act::Sleep(file.clone()) };
        let watcher = Watcher { cancel_when: Some(file.clone()), ..Watcher::default() };
        let fault = perform_watched(&policy(out.path()), &act, &watcher).unwrap_err();
        let since = watcher.cancelled_at.lock().unwrap().unwrap().elapsed();
        assert_eq!(fault.code, Code::Cancelled);
        assert!(since < Duration::from_secs(1), "{since:?}");
        assert!(gone(number_in(&file)));
    }
}

fn prints_of_libraries_are_bounded_and_kept() {
    let out = tempdir().unwrap();
    let end = perform(&policy(out.path()), &Act::Print(20 << 20)).unwrap();
    assert!(end.stderr.len() <= 8 << 10 && end.stderr.ends_with("e[2Jthe end"), "{}", end.stderr.len());
}

fn garbage_on_the_protocol_is_survived() {
    let out = tempdir().unwrap();
    let huge = format!("\"{}\"", "y".repeat(1 << 20));
    let lines = ["", "{", "\u{0}\u{1b}[31m", "{\"progress\":\"x\"}", "{\"progress\":7}", "[[[[", "null", huge.as_str()];
    let lines = lines.iter().map(|line| (*line).to_owned()).chain([format!("{{\"progress\":{}}}", 0.5)]).collect();
    let watcher = Watcher::default();
    let end = perform_watched(&policy(out.path()), &Act::Say(lines), &watcher).unwrap();
    assert_eq!(*watcher.told.lock().unwrap(), [0.5, 1.0]);
    assert!(end.stderr.contains("[[[[") && !end.stderr.contains('\u{1b}'));
}

fn a_flood_on_the_protocol_is_stopped() {
    let out = tempdir().unwrap();
    let start = Instant::now();
    let fault = fails(&policy(out.path()), &Act::Flood, Code::ChildKilled);
    assert!(fault.message.contains("flooded"), "{fault:?}");
    assert!(start.elapsed() < Duration::from_secs(30));
}

fn a_program_that_is_not_there() {
    let out = tempdir().unwrap();
    let program = out.path().join("omniva");
    let end = omniva_sandbox::run(&program, &[], &policy(out.path()), b"", &omniva_contracts::Silent);
    assert_eq!(end.unwrap_err().code, Code::SandboxUnavailable);
    // A program that does not speak the protocol never counts as done.
    let end = omniva_sandbox::run("/bin/true".as_ref(), &[], &policy(out.path()), b"{}", &omniva_contracts::Silent);
    assert_eq!(end.unwrap_err().code, Code::ChildKilled);
}
