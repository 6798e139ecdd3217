//! A kernel that lacks a layer: a filter in front of the child answers as such a kernel would.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use omniva_contracts::{Code, Silent};
use omniva_sandbox::{ALLOW_FLAG, Layer, State, run};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};
use tempfile::tempdir;

use crate::acts::Act;
use crate::support::{me, policy};

pub const TESTS: &[crate::Test] = &[
    ("a_missing_layer_refuses_the_start", a_missing_layer_refuses_the_start),
    ("a_missing_layer_can_be_allowed_by_name", a_missing_layer_can_be_allowed_by_name),
];

/// `__without LAYER`: becomes `__child` behind the filter (the same process, so that the parent stays the parent).
pub fn exec_without(args: &[String]) -> ExitCode {
    let (call, errno) = match args.get(1).map(String::as_str) {
        Some("network") => (libc::SYS_unshare, libc::EPERM),
        Some("landlock") => (libc::SYS_landlock_create_ruleset, libc::ENOSYS),
        _ => (libc::SYS_seccomp, libc::EINVAL),
    };
    let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
    let rules = BTreeMap::from([(call, Vec::new())]);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno as u32), arch).unwrap();
    apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
    panic!("{}", Command::new(me()).arg("__child").exec())
}

fn a_missing_layer_refuses_the_start() {
    for layer in Layer::ALL {
        let out = tempdir().unwrap();
        let act = serde_json::to_vec(&Act::Copy("/etc/passwd".into(), out.path().join("copy"))).unwrap();
        let end = run(&me(), &["__without", layer.as_str()], &policy(out.path()), &act, &Silent);
        let fault = end.unwrap_err();
        assert_eq!(fault.code, Code::SandboxUnavailable, "{fault:?}");
        assert!(fault.message.contains(&format!("`{layer}`")), "{fault:?}");
        assert!(fault.next_step.contains(&format!("{ALLOW_FLAG} {layer}")), "{fault:?}");
        assert!(!out.path().join("copy").exists());
    }
}

fn a_missing_layer_can_be_allowed_by_name() {
    for layer in Layer::ALL {
        let out = tempdir().unwrap();
        let mut policy = policy(out.path());
        policy.allow_missing_layers = vec![layer];
        let act = serde_json::to_vec(&Act::Progress(vec![])).unwrap();
        let end = run(&me(), &["__without", layer.as_str()], &policy, &act, &Silent).unwrap();
        let missing: Vec<Layer> = end.layers.missing().into_iter().map(|(layer, _)| layer).collect();
        assert_eq!(missing, [layer], "{:?}", end.layers);
        assert!(matches!(end.layers.state(layer), State::Missing(why) if !why.is_empty()));
    }
}
