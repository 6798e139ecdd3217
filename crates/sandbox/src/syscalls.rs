//! System calls that the child loses (seccomp(2)). A deny-list: what FFmpeg, onnxruntime and the C library call changes
//! with each version of them, and a filter that breaks a render on the next update helps nobody. The list covers every
//! way to a new process, a socket, another process, the kernel's rarely used entry points and memory that the limits
//! don't see. A denied call fails with EPERM, so that a library can take its other path.

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter, sock_filter,
};
use std::collections::BTreeMap;

/// Denied whatever the arguments.
const DENIED: &[c_long] = &[
    // network
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    // programs
    libc::SYS_execve,
    libc::SYS_execveat,
    // other processes
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_tkill,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // mounts and namespaces
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_mknodat,
    libc::SYS_symlinkat,
    libc::SYS_quotactl,
    // keys, tracing, modules, the machine itself
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_personality,
    libc::SYS_vhangup,
    // memory and queues outside the limits
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_semget,
    libc::SYS_msgget,
    libc::SYS_mq_open,
    // the filter itself
    libc::SYS_seccomp,
];

/// Old forms that newer architectures never had.
#[cfg(target_arch = "x86_64")]
const DENIED_OLD: &[c_long] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_mknod,
    libc::SYS_symlink,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS__sysctl,
];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_OLD: &[c_long] = &[];

/// Installs the filters for this thread and all that it starts.
pub(crate) fn restrict() -> Result<(), String> {
    let programs = [foreign_abi(), without_clone3()?, main_filter()?];
    for program in &programs {
        apply_filter(program).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn main_filter() -> Result<BpfProgram, String> {
    // SAFETY: no arguments.
    let own = unsafe { libc::getpid() } as u64;
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> = BTreeMap::new();
    rules.extend(DENIED.iter().chain(DENIED_OLD).map(|number| (*number, Vec::new())));
    // Threads yes, processes no.
    rules.insert(libc::SYS_clone, vec![when(0, SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64), 0)?]);
    // Signals and limits only to and of itself (`abort` signals its own thread).
    rules.insert(libc::SYS_kill, vec![when(0, SeccompCmpOp::Ne, own)?]);
    rules.insert(libc::SYS_tgkill, vec![when(0, SeccompCmpOp::Ne, own)?]);
    let not_zero = condition(0, SeccompCmpOp::Ne, 0)?;
    let not_own = condition(0, SeccompCmpOp::Ne, own)?;
    let other = SeccompRule::new(vec![not_zero, not_own]).map_err(|error| error.to_string())?;
    rules.insert(libc::SYS_prlimit64, vec![other]);
    // The death signal must stay, and typing into a terminal is the oldest way out of one.
    let prctl = [libc::PR_SET_PDEATHSIG, libc::PR_SET_SECCOMP, libc::PR_SET_DUMPABLE];
    let prctl: Result<_, _> = prctl.into_iter().map(|option| when(0, SeccompCmpOp::Eq, option as u64)).collect();
    rules.insert(libc::SYS_prctl, prctl?);
    let ioctl = [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSCTTY];
    let ioctl: Result<_, _> = ioctl.into_iter().map(|request| when(1, SeccompCmpOp::Eq, request)).collect();
    rules.insert(libc::SYS_ioctl, ioctl?);
    compile(rules, libc::EPERM)
}

/// The flags of `clone3` lie in memory, where a filter can't look: the C library falls back to `clone` when the call
/// does not exist.
fn without_clone3() -> Result<BpfProgram, String> {
    compile(BTreeMap::from([(libc::SYS_clone3, Vec::new())]), libc::ENOSYS)
}

/// The x32 calls of x86-64 have numbers of their own (bit 30), which no list above names; 32-bit code has another
/// architecture and is killed by the check that the compiler puts first.
fn foreign_abi() -> BpfProgram {
    const LOAD_WORD: u16 = 0x20;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    const X32_BIT: u32 = 0x4000_0000;
    let instruction = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    vec![
        instruction(LOAD_WORD, 0, 0, 0), // seccomp_data.nr
        instruction(JUMP_IF_AT_LEAST, 0, 1, X32_BIT),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

fn compile(rules: BTreeMap<c_long, Vec<SeccompRule>>, errno: i32) -> Result<BpfProgram, String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(errno as u32), arch)
        .and_then(BpfProgram::try_from)
        .map_err(|error| error.to_string())
}

fn when(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, String> {
    SeccompRule::new(vec![condition(argument, operator, value)?]).map_err(|error| error.to_string())
}

/// Compares the low 32 bits: all these arguments are `int`s, whose upper half the kernel ignores.
fn condition(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompCondition, String> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_compile_and_name_each_call_once() {
        assert!(main_filter().unwrap().len() > DENIED.len());
        assert!(without_clone3().is_ok());
        let mut all: Vec<_> = DENIED.iter().chain(DENIED_OLD).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), DENIED.len() + DENIED_OLD.len());
    }
}
