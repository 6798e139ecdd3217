//! Locking the process in, before it opens the first untrusted byte.

use std::io;

use omniva_contracts::{Code, Fault};

use crate::layers::{Layer, Layers, State};
use crate::policy::Policy;
use crate::{capabilities, files, limits, network, sys, syscalls};

/// Takes all layers, for good. The process must have one thread: Landlock and namespaces hold for the thread that asks
/// and for those it starts later.
///
/// # Errors
/// `sandbox_unavailable` names a layer that is missing and not in `policy.allow_missing_layers`; `input_unreadable` for
/// a path of the policy that can't be opened; `internal` for a relative path or a process with threads.
pub fn enter(policy: &Policy) -> Result<Layers, Fault> {
    // SAFETY: no arguments.
    enter_under(policy, unsafe { libc::getppid() })
}

/// [`enter`] for a child that was told who its parent is.
pub(crate) fn enter_under(policy: &Policy, parent: libc::pid_t) -> Result<Layers, Fault> {
    policy.validate()?;
    single_thread()?;
    // The paths are opened while the process still has all its rights; the rules come into force further down.
    let rules = match files::prepare(policy) {
        Ok(rules) => Ok(rules),
        Err(files::Refused::Missing(why)) => Err(why),
        Err(files::Refused::Path(fault)) => return Err(fault),
    };
    limits::apply(policy).map_err(|error| hardening("resource limits", &error))?;
    let isolated = network::isolate();
    let user_namespace = matches!(isolated, Ok(true));
    if user_namespace {
        limits::apply_tasks(policy).map_err(|error| hardening("the limit of threads", &error))?;
    }
    let network = settle(policy, Layer::Network, isolated.map_err(|error| error.to_string()))?.1;
    capabilities::drop_all(user_namespace).map_err(|error| hardening("dropping capabilities", &error))?;
    sys::die_with_parent(parent).map_err(|error| hardening("the parent's death signal", &error))?;
    sys::no_new_privileges().map_err(|error| hardening("no_new_privs", &error))?;
    let (abi, landlock) = settle(policy, Layer::Landlock, rules.and_then(files::restrict))?;
    let seccomp = settle(policy, Layer::Seccomp, syscalls::restrict())?.1;
    Ok(Layers { network, landlock, seccomp, landlock_abi: abi.unwrap_or(0), user_namespace })
}

fn settle<T>(policy: &Policy, layer: Layer, result: Result<T, String>) -> Result<(Option<T>, State), Fault> {
    match result {
        Ok(value) => Ok((Some(value), State::Enforced)),
        Err(why) if policy.allow_missing_layers.contains(&layer) => Ok((None, State::Missing(why))),
        Err(why) => Err(layer.unavailable(&why)),
    }
}

/// The parts that every kernel has had for many years.
fn hardening(what: &str, error: &io::Error) -> Fault {
    Fault::new(
        Code::SandboxUnavailable,
        format!("the sandbox could not be set up ({what})"),
        "check the limits of the account or container that runs omniva (ulimit -a)",
    )
    .with_detail(error)
}

fn single_thread() -> Result<(), Fault> {
    let tasks = std::fs::read_dir("/proc/self/task").map_err(|error| hardening("/proc", &error))?.count();
    if tasks == 1 { Ok(()) } else { Err(Fault::internal(format!("the sandbox was entered with {tasks} threads"))) }
}
