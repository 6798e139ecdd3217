//! The child process that touches untrusted media: started by [`run`], locked in by [`enter`] before it opens the first
//! byte of input.
//!
//! Layers, in the order in which the child takes them: resource limits, an empty network namespace (with no capability
//! left), `no_new_privs`, Landlock (only the paths of the [`Policy`]), seccomp (no sockets, no new processes, no
//! programs). Around them the parent holds a process group, a wall clock, a memory watch and a death signal. A layer that
//! the kernel does not offer refuses the start unless the policy allows that by name.
//!
//! Protocol: standard input carries one line of JSON (policy, parent) and then the job, as bytes, to the end; standard
//! output carries JSON lines ([`Entered`](wire::Said) once, then `contracts::jobs::ChildLine`); standard error is kept
//! as a tail for bug reports. Nothing goes through arguments or the environment.
//!
//! Linux only (Landlock from 5.13). Sources: landlock(7), seccomp(2), unshare(2), setrlimit(2), prctl(2).

mod capabilities;
mod child;
mod ends;
mod enter;
mod files;
mod group;
mod layers;
mod limits;
mod lines;
mod network;
mod parent;
mod policy;
mod probe;
mod sys;
mod syscalls;
mod wire;

pub use child::child_main;
pub use enter::enter;
pub use layers::{ALLOW_FLAG, Layer, Layers, State};
pub use parent::{ChildEnd, Usage, run};
pub use policy::Policy;
pub use probe::probe;
