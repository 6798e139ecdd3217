//! The view of the file system: a Landlock rule set made of the policy's paths.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use omniva_contracts::{Code, Fault};

use crate::policy::Policy;

/// The newest interface that the rules were written for; older kernels enforce what they know of it.
const NEWEST: ABI = ABI::V9;

/// What libraries look up about the machine: nothing private, and skipped where it does not exist.
const HARMLESS: [&str; 8] = [
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/etc/ld.so.cache",
    "/dev/urandom",
    "/dev/zero",
];

/// Why there is no rule set: the kernel has no Landlock, or a path of the policy can't be opened.
pub(crate) enum Refused {
    Missing(String),
    Path(Fault),
}

/// Opens every path of the policy. Nothing is restricted yet.
pub(crate) fn prepare(policy: &Policy) -> Result<RulesetCreated, Refused> {
    let mut rules = create().map_err(|error| Refused::Missing(error.to_string()))?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    for path in HARMLESS.iter().map(Path::new).filter(|path| path.exists()) {
        rules = add(rules, path, read)?;
    }
    rules = add(rules, Path::new("/dev/null"), AccessFs::ReadFile | AccessFs::WriteFile)?;
    for path in policy.read.iter().chain(&policy.fontconfig_file) {
        rules = add(rules, path, read)?;
    }
    for path in &policy.read_execute {
        rules = add(rules, path, read | AccessFs::Execute)?;
    }
    for path in &policy.devices {
        rules = add(rules, path, read | AccessFs::WriteFile | AccessFs::IoctlDev)?;
    }
    let write = read
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer;
    for path in &policy.write {
        rules = add(rules, path, write)?;
    }
    Ok(rules)
}

/// Denies all file access, TCP, signals to and abstract sockets of processes outside. The first version of the
/// interface is required; what came later is taken where the kernel has it.
fn create() -> Result<RulesetCreated, landlock::RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()
}

fn add(rules: RulesetCreated, path: &Path, access: BitFlags<AccessFs>) -> Result<RulesetCreated, Refused> {
    let unreadable = |why: String| {
        let message = format!("{} can't be opened", path.display());
        let fault = Fault::new(Code::InputUnreadable, message, "check that the file exists and that you may read it");
        Refused::Path(fault.with_detail(why))
    };
    let folder = path.metadata().map_err(|error| unreadable(error.to_string()))?.is_dir();
    let access = if folder { access } else { access & AccessFs::from_file(NEWEST) };
    let opened = PathFd::new(path).map_err(|error| unreadable(error.to_string()))?;
    rules.add_rule(PathBeneath::new(opened, access)).map_err(|error| Refused::Missing(error.to_string()))
}

/// From here on the rules hold, for this thread and all that it starts. Gives the version of the interface in use.
pub(crate) fn restrict(rules: RulesetCreated) -> Result<u32, String> {
    let status = rules.restrict_self().map_err(|error| error.to_string())?;
    if status.ruleset == RulesetStatus::NotEnforced || !status.no_new_privs {
        return Err("the kernel did not enforce the rules".into());
    }
    match status.landlock {
        LandlockStatus::Available { effective_abi, kernel_abi } => {
            Ok(kernel_abi.and_then(|abi| u32::try_from(abi).ok()).unwrap_or(effective_abi as u32))
        }
        other => Err(format!("{other:?}")),
    }
}
