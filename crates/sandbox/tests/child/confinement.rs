//! Files, network, processes: what the child can't reach, and what it still can.

use std::fs;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::path::Path;

use omniva_contracts::Code;
use omniva_contracts::jobs::{ProbeFindings, ProbeJob};
use tempfile::tempdir;

use crate::acts::{Act, Description};
use crate::support::{perform, policy};

pub const TESTS: &[crate::Test] = &[
    ("probe_finds_no_way_out", probe_finds_no_way_out),
    ("single_system_calls_are_denied", single_system_calls_are_denied),
    ("inputs_are_readable_and_nothing_beside_them", inputs_are_readable_and_nothing_beside_them),
    ("inputs_are_not_writable", inputs_are_not_writable),
    ("nothing_is_inherited", nothing_is_inherited),
    ("threads_work", threads_work),
    ("a_missing_input_is_named", a_missing_input_is_named),
];

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn probe_finds_no_way_out() {
    let (outside, out) = (tempdir().unwrap(), tempdir().unwrap());
    let canary = outside.path().join("canary");
    fs::write(&canary, "secret").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let forbidden = ["/etc/passwd", "/etc", "/proc/1/environ", "/proc/self/mem", "/root", "/home"].map(Into::into);
    let job = ProbeJob {
        out_dir: out.path().to_path_buf(),
        forbidden: [vec![canary.clone(), outside.path().into()], forbidden.to_vec()].concat(),
        port: listener.local_addr().unwrap().port(),
    };
    // The same attempts succeed without a sandbox, or this test would prove nothing.
    let free = omniva_sandbox::probe(&job);
    assert!(free.opened_socket && free.connected && free.wrote_outside && free.forked && free.executed, "{free:?}");
    assert!(free.read_forbidden.contains(&canary));
    assert!(listener.accept().is_ok());
    while listener.accept().is_ok() {}

    let end = perform(&policy(out.path()), &Act::Probe(job)).unwrap();
    assert_eq!(end.layers.missing(), [], "{:?}", end.layers);
    assert!(end.layers.landlock_abi >= 1);
    let found: ProbeFindings = read_json(&out.path().join("findings.json"));
    assert_eq!(found, ProbeFindings { wrote_inside: true, ..ProbeFindings::default() });
    assert!(listener.accept().is_err(), "the listener saw a connection");
    assert_eq!(fs::read_to_string(&canary).unwrap(), "secret");
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1, "the probe left something behind");
}

fn single_system_calls_are_denied() {
    let out = tempdir().unwrap();
    perform(&policy(out.path()), &Act::Syscalls(out.path().into())).unwrap();
    let worked: Vec<String> = read_json(&out.path().join("worked.json"));
    assert_eq!(worked, Vec::<String>::new());
}

fn inputs_are_readable_and_nothing_beside_them() {
    let (input, out) = (tempdir().unwrap(), tempdir().unwrap());
    let (named, beside) = (input.path().join("a \n\"ü.mp4"), input.path().join("b.mp4"));
    fs::write(&named, "media").unwrap();
    fs::write(&beside, "other").unwrap();
    let link = out.path().join("link");
    std::os::unix::fs::symlink(&beside, &link).unwrap();
    let copy = out.path().join("copy");
    let mut policy = policy(out.path());
    policy.read.push(named.clone());
    perform(&policy, &Act::Copy(named, copy.clone())).unwrap();
    assert_eq!(fs::read_to_string(&copy).unwrap(), "media");
    for path in [beside, link, out.path().join("../../etc/passwd")] {
        let fault = perform(&policy, &Act::Copy(path, copy.clone())).unwrap_err();
        assert_eq!(fault.code, Code::InputUnreadable, "{fault:?}");
    }
}

fn inputs_are_not_writable() {
    let (input, out) = (tempdir().unwrap(), tempdir().unwrap());
    let file = input.path().join("in.mp4");
    fs::write(&file, "media").unwrap();
    let mut policy = policy(out.path());
    policy.read = vec![input.path().into()];
    policy.read_execute = vec![input.path().into()];
    let fault = perform(&policy, &Act::Grow(file.clone(), 1)).unwrap_err();
    assert_eq!(fault.code, Code::OutputUnwritable, "{fault:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "media");
}

fn nothing_is_inherited() {
    let out = tempdir().unwrap();
    let open = fs::File::open("/etc/passwd").unwrap();
    // SAFETY: clears close-on-exec, as a careless library would.
    unsafe { libc::fcntl(open.as_raw_fd(), libc::F_SETFD, 0) };
    // SAFETY: the tests run in one thread.
    unsafe { std::env::set_var("OMNIVA_TEST_SECRET", "s3cret") };
    let file = out.path().join("about");
    perform(&policy(out.path()), &Act::Describe(file.clone())).unwrap();
    let about: Description = read_json(&file);
    assert_eq!(about.descriptors, [0, 1, 2, 3], "3 is the protocol's copy of standard output");
    let allowed = ["RUST_BACKTRACE", "LANG", "PATH", "LD_LIBRARY_PATH", "FONTCONFIG_FILE", "GLIBC_TUNABLES"];
    assert!(about.environment.iter().all(|name| allowed.contains(&name.as_str())), "{about:?}");
    assert_eq!(about.arguments, ["__child"]);
    assert!(about.own_session);
    assert_eq!(about.folder, out.path());
}

fn threads_work() {
    let out = tempdir().unwrap();
    perform(&policy(out.path()), &Act::Threads(64)).unwrap();
}

fn a_missing_input_is_named() {
    let out = tempdir().unwrap();
    let mut policy = policy(out.path());
    policy.read.push("/nowhere/at all.mp4".into());
    let fault = perform(&policy, &Act::Progress(vec![])).unwrap_err();
    assert_eq!(fault.code, Code::InputUnreadable);
    assert!(fault.message.contains("/nowhere/at all.mp4"), "{fault:?}");
}
